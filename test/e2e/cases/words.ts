import assert from 'node:assert/strict';
import { daysFromNow, type MadeCertificate, makeCertificate } from '../../kit/certificates.ts';
import type { DiagnoseCase } from '../../kit/diagnose-case.ts';
import { type Ran, type Situation, type Stage, stagePki } from '../../kit/diagnose-stage.ts';
import { makeImage, makeIndex } from '../../kit/fake-registry.ts';
import { startTcpServer } from '../../kit/tcp-server.ts';
import { app } from './shared.ts';

/** Every remedy of the primary finding must match one of these, and none of those. */
function advises(wanted: readonly RegExp[], never: readonly RegExp[] = []): (ran: Ran) => void {
  return ({ document }) => {
    const all = (document.findings[0]?.remedies ?? []).map(({ text, command }) => `${text} $ ${command ?? ''}`);
    const text = all.join('\n');
    for (const one of wanted) assert.match(text, one);
    for (const one of never) assert.doesNotMatch(text, one);
  };
}

/** A registry with this certificate, below an authority that the node trusts. */
function below(make: (root: MadeCertificate) => MadeCertificate): (stage: Stage) => Promise<Situation> {
  return async (stage) => {
    const made = make(stagePki.root);
    return app(await stage.registry({ tls: { cert: made.chainPem, key: made.keyPem } }));
  };
}

const strange = makeCertificate({ commonName: 'Strange CA', ca: true });
const unknown = makeCertificate({ commonName: 'registry.test', names: ['registry.test'], issuer: strange });
const unknownTls = { tls: { cert: unknown.chainPem, key: unknown.keyPem } };

