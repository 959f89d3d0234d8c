import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventReader, type ServerEvent } from '../../../src/cli/event-stream.ts';
import { openEventFeed } from '../../../src/collector/http/event-feed.ts';
import type { Store } from '../../../src/collector/parts.ts';
import { fleetEvent } from '../../kit/fleet-documents.ts';
import { type QueryCollector, startQueryCollector } from '../../kit/query-collector.ts';
import { until } from '../../kit/until.ts';

interface Listener {
  readonly events: ServerEvent[];
  /** Everything that came, comments too. */
  readonly text: () => string;
  /** Ids of events that tell something. */
  readonly ids: () => string[];
  readonly until: (holds: () => boolean) => Promise<void>;
  readonly leave: () => Promise<void>;
}

async function listen(
  collector: QueryCollector,
  { path = '/v1/events', last }: { readonly path?: string; readonly last?: string } = {},
): Promise<Listener> {
  const leaving = new AbortController();
  const response = await fetch(`${collector.url}${path}`, {
    signal: leaving.signal,
    headers: last === undefined ? {} : { 'last-event-id': last },
  });
  assert.equal(response.status, 200, response.ok ? '' : await response.text());
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  const events: ServerEvent[] = [];
  let text = '';
  const reader = eventReader((event) => void events.push(event));
  const decoder = new TextDecoder();
  const read = (async () => {
    for await (const part of response.body ?? []) {
      const words = decoder.decode(part, { stream: true });
      text += words;
      reader(words);
    }
  })().catch(() => undefined);
  return {
    events,
    text: () => text,
    ids: () => events.flatMap(({ event, id }) => (event === 'current' ? [] : [id ?? '?'])),
    until: (holds) => until('what happened', holds),
    async leave() {
      leaving.abort();
      await read;
    },
  };
}

const happened = (count: number) => Array.from({ length: count }, (_, at) => fleetEvent(at + 1));
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => String(from + at));

describe('collector: events', () => {
  let collector: QueryCollector;
  let looks = 0;

  beforeEach(async () => {
    looks = 0;
    collector = await startQueryCollector({
      wrap: (store) => ({
        ...store,
        events: (after, limit) => {
          looks++;
          return store.events(after, limit);
        },
      }),
    });
  });

  afterEach(() => collector.close());

  it('tells what happens from now on, each with its id', async () => {
    await collector.decided([], happened(3));
    const one = await listen(collector);
    await one.until(() => one.events.some(({ event }) => event === 'current'));
    await collector.decided([], happened(2));
    await one.until(() => one.ids().length >= 2);
    assert.deepEqual(one.ids(), ['4', '5']);
    assert.equal(one.events.at(-1)?.event, 'node-silent');
    assert.equal(JSON.parse(one.events.at(-1)?.data ?? '').id, '5');
    assert.match(one.text(), /^retry: 3000\n\nid: 3\n\n/);
    await one.leave();
  });

  it('begins with a store in which nothing has happened yet', async () => {
    const one = await listen(collector);
    await one.until(() => one.events.length > 0);
    await collector.decided([], happened(1));
    await one.until(() => one.ids().length > 0);
    assert.deepEqual(one.ids(), ['1']);
    await one.leave();
  });

  it('goes on behind Last-Event-ID, without a gap and without telling twice', async () => {
    await collector.decided([], happened(250));
    const one = await listen(collector, { last: '17' });
    await one.until(() => one.events.some(({ event }) => event === 'current'));
    assert.deepEqual(one.ids(), numbers(18, 250));
    await collector.decided([], happened(3));
    await one.until(() => one.ids().length >= 236);
    assert.deepEqual(one.ids(), numbers(18, 253));
    assert.equal(one.events.filter(({ event }) => event === 'current').length, 1);
    await one.leave();
    const again = await listen(collector, { path: '/v1/events?after=252' });
    await again.until(() => again.ids().length > 0);
    assert.deepEqual(again.ids(), ['253']);
    await again.leave();
  });

  it('begins with now for an id that this store never gave', async () => {
    await collector.decided([], happened(5));
    const one = await listen(collector, { last: '999999' });
    await one.until(() => one.events.some(({ event }) => event === 'current'));
    await collector.decided([], happened(1));
    await one.until(() => one.ids().length > 0);
    assert.deepEqual(one.ids(), ['6']);
    await one.leave();
  });

  it('says now and then that it is alive', async () => {
    const one = await listen(collector);
    await one.until(() => one.text().includes(': alive\n\n'));
    await one.leave();
  });

  it('tells every reader the same, and asks the store no more for many than for one', async () => {
    const readers = await Promise.all(Array.from({ length: 12 }, () => listen(collector)));
    await Promise.all(readers.map((one) => one.until(() => one.events.length > 0)));
    looks = 0;
    await sleep(400);
    assert.ok(looks > 2 && looks < 40, `${looks} looks in 400 ms for 12 readers`);
    await collector.decided([], happened(30));
    await Promise.all(readers.map((one) => one.until(() => one.ids().length >= 30)));
    for (const one of readers) assert.deepEqual(one.ids(), numbers(1, 30));
    await Promise.all(readers.map((one) => one.leave()));
  });

  it('asks the store nothing while nobody listens', async () => {
    const one = await listen(collector);
    await one.until(() => one.events.length > 0);
    await one.leave();
    await until('the readers are counted', () => collector.feed.subscribers() === 0);
    await sleep(60);
    looks = 0;
    await sleep(200);
    assert.equal(looks, 0);
  });

  it('takes no place among the requests, and bounds its readers', async () => {
    const small = await startQueryCollector({ maxConcurrent: 2, feed: { pollMs: 20, mostSubscribers: 4 } });
    try {
      const readers = [];
      for (let at = 0; at < 4; at++) readers.push(await listen(small));
      assert.equal((await small.get('/v1/nodes')).status, 200);
      const fifth = await small.get('/v1/events');
      assert.equal(fifth.status, 503);
      assert.ok(Number(fifth.headers.get('retry-after')) > 0);
      await fifth.text();
      await readers[0]?.leave();
      await until('the readers are counted', () => small.feed.subscribers() === 3);
      const next = await listen(small);
      for (const one of [...readers.slice(1), next]) await one.leave();
    } finally {
      await small.close();
    }
  });

  it('ends its streams when it stops', async () => {
    const own = await startQueryCollector();
    const one = await listen(own);
    await one.until(() => one.events.length > 0);
    await own.close();
    await one.leave();
    assert.equal(own.feed.subscribers(), 0);
  });
});

