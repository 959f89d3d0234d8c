import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readEvent } from '../../src/kube/event.ts';
import { readPod } from '../../src/kube/pod.ts';
import { imageReasons, type PodPull, podPulls } from '../../src/kube/pod-pulls.ts';
import { queuedPulls } from '../../src/kube/pull-queue.ts';
import { quotedImage } from '../../src/kube/tries.ts';

const start = Date.parse('2026-11-22T10:00:00Z');
const iso = (seconds: number): string => new Date(start + seconds * 1000).toISOString().replace('.000Z', 'Z');

function podOf(more: { readonly [name: string]: unknown } = {}, metadata: object = {}): unknown {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-0', namespace: 'shop', uid: 'u1', ...metadata },
    spec: {
      nodeName: 'worker-3',
      containers: [{ name: 'app', image: 'reg.corp/app:1', imagePullPolicy: 'IfNotPresent' }],
    },
    status: { phase: 'Pending' },
    ...more,
  };
}

function waiting(name: string, reason: string, message = ''): object {
  return { name, state: { waiting: { reason, ...(message === '' ? {} : { message }) } } };
}

function eventOf(reason: string, message: string, at: number, more: object = {}): unknown {
  return {
    metadata: { name: 'e' },
    involvedObject: { kind: 'Pod', namespace: 'shop', name: 'web-0', uid: 'u1', fieldPath: 'spec.containers{app}' },
    reason,
    message,
    type: 'Warning',
    count: 1,
    firstTimestamp: iso(at),
    lastTimestamp: iso(at),
    eventTime: null,
    ...more,
  };
}

function rowsOf(pod: unknown, events: readonly unknown[] = [], at = 100): PodPull[] {
  const read = readPod(pod);
  assert.ok(read.ok);
  return podPulls(
    read.value,
    events.map((one) => {
      const event = readEvent(one);
      assert.ok(event.ok);
      return event.value;
    }),
    start + at * 1000,
  );
}

