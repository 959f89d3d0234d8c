import assert from 'node:assert/strict';
import { evaluate } from '../../src/collector/incidents/evaluate.ts';
import { type LeaderNeeds, openLeader } from '../../src/collector/leader.ts';
import { fellSilent, nodeStates } from '../../src/collector/look.ts';
import { type LookerNeeds, openLooker } from '../../src/collector/looker.ts';
import type { Notifier } from '../../src/collector/notify/notifier.ts';
import type { CheckedRecord, KnownNode, Observation, Store, StoreFailure } from '../../src/collector/parts.ts';
import { openRetention } from '../../src/collector/retention.ts';
import { fleetRules } from '../../src/collector/rules.ts';
import { openStore } from '../../src/collector/store/store.ts';
import { openLog } from '../../src/lib/log.ts';
import { openMetrics } from '../../src/lib/metrics.ts';
import { fail, ok } from '../../src/lib/result.ts';
import { fleetAt } from '../kit/fleet-documents.ts';

const quiet = { level: 'error', format: 'text' } as const;
const gone: StoreFailure = { reason: 'gone', message: 'no connection to db' };

function ownClock() {
  let ms = 0;
  return {
    env: { now: () => fleetAt + ms, monotonic: () => ms, random: () => 0.5 },
    at: (seconds: number) => {
      ms = seconds * 1000;
    },
    seconds: () => ms / 1000,
  };
}

type Clock = ReturnType<typeof ownClock>;

async function memoryStore({ env }: Clock): Promise<Store> {
  const opened = await openStore('sqlite::memory:', {
    env,
    log: openLog({ env, write: () => undefined, settings: () => quiet }),
  });
  assert.ok(opened.ok, JSON.stringify(opened));
  return opened.value;
}

function leaderOf(
  clock: Clock,
  store: LeaderNeeds['store'] & LookerNeeds['store'],
  holder: string,
  {
    evaluate: decide = evaluate,
    ...more
  }: Partial<Pick<LeaderNeeds, 'notifier' | 'news'> & Pick<LookerNeeds, 'evaluate'>> = {},
) {
  const lines: string[] = [];
  const { env } = clock;
  const metrics = openMetrics();
  const log = openLog({
    env,
    write: (line) => void lines.push(line),
    settings: () => ({ level: 'info', format: 'json' }),
  });
  const leader = openLeader({
    ...{ env, log, metrics, store, holder, ...more },
    looker: openLooker({ env, store, evaluate: decide }),
  });
  return {
    ...leader,
    lines,
    text: () => metrics.text(),
    /** As the collector's timer does, until that second. */
    async until(seconds: number) {
      for (let at = clock.seconds(); at <= seconds; at += 0.25) {
        clock.at(at);
        await leader.tick();
      }
    },
  };
}

const time = (seconds: number): string => new Date(fleetAt + seconds * 1000).toISOString();

/** What an agent reports of one registry. */
function health(seq: number, seconds: number, healthy: boolean): CheckedRecord {
  return {
    seq,
    kind: 'health',
    at: fleetAt + seconds * 1000,
    checks: [
      {
        of: 'registry',
        subject: 'registry.corp.example',
        verdict: healthy ? 'healthy' : 'faulty',
        cause: healthy ? null : 'tcp-timeout',
        confidence: healthy ? null : 'proven',
        layer: healthy ? null : 'tcp',
        underlying: null,
        host: 'registry.corp.example',
        summary: healthy ? 'It answers.' : 'Packets vanish.',
        checkedAt: time(seconds),
        since: time(seconds),
      },
    ],
  };
}

async function report(store: Store, clock: Clock, node: string, seq: number, healthy: boolean): Promise<void> {
  const seconds = clock.seconds();
  const record = health(seq, seconds, healthy);
  const batch = {
    node,
    bootId: 'b',
    receivedAt: fleetAt + seconds * 1000,
    clockOffsetMs: 0,
    records: [record],
    refused: [],
  };
  const taken = await store.ingest(batch);
  assert.ok(taken.ok, JSON.stringify(taken));
}

/** Counts calls, and fails on demand. */
function frail(store: Store) {
  const calls = { lease: 0, failing: 0, fleet: 0, decide: 0 };
  let broken: readonly (keyof typeof calls)[] = [];
  const wrap =
    <A extends unknown[], R>(name: keyof typeof calls, call: (...args: A) => Promise<R>) =>
    async (...args: A) => {
      calls[name]++;
      return broken.includes(name) ? fail(gone) : call(...args);
    };
  return {
    calls,
    break: (...names: (keyof typeof calls)[]) => {
      broken = names;
    },
    store: {
      ...store,
      lease: wrap('lease', store.lease),
      failing: wrap('failing', store.failing),
      fleet: wrap('fleet', store.fleet),
      decide: wrap('decide', store.decide),
    },
  };
}

