import assert from 'node:assert/strict';
import { openBook } from '../../src/agent/book.ts';
import { openDiagnoser } from '../../src/agent/diagnoser.ts';
import { conclusionOf } from '../../src/agent/engine/conclusion.ts';
import type { InvestigationOrder, Investigator, WaitingPod } from '../../src/agent/parts.ts';
import { podRows } from '../../src/agent/pod-rows.ts';
import { ok } from '../../src/lib/result.ts';
import type { Investigation } from '../../src/model/investigation.ts';
import { investigationOf } from '../kit/agent.ts';
import { pullEvent } from '../kit/pull-event.ts';

const start = Date.parse('2026-11-22T10:00:00Z');
const image = 'registry.lab/app:1';

/** A book and a diagnoser in virtual time, whose investigations come to what is handed over. */
function stage(found: Partial<Investigation>) {
  const env = { at: start, now: () => env.at, monotonic: () => env.at, random: () => 0.5 };
  const policies = new Map<string, WaitingPod['policy']>();
  const book = openBook(
    env,
    { open: [], over: [] },
    { policyOf: ({ pod }) => policies.get(pod ?? '') ?? null, waits: () => true },
  );
  const orders: InvestigationOrder[] = [];
  const listeners: Parameters<Investigator['onDone']>[0][] = [];
  const diagnoser = openDiagnoser({
    env,
    book,
    investigator: {
      investigate(order) {
        orders.push(order);
        const document = investigationOf(image, found);
        return Promise.resolve(ok(document)).then((result) => {
          for (const listener of listeners) listener(document, order);
          return result;
        });
      },
      busy: () => false,
      get: () => null,
      recent: () => [],
      onDone: (listener) => void listeners.push(listener),
      stop: () => Promise.resolve(),
    },
    conclusionOf,
  });
  const wait = (pod: string, message: string, cause: 'image-never-pull' | 'tcp-timeout' = 'tcp-timeout'): void =>
    book.notice(pullEvent({ at: new Date(env.at).toISOString(), image, pod, cause, message }));
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { env, book, diagnoser, policies, orders, wait, settle };
}

const retry = { state: 'not-possible', note: '', nextCheckAt: null } as const;
const refused = { verdict: 'faulty', cause: 'dns-refused', confidence: 'proven', layer: 'dns' } as const;
const never = 'ErrImageNeverPull: Container image is not present with pull policy of Never';

describe("agent: a pod's imagePullPolicy", () => {
  it('is what its image is investigated by', async () => {
    for (const policy of ['Always', 'IfNotPresent', 'Never'] as const) {
      const { policies, orders, wait, settle } = stage(refused);
      policies.set('web-0', policy);
      wait('web-0', 'ErrImagePull: i/o timeout');
      await settle();
      assert.deepEqual(
        orders.map(({ pullPolicy }) => pullPolicy),
        [policy],
      );
    }
  });

  it('that the API server tells later has it investigated again, once', async () => {
    const { env, policies, orders, wait, settle, diagnoser } = stage(refused);
    wait('web-0', 'ErrImagePull: i/o timeout');
    await settle();
    // What the tag means anyhow changes nothing.
    policies.set('web-0', 'IfNotPresent');
    diagnoser.tick();
    assert.deepEqual(
      orders.map(({ pullPolicy }) => pullPolicy),
      [undefined],
    );
    policies.set('web-0', 'Always');
    for (let n = 0; n < 20; n++) {
      env.at += 250;
      diagnoser.tick();
      await settle();
    }
    assert.deepEqual(
      orders.map(({ pullPolicy, reason }) => `${reason} ${pullPolicy}`),
      ['noticed undefined', 'changed Always'],
    );
  });

  it('Never decides for those who have it alone: no registry is at fault for them', async () => {
    const { book, diagnoser, policies, orders, wait, settle } = stage(refused);
    policies.set('web-0', 'Never');
    wait('web-0', never, 'image-never-pull');
    await settle();
    const [alone] = book.open();
    assert.deepEqual(
      [alone?.conclusion?.cause, alone?.conclusion?.layer, alone?.conclusion?.host],
      ['image-never-pull', 'policy', null],
    );
    assert.match(alone?.conclusion?.summary ?? '', /imagePullPolicy Never forbids/);
    policies.set('web-1', 'IfNotPresent');
    wait('web-1', 'ErrImagePull: i/o timeout');
    diagnoser.tick();
    await settle();
    assert.equal(book.open()[0]?.conclusion?.cause, 'dns-refused', 'the other one waits for the registry');
    assert.equal(orders.at(-1)?.pullPolicy, 'IfNotPresent');
    const needs = { node: 'n', now: start, retryOf: () => retry, busy: () => false, podOf: () => null };
    const rows = book.open().flatMap((incident) => podRows(incident, needs));
    assert.deepEqual(
      rows.map(({ pod, cause }) => `${pod} ${cause}`),
      ['web-0 image-never-pull', 'web-1 dns-refused'],
    );
  });

  it('Never leaves what policies say, and an image that has come, as they are', async () => {
    for (const found of [
      { verdict: 'faulty', cause: 'image-credentials-unverified', layer: 'policy', confidence: 'proven' },
      { verdict: 'healthy', cause: null, layer: null, confidence: null },
    ] as const) {
      const { book, policies, wait, settle } = stage(found);
      policies.set('web-0', 'Never');
      wait('web-0', never, 'image-never-pull');
      await settle();
      const { verdict, cause } = book.open()[0]?.conclusion ?? {};
      assert.deepEqual([verdict, cause], [found.verdict, found.cause]);
    }
  });
});
