import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { systemEnv } from '../../src/lib/env.ts';
import { Secret } from '../../src/lib/secret.ts';
import { connectThroughProxy, type ProxyOptions, type ProxyRoute, squidError } from '../../src/wire/proxy.ts';
import { makePki } from '../kit/certificates.ts';
import { type ProxyReaction, type ProxyServer, startProxyServer } from '../kit/proxy-server.ts';
import { closedPort, startTcpServer } from '../kit/tcp-server.ts';

const never = new AbortController().signal;
const options: ProxyOptions = { timeoutMs: 2000, signal: never, env: systemEnv };
const target = { host: 'registry.test', port: 443 };

function routeTo(port: number, more: Partial<ProxyRoute> = {}): ProxyRoute {
  return { scheme: 'http', host: 'proxy.test', port, address: '127.0.0.1', authorization: null, ...more };
}

describe('connectThroughProxy', () => {
  const running: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const server of running.splice(0)) await server.close();
  });
  const proxy = async (reaction: ProxyReaction, tls?: { cert: string; key: string }): Promise<ProxyServer> => {
    const server = await startProxyServer(() => reaction, tls);
    running.push(server);
    return server;
  };
  const refusal = async (reaction: ProxyReaction, more: Partial<ProxyOptions> = {}) => {
    const server = await proxy(reaction);
    const result = await connectThroughProxy(routeTo(server.port), target, { ...options, ...more });
    assert.ok(!result.ok);
    await gone(server);
    return result.error;
  };

  it('opens a tunnel that carries bytes both ways, and asks as Go does', async () => {
    const echo = await startTcpServer((socket) => socket.pipe(socket));
    running.push(echo);
    const server = await proxy({
      kind: 'tunnel',
      port: echo.port,
      answer: 'HTTP/1.1 200 OK\r\nVia: 1.1 squid\r\n\r\n',
    });
    const authorization = new Secret('Basic dXNlcjpwdw==');
    const result = await connectThroughProxy(routeTo(server.port, { authorization }), target, options);
    assert.ok(result.ok);
    assert.equal(result.value.status, 200);
    assert.deepEqual(result.value.headers, { via: '1.1 squid' });
    assert.ok(result.value.durationMs >= result.value.tcpMs);
    const back = nextData(result.value.socket);
    result.value.socket.write('ping');
    assert.equal(String(await back), 'ping');
    result.value.socket.destroy();
    assert.deepEqual(server.requests, [
      {
        method: 'CONNECT',
        target: 'registry.test:443',
        headers: {
          host: 'registry.test:443',
          'user-agent': 'Go-http-client/1.1',
          'proxy-authorization': 'Basic dXNlcjpwdw==',
        },
      },
    ]);
    await gone(server);
  });

  it('hands on bytes that came in one packet with the answer', async () => {
    const server = await proxy({ kind: 'say', bytes: 'HTTP/1.1 200 OK\r\n\r\nearly', end: false });
    const result = await connectThroughProxy(routeTo(server.port), target, options);
    assert.ok(result.ok);
    assert.equal(String(await nextData(result.value.socket)), 'early');
    result.value.socket.destroy();
  });

  it('puts an IPv6 target in brackets', async () => {
    const server = await proxy({ kind: 'close' });
    await connectThroughProxy(routeTo(server.port), { host: '2001:db8::1', port: 5000 }, options);
    assert.equal(server.requests[0]?.target, '[2001:db8::1]:5000');
  });

  it('keeps what a proxy that wants a password says', async () => {
    const error = await refusal({
      kind: 'say',
      bytes:
        'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: Basic realm="corp"\r\nX-Squid-Error: ERR_CACHE_ACCESS_DENIED 0\r\nContent-Type: text/html\r\n\r\n<html><head><title>ERROR</title></head><body><p>Cache Access Denied.</p>',
    });
    assert.equal(error.code, 'proxy-auth');
    assert.equal(error.stage, 'answer');
    assert.equal(error.status, 407);
    assert.equal(error.statusText, 'Proxy Authentication Required');
    assert.equal(error.headers['proxy-authenticate'], 'Negotiate, Basic realm="corp"');
    assert.equal(squidError(error.headers), 'ERR_CACHE_ACCESS_DENIED');
    assert.equal(error.bodyExcerpt, 'ERROR: Cache Access Denied.');
    assert.match(error.message, /^proxy http:\/\/proxy\.test:\d+, asked for registry\.test:443: it answers 407 /u);
  });

  const answers: readonly (readonly [string, ProxyReaction, string, number | null, RegExp])[] = [
    [
      '403',
      {
        kind: 'say',
        bytes: 'HTTP/1.1 403 Forbidden\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\nContent-Length: 2\r\n\r\nno',
        end: false,
      },
      'proxy-refused',
      403,
      /403 Forbidden \(ERR_ACCESS_DENIED\)/u,
    ],
    [
      '503 of a dead target',
      { kind: 'say', bytes: 'HTTP/1.1 503 Service Unavailable\r\nX-Squid-Error: ERR_CONNECT_FAIL 111\r\n\r\n' },
      'proxy-refused',
      503,
      /ERR_CONNECT_FAIL/u,
    ],
    [
      'a 2xx that is not 200, as Go does',
      { kind: 'say', bytes: 'HTTP/1.1 204 No Content\r\n\r\n' },
      'proxy-refused',
      204,
      /204 No Content/u,
    ],
    [
      'a status without words',
      { kind: 'say', bytes: 'HTTP/1.0 502\r\n\r\n' },
      'proxy-refused',
      502,
      /it answers 502$/u,
    ],
    [
      'bare line feeds',
      { kind: 'say', bytes: 'HTTP/1.1 403 Forbidden\nX-A: b\n\n' },
      'proxy-refused',
      403,
      /403 Forbidden/u,
    ],
    [
      'a refusal whose body never ends',
      { kind: 'say', bytes: `HTTP/1.1 403 Forbidden\r\n\r\n${'x'.repeat(20_000)}`, end: false },
      'proxy-refused',
      403,
      /403/u,
    ],
    [
      'something that is not HTTP',
      { kind: 'say', bytes: 'SSH-2.0-OpenSSH_9.6\r\n', end: false },
      'http-malformed',
      null,
      /not HTTP/u,
    ],
    ['a broken status line', { kind: 'say', bytes: 'HTTP/1.1 OK 200\r\n\r\n' }, 'http-malformed', null, /not HTTP/u],
    ['half a head', { kind: 'say', bytes: 'HTTP/1.1 200 OK\r\nVia' }, 'http-malformed', null, /not HTTP/u],
    [
      'a TLS alert: an https proxy addressed with http',
      { kind: 'say', bytes: Buffer.from([0x15, 3, 3, 0, 2, 2, 70]) },
      'tls-on-plain',
      null,
      /speaks TLS/u,
    ],
    ['an end without an answer', { kind: 'close' }, 'closed', null, /closed the connection/u],
    ['a reset', { kind: 'reset' }, 'reset', null, /reset/u],
  ];
  for (const [name, reaction, code, status, message] of answers) {
    it(`refused: ${name}`, async () => {
      const error = await refusal(reaction);
      assert.equal(error.code, code, error.message);
      assert.equal(error.status, status);
      assert.match(error.message, message);
      assert.ok((error.bodyExcerpt?.length ?? 0) <= 610);
    });
  }

  it('stops at a head without an end', async () => {
    const error = await refusal(
      { kind: 'drip', bytes: `HTTP/1.1 200 OK\r\nA: ${'x'.repeat(10_000)}\r\n`, everyMs: 2 },
      { timeoutMs: 10_000 },
    );
    assert.equal(error.code, 'http-malformed');
    assert.ok(error.durationMs < 5000);
  });

  it('reads a header of blanks that a carriage return ends as fast as any', async () => {
    const bytes = `HTTP/1.1 407 No\r\nA:${'\t'.repeat(20_000)}\rb\r\n\r\n`;
    const begun = performance.now();
    assert.equal((await refusal({ kind: 'say', bytes })).code, 'proxy-auth');
    // A pattern for it takes a quarter of an hour.
    assert.ok(performance.now() - begun < 2000);
  });

  it('waits for a silent proxy no longer than told', async () => {
    const error = await refusal({ kind: 'silence' }, { timeoutMs: 150 });
    assert.equal(error.code, 'timeout');
    assert.equal(error.stage, 'answer');
    assert.ok(error.durationMs >= 140 && error.durationMs < 1500, String(error.durationMs));
  });

  it('does not let a slow answer restart its time', async () => {
    const error = await refusal({ kind: 'drip', bytes: 'HTTP/1.1 2', everyMs: 30 }, { timeoutMs: 200 });
    assert.ok(error.code === 'timeout' || error.code === 'http-malformed');
    assert.ok(error.durationMs < 1500);
  });

  it('ends with the investigation', async () => {
    const ending = new AbortController();
    setTimeout(() => ending.abort(), 50);
    const error = await refusal({ kind: 'silence' }, { signal: ending.signal });
    assert.equal(error.code, 'aborted');
    const before = await refusal({ kind: 'silence' }, { signal: AbortSignal.abort() });
    assert.equal(before.code, 'aborted');
  });

  it('tells a proxy that cannot be reached from one that refuses', async () => {
    const port = await closedPort();
    const result = await connectThroughProxy(routeTo(port), target, options);
    assert.ok(!result.ok);
    assert.equal(result.error.stage, 'connect');
    assert.equal(result.error.code, 'refused');
    assert.match(result.error.message, /^proxy http:\/\/proxy\.test:/u);
  });

  it('never shows the password', async () => {
    const server = await proxy({ kind: 'say', bytes: 'HTTP/1.1 407 No\r\n\r\nBasic c2VjcmV0OnNlY3JldA== is wrong' });
    const authorization = new Secret('Basic c2VjcmV0OnNlY3JldA==');
    const result = await connectThroughProxy(routeTo(server.port, { authorization }), target, options);
    assert.ok(!result.ok);
    assert.ok(!JSON.stringify(result).includes('c2VjcmV0'));
  });

  it('never sends a host name that breaks the request', async () => {
    const server = await proxy({ kind: 'silence' });
    const result = await connectThroughProxy(routeTo(server.port), { host: 'a\r\nEvil: 1', port: 1 }, options);
    assert.ok(!result.ok);
    assert.equal(result.error.code, 'internal');
    assert.equal(server.requests.length, 0);
  });

  describe('by TLS', () => {
    const pki = makePki();
    const tls = { trustPem: [pki.root.pem], clientPairs: [], skipVerify: false };

    it('opens a tunnel through an https proxy', async () => {
      const echo = await startTcpServer((socket) => socket.pipe(socket));
      running.push(echo);
      const server = await proxy(
        { kind: 'tunnel', port: echo.port },
        { cert: pki.leaf.chainPem, key: pki.leaf.keyPem },
      );
      const route = routeTo(server.port, { scheme: 'https', host: 'localhost' });
      const result = await connectThroughProxy(route, target, { ...options, tls });
      assert.ok(result.ok);
      const back = nextData(result.value.socket);
      result.value.socket.write('ping');
      assert.equal(String(await back), 'ping');
      result.value.socket.destroy();
      await gone(server);
    });

    it('says so when the https proxy is not trusted', async () => {
      const server = await proxy({ kind: 'silence' }, { cert: pki.strange.chainPem, key: pki.strange.keyPem });
      const route = routeTo(server.port, { scheme: 'https', host: 'localhost' });
      const result = await connectThroughProxy(route, target, { ...options, tls });
      assert.ok(!result.ok);
      assert.equal(result.error.stage, 'tls');
      assert.equal(result.error.code, 'tls-unknown-authority');
      assert.equal(result.error.tls?.code, 'tls-unknown-authority');
      assert.equal(server.requests.length, 0);
    });

    it('says so when the https proxy speaks plain HTTP', async () => {
      const server = await startTcpServer((socket) =>
        socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
      );
      running.push(server);
      const route = routeTo(server.port, { scheme: 'https', host: 'localhost' });
      const result = await connectThroughProxy(route, target, { ...options, tls });
      assert.ok(!result.ok);
      assert.equal(result.error.stage, 'tls');
      assert.equal(result.error.code, 'tls-plain-answer');
    });
  });
});

describe('squidError', () => {
  it("reads squid's word and nothing else", () => {
    assert.equal(squidError({ 'x-squid-error': 'ERR_DNS_FAIL 0' }), 'ERR_DNS_FAIL');
    assert.equal(squidError({ 'x-squid-error': ['ERR_CANNOT_FORWARD 111'] }), 'ERR_CANNOT_FORWARD');
    assert.equal(squidError({ 'x-squid-error': '<script>' }), null);
    assert.equal(squidError({}), null);
  });
});

function nextData(socket: Socket): Promise<Buffer> {
  return new Promise((resolve) => socket.once('data', resolve));
}

/** Resolves when the proxy has no connection any more; a leak ends in the test's own time limit. */
async function gone(server: ProxyServer): Promise<void> {
  while (server.open() > 0) await new Promise((resolve) => setTimeout(resolve, 5));
}
