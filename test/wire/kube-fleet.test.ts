/** What a fleet does to its API server: many followers in one virtual time. */
import assert from 'node:assert/strict';
import { ok } from '../../src/lib/result.ts';
import type { KubeClient, KubeWatchEnd } from '../../src/wire/kube-client.ts';
import { kubeFailure } from '../../src/wire/kube-failure.ts';
import { followKube, type KubeFollowing } from '../../src/wire/kube-watch.ts';

const minute = 60_000;
const hour = 60 * minute;
const nodes = 400;

/** A clock that is set on to the next thing that is due, with everything that was due done before. */
function virtualTime() {
  let at = 0;
  let serial = 0;
  const due: { readonly at: number; readonly serial: number; readonly wake: () => void }[] = [];
  return {
    now: () => at,
    wait: (ms: number): Promise<void> =>
      new Promise((wake) => {
        due.push({ at: at + ms, serial: serial++, wake });
      }),
    async run(until: number): Promise<void> {
      for (;;) {
        await new Promise((resolve) => setImmediate(resolve));
        due.sort((a, b) => a.at - b.at || a.serial - b.serial);
        const next = due[0]?.at ?? Number.POSITIVE_INFINITY;
        if (next > until) break;
        // All of a tenth of a second at once: a fleet has many.
        at = Math.max(at, next);
        while (due[0] !== undefined && due[0].at <= at + 100) due.shift()?.wake();
      }
      at = until;
    },
  };
}

/** A server that is away for an hour; `forgets`: what it knows the versions of is then too old. */
async function outage(forgets: boolean) {
  const time = virtualTime();
  const from = 10 * minute;
  const back = from + hour;
  const isDown = () => time.now() >= from && time.now() < back;
  const lists: { readonly node: number; readonly at: number }[] = [];
  const asked: number[] = [];
  const following = new Set<number>();
  const stopping = new AbortController();
  let seed = 11;
  const random = (): number => {
    seed = (seed * 16807) % 2147483647;
    return seed / 2147483647;
  };
  const gone = (version: string): KubeWatchEnd => ({
    failure: { ...kubeFailure('gone', 'too old resource version'), status: 410 },
    resourceVersion: version,
    lines: 0,
  });
  const away = kubeFailure('unreachable', 'connection refused');
  for (let node = 0; node < nodes; node++) {
    const client: Pick<KubeClient, 'list' | 'watch'> = {
      async list() {
        asked.push(time.now());
        if (isDown()) return { ok: false, error: away };
        lists.push({ node, at: time.now() });
        return ok({
          items: [],
          resourceVersion: time.now() < from ? 'before' : 'after',
          damaged: { count: 0, some: [] },
        });
      },
      async watch({ resourceVersion, lastsMs, onOpen, signal }) {
        asked.push(time.now());
        if (isDown()) return { failure: away, resourceVersion, lines: 0 };
        if (forgets && time.now() >= back && resourceVersion === 'before') return gone(resourceVersion);
        onOpen?.();
        const left = time.now() < from ? Math.min(lastsMs, from - time.now()) : lastsMs;
        await time.wait(left);
        if (signal.aborted) return { failure: null, resourceVersion, lines: 0 };
        // Bookmarks came each minute.
        return { failure: left < lastsMs ? away : null, resourceVersion, lines: Math.floor(left / minute) };
      },
    };
    const follower: KubeFollowing<null> = {
      client,
      path: '/api/v1/pods',
      read: () => ok(null),
      onList: () => undefined,
      onChange: () => undefined,
      onDamaged: () => undefined,
      onState({ state }) {
        if (state === 'following') following.add(node);
        else following.delete(node);
      },
      env: { now: time.now, monotonic: time.now, random },
      signal: stopping.signal,
      pause: (ms) => time.wait(ms),
    };
    void followKube(follower);
  }
  await time.run(from - 1000);
  assert.equal(following.size, nodes);
  await time.run(back - 1000);
  assert.equal(following.size, 0);
  const during = asked.filter((at) => at > from + minute && at < back).length;
  await time.run(back + 3 * minute);
  stopping.abort();
  return { lists, back, during, following: following.size };
}

/** The most that fall into one second. */
function peak(times: readonly number[]): number {
  const seconds = new Map<number, number>();
  for (const at of times) seconds.set(Math.floor(at / 1000), (seconds.get(Math.floor(at / 1000)) ?? 0) + 1);
  return Math.max(0, ...seconds.values());
}

describe('wire: a fleet whose API server is away for an hour', function () {
  this.timeout(60_000);

  it('goes on from where it was, and lists nothing, where the server still knows the versions', async () => {
    const { lists, back, during, following } = await outage(false);
    assert.equal(following, nodes);
    assert.deepEqual(
      lists.filter(({ at }) => at >= back),
      [],
    );
    // Each node asks twice a minute at most, on average.
    assert.ok(during > nodes * 59 * 1.5 && during < nodes * 59 * 2.5, `${during} requests`);
  });

  it('lists once for each node, spread over a minute and more, where the server has forgotten them', async () => {
    const { lists, back, following } = await outage(true);
    const after = lists.filter(({ at }) => at >= back);
    assert.equal(following, nodes);
    assert.equal(after.length, nodes);
    assert.equal(new Set(after.map(({ node }) => node)).size, nodes);
    const most = peak(after.map(({ at }) => at));
    assert.ok(most <= nodes * 0.05, `${most} lists in one second`);
  });
});
