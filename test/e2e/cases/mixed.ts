import { daysFromNow } from '../../kit/certificates.ts';
import type { DiagnoseCase } from '../../kit/diagnose-case.ts';
import { type Stage, stageCertificate } from '../../kit/diagnose-stage.ts';
import { grpcCodes } from '../../kit/fake-cri.ts';
import { errorBody, type FakeRegistry, makeContent, makeIndex } from '../../kit/fake-registry.ts';
import { closedPort } from '../../kit/tcp-server.ts';
import { app } from './shared.ts';

const image = 'reg.example/team/app:1';

/** reg.example: one mirror, then its own server. */
async function behind(stage: Stage, mirror: { port: number }, upstream: { port: number }): Promise<void> {
  await stage.hosts(
    'reg.example',
    `server = "https://registry.test:${upstream.port}"\n[host."https://mirror.test:${mirror.port}"]\n`,
  );
}

const dead = async (): Promise<{ port: number }> => ({ port: await closedPort() });
const expired = { notBefore: daysFromNow(-30), notAfter: daysFromNow(-3) };

/** A second good or bad host at another address, on the port of the first. */
async function twoAddresses(stage: Stage, first: 'expired' | 'good', second: 'expired' | 'good') {
  const make = (kind: 'expired' | 'good', address: string, port?: number): Promise<FakeRegistry> =>
    stage.registry({
      address,
      ...(port === undefined ? {} : { port }),
      tls: stageCertificate(kind === 'expired' ? expired : {}),
    });
  const one = await make(first, '127.0.0.1');
  await make(second, '127.0.0.2', one.port);
  return app(one, await stage.nameserver({ 'registry.test': ['127.0.0.1', '127.0.0.2'] }));
}

