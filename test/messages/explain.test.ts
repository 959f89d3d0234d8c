import assert from 'node:assert/strict';
import { type Explanation, explainMessage } from '../../src/messages/explain.ts';

type Wanted = Partial<Omit<Explanation, 'alternatives'>> & { readonly among?: Explanation['alternatives'] };

function check(text: string, wanted: Wanted): void {
  const got = explainMessage(text);
  assert.ok(got !== null, 'not explained');
  const { among, ...fields } = wanted;
  for (const [name, value] of Object.entries(fields)) {
    const actual: unknown = Object.entries(got).find(([key]) => key === name)?.[1];
    assert.deepEqual(actual, value, `${name} of ${JSON.stringify(got)}`);
  }
  for (const cause of among ?? []) assert.ok(got.alternatives.includes(cause), `${cause} among ${got.alternatives}`);
}

const pull = (image: string, error: string): string =>
  `failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${error}`;
const head = (host: string, error: string): string =>
  `failed to do request: Head "https://${host}/v2/team/web/manifests/1": ${error}`;
const blob = (url: string, error: string): string =>
  `failed to pull and unpack image "reg.example/team/web:1": failed to copy: httpReadSeeker: failed open: failed to do request: Get "${url}": ${error}`;

describe('explainMessage: the wrapping decides between readings', () => {
  const cases: readonly (readonly [string, string, Wanted])[] = [
    [
      'a connection to the registry',
      pull('reg.example/team/web:1', head('reg.example', 'dial tcp 192.0.2.1:443: i/o timeout')),
      {
        cause: 'tcp-timeout',
        image: 'reg.example/team/web:1',
        registry: 'reg.example',
        underlying: null,
        innermost: 'dial tcp 192.0.2.1:443: i/o timeout',
        details: { address: '192.0.2.1:443' },
        among: ['proxy-required'],
      },
    ],
    [
      'a connection to the proxy',
      pull(
        'reg.example/team/web:1',
        head('reg.example', 'proxyconnect tcp: dial tcp 192.0.2.9:3128: connect: connection refused'),
      ),
      {
        cause: 'proxy-unreachable',
        underlying: 'tcp-refused',
        registry: 'reg.example',
        among: ['proxy-misconfigured'],
      },
    ],
    [
      'a proxy whose name is none',
      head('reg.example', 'proxyconnect tcp: dial tcp: lookup http on 10.0.0.2:53: no such host'),
      { cause: 'proxy-misconfigured' },
    ],
    [
      "a proxy's own answer",
      head('reg.example', 'Forbidden'),
      { cause: 'proxy-denied', details: { answer: 'Forbidden' } },
    ],
    [
      'a lookup',
      head('reg.example', 'dial tcp: lookup reg.example on 10.0.0.2:53: no such host'),
      { cause: 'dns-name-not-found', details: { host: 'reg.example', nameserver: '10.0.0.2:53' } },
    ],
    [
      "a layer's host",
      blob(
        'https://cdn.example/docker/registry/v2/blobs/sha256/aa/data?verify=s3cr3t',
        'read tcp 10.0.0.9:4->192.0.2.2:443: read: connection reset by peer',
      ),
      { cause: 'blob-unreachable', underlying: 'tcp-reset', registry: 'cdn.example', image: 'reg.example/team/web:1' },
    ],
    [
      'a manifest fetched by digest, which is no layer',
      blob(
        'https://reg.example/v2/team/web/manifests/sha256:aaaa',
        'dial tcp 192.0.2.2:443: connect: no route to host',
      ),
      { cause: 'no-route', underlying: null },
    ],
    [
      'a limit met at a layer is still the limit',
      'failed to copy: httpReadSeeker: failed open: unexpected status code https://reg.example/v2/team/web/blobs/sha256:aaaa: 429 Too Many Requests',
      { cause: 'rate-limited', confidence: 'proven' },
    ],
    [
      "the token's host",
      pull(
        'docker.io/team/web:1',
        'failed to authorize: failed to fetch anonymous token: Get "https://auth.docker.io/token?scope=repository%3Ateam%2Fweb%3Apull&service=registry.docker.io": dial tcp 192.0.2.3:443: i/o timeout',
      ),
      { cause: 'auth-service-unreachable', underlying: 'tcp-timeout', registry: 'auth.docker.io' },
    ],
    [
      'a token at the registry itself',
      pull(
        'reg.example/team/web:1',
        'failed to authorize: failed to fetch anonymous token: Get "https://reg.example/token?service=x": EOF',
      ),
      { cause: 'registry-error', among: ['auth-service-unreachable'] },
    ],
    [
      'no credentials: the anonymous token is refused',
      pull(
        'ghcr.io/team/web:1',
        'failed to authorize: failed to fetch anonymous token: unexpected status: 403 Forbidden',
      ),
      { cause: 'repository-not-found-or-private', among: ['credentials-missing'] },
    ],
    [
      'credentials: the token for them is refused',
      pull('ghcr.io/team/web:1', 'failed to authorize: failed to fetch oauth token: unexpected status: 403 Forbidden'),
      { cause: 'credentials-rejected' },
    ],
    [
      'the sandbox image',
      `Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image "registry.k8s.io/pause:3.9": failed to pull image "registry.k8s.io/pause:3.9": ${pull('registry.k8s.io/pause:3.9', head('registry.k8s.io', 'dial tcp 192.0.2.1:443: i/o timeout'))}`,
      { cause: 'sandbox-image-unavailable', underlying: 'tcp-timeout', image: 'registry.k8s.io/pause:3.9' },
    ],
    [
      'the sandbox image, in words of CRI-O',
      'Failed to create pod sandbox: rpc error: code = Unknown desc = error creating pod sandbox with name "k8s_web": initializing source docker://registry.k8s.io/pause:3.9: pinging container registry registry.k8s.io: Get "https://registry.k8s.io/v2/": dial tcp 192.0.2.1:443: i/o timeout',
      { cause: 'sandbox-image-unavailable', underlying: 'tcp-timeout', image: 'registry.k8s.io/pause:3.9' },
    ],
    [
      'the sandbox image, its cause cut off',
      'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image "registry.k8s.io/pause:3.9"',
      { cause: 'sandbox-image-unavailable', underlying: null },
    ],
    [
      "a mirror's odd answer",
      'failed to copy: httpReadSeeker: failed open: unexpected status code https://mirror.example/v2/library/web/blobs/sha256:aaaa?ns=docker.io: 400 Bad Request',
      {
        cause: 'mirror-failed',
        underlying: 'registry-invalid-response',
        details: { status: '400', mirrorOf: 'docker.io' },
      },
    ],
    [
      'a mirror that cannot be reached',
      head('mirror.example', 'EOF').replace('manifests/1"', 'manifests/1?ns=docker.io"'),
      { cause: 'registry-error', among: ['mirror-failed'], details: { mirrorOf: 'docker.io' } },
    ],
    [
      "CRI-O's mirrors beside the upstream",
      'initializing source docker://docker.io/team/web:1: (Mirrors also failed: [m1.example/team/web:1: pinging container registry m1.example: Get "https://m1.example/v2/": dial tcp [::1]:443: connect: connection refused] [m2.example/team/web:1: reading manifest 1 in m2.example/team/web: unauthorized]): docker.io/team/web:1: reading manifest 1 in docker.io/team/web: manifest unknown',
      { cause: 'tag-not-found', image: 'docker.io/team/web:1', among: ['mirror-failed'] },
    ],
    [
      "CRI-O's mirrors alone",
      'initializing source docker://docker.io/team/web:1: (Mirrors also failed: [m1.example/team/web:1: manifest unknown])',
      { cause: 'mirror-failed', underlying: 'tag-not-found', registry: 'm1.example' },
    ],
    [
      "CRI-O's second try as an artifact is noise",
      'unable to pull image or OCI artifact: pull image err: Source image rejected: A signature was required, but no signature exists; artifact err: image reference: get manifest: manifest unknown',
      { cause: 'signature-rejected', confidence: 'proven' },
    ],
    [
      'a public image that is refused',
      pull(
        'registry.k8s.io/pause:3.9',
        'unexpected status from HEAD request to https://europe-west3-docker.pkg.dev/v2/k8s-artifacts-prod/images/pause/manifests/3.9: 403 Forbidden',
      ),
      { cause: 'source-address-blocked', among: ['access-denied', 'sandbox-image-unavailable'] },
    ],
    [
      'several credentials: what is said about the image counts',
      'Failed to pull image "reg.example/team/web:1": [rpc error: code = Unknown desc = Error response from daemon: Get https://reg.example/v2/: received unexpected HTTP status: 500 Internal Server Error, rpc error: code = Unknown desc = Error response from daemon: Get https://reg.example/v2/team/web/manifests/1: unauthorized: authentication required]',
      { cause: 'credentials-rejected', image: 'reg.example/team/web:1', among: ['credentials-missing'] },
    ],
    [
      "the kubelet's word for a refused connection",
      'Failed to pull image "reg.example/web:1": RegistryUnavailable: pinging container registry reg.example: Get "https://reg.example/v2/": dial tcp 192.0.2.1:443: connect: connection refused',
      { cause: 'tcp-refused', among: ['registry-error'] },
    ],
    [
      'a clock that is behind',
      head(
        'reg.example',
        'x509: certificate has expired or is not yet valid: current time 1970-01-01T00:01:00Z is before 2026-01-01T00:00:00Z',
      ),
      { cause: 'clock-skew', details: { now: '1970-01-01T00:01:00Z', notBefore: '2026-01-01T00:00:00Z' } },
    ],
    [
      'an image that is waited for, with the reason',
      'Back-off pulling image "web:1": ErrImagePull: no match for platform in manifest: not found',
      { cause: 'platform-mismatch', image: 'web:1', confidence: 'proven' },
    ],
    [
      'an image that is waited for, without',
      'Back-off pulling image "web:1"',
      { cause: 'back-off-only', image: 'web:1' },
    ],
    ['a failure without a reason', 'Error: ErrImagePull', { cause: 'unknown', confidence: 'possible' }],
    [
      'an image that cannot be inspected, for a reason that nobody knows',
      'Failed to inspect image "reg.example/team/web:1": rpc error: code = Unknown desc = the store had an odd day',
      { cause: 'unknown', image: 'reg.example/team/web:1' },
    ],
    [
      'an image that cannot be inspected, for one that is known',
      'Failed to inspect image "": rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: dial unix /run/containerd/containerd.sock: connect: connection refused"',
      { cause: 'runtime-unreachable' },
    ],
    [
      "a token's service that is not there",
      pull(
        'reg.example/team/web:1',
        'failed to authorize: failed to fetch oauth token: unexpected status: 404 Not Found',
      ),
      { cause: 'registry-invalid-response', among: ['credentials-rejected'] },
    ],
    [
      'a filter that shows its page',
      `Error response from daemon: error parsing HTTP 403 response body: invalid character '<' looking for beginning of value: "<html><head><title>Blocked</title></head><body>FortiGate says no</body></html>"`,
      { cause: 'proxy-denied', among: ['access-denied'] },
    ],
    [
      'a registry that lists the addresses it serves',
      'Error response from daemon: denied: access refused, for IP 192.0.2.7 is not in the list of the registry',
      { cause: 'source-address-blocked' },
    ],
    [
      'a registry that keeps an image back',
      'Error response from daemon: unknown: current image with 7 findings cannot be pulled due to configured policy in the project of team-a',
      { cause: 'signature-rejected', among: ['access-denied'] },
    ],
    [
      'a registry that refuses by a rule it does not name',
      pull(
        'reg.example/team/web:1',
        'unexpected status from HEAD request to https://reg.example/v2/team/web/manifests/1: 402 Payment Required',
      ),
      { cause: 'unknown', among: ['access-denied'], details: { status: '402' } },
    ],
    [
      "a registry's word that nobody knows",
      'Error response from daemon: unknown: the moon is in the wrong quarter',
      { cause: 'unknown' },
    ],
    [
      'an image that cannot be inspected in time: no transfer is late',
      'Failed to inspect image "reg.example/web:1": rpc error: code = DeadlineExceeded desc = context deadline exceeded',
      { cause: 'unknown', among: ['runtime-unreachable'] },
    ],
    [
      "a runtime's own store that went away in the middle",
      'failed to pull and unpack image "reg.example/web:1": failed to copy: failed to send write: error reading from server: EOF: unavailable',
      { cause: 'pull-canceled', among: ['runtime-unreachable'] },
    ],
    [
      "dockerd's second try",
      'time="2026-11-22T10:00:00" level=error msg="Attempting next endpoint for pull after error: unauthorized: authentication required"',
      { cause: 'credentials-missing' },
    ],
    [
      'a password where the registry wants a token',
      'Error response from daemon: Get "https://reg.example/v2/": unauthorized: this account must log in with a personal access token',
      { cause: 'credentials-rejected' },
    ],
    [
      'a token that a layer is refused with',
      'failed to copy: httpReadSeeker: failed open: unexpected status code https://reg.example/v2/web/manifests/sha256:aaaa: 401 Unauthorized - Server message: unauthorized: the user cannot be authenticated with the given token',
      { cause: 'credentials-rejected' },
    ],
    [
      'a snapshot that cannot be committed',
      'ctr: failed to commit snapshot extract-1-aa sha256:bbbb: failed to seal the block device',
      { cause: 'unpack-failed' },
    ],
    [
      'a name that does not parse, its reason cut off',
      'Failed to apply default image tag "reg.example/team/web:":',
      { cause: 'invalid-image-name' },
    ],
    [
      'a record that the kubelet cannot write before it pulls',
      'Failed to record image pull intent for container image "reg.example/web:1": failed to record image pull intent: open /var/lib/kubelet/image_manager/pulling/sha256-aa: no space left on device',
      { cause: 'disk-full' },
    ],
    [
      'a step of which nothing is said',
      pull('reg.example/team/web:1', 'the resolver met something new'),
      { cause: 'unknown', image: 'reg.example/team/web:1', registry: 'reg.example' },
    ],
    [
      "a layer's host, the error cut off",
      'ctr: failed to copy: httpReadSeeker: failed open: failed to do request: Get "https://cdn.example/docker/registry/v2/blobs/sha256/aa/data?verify=1"',
      { cause: 'blob-unreachable', underlying: null, registry: 'cdn.example' },
    ],
    [
      'a manifest fetched by digest, the error cut off',
      'ctr: failed to copy: httpReadSeeker: failed open: failed to do request: Get "https://reg.example/v2/team/web/manifests/sha256:aaaa"',
      { cause: 'unknown', registry: 'reg.example' },
    ],
    [
      'an image whose signature a node does not accept',
      'Failed to pull image "reg.example/team/web:1": 1 error(s) occurred: image verification failed: no valid signature found: bundle tag not found',
      { cause: 'signature-rejected' },
    ],
    [
      'an image whose bytes are not the ones it names',
      'Error response from daemon: image verification failed for digest sha256:aaaa',
      { cause: 'digest-mismatch' },
    ],
    [
      'a layer that does not fit the layers below it',
      'failed to pull and unpack image "reg.example/team/web:1": unpack: failed to extract layer sha256:aa: mkparent /srv/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/31/fs/opt/web/conf: not a directory: unknown',
      { cause: 'unpack-failed', among: ['filesystem-error'] },
    ],
    [
      'a file where the store has a folder',
      'failed to pull and unpack image "reg.example/team/web:1": failed to copy: mkdir /srv/containerd/io.containerd.content.v1.content/ingest/aa: not a directory',
      { cause: 'filesystem-error' },
    ],
    [
      "the runtime's database",
      'error creating temporary lease: write /srv/daemon/io.containerd.metadata.v1.bolt/meta.db: input/output error',
      { cause: 'filesystem-error' },
    ],
    [
      'an unpacker that has no snapshotter',
      'ctr: rpc error: code = Unknown desc = unable to initialize unpacker: snapshotter must be provided to unpack',
      { cause: 'snapshotter-unavailable' },
    ],
    [
      'an archive that ctr cannot unpack',
      'unpacking reg.example/web:1 (sha256:aaaa)...ctr: content digest sha256:bbbb: not found',
      { cause: 'unpack-failed' },
    ],
    [
      'a status that is cut off',
      'failed to resolve image: unexpected status from HEAD request to https://reg.example/v2/web/manifests/1',
      { cause: 'unknown', registry: 'reg.example', among: ['access-denied'] },
    ],
  ];
  for (const [title, text, wanted] of cases) it(title, () => check(text, wanted));
});