describe('collector: the feed of events', () => {
  /** A store of so many events, which can fail. */
  function storeOf(count: number) {
    const state = { count, failing: false };
    const events: Store['events'] = async (after, limit) => {
      if (state.failing) return { ok: false, error: { reason: 'busy', message: 'busy' } };
      const from = Number(after ?? state.count);
      const found = happened(state.count).slice(from, after === null ? from : from + limit);
      return { ok: true, value: { events: found, last: state.count === 0 ? null : String(state.count) } };
    };
    return { state, store: { events } };
  }

  it('gives a slow reader everything, past what it keeps for all', async () => {
    const { state, store } = storeOf(0);
    const feed = openEventFeed({ store, pollMs: 5 });
    const leaving = new AbortController();
    const stream = feed.subscribe(null, leaving.signal);
    assert.ok(stream !== null);
    const ids: string[] = [];
    const take = async (): Promise<void> => {
      const { value = '' } = await stream.next();
      for (const [, id = ''] of value.matchAll(/^id: (\d+)\nevent: node/gm)) ids.push(id);
    };
    // The beginning, then nothing is taken while more happens than is kept.
    for (let parts = 0; parts < 3; parts++) await take();
    state.count = 1700;
    await sleep(100);
    while (ids.length < 1700) await take();
    assert.deepEqual(ids, numbers(1, 1700));
    leaving.abort();
    await stream.return(undefined);
    feed.stop();
  });

  it('goes on when the store comes back', async () => {
    const { state, store } = storeOf(3);
    const feed = openEventFeed({ store, pollMs: 5, heartbeatMs: 20 });
    const leaving = new AbortController();
    state.failing = true;
    const stream = feed.subscribe('1', leaving.signal);
    assert.ok(stream !== null);
    let text = '';
    const take = async (): Promise<void> => {
      text += (await stream.next()).value ?? '';
    };
    while (!text.includes(': alive')) await take();
    state.failing = false;
    while (!text.includes('event: current')) await take();
    assert.deepEqual(
      [...text.matchAll(/^id: (\d+)\nevent: node/gm)].map(([, id]) => id),
      ['2', '3'],
    );
    leaving.abort();
    await stream.return(undefined);
    feed.stop();
  });

  it('forgets a reader that never read', async () => {
    const { store } = storeOf(1);
    const feed = openEventFeed({ store, pollMs: 5 });
    const leaving = new AbortController();
    feed.subscribe(null, leaving.signal);
    assert.equal(feed.subscribers(), 1);
    leaving.abort();
    assert.equal(feed.subscribers(), 0);
    feed.subscribe(null, AbortSignal.abort());
    assert.equal(feed.subscribers(), 0);
    feed.stop();
    assert.equal(feed.subscribe(null, new AbortController().signal), null);
  });
});