/** More than one thing at once. */
export const cases: readonly DiagnoseCase[] = [
  {
    name: 'the first of two addresses has an expired certificate',
    prepare: (stage) => twoAddresses(stage, 'expired', 'good'),
    verdict: ['faulty', 'degraded'],
    cause: ['tls-certificate-expired', 'some-addresses-unreachable'],
  },
  {
    name: 'the second of two addresses has an expired certificate',
    prepare: (stage) => twoAddresses(stage, 'good', 'expired'),
    verdict: 'degraded',
    cause: ['tls-certificate-expired', 'some-addresses-unreachable'],
  },
  {
    name: 'both have',
    prepare: (stage) => twoAddresses(stage, 'expired', 'expired'),
    verdict: 'faulty',
    cause: 'tls-certificate-expired',
  },
  {
    name: 'the mirror refuses the login that the upstream takes',
    async prepare(stage) {
      await behind(
        stage,
        await stage.registry({ basic: { other: 'x' } }),
        await stage.registry({ basic: { app: 'right-pw-4711' } }),
      );
      return { image, args: await stage.authFile({ 'reg.example': 'app:right-pw-4711' }) };
    },
    verdict: 'degraded',
    cause: 'mirror-failed',
    underlying: 'credentials-rejected',
    secrets: ['right-pw-4711'],
  },
  {
    name: 'the mirror is not allowed, and the tag is not there',
    async prepare(stage) {
      await behind(stage, await stage.registry({ basic: { other: 'x' } }), await stage.registry());
      return { image: 'reg.example/team/app:2' };
    },
    verdict: 'faulty',
    cause: 'tag-not-found',
    also: ['credentials-missing'],
  },
  {
    name: 'the mirror is dead, and the upstream’s token service limits',
    async prepare(stage) {
      const upstream = await stage.registry({ token: { users: {} } });
      upstream.override = (_, path) => (path === '/token' ? { status: 429 } : null);
      await behind(stage, await dead(), upstream);
      return { image };
    },
    verdict: 'faulty',
    cause: 'rate-limited',
    also: ['tcp-refused'],
  },
  {
    name: 'the mirror is dead, and the upstream’s token service is too: the first counts',
    async prepare(stage) {
      const realm = `https://auth.test:${await closedPort()}/token`;
      await behind(stage, await dead(), await stage.registry({ token: { users: {}, realm } }));
      return { image };
    },
    verdict: 'faulty',
    cause: 'tcp-refused',
    also: ['auth-service-unreachable'],
    says: /mirror\.test/,
  },
  {
    name: 'the mirror does not take ?ns= (400)',
    async prepare(stage) {
      const mirror = await stage.registry();
      mirror.override = (_, path) => (path === '/v2/' ? null : { status: 400, body: 'bad query' });
      await behind(stage, mirror, await stage.registry());
      return { image };
    },
    verdict: 'degraded',
    cause: 'mirror-failed',
    underlying: 'unknown',
  },
  {
    name: 'the mirror’s content host is dead, the upstream serves',
    async prepare(stage) {
      await behind(stage, await stage.registry({ blobOrigin: 'https://cdn.test:1' }), await stage.registry());
      return { image };
    },
    verdict: 'degraded',
    cause: 'mirror-failed',
    underlying: 'blob-unreachable',
  },
  {
    name: 'the proxy wants a password for the token service alone',
    async prepare(stage) {
      const registry = await stage.registry({ token: { users: {}, realm: 'https://auth.example/token' } });
      const proxy = await stage.proxy((request) =>
        request.target.startsWith('registry.test')
          ? { kind: 'tunnel', port: registry.port }
          : { kind: 'say', bytes: 'HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n' },
      );
      return app(registry, proxy.args);
    },
    verdict: 'faulty',
    cause: 'auth-service-unreachable',
    underlying: 'proxy-auth-required',
    says: /auth\.example/,
  },
  {
    name: 'the registry is in NO_PROXY, its content host is not, and the proxy is dead',
    async prepare(stage) {
      const registry = await stage.registry({ blobOrigin: 'https://bucket.example' });
      const args = await stage.proxyEnv(
        `HTTPS_PROXY=http://proxy.test:${await closedPort()}\nNO_PROXY=registry.test\n`,
      );
      return app(registry, args);
    },
    verdict: 'faulty',
    cause: 'blob-unreachable',
    underlying: 'proxy-unreachable',
    says: /bucket\.example/,
  },
  {
    name: 'an index behind redirects, its parts too',
    async prepare(stage) {
      const real = await stage.registry({ repositories: { 'team/app': { '1': makeIndex([stage.image]) } } });
      const registry = await stage.registry();
      registry.override = (_, path) =>
        path === '/v2/' ? null : { status: 307, headers: { location: `https://cdn.test:${real.port}${path}` } };
      return app(registry);
    },
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'an index whose part is other bytes',
    async prepare(stage) {
      const registry = await stage.registry({ repositories: { 'team/app': { '1': makeIndex([stage.image]) } } });
      const other = makeContent(stage.image.manifest.mediaType, { schemaVersion: 2, config: null, layers: [] });
      const wrong = { ...JSON.parse(stage.image.manifest.bytes.toString()), annotations: { a: 'b' } };
      registry.override = (_, path) =>
        path.endsWith(stage.image.manifest.digest)
          ? { status: 200, headers: { 'content-type': other.mediaType }, body: JSON.stringify(wrong) }
          : null;
      return app(registry);
    },
    verdict: 'faulty',
    cause: 'digest-mismatch',
  },
  {
    name: 'the pull says what the probes say',
    async prepare(stage) {
      const registry = await stage.registry();
      const asked = app(registry, [], ':2');
      const runtime = await stage.runtime({
        PullImage: () => ({
          code: grpcCodes.notFound,
          message: `failed to pull and unpack image "${asked.image}": failed to resolve reference "${asked.image}": ${asked.image}: not found`,
        }),
      });
      return { ...asked, args: [...runtime.args, '--pull'] };
    },
    verdict: 'faulty',
    cause: 'tag-not-found',
    confidence: 'proven',
    pull: { ok: false },
  },
  {
    name: 'a pull that does not end',
    async prepare(stage) {
      const runtime = await stage.runtime({ PullImage: () => ({ silent: true }) });
      return app(await stage.registry(), [...runtime.args, '--pull', '--pull-deadline', '2']);
    },
    verdict: ['faulty', 'inconclusive'],
    cause: ['pull-timeout', 'pull-stalled', 'unknown', null],
    pull: { ok: false },
    check: ({ document }) => {
      const took = document.pull.durationMs ?? 0;
      if (took < 1500 || took > 5000) throw new Error(`the pull took ${took} ms`);
    },
  },
  {
    name: 'a pull that does not end, of a registry that does not answer',
    async prepare(stage) {
      const registry = await stage.registry();
      registry.override = { status: 200, manner: 'silent' };
      const runtime = await stage.runtime({ PullImage: () => ({ silent: true }) });
      return app(registry, [...runtime.args, '--pull', '--pull-deadline', '2']);
    },
    verdict: 'faulty',
    cause: 'registry-timeout',
    pull: { ok: false },
  },
  {
    name: 'the runtime is gone and the secret is wrong',
    async prepare(stage) {
      const registry = await stage.registry({ basic: { app: 'right-pw-4711' } });
      const auth = await stage.authFile({ [`registry.test:${registry.port}`]: 'app:wrong-pw-0815' });
      return app(registry, [...auth, '-r', `unix://${stage.folder}/none.sock`]);
    },
    verdict: 'faulty',
    cause: 'runtime-unreachable',
    also: ['credentials-rejected'],
  },
  {
    name: 'the image is here, the policy Always, and the tag is gone from the registry',
    async prepare(stage) {
      const registry = await stage.registry();
      const runtime = await stage.runtime({
        ImageStatus: () => ({ answer: { image: { id: `sha256:${'a'.repeat(64)}`, size: '1' } } }),
      });
      return app(registry, [...runtime.args, '--pull-policy', 'Always'], ':2');
    },
    verdict: 'faulty',
    cause: 'pull-policy-always',
    underlying: 'tag-not-found',
  },
  {
    name: 'the image is here, and the mirror is dead: nothing that the pod needs',
    async prepare(stage) {
      await behind(stage, await dead(), await stage.registry());
      const runtime = await stage.runtime({
        ImageStatus: () => ({ answer: { image: { id: `sha256:${'a'.repeat(64)}`, size: '1' } } }),
      });
      return { image, args: runtime.args };
    },
    verdict: 'degraded',
    cause: 'mirror-failed',
  },
  {
    name: 'the node’s clock is two days behind, by the registry’s word, and a certificate not yet valid',
    async prepare(stage) {
      const upstream = await stage.registry({
        tls: stageCertificate({ notBefore: daysFromNow(1), notAfter: daysFromNow(90) }),
        headers: { date: daysFromNow(2).toUTCString() },
      });
      const mirror = await stage.registry({ headers: { date: daysFromNow(2).toUTCString() } });
      mirror.override = (_, path) =>
        path === '/v2/' ? null : { status: 500, headers: { date: daysFromNow(2).toUTCString() } };
      await behind(stage, mirror, upstream);
      return { image };
    },
    verdict: 'faulty',
    cause: ['registry-error', 'clock-skew'],
    also: ['clock-skew'],
    never: ['tls-certificate-not-yet-valid'],
  },
  {
    name: 'the token service’s certificate is not valid yet, and the registry’s clock agrees with the node’s',
    async prepare(stage) {
      const service = await stage.registry({
        tls: stageCertificate({ notBefore: daysFromNow(1), notAfter: daysFromNow(90) }),
      });
      return app(await stage.registry({ token: { users: {}, realm: `https://auth.test:${service.port}/token` } }));
    },
    verdict: 'faulty',
    cause: 'auth-service-unreachable',
    underlying: 'tls-certificate-not-yet-valid',
  },
  {
    name: 'Harbor: a project that nobody may see',
    async prepare(stage) {
      const registry = await stage.registry({ token: { users: {}, publicRepositories: ['team/app'] } });
      registry.override = (_, path, authorization) =>
        path.includes('/manifests/') && authorization !== null
          ? {
              status: 401,
              headers: {
                'www-authenticate': `Bearer realm="https://registry.test:${registry.port}/token",service="harbor-registry",scope="repository:team/app:pull"`,
              },
              body: errorBody('UNAUTHORIZED', 'unauthorized to access repository: team/app, action: pull'),
            }
          : null;
      return app(registry);
    },
    verdict: 'faulty',
    cause: ['repository-not-found-or-private', 'credentials-missing'],
    never: ['access-denied', 'credentials-rejected'],
  },
  {
    name: 'CRI-O: the version check fails, whatever comes behind it',
    async prepare(stage) {
      const registry = await stage.registry();
      registry.override = (_, path) => (path === '/v2/' ? { status: 503 } : null);
      return app(registry, ['--runtime', 'cri-o']);
    },
    verdict: 'faulty',
    cause: 'registry-error',
  },
  {
    name: 'CRI-O: no version check (404), whatever comes behind it',
    async prepare(stage) {
      const registry = await stage.registry();
      registry.override = (_, path) => (path === '/v2/' ? { status: 404, body: 'nothing here' } : null);
      return app(registry, ['--runtime', 'cri-o']);
    },
    verdict: 'faulty',
    cause: ['registry-invalid-response', 'unknown'],
  },
];
