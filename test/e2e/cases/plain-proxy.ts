import type { CauseId } from '../../../src/model/cause-id.ts';
import type { DiagnoseCase } from '../../kit/diagnose-case.ts';
import type { Situation, Stage } from '../../kit/diagnose-stage.ts';
import { errorBody, type FakeRegistry } from '../../kit/fake-registry.ts';
import { closedPort, startTcpServer } from '../../kit/tcp-server.ts';
import { app } from './shared.ts';

const html = { 'content-type': 'text/html' };
const json = { 'content-type': 'application/json' };
const page = (title: string): string => `<html><title>${title}</title></html>`;
const answerOf = (status: string, type: string | null, body: string, more = ''): string =>
  `HTTP/1.1 ${status}\r\n${type === null ? '' : `Content-Type: ${type}\r\n`}${more}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

/** The nameserver has no such name: directly nobody is reached. */
const nameless = (stage: Stage, name = 'registry.test'): Promise<readonly string[]> =>
  stage.nameserver({ [name]: { rcode: 3 } });

/** A registry in plain HTTP, spoken to as such. */
async function plainHost(stage: Stage, port: number): Promise<void> {
  await stage.hosts(`registry.test:${port}`, `server = "http://registry.test:${port}"\n`);
}

/** A registry by plain HTTP that this node reaches (or not), and a proxy that answers for it. */
function plainBy(bytes: string, direct: boolean) {
  return async (stage: Stage) => {
    const registry = await stage.registry({ tls: null });
    await plainHost(stage, registry.port);
    const proxy = await stage.proxy(() => ({ kind: 'say', bytes }));
    return app(registry, [...proxy.args, ...(direct ? [] : await nameless(stage))]);
  };
}

/** A proxy that passes on, a registry that answers so, and whether this node reaches it without the proxy. */
function passedOn(
  override: FakeRegistry['override'],
  direct: boolean,
  more: (stage: Stage, port: number) => Promise<readonly string[]> = async () => [],
) {
  return async (stage: Stage) => {
    const registry = await stage.registry({ tls: null });
    registry.override = override;
    await plainHost(stage, registry.port);
    const proxy = await stage.proxy(() => ({ kind: 'forward', port: registry.port }));
    const args = [...proxy.args, ...(direct ? [] : await nameless(stage)), ...(await more(stage, registry.port))];
    return app(registry, args);
  };
}

/** Content or tokens over plain HTTP by a proxy, the registry in NO_PROXY. */
function partyByProxy(
  which: 'content' | 'token',
  bytes: string | null,
  override: FakeRegistry['override'] = null,
  direct = true,
) {
  return async (stage: Stage): Promise<Situation> => {
    const token = { users: {}, publicRepositories: ['team/app'] };
    const party = await stage.registry({ tls: null, ...(which === 'token' ? { token } : {}) });
    party.override = override;
    const registry = await stage.registry(
      which === 'content'
        ? { blobOrigin: `http://party.test:${party.port}` }
        : { token: { ...token, realm: `http://party.test:${party.port}/token` } },
    );
    const proxy = await stage.proxy(
      () => (bytes === null ? { kind: 'forward', port: party.port } : { kind: 'say', bytes }),
      'registry.test',
    );
    return app(registry, [...proxy.args, ...(direct ? [] : await nameless(stage, 'party.test'))]);
  };
}

const jsonOf = (code: string): string => JSON.stringify({ code, message: 'no healthy upstream' });
const basic = 'WWW-Authenticate: Basic realm="Web filter"\r\n';

/** What proxies say that registries may say in the same form: what, by itself, its cause where it cannot be compared. */
const lookalikes: readonly (readonly [string, string, CauseId])[] = [
  [
    '503 and JSON with a code',
    answerOf('503 Service Unavailable', 'application/json', jsonOf('unavailable')),
    'registry-error',
  ],
  ['200 and nothing', answerOf('200 OK', null, ''), 'registry-invalid-response'],
  ['200 and a line', answerOf('200 OK', 'text/plain', 'Blocked by policy'), 'registry-invalid-response'],
  ['401 and a Basic challenge', answerOf('401 Unauthorized', 'text/html', page('Login'), basic), 'credentials-missing'],
  ['401, a Basic challenge and no page', answerOf('401 Unauthorized', null, '', basic), 'credentials-missing'],
  [
    '403 and JSON with a code',
    answerOf('403 Forbidden', 'application/json', '{"error":"blocked_by_policy","message":"URL category: software"}'),
    'proxy-denied',
  ],
];

const limit = answerOf('429 Too Many Requests', 'text/html', page('Too many requests from your network'));
const unmarked = (path: string): boolean => path === '/v2/';
const oddCheck = { status: 200, headers: json, body: '{}' };
const askBasic = { status: 401, headers: { ...html, 'www-authenticate': 'Basic realm="Registry"' }, body: '' };

