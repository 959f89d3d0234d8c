import assert from 'node:assert/strict';
import fc from 'fast-check';
import { explainMessage } from '../../src/messages/explain.ts';
import { unwrap } from '../../src/messages/unwrap.ts';
import type { CauseId } from '../../src/model/cause-id.ts';

const image = 'reg.example:5000/team/web:1.0';

/** Innermost errors as the runtimes hand them to whoever wraps them, each with its one cause. */
const errors: readonly (readonly [string, CauseId])[] = [
  ['dial tcp 192.0.2.1:443: i/o timeout', 'tcp-timeout'],
  ['dial tcp 192.0.2.1:443: getsockopt: connection refused', 'tcp-refused'],
  ['dial tcp [2001:db8::1]:443: connect: network is unreachable', 'no-route'],
  ['dial tcp: lookup reg.example on [fd00::10]:53: no such host', 'dns-name-not-found'],
  ['dial tcp: lookup reg.example on 10.0.0.2:53: server misbehaving', 'dns-server-failure'],
  ['dial tcp: lookup reg.example on 10.0.0.2:53: read udp 10.0.0.9:40000->10.0.0.2:53: i/o timeout', 'dns-timeout'],
  ['dial tcp: lookup reg.example on [::1]:53: read udp [::1]:4->[::1]:53: read: connection refused', 'dns-refused'],
  ['x509: certificate signed by unknown authority', 'tls-unknown-authority'],
  [
    'tls: failed to verify certificate: x509: certificate signed by unknown authority (possibly because of "crypto/rsa: verification error" while trying to verify candidate authority certificate "Corp \\"Root\\" CA")',
    'tls-unknown-authority',
  ],
  ['x509: certificate is valid for a.example, *.b.example, not reg.example', 'tls-hostname-mismatch'],
  [
    'x509: certificate has expired or is not yet valid: current time 2026-11-22T10:00:00Z is after 2025-01-01T00:00:00Z',
    'tls-certificate-expired',
  ],
  ['http: server gave HTTP response to HTTPS client', 'http-on-https'],
  [
    'net/http: HTTP/1.x transport connection broken: malformed HTTP response "\\x15\\x03\\x01\\x00\\x02\\x02"',
    'http-on-https',
  ],
  ['net/http: TLS handshake timeout', 'tls-handshake-failed'],
  [
    'toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit',
    'rate-limited',
  ],
  ['unauthorized: access to the requested resource is not authorized', 'repository-not-found-or-private'],
  ['manifest unknown: manifest unknown', 'tag-not-found'],
  ['name unknown: repository name not known to registry', 'repository-not-found'],
  ['no match for platform in manifest: not found', 'platform-mismatch'],
  ['Get "https://reg.example:5000/v2/": Proxy Authentication Required', 'proxy-auth-required'],
  ['failed to extract layer sha256:aa: archive/tar: invalid tar header: unknown', 'unpack-failed'],
  ['write /var/lib/containerd/ingest/aa/data: no space left on device', 'disk-full'],
  ['Source image rejected: A signature was required, but no signature exists', 'signature-rejected'],
  [
    'pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials',
    'credentials-missing',
  ],
];

type Wrap = (error: string) => string;
const quote = (text: string): string => `"${text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`;

/** What a runtime or a client puts around the error. */
const runtimes: readonly Wrap[] = [
  (error) => error,
  (error) => `failed to pull and unpack image "${image}": failed to resolve reference "${image}": ${error}`,
  (error) => `failed to pull and unpack image "${image}": failed to resolve image: ${error}`,
  (error) => `Error response from daemon: ${error}`,
  (error) => `pinging container registry reg.example:5000: ${error}`,
  (error) => `initializing source docker://${image}: ${error}`,
  (error) =>
    `unable to pull image or OCI artifact: pull image err: initializing source docker://${image}: ${error}; artifact err: image reference: ${error}`,
  (error) =>
    `initializing source docker://${image}: (Mirrors also failed: [m.example/team/web:1.0: pinging container registry m.example: Get "https://m.example/v2/": EOF]): ${image}: ${error}`,
];

/** gRPC. */
const transports: readonly Wrap[] = [
  (error) => error,
  (error) => `rpc error: code = Unknown desc = ${error}`,
  (error) => `rpc error: code = NotFound desc = ${error}`,
  (error) => `rpc error: code = DeadlineExceeded desc = ${error}`,
];

/** The kubelet's reasons and events, all versions. */
const reasons: readonly Wrap[] = [
  (error) => `Failed to pull image "${image}": ${error}`,
  (error) => `spec.containers{web}: Failed to pull image "${image}": ${error}`,
  (error) => `Back-off pulling image "${image}": ErrImagePull: ${error}`,
  (error) => `failed to "StartContainer" for "web" with ErrImagePull: ${quote(error)}`,
  (error) =>
    `failed to "StartContainer" for "web" with ImagePullBackOff: ${quote(`Back-off pulling image "${image}": ErrImagePull: ${error}`)}`,
  (error) =>
    `Error syncing pod 1-2 ("web_default(1-2)"), skipping: failed to "StartContainer" for "web" with ErrImagePull: ${quote(error)}`,
  (error) =>
    `container &Container{Name:web,Image:${image},Command:[],Args:[a b],} start failed in pod web_default(1-2): ErrImagePull: ${error}`,
  (error) => `PullImage "${image}" from image service failed: ${error}`,
];

