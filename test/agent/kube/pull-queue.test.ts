import assert from 'node:assert/strict';
import { openPullQueue, type PullSettings } from '../../../src/agent/kube/pull-queue.ts';
import { type KubePod, readPod } from '../../../src/kube/pod.ts';
import { queuedImages } from '../../../src/kube/pod-queue.ts';
import { imageKey } from '../../../src/signals/image-match.ts';
import type { PullEvent } from '../../../src/signals/pull-event.ts';

const start = Date.parse('2026-11-22T10:00:00Z');
const minute = 60_000;

interface Container {
  readonly name?: string;
  readonly image: string;
  readonly state?: object;
  readonly policy?: string;
}

const creating = { waiting: { reason: 'ContainerCreating' } };

/** A pod whose sandbox stands, made ten minutes ago, as the API has it. */
function podOf(
  name: string,
  containers: readonly Container[],
  more: { init?: readonly Container[]; ready?: boolean } = {},
): KubePod {
  const { init = [], ready = true } = more;
  const spec = (list: readonly Container[]) =>
    list.map(({ name: called = 'app', image, policy = 'IfNotPresent' }) => ({
      name: called,
      image,
      imagePullPolicy: policy,
    }));
  const status = (list: readonly Container[]) =>
    list.map(({ name: called = 'app', image, state = creating }) => ({ name: called, image, state }));
  const read = readPod({
    metadata: {
      name,
      namespace: 'shop',
      uid: `uid-${name}`,
      creationTimestamp: new Date(start - 10 * minute).toISOString(),
    },
    spec: { nodeName: 'node-1', containers: spec(containers), initContainers: spec(init) },
    status: {
      phase: 'Pending',
      conditions: [{ type: 'PodReadyToStartContainers', status: ready ? 'True' : 'False' }],
      containerStatuses: status(containers),
      initContainerStatuses: status(init),
    },
  });
  assert.ok(read.ok);
  return read.value;
}

const big = podOf('big', [{ image: 'reg.test/big:1' }]);
const web = podOf('web', [{ image: 'reg.test/web:1' }]);
const serial = { serialize: true, parallel: null };
const underWay = (image: string, ago: number) => ({ image, key: imageKey(image), since: start - ago });
const front = underWay('reg.test/big:1', 5 * minute);

describe('kube: images that wait for their turn', () => {
  const names = (
    pods: readonly KubePod[],
    more: Partial<{
      atOnce: typeof serial | { serialize: boolean; parallel: number };
      present: string[];
      busy: (typeof front)[];
    }> = {},
  ) =>
    queuedImages(
      pods,
      more.busy ?? [front],
      more.atOnce ?? serial,
      new Set((more.present ?? []).map(imageKey)),
      start,
    ).map(({ pod, image, behind, since }) => [pod.name, image.image, behind.image, (start - since) / minute]);

  it('are those that the kubelet has not come to', () =>
    assert.deepEqual(names([big, web]), [['web', 'reg.test/web:1', 'reg.test/big:1', 5]]));

  const none: readonly (readonly [string, () => unknown[]])[] = [
    ['nothing is under way', () => names([big, web], { busy: [] })],
    ['what is under way was asked for by no pod', () => names([web])],
    ['its own pull is under way, too', () => names([big, web], { busy: [front, underWay('reg.test/web:1', minute)] })],
    ['it is on the node', () => names([big, web], { present: ['reg.test/web:1'] })],
    ['it is never pulled', () => names([big, podOf('web', [{ image: 'reg.test/web:1', policy: 'Never' }])])],
    ['its sandbox does not stand', () => names([big, podOf('web', [{ image: 'reg.test/web:1' }], { ready: false })])],
    ['it runs', () => names([big, podOf('web', [{ image: 'reg.test/web:1', state: { running: {} } }])])],
    [
      'it fails',
      () =>
        names([big, podOf('web', [{ image: 'reg.test/web:1', state: { waiting: { reason: 'ImagePullBackOff' } } }])]),
    ],
    ['the pull in front has just begun', () => names([big, web], { busy: [underWay('reg.test/big:1', minute / 2)] })],
    ['there is room for another', () => names([big, web], { atOnce: { serialize: false, parallel: 2 } })],
    ['there is no limit', () => names([big, web], { atOnce: { serialize: false, parallel: null } })],
  ];
  for (const [name, run] of none) it(`are none where ${name}`, () => assert.deepEqual(run(), []));

  it('are of the first init container that has not ended, and of no later one', () => {
    const init = [
      { name: 'one', image: 'reg.test/one:1', state: { terminated: {} } },
      { name: 'two', image: 'reg.test/two:1' },
      { name: 'three', image: 'reg.test/three:1' },
    ];
    assert.deepEqual(
      names([big, podOf('web', [{ image: 'reg.test/web:1' }], { init })]).map(([, image]) => image),
      ['reg.test/two:1'],
    );
  });
});

describe('agent: rows of pods that wait for their turn', () => {
  const event = (image: string, word: PullEvent['event'], at: number): PullEvent => ({
    at: new Date(at).toISOString(),
    cursor: null,
    unit: 'containerd.service',
    source: 'containerd',
    event: word,
    image,
    pod: null,
    namespace: null,
    container: null,
    cause: null,
    confidence: null,
    underlying: null,
    message: '',
  });
  const settings = (source: string): PullSettings => ({
    serializeImagePulls: { value: true, source },
    maxParallelImagePulls: { value: null, source: 'default' },
  });

  async function stage(source = 'var/lib/kubelet/config.yaml:7') {
    const env = { at: start, now: () => env.at, monotonic: () => env.at, random: () => 0 };
    const queue = openPullQueue({
      env,
      pods: () => [big, web],
      images: () => new Set(),
      incidents: () => [],
      settings: () => Promise.resolve(settings(source)),
    });
    queue.notice(event('reg.test/big:1', 'pull-started', start));
    queue.tick();
    await new Promise((resolve) => setImmediate(resolve));
    return { env, queue };
  }

  it('come when a pull holds them up, and go with its end', async () => {
    const { env, queue } = await stage();
    assert.deepEqual(queue.rows(), []);
    env.at += 2 * minute;
    const [row, ...more] = queue.rows();
    assert.equal(more.length, 0);
    assert.deepEqual([row?.pod, row?.cause, row?.confidence, row?.layer], ['web', 'pull-queued', 'likely', 'kubelet']);
    assert.match(
      row?.summary ?? '',
      /reg\.test\/web:1 waits .* behind reg\.test\/big:1, .*serializeImagePulls is true \(var/,
    );
    queue.notice(event('reg.test/big:1', 'pull-succeeded', env.at));
    assert.deepEqual(queue.rows(), []);
  });

  it('are no more than possible where the kubelet’s settings are not known', async () => {
    const { env, queue } = await stage('default');
    env.at += 2 * minute;
    assert.equal(queue.rows()[0]?.confidence, 'possible');
  });

  it('do not outlive a runtime that starts anew, nor a pull of which no end is told', async () => {
    for (const end of ['forget', 'time'] as const) {
      const { env, queue } = await stage();
      env.at += 2 * minute;
      if (end === 'forget') queue.forget();
      else env.at += 61 * minute;
      queue.tick();
      assert.deepEqual(queue.rows(), []);
    }
  });
});