describe('explainMessage: names are not errors', () => {
  const names = [
    'reg.example/x509/denied:timeout',
    'reg.example/toomanyrequests/web:no-space-left',
    'reg.example/manifest.unknown/unauthorized:1',
  ];
  for (const name of names) {
    it(name, () => {
      check(pull(name, `${name}: not found`), { cause: 'tag-not-found', image: name });
      check(`Failed to pull image "${name}": rpc error: code = Unknown desc = pull QPS exceeded`, {
        cause: 'pull-qps-exceeded',
      });
      assert.equal(explainMessage(`Pulling image "${name}"`), null);
    });
  }

  it('a bare name that is a word', () => {
    check(
      'Failed to pull image "denied": rpc error: code = Unknown desc = failed to resolve reference "docker.io/library/denied:latest": docker.io/library/denied:latest: not found',
      {
        cause: 'tag-not-found',
        image: 'denied',
      },
    );
  });
});

describe('explainMessage: what is not a failing pull', () => {
  const others = [
    '',
    'Pulling image "reg.example/web:1"',
    'Successfully pulled image "reg.example/web:1" in 405ms (405ms including waiting). Image size: 12 bytes.',
    'Container image "reg.example/web:1" already present on machine and can be accessed by the pod',
    'Liveness probe failed: Get "http://10.1.2.3:8080/healthz": dial tcp 10.1.2.3:8080: connect: connection refused',
    'MountVolume.SetUp failed for volume "data" : rpc error: code = DeadlineExceeded desc = context deadline exceeded',
    'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "aa": plugin type="calico" failed (add): Get "https://10.96.0.1:443/apis/crd/v1/x": dial tcp 10.96.0.1:443: i/o timeout',
    'Internal error occurred: failed calling webhook "v.example": Post "https://v.ns.svc:443/mutate": x509: certificate signed by unknown authority',
    'E1122 10:00:00.000000    1 reflector.go:138] k8s.io/client-go: Failed to watch *v1.Node: Get "https://10.0.0.1:6443/api/v1/nodes": dial tcp 10.0.0.1:6443: connect: connection refused',
    'E1122 10:00:00.000000    1 controller.go:146] "Failed to ensure lease exists, will retry" err="Get \\"https://10.0.0.1:6443/apis/coordination.k8s.io/v1/leases\\": net/http: TLS handshake timeout"',
    'E1122 10:00:00.000000    1 remote_runtime.go:222] "StopPodSandbox from runtime service failed" err="rpc error: code = Unknown desc = failed to destroy network: cni plugin not initialized"',
    'I1122 10:00:00.000000    1 factory.go:219] Registration of the crio container factory failed: Get "http://%2Fvar%2Frun%2Fcrio%2Fcrio.sock/info": dial unix /var/run/crio/crio.sock: connect: no such file or directory',
    'failed to garbage collect required amount of images. Attempted to free 100 bytes, but only found 0 bytes eligible to free.',
    'Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: exec: "web": executable file not found in $PATH: unknown',
    'Back-off restarting failed container web in pod web-0_default(aa)',
    'Error updating node status, will retry: context deadline exceeded',
    'Failed to write to container log: no space left on device',
    'pulling image: reg.example/web:1',
    'failed to authorize: the node may not read the pod',
    'error pulling the configuration of team/web',
    'E1122 10:00:00.000000    1 pod_workers.go:191] Error syncing pod aa ("web-0_default(aa)"), skipping: failed to "StartContainer" for "web" with CrashLoopBackOff: "back-off 40s restarting failed container=web pod=web-0_default(aa)"',
    'Failed to inspect container "aa": rpc error: code = NotFound desc = an error occurred when try to find container "aa": not found',
    'E1122 10:00:00.000000    1 kubelet.go:1261] Image garbage collection failed once. Stats initialization may not have completed yet: failed to get imageFs info: unable to find data for container /',
    'E1122 10:00:00.000000    1 pod_workers.go:949] "Error syncing pod, skipping" err="status.Image is not set"',
    'time="2026-11-22T10:00:00Z" level=warning msg="failed to load plugin io.containerd.snapshotter.v1.btrfs" error="path /srv/io.containerd.snapshotter.v1.btrfs must be a btrfs filesystem to be used with the btrfs snapshotter"',
    'failed to push reg.example/web:1: content digest sha256:bbbb: not found',
    "while reading 'google-dockercfg' metadata: http status code: 404 while fetching url http://metadata.google.internal./computeMetadata/v1/instance/attributes/google-dockercfg",
  ];
  for (const text of others) it(text.slice(0, 100) || '(nothing)', () => assert.equal(explainMessage(text), null));
});

describe('explainMessage: secrets and size', () => {
  it('shows no signature of a URL', () => {
    const text = blob('https://cdn.example/blobs/aa?X-Amz-Signature=s3cr3t&X-Amz-Expires=20', 'EOF');
    assert.doesNotMatch(JSON.stringify(explainMessage(text)), /s3cr3t/);
    const status =
      'unexpected status from GET request to https://u:s3cr3t@cdn.example/blobs/aa?sig=s3cr3t: 403 Forbidden';
    assert.doesNotMatch(JSON.stringify(explainMessage(status)), /s3cr3t/);
  });

  it('finds the cause at the end of a text that is far too long', () => {
    const text = `E1122 10:00:00.000000 1 a.go:1] container &Container{Name:web,Image:web:1,Env:${'x'.repeat(300_000)}} start failed in pod web_default(aa): ErrImagePull: dial tcp: lookup reg.example: no such host`;
    check(text, { cause: 'dns-name-not-found' });
  });
});
