import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { decodeLine, type PullLine } from '../../src/signals/pull-line.ts';
import { captures, haveCaptures } from '../kit/captures.ts';

const klog = 'E1122 10:47:14.553456   12293 file.go:1] ';
const logrus = (level: string, rest: string) => `time="2026-11-22T10:47:14.5Z" level=${level} ${rest}`;
const notFound = 'failed to resolve reference \\"reg.example/a:1\\": reg.example/a:1: not found';

function decode(message: string, unit = 'k3s.service'): readonly PullLine[] {
  return decodeLine({ unit, message, timeUs: 1, cursor: null });
}

type Expected = Partial<
  Pick<PullLine, 'event' | 'role' | 'source' | 'image' | 'pod' | 'namespace' | 'container' | 'host'>
> & { readonly cause?: string; readonly says?: RegExp };

const forms: readonly (readonly [what: string, line: string, expected: readonly Expected[]])[] = [
  [
    "the kubelet's client, structured",
    `${klog}"PullImage from image service failed" err="rpc error: code = NotFound desc = ${notFound}" image="reg.example/a:1"`,
    [{ event: 'pull-failed', role: 'service', source: 'kubelet', image: 'reg.example/a:1', cause: 'tag-not-found' }],
  ],
  [
    "the kubelet's client before 1.21",
    `${klog}PullImage "reg.example/a:1" from image service failed: rpc error: code = Unknown desc = dial tcp 10.0.0.1:443: connect: connection refused`,
    [{ event: 'pull-failed', role: 'service', image: 'reg.example/a:1', cause: 'tcp-refused' }],
  ],
  [
    "the kubelet's image manager before 1.21",
    `${klog}Pull image "reg.example/a:1" failed: rpc error: code = Unknown desc = dial tcp 10.0.0.1:443: connect: connection refused`,
    [{ event: 'pull-failed', role: 'image', image: 'reg.example/a:1', cause: 'tcp-refused' }],
  ],
  [
    'the container, since 1.31',
    `${klog}"Unhandled Error" err="init container app start failed in pod web-1_shop(80ed1d15-5d30): ErrImagePull: ${notFound}" logger="UnhandledError"`,
    [
      {
        event: 'pull-failed',
        role: 'container',
        pod: 'web-1',
        namespace: 'shop',
        container: 'app',
        says: /^ErrImagePull: failed to resolve/,
      },
    ],
  ],
  [
    'the container with its whole spec',
    `${klog}container &Container{Name:app,Image:reg.example/a:1,Command:[],Args:[],} start failed in pod web-1_shop(80ed1d15-5d30): ErrImagePull: rpc error: code = Unknown desc = dial tcp 10.0.0.1:443: connect: connection refused`,
    [{ event: 'pull-failed', role: 'container', image: 'reg.example/a:1', pod: 'web-1', container: 'app' }],
  ],
  [
    'a container that crashes',
    `${klog}"Unhandled Error" err="container app start failed in pod w_s(8): RunContainerError: no such file"`,
    [],
  ],
  [
    'a pod of two containers that both wait or fail',
    `${klog}"Error syncing pod, skipping" err="[failed to \\"StartContainer\\" for \\"app\\" with ErrImagePull: \\"dial tcp 10.0.0.1:443: connect: connection refused\\", failed to \\"StartContainer\\" for \\"side\\" with ImagePullBackOff: \\"Back-off pulling image \\\\\\"reg.example/b:2\\\\\\"\\", failed to \\"StartContainer\\" for \\"x\\" with CrashLoopBackOff: \\"back-off 5m0s restarting failed container\\"]" pod="shop/web-1" podUID="80ed"`,
    [
      { event: 'pull-failed', role: 'sync', pod: 'web-1', namespace: 'shop', container: 'app', cause: 'tcp-refused' },
      { event: 'back-off', container: 'side', image: 'reg.example/b:2', cause: 'back-off-only' },
    ],
  ],
  [
    'a pod before 1.21',
    `${klog}Error syncing pod 80ed ("web-1_shop(80ed)"), skipping: failed to "StartContainer" for "app" with ErrImagePull: "rpc error: code = Unknown desc = dial tcp 10.0.0.1:443: connect: connection refused"`,
    [{ event: 'pull-failed', role: 'sync', pod: 'web-1', namespace: 'shop', container: 'app', cause: 'tcp-refused' }],
  ],
  [
    'an event in the log of the kubelet',
    `I1122 10:47:14.553456   12293 event.go:389] "Event occurred" object="shop/web-1" fieldPath="spec.containers{app}" kind="Pod" apiVersion="v1" type="Normal" reason="Pulling" message="Pulling image \\"reg.example/a:1\\""`,
    [
      {
        event: 'pull-started',
        role: 'event',
        image: 'reg.example/a:1',
        pod: 'web-1',
        namespace: 'shop',
        container: 'app',
      },
    ],
  ],
  [
    'a pull secret that is not there',
    `I1122 10:47:14.553456   12293 kubelet_pods.go:1083] "Unable to retrieve pull secret, the image pull may not succeed." pod="shop/web-1" secret="" err="secret \\"reg\\" not found"`,
    [{ event: 'other', pod: 'web-1', cause: 'pull-secret-missing' }],
  ],
  [
    'a sandbox image',
    `${klog}"RunPodSandbox from runtime service failed" err="rpc error: code = Unknown desc = failed to get sandbox image \\"reg.example/pause:3\\": failed to pull image \\"reg.example/pause:3\\": dial tcp 10.0.0.1:443: connect: connection refused"`,
    [{ event: 'sandbox-failed', image: 'reg.example/pause:3', cause: 'sandbox-image-unavailable' }],
  ],
  [
    'a sandbox without a network',
    `${klog}"RunPodSandbox from runtime service failed" err="rpc error: code = Unknown desc = failed to setup network for sandbox \\"1\\": plugin type=\\"calico\\" failed (add): dial tcp 10.96.0.1:443: i/o timeout"`,
    [],
  ],
  [
    "containerd's sandbox",
    logrus(
      'error',
      'msg="RunPodSandbox for &PodSandboxMetadata{Name:web-1,Uid:8,Namespace:shop,Attempt:0,} failed, error" error="failed to get sandbox image \\"reg.example/pause:3\\": failed to pull image \\"reg.example/pause:3\\": dial tcp 10.0.0.1:443: i/o timeout"',
    ),
    [{ event: 'sandbox-failed', source: 'containerd', pod: 'web-1', namespace: 'shop', container: null }],
  ],
  [
    "containerd's start",
    logrus('info', 'msg="PullImage \\"nginx\\""'),
    [{ event: 'pull-started', source: 'containerd', image: 'nginx' }],
  ],
  [
    "containerd's end",
    logrus(
      'info',
      'msg="Pulled image \\"nginx:1\\" with image id \\"sha256:1\\", repo tag \\"x\\", size \\"3\\" in 2.5s"',
    ),
    [{ event: 'pull-succeeded', image: 'nginx:1' }],
  ],
  [
    "containerd's failure",
    logrus(
      'error',
      `msg="PullImage \\"reg.example/a:1\\" failed" error="rpc error: code = NotFound desc = ${notFound}"`,
    ),
    [{ event: 'pull-failed', role: 'runtime', image: 'reg.example/a:1', cause: 'tag-not-found' }],
  ],
  [
    "containerd's mirror",
    logrus(
      'info',
      'msg="trying next host" error="failed to do request: Head \\"https://m.example/v2/a/manifests/1?ns=reg.example\\": dial tcp 10.0.0.1:443: connect: connection refused" host=m.example',
    ),
    [{ event: 'mirror-tried', host: 'm.example', image: 'reg.example/a:1' }],
  ],
  [
    "containerd's deletions, by the name that a person knows",
    logrus('info', 'msg="ImageDelete event name:\\"reg.example/a:1\\""'),
    [{ event: 'image-removed', image: 'reg.example/a:1' }],
  ],
  ['the same by its digest', logrus('info', `msg="ImageDelete event name:\\"sha256:${'0'.repeat(64)}\\""`), []],
  [
    "CRI-O's start",
    logrus('info', 'msg="Pulling image: quay.io/a/b:1" id=4f7f name=/runtime.v1.ImageService/PullImage'),
    [{ event: 'pull-started', source: 'cri-o', image: 'quay.io/a/b:1' }],
  ],
  [
    "k0s, which logs its children's lines",
    logrus(
      'info',
      `msg="E1122 10:47:14.553456   12293 log.go:32] \\"PullImage from image service failed\\" err=\\"rpc error: code = Unknown desc = dial tcp 10.0.0.1:443: connect: connection refused\\" image=\\"reg.example/a:1\\"" component=kubelet`,
    ),
    [{ event: 'pull-failed', role: 'service', source: 'kubelet', image: 'reg.example/a:1', cause: 'tcp-refused' }],
  ],
  [
    'Talos, which logs JSON',
    '{"ts":1795344434553.4,"caller":"log/log.go:32","msg":"PullImage from image service failed","err":"rpc error: code = Unknown desc = dial tcp 10.0.0.1:443: connect: connection refused","image":"reg.example/a:1"}',
    [{ event: 'pull-failed', role: 'service', source: 'kubelet', image: 'reg.example/a:1', cause: 'tcp-refused' }],
  ],
  [
    'dockerd',
    logrus('error', 'msg="Not continuing with pull after error: denied: requested access to the resource is denied"'),
    [{ event: 'pull-failed', source: 'other', role: 'runtime' }],
  ],
  [
    "a container's image, in passing",
    logrus('info', 'msg="CreateContainer within sandbox \\"1\\" for container &ContainerMetadata{Name:pull,}"'),
    [],
  ],
];

