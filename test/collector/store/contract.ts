import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { CheckedBatch, Store } from '../../../src/collector/parts.ts';
import { isCursor } from '../../../src/collector/store/cursor.ts';
import type { Database } from '../../../src/collector/store/sql.ts';
import { openStore } from '../../../src/collector/store/store.ts';
import { systemEnv } from '../../../src/lib/env.ts';
import {
  batch,
  broken,
  check,
  dump,
  health,
  heartbeat,
  image,
  incident,
  investigation,
  must,
  nodeRecord,
  silent,
  t0,
  time,
} from './batches.ts';
import { story } from './story.ts';

/** One kind of database for the contract. */
export interface Kind {
  /** The URL of an empty one. */
  readonly create: () => Promise<string>;
  /** Another way in, to look at its rows. */
  readonly open: (url: string) => Promise<Database>;
  /** Runs of the property of any order. */
  readonly runs: number;
}

const page = { limit: 100, cursor: null } as const;
const lease = { name: 'evaluator', holder: 'a', now: t0 } as const;

/** What every store does, whichever database is below. */
export function storeContract(kind: () => Kind): void {
  let url: string;
  let store: Store;
  const stores: Store[] = [];
  const databases: Database[] = [];

  const another = async (at: string = url): Promise<Store> => {
    const opened = must(await openStore(at, { env: systemEnv, log: silent }));
    stores.push(opened);
    return opened;
  };
  const rows = async (at: string = url): Promise<Database> => {
    const opened = await kind().open(at);
    databases.push(opened);
    return opened;
  };
  const stored = async () => dump(await rows());
  const send = async (one: CheckedBatch, to: Store = store): Promise<number> => must(await to.ingest(one)).fresh;

  beforeEach(async () => {
    url = await kind().create();
    store = await another();
  });

  afterEach(async () => {
    for (const one of [...stores.splice(0), ...databases.splice(0)]) await one.close();
  });

  describe('ingest', () => {
    it('applies a batch once', async () => {
      const one = batch([nodeRecord(1), heartbeat(2), health(3, broken()), image(4), investigation(5)], {
        refused: [6],
      });
      assert.equal(await send(one), 5);
      const before = await stored();
      assert.equal(before.observations?.length, 2);
      assert.equal(await send({ ...one, receivedAt: t0 + 90_000 }), 0);
      assert.deepEqual(await stored(), before);
      assert.equal(must(await store.fleet())[0]?.lastSeenAt, t0, 'what is not new is no sign of life');
    });

    it('takes what was refused for seen, and nothing for an empty batch', async () => {
      assert.equal(await send(batch([], { refused: [1] })), 0);
      assert.equal(await send(batch([heartbeat(1)])), 0);
      assert.equal(await send(batch([], { node: 'node-2' })), 0);
      assert.deepEqual(
        must(await store.fleet()).map(({ node }) => node),
        ['node-1'],
      );
    });

    it('keeps the newest record of each subject, by its number', async () => {
      await send(batch([health(7, broken()), heartbeat(8, 5), nodeRecord(9, { zone: ['b'] }, '2')]));
      await send(batch([health(1, check()), heartbeat(2, 1), nodeRecord(3, { zone: ['a'] }, '1')]));
      const node = must(await store.node('node-1'));
      assert.equal(node?.observations[0]?.verdict, 'faulty');
      assert.equal(node?.known.heartbeat?.waitingPods, 5);
      assert.equal(node?.known.agentVersion, '2');
      const zone = async (value: string) => {
        const found = must(await store.nodes({ ...page, heardSince: 0, attribute: { name: 'zone', value } }));
        return found.items.length;
      };
      assert.deepEqual([await zone('a'), await zone('b')], [0, 1]);
    });

    it('takes a stream that came later for the newer one', async () => {
      await send(batch([health(500, broken()), nodeRecord(501, {}, '1')]));
      await send(batch([health(1, check()), nodeRecord(2, {}, '2')], { bootId: 'boot-2' }));
      await send(batch([health(502, broken()), nodeRecord(503, {}, '1')]));
      const node = must(await store.node('node-1'));
      assert.equal(node?.observations[0]?.verdict, 'healthy');
      assert.equal(node?.known.agentVersion, '2');
    });

    it('ends in the same state whatever the order, the grouping and the repetition of records', async () => {
      const streams = [
        ['node-1', 'boot-1'],
        ['node-1', 'boot-2'],
        ['node-2', 'boot-1'],
      ] as const;
      const all = streams.map(([node, bootId], stream) => ({ node, bootId, records: story(stream) }));
      const reference = await kind().create();
      const undisturbed = await another(reference);
      for (const { node, bootId, records } of all) await send(batch(records, { node, bootId }), undisturbed);
      const expected = await dump(await rows(reference));

      const order = fc.array(
        fc.record({ stream: fc.nat(streams.length - 1), picks: fc.array(fc.nat(39), { minLength: 1, maxLength: 12 }) }),
        { maxLength: 12 },
      );
      await fc.assert(
        fc.asyncProperty(order, fc.array(fc.nat(), { minLength: 3, maxLength: 3 }), async (deliveries, turns) => {
          const target = await kind().create();
          const to = await another(target);
          // The first word of each stream gives it its place among the node's.
          for (const { node, bootId, records } of all) await send(batch(records.slice(20, 21), { node, bootId }), to);
          for (const { stream, picks } of deliveries) {
            const of = all[stream];
            if (of === undefined) continue;
            const picked = picks.map((pick) => of.records[pick]).filter((one) => one !== undefined);
            await send(batch(picked, { node: of.node, bootId: of.bootId }), to);
          }
          // At last everything has come, some of it again, each stream from another place on.
          for (const [index, { node, bootId, records }] of all.entries()) {
            const turn = (turns[index] ?? 0) % records.length;
            const turned = [...records.slice(turn), ...records.slice(0, turn)];
            for (let from = 0; from < turned.length; from += 7) {
              await send(batch(turned.slice(from, from + 7), { node, bootId }), to);
            }
          }
          assert.deepEqual(await dump(await rows(target)), expected);
          await to.close();
        }),
        { numRuns: kind().runs },
      );
    }).timeout(120_000);

    it('closes the lowest gaps of a stream that has too many, and goes on', async () => {
      const odd = Array.from({ length: 400 }, (_, index) => heartbeat(index * 2 + 1));
      assert.equal(await send(batch(odd)), 400);
      assert.equal(await send(batch([heartbeat(2)])), 0, 'the lowest gaps count as drops');
      assert.equal(await send(batch([heartbeat(798)])), 1);
      assert.equal(await send(batch([heartbeat(799), heartbeat(2000)])), 1);
    });

    it("reads times by the collector's clock, and none later than they came", async () => {
      const at = async () => must(await store.node('node-1'))?.observations[0]?.at;
      await send(batch([health(1, check({ checkedAt: time(-10) }))], { clockOffsetMs: 1500 }));
      assert.equal(await at(), t0 - 10_000);
      await send(batch([health(2, check({ checkedAt: time(3590) }))], { clockOffsetMs: 3_600_000 }));
      assert.equal(await at(), t0 - 10_000);
      await send(batch([health(3, check({ checkedAt: time(9999) }))], { clockOffsetMs: null }));
      assert.equal(await at(), t0);
      await send(batch([health(4, check({ checkedAt: 'yesterday, about noon' }))]));
      assert.equal(await at(), t0);
      await send(batch([health(5, check({ checkedAt: '1970-01-01T00:00:00Z' }))], { clockOffsetMs: null }));
      assert.equal(await at(), t0 - 30 * 86_400_000);
    });

    it('takes texts and numbers as strange as JSON has them', async () => {
      const strange = 'a\u0000b\ud800c';
      const long = `registry.example/${'x'.repeat(2000)}:1`;
      const records = [
        nodeRecord(1, { [strange]: [strange, 'x'.repeat(1024), ''], '': [] }),
        health(
          2,
          broken({
            subject: 'ä'.repeat(512),
            host: strange,
            summary: strange,
            latencyMs: { dns: 1e300, tcp: null, tls: 0, registry: 0 },
            rateLimit: { limit: 1e300, remaining: -1, source: strange },
          }),
        ),
        image(3, { normalized: long, summary: strange, pods: 1e300 }),
        image(4, { normalized: `${long}2`, cause: 'a-cause-of-tomorrow', layer: 'nowhere' }),
        investigation(5, {
          summary: strange,
          cause: 'a-cause-of-tomorrow',
          image: { input: long, normalized: null, registry: 'ä'.repeat(512) },
        }),
        { ...heartbeat(6), seq: 2 ** 52 },
      ];
      assert.equal(await send(batch(records, { node: 'ä'.repeat(253) })), 5);
      const failing = must(await store.failing(10));
      assert.deepEqual(failing.map(({ subject }) => subject.length).sort(), [512, long.length, long.length + 1].sort());
      assert.equal(failing.find(({ subject }) => subject === `${long}2`)?.cause, 'unknown');
      assert.equal(failing.find(({ subject }) => subject === `${long}2`)?.layer, null);
      assert.equal(must(await store.investigations({ ...page, image: long })).items.length, 1);
      assert.equal(must(await store.investigation('inv-5'))?.summary, strange);
      assert.equal(must(await store.fleet()).length, 1);
    });

    it('keeps investigations whole, once', async () => {
      await send(batch([investigation(1, { id: 'x', extra: { deep: [1, null, 'ä'] } })]));
      await send(batch([investigation(2, { id: 'x', summary: 'Said again.' })]));
      await send(batch([investigation(1, { id: 'x' })], { node: 'node-2' }));
      const document = must(await store.investigation('x'));
      assert.equal(document?.summary, 'Said again.');
      assert.equal(must(await store.investigations(page)).items.length, 2, 'of another node, it is another');
      assert.equal(must(await store.investigation('y')), null);
    });
  });

  describe('looks', () => {
    it('has what is not healthy, and forgets it when it is', async () => {
      await send(batch([health(1, broken(), check({ subject: 'fine.example' })), image(2)]));
      await send(batch([health(1, check({ verdict: 'inconclusive' }))], { node: 'node-2' }));
      const failing = must(await store.failing(10));
      assert.deepEqual(
        failing.map(({ node, kind: of, subject, verdict }) => [node, of, subject, verdict]),
        [
          ['node-1', 'image', 'registry.example/app:1', 'faulty'],
          ['node-1', 'registry', 'registry.example', 'faulty'],
          ['node-2', 'registry', 'registry.example', 'inconclusive'],
        ],
      );
      assert.deepEqual(failing[0], {
        node: 'node-1',
        kind: 'image',
        subject: 'registry.example/app:1',
        registry: 'registry.example',
        verdict: 'faulty',
        cause: 'tcp-timeout',
        confidence: 'proven',
        layer: 'tcp',
        underlying: null,
        host: 'registry.example',
        summary: 'It does not come.',
        remedies: [{ text: 'Open the firewall.', command: null }],
        pods: 3,
        owners: 2,
        at: t0 - 1000,
        since: t0 - 60_000,
        receivedAt: t0,
        investigation: 'i-1',
      });
      assert.equal(must(await store.failing(2)).length, 2);
      await send(batch([health(3, check()), image(4, { state: 'over', endedAt: time(-0.5), endedBy: 'kubelet' })]));
      assert.deepEqual(
        must(await store.failing(10)).map(({ node }) => node),
        ['node-2'],
      );
    });

    it('says it anew when it changes between two looks', async () => {
      const said = async () => must(await store.failing(10)).map(({ subject, summary }) => `${subject} ${summary}`);
      const checks = (word: string) =>
        Array.from({ length: 60 }, (_, of) => broken({ subject: `r${of}`, summary: word }));
      await send(batch([health(1, broken({ summary: 'One.' }))]));
      assert.deepEqual(await said(), ['registry.example One.']);
      await send(batch([health(2, broken({ summary: 'Two.' }))]));
      assert.deepEqual(await said(), ['registry.example Two.']);
      assert.deepEqual(await said(), ['registry.example Two.']);
      must(await store.ingest(batch([health(3, check(), ...checks('a').slice(0, 60))])));
      assert.equal((await store.failing(100)).ok, true);
      await send(batch([health(4, ...checks('b'))]));
      const all = must(await store.failing(100));
      assert.deepEqual([all.length, new Set(all.map(({ summary }) => summary))], [60, new Set(['b'])]);
    });

    it('has who found a subject healthy since a time', async () => {
      const subject = { kind: 'registry', name: 'registry.example' } as const;
      await send(batch([health(1, check({ checkedAt: time(-100) }))]));
      await send(batch([health(1, check({ checkedAt: time(-10) }))], { node: 'node-2' }));
      await send(batch([health(1, broken())], { node: 'node-3' }));
      const nodes = async (since: number) =>
        must(await store.healthy([subject, subject], t0 + since * 1000)).map(({ node }) => node);
      assert.deepEqual(await nodes(-200), ['node-1', 'node-2']);
      assert.deepEqual(await nodes(-50), ['node-2']);
      assert.deepEqual(must(await store.healthy([{ kind: 'image', name: 'registry.example' }], 0)), []);
    });

    it('takes an image whose pods went away for neither failing nor healthy', async () => {
      await send(batch([image(1)]));
      await send(batch([image(2, { state: 'over', endedAt: time(0), endedBy: 'gone' })]));
      assert.deepEqual(must(await store.failing(10)), []);
      assert.deepEqual(must(await store.healthy([{ kind: 'image', name: 'registry.example/app:1' }], 0)), []);
      assert.deepEqual(must(await store.node('node-1'))?.observations, []);
    });

    it('sums up what came after all', async () => {
      const over = { state: 'over', endedAt: time(-5) } as const;
      await send(batch([image(1, { ...over, endedBy: 'agent', secondsGained: 120.5 })]));
      await send(
        batch(
          [
            image(1, { ...over, endedBy: 'kubelet' }),
            image(2, { ...over, endedBy: 'gone', normalized: 'b' }),
            image(3, { normalized: 'c' }),
          ],
          { node: 'node-2' },
        ),
      );
      await send(
        batch([image(1, { ...over, endedAt: time(-500), endedBy: 'agent', secondsGained: 7 })], { node: 'node-3' }),
      );
      assert.deepEqual(must(await store.recovered(t0 - 60_000)), {
        images: 3,
        byAgent: 1,
        byKubelet: 1,
        gone: 1,
        secondsGained: 120.5,
      });
    });

    it('has all nodes with what they are', async () => {
      await send(
        batch([nodeRecord(1, { zone: ['a'], nameserver: ['10.0.0.2', '10.0.0.3'] }), heartbeat(2, 4)], {
          clockOffsetMs: -250,
        }),
      );
      const [known] = must(await store.fleet());
      assert.deepEqual(known?.attributes, { zone: ['a'], nameserver: ['10.0.0.2', '10.0.0.3'] });
      assert.deepEqual([known?.clockOffsetMs, known?.heartbeat?.waitingPods, known?.agentStartedAt], [-250, 4, t0]);
      assert.deepEqual(must(await store.node('node-1'))?.authorities, ['ISRG Root X1 96bcec06']);
      await send(batch([nodeRecord(3, { zone: ['b'] })], { receivedAt: t0 + 5 }));
      assert.deepEqual(must(await store.fleet())[0]?.attributes, { zone: ['b'] });
      assert.equal(must(await store.fleet())[0]?.lastSeenAt, t0 + 5);
      assert.equal(must(await store.node('nobody')), null);
    });
  });

  describe('lists', () => {
    it('tells the state of nodes, and finds them by it', async () => {
      const typo = { of: 'registry', cause: 'tag-not-found', layer: 'manifest' } as const;
      const looks = {
        healthy: [check()],
        degraded: [check({ verdict: 'degraded', cause: 'mirror-failed' }), check({ subject: 'b' })],
        faulty: [broken(), check({ subject: 'b', verdict: 'degraded', cause: 'mirror-failed' })],
        typo: [broken(typo)],
        unknown: [],
        unsure: [check({ verdict: 'inconclusive' })],
      };
      for (const [node, checks] of Object.entries(looks))
        await send(batch([health(1, ...checks), heartbeat(2)], { node }));
      await send(batch([health(1, broken())], { node: 'silent', receivedAt: t0 - 600_000 }));
      const heardSince = t0 - 1000;
      const found = must(await store.nodes({ ...page, heardSince })).items;
      assert.deepEqual(Object.fromEntries(found.map(({ node, state }) => [node, state])), {
        degraded: 'degraded',
        faulty: 'faulty',
        healthy: 'healthy',
        silent: 'silent',
        typo: 'healthy',
        unknown: 'unknown',
        unsure: 'unknown',
      });
      for (const state of ['healthy', 'degraded', 'faulty', 'silent', 'unknown'] as const) {
        const only = must(await store.nodes({ ...page, heardSince, state })).items;
        assert.deepEqual(
          only,
          found.filter((row) => row.state === state),
          state,
        );
      }
      const of = must(await store.nodes({ ...page, heardSince, cause: 'tag-not-found' })).items;
      assert.deepEqual(
        of.map(({ node }) => node),
        ['typo'],
      );
      assert.deepEqual(
        must(await store.nodes({ ...page, heardSince, node: 'faulty' })).items.map(({ node }) => node),
        ['faulty'],
      );
    });

    it('counts images and pods that wait', async () => {
      await send(
        batch([
          image(1),
          image(2, { normalized: 'b', pods: 4 }),
          image(3, { normalized: 'c', state: 'over', endedBy: 'agent' }),
        ]),
      );
      const [row] = must(await store.nodes({ ...page, heardSince: 0 })).items;
      assert.deepEqual([row?.openIncidents, row?.waitingPods, row?.state], [2, 7, 'faulty']);
    });

    it('pages through every list, each item once and in order', async () => {
      for (let index = 0; index < 23; index++) {
        const node = `node-${String(index).padStart(2, '0')}`;
        const more = { node, receivedAt: t0 + (index % 5) * 1000 };
        await send(
          batch(
            [
              health(1, check({ subject: `r${index}.example` })),
              investigation(2, { id: `i${index}`, startedAt: time(-(index % 4)) }),
            ],
            more,
          ),
        );
      }
      must(await store.lease(lease.name, lease.holder, t0, 60_000));
      const incidents = Array.from({ length: 23 }, (_, index) => {
        const closed = index % 3 === 0 ? ({ state: 'closed', closedAt: time(5) } as const) : {};
        return incident(`f${index}`, { openedAt: time(index % 4), ...closed }, `key ${index}`);
      });
      assert.equal(must(await store.decide(lease, { incidents, events: [] })), true);
      const all = async <T>(
        list: (query: {
          limit: number;
          cursor: string | null;
        }) => Promise<
          { ok: true; value: { items: readonly T[]; cursor: string | null } } | { ok: false; error: unknown }
        >,
        limit: number,
      ): Promise<readonly T[]> => {
        const items: T[] = [];
        for (let cursor: string | null = null, pages = 0; pages < 50; pages++) {
          const got: { items: readonly T[]; cursor: string | null } = must(await list({ limit, cursor }));
          assert.ok(got.items.length <= limit);
          items.push(...got.items);
          cursor = got.cursor;
          if (cursor === null) return items;
        }
        throw new Error('it does not end');
      };
      const lists = {
        nodes: (q: typeof page | { limit: number; cursor: string | null }) => store.nodes({ ...q, heardSince: 0 }),
        byTime: (q: { limit: number; cursor: string | null }) =>
          store.nodes({ ...q, heardSince: 0, sort: 'last-seen' }),
        registries: (q: { limit: number; cursor: string | null }) => store.registries(q),
        investigations: (q: { limit: number; cursor: string | null }) => store.investigations(q),
        incidents: (q: { limit: number; cursor: string | null }) => store.incidents(q),
      };
      for (const [name, list] of Object.entries(lists)) {
        const whole = await all<unknown>(list, 500);
        assert.equal(whole.length, 23, name);
        for (const limit of [1, 4, 23]) assert.deepEqual(await all<unknown>(list, limit), whole, name);
      }
      const states = must(await store.incidents(page)).items.map(
        ({ state, openedAt }) => `${state === 'open' ? 1 : 0} ${openedAt}`,
      );
      assert.deepEqual(states, states.toSorted().reverse());
      const times = must(await store.investigations(page)).items.map(({ at }) => at);
      assert.deepEqual(times, times.toSorted().reverse());
    }).timeout(60_000);

    it('refuses a cursor that is none of the list', async () => {
      await send(batch([heartbeat(1)]));
      await send(batch([heartbeat(1)], { node: 'node-2' }));
      const { cursor } = must(await store.nodes({ limit: 1, cursor: null, heardSince: 0 }));
      assert.ok(cursor !== null && isCursor(['nodes'], cursor) && !isCursor(['incidents'], cursor));
      for (const bad of ['', 'x', cursor, 'W10', Buffer.from('["incidents",1,2]').toString('base64url')]) {
        const answer = await store.incidents({ limit: 1, cursor: bad });
        assert.equal(answer.ok, false, bad);
        assert.equal(isCursor(['incidents'], bad), false);
      }
    });

    it('finds investigations by each filter', async () => {
      await send(
        batch([
          investigation(1),
          investigation(2, { verdict: 'healthy', cause: null, confidence: null }),
          investigation(3, {
            image: { input: 'x', normalized: 'other.example/x:1', registry: 'other.example' },
            cause: 'no-route',
          }),
        ]),
      );
      await send(batch([investigation(4)], { node: 'node-2' }));
      const ids = async (query: object) =>
        must(await store.investigations({ ...page, ...query })).items.map(({ id }) => id);
      assert.deepEqual(await ids({}), ['inv-1', 'inv-2', 'inv-3', 'inv-4']);
      assert.deepEqual(await ids({ node: 'node-2' }), ['inv-4']);
      assert.deepEqual(await ids({ image: 'other.example/x:1' }), ['inv-3']);
      assert.deepEqual(await ids({ registry: 'registry.example', verdict: 'faulty' }), ['inv-1', 'inv-4']);
      assert.deepEqual(await ids({ cause: 'no-route' }), ['inv-3']);
      assert.deepEqual(await ids({ since: t0 - 2500 }), ['inv-1', 'inv-2']);
    });

    it('sums registries up over the nodes that are heard of', async () => {
      const measured = (ms: number, remaining: number) => ({
        latencyMs: { dns: ms, tcp: 0, tls: 0, registry: null },
        certificateNotAfter: time(86_400 + ms),
        rateLimit: { limit: 100, remaining, source: '198.51.100.7' },
      });
      for (let index = 1; index <= 20; index++) {
        await send(
          batch([health(1, check(measured(index * 10, 50 - index)), check({ subject: 'z.example' }))], {
            node: `n${index}`,
          }),
        );
      }
      await send(batch([health(1, broken())], { node: 'bad' }));
      await send(batch([health(1, broken())], { node: 'old', receivedAt: t0 - 600_000 }));
      must(await store.lease(lease.name, lease.holder, t0, 60_000));
      must(await store.decide(lease, { incidents: [incident('f1')], events: [] }));
      const { items } = must(await store.registries({ ...page, heardSince: t0 - 1000 }));
      assert.deepEqual(
        items.map(({ registry }) => registry),
        ['registry.example', 'z.example'],
      );
      const [row] = items;
      assert.deepEqual(row?.nodes, { healthy: 20, degraded: 0, faulty: 1, inconclusive: 0 });
      assert.deepEqual(row?.incidents, ['f1']);
      assert.equal(row?.certificateNotAfter, time(86_410));
      assert.deepEqual(row?.rateLimits, [{ source: '198.51.100.7', limit: 100, remaining: 30 }]);
      assert.ok(Math.abs((row?.latencyMs.median ?? 0) - 100) <= 5, `${row?.latencyMs.median}`);
      assert.ok(Math.abs((row?.latencyMs.p95 ?? 0) - 190) <= 10, `${row?.latencyMs.p95}`);
      assert.equal(must(await store.registries(page)).items[0]?.nodes.faulty, 2);
    });
  });

  describe('decisions', () => {
    const event = { at: time(0), type: 'incident-opened', incident: null, node: null } as const;

    it('gives a lease to one, and to another when it is over', async () => {
      const take = async (holder: string, at: number, ttlMs = 10_000) =>
        must(await store.lease('evaluator', holder, t0 + at, ttlMs));
      assert.deepEqual(
        [await take('a', 0), await take('b', 5000), await take('a', 8000), await take('b', 17_000)],
        [true, false, true, false],
      );
      assert.deepEqual([await take('b', 18_000), await take('a', 18_001)], [true, false]);
      assert.deepEqual(
        [await take('b', 19_000, 0), await take('a', 19_000)],
        [true, true],
        'given back by a lease of no time',
      );
      assert.equal(must(await store.lease('reports', 'b', t0, 1)), true, 'another name is another lease');
    });

    it('writes incidents and events of who holds the lease, together', async () => {
      must(await store.lease(lease.name, 'a', t0, 10_000));
      assert.equal(
        must(
          await store.decide(lease, {
            incidents: [incident('f1')],
            events: [event, { ...event, type: 'incident-changed', incident: incident('f1').document }],
          }),
        ),
        true,
      );
      assert.deepEqual(must(await store.standing(t0)), [incident('f1')]);
      assert.deepEqual(must(await store.incident('f1')), incident('f1').document);
      assert.equal(must(await store.incident('f2')), null);
      const { events, last } = must(await store.events('0', 10));
      assert.deepEqual(
        events.map(({ id, type }) => [id, type]),
        [
          ['1', 'incident-opened'],
          ['2', 'incident-changed'],
        ],
      );
      assert.equal(last, '2');
      assert.deepEqual(
        must(await store.events('1', 10)).events.map(({ id }) => id),
        ['2'],
      );
      assert.deepEqual(must(await store.events(null, 10)), { events: [], last: '2' });

      const refused = { incidents: [incident('f9', {}, 'other')], events: [event] };
      assert.equal(must(await store.decide({ ...lease, holder: 'b' }, refused)), false);
      assert.equal(must(await store.decide({ ...lease, now: t0 + 10_000 }, refused)), false);
      assert.equal(must(await store.incident('f9')), null);
      assert.equal(must(await store.events(null, 1)).last, '2');
    });

    it('opens no second incident of a key', async () => {
      must(await store.lease(lease.name, 'a', t0, 10_000));
      assert.equal(must(await store.decide(lease, { incidents: [incident('f1')], events: [] })), true);
      assert.equal(must(await store.decide(lease, { incidents: [incident('f2')], events: [event] })), false);
      const closed = incident('f1', { state: 'closed', closedAt: time(9) });
      assert.equal(must(await store.decide(lease, { incidents: [incident('f2'), closed], events: [] })), true);
      assert.deepEqual(
        must(await store.standing(t0)).map(({ document }) => document.id),
        ['f2', 'f1'],
      );
      assert.deepEqual(
        must(await store.standing(t0 + 10_000)).map(({ document }) => document.id),
        ['f2'],
      );
    });

    it('finds incidents by each filter', async () => {
      must(await store.lease(lease.name, 'a', t0, 10_000));
      const incidents = [
        incident('f1', { openedAt: time(1) }, '1'),
        incident(
          'f2',
          {
            openedAt: time(2),
            scope: 'cluster',
            cause: 'no-route',
            nodes: { failing: 900, healthy: 0, unknown: 0, names: ['node-7'] },
          },
          '2',
        ),
        incident(
          'f3',
          { state: 'closed', closedAt: time(-50), updatedAt: time(-50), subject: { kind: 'image', name: 'b' } },
          '3',
        ),
      ];
      must(await store.decide(lease, { incidents, events: [] }));
      await send(batch([health(1, broken({ cause: 'no-route' }))], { node: 'node-800' }));
      const ids = async (query: object) => must(await store.incidents({ ...page, ...query })).items.map(({ id }) => id);
      assert.deepEqual(await ids({}), ['f2', 'f1', 'f3']);
      assert.deepEqual(await ids({ state: 'closed' }), ['f3']);
      assert.deepEqual(await ids({ cause: 'no-route', scope: 'cluster' }), ['f2']);
      assert.deepEqual(await ids({ subject: 'b' }), ['f3']);
      assert.deepEqual(await ids({ since: t0 - 10_000 }), ['f2', 'f1']);
      assert.deepEqual(await ids({ node: 'node-1' }), ['f1', 'f3']);
      assert.deepEqual(await ids({ node: 'node-800' }), ['f2'], 'one that the document does not name');
    });

    it('remembers what was sent', async () => {
      const notice = { target: 'https://hook', incident: 'f1', fingerprint: 'x', at: t0 };
      must(await store.recordSent(notice));
      must(await store.recordSent({ ...notice, fingerprint: 'y', at: t0 + 1 }));
      assert.deepEqual(must(await store.sent('https://hook')), [{ ...notice, fingerprint: 'y', at: t0 + 1 }]);
      assert.deepEqual(must(await store.sent('other')), []);
    });
  });

  describe('retention', () => {
    it('drops what is past its age and keeps what is open or alive', async () => {
      const old = t0 - 5 * 86_400_000;
      const days = 86_400;
      const over = { state: 'over', endedBy: 'kubelet', endedAt: time(-5 * days) } as const;
      await send(batch([nodeRecord(1, { zone: ['a'] }), heartbeat(2)], { node: 'gone', receivedAt: old }));
      const before = batch(
        [
          health(1, broken({ subject: 'unused.example' })),
          image(2),
          image(3, { ...over, normalized: 'b' }),
          investigation(4, { startedAt: time(-5 * days) }),
        ],
        { receivedAt: old },
      );
      await send(before);
      await send(batch([investigation(5), health(6, check())]));
      must(await store.lease(lease.name, 'a', t0, 10_000));
      must(await store.recordSent({ target: 't', incident: 'shut', fingerprint: '', at: old }));
      const event = { type: 'incident-opened', incident: null, node: null } as const;
      must(
        await store.decide(lease, {
          incidents: [
            incident('open', { openedAt: time(-5 * days), updatedAt: time(-5 * days) }, '1'),
            incident('shut', { openedAt: time(-5 * days), state: 'closed', closedAt: time(-4 * days) }, '2'),
            incident('late', { openedAt: time(-5 * days), state: 'closed', closedAt: time(-1) }, '3'),
          ],
          events: [
            { ...event, at: time(-5 * days) },
            { ...event, at: time(0) },
          ],
        }),
      );
      const keep = { olderThan: t0 - 3 * 86_400_000, maxBytes: 2 ** 40 };
      assert.ok(must(await store.prune(keep)).rows > 0);
      assert.deepEqual(
        must(await store.fleet()).map(({ node }) => node),
        ['node-1'],
      );
      const node = must(await store.node('node-1'));
      assert.deepEqual(
        node?.observations.map(({ subject }) => subject),
        ['registry.example/app:1', 'registry.example'],
      );
      assert.deepEqual(
        must(await store.investigations(page)).items.map(({ id }) => id),
        ['inv-5'],
      );
      assert.equal(must(await store.investigation('inv-4')), null);
      assert.deepEqual(
        must(await store.incidents(page))
          .items.map(({ id }) => id)
          .sort(),
        ['late', 'open'],
      );
      assert.deepEqual(
        must(await store.events('0', 9)).events.map(({ id }) => id),
        ['2'],
      );
      assert.deepEqual(must(await store.sent('t')), []);
      assert.equal(await send(before), 0, 'what was dropped does not come back');
      assert.equal(must(await store.prune(keep)).rows, 0);
      await send(batch([image(7, { state: 'over', endedBy: 'kubelet', endedAt: time(0) })]));
      assert.equal(must(await store.nodes({ ...page, heardSince: 0 })).items[0]?.state, 'healthy');
    });

    it('takes the state of a node from what is left of its looks', async () => {
      const old = t0 - 5 * 86_400_000;
      await send(batch([health(1, broken({ subject: 'unused.example' }))], { receivedAt: old }));
      await send(batch([health(2, check())]));
      const state = async () => must(await store.nodes({ ...page, heardSince: 0 })).items[0]?.state;
      assert.equal(await state(), 'faulty');
      must(await store.prune({ olderThan: t0 - 86_400_000, maxBytes: 2 ** 40 }));
      assert.equal(await state(), 'healthy');
    });

    it('drops the oldest while it is too large, and says how much went', async () => {
      const noise = (seed: number) =>
        Array.from({ length: 400 }, (_, index) => Math.imul(seed * 7919 + index, 2_654_435_761) >>> 0);
      for (let index = 0; index < 6; index++) {
        const records = Array.from({ length: 100 }, (_, of) =>
          investigation(index * 100 + of + 1, { noise: noise(index * 100 + of) }),
        );
        await send(batch(records));
      }
      const live = async () => (await rows()).liveBytes();
      const full = await live();
      const { rows: gone, bytes } = must(await store.prune({ olderThan: 0, maxBytes: full / 2 }));
      assert.ok(gone >= 200 && gone < 600, `${gone}`);
      assert.ok(bytes > full / 3, `${bytes} of ${full}`);
      assert.ok((await live()) <= full / 2);
      const kept = must(await store.investigations({ limit: 500, cursor: null })).items;
      assert.equal(kept.length, 600 - gone);
      assert.equal(kept[0]?.id, 'inv-1', 'the newest stay');
      assert.equal(must(await store.fleet()).length, 1);
    }).timeout(60_000);

    it('tells its size', async () => {
      await send(batch([nodeRecord(1), health(2, check()), investigation(3)]));
      const { bytes, rows: counted } = must(await store.size());
      assert.ok(bytes > 0);
      assert.deepEqual(counted, { nodes: 1, observations: 1, investigations: 1, incidents: 0, events: 0, streams: 1 });
    });
  });

  describe('tables', () => {
    it('are made once by several that start at once', async () => {
      const target = await kind().create();
      const opened = await Promise.all(
        Array.from({ length: 4 }, () => openStore(target, { env: systemEnv, log: silent })),
      );
      for (const one of opened) stores.push(must(one));
      assert.equal(await send(batch([heartbeat(1)]), stores.at(-1)), 1);
    });

    it('of a later version are refused', async () => {
      await (await rows()).read.run("UPDATE pullwhy_meta SET value = '99' WHERE name = 'schema'");
      const opened = await openStore(url, { env: systemEnv, log: silent });
      assert.ok(!opened.ok);
      assert.match(opened.error, /tables are of version 99.*later Pullwhy/);
    });

    it('keep everything over a restart', async () => {
      await send(batch([nodeRecord(1), health(2, broken()), investigation(3)]));
      await store.close();
      const again = await another();
      assert.equal(await send(batch([nodeRecord(1), health(2, check()), investigation(3)]), again), 0);
      assert.equal(must(await again.failing(10)).length, 1);
    });

    it('that were changed by somebody else are a failure with a name, and no defect', async () => {
      await send(batch([health(1, broken())]));
      await (await rows()).read.run("UPDATE pullwhy_observations SET detail = 'x'");
      const answer = await store.failing(10);
      assert.ok(!answer.ok && answer.error.reason === 'damaged', JSON.stringify(answer));
    });

    it('are gone for who closed the store', async () => {
      await store.close();
      await store.close();
      const answer = await store.ingest(batch([heartbeat(1)]));
      assert.ok(!answer.ok && answer.error.reason === 'gone', JSON.stringify(answer));
    });
  });

  describe('two stores on one database', () => {
    it('apply each record once, whoever gets it', async () => {
      const second = await another();
      const nodes = Array.from({ length: 6 }, (_, index) => `node-${index}`);
      const batches = nodes.flatMap((node, of) =>
        Array.from({ length: 6 }, (_, index) => {
          const records = Array.from({ length: 4 }, (_, at) => story(of)[index * 4 + at]).filter(
            (one) => one !== undefined,
          );
          return batch(records, { node });
        }),
      );
      const reference = await kind().create();
      const undisturbed = await another(reference);
      for (const one of batches) await send(one, undisturbed);

      const sent = batches.flatMap((one) => [send(one), send(one, second), send(one, second)]);
      const fresh = (await Promise.all(sent)).reduce((sum, count) => sum + count, 0);
      assert.equal(
        fresh,
        batches.reduce((sum, { records }) => sum + records.length, 0),
      );
      assert.deepEqual(await stored(), await dump(await rows(reference)));
    }).timeout(60_000);

    it('decide one at a time, and open no incident twice', async () => {
      const second = await another();
      const event = { at: time(0), type: 'incident-opened', incident: null, node: null } as const;
      const race = async (one: Store, holder: string): Promise<number> => {
        let done = 0;
        for (let turn = 0; turn < 10; turn++) {
          const now = t0 + turn * 1000;
          await one.lease('evaluator', holder, now, 500);
          const made = await one.decide(
            { name: 'evaluator', holder, now },
            { incidents: [incident(`${holder}${turn}`, {}, `key ${turn}`)], events: [event] },
          );
          if (made.ok && made.value) done++;
        }
        return done;
      };
      const decided = (await Promise.all([race(store, 'a'), race(second, 'b')])).reduce((sum, count) => sum + count, 0);
      const standing = must(await store.standing(t0));
      assert.equal(standing.length, decided);
      assert.equal(new Set(standing.map(({ key }) => key)).size, decided, 'no key twice');
      const { events } = must(await second.events('0', 500));
      assert.deepEqual(
        events.map(({ id }) => id),
        Array.from({ length: decided }, (_, index) => `${index + 1}`),
      );
    });

    it('hand the lease over, and refuse the decision of who lost it', async () => {
      const second = await another();
      must(await store.lease('evaluator', 'a', t0, 10_000));
      assert.equal(must(await second.lease('evaluator', 'b', t0 + 9000, 10_000)), false);
      assert.equal(must(await second.lease('evaluator', 'b', t0 + 10_000, 10_000)), true);
      assert.equal(
        must(await store.decide({ ...lease, now: t0 + 9999 }, { incidents: [incident('late')], events: [] })),
        false,
      );
      assert.equal(
        must(
          await second.decide(
            { name: 'evaluator', holder: 'b', now: t0 + 11_000 },
            { incidents: [incident('f1')], events: [] },
          ),
        ),
        true,
      );
      assert.deepEqual(
        must(await store.standing(t0)).map(({ document }) => document.id),
        ['f1'],
      );
    });
  });
}
