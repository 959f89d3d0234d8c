import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store } from '../../../src/collector/parts.ts';
import { openStore } from '../../../src/collector/store/store.ts';
import { openReader } from '../../../src/collector/threads/reader.ts';
import { startWorkers, type Workers } from '../../../src/collector/threads/threads.ts';
import { systemEnv } from '../../../src/lib/env.ts';
import type { Log } from '../../../src/lib/log.ts';

const silent = (): void => undefined;
const log: Log = { debug: silent, info: silent, warn: silent, error: silent };
const about = { version: '0.1.0', startedAt: 0 };

/** A check of this registry that failed, of a node that has just been heard of. */
function batchOf(node: string, seq: number) {
  const at = systemEnv.now();
  const time = new Date(at).toISOString();
  return {
    node,
    bootId: 'b',
    receivedAt: at,
    clockOffsetMs: 0,
    refused: [],
    records: [
      {
        seq,
        kind: 'health' as const,
        at,
        checks: [
          {
            ...{ of: 'registry' as const, subject: 'registry.corp.example', host: 'registry.corp.example' },
            ...{ verdict: 'faulty' as const, cause: 'tcp-timeout' as const, confidence: 'proven' as const },
            ...{ layer: 'tcp' as const, underlying: null, summary: 'Packets vanish.', checkedAt: time, since: time },
          },
        ],
      },
    ],
  };
}

describe('collector: threads', () => {
  let folder = '';
  let store: Store;
  let workers: Workers;
  const place = (): string => `sqlite://${join(folder, 'collector.db')}`;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pullwhy-workers-'));
    const opened = await openStore(place(), { env: systemEnv, log });
    assert.ok(opened.ok);
    store = opened.value;
    const started = await startWorkers({ store: place(), ...about }, { log });
    assert.ok(started.ok, started.ok ? '' : started.error);
    workers = started.value;
  });
  afterEach(async () => {
    await workers.stop();
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('answer what a reader beside the writer answers, at once after it was written', async () => {
    for (const [index, node] of ['n1', 'n2', 'n3'].entries()) {
      assert.ok((await store.ingest(batchOf(node, index + 1))).ok);
    }
    const here = openReader({ env: systemEnv, store, ...about });
    const { asked } = workers;
    const page = { limit: 2, cursor: null };
    assert.deepEqual(await asked.nodes({ ...page, heardSince: 0 }), await here.nodes({ ...page, heardSince: 0 }));
    assert.deepEqual(await asked.node('n2'), await here.node('n2'));
    assert.deepEqual(await asked.node('n9'), { ok: true, value: null });
    assert.deepEqual(await asked.registries(page), await here.registries(page));
    assert.deepEqual(await asked.investigations(page), await here.investigations(page));
    assert.deepEqual(await asked.investigation('none'), await here.investigation('none'));
    assert.deepEqual(await asked.incidents(page), await here.incidents(page));
    assert.deepEqual(await asked.incident('none'), await here.incident('none'));
    const reports = [workers.asked, here].map(({ report }) => report({ spanMs: 60_000, reportTrouble: null }));
    const [first, second] = await Promise.all(reports);
    assert.ok(first?.ok && second?.ok);
    assert.deepEqual({ ...first.value, at: '', from: '' }, { ...second.value, at: '', from: '' });
    assert.equal(first.value.nodes.total, 3);
  });

  it('look at the fleet and write nothing', async () => {
    for (const [index, node] of ['n1', 'n2', 'n3'].entries()) {
      assert.ok((await store.ingest(batchOf(node, index + 1))).ok);
    }
    const question = { now: systemEnv.now() + 100_000, heardFrom: 0, clockSetMs: 0 };
    const looked = await workers.looker.look({ ...question, before: 'none' });
    assert.ok(looked.ok);
    assert.equal(looked.value.failing, 3);
    assert.deepEqual(looked.value.states, { healthy: 0, degraded: 0, faulty: 3, silent: 0, unknown: 0 });
    assert.equal(looked.value.incidents.length, 1);
    const [found] = looked.value.incidents;
    assert.equal(found?.document.cause, 'tcp-timeout');
    const standing = await store.standing(0);
    assert.deepEqual(standing, { ok: true, value: [] }, 'whoever leads writes');
    // The nodes' coming was told by a decision that was written, or has to be told again.
    const types = async (before: 'written' | 'lost') => {
      assert.ok((await store.ingest(batchOf('n4', 1))).ok);
      const next = await workers.looker.look({ ...question, now: question.now + 6000, before });
      return next.ok ? next.value.events.filter(({ type }) => type.startsWith('node-')).length : -1;
    };
    assert.equal(await types('written'), 1);
    assert.equal(await types('lost'), 1);
    assert.equal(await types('written'), 0);
  });

  it('say why they cannot begin', async () => {
    const none = await startWorkers(
      { store: `sqlite://${join(folder, 'collector.db', 'none.db')}`, ...about },
      { log },
    );
    if (none.ok) await none.value.stop();
    assert.ok(!none.ok);
    assert.match(none.error, /none\.db cannot be used/);
  });

  it('take reports, and write for who leads', async () => {
    const { writer, asked } = workers;
    const at = new Date(systemEnv.now()).toISOString();
    const record = {
      seq: 1,
      kind: 'node',
      at,
      agent: { version: '0.1.0', startedAt: at },
      attributes: { zone: ['a'] },
    };
    const text = JSON.stringify({ node: 'n1', bootId: 'b', records: [record, { seq: 2, kind: 'heartbeat' }] });
    const deliver = (nodes: readonly string[] | null) =>
      writer.take({ bytes: new TextEncoder().encode(text), coding: 'identity', nodes, at: systemEnv.now() });
    const { reply, ...counted } = await deliver(['n1']);
    assert.equal(reply.kind === 'json' ? reply.body.acked : reply.detail, 2);
    assert.deepEqual(counted, { result: 'taken', kinds: ['node'], refused: 1, fresh: 1 });
    assert.equal((await deliver(['n2'])).result, 'foreign-node');
    assert.equal((await deliver(null)).fresh, 0);
    const found = await asked.nodes({ limit: 9, cursor: null, heardSince: 0 });
    assert.deepEqual(found.ok && found.value.items.map(({ node }) => node), ['n1']);
    assert.deepEqual(await writer.lease('evaluator', 'me', systemEnv.now(), 10_000), { ok: true, value: true });
    assert.deepEqual(await writer.lease('evaluator', 'you', systemEnv.now(), 10_000), { ok: true, value: false });
  });

  it('give a failure as a value', async () => {
    const { asked } = workers;
    const here = openReader({ env: systemEnv, store, ...about });
    const wrong = { limit: 1, cursor: 'of no list', heardSince: 0 };
    const answer = await asked.nodes(wrong);
    assert.ok(!answer.ok);
    assert.deepEqual(answer, await here.nodes(wrong));
  });
});