describe('signals: lines', () => {
  for (const [what, line, expected] of forms) {
    it(`reads ${what}`, () => {
      const found = decode(line);
      assert.equal(found.length, expected.length, JSON.stringify(found));
      for (const [at, { cause, says, ...fields }] of expected.entries()) {
        const one = found[at];
        assert.ok(one !== undefined);
        assert.deepEqual({ ...one, ...fields }, one);
        if (cause !== undefined) assert.equal(one.explanation?.cause, cause);
        if (says !== undefined) assert.match(one.message, says);
      }
    });
  }

  it('takes whose words they are from the unit where that is known', () => {
    const line = logrus('info', 'msg="PullImage \\"nginx\\""');
    assert.equal(decode(line, 'docker.service')[0]?.source, 'other');
    assert.equal(decode(line, 'containerd.service')[0]?.source, 'containerd');
  });

  it('hides secrets', () => {
    const line = `${klog}"PullImage from image service failed" err="Get \\"https://u:hunter2@reg.example/v2/\\": dial tcp 10.0.0.1:443: i/o timeout" image="reg.example/a:1"`;
    assert.doesNotMatch(JSON.stringify(decode(line)), /hunter2/);
  });

  it('leaves the ordinary lines of kubelets and containerds', function () {
    if (!haveCaptures()) return this.skip();
    const about =
      /PullImage|pull image|Pulled image|ErrImage|ImagePullBackOff|InvalidImageName|Unable to retrieve pull secret|trying next host|ImageDelete|RemoveImage|cancel pulling/;
    let ordinary = 0;
    for (const run of readdirSync(captures).filter((name) => /^containerd/.test(name))) {
      for (const name of ['kubelet.log.gz', 'containerd.log.gz']) {
        const lines = gunzipSync(readFileSync(join(captures, run, name)))
          .toString('utf8')
          .split('\n');
        for (const line of lines.filter((one) => !about.test(one))) {
          assert.deepEqual(decode(line), [], line);
          ordinary++;
        }
      }
    }
    assert.ok(ordinary > 4000);
  });
});
