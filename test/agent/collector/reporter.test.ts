import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { gunzipSync } from 'node:zlib';
import type { Sent } from '../../../src/agent/collector/collector-client.ts';
import { collectorUrl } from '../../../src/agent/collector/collector-url.ts';
import { type CollectorReporterNeeds, openCollectorReporter } from '../../../src/agent/collector/reporter.ts';
import type { Incident } from '../../../src/agent/parts.ts';
import type { RegistryRow } from '../../../src/api/node.ts';
import { ReportBatch, recordSchemas } from '../../../src/api/records.ts';
import { checkAgainst } from '../../../src/api/schema.ts';
import { openLog } from '../../../src/lib/log.ts';
import { investigationOf } from '../../kit/agent.ts';
import { concluded, incidentOf, nodeHealth, registryRow } from '../../kit/agent-health.ts';

const hourMs = 3_600_000;

/** A member of a record, by its path. */
function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (found, part) => (typeof found === 'object' && found !== null ? Reflect.get(found, part) : undefined),
    value,
  );
}

describe('agent: reporting, in virtual time', () => {
  const folder = mkdtempSync(`${tmpdir()}/pullwhy-reporting-`);
  after(() => rmSync(folder, { recursive: true, force: true }));
  let serial = 0;

  function stage(
    more: { readonly maxBytes?: string; readonly incidents?: readonly Incident[]; readonly random?: () => number } = {},
  ) {
    const directory = `${folder}/${serial++}`;
    const time = { at: 0, wall: Date.parse('2026-11-22T10:00:00Z') };
    let draws = 0;
    const random = more.random ?? (() => (++draws * 0.6180339887) % 1);
    const env = { now: () => time.wall + time.at, monotonic: () => time.at, random };
    const lines: string[] = [];
    const log = openLog({
      env,
      write: (line) => void lines.push(line),
      settings: () => ({ level: 'info', format: 'text' }),
    });
    const world: { incidents: readonly Incident[]; rows: readonly RegistryRow[]; reach: 'up' | 'away' } = {
      incidents: [...(more.incidents ?? [])],
      rows: [registryRow('docker.io'), registryRow('reg.example')],
      reach: 'up',
    };
    const batches: { readonly at: number; readonly batch: ReportBatch }[] = [];
    const dropped: Record<string, number> = {};
    let posts = 0;
    const url = collectorUrl('https://collector.test:9450');
    assert.ok(url !== null);
    const needs: CollectorReporterNeeds = {
      env,
      log,
      node: 'node-1',
      version: '0.1.0',
      startedAt: env.now(),
      url,
      settings: {
        collector: {
          url: 'https://collector.test:9450',
          tokenFile: null,
          caFile: null,
          certFile: null,
          keyFile: null,
          spool: { maxBytes: more.maxBytes ?? '64MiB', maxAge: '7d' },
        },
        state: { directory },
        node: { hostRoot: folder, labels: [] },
      },
      incidents: () => world.incidents,
      registries: () => world.rows,
      health: () => nodeHealth(),
      ownerOf: () => null,
      readNode: async () => null,
      api: null,
      onDropped: (kind, count) => {
        dropped[kind] = (dropped[kind] ?? 0) + count;
      },
      onBatch: () => undefined,
      client: {
        server: 'https://collector.test:9450',
        async post(body): Promise<Sent> {
          posts++;
          if (world.reach === 'away') return { kind: 'later', note: 'It is away.', retryAfterMs: null };
          const parsed: unknown = JSON.parse(gunzipSync(body).toString('utf8'));
          const checked = checkAgainst(ReportBatch, parsed);
          assert.ok(checked.ok, JSON.stringify(checked));
          for (const record of checked.value.records) {
            const schema = Object.entries(recordSchemas).find(([kind]) => kind === record.kind)?.[1];
            assert.ok(schema !== undefined && checkAgainst(schema, record).ok, JSON.stringify(record));
          }
          batches.push({ at: time.at, batch: checked.value });
          return { kind: 'taken', acked: Math.max(...checked.value.records.map(({ seq }) => seq)), refused: [] };
        },
        close: async () => undefined,
      },
    };
    const reporter = openCollectorReporter(needs);
    const pass = async (ms: number, stepMs = 250, each: () => void = () => undefined): Promise<void> => {
      for (const until = time.at + ms; time.at < until; ) {
        time.at += stepMs;
        each();
        reporter.tick();
        while (reporter.busy()) await new Promise((resolve) => setImmediate(resolve));
      }
    };
    const of = (kind: string) =>
      batches.flatMap(({ at, batch }) =>
        batch.records.filter((record) => record.kind === kind).map((record) => ({ at, record })),
      );
    const look = (): void => {
      const checkedAt = new Date(env.now()).toISOString();
      world.rows = world.rows.map((row) => ({ ...row, checkedAt }));
    };
    return { directory, time, lines, world, batches, dropped, reporter, pass, of, look, posts: () => posts };
  }

  it('beats once a minute with the checks that were made since, and is quiet between', async () => {
    const { of, pass, look, batches, reporter } = stage();
    let ticks = 0;
    await pass(30 * 60_000, 250, () => {
      if (++ticks % 240 === 0) look();
    });
    const beats = of('heartbeat');
    assert.ok(beats.length >= 28 && beats.length <= 32, `${beats.length}`);
    const gaps = beats.slice(1).map(({ at }, index) => at - (beats[index]?.at ?? 0));
    assert.ok(Math.max(...gaps) < 70_000 && new Set(gaps).size > 3, 'about a minute, with jitter');
    assert.ok(of('health').length >= 25 && of('health').length <= 32);
    assert.ok(batches.length <= beats.length + 2, 'nothing else is sent');
    await reporter.stop();
  });

  it('tells a check that changes at once, and the changes of an incident within a second', async () => {
    const { of, pass, world, time, reporter } = stage();
    await pass(90_000);
    const [before, from] = [of('health').length, time.at];
    world.rows = [registryRow('docker.io'), registryRow('reg.example', { verdict: 'faulty', cause: 'tcp-refused' })];
    await pass(3250);
    const [news] = of('health').slice(before);
    assert.ok(news !== undefined && news.at - from <= 3000);
    assert.deepEqual(at(news.record, 'checks', '0', 'subject'), 'reg.example');
    const incident = incidentOf('reg.example/app:1');
    for (const [change, next] of [
      ['opened', incident],
      ['concluded', { ...incident, conclusion: concluded('tcp-refused') }],
      ['ended', { ...incident, state: 'over', endedAt: time.wall, endedBy: 'kubelet' }],
    ] as const) {
      const [count, since] = [of('incident').length, time.at];
      reporter.changed(next, change);
      await pass(1000);
      const told = of('incident').slice(count);
      assert.equal(told.length, 1, change);
      assert.ok((told[0]?.at ?? 0) - since <= 1000);
    }
    const [count] = [of('incident').length];
    for (let pods = 0; pods < 50; pods++) {
      reporter.changed({ ...incident, morePods: pods }, 'pods');
      await pass(250);
    }
    assert.ok(of('incident').length - count <= 6, 'pods that come one by one are told together');
    await reporter.stop();
  });

  it('tells again at its start what is open', async () => {
    const { of, pass, reporter } = stage({ incidents: [incidentOf('a:1'), incidentOf('b:1')] });
    await pass(10_000);
    assert.equal(of('incident').length, 2);
    await reporter.stop();
  });

  it('takes the spool and nothing else while the collector is away for a day, and catches up', async function () {
    this.timeout(60_000);
    const { directory, of, pass, look, world, dropped, posts, reporter, lines, time, batches } = stage({
      maxBytes: '1MiB',
    });
    await pass(60_000);
    world.reach = 'away';
    const sizes: number[] = [];
    let ticks = 0;
    const before = posts();
    await pass(24 * hourMs, 2000, () => {
      ticks++;
      if (ticks % 30 === 0) look();
      // A registry that flaps, images that fail and come, and each is looked at.
      if (ticks % 45 === 0) {
        const verdict = ticks % 90 === 0 ? 'faulty' : 'healthy';
        world.rows = [
          registryRow('docker.io'),
          registryRow('reg.example', { verdict, cause: verdict === 'faulty' ? 'tcp-refused' : null }),
        ];
        const incident = incidentOf(`reg.example/app-${ticks}:1`, {
          conclusion: concluded('tcp-refused', { summary: 's'.repeat(300) }),
        });
        reporter.changed(incident, 'opened');
        reporter.changed({ ...incident, state: 'over', endedAt: time.wall + time.at, endedBy: 'kubelet' }, 'ended');
        reporter.investigated(
          investigationOf(incident.image, { id: `i-${ticks}`, cause: 'tcp-refused', summary: `${ticks} `.repeat(900) }),
        );
      }
      if (ticks % 1800 === 0) sizes.push(reporter.waiting().bytes);
    });
    assert.ok(Math.max(...sizes) <= 1024 * 1024);
    assert.ok(Math.max(...sizes) > 800_000, sizes.join());
    const onDisk = readdirSync(directory).reduce((sum, name) => sum + statSync(`${directory}/${name}`).size, 0);
    assert.ok(onDisk < 4_000_000, `${onDisk} bytes`);
    assert.ok(posts() - before < 1500, `${posts() - before} tries in a day`);
    assert.ok((dropped.health ?? 0) > 0 && dropped.incident === undefined, JSON.stringify(dropped));
    assert.equal(lines.filter((line) => line.includes('takes no reports')).length, 1);
    world.reach = 'up';
    const from = batches.length;
    await pass(400_000, 250);
    assert.equal(reporter.waiting().rows, 0);
    const caught = batches.slice(from);
    for (const [index, { at, batch }] of caught.entries()) {
      const last = caught[index - 1]?.at;
      if (last !== undefined) assert.ok(at - last >= 250);
      assert.ok(batch.records.length <= 500);
    }
    const over = of('incident').filter(({ record }) => at(record, 'incident', 'state') === 'over');
    assert.equal(new Set(over.map(({ record }) => at(record, 'incident', 'id'))).size, Math.floor(ticks / 45));
    const [first] = caught;
    assert.ok(
      first?.batch.records.some(({ kind }) => kind === 'incident'),
      'what is wrong comes first',
    );
    await reporter.stop();
  });
});
