import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FleetIncident } from '../../../src/api/fleet.ts';
import type { Frozen } from '../../../src/api/schema.ts';
import { Type } from '../../../src/api/schema.ts';
import { openNotifier } from '../../../src/collector/notify/notifier.ts';
import { NotifySettings, notifyProblems } from '../../../src/collector/notify/settings.ts';
import { openTarget } from '../../../src/collector/notify/target.ts';
import type { Store, StoreFailure } from '../../../src/collector/parts.ts';
import { openStore } from '../../../src/collector/store/store.ts';
import { openLog } from '../../../src/lib/log.ts';
import { openMetrics } from '../../../src/lib/metrics.ts';
import { fail } from '../../../src/lib/result.ts';
import { loadSettings } from '../../../src/settings/load.ts';
import { fleetAt, fleetIncident } from '../../kit/fleet-documents.ts';
import { startIncomingHook } from '../../kit/incoming-hook.ts';

type Incident = Frozen<FleetIncident>;
type Row = Readonly<Record<string, unknown>>;

/** A clock that a test owns; chance is always one half. */
function ownClock() {
  let ms = 0;
  return {
    env: { now: () => fleetAt + ms, monotonic: () => ms, random: () => 0.5 },
    at: (seconds: number) => {
      ms = seconds * 1000;
    },
  };
}

type Clock = ReturnType<typeof ownClock>;

async function memoryStore({ env }: Clock): Promise<Store> {
  const log = openLog({ env, write: () => undefined, settings: () => ({ level: 'error', format: 'text' }) });
  const opened = await openStore('sqlite::memory:', { env, log });
  assert.ok(opened.ok, JSON.stringify(opened));
  return opened.value;
}

/** A notifier as a collector's process has it: what it knows beyond the store goes with it. */
function notifierOf(clock: Clock, store: Pick<Store, 'sent' | 'recordSent' | 'incident'>, notify: readonly Row[]) {
  const loaded = loadSettings(Type.Object({ notify: NotifySettings }), {
    file: { path: 'c.yaml', text: JSON.stringify({ notify }) },
    environment: {},
    flags: new Map(),
  });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const entries = loaded.value.value.notify;
  assert.deepEqual(notifyProblems(entries), []);
  const lines: string[] = [];
  const { env } = clock;
  const log = openLog({
    env,
    write: (line) => void lines.push(line),
    settings: () => ({ level: 'debug', format: 'json' }),
  });
  const metrics = openMetrics();
  const targets = entries.map((entry) => openTarget(entry, env));
  const notifier = openNotifier({ env, log, metrics, store, targets, linkOf: (id) => `https://pullwhy.test/${id}` });
  return {
    ...notifier,
    lines,
    metrics,
    /** Ticks until nothing more is due at this moment. */
    async tell(incidents: readonly Incident[], leading: () => boolean = () => true) {
      notifier.tick(incidents, leading);
      await notifier.idle();
    },
  };
}

const at = (seconds: number): string => new Date(fleetAt + seconds * 1000).toISOString();
const fresh = (id: string, changes: Partial<Incident> = {}): Incident =>
  fleetIncident(id, { openedAt: at(0), ...changes });
const usual = { type: 'webhook', name: 'hook', window: '0s', delay: '0s' };
const changesOf = (body: string): string =>
  JSON.parse(body)
    .changes.map((one: { change: string; incident: { id: string } }) => `${one.change} ${one.incident.id}`)
    .join();

