import assert from 'node:assert/strict';
import { systemEnv } from '../../../src/lib/env.ts';
import { limits } from '../../../src/lib/limits.ts';
import { fail, ok } from '../../../src/lib/result.ts';
import { batchOf, type HttpCollector, heartbeat, send, startHttpCollector } from '../../kit/http-collector.ts';

const at = '2026-11-22T10:00:00.000Z';

const check = (more: object = {}) => ({
  of: 'registry',
  subject: 'registry.corp.example',
  verdict: 'faulty',
  cause: 'tls-certificate-expired',
  confidence: 'proven',
  layer: 'tls',
  underlying: null,
  host: 'registry.corp.example',
  summary: 'Its certificate has expired.',
  checkedAt: at,
  since: null,
  ...more,
});

const incident = (more: object = {}) => ({
  id: 'i1',
  image: 'registry.corp.example/app:1',
  normalized: 'registry.corp.example/app:1',
  registry: 'registry.corp.example',
  state: 'open',
  firstSeenAt: at,
  lastSeenAt: at,
  endedAt: null,
  endedBy: null,
  secondsGained: null,
  cause: 'tag-not-found',
  confidence: 'proven',
  layer: 'manifest',
  underlying: null,
  host: null,
  summary: 'There is no such tag.',
  remedies: [],
  investigation: null,
  pods: 1,
  owners: 1,
  examples: [],
  ...more,
});

const investigation = (more: object = {}) => ({
  id: 'inv-1',
  node: 'node-1',
  startedAt: at,
  image: { input: 'app', normalized: 'docker.io/library/app:latest', registry: 'docker.io' },
  verdict: 'healthy',
  cause: null,
  confidence: null,
  summary: 'It pulls.',
  probes: [{ id: 'p1', facts: { any: ['thing'] } }],
  ...more,
});

const node = { seq: 1, kind: 'node', at, agent: { version: '0.1.0', startedAt: at }, attributes: { zone: ['a'] } };