describe('kube: a pod', () => {
  it('tells its owner, node, secrets and account', () => {
    const controller = (kind: string, name: string): object => ({ kind, name, controller: true });
    const owner = (metadata: object): unknown => {
      const pod = readPod(podOf({}, metadata));
      return pod.ok ? pod.value.owner : null;
    };
    const deployed = {
      labels: { 'pod-template-hash': '5d4f6c8b9d' },
      ownerReferences: [controller('ReplicaSet', 'web-5d4f6c8b9d')],
    };
    assert.deepEqual(owner(deployed), { kind: 'Deployment', name: 'web' });
    assert.deepEqual(owner({ ownerReferences: [controller('ReplicaSet', 'web')] }), {
      kind: 'ReplicaSet',
      name: 'web',
    });
    for (const kind of ['StatefulSet', 'DaemonSet', 'Job', 'Node'])
      assert.deepEqual(owner({ ownerReferences: [{ kind: 'X', name: 'y' }, controller(kind, 'z')] }), {
        kind,
        name: 'z',
      });
    assert.equal(owner({}), null);
    const pod = readPod(
      podOf({
        spec: {
          nodeName: 'n',
          serviceAccountName: 'robot',
          imagePullSecrets: [{ name: 'a' }, {}, { name: 'b' }],
          containers: [],
        },
      }),
    );
    assert.ok(pod.ok);
    assert.deepEqual([pod.value.node, pod.value.serviceAccount, pod.value.pullSecrets], ['n', 'robot', ['a', 'b']]);
  });

  it('has rows of init, ephemeral and ordinary containers, each with its policy', () => {
    const rows = rowsOf(
      podOf({
        spec: {
          initContainers: [{ name: 'wait', image: 'reg.corp/wait' }],
          containers: [
            { name: 'app', image: 'reg.corp/app:1' },
            { name: 'side', image: 'reg.corp/side:1', imagePullPolicy: 'Always' },
            { name: 'fine', image: 'reg.corp/fine:1' },
          ],
          ephemeralContainers: [{ name: 'debug', image: 'reg.corp/debug:1', imagePullPolicy: 'Never' }],
        },
        status: {
          phase: 'Pending',
          initContainerStatuses: [
            waiting('wait', 'ErrImagePull', 'rpc error: dial tcp: lookup reg.corp: no such host'),
          ],
          containerStatuses: [
            waiting('app', 'PodInitializing'),
            waiting('side', 'ImagePullBackOff', 'Back-off pulling image "reg.corp/side:1"'),
            { name: 'fine', state: { running: {} } },
          ],
          ephemeralContainerStatuses: [
            waiting(
              'debug',
              'ErrImageNeverPull',
              'Container image "reg.corp/debug:1" is not present with pull policy of Never',
            ),
          ],
        },
      }),
    );
    assert.deepEqual(
      rows.map(({ kind, name, policy, policyGiven, reason, cause }) => [
        kind,
        name,
        policy,
        policyGiven,
        reason,
        cause,
      ]),
      [
        ['init', 'wait', 'Always', false, 'ErrImagePull', 'dns-name-not-found'],
        ['container', 'side', 'Always', true, 'ImagePullBackOff', 'back-off-only'],
        ['ephemeral', 'debug', 'Never', true, 'ErrImageNeverPull', 'image-never-pull'],
      ],
    );
  });

  it('has a row for each word of the kubelet about an image, and for no other', () => {
    for (const reason of [
      ...imageReasons,
      'CrashLoopBackOff',
      'CreateContainerConfigError',
      'CreateContainerError',
      'RunContainerError',
    ]) {
      const rows = rowsOf(podOf({ status: { containerStatuses: [waiting('app', reason)] } }));
      assert.equal(rows.length, imageReasons.has(reason) ? 1 : 0, reason);
    }
    const cause = (reason: string, message: string): unknown =>
      rowsOf(podOf({ status: { containerStatuses: [waiting('app', reason, message)] } }))[0]?.cause;
    assert.equal(
      cause(
        'SignatureValidationFailed',
        'image pull failed for reg.corp/app:1 because the signature validation failed: x',
      ),
      'signature-rejected',
    );
    assert.equal(
      cause(
        'InvalidImageName',
        'Failed to apply default image tag "Web": couldn\'t parse image name "Web": invalid reference format',
      ),
      'invalid-image-name',
    );
    assert.equal(
      cause(
        'ImageInspectError',
        'Failed to inspect image "": rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix /run/containerd/containerd.sock: connect: no such file or directory"',
      ),
      'runtime-unreachable',
    );
  });

  it('of a back-off without a cause takes the last failed pull (kubelets before 1.32)', () => {
    const status = {
      containerStatuses: [waiting('app', 'ImagePullBackOff', 'Back-off pulling image "reg.corp/app:1"')],
    };
    const failed = (at: number, words: string): unknown =>
      eventOf('Failed', `Failed to pull image "reg.corp/app:1": ${words}`, at);
    const [row] = rowsOf(podOf({ status }), [
      eventOf('Pulling', 'Pulling image "reg.corp/app:1"', 1),
      failed(2, 'dial tcp 10.0.0.1:443: connect: connection refused'),
      failed(3, '(combined) dial tcp: lookup reg.corp on 10.0.0.2:53: no such host'),
      eventOf('Failed', 'Error: ImagePullBackOff', 4),
      eventOf('BackOff', 'Back-off pulling image "reg.corp/app:1"', 4),
    ]);
    assert.equal(row?.cause, 'dns-name-not-found');
  });

  it('tells of an image volume at the volume, not at the containers that mount it', () => {
    const spec = {
      containers: [
        { name: 'app', image: 'reg.corp/app:1', volumeMounts: [{ name: 'model', mountPath: '/m' }] },
        { name: 'side', image: 'reg.corp/side:1' },
      ],
      volumes: [
        { name: 'model', image: { reference: 'reg.corp/model:7', pullPolicy: 'Always' } },
        { name: 'tmp', emptyDir: {} },
      ],
    };
    const message =
      'Back-off pulling image "reg.corp/model:7": ErrImagePull: failed to pull and unpack image "reg.corp/model:7": not found';
    const failing = rowsOf(
      podOf({ spec, status: { containerStatuses: [waiting('app', 'ImagePullBackOff', message)] } }),
      [
        eventOf('Pulling', 'Pulling image "reg.corp/model:7"', 1, {
          involvedObject: { uid: 'u1' },
          count: 3,
          lastTimestamp: iso(40),
        }),
        eventOf('BackOff', 'Back-off pulling image "reg.corp/model:7"', 45, { involvedObject: { uid: 'u1' } }),
      ],
    );
    assert.deepEqual(
      failing.map(({ kind, name, image, policy, tries }) => [kind, name, image, policy, tries.attempts]),
      [['volume', 'model', 'reg.corp/model:7', 'Always', 4]],
      'a fourth try has come since: 40 s of back-off ended 20 s ago',
    );
    const coming = rowsOf(podOf({ spec, status: { containerStatuses: [waiting('app', 'ContainerCreating')] } }), [
      eventOf('Pulling', 'Pulling image "reg.corp/model:7"', 90, { involvedObject: { uid: 'u1' } }),
    ]);
    assert.deepEqual(
      coming.map(({ kind, state, cause }) => [kind, state, cause]),
      [['volume', 'pulling', null]],
    );
  });

  it('has a row for a sandbox whose image does not come, and none for a network that fails it', () => {
    const status = { phase: 'Pending', containerStatuses: [waiting('app', 'ContainerCreating')] };
    const of = (message: string): unknown =>
      eventOf('FailedCreatePodSandBox', message, 90, { count: 4, involvedObject: { uid: 'u1' } });
    const image =
      'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image "registry.k8s.io/pause:3.8": failed to pull image "registry.k8s.io/pause:3.8": failed to pull and unpack image "registry.k8s.io/pause:3.8": failed to resolve reference "registry.k8s.io/pause:3.8": failed to do request: Head "https://registry.k8s.io/v2/pause/manifests/3.8": dial tcp: lookup registry.k8s.io on 10.0.0.2:53: no such host';
    const [row, ...others] = rowsOf(podOf({ status }), [of(image)]);
    assert.equal(others.length, 0);
    assert.deepEqual(
      [row?.kind, row?.name, row?.image, row?.cause, row?.underlying, row?.tries.attempts],
      ['sandbox', null, 'registry.k8s.io/pause:3.8', 'sandbox-image-unavailable', 'dns-name-not-found', 4],
    );
    const cni =
      'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "x": plugin type="calico" failed: connection refused';
    assert.deepEqual(rowsOf(podOf({ status }), [of(cni)]), []);
    const made = { ...status, conditions: [{ type: 'PodReadyToStartContainers', status: 'True' }] };
    assert.deepEqual(rowsOf(podOf({ status: made }), [of(image)]), [], 'it has one by now');
    const started = eventOf('Pulling', 'Pulling image "reg.corp/app:1"', 95);
    assert.deepEqual(
      rowsOf(podOf({ status }), [of(image), started]).map(({ kind, state }) => [kind, state]),
      [['container', 'pulling']],
    );
  });

  it('that is deleted or has ended has no rows', () => {
    const status = { containerStatuses: [waiting('app', 'ImagePullBackOff')] };
    assert.equal(rowsOf(podOf({ status })).length, 1);
    assert.deepEqual(rowsOf(podOf({ status }, { deletionTimestamp: iso(1) })), []);
    assert.deepEqual(rowsOf(podOf({ status: { ...status, phase: 'Failed' } })), []);
  });

  it('hears only its own events, not those of its namesake before', () => {
    const status = { containerStatuses: [waiting('app', 'ContainerCreating')] };
    const old = eventOf('Pulling', 'Pulling image "reg.corp/app:1"', 90, { involvedObject: { uid: 'u0' } });
    assert.deepEqual(rowsOf(podOf({ status }), [old]), []);
  });

  it('that is static is named in events by the kubelet’s own mark of it', () => {
    const status = { containerStatuses: [waiting('app', 'ContainerCreating')] };
    const mirror = podOf({ status }, { annotations: { 'kubernetes.io/config.mirror': 'c0ffee' } });
    const event = eventOf('Pulling', 'Pulling image "reg.corp/app:1"', 90, { involvedObject: { uid: 'c0ffee' } });
    assert.equal(rowsOf(mirror, [event])[0]?.state, 'pulling');
    assert.deepEqual(rowsOf(podOf({ status }), [event]), []);
  });

  it('without the secret that it names lacks the secret, where the registry wants credentials', () => {
    const lacks = eventOf(
      'FailedToRetrieveImagePullSecret',
      'Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed.',
      90,
    );
    const causeOf = (words: string, events: readonly unknown[]) => {
      const message = `Back-off pulling image "reg.corp/app:1": ErrImagePull: ${words}`;
      const status = { containerStatuses: [waiting('app', 'ImagePullBackOff', message)] };
      const [row] = rowsOf(podOf({ status }), events);
      return [row?.cause, row?.confidence];
    };
    const wanted =
      'failed to resolve reference "reg.corp/app:1": pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials';
    assert.deepEqual(causeOf(wanted, [lacks]), ['pull-secret-missing', 'likely']);
    assert.deepEqual(causeOf(wanted, []), ['credentials-missing', 'likely']);
    // It is often said beside another cause.
    assert.equal(causeOf('dial tcp 10.0.0.1:443: connect: connection refused', [lacks])[0], 'tcp-refused');
  });

  it('damaged is told of in part, and never crashes', () => {
    const pod = readPod(
      podOf({
        spec: { containers: [{ name: 'app' }, 5, { name: 'b', image: 'x', imagePullPolicy: 'Sometimes' }], volumes: 7 },
        status: [],
      }),
    );
    assert.ok(pod.ok);
    assert.deepEqual(
      pod.value.images.map(({ name, policy, policyGiven }) => [name, policy, policyGiven]),
      [['b', 'Always', false]],
    );
    assert.deepEqual(pod.value.problems, [
      'The pod shop/web-0: status is no object.',
      'The pod shop/web-0: spec.containers[0] has no name or no image.',
      'The pod shop/web-0: spec.containers[1] has no name or no image.',
      'The pod shop/web-0: spec.containers[2].imagePullPolicy is none that is known.',
      'The pod shop/web-0: volumes is no list.',
    ]);
    assert.ok(!readPod({ metadata: { name: 'x' } }).ok);
    assert.ok(!readEvent({ reason: 'Pulling' }).ok);
    assert.ok(!readEvent(eventOf('Pulling', 'x', 1, { firstTimestamp: null, lastTimestamp: 'soon' })).ok);
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (spec, status, event) => {
        const read = readPod(podOf({ spec, status }));
        assert.ok(read.ok);
        const one = readEvent({ ...Object(eventOf('Pulling', 'x', 1)), ...Object(event) });
        podPulls(read.value, one.ok ? [one.value] : [], start);
      }),
    );
  });

  it('reads events of the newer form', () => {
    const event = readEvent({
      involvedObject: { uid: 'u1', fieldPath: 'spec.initContainers{wait}' },
      reason: 'BackOff',
      message: '(combined from similar events): Back-off pulling image "x"',
      eventTime: '2026-11-22T10:00:01.123456Z',
      series: { count: 9, lastObservedTime: '2026-11-22T10:03:01.000000Z' },
      firstTimestamp: null,
      lastTimestamp: null,
      metadata: { creationTimestamp: iso(1) },
    });
    assert.ok(event.ok);
    assert.deepEqual(event.value, {
      podUid: 'u1',
      container: 'wait',
      reason: 'BackOff',
      message: 'Back-off pulling image "x"',
      combined: true,
      count: 9,
      firstAt: start + 1123,
      lastAt: start + 181_000,
    });
  });

  it('finds the image that a message names first', () => {
    assert.equal(quotedImage('Pulling image "a/b:1"'), 'a/b:1');
    assert.equal(quotedImage('Container image "a" already present on machine'), 'a');
    assert.equal(quotedImage('Failed to apply default image tag "A": couldn\'t parse image name "A"'), 'A');
    assert.equal(quotedImage('rpc error: code = Unknown desc = failed to pull "x"'), null);
  });
});

