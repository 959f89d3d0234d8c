import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type CollectorProcess, startCollectorProcess } from '../kit/collector-process.ts';
import { type EventReader, readEvents } from '../kit/event-reader.ts';
import { dumpFleet, type FleetDump } from '../kit/fleet-dump.ts';
import { fleetStory } from '../kit/fleet-story.ts';
import { startHostileProxy } from '../kit/hostile-proxy.ts';
import { startIncomingHook } from '../kit/incoming-hook.ts';
import { postgresMissing, startPostgres, type TestPostgres } from '../kit/postgres.ts';
import { type ReportingFleet, startReportingFleet } from '../kit/reporting-fleet-process.ts';
import { type RoundRobin, startRoundRobin } from '../kit/round-robin.ts';

describe('e2e: a fleet in which everything is killed', function () {
  this.timeout(120_000);
  const t0 = Date.now() - 60_000;
  let folder = '';
  let front: RoundRobin;
  let expected: FleetDump;
  const collectors: CollectorProcess[] = [];
  const fleets: ReportingFleet[] = [];

  const collect = async (store: string, flags: readonly string[] = []): Promise<CollectorProcess> => {
    const one = await startCollectorProcess(['--store', store, ...flags]);
    collectors.push(one);
    return one;
  };
  const tell = async (name: string, stepMs: number, url = front.url): Promise<ReportingFleet> => {
    const one = await startReportingFleet(url, `${folder}/${name}`, { t0, stepMs });
    fleets.push(one);
    return one;
  };
  /** Waits until it knows what it should, and says what is amiss when it does not come to it. */
  const endsAs = async ({ port }: Pick<CollectorProcess, 'port'>, ms = 10_000): Promise<void> => {
    for (const limit = performance.now() + ms; ; await sleep(250)) {
      const found = await dumpFleet(port);
      try {
        assert.deepEqual(found, expected);
        return;
      } catch (error) {
        if (performance.now() > limit) throw error;
      }
    }
  };

  before(async () => {
    folder = await mkdtemp(`${tmpdir()}/pullwhy-chaos-`);
    front = await startRoundRobin();
    // The run in which nothing happens.
    const collector = await collect(`sqlite://${folder}/calm.db`);
    front.backends = [collector.port];
    const fleet = await tell('calm', 100);
    const counts = await fleet.done;
    assert.deepEqual([counts?.refused, counts?.unusable], [0, 0], fleet.logText());
    await sleep(2500);
    expected = await dumpFleet(collector.port);
    await collector.stop();
  });
  afterEach(async () => {
    front.backends = [];
    for (const fleet of fleets.splice(0)) if (fleet.running()) fleet.kill();
    await Promise.all(collectors.splice(0).map((one) => one.stop('SIGKILL')));
  });
  after(async () => {
    await front.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('ends as its story says, when nothing happens', () => {
    const { nodes, steps, investigationsOfStep } = fleetStory;
    assert.equal(expected.nodes.length, nodes);
    assert.equal(expected.documents.length, nodes * steps * investigationsOfStep);
    assert.deepEqual(expected.incidents.map(briefly).sort(), [
      'disk-full node image-filesystem: node, 1',
      'dns-timeout registry dns.corp.example: group, 8 nameserver=10.0.0.53',
      'tag-not-found image quay.example/team/web:1.55: group, 2',
      'tls-certificate-expired registry registry.corp.example: cluster, 20',
    ]);
    const { byAgent, secondsGained } = Object(expected.recovered).totals;
    assert.deepEqual([byAgent, secondsGained], [120, 720]);
  });

  it('ends the same over a collector that is killed again and again', async () => {
    const store = `sqlite://${folder}/killed.db`;
    let collector = await collect(store);
    front.backends = [collector.port];
    const fleet = await tell('killed', 700);
    await knowsAll(collector);
    let kills = 0;
    while (fleet.running()) {
      if (kills === 8) fleet.hurry();
      await sleep(60 + ((kills * 137) % 500));
      await collector.stop('SIGKILL');
      kills++;
      collector = await collect(store);
      front.backends = [collector.port];
    }
    const counts = await fleet.done;
    assert.ok(kills >= 6, `${kills}`);
    assert.ok((counts?.later ?? 0) >= kills, 'batches were under way');
    assert.equal(counts?.refused, 0);
    await endsAs(collector, 20_000);
    await tellsEachOnce(collector);
  });

  it('ends the same over agents that are killed again and again', async () => {
    const collector = await collect(`sqlite://${folder}/agents.db`);
    front.backends = [collector.port];
    let kills = 0;
    for (;;) {
      const fleet = await tell('agents', 1000);
      if (kills === 6) fleet.hurry();
      const timer = setTimeout(fleet.kill, kills === 6 ? 60_000 : 150 + kills * 190);
      const counts = await fleet.done;
      clearTimeout(timer);
      if (counts !== null) break;
      kills++;
    }
    assert.equal(kills, 6);
    await endsAs(collector);
    await tellsEachOnce(collector);
  });

  it('ends the same over every kind of misdelivery', async () => {
    const collector = await collect(`sqlite://${folder}/hostile.db`);
    const proxy = await startHostileProxy();
    try {
      proxy.to = collector.port;
      const kinds = ['repeat', 'late', 'unanswered', 'lost', 'pass'] as const;
      let count = 0;
      const fleet = await tell('hostile', 300, proxy.url);
      await knowsAll(collector);
      proxy.mischief = () => kinds[Math.floor(count++ * 2.7) % kinds.length] ?? 'pass';
      proxy.delayMs = () => (count * 251) % 2500;
      const counts = await fleet.done;
      assert.equal(counts?.refused, 0);
      for (const kind of kinds) assert.ok((proxy.done.get(kind) ?? 0) > 10, `${kind}: ${proxy.done.get(kind)}`);
      await proxy.idle();
      await endsAs(collector);
      const before = await metric(collector, 'pullwhy_collector_fresh_records_total');
      // All of it once more, from the end to the beginning and then at random.
      const again = [...proxy.batches].reverse();
      again.push(
        ...proxy.batches
          .map((batch, at) => ({ batch, at: (at * 7919) % 1009 }))
          .sort((a, b) => a.at - b.at)
          .map(({ batch }) => batch),
      );
      for (let at = 0; at < again.length; at += 16) {
        const statuses = await Promise.all(again.slice(at, at + 16).map(proxy.deliver));
        assert.ok(
          statuses.every((status) => status === 202),
          statuses.join(),
        );
      }
      assert.equal(await metric(collector, 'pullwhy_collector_fresh_records_total'), before);
      await endsAs(collector, 0);
      await tellsEachOnce(collector);
    } finally {
      await proxy.close();
    }
  });

  it('ends the same over a disk that was full for a while', async function () {
    if (!(await canMount())) {
      process.stdout.write('    left out: it needs root, for a small file system\n');
      this.skip();
    }
    const place = `${folder}/small`;
    const mount = `mkdir -p ${place} && mount -t tmpfs -o size=16m tmpfs ${place} && exec "$0" "$@"`;
    const collector = await startCollectorProcess(['--store', `sqlite://${place}/c.db`], {
      through: ['unshare', '--mount', 'sh', '-c', mount],
    });
    collectors.push(collector);
    const inside = `/proc/${collector.pid}/root${place}`;
    const proxy = await startHostileProxy();
    try {
      proxy.to = collector.port;
      const fleet = await tell('full', 700, proxy.url);
      await knowsAll(collector);
      await writeFile(`${inside}/ballast`, Buffer.alloc(20 * 1024 * 1024)).catch(() => undefined);
      await until('a refusal', () => proxy.answers.some(({ status }) => status === 503));
      await sleep(3000);
      const refused = proxy.answers.filter(({ status }) => status !== 202);
      assert.ok(refused.length > 20, `${refused.length}`);
      for (const { status, retryAfter } of refused) assert.deepEqual([status, retryAfter], [503, '30']);
      assert.equal((await collector.get('/healthz')).status, 200);
      assert.equal((await collector.get('/v1/nodes')).status, 200, 'what is there can be asked for');
      assert.ok(fleet.running());
      await rm(`${inside}/ballast`);
      fleet.hurry();
      const counts = await fleet.done;
      assert.equal(counts?.refused, 0);
      await endsAs(collector, 20_000);
      await tellsEachOnce(collector);
      assert.match(collector.logText(), /the store takes no reports; agents keep them.*is full: free some of it/);
      assert.match(collector.logText(), /the store takes reports again/);
    } finally {
      await proxy.close();
    }
  });

  it('does not fill a small disk, however much may be kept', async function () {
    if (!(await canMount())) {
      process.stdout.write('    left out: it needs root, for a small file system\n');
      this.skip();
    }
    const place = `${folder}/kept`;
    const mount = `mkdir -p ${place} && mount -t tmpfs -o size=112m tmpfs ${place} && exec "$0" "$@"`;
    const program = fileURLToPath(new URL('../kit/small-disk.ts', import.meta.url));
    const command = ['--mount', 'sh', '-c', mount, process.execPath, program, place, String(10 * 1024 ** 3)];
    const { stdout } = await promisify(execFile)('unshare', command, { timeout: 60_000 });
    const { most, ...said } = JSON.parse(stdout);
    assert.deepEqual(said, { sent: 2400, refused: 0, last: true, first: false });
    assert.ok(most < 100 * 1024 * 1024, `${most}`);
  });

  describe('on PostgreSQL', () => {
    let server: TestPostgres | null = null;
    before(async function () {
      const missing = await postgresMissing();
      if (missing !== null) {
        process.stdout.write(`    left out: ${missing}\n`);
        this.skip();
      }
      server = await startPostgres();
    });
    after(async () => {
      await server?.stop();
    });

    it('ends the same over a database that is stopped at once and killed, and says so meanwhile', async () => {
      assert.ok(server !== null);
      const collector = await collect(await server.createDatabase());
      const proxy = await startHostileProxy();
      try {
        proxy.to = collector.port;
        const fleet = await tell('postgres', 3000, proxy.url);
        await knowsAll(collector);
        for (const how of ['immediate', 'kill'] as const) {
          await sleep(500);
          await (how === 'kill' ? server.kill() : server.halt(how));
          const down = proxy.answers.length;
          await until('a refusal', () => proxy.answers.slice(down).some(({ status }) => status === 503));
          assert.equal((await collector.get('/v1/nodes')).status, 503);
          assert.equal((await collector.get('/healthz')).status, 200);
          if (how === 'kill') {
            await until('it says so', async () => (await collector.get('/readyz')).status === 503);
          }
          await server.resume();
          const up = proxy.answers.length;
          await until('it is back', () => proxy.answers.slice(up).some(({ status }) => status === 202));
        }
        for (const { status, retryAfter } of proxy.answers) {
          assert.ok(status === 202 || (status === 503 && Number(retryAfter) >= 1), `${status} ${retryAfter}`);
        }
        assert.ok(fleet.running());
        fleet.hurry();
        const counts = await fleet.done;
        assert.deepEqual([counts?.refused, counts?.unusable], [0, 0]);
        await endsAs(collector, 20_000);
        await tellsEachOnce(collector);
      } finally {
        await proxy.close();
      }
    });

    it('goes on with the other of two collectors, and tells everything once', async () => {
      assert.ok(server !== null);
      const store = await server.createDatabase();
      const hook = await startIncomingHook();
      const config = `${folder}/two.yaml`;
      await writeFile(config, `notify:\n  - { type: webhook, url: "${hook.url}/in", delay: 0s, window: 200ms }\n`);
      const told = (): readonly string[] =>
        hook.messages.flatMap(({ body }) =>
          JSON.parse(body).changes.map(
            ({ change, incident }: Record<string, { cause: string }>) => `${change} ${incident?.cause}`,
          ),
        );
      try {
        const first = await collect(store, ['--config', config]);
        const leads = async (one: CollectorProcess): Promise<boolean> =>
          (await one.get('/readyz?verbose')).text.includes('This collector evaluates');
        await until('a leader', () => leads(first));
        const second = await collect(store, ['--config', config]);
        front.backends = [first.port, second.port];
        const fleet = await tell('two', 1000);
        const reader = readEvents(first.port, '0');
        await until('the first notice', () => told().includes('opened dns-timeout'));
        // What was told is in the store before the next thing is done; a kill in between is told again with the same id.
        await sleep(700);
        assert.equal(await leads(second), false);
        const before = told();
        const killed = performance.now();
        await first.stop('SIGKILL');
        await until('the other one leads', () => leads(second));
        const took = performance.now() - killed;
        // The lease, and how often it is asked for.
        assert.ok(took < 15_000, `${took}`);
        fleet.hurry();
        const counts = await fleet.done;
        assert.equal(counts?.refused, 0);
        await endsAs(second, 20_000);
        await until('all notices', () => told().length >= 4);
        await sleep(1500);
        assert.deepEqual([...told()].sort(), [
          'opened disk-full',
          'opened dns-timeout',
          'opened tag-not-found',
          'opened tls-certificate-expired',
        ]);
        assert.ok(before.length < 4, 'some of them by the other one');
        assert.equal(new Set(hook.messages.map(({ headers }) => headers['webhook-id'])).size, hook.messages.length);

        await reader.ended;
        const rest = readEvents(second.port, reader.events.at(-1)?.id ?? '0');
        await until('the rest', () => rest.events.length > 0);
        await sleep(300);
        rest.close();
        assert.ok(reader.events.length > 0);
        assertEachOnce([...reader.events, ...rest.events]);
      } finally {
        await hook.close();
      }
    });
  });
});

/** An incident in a line. */
function briefly(incident: unknown): string {
  const { cause, subject, scope, failing, attribution } = Object(incident);
  const words = attribution.map(({ attribute, value }: Record<string, string>) => ` ${attribute}=${value}`).join('');
  return `${cause} ${subject.kind} ${subject.name}: ${scope}, ${failing}${words}`;
}

async function until(what: string, holds: () => boolean | Promise<boolean>, ms = 20_000): Promise<void> {
  for (const limit = performance.now() + ms; performance.now() < limit; await sleep(50)) if (await holds()) return;
  assert.fail(`it did not come: ${what}`);
}

/** Every node has told how it found things: of healthy ones that come later incidents tell a minute later. */
async function knowsAll(collector: CollectorProcess): Promise<void> {
  await until('all nodes', async () => {
    const { items } = (await collector.get('/v1/nodes?limit=500')).body;
    const known = items.filter(({ state }: { state: string }) => state !== 'unknown');
    return known.length === fleetStory.nodes;
  });
}

async function metric(collector: CollectorProcess, name: string): Promise<number> {
  const { text } = await collector.get('/metrics');
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
}

/** No incident was opened twice, and events are numbered without a gap. */
async function tellsEachOnce({ port }: CollectorProcess): Promise<void> {
  const reader = readEvents(port, '0');
  await until('events', () => reader.events.length > 0);
  await sleep(300);
  reader.close();
  assertEachOnce(reader.events);
}

function assertEachOnce(events: EventReader['events']): void {
  assert.deepEqual(
    events.map(({ id }) => Number(id)),
    events.map((_, at) => at + 1),
  );
  const opened = events
    .filter(({ data }) => data.type === 'incident-opened')
    .map(({ data }) => Object(data.incident).cause)
    .sort();
  assert.deepEqual(opened, ['disk-full', 'dns-timeout', 'tag-not-found', 'tls-certificate-expired']);
  assert.deepEqual(
    events.filter(({ data }) => data.type === 'incident-closed'),
    [],
  );
}

async function canMount(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  return promisify(execFile)('unshare', ['--mount', 'sh', '-c', 'mount -t tmpfs tmpfs /mnt']).then(
    () => true,
    () => false,
  );
}