describe('collector: notifier', () => {
  it('tells each thing once, over restarts and at another collector', async () => {
    const clock = ownClock();
    const store = await memoryStore(clock);
    const hook = await startIncomingHook();
    try {
      const said = (): string[] => hook.messages.map(({ body }) => changesOf(body));
      const settings = [{ ...usual, url: `${hook.url}/in` }];
      const first = notifierOf(clock, store, settings);
      await first.tell([fresh('a', { scope: 'node' })]);
      await first.tell([fresh('a', { scope: 'node' })]);
      assert.deepEqual(said(), ['opened a']);

      const restarted = notifierOf(clock, store, settings);
      await restarted.tell([fresh('a', { scope: 'node' })]);
      assert.deepEqual(said(), ['opened a'], 'a restart says nothing again');

      clock.at(100);
      await restarted.tell([fresh('a', { scope: 'cluster' })]);
      restarted.lost();
      const other = notifierOf(clock, store, settings);
      await other.tell([fresh('a', { scope: 'cluster' })]);
      assert.deepEqual(said(), ['opened a', 'changed a'], 'nor does another leader');

      clock.at(200);
      await other.tell([fresh('a', { scope: 'cluster', state: 'closed', closedAt: at(200) })]);
      await first.tell([fresh('a', { scope: 'cluster', state: 'closed', closedAt: at(200) })]);
      assert.deepEqual(said().slice(0, 3), ['opened a', 'changed a', 'closed a']);
      first.lost();
      await first.tell([fresh('a', { scope: 'cluster', state: 'closed', closedAt: at(200) })]);
      assert.equal(said().length, 4, 'after the lease was lost the store says what was told');
      for (const notifier of [first, restarted, other]) await notifier.close();
    } finally {
      await hook.close();
      await store.close();
    }
  });

  it('begins nothing that may arrive when another leads', async () => {
    const clock = ownClock();
    const store = await memoryStore(clock);
    const hook = await startIncomingHook();
    try {
      const notifier = notifierOf(clock, store, [{ ...usual, url: hook.url }]);
      await notifier.tell([fresh('a')], () => false);
      assert.equal(hook.messages.length, 0);
      let asked = 0;
      await notifier.tell([fresh('a'), fresh('b')], () => ++asked < 3);
      assert.equal(hook.messages.length, 1, 'it is asked again before each message');
      await notifier.close();
    } finally {
      await hook.close();
      await store.close();
    }
  });

  it('puts what comes within the window into one message', async () => {
    const clock = ownClock();
    const store = await memoryStore(clock);
    const hook = await startIncomingHook();
    try {
      const notifier = notifierOf(clock, store, [{ ...usual, url: hook.url, window: '5s' }]);
      const storm = ['a', 'b', 'c', 'd', 'e'].map((id) => fresh(id));
      await notifier.tell(storm.slice(0, 1));
      clock.at(3);
      await notifier.tell(storm);
      assert.equal(hook.messages.length, 0);
      clock.at(5);
      await notifier.tell(storm);
      assert.deepEqual(
        hook.messages.map(({ body }) => changesOf(body).split(',').length),
        [5],
      );
      await notifier.close();
    } finally {
      await hook.close();
      await store.close();
    }
  });

  it('tries again what did not arrive, after what the server asks for, and holds no other target up', async () => {
    const clock = ownClock();
    const store = await memoryStore(clock);
    const answers: ((response: ServerResponse) => void)[] = [
      (response) => void response.writeHead(429, { 'retry-after': '120' }).end(),
      (response) => void response.writeHead(500).end('no tok-abcdefgh today'),
      (response) => void response.destroy(),
      (response) => void response.end('ok'),
    ];
    const bad = await startIncomingHook((response, _, index) => answers[Math.min(index, 3)]?.(response));
    const good = await startIncomingHook();
    const folder = await mkdtemp(join(tmpdir(), 'pullwhy-notify-'));
    try {
      await writeFile(join(folder, 'url'), `${bad.url}/services/T00/B00/sEcReTpAtH\n`);
      await writeFile(join(folder, 'token'), 'tok-abcdefgh\n');
      const notifier = notifierOf(clock, store, [
        { ...usual, name: 'bad', urlFile: join(folder, 'url'), tokenFile: join(folder, 'token') },
        { ...usual, name: 'good', url: good.url },
      ]);
      const incidents = [fresh('a')];
      await notifier.tell(incidents);
      assert.deepEqual([bad.messages.length, good.messages.length], [1, 1]);
      clock.at(119);
      await notifier.tell(incidents);
      assert.equal(bad.messages.length, 1, 'it is left alone for as long as it asked for');
      for (const seconds of [140, 200, 280]) {
        clock.at(seconds);
        await notifier.tell(incidents);
      }
      assert.equal(bad.messages.length, 4);
      clock.at(400);
      await notifier.tell(incidents);
      assert.deepEqual([bad.messages.length, good.messages.length], [4, 1], 'it has arrived');
      assert.equal(bad.messages[0]?.headers.authorization, 'Bearer tok-abcdefgh');
      const ids = new Set(bad.messages.map(({ headers }) => headers['idempotency-key']));
      assert.equal(ids.size, 1, 'a message that is tried again can be told by its id');

      const log = notifier.lines.join('');
      assert.doesNotMatch(log + notifier.metrics.text(), /sEcReTpAtH|tok-abcd|T00/);
      const levels = notifier.lines.map((line) => JSON.parse(line).level);
      assert.deepEqual(levels, ['warn', 'debug', 'debug', 'info'], 'told once, and when it is over');
      const text = notifier.metrics.text();
      assert.match(text, /pullwhy_collector_notices_total\{target="bad",change="opened"\} 1/);
      assert.match(text, /pullwhy_collector_notify_failures_total\{target="bad",reason="throttled"\} 1/);
      assert.match(text, /pullwhy_collector_notices_waiting\{target="bad"\} 0/);
      await notifier.close();
    } finally {
      await rm(folder, { recursive: true });
      await Promise.all([bad.close(), good.close()]);
      await store.close();
    }
  });

  it('says nothing at all of what was over while the target was away', async () => {
    const clock = ownClock();
    const store = await memoryStore(clock);
    let up = false;
    const hook = await startIncomingHook((response) => void response.writeHead(up ? 200 : 503).end());
    try {
      const notifier = notifierOf(clock, store, [{ ...usual, url: hook.url }]);
      await notifier.tell([fresh('a'), fresh('b')]);
      up = true;
      clock.at(600);
      await notifier.tell([fresh('a', { state: 'closed', closedAt: at(300) }), fresh('b')]);
      assert.deepEqual(hook.messages.map(({ body }) => changesOf(body)).slice(1), ['opened b']);
      await notifier.close();
    } finally {
      await hook.close();
      await store.close();
    }
  });

  it('leaves out a message that is refused for itself, and goes on', async () => {
    const clock = ownClock();
    const store = await memoryStore(clock);
    const hook = await startIncomingHook(
      (response, { body }) => void response.writeHead(body.includes('poison') ? 400 : 200).end('invalid_blocks'),
    );
    try {
      const notifier = notifierOf(clock, store, [
        { type: 'slack', name: 'chat', url: `${hook.url}/s`, window: '0s', delay: '0s' },
      ]);
      const incidents = [fresh('a', { summary: 'poison', scope: 'cluster' }), fresh('b')];
      for (const seconds of [0, 100, 200, 300]) {
        clock.at(seconds);
        await notifier.tell(incidents);
      }
      const bodies = hook.messages.map(({ body }) => JSON.parse(body));
      assert.equal(bodies.filter(({ text }) => text.includes('poison')).length, 3);
      assert.deepEqual(
        bodies.map(({ blocks }) => blocks !== undefined).slice(0, 2),
        [true, false],
        'without blocks at the second try',
      );
      assert.equal(bodies.filter(({ text }) => !text.includes('poison')).length, 1, 'the other one arrives');
      assert.ok(notifier.lines.some((line) => /"level":"error".*refused and left out/.test(line)));
      await notifier.close();
    } finally {
      await hook.close();
      await store.close();
    }
  });

  it('tells of the end of what has left the list meanwhile, and forgets what nobody knows', async () => {
    const clock = ownClock();
    const store = await memoryStore(clock);
    const hook = await startIncomingHook();
    try {
      const settings = [{ ...usual, url: hook.url }];
      const first = notifierOf(clock, store, settings);
      await first.tell([fresh('a'), fresh('b')]);
      const closed = fresh('a', { state: 'closed', closedAt: at(50) });
      assert.ok((await store.lease('l', 'me', fleetAt, 1000)).ok);
      const written = await store.decide(
        { name: 'l', holder: 'me', now: fleetAt },
        {
          incidents: [{ key: 'k', document: closed, memory: '{}' }],
          events: [],
        },
      );
      assert.ok(written.ok && written.value);
      clock.at(7200);
      const later = notifierOf(clock, store, settings);
      await later.tell([]);
      await later.tell([]);
      assert.deepEqual(hook.messages.map(({ body }) => changesOf(body)).slice(2), ['closed a']);
      const known = await store.sent('hook');
      assert.ok(known.ok);
      assert.deepEqual(
        known.value.map(({ fingerprint }) => fingerprint.split(' ')[0]),
        ['closed', 'closed'],
      );
      for (const notifier of [first, later]) await notifier.close();
    } finally {
      await hook.close();
      await store.close();
    }
  });

  it('does not say again what the store could not take down, and takes it down later', async () => {
    const clock = ownClock();
    const store = await memoryStore(clock);
    const hook = await startIncomingHook();
    let broken = true;
    const gone: StoreFailure = { reason: 'gone', message: 'no connection' };
    const frail = {
      ...store,
      recordSent: async (notice: Parameters<Store['recordSent']>[0]) =>
        broken ? fail(gone) : store.recordSent(notice),
    };
    try {
      const notifier = notifierOf(clock, frail, [{ ...usual, url: hook.url }]);
      for (const seconds of [0, 60, 120]) {
        clock.at(seconds);
        await notifier.tell([fresh('a')]);
      }
      assert.equal(hook.messages.length, 1);
      broken = false;
      clock.at(240);
      await notifier.tell([fresh('a')]);
      const known = await store.sent('hook');
      assert.ok(known.ok && known.value.length === 1);
      assert.equal(hook.messages.length, 1);
      await notifier.close();
    } finally {
      await hook.close();
      await store.close();
    }
  });

  it('follows no redirect, and says when a file is missing', async () => {
    const clock = ownClock();
    const store = await memoryStore(clock);
    const elsewhere = await startIncomingHook();
    const hook = await startIncomingHook(
      (response) => void response.writeHead(307, { location: `${elsewhere.url}/x` }).end(),
    );
    try {
      const notifier = notifierOf(clock, store, [
        { ...usual, url: hook.url },
        { ...usual, name: 'fileless', urlFile: '/nonexistent/url' },
      ]);
      await notifier.tell([fresh('a')]);
      assert.deepEqual([hook.messages.length, elsewhere.messages.length], [1, 0]);
      const log = notifier.lines.join('');
      assert.match(log, /redirects are not followed/);
      assert.match(log, /the file of urlFile, \/nonexistent\/url, is not there/);
      await notifier.close();
    } finally {
      await Promise.all([hook.close(), elsewhere.close()]);
      await store.close();
    }
  });

  it('ends within moments while a receiver is silent', async () => {
    const clock = ownClock();
    const store = await memoryStore(clock);
    const hook = await startIncomingHook(() => undefined);
    try {
      const notifier = notifierOf(clock, store, [{ ...usual, url: hook.url }]);
      notifier.tick([fresh('a')], () => true);
      const begun = performance.now();
      await notifier.close();
      assert.ok(performance.now() - begun < 4500, 'before the message would time out');
      const known = await store.sent('hook');
      assert.ok(known.ok && known.value.length === 0);
    } finally {
      await hook.close();
      await store.close();
    }
  });
});