/** The advice: does it name the right thing, in the place where it is, with a command that works? */
export const cases: readonly DiagnoseCase[] = [
  {
    name: 'an unknown authority at a port: the folder that containerd reads bears the port',
    prepare: async (stage) => app(await stage.registry(unknownTls)),
    verdict: 'faulty',
    cause: 'tls-unknown-authority',
    check: advises([/etc\/containerd\/certs\.d\/registry\.test:\d+\/hosts\.toml/]),
  },
  {
    name: 'an unknown authority of a mirror: the file that names the mirror',
    async prepare(stage) {
      const mirror = await stage.registry(unknownTls);
      await stage.hosts(
        '_default',
        `server = "https://registry.test:1"\n[host."https://registry.test:${mirror.port}"]\n`,
      );
      return { image: 'registry.test:1/team/app:1' };
    },
    verdict: 'faulty',
    cause: 'tls-unknown-authority',
    check: advises([/etc\/containerd\/certs\.d\/_default\/hosts\.toml with ca/]),
  },
  {
    name: 'an unknown authority, with CRI-O: its own folder, and its own unit',
    async prepare(stage) {
      return app(await stage.registry(unknownTls), ['--runtime', 'cri-o']);
    },
    verdict: 'faulty',
    cause: 'tls-unknown-authority',
    check: advises(
      [/etc\/containers\/certs\.d\/registry\.test:\d+\/ca\.crt/, /systemctl restart crio/],
      [/containerd\/certs\.d/, /restart containerd/],
    ),
  },
  {
    name: 'a certificate with a Common Name alone',
    prepare: below((issuer) => makeCertificate({ commonName: 'registry.test', issuer })),
    verdict: 'faulty',
    cause: 'tls-hostname-mismatch',
    says: /has no subject alternative name, only CN=registry\.test/,
    saysNot: /is for other names/,
    check: advises([/subjectAltName/], [/use a name that the certificate has/]),
  },
  {
    name: 'an intermediate certificate has expired',
    prepare: below((root) => {
      const past = { notBefore: daysFromNow(-300), notAfter: daysFromNow(-3) };
      const issuer = makeCertificate({ commonName: 'Old Intermediate', ca: true, issuer: root, ...past });
      return makeCertificate({ commonName: 'registry.test', names: ['registry.test'], issuer });
    }),
    verdict: 'faulty',
    cause: 'tls-certificate-expired',
    says: /An issuing certificate of registry\.test \(CN=Old Intermediate\) expired 3 days ago/,
    check: advises([/-showcerts/], [/openssl x509/]),
  },
  {
    name: 'the hosts file leads to where nothing listens',
    async prepare(stage) {
      await stage.file('etc/hosts', '127.0.0.1 localhost\n127.0.0.78 registry.test\n');
      return app(await stage.registry());
    },
    verdict: 'faulty',
    cause: 'tcp-refused',
    says: /127\.0\.0\.78, by etc\/hosts:2/,
    check: advises([/stands in etc\/hosts:2, so no nameserver is asked/]),
  },
  {
    name: 'a wildcard of the search domain leads to where nothing listens',
    async prepare(stage) {
      await stage.file('etc/resolv.conf', 'nameserver 127.0.0.1\nsearch corp.test\noptions ndots:5 timeout:1\n');
      const zone = { 'registry.test.corp.test': ['127.0.0.77'], 'registry.test': ['127.0.0.1'] };
      return app(await stage.registry(), await stage.nameserver(zone));
    },
    verdict: 'faulty',
    cause: 'tcp-refused',
    says: /127\.0\.0\.77, found as registry\.test\.corp\.test/,
    check: advises([/search domain.*ndots/]),
  },
  {
    name: 'a wildcard of the search domain leads to another server',
    async prepare(stage) {
      await stage.file('etc/resolv.conf', 'nameserver 127.0.0.1\nsearch corp.test\noptions ndots:5 timeout:1\n');
      const other = makeCertificate({ commonName: 'ingress', names: ['ingress.corp.test'], issuer: stagePki.root });
      const tls = { cert: other.chainPem, key: other.keyPem };
      const zone = { 'registry.test.corp.test': ['127.0.0.1'], 'registry.test': ['127.0.0.99'] };
      return app(await stage.registry({ tls }), await stage.nameserver(zone));
    },
    verdict: 'faulty',
    cause: 'tls-hostname-mismatch',
    says: /ingress\.corp\.test \(the host was found as registry\.test\.corp\.test\)/,
    check: advises([/search domain.*ndots/]),
  },
  {
    name: 'no route to an IPv6 address: ip takes it without brackets',
    async prepare(stage) {
      await stage.file('etc/hosts', '127.0.0.1 localhost\n::2 registry.test\n');
      return app(await stage.registry());
    },
    verdict: 'faulty',
    cause: 'no-route',
    check: advises([/ip route get ::2$/m]),
  },
  {
    name: 'a plain mirror: the file that names it, and no other, is to say so',
    async prepare(stage) {
      const mirror = await stage.registry({ tls: null });
      await stage.hosts('registry.test:1', `server = "https://mirror.test:${mirror.port}"\n`);
      return { image: 'registry.test:1/team/app:1' };
    },
    verdict: 'faulty',
    cause: 'http-on-https',
    check: advises([/that it is plain in etc\/containerd\/certs\.d\/registry\.test:1\/hosts\.toml:1/], [/mkdir/]),
  },
  {
    name: 'a plain registry, with CRI-O',
    prepare: async (stage) => app(await stage.registry({ tls: null }), ['--runtime', 'cri-o']),
    verdict: 'faulty',
    cause: 'http-on-https',
    check: advises([/insecure = true for registry\.test:\d+/], [/containerd/]),
  },
  {
    name: 'a plain registry that fails: the command speaks plain HTTP, too',
    async prepare(stage) {
      const registry = await stage.registry({ tls: null });
      registry.override = { status: 503 };
      await stage.hosts(`registry.test:${registry.port}`, `server = "http://registry.test:${registry.port}"\n`);
      return app(registry);
    },
    verdict: 'faulty',
    cause: 'registry-error',
    check: advises([/curl -sv http:\/\/registry\.test:\d+\/v2\//]),
  },
  {
    name: 'a token service that gives no token is no registry anyway',
    async prepare(stage) {
      const registry = await stage.registry({ token: { users: {}, publicRepositories: ['team/app'] } });
      const none = { status: 200, headers: { 'content-type': 'application/json' }, body: '{"token":""}' };
      registry.override = (_, path) => (path === '/token' ? none : null);
      return app(registry);
    },
    verdict: 'faulty',
    cause: 'auth-service-unreachable',
    underlying: 'registry-invalid-response',
    says: /is not a token service: the token service's answer holds no token/,
    check: advises([/curl -sv https:/], [/\/v2\/|override_path/]),
  },
  {
    name: 'content that is a page of the registry itself lies at no other host',
    async prepare(stage) {
      const registry = await stage.registry();
      const page = { status: 200, headers: { 'content-type': 'text/html' }, body: '<html><title>SSO</title></html>' };
      const away = { status: 302, headers: { location: '/login' } };
      registry.override = (_, path) => (path === '/login' ? page : path.includes('/blobs/') ? away : null);
      return app(registry);
    },
    verdict: 'faulty',
    cause: 'blob-unreachable',
    underlying: 'registry-invalid-response',
    says: /gives the manifest, and not the content/,
    check: advises([], [/not only the registry/]),
  },
  {
    name: 'content that is refused is not lost',
    async prepare(stage) {
      const registry = await stage.registry();
      registry.override = (_, path) => (path.includes('/blobs/') ? { status: 403 } : null);
      return app(registry);
    },
    verdict: 'faulty',
    cause: 'blob-unreachable',
    check: advises([/refuses the content/], [/push/]),
  },
  {
    name: 'a limit of nobody: the secret to make is for this registry',
    async prepare(stage) {
      const registry = await stage.registry();
      registry.override = { status: 429 };
      return app(registry);
    },
    verdict: 'faulty',
    cause: 'rate-limited',
    check: advises([/--docker-server=registry\.test:\d+ --docker-username=USER/]),
  },
  {
    name: 'a limit of somebody: credentials are there already',
    async prepare(stage) {
      const registry = await stage.registry({ basic: { app: 'pw' } });
      registry.override = (_, __, authorization) => (authorization === null ? null : { status: 429 });
      return app(registry, await stage.authFile({ [`registry.test:${registry.port}`]: 'app:pw' }));
    },
    verdict: 'faulty',
    cause: 'rate-limited',
    check: advises([/that of user "app"/], [/Pull with credentials/, /create secret/]),
  },
  {
    name: 'a mirror whose answer nobody knows: nothing is said of the image, which can be pulled',
    async prepare(stage) {
      const mirror = await stage.registry();
      const registry = await stage.registry();
      await stage.hosts(`registry.test:${registry.port}`, `[host."https://mirror.test:${mirror.port}/hub"]\n`);
      return app(registry);
    },
    verdict: 'degraded',
    cause: 'mirror-failed',
    saysNot: /cannot be pulled/,
  },
  {
    name: 'a mirror whose copy lacks this platform is named',
    async prepare(stage) {
      const other = makeIndex([makeImage({ os: 'linux', architecture: 's390x' })]);
      const mirror = await stage.registry({ repositories: { 'team/app': { '1': other } } });
      const registry = await stage.registry();
      await stage.hosts(`registry.test:${registry.port}`, `[host."https://mirror.test:${mirror.port}"]\n`);
      return app(registry);
    },
    verdict: 'faulty',
    cause: 'platform-mismatch',
    says: /linux\/s390x at the mirror mirror\.test:\d+/,
  },
  {
    name: 'the proxy takes only logins that no runtime can do',
    async prepare(stage) {
      const registry = await stage.registry();
      const { port } = await stage.proxy(() => ({
        kind: 'say',
        bytes:
          'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Negotiate\r\n' +
          'Proxy-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n',
      }));
      return app(registry, await stage.proxyEnv(`HTTPS_PROXY=http://u:hunter22@proxy.test:${port}\n`));
    },
    verdict: 'faulty',
    cause: 'proxy-auth-required',
    says: /takes only Negotiate and NTLM, and the runtimes know Basic alone/,
    secrets: ['hunter22'],
    check: advises([/cntlm/], [/USER:PASSWORD/]),
  },
  {
    name: 'the proxy names hundreds of logins: a sentence stays one',
    async prepare(stage) {
      const registry = await stage.registry();
      const { port } = await stage.proxy(() => ({
        kind: 'say',
        bytes: `HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: ${Array.from({ length: 300 }, (_, at) => `Odd${at}`).join(', ')}\r\nContent-Length: 0\r\n\r\n`,
      }));
      return app(registry, await stage.proxyEnv(`HTTPS_PROXY=http://proxy.test:${port}\n`));
    },
    verdict: 'faulty',
    cause: 'proxy-auth-required',
    says: /takes only Odd0, Odd1, Odd2, Odd3 and others, and the runtimes know Basic alone/,
  },
  {
    name: 'https:// for a proxy that speaks plain HTTP: that is wrong with the proxy, not with NO_PROXY',
    async prepare(stage) {
      const registry = await stage.registry();
      const server = await startTcpServer((socket) =>
        socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')),
      );
      stage.defer(() => server.close());
      return app(registry, await stage.proxyEnv(`HTTPS_PROXY=https://proxy.test:${server.port}\n`));
    },
    verdict: 'faulty',
    cause: 'proxy-unreachable',
    says: /it speaks plain HTTP, and the setting says https:/,
  },
  {
    name: 'https:// for a proxy that waits for plain HTTP: nobody gets through it',
    async prepare(stage) {
      const registry = await stage.registry();
      const port = await stage.silentPort();
      return app(registry, await stage.proxyEnv(`HTTPS_PROXY=https://proxy.test:${port}\n`));
    },
    verdict: 'faulty',
    cause: 'proxy-unreachable',
    says: /TLS with it cannot be set up/,
    saysNot: /NO_PROXY/,
  },
  {
    name: 'the proxy speaks something else',
    async prepare(stage) {
      const { args } = await stage.proxy(() => ({ kind: 'say', bytes: '\x05\xff nothing of use' }));
      return app(await stage.registry(), args);
    },
    verdict: 'faulty',
    cause: 'proxy-unreachable',
    says: /is not HTTP/,
    saysNot: /without an answer/,
  },
  {
    name: 'the proxy leads to a login page, and directly it goes',
    async prepare(stage) {
      const { args } = await stage.proxy(() => ({
        kind: 'say',
        bytes: 'HTTP/1.1 302 Found\r\nLocation: http://portal.corp/\r\nContent-Length: 0\r\n\r\n',
      }));
      return app(await stage.registry(), args);
    },
    verdict: 'faulty',
    cause: 'proxy-bypass-missing',
    says: /it answers 302/,
  },
  {
    name: 'an ingress puts its own page in the place of the registry’s 404: the tag is what is missing',
    async prepare(stage) {
      const registry = await stage.registry();
      const page = { status: 404, headers: { 'content-type': 'text/html' }, body: '<html><h1>404</h1></html>' };
      registry.override = (_, path) => (path.endsWith('/manifests/2') ? page : null);
      return app(registry, [], ':2');
    },
    verdict: 'faulty',
    cause: 'tag-not-found',
    confidence: 'proven',
    never: ['registry-invalid-response'],
  },
  {
    name: 'the same page for the list of tags: nobody knows',
    async prepare(stage) {
      const registry = await stage.registry();
      const page = { status: 404, headers: { 'content-type': 'text/html' }, body: '<html><h1>404</h1></html>' };
      registry.override = (_, path) => (path === '/v2/' ? null : page);
      return app(registry, [], ':2');
    },
    verdict: 'faulty',
    cause: 'unknown',
  },
  {
    name: 'a tunnel that ends at once: the command goes by the proxy, too',
    async prepare(stage) {
      const { args } = await stage.proxy(() => ({ kind: 'say', bytes: 'HTTP/1.1 200 OK\r\n\r\n' }));
      const alone = await stage.nameserver({ 'registry.test': { rcode: 3 } });
      return app(await stage.registry(), [...args, ...alone]);
    },
    verdict: 'faulty',
    cause: 'tls-handshake-failed',
    says: /by the proxy http:\/\/proxy\.test:\d+, cannot be set up/,
    check: advises([/openssl s_client -proxy proxy\.test:\d+ -connect registry\.test/]),
  },
  {
    name: 'a registry that fails behind a proxy: the command goes by it, too',
    async prepare(stage) {
      const registry = await stage.registry();
      registry.override = { status: 503 };
      const { args } = await stage.proxy(() => ({ kind: 'tunnel', port: registry.port }));
      return app(registry, args);
    },
    verdict: 'faulty',
    cause: 'registry-error',
    check: advises([/curl -sv -x http:\/\/proxy\.test:\d+ https:\/\/registry\.test/]),
  },
  {
    name: 'a secret that is no JSON: its file is named once, and the registry in the command',
    prepare: async (stage) => app(await stage.registry({ basic: { app: 'pw' } }), await stage.authText('no json')),
    verdict: 'faulty',
    cause: 'pull-secret-invalid',
    saysNot: /config\.json: .*config\.json/,
    check: advises([/--docker-server=registry\.test:\d+/]),
  },
  {
    name: 'a SOCKS proxy, which is not spoken here: that is said',
    prepare: async (stage) =>
      app(await stage.registry(), await stage.proxyEnv('HTTPS_PROXY=socks5://proxy.test:1080\n')),
    verdict: 'inconclusive',
    cause: null,
    says: /socks5:\/\/proxy\.test:1080 is no HTTP proxy/,
  },
];