/** How lines are logged. */
const logs: readonly Wrap[] = [
  (line) => line,
  (line) => `E1122 10:36:45.289431   24326 remote_image.go:113] ${line}`,
  (line) => `Nov 22 10:36:45 node-1 kubelet[512]: E1122 10:36:45.289431   24326 pod_workers.go:190] ${line}`,
  (line) =>
    `E1122 10:36:45.289431   24326 pod_workers.go:1324] "Error syncing pod, skipping" err=${quote(line)} pod="default/web-0" podUID="1-2"`,
  (line) =>
    `E1122 10:36:45.289431   24326 log.go:32] "PullImage from image service failed" err=${quote(line)} image="${image}"`,
  (line) =>
    `time="2026-11-22T10:36:45.289431184Z" level=error msg=${quote(`PullImage "${image}" failed`)} error=${quote(line)}`,
  (line) => `time="2026-11-22T10:36:45Z" level=fatal msg=${quote(`pulling image: ${line}`)}`,
  (line) =>
    JSON.stringify({
      ts: 1763807805.1,
      caller: 'kubelet/log.go:32',
      msg: 'PullImage from image service failed',
      err: line,
    }),
  (line) => `FATA[0003] pulling image: ${line}`,
];

const wrapping = fc.record({
  runtime: fc.constantFrom(...runtimes),
  transport: fc.constantFrom(...transports),
  reason: fc.constantFrom(...reasons),
  log: fc.constantFrom(...logs),
});

describe('messages: any wrapping', () => {
  for (const [error, cause] of errors) {
    it(`gives the same cause: ${error.slice(0, 80)}`, () => {
      fc.assert(
        fc.property(wrapping, ({ runtime, transport, reason, log }) => {
          const text = log(reason(transport(runtime(error))));
          const explanation = explainMessage(text);
          assert.equal(explanation?.cause, cause, `${explanation?.rule}: ${text}`);
          if (text.includes(image)) assert.equal(explanation?.image, image, text);
        }),
        { numRuns: 300 },
      );
    });
  }

  it('takes the quotes of any depth off', () => {
    fc.assert(
      fc.property(fc.constantFrom(...errors), fc.integer({ min: 1, max: 6 }), ([error, cause], depth) => {
        let text = error;
        for (let level = 0; level < depth; level++)
          text = `failed to "StartContainer" for "web" with ErrImagePull: ${quote(text)}`;
        assert.equal(explainMessage(text)?.cause, cause, text);
      }),
    );
  });

  it('survives a line that is cut anywhere behind the error', () => {
    for (const [error, cause] of errors) {
      const line = `E1122 10:36:45.289431 1 log.go:32] "Failed to pull image" err=${quote(`rpc error: code = Unknown desc = ${error}`)} image="${image}"`;
      const end = line.lastIndexOf('" image=');
      for (let cut = end; cut <= line.length; cut++)
        assert.equal(explainMessage(line.slice(0, cut))?.cause, cause, line.slice(0, cut));
    }
  });

  it('finds the innermost error', () => {
    const text = `E1122 10:36:45.289431 1 pod_workers.go:1324] "Error syncing pod, skipping" err=${quote(`failed to "StartContainer" for "web" with ErrImagePull: ${quote(`rpc error: code = Unknown desc = failed to pull and unpack image "${image}": failed to resolve reference "${image}": failed to do request: Head "https://reg.example:5000/v2/team/web/manifests/1.0": tls: failed to verify certificate: x509: certificate is valid for a.example, not reg.example`)}`)} pod="default/web"`;
    assert.equal(unwrap(text).innermost, 'x509: certificate is valid for a.example, not reg.example');
  });
});

describe('messages: any text', () => {
  it('is explained or not, without an exception', () => {
    const word = fc.constantFrom(
      'lookup ',
      '"',
      '\\',
      '[',
      ']',
      '(Mirrors also failed: ',
      ': ',
      'x509: ',
      'err="',
      'time="',
      'level=',
      'Get "https://',
      '{',
      'E1122 10:00:00.000000 1 a.go:1] ',
      '; artifact err: ',
      'image "',
      '\n',
      '%!F(MISSING)',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(word, fc.string({ maxLength: 12 })), { maxLength: 60 }), (parts) => {
        const explanation = explainMessage(parts.join(''));
        assert.ok(explanation === null || !explanation.alternatives.includes(explanation.cause));
      }),
      { numRuns: 2000 },
    );
  });

  it('takes no time that grows faster than the text', () => {
    const seeds = [
      'lookup a on ',
      '"',
      '\\"',
      'failed to copy',
      '[',
      'Get "https://',
      'image "a" ',
      'a/b:c',
      'x509: certificate is valid for ',
      'failed to extract layer ',
      '(Mirrors also failed: [',
      'err="',
      'ref a locked ',
      'container &Container{}',
      ' repository ',
      'reading manifest ',
      '\\\\"',
    ];
    for (const seed of seeds) {
      const text = `Failed to pull image "web:1": ${seed.repeat(Math.ceil(70_000 / seed.length))}`;
      const started = performance.now();
      explainMessage(text);
      assert.ok(performance.now() - started < 5000, `${seed}: ${performance.now() - started} ms`);
    }
  });
});