/** Remembers what it was told. */
function listener(): Notifier & { readonly ticks: string[]; losses: () => number } {
  const ticks: string[] = [];
  let losses = 0;
  return {
    ticks,
    losses: () => losses,
    tick: (incidents, leading) => void ticks.push(`${leading()} ${incidents.map(({ state }) => state).join()}`),
    lost: () => void losses++,
    idle: async () => undefined,
    close: async () => undefined,
  };
}

async function openIncidents(store: Store): Promise<readonly string[]> {
  const found = await store.incidents({ limit: 10, cursor: null, state: 'open' });
  assert.ok(found.ok);
  return found.value.items.map(({ cause, scope }) => `${cause} ${scope}`);
}

describe('collector: leader', () => {
  it('opens an incident within a second or two of the reports, tells of it, and closes it', async () => {
    const clock = ownClock();
    const store = await memoryStore(clock);
    const notifier = listener();
    const leader = leaderOf(clock, store, 'me', { notifier });
    await leader.until(1);
    assert.ok(leader.leading());
    for (let node = 0; node < 8; node++) await report(store, clock, `n${node}`, 1, false);
    await leader.until(3);
    assert.deepEqual(await openIncidents(store), ['tcp-timeout cluster']);
    assert.equal(notifier.ticks.at(-1), 'true open');
    assert.match(leader.text(), /^pullwhy_collector_leader 1$/m);
    assert.match(
      leader.text(),
      /^pullwhy_collector_incidents\{cause="tcp-timeout",scope="cluster",severity="fault"\} 1$/m,
    );
    assert.match(leader.text(), /^pullwhy_collector_nodes\{state="faulty"\} 8$/m);
    for (let node = 0; node < 8; node++) await report(store, clock, `n${node}`, 2, true);
    await leader.until(10 + fleetRules.closeAfterMs / 1000);
    assert.deepEqual(await openIncidents(store), []);
    assert.equal(notifier.ticks.at(-1), 'true closed');
    assert.match(leader.text(), /^pullwhy_collector_nodes\{state="healthy"\} 8$/m);
    assert.doesNotMatch(leader.text(), /^pullwhy_collector_incidents\{/m);
    await leader.close();
    await store.close();
  });

  it('is one of two; the other takes over when it is gone, at once when it says so, and nothing is doubled', async () => {
    const clock = ownClock();
    const store = await memoryStore(clock);
    const heard = listener();
    const first = leaderOf(clock, store, 'first', { notifier: heard });
    const second = leaderOf(clock, store, 'second');
    await first.tick();
    await second.tick();
    assert.deepEqual([first.leading(), second.leading()], [true, false]);
    for (let node = 0; node < 8; node++) await report(store, clock, `n${node}`, 1, false);
    await first.until(2);
    assert.match(second.text(), /^pullwhy_collector_leader 0$/m);
    // The first hangs: nothing of it runs for longer than its lease.
    await second.until(16);
    assert.ok(second.leading());
    assert.deepEqual(await openIncidents(store), ['tcp-timeout cluster']);
    assert.equal(first.leading(), false, 'without asking, for its time is over');
    await first.tick();
    assert.equal(heard.losses(), 1);
    assert.equal(first.leading(), false);
    assert.doesNotMatch(first.text(), /^pullwhy_collector_incidents\{/m, 'a sum over collectors counts none twice');
    await second.close();
    await first.until(20);
    assert.ok(first.leading(), 'the lease was given back');
    assert.deepEqual(await openIncidents(store), ['tcp-timeout cluster']);
    await first.close();
    await store.close();
  });

  it('writes nothing after its lease went to another, though it does not know yet', async () => {
    const clock = ownClock();
    const store = await memoryStore(clock);
    const first = leaderOf(clock, store, 'first');
    await first.until(1);
    // Another machine's clock is far ahead, so that it takes the lease early.
    const stolen = await store.lease('evaluator', 'thief', fleetAt + 60_000, 60_000);
    assert.ok(stolen.ok && stolen.value);
    for (let node = 0; node < 8; node++) await report(store, clock, `n${node}`, 1, false);
    clock.at(2.1);
    await first.tick();
    assert.equal(first.leading(), false);
    assert.deepEqual(await openIncidents(store), []);
    assert.ok(first.lines.some((line) => line.includes('another collector has it')));
    await first.close();
    const kept = await store.lease('evaluator', 'thief', fleetAt + 61_000, 60_000);
    assert.ok(kept.ok && kept.value, 'what is not its own it does not give back');
    await store.close();
  });

  for (const parts of [['lease'], ['failing'], ['lease', 'failing', 'fleet', 'decide']] as const) {
    it(`tells once that the store fails (${parts.join(', ')}), asks it ever more rarely, and goes on when it is back`, async () => {
      const clock = ownClock();
      const store = await memoryStore(clock);
      const { calls, store: wrapped, break: breakIt } = frail(store);
      const leader = leaderOf(clock, wrapped, 'me');
      await leader.until(2);
      breakIt(...parts);
      const before = calls[parts[0]];
      await leader.until(300);
      const tries = calls[parts[0]] - before;
      assert.ok(tries < 60, `${tries} tries in five minutes`);
      const told = (text: string): number => leader.lines.filter((line) => line.includes(text)).length;
      assert.deepEqual([told('the store fails'), told('the store is back')], [1, 0]);
      assert.deepEqual(leader.problems(), ['Incidents are not evaluated: no connection to db']);
      assert.match(leader.text(), /pullwhy_collector_look_failures_total\{reason="gone"\} \d+/);
      breakIt();
      await leader.until(400);
      assert.ok(leader.leading());
      assert.deepEqual(leader.problems(), []);
      assert.deepEqual([told('the store fails'), told('the store is back')], [1, 1]);
      await leader.close();
      await store.close();
    });
  }

  it('leaves looks without news out, and makes one all the same from time to time', async () => {
    const clock = ownClock();
    const store = await memoryStore(clock);
    const { calls, store: wrapped } = frail(store);
    let news = 0;
    const leader = leaderOf(clock, wrapped, 'me', { news: () => news });
    await leader.until(60);
    assert.ok(calls.failing <= 14, `${calls.failing} looks in a minute without news`);
    const before = calls.failing;
    for (let second = 61; second <= 70; second++) {
      news++;
      await leader.until(second);
    }
    assert.ok(calls.failing - before >= 9, `${calls.failing - before} looks in ten seconds of news`);
    await leader.close();
    await store.close();
  });

  it('rests between looks that take long', async () => {
    const clock = ownClock();
    const store = await memoryStore(clock);
    let looks = 0;
    const slow = {
      ...store,
      failing: async (most: number) => {
        looks++;
        clock.at(clock.seconds() + 2);
        return store.failing(most);
      },
    };
    const leader = leaderOf(clock, slow, 'me');
    for (let tick = 0; tick < 400 && clock.seconds() < 80; tick++) {
      clock.at(clock.seconds() + 0.25);
      await leader.tick();
    }
    assert.ok(looks >= 8 && looks <= 11, `${looks} looks of 2 s in 80 s`);
    await leader.close();
    await store.close();
  });

  it('looks at no more than it can, and says so', async () => {
    const clock = ownClock();
    const store = await memoryStore(clock);
    let given = fleetRules.mostFailing + 1;
    const [one] = await failingOf(store, clock);
    assert.ok(one !== undefined);
    let seen = 0;
    const large = { ...store, failing: async () => ok(Array.from({ length: given }, () => one)) };
    const leader = leaderOf(clock, large, 'me', {
      evaluate: (look) => {
        seen = look.failing.length;
        return { incidents: [], events: [], nodes: { known: new Set(), silent: new Set() } };
      },
    });
    await leader.until(5);
    assert.equal(seen, fleetRules.mostFailing);
    assert.match(leader.problems().join(), /More than 50000 things fail at once/);
    assert.equal(leader.lines.filter((line) => line.includes('"level":"error"')).length, 1);
    given = 1;
    await leader.until(8);
    assert.deepEqual(leader.problems(), []);
    await leader.close();
    await store.close();
  });

  it('takes nobody for silent because it could not hear', async () => {
    const clock = ownClock();
    const store = await memoryStore(clock);
    const { store: wrapped, break: breakIt } = frail(store);
    const events: string[] = [];
    const leader = leaderOf(clock, wrapped, 'me', {
      evaluate: (look) => {
        const decision = evaluate(look);
        events.push(...decision.events.map(({ type, node }) => `${type} ${node}`));
        return decision;
      },
    });
    await report(store, clock, 'n1', 1, true);
    await leader.until(5);
    breakIt('lease', 'failing', 'fleet', 'decide');
    await leader.until(600);
    breakIt();
    await leader.until(700);
    assert.equal(events.join(), '', 'the store was away for ten minutes, and the node was not heard for it');
    await leader.until(1000);
    assert.deepEqual(
      events.filter((event) => event.includes('silent')),
      ['node-silent n1'],
    );
    await leader.close();
    await store.close();
  });

  it('never does two things at once', async () => {
    const clock = ownClock();
    const store = await memoryStore(clock);
    let open = 0;
    let most = 0;
    const slow = {
      ...store,
      failing: async (limit: number) => {
        most = Math.max(most, ++open);
        await new Promise((resolve) => setTimeout(resolve, 20));
        open--;
        return store.failing(limit);
      },
    };
    const leader = leaderOf(clock, slow, 'me');
    await Promise.all([leader.tick(), leader.tick(), leader.tick()]);
    clock.at(5);
    await Promise.all([leader.tick(), leader.tick()]);
    assert.equal(most, 1);
    await leader.close();
    await leader.tick();
    await store.close();
  });
});

async function failingOf(store: Store, clock: Clock): Promise<readonly Observation[]> {
  await report(store, clock, 'n1', 1, false);
  const found = await store.failing(10);
  assert.ok(found.ok);
  return found.value;
}

describe('collector: what is read of a look', () => {
  const known = (node: string, lastSeenAt: number): KnownNode => ({
    node,
    firstSeenAt: 0,
    lastSeenAt,
    clockOffsetMs: 0,
    agentVersion: null,
    agentStartedAt: null,
    attributes: {},
    heartbeat: null,
  });
  const now = 1_000_000;

  it('knows when a list of nodes is too old to say who is silent', () => {
    const limit = fleetRules.silentAfterMs;
    assert.equal(fellSilent([known('a', now - limit)], now - 1000, now), false);
    assert.equal(fellSilent([known('a', now - limit - 1)], now - 1000, now), true);
    assert.equal(fellSilent([known('a', now - limit - 2000)], now - 1000, now), false, 'it was silent already');
  });

  it('counts nodes by their worst, silence before all, and no typo, and none that has gone', async () => {
    const clock = ownClock();
    const store = await memoryStore(clock);
    const [one] = await failingOf(store, clock);
    assert.ok(one !== undefined);
    const failing: Observation[] = [
      { ...one, node: 'a', verdict: 'degraded' },
      { ...one, node: 'a', verdict: 'faulty' },
      { ...one, node: 'b', verdict: 'degraded' },
      { ...one, node: 'c', verdict: 'inconclusive', cause: null },
      { ...one, node: 'd', kind: 'image', cause: 'tag-not-found' },
      { ...one, node: 'e', verdict: 'faulty' },
    ];
    const fleet = ['a', 'b', 'c', 'd', 'f'].map((node) => known(node, now));
    const silent = [known('e', now - fleetRules.silentAfterMs - 1), known('gone', now - fleetRules.goneAfterMs - 1)];
    const counts = nodeStates({ now, failing, fleet: [...fleet, ...silent] });
    assert.deepEqual(counts, { healthy: 2, degraded: 1, faulty: 1, silent: 1, unknown: 1 });
    await store.close();
  });
});

describe('collector: retention', () => {
  function retentionOf(clock: Clock, answers: (number | null)[]) {
    const asked: { at: number; olderThan: number; maxBytes: number }[] = [];
    const lines: string[] = [];
    const { env } = clock;
    const log = openLog({
      env,
      write: (line) => void lines.push(line),
      settings: () => ({ level: 'info', format: 'json' }),
    });
    const retention = openRetention({
      env,
      log,
      metrics: openMetrics(),
      store: {
        prune: async (keep) => {
          asked.push({ at: clock.seconds(), ...keep });
          const rows = answers.shift() ?? 0;
          return rows < 0 ? fail(gone) : ok({ rows, bytes: 0 });
        },
      },
      keep: () => ({ maxAgeMs: 1000, maxBytes: 5 }),
    });
    const until = async (seconds: number): Promise<void> => {
      for (let at = clock.seconds(); at <= seconds; at += 0.25) {
        clock.at(at);
        retention.tick();
        await retention.idle();
      }
    };
    return { asked, lines, until };
  }

  it('drops in slices until nothing is left, once a minute', async () => {
    const clock = ownClock();
    const { asked, lines, until } = retentionOf(clock, [500, 500, 20, 0]);
    await until(59);
    assert.deepEqual(asked, []);
    await until(119);
    assert.deepEqual(
      asked.map(({ at }) => at),
      [60, 60.25, 60.5, 60.75],
    );
    assert.deepEqual(asked[0], { at: 60, olderThan: fleetAt + 59_000, maxBytes: 5 });
    assert.match(lines.join(''), /"rows":1020/);
    await until(130);
    assert.equal(asked.length, 5);
  });

  it('drops so much in one round and goes on in the next', async () => {
    const clock = ownClock();
    const { asked, until } = retentionOf(
      clock,
      Array.from({ length: 1000 }, () => 500),
    );
    await until(119);
    assert.equal(asked.length, 200);
  });

  it('says once that it cannot', async () => {
    const clock = ownClock();
    const { asked, lines, until } = retentionOf(clock, [-1, -1, -1, 0]);
    await until(400);
    assert.ok(asked.length >= 5);
    assert.equal(lines.length, 1);
  });
});
