import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readEvent } from '../../src/kube/event.ts';
import { readPod } from '../../src/kube/pod.ts';
import { imageReasons, podPulls } from '../../src/kube/pod-pulls.ts';
import { eventOf, iso, podOf, rowsOf, start, waiting } from './pod-rows.ts';

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
});