describe('collector: ingest', () => {
  const collectors: HttpCollector[] = [];
  afterEach(async () => {
    await Promise.all(collectors.splice(0).map(({ server }) => server.stop()));
  });
  async function start(options: Parameters<typeof startHttpCollector>[0] = {}): Promise<HttpCollector> {
    const collector = await startHttpCollector(options);
    collectors.push(collector);
    return collector;
  }
  const report = (port: number, batch: unknown) => send(port, JSON.stringify(batch));

  it('takes every kind of record, in order of their numbers, and acknowledges the highest', async () => {
    const { port, batches } = await start();
    const records = [
      { seq: 5, kind: 'investigation', at, investigation: investigation() },
      { seq: 3, kind: 'health', at, checks: [check()] },
      node,
      { seq: 4, kind: 'incident', at, incident: incident() },
      heartbeat(2),
    ];
    const { status, body } = await report(port, batchOf(records));
    assert.deepEqual([status, body], [202, { acked: 5, refused: [] }]);
    const [batch] = batches;
    assert.deepEqual(
      batch?.records.map(({ seq, kind }) => `${seq} ${kind}`),
      ['1 node', '2 heartbeat', '3 health', '4 incident', '5 investigation'],
    );
    const kept = batch?.records[4];
    assert.ok(kept?.kind === 'investigation');
    assert.deepEqual(kept.record.investigation, investigation(), 'it is kept as it came');
    assert.equal(kept.at, Date.parse(at));
  });

  it('takes an empty batch', async () => {
    const { port } = await start();
    assert.deepEqual((await report(port, batchOf([]))).body, { acked: 0, refused: [] });
  });

  it('passes over what a newer agent adds, and reads its causes', async () => {
    const { port, batches } = await start();
    const { status, body } = await report(
      port,
      batchOf(
        [
          heartbeat(1, { moonPhase: 'full', spool: { rows: 0, bytes: 0, dropped: { 'new-kind': 3 }, more: 1 } }),
          { seq: 2, kind: 'health', at, checks: [check({ cause: 'sun-spots', layer: 'sky', extra: {} })] },
          { seq: 3, kind: 'horoscope', at, text: 'x' },
          { seq: 4, kind: 'constructor', at },
        ],
        { compression: 'yes' },
      ),
    );
    assert.equal(status, 202);
    assert.equal(body.acked, 4);
    assert.deepEqual(
      body.refused.map((one: { seq: number; pointer: string }) => [one.seq, one.pointer]),
      [
        [3, '/records/2/kind'],
        [4, '/records/3/kind'],
      ],
    );
    assert.deepEqual(batches[0]?.refused, [3, 4], 'they count as seen');
    assert.equal(batches[0]?.records.length, 2);
  });

  it('takes what an older agent leaves out', async () => {
    const { port } = await start();
    const { authorities: _, ...old } = { ...node, authorities: [] };
    assert.deepEqual((await report(port, batchOf([old]))).body, { acked: 1, refused: [] });
  });

  it('refuses a record with its place, and keeps its neighbours', async () => {
    const { port, batches, ingested } = await start();
    const cases: readonly (readonly [string, object, string])[] = [
      ['no time', heartbeat(1, { at: 'yesterday' }), '/at'],
      ['a time of another calendar', heartbeat(1, { at: '2026-11-22 10:00' }), '/at'],
      ['no time at all', heartbeat(1, { at: undefined }), '/at'],
      ['another type', heartbeat(1, { waitingPods: 'many' }), '/waitingPods'],
      ['a negative count', heartbeat(1, { openIncidents: -1 }), '/openIncidents'],
      ['a part that is missing', heartbeat(1, { spool: undefined }), ''],
      [
        'a verdict that is none',
        { seq: 1, kind: 'health', at, checks: [check({ verdict: 'sick' })] },
        '/checks/0/verdict',
      ],
      [
        'a long text',
        { seq: 1, kind: 'health', at, checks: [check({ summary: 'x'.repeat(5000) })] },
        '/checks/0/summary',
      ],
      ['a long word', { seq: 1, kind: 'health', at, checks: [check({ cause: 'x'.repeat(65) })] }, '/checks/0/cause'],
      ['many checks', { seq: 1, kind: 'health', at, checks: Array(513).fill(check()) }, '/checks'],
      [
        'an id that is long',
        { seq: 1, kind: 'investigation', at, investigation: investigation({ id: 'x'.repeat(129) }) },
        '/investigation/id',
      ],
      [
        'much of it',
        {
          seq: 1,
          kind: 'investigation',
          at,
          investigation: investigation({ x: 'y'.repeat(limits.reportRecordChars) }),
        },
        '',
      ],
      [
        'many keys',
        heartbeat(1, { x: Object.fromEntries(Array.from({ length: 150_000 }, (_, i) => [`k${i}`, 1])) }),
        '',
      ],
      ['too deep', heartbeat(1, { x: deep(limits.reportDepth + 1) }), ''],
    ];
    for (const [what, record, pointer] of cases) {
      const { status, body } = await report(port, batchOf([heartbeat(7), record, heartbeat(8)]));
      assert.equal(status, 202, what);
      assert.equal(body.acked, 8, what);
      assert.equal(body.refused.length, 1, what);
      const [{ seq, pointer: place, detail }] = body.refused;
      assert.deepEqual([seq, place], [1, `/records/1${pointer}`], what);
      assert.ok(detail.length > 5 && detail.length < 200, `${what}: ${detail}`);
      assert.doesNotMatch(detail, /yesterday|many|sick|xxx/, 'it does not repeat what was sent');
      assert.deepEqual(
        batches.at(-1)?.records.map(({ seq: one }) => one),
        [7, 8],
        what,
      );
      assert.deepEqual(batches.at(-1)?.refused, [1], what);
    }
    assert.equal(ingested.filter(({ refused }) => refused === 1).length, cases.length);
  });

  function deep(levels: number): unknown {
    let made: unknown = 1;
    for (let at = 0; at < levels; at++) made = [made];
    return made;
  }

  it('takes the first of two records with one number', async () => {
    const { port, batches } = await start();
    const { body } = await report(port, batchOf([heartbeat(1, { waitingPods: 1 }), heartbeat(1, { waitingPods: 2 })]));
    assert.deepEqual(body, { acked: 1, refused: [] });
    const [record] = batches[0]?.records ?? [];
    assert.ok(record?.kind === 'heartbeat' && record.record.waitingPods === 1 && batches[0]?.records.length === 1);
  });

  it('refuses an envelope that does not fit, whole and with its places', async () => {
    const { port, batches } = await start();
    const cases: readonly (readonly [unknown, string])[] = [
      [[], ''],
      [{ bootId: 'b', records: [] }, ''],
      [batchOf([], { node: '' }), '/node'],
      [batchOf([], { node: 'x'.repeat(254) }), '/node'],
      [batchOf([], { node: 'a b' }), '/node'],
      [batchOf([], { node: '../x' }), '/node'],
      [batchOf([], { bootId: 7 }), '/bootId'],
      [batchOf([], { bootId: 'a\nb' }), '/bootId'],
      [batchOf([], { sentAt: 'now' }), '/sentAt'],
      [batchOf([], { records: {} }), '/records'],
      [batchOf([{ kind: 'heartbeat' }]), '/records/0'],
      [batchOf([heartbeat(0)]), '/records/0/seq'],
      [batchOf([heartbeat(1), heartbeat(2 ** 40)]), '/records/1/seq'],
      [batchOf([heartbeat(1.5)]), '/records/0/seq'],
      [batchOf(Array.from({ length: 1001 }, (_, seq) => heartbeat(seq + 1))), '/records'],
    ];
    for (const [batch, pointer] of cases) {
      const { status, body, headers } = await report(port, batch);
      assert.equal(status, 422, JSON.stringify(batch).slice(0, 80));
      assert.equal(headers['content-type'], 'application/problem+json');
      assert.ok(
        body.errors.some((one: { pointer: string }) => one.pointer === pointer),
        `${pointer}: ${JSON.stringify(body)}`,
      );
    }
    assert.equal(batches.length, 0);
  });

  it('knows how far a clock is off by when a batch was sent, whatever its body takes to come', async () => {
    const now = Date.parse('2026-11-22T10:00:10.000Z');
    const { port, batches } = await start({ env: { ...systemEnv, now: () => now } });
    for (const [sentAt, offset] of [
      ['2026-11-22T10:00:10.000Z', 0],
      ['2026-11-22T09:00:10.000Z', -3_600_000],
      ['2026-11-22T12:00:10+01:00', 3_600_000],
      [undefined, null],
    ] as const) {
      await report(port, batchOf([heartbeat(1)], { sentAt }));
      assert.equal(batches.at(-1)?.clockOffsetMs, offset, sentAt);
      assert.equal(batches.at(-1)?.receivedAt, now);
    }
  });

  it('tells agents to keep what the store does not take', async () => {
    let reason: 'busy' | 'full' | 'gone' | null = 'busy';
    const { port, logged, ingested } = await start({
      ingest: async () => (reason === null ? ok({ fresh: 1 }) : fail({ reason, message: 'It is so.' })),
    });
    for (const [why, seconds] of [
      ['busy', '1'],
      ['full', '30'],
      ['gone', '5'],
    ] as const) {
      reason = why;
      for (let times = 0; times < 3; times++) {
        const { status, headers, body } = await report(port, batchOf([heartbeat(1)]));
        assert.deepEqual([status, headers['retry-after']], [503, seconds]);
        assert.match(body.detail, /It is so/);
      }
    }
    reason = null;
    assert.equal((await report(port, batchOf([heartbeat(1)]))).status, 202);
    assert.equal(logged.filter((line) => line.includes('takes no reports')).length, 3, 'each trouble is told once');
    assert.equal(logged.filter((line) => line.includes('takes reports again')).length, 1);
    assert.equal(ingested.filter(({ result }) => result === 'busy').length, 3);
  });

  it('logs a refusal once for a node, without what was refused', async () => {
    const { port, logged } = await start();
    const secret = 'hunter2-in-a-wrong-place';
    for (let times = 0; times < 3; times++)
      await report(port, batchOf([heartbeat(1), heartbeat(2, { waitingPods: secret })]));
    await report(port, batchOf([], { node: `${secret} x` }));
    const refusals = logged.filter((line) => line.includes('a record was refused'));
    assert.equal(refusals.length, 1);
    assert.match(refusals[0] ?? '', /node-1.*\/records\/1\/waitingPods/);
    assert.doesNotMatch(logged.join(''), /hunter2/);
  });
});
