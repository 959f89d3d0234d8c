import type { CauseId } from '../../../src/model/cause-id.ts';
import { makeCertificate } from '../../kit/certificates.ts';
import type { DiagnoseCase } from '../../kit/diagnose-case.ts';
import { type Stage, stageCertificate } from '../../kit/diagnose-stage.ts';
import { errorBody, type FakeRegistry } from '../../kit/fake-registry.ts';
import type { ProxyReaction } from '../../kit/proxy-server.ts';
import { closedPort } from '../../kit/tcp-server.ts';
import { app } from './shared.ts';

const say = (status: string, more = ''): ProxyReaction => ({
  kind: 'say',
  bytes: `HTTP/1.1 ${status}\r\n${more}Content-Length: 0\r\n\r\n`,
});

/** A registry that this node reaches (or not), and a proxy that reacts so. */
function by(reaction: ProxyReaction | 'tunnel', direct: boolean, extra: { noProxy?: string } = {}) {
  return async (stage: Stage) => {
    const registry = await stage.registry();
    const proxy = await stage.proxy(
      () => (reaction === 'tunnel' ? { kind: 'tunnel', port: registry.port } : reaction),
      extra.noProxy,
    );
    const dns = direct ? [] : await stage.nameserver({ 'registry.test': { rcode: 3 } });
    return app(registry, [...proxy.args, ...dns]);
  };
}

const interceptor = makeCertificate({ commonName: 'Corp Proxy CA', ca: true });

/** A registry by plain HTTP that this node reaches (or not), and a proxy that answers for it. */
function plainBy(bytes: string, direct: boolean) {
  return async (stage: Stage) => {
    const registry = await stage.registry({ tls: null });
    await stage.hosts(`registry.test:${registry.port}`, `server = "http://registry.test:${registry.port}"\n`);
    const proxy = await stage.proxy(() => ({ kind: 'say', bytes }));
    const dns = direct ? [] : await stage.nameserver({ 'registry.test': { rcode: 3 } });
    return app(registry, [...proxy.args, ...dns]);
  };
}