describe('kube: tries', () => {
  it('are one at least where the kubelet says that it failed, and no event tells of it', () => {
    for (const [reason, attempts, exact] of [
      ['ErrImagePull', 1, false],
      ['ImagePullBackOff', 1, false],
      ['RegistryUnavailable', 1, false],
      // Decided at each look: nothing was tried.
      ['InvalidImageName', 0, true],
      ['ErrImageNeverPull', 0, true],
    ] as const) {
      const [row] = rowsOf(podOf({ status: { containerStatuses: [waiting('app', reason)] } }));
      assert.deepEqual([row?.tries.attempts, row?.tries.exact, row?.tries.nextTryAt], [attempts, exact, null], reason);
    }
  });

  const failing = { status: { containerStatuses: [waiting('app', 'ImagePullBackOff')] } };
  const tries = (events: readonly unknown[], at: number, pod = podOf(failing)) => rowsOf(pod, events, at)[0]?.tries;
  const pulling = (first: number, last: number, count: number, more: object = {}): unknown =>
    eventOf('Pulling', 'Pulling image "reg.corp/app:1"', first, { lastTimestamp: iso(last), count, ...more });
  const failed = (first: number, last: number, count: number): unknown =>
    eventOf('Failed', 'Failed to pull image "reg.corp/app:1": x', first, { lastTimestamp: iso(last), count });

  it('start anew with a kubelet that started anew, and so does the back-off', () => {
    const after = tries([pulling(0, 170, 5), failed(0, 170, 5), pulling(200, 212, 2), failed(200, 212, 2)], 215);
    assert.equal(after?.attempts, 7);
    assert.equal(after?.backOff?.ms, 20_000);
  });

  it('are one row of steps for two containers with one image', () => {
    const other = { involvedObject: { uid: 'u1', fieldPath: 'spec.containers{other}' } };
    const shared = tries([pulling(0, 24, 2), failed(0, 24, 2), pulling(10, 10, 1, other)], 30);
    assert.equal(shared?.attempts, 3);
    assert.equal(shared?.backOff?.ms, 40_000);
  });

  it('leave out pulls that succeeded, as Always has them at each restart', () => {
    const pulled = eventOf('Pulled', 'Successfully pulled image "reg.corp/app:1" in 1s (1s including waiting).', 0, {
      count: 30,
      lastTimestamp: iso(50),
    });
    const after = tries([pulling(0, 72, 32), pulled, failed(60, 72, 2)], 75);
    assert.equal(after?.attempts, 2);
    assert.equal(after?.backOff?.ms, 20_000);
  });

  it('under way are none yet, and have no next', () => {
    const first = tries(
      [pulling(90, 90, 1)],
      100,
      podOf({ status: { containerStatuses: [waiting('app', 'ContainerCreating')] } }),
    );
    assert.deepEqual(first, {
      attempts: 0,
      exact: true,
      lastTryAt: null,
      backOff: null,
      nextTryAt: null,
      pullingSince: start + 90_000,
    });
    const again = tries([pulling(0, 90, 4), failed(5, 45, 3)], 95);
    assert.deepEqual([again?.attempts, again?.pullingSince, again?.nextTryAt], [3, start + 90_000, null]);
  });

  it('of which nothing was written for long are under way only where all else is silent too', () => {
    const silent = tries([pulling(0, 90, 4), failed(1, 45, 3)], 600);
    assert.equal(silent?.pullingSince, start + 90_000);
    const filtered = tries([pulling(0, 90, 4), failed(1, 45, 3), eventOf('MissingClusterDNS', 'x', 500)], 600);
    assert.equal(filtered?.pullingSince, null);
    assert.ok((filtered?.attempts ?? 0) > 4 && filtered?.exact === false);
  });
});

