import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { openBook } from '../../../src/agent/book.ts';
import { openPodDirectory } from '../../../src/agent/kube/known-pods.ts';
import { openPodEvents } from '../../../src/agent/kube/pod-events.ts';
import { openPodTries } from '../../../src/agent/kube/pod-tries.ts';
import type { KubePod } from '../../../src/kube/pod.ts';
import { readPod } from '../../../src/kube/pod.ts';
import { isRecord } from '../../../src/lib/json.ts';
import { openLog } from '../../../src/lib/log.ts';
import { fail, ok } from '../../../src/lib/result.ts';
import type { KubeClient } from '../../../src/wire/kube-client.ts';
import { kubeFailure } from '../../../src/wire/kube-failure.ts';
import { captures, haveCaptures } from '../../kit/captures.ts';

const start = Date.parse('2026-11-22T11:00:00Z');
const image = 'reg.corp/app:1';

interface Stage {
  readonly followed?: boolean;
  readonly now?: number;
  readonly forbidden?: boolean;
  /** The API server cannot be reached before this moment. */
  readonly awayUntil?: number;
}

/** A book and what reads the Events of the pods in it, in virtual time, against events by the pod's uid. */
function stage(
  events: ReadonlyMap<string, readonly unknown[]>,
  { followed = false, now = start, forbidden, awayUntil = 0 }: Stage = {},
) {
  const env = { at: now, now: () => env.at, monotonic: () => env.at, random: () => 0 };
  const book = openBook(env);
  const directory = openPodDirectory();
  const lines: string[] = [];
  const log = openLog({
    env,
    write: (line) => void lines.push(line),
    settings: () => ({ level: 'info', format: 'text' }),
  });
  const asked: string[] = [];
  const client: Pick<KubeClient, 'list'> = {
    list({ path, read }) {
      asked.push(path);
      if (forbidden === true) {
        const failure = { ...kubeFailure('forbidden', 'the API server answers 403 (not allowed)'), status: 403 };
        return Promise.resolve({ ok: false, error: failure });
      }
      if (env.at < awayUntil)
        return Promise.resolve(fail(kubeFailure('unreachable', 'the API server cannot be asked: ECONNREFUSED')));
      const uid = decodeURIComponent(path).replace(/^.*involvedObject\.uid=/, '');
      const items = (events.get(uid) ?? []).flatMap((one) => {
        const taken = read(one);
        return taken.ok ? [taken.value] : [];
      });
      return Promise.resolve(ok({ items, resourceVersion: '1', damaged: { count: 0, some: [] } }));
    },
  };
  const stopping = new AbortController();
  const journal = { followed };
  const needs = { env, log, client, directory, book, journalFollowed: () => journal.followed, signal: stopping.signal };
  const tries = openPodTries(needs);
  const told = openPodEvents();
  const see = (pod: KubePod): void => {
    directory.set(pod);
    directory.fresh(true);
    for (const event of told.of(pod, env.at, journal.followed)) book.notice(event);
    tries.want(pod);
  };
  const run = async (seconds: number): Promise<void> => {
    for (let n = 0; n < seconds * 4; n++) {
      env.at += 250;
      tries.tick();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const rows = () => book.open().flatMap(({ pods, image: of }) => pods.map((pod) => ({ ...pod, image: of })));
  return { env, tries, see, run, rows, asked, lines, journal, directory, book };
}

function podOf(
  name: string,
  more: { readonly reason?: string; readonly createdAt?: number; readonly static?: string } = {},
): KubePod {
  const { reason = 'ImagePullBackOff', createdAt = start - 3_600_000, static: mirror } = more;
  const read = readPod({
    metadata: {
      name,
      namespace: 'shop',
      uid: `u-${name}`,
      creationTimestamp: new Date(createdAt).toISOString(),
      ...(mirror === undefined ? {} : { annotations: { 'kubernetes.io/config.mirror': mirror } }),
    },
    spec: { containers: [{ name: 'app', image, imagePullPolicy: 'IfNotPresent' }] },
    status: {
      phase: 'Pending',
      conditions: [{ type: 'PodReadyToStartContainers', status: reason === '' ? 'False' : 'True' }],
      containerStatuses:
        reason === ''
          ? []
          : [{ name: 'app', state: { waiting: { reason, message: `Back-off pulling image "${image}"` } } }],
    },
  });
  assert.ok(read.ok);
  return read.value;
}

function eventOf(uid: string, reason: string, message: string, count: number, at = start - 20_000): unknown {
  const time = new Date(at).toISOString();
  const involvedObject = { kind: 'Pod', uid, fieldPath: 'spec.containers{app}' };
  return {
    involvedObject,
    reason,
    message,
    count,
    firstTimestamp: new Date(start - 600_000).toISOString(),
    lastTimestamp: time,
  };
}

const failed = (uid: string, count: number): readonly unknown[] => [
  eventOf(uid, 'Pulling', `Pulling image "${image}"`, count),
  eventOf(uid, 'Failed', `Failed to pull image "${image}": not found`, count),
];

describe('agent: tries that the kubelet made before', () => {
  it('are counted by the Events of the pod, with the back-off that they come to', async () => {
    const { see, run, rows, asked } = stage(new Map([['u-web-0', failed('u-web-0', 5)]]));
    see(podOf('web-0'));
    assert.equal(rows()[0]?.attempts, 0);
    await run(4);
    assert.deepEqual(asked, ['/api/v1/namespaces/shop/events?fieldSelector=involvedObject.uid%3Du-web-0']);
    const [row] = rows();
    assert.equal(row?.attempts, 5);
    assert.equal(row?.backOffMs, 160_000);
    assert.equal(row?.nextTryAt, start - 20_000 + 160_000);
  });

  for (const followed of [true, false])
    it(`are asked again a minute after the API server could not be asked, ${followed ? 'beside a journal' : 'without one'}`, async () => {
      const awayUntil = start + 30_000;
      const { see, run, rows, asked } = stage(new Map([['u-web-0', failed('u-web-0', 5)]]), { followed, awayUntil });
      see(podOf('web-0'));
      await run(50);
      assert.equal(asked.length, 1);
      assert.equal(rows()[0]?.attempts, 0);
      await run(20);
      assert.equal(asked.length, 2);
      assert.equal(rows()[0]?.attempts, 5);
      await run(200);
      assert.equal(asked.length, 2);
    });

  it('of a static pod are found by the kubelet’s mark of it', async () => {
    const { see, run, rows } = stage(new Map([['c0ffee', failed('c0ffee', 3)]]));
    see(podOf('etcd', { static: 'c0ffee' }));
    await run(4);
    assert.equal(rows()[0]?.attempts, 3);
  });

  it('are asked for once, and of no pod that is younger than the agent, where the journal counts them', async () => {
    const { see, run, rows, asked, book } = stage(new Map([['u-old', failed('u-old', 7)]]), { followed: true });
    see(podOf('old'));
    see(podOf('young', { createdAt: start + 1000 }));
    await run(4);
    see(podOf('old'));
    await run(120);
    assert.equal(asked.length, 1);
    const [old] = rows();
    assert.equal(old?.attempts, 7);
    // What the journal tells later counts on.
    const event = { cursor: 'c', unit: 'kubelet.service', source: 'kubelet', event: 'pull-failed', image } as const;
    const cause = { cause: 'tag-not-found', confidence: 'likely', underlying: null, message: 'x' } as const;
    const pod = { pod: 'old', namespace: 'shop', container: 'app' };
    book.notice({ at: new Date(start + 200_000).toISOString(), ...event, ...cause, ...pod });
    assert.equal(rows()[0]?.attempts, 8);
    book.counted({ namespace: 'shop', pod: 'old' }, image, { attempts: 2, backOff: { ms: 10_000, since: start } });
    assert.equal(rows()[0]?.attempts, 8);
  });

  it('are asked for bit by bit, and of one pod not twice in a minute', async () => {
    const { see, run, asked } = stage(new Map());
    for (let n = 0; n < 70; n++) see(podOf(`web-${n}`));
    await run(1);
    assert.equal(asked.length, 0);
    await run(13);
    // 24 at once, four a second; then two a second.
    assert.ok(asked.length >= 44 && asked.length <= 50, `${asked.length} in twelve seconds`);
    await run(20);
    assert.equal(asked.length, 70);
    see(podOf('web-0'));
    await run(20);
    assert.equal(asked.length, 70);
    await run(30);
    assert.equal(asked.length, 71);
  });

  it('are not asked for again where that is not allowed, and it is said once', async () => {
    const { see, run, asked, lines, tries } = stage(new Map(), { forbidden: true });
    assert.equal(tries.lacks(), null);
    for (let n = 0; n < 5; n++) see(podOf(`web-${n}`));
    await run(10);
    see(podOf('web-9'));
    await run(10);
    assert.equal(asked.length, 1);
    assert.equal(lines.length, 1);
    assert.match(tries.lacks() ?? '', /let the agent's service account list events\.$/);
    assert.match(lines[0] ?? '', /403.*let the agent's service account list events/);
  });

  it('of a sandbox whose image does not come make a row where no journal tells of it', async () => {
    const message =
      'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to start sandbox "x": failed to get sandbox image "reg.corp/pause:3.9": failed to pull image "reg.corp/pause:3.9": failed to pull and unpack image "reg.corp/pause:3.9": failed to resolve reference "reg.corp/pause:3.9": failed to do request: Head "https://reg.corp/v2/pause/manifests/3.9": dial tcp 10.0.0.1:443: connect: connection refused';
    const events = new Map([['u-web-0', [eventOf('u-web-0', 'FailedCreatePodSandBox', message, 4)]]]);
    const { directory, run, rows, journal } = stage(events, { followed: true });
    directory.set(podOf('web-0', { reason: '' }));
    directory.fresh(true);
    await run(130);
    assert.deepEqual(rows(), []);
    journal.followed = false;
    await run(70);
    const [row] = rows();
    assert.deepEqual(
      [row?.image, row?.pod, row?.reason, row?.attempts],
      ['reg.corp/pause:3.9', 'web-0', 'FailedCreatePodSandBox', 4],
    );
  });

  it('of captured pods are those of the kubelet’s own log, for an agent that comes last', async function () {
    if (!haveCaptures()) return this.skip();
    this.timeout(20_000);
    for (const [run, least] of [
      ['containerd-1.7.24-api', 30],
      ['cri-o-1.36.3-api', 15],
    ] as const) {
      const folder = `${captures}/${run}/api`;
      let seen = 0;
      for (const file of readdirSync(folder)) {
        const saved: unknown = JSON.parse(readFileSync(`${folder}/${file}`, 'utf8'));
        assert.ok(isRecord(saved) && Array.isArray(saved.events));
        const pod = readPod(saved.pod);
        assert.ok(pod.ok);
        const events: readonly unknown[] = saved.events;
        const times = events.flatMap((one) => (isRecord(one) ? [Date.parse(String(one.lastTimestamp))] : []));
        const world = stage(new Map([[pod.value.uid, events]]), { now: Math.max(...times) });
        world.see(pod.value);
        await world.run(4);
        const [row] = world.rows();
        if (row === undefined || !/^(?:ErrImagePull|ImagePullBackOff)$/.test(row.reason)) continue;
        const pulled = events.flatMap((one) =>
          isRecord(one) && one.reason === 'Pulling' && typeof one.count === 'number' ? [one.count] : [],
        );
        const least = Math.max(0, ...pulled) - 1;
        assert.ok(row.attempts >= least && row.attempts <= least + 4, `${run} ${file}: ${row.attempts} of ${least}`);
        assert.ok((row.nextTryAt ?? Number.POSITIVE_INFINITY) > world.env.at - 40_000, file);
        seen++;
      }
      assert.ok(seen >= least, `${run}: ${seen}`);
    }
  });
});