const html = { 'content-type': 'text/html' };
const page = (title: string): string => `<html><title>${title}</title></html>`;
const answerOf = (status: string, type: string | null, body: string, more = ''): string =>
  `HTTP/1.1 ${status}\r\n${type === null ? '' : `Content-Type: ${type}\r\n`}${more}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

/** What proxies other than squid say for themselves. */
const answersOfItsOwn: readonly (readonly [string, string, CauseId])[] = [
  ['403 alone', answerOf('403 Forbidden', null, ''), 'proxy-denied'],
  ['403 and a page', answerOf('403 Filtered', 'text/html', page('Access denied by policy')), 'proxy-denied'],
  ['503 and a page', answerOf('503 Service Unavailable', 'text/html', page('Cannot connect')), 'registry-error'],
  ['502 alone', answerOf('502 Bad Gateway', null, ''), 'registry-error'],
  ['504 and a line', answerOf('504 Gateway Timeout', 'text/plain', 'No answer.'), 'registry-error'],
  ['500 and a page', answerOf('500 Unable to connect', 'text/html', page('Unable to connect')), 'registry-error'],
  ['404 and a page', answerOf('404 Not Found', 'text/html', page('No such domain')), 'registry-invalid-response'],
  ['200 and a page', answerOf('200 OK', 'text/html', page('Web filter')), 'registry-invalid-response'],
  ['302', answerOf('302 Found', null, '', 'Location: http://block.example/why\r\n'), 'registry-invalid-response'],
];

/** What a registry itself says, which the proxy only passes on. */
const throughProxy: readonly (readonly [string, FakeRegistry['override'], CauseId])[] = [
  [
    '503 with a page to everything',
    () => ({ status: 503, headers: html, body: page('Maintenance') }),
    'registry-error',
  ],
  [
    '404 with a page to everything',
    () => ({ status: 404, headers: html, body: page('nginx') }),
    'registry-invalid-response',
  ],
  [
    '403 in the protocol’s words',
    (_, path) => (path === '/v2/' ? null : { status: 403, body: errorBody('DENIED', 'requested access is denied') }),
    'access-denied',
  ],
  ['502 to all but the version check', (_, path) => (path === '/v2/' ? null : { status: 502 }), 'registry-error'],
];

/** The runtime's proxy. */
export const cases: readonly DiagnoseCase[] = [
  {
    name: 'it opens the way',
    prepare: by('tunnel', false),
    verdict: 'healthy',
    cause: null,
    ruledOut: ['proxy', 'tls'],
  },
  {
    name: 'nothing listens at the proxy',
    async prepare(stage) {
      const args = await stage.proxyEnv(`HTTPS_PROXY=http://proxy.test:${await closedPort()}\n`);
      return app(await stage.registry(), args);
    },
    verdict: 'faulty',
    cause: 'proxy-unreachable',
    underlying: 'tcp-refused',
    says: /proxy\.test/,
    never: ['tcp-refused'],
  },
  {
    name: 'the proxy has no address',
    prepare: async (stage) =>
      app(await stage.registry(), await stage.proxyEnv('HTTPS_PROXY=http://proxy.example:3128\n')),
    verdict: 'faulty',
    cause: 'proxy-unreachable',
    underlying: 'dns-name-not-found',
    says: /proxy\.example/,
  },
  {
    name: 'it wants a password',
    prepare: by(say('407 Proxy Authentication Required', 'Proxy-Authenticate: Basic realm="x"\r\n'), false),
    verdict: 'faulty',
    cause: 'proxy-auth-required',
    confidence: 'proven',
  },
  {
    name: 'it wants a password, and the registry is down too',
    async prepare(stage) {
      const proxy = await stage.proxy(() => say('407 Proxy Authentication Required'));
      return { image: `registry.test:${await closedPort()}/team/app:1`, args: proxy.args };
    },
    verdict: 'faulty',
    cause: 'proxy-auth-required',
    also: ['tcp-refused'],
    never: ['proxy-bypass-missing'],
  },
  {
    name: 'it refuses the password that was sent',
    async prepare(stage) {
      const registry = await stage.registry();
      const proxy = await stage.proxy(() => say('407 Proxy Authentication Required'));
      return app(registry, await stage.proxyEnv(`HTTPS_PROXY=http://me:topsecret99@proxy.test:${proxy.port}\n`));
    },
    verdict: 'faulty',
    cause: 'proxy-auth-required',
    says: /sent and refused/,
    secrets: ['topsecret99'],
  },
  {
    name: 'it refuses, and directly it does not go either',
    prepare: by(say('403 Forbidden', 'X-Squid-Error: ERR_ACCESS_DENIED 0\r\n'), false),
    verdict: 'faulty',
    cause: 'proxy-denied',
    says: /registry\.test/,
  },
  {
    name: 'it refuses, and directly it goes',
    prepare: by(say('403 Forbidden'), true),
    verdict: 'faulty',
    cause: 'proxy-bypass-missing',
    says: /registry\.test/,
  },
  {
    name: 'it cannot reach the host, and directly it goes',
    prepare: by(say('502 Bad Gateway'), true),
    verdict: 'faulty',
    cause: 'proxy-bypass-missing',
  },
  {
    name: 'NO_PROXY names the host',
    prepare: by(say('403 Forbidden'), true, { noProxy: 'registry.test' }),
    verdict: 'healthy',
    cause: null,
    notRuledOut: ['proxy'],
  },
  {
    name: 'NO_PROXY with a range of addresses does not cover a name',
    prepare: by(say('403 Forbidden'), true, { noProxy: '127.0.0.0/8' }),
    verdict: 'faulty',
    cause: 'proxy-bypass-missing',
  },
  {
    name: 'it cannot reach a registry that is down',
    async prepare(stage) {
      const proxy = await stage.proxy(() => say('503 Service Unavailable', 'X-Squid-Error: ERR_CONNECT_FAIL 111\r\n'));
      return { image: `registry.test:${await closedPort()}/team/app:1`, args: proxy.args };
    },
    verdict: 'faulty',
    cause: 'tcp-refused',
    says: /registry\.test/,
    never: ['proxy-denied', 'proxy-unreachable'],
  },
  {
    name: 'it cannot look up a name that does not exist',
    prepare: by(say('503 Service Unavailable', 'X-Squid-Error: ERR_DNS_FAIL 0\r\n'), false),
    verdict: 'faulty',
    cause: 'dns-name-not-found',
  },
  { name: 'it closes', prepare: by({ kind: 'close' }, false), verdict: 'faulty', cause: 'proxy-unreachable' },
  { name: 'it is silent', prepare: by({ kind: 'silence' }, false), verdict: 'faulty', cause: 'proxy-unreachable' },
  {
    name: 'it presents a certificate of its own',
    async prepare(stage) {
      const fake = await stage.registry({ tls: stageCertificate({ issuer: interceptor }) });
      const registry = await stage.registry();
      const proxy = await stage.proxy(() => ({ kind: 'tunnel', port: fake.port }));
      return app(registry, proxy.args);
    },
    verdict: 'faulty',
    cause: ['tls-intercepted', 'tls-unknown-authority'],
    says: /Corp Proxy CA/,
  },
  {
    name: 'the tunnel opens and leads to nothing that speaks',
    prepare: by({ kind: 'say', bytes: 'HTTP/1.1 200 OK\r\n\r\n', end: true }, false),
    verdict: 'faulty',
    cause: ['tls-handshake-failed', 'tcp-reset', 'proxy-denied'],
  },
  {
    name: 'the tunnel opens and leads to nothing that speaks, and without it the registry is reached',
    prepare: by({ kind: 'say', bytes: 'HTTP/1.1 200 OK\r\n\r\n', end: true }, true),
    verdict: 'faulty',
    cause: 'proxy-bypass-missing',
    confidence: 'proven',
  },
  {
    name: 'plain HTTP by the proxy',
    async prepare(stage) {
      const registry = await stage.registry({ tls: null });
      await stage.hosts(`registry.test:${registry.port}`, `server = "http://registry.test:${registry.port}"\n`);
      const proxy = await stage.proxy(() => ({ kind: 'forward', port: registry.port }));
      return app(registry, [...proxy.args, ...(await stage.nameserver({ 'registry.test': { rcode: 3 } }))]);
    },
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'plain HTTP, and the proxy wants a password',
    async prepare(stage) {
      const registry = await stage.registry({ tls: null });
      await stage.hosts(`registry.test:${registry.port}`, `server = "http://registry.test:${registry.port}"\n`);
      const proxy = await stage.proxy(() => say('407 Proxy Authentication Required'));
      return app(registry, proxy.args);
    },
    verdict: 'faulty',
    cause: 'proxy-auth-required',
  },
  {
    name: 'the token service is not allowed by the proxy',
    async prepare(stage) {
      const registry = await stage.registry({
        token: { users: {}, publicRepositories: ['team/app'], realm: 'https://auth.example/token' },
      });
      const proxy = await stage.proxy((request) =>
        request.target.startsWith('registry.test') ? { kind: 'tunnel', port: registry.port } : say('403 Forbidden'),
      );
      return app(registry, proxy.args);
    },
    verdict: 'faulty',
    cause: 'auth-service-unreachable',
    underlying: 'proxy-denied',
    says: /auth\.example/,
  },
  {
    name: 'a proxy that the node knows and the runtime does not use',
    async prepare(stage) {
      const registry = await stage.registry();
      const proxy = await stage.proxy(() => ({ kind: 'tunnel', port: registry.port }));
      await stage.file('etc/environment', `HTTPS_PROXY=http://proxy.test:${proxy.port}\n`);
      const args = await stage.proxyEnv('');
      return app(registry, [...args, ...(await stage.nameserver({ 'registry.test': { rcode: 3 } }))]);
    },
    verdict: 'faulty',
    cause: 'proxy-required',
    confidence: 'proven',
    says: /registry\.test.*proxy\.test/,
  },
  {
    name: 'a proxy in quotation marks',
    prepare: async (stage) =>
      app(await stage.registry(), await stage.proxyEnv('HTTPS_PROXY="http://proxy.test:3128"\n')),
    verdict: 'faulty',
    cause: 'proxy-misconfigured',
  },

  {
    name: 'plain HTTP, the proxy refuses, and directly it goes',
    async prepare(stage) {
      const registry = await stage.registry({ tls: null });
      await stage.hosts(`registry.test:${registry.port}`, `server = "http://registry.test:${registry.port}"\n`);
      const proxy = await stage.proxy(() => say('403 Forbidden', 'X-Squid-Error: ERR_ACCESS_DENIED 0\r\n'));
      return app(registry, proxy.args);
    },
    verdict: 'faulty',
    cause: 'proxy-bypass-missing',
    never: ['access-denied', 'source-address-blocked'],
  },
  {
    name: 'plain HTTP, and the proxy is silent',
    async prepare(stage) {
      const registry = await stage.registry({ tls: null });
      await stage.hosts(`registry.test:${registry.port}`, `server = "http://registry.test:${registry.port}"\n`);
      const proxy = await stage.proxy(() => ({ kind: 'silence' }));
      return app(registry, proxy.args);
    },
    verdict: 'faulty',
    cause: 'proxy-bypass-missing',
  },
  {
    name: 'plain HTTP, the proxy is silent, and directly it does not go',
    async prepare(stage) {
      const registry = await stage.registry({ tls: null });
      await stage.hosts(`registry.test:${registry.port}`, `server = "http://registry.test:${registry.port}"\n`);
      const proxy = await stage.proxy(() => ({ kind: 'silence' }));
      return app(registry, [...proxy.args, ...(await stage.nameserver({ 'registry.test': { rcode: 3 } }))]);
    },
    verdict: 'faulty',
    cause: 'registry-timeout',
    confidence: 'likely',
    says: /whether the proxy waits for it or is silent itself/,
  },
  ...answersOfItsOwn.flatMap(([what, bytes, unclear]): DiagnoseCase[] => [
    {
      name: `plain HTTP, the proxy answers by itself with ${what}, and directly it goes`,
      prepare: plainBy(bytes, true),
      verdict: 'faulty',
      cause: 'proxy-bypass-missing',
      confidence: 'proven',
    },
    {
      name: `plain HTTP, the proxy or what is behind it answers with ${what}, and directly it does not go`,
      prepare: plainBy(bytes, false),
      verdict: 'faulty',
      cause: unclear,
      confidence: 'likely',
    },
  ]),
  ...throughProxy.map(
    ([what, override, cause]): DiagnoseCase => ({
      name: `plain HTTP, and the registry behind the proxy answers ${what}`,
      async prepare(stage) {
        const registry = await stage.registry({ tls: null });
        registry.override = override;
        await stage.hosts(`registry.test:${registry.port}`, `server = "http://registry.test:${registry.port}"\n`);
        const proxy = await stage.proxy(() => ({ kind: 'forward', port: registry.port }));
        return app(registry, proxy.args);
      },
      verdict: 'faulty',
      cause,
      never: ['proxy-bypass-missing', 'proxy-denied'],
    }),
  ),
];