/** What registries say without a mark of one, and the proxy only passes on: their answers, the cause. */
const odd: readonly (readonly [string, FakeRegistry['override'], CauseId | null])[] = [
  [
    'says nothing of itself and lacks the tag',
    (_, path) =>
      unmarked(path)
        ? oddCheck
        : path.includes('/manifests/')
          ? { status: 404, headers: json, body: '{"status":404,"message":"gone"}' }
          : path.includes('/tags/')
            ? { status: 200, headers: json, body: '{"name":"team/app","tags":["2"]}' }
            : null,
    'tag-not-found',
  ],
  [
    'says nothing of itself and fails for the manifest',
    (_, path) => (unmarked(path) ? oddCheck : { status: 502, headers: html, body: page('Bad gateway') }),
    'registry-error',
  ],
  ['says nothing of itself and serves', (_, path) => (unmarked(path) ? oddCheck : null), null],
  [
    'stands behind nginx with auth_basic',
    (_, __, authorization) => (authorization === null ? askBasic : null),
    'credentials-missing',
  ],
  ['limits by a page', () => ({ status: 429, headers: html, body: page('Slow down') }), 'rate-limited'],
];

const proxies: readonly CauseId[] = ['proxy-bypass-missing', 'proxy-denied', 'proxy-unreachable', 'proxy-required'];

const squid = (status: string, error: string): string =>
  answerOf(status, 'text/html', page('x'), `X-Squid-Error: ${error}\r\n`);

/** The node knows a proxy that the runtime does not use: what it says of a plain registry that is down. */
function knownProxy(bytes: string | null, down: 'port' | 'name', override: FakeRegistry['override'] = null) {
  return async (stage: Stage): Promise<Situation> => {
    const registry = await stage.registry({ tls: null });
    registry.override = override;
    const port = down === 'port' ? await closedPort() : registry.port;
    await plainHost(stage, port);
    const proxy = await stage.proxy(() =>
      bytes === null ? { kind: 'forward', port: registry.port } : { kind: 'say', bytes },
    );
    await stage.file('etc/environment', `HTTP_PROXY=http://proxy.test:${proxy.port}\n`);
    return app({ port }, [...(await stage.proxyEnv('')), ...(down === 'name' ? await nameless(stage) : [])]);
  };
}

/** The proxy refuses with its own mark, and at the registry's port somebody takes the connection. */
function refusedBeside(start: (stage: Stage) => Promise<number>) {
  return async (stage: Stage): Promise<Situation> => {
    const port = await start(stage);
    await plainHost(stage, port);
    const proxy = await stage.proxy(() => ({ kind: 'say', bytes: squid('403 Forbidden', 'ERR_ACCESS_DENIED 0') }));
    return app({ port }, proxy.args);
  };
}

async function portal(stage: Stage): Promise<number> {
  const bytes = answerOf('302 Found', 'text/html', page('Login'), 'Location: http://portal.test/login\r\n');
  const server = await startTcpServer((socket) => {
    socket.once('data', () => socket.end(bytes));
  });
  stage.defer(() => server.close());
  return server.port;
}

const failing: FakeRegistry['override'] = () => ({ status: 503, headers: html, body: page('Maintenance') });