describe('kube: the queue of pulls', () => {
  const row = (pod: string, since: number | null): PodPull => {
    const [made] = rowsOf(
      podOf({ status: { containerStatuses: [waiting('app', 'ContainerCreating')] } }, { name: pod }),
      [eventOf('Pulling', 'Pulling image "reg.corp/app:1"', since ?? 1)],
      4000,
    );
    assert.ok(made !== undefined);
    return since === null ? { ...made, tries: { ...made.tries, pullingSince: null } } : made;
  };
  const names = (...args: Parameters<typeof queuedPulls>): unknown =>
    queuedPulls(...args).map(({ pull, behind, place }) => [pull.pod.name, behind.pod.name, place]);
  const rows = [row('c', 30), row('a', 10), row('idle', null), row('b', 20)];

  it('waits behind the oldest where one image is pulled at a time', () => {
    assert.deepEqual(names(rows, { serialize: true, parallel: null }), [
      ['b', 'a', 0],
      ['c', 'a', 1],
    ]);
  });

  it('waits behind as many as are pulled at a time, or not at all', () => {
    assert.deepEqual(names(rows, { serialize: false, parallel: 2 }), [['c', 'a', 0]]);
    assert.deepEqual(names(rows, { serialize: false, parallel: 3 }), []);
    assert.deepEqual(names(rows, { serialize: false, parallel: null }), []);
    assert.deepEqual(names([row('a', 10)], { serialize: true, parallel: null }), []);
  });

  it('does not say who waits of two that began in one second', () => {
    assert.deepEqual(names([row('a', 10), row('b', 10)], { serialize: true, parallel: null }), []);
  });
});