/** Plain HTTP by a proxy: whose answer is it? */
export const cases: readonly DiagnoseCase[] = [
  ...lookalikes.flatMap(([what, bytes, unclear]): DiagnoseCase[] => [
    {
      name: `the proxy answers by itself with ${what}, and directly a registry answers`,
      prepare: plainBy(bytes, true),
      verdict: 'faulty',
      cause: 'proxy-bypass-missing',
      confidence: 'proven',
    },
    {
      name: `the proxy or what is behind it answers with ${what}, and directly nobody is reached`,
      prepare: plainBy(bytes, false),
      verdict: 'faulty',
      cause: unclear,
      confidence: 'likely',
    },
  ]),
  {
    name: 'a limit without a word, and directly a registry answers: by the proxy, or for its address',
    prepare: plainBy(limit, true),
    verdict: 'faulty',
    cause: 'proxy-bypass-missing',
    confidence: 'likely',
    says: /429/,
    check: ({ document }) => {
      if (!document.findings[0]?.alternatives.includes('rate-limited')) throw new Error('the limit is not named');
    },
  },
  {
    name: 'a limit without a word, and directly nobody is reached',
    prepare: plainBy(limit, false),
    verdict: 'faulty',
    cause: 'rate-limited',
    confidence: 'likely',
  },
  ...odd.flatMap(([what, override, cause]): DiagnoseCase[] => [
    {
      name: `the registry behind a proxy that passes on ${what}, and says the same directly`,
      prepare: passedOn(override, true),
      verdict: cause === null ? 'healthy' : 'faulty',
      cause,
      ...(cause === null || cause === 'tag-not-found' ? {} : { confidence: 'proven' }),
      never: proxies,
    },
    {
      name: `the registry behind a proxy that passes on ${what}, and directly nobody is reached`,
      prepare: passedOn(override, false),
      verdict: cause === null ? 'healthy' : 'faulty',
      cause,
      never: proxies,
    },
  ]),
  {
    name: 'nginx with auth_basic takes the password by a proxy that passes on',
    prepare: passedOn(
      (_, __, authorization) => (authorization === null ? askBasic : null),
      false,
      (stage, port) => stage.authFile({ [`registry.test:${port}`]: 'app:right' }),
    ),
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'a limit in the protocol’s words is the registry’s, though directly nobody is reached',
    prepare: passedOn(() => ({ status: 429, headers: json, body: errorBody('TOOMANYREQUESTS', 'slow down') }), false),
    verdict: 'faulty',
    cause: 'rate-limited',
    confidence: 'proven',
  },

  ...(['503 Service Unavailable', '403 Forbidden'] as const).flatMap((status): DiagnoseCase[] => [
    {
      name: `the proxy answers ${status} in the place of the content, and directly it comes`,
      prepare: partyByProxy('content', answerOf(status, 'text/html', page('Web filter'))),
      verdict: 'faulty',
      cause: 'blob-unreachable',
      underlying: 'proxy-bypass-missing',
      confidence: 'proven',
    },
    {
      name: `the proxy or the content host answers ${status}, and directly nobody is reached`,
      prepare: partyByProxy('content', answerOf(status, 'text/html', page('Web filter')), null, false),
      verdict: 'faulty',
      cause: 'blob-unreachable',
      confidence: 'likely',
    },
    {
      name: `the proxy answers ${status} in the place of the token service, and directly a token comes`,
      prepare: partyByProxy('token', answerOf(status, null, '')),
      verdict: 'faulty',
      cause: 'auth-service-unreachable',
      underlying: 'proxy-bypass-missing',
      confidence: 'proven',
    },
    {
      name: `the proxy or the token service answers ${status}, and directly nobody is reached`,
      prepare: partyByProxy('token', answerOf(status, null, ''), null, false),
      verdict: 'faulty',
      cause: status.startsWith('503') ? 'auth-service-unreachable' : 'repository-not-found-or-private',
      confidence: 'likely',
    },
  ]),
  {
    name: 'the content host fails by a page, by a proxy that passes on and directly',
    prepare: partyByProxy('content', null, failing),
    verdict: 'faulty',
    cause: 'blob-unreachable',
    underlying: 'registry-error',
    confidence: 'proven',
  },
  {
    name: 'the token service fails by a page, by a proxy that passes on and directly',
    prepare: partyByProxy('token', null, failing),
    verdict: 'faulty',
    cause: 'auth-service-unreachable',
    underlying: 'registry-error',
    confidence: 'proven',
  },
  {
    name: 'the token service refuses without a word, by a proxy that passes on and directly',
    prepare: partyByProxy('token', null, () => ({ status: 403 })),
    verdict: 'faulty',
    cause: 'repository-not-found-or-private',
    confidence: 'likely',
    saysNot: /by the proxy/,
  },
  ...(['content', 'token'] as const).map(
    (which): DiagnoseCase => ({
      name: `${which} comes by a proxy that passes on`,
      prepare: partyByProxy(which, null, null, false),
      verdict: 'healthy',
      cause: null,
    }),
  ),

  {
    name: 'the registry is down, and a known proxy lives and does not reach it either',
    prepare: knownProxy(squid('503 Service Unavailable', 'ERR_CONNECT_FAIL 111'), 'port'),
    verdict: 'faulty',
    cause: 'tcp-refused',
    confidence: 'proven',
    never: ['proxy-required'],
  },
  {
    name: 'the registry has no name, and a known proxy lives and does not find it either',
    prepare: knownProxy(squid('503 Service Unavailable', 'ERR_DNS_FAIL 0'), 'name'),
    verdict: 'faulty',
    cause: 'dns-name-not-found',
    confidence: 'proven',
    never: ['proxy-required'],
  },
  {
    name: 'the registry is reached by a known proxy only',
    prepare: knownProxy(null, 'name'),
    verdict: 'faulty',
    cause: 'proxy-required',
    confidence: 'proven',
  },
  {
    name: 'a registry that says nothing of itself is reached by a known proxy only',
    prepare: knownProxy(null, 'port', (_, path) => (unmarked(path) ? oddCheck : null)),
    verdict: 'faulty',
    cause: 'proxy-required',
    confidence: 'proven',
  },
  {
    name: 'by a known proxy somebody asks for a password as others do, too',
    prepare: knownProxy(null, 'port', () => askBasic),
    verdict: 'faulty',
    cause: 'proxy-required',
    confidence: 'likely',
  },
  {
    name: 'the proxy refuses, and directly the port is silent',
    prepare: refusedBeside((stage) => stage.silentPort()),
    verdict: 'faulty',
    cause: 'proxy-denied',
    confidence: 'likely',
    never: ['proxy-bypass-missing'],
  },
  {
    name: 'the proxy refuses, and directly a portal answers',
    prepare: refusedBeside(portal),
    verdict: 'faulty',
    cause: 'proxy-denied',
    confidence: 'likely',
    never: ['proxy-bypass-missing'],
  },
];
