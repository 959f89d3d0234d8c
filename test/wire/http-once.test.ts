import assert from 'node:assert/strict';
import { systemEnv } from '../../src/lib/env.ts';
import { limits } from '../../src/lib/limits.ts';
import type { HttpRequest } from '../../src/wire/http.ts';
import { requestOnce } from '../../src/wire/http-once.ts';
import { makePki } from '../kit/certificates.ts';
import { startFakeRegistry } from '../kit/fake-registry.ts';
import { drip, type RawHttpServer, startRawHttp } from '../kit/raw-http.ts';

const ping: HttpRequest = {
  method: 'GET',
  path: '/v2/',
  headers: { 'user-agent': 'test' },
  maxBytes: 1000,
  keepPartial: true,
  timeoutMs: 1000,
  signal: new AbortController().signal,
};

function routeTo(port: number, host = 'registry.test') {
  return { scheme: 'http' as const, host, port, address: '127.0.0.1', proxy: null, tls: null };
}

describe('wire: one request on a connection of its own', () => {
  let server: RawHttpServer | null = null;
  afterEach(async () => {
    await server?.idle();
    await server?.close();
    server = null;
  });

  it('asks in HTTP/1.1 over TLS, with the chain verified and every time measured', async () => {
    const pki = makePki();
    const registry = await startFakeRegistry({ tls: { cert: pki.leaf.chainPem, key: pki.leaf.keyPem } });
    const tls = { serverName: 'registry.test', trustPem: [pki.root.pem], clientPairs: [], skipVerify: false };
    const route = { ...routeTo(registry.port), scheme: 'https' as const, tls };
    const answer = await requestOnce(route, ping, systemEnv);
    assert.ok(answer.ok, answer.ok ? '' : answer.error.message);
    const { status, alpn, peer, phases, reused } = answer.value;
    assert.deepEqual([status, alpn, peer?.verified, reused], [200, 'http/1.1', true, false]);
    assert.equal(peer?.chain[0]?.subject, 'CN=registry.test');
    for (const ms of [phases.tcpMs, phases.tlsMs, phases.firstByteMs, phases.bodyMs]) assert.ok(ms !== null && ms >= 0);
    const stranger = await requestOnce({ ...route, tls: { ...tls, trustPem: [] } }, ping, systemEnv);
    assert.deepEqual(stranger.ok ? [] : [stranger.error.phase, stranger.error.code], ['tls', 'tls-unknown-authority']);
    assert.equal(registry.requests.length, 1);
    await registry.close();
  });

  it('reads an answer: repeated headers apart, the body as far as it is wanted', async () => {
    server = await startRawHttp((socket) => {
      const challenges = 'WWW-Authenticate: Basic realm="a"\r\nwww-authenticate: Bearer realm="b"\r\n';
      socket.end(`HTTP/1.1 401 No\r\n${challenges}Content-Length: 5000\r\n\r\n${'x'.repeat(5000)}`);
    });
    const answer = await requestOnce(routeTo(server.port), ping, systemEnv);
    assert.ok(answer.ok);
    const { status, headers, body, bodyComplete } = answer.value;
    assert.equal(status, 401);
    assert.deepEqual(headers['www-authenticate'], ['Basic realm="a"', 'Bearer realm="b"']);
    assert.deepEqual([body.length, bodyComplete], [1000, false]);
    assert.match(server.requests[0] ?? '', /^GET \/v2\/ HTTP\/1\.1\r\n/);
    assert.match(server.requests[0] ?? '', new RegExp(`\\r\\nhost: registry\\.test:${server.port}\\r\\n`, 'i'));
    assert.equal(server.connections(), 1);
  });

  const failures: Readonly<
    Record<string, { answer: Parameters<typeof startRawHttp>[0]; phase: string; code: RegExp }>
  > = {
    'an end without an answer': { answer: (socket) => socket.end(), phase: 'headers', code: /^(closed|reset)$/ },
    'what is not HTTP': { answer: (socket) => socket.end('SSH-2.0-x\r\n'), phase: 'headers', code: /./ },
    'a status that nobody asked for': {
      answer: (socket) => socket.end('HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n'),
      phase: 'headers',
      code: /./,
    },
    silence: { answer: () => undefined, phase: 'headers', code: /^timeout$/ },
    'a body that does not end': {
      answer: (socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nx');
      },
      phase: 'body',
      code: /^timeout$/,
    },
    'a body that is cut off': {
      answer: (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nx'),
      phase: 'body',
      code: /./,
    },
    'headers without an end': {
      answer: (socket) => {
        socket.write('HTTP/1.1 200 OK\r\n');
        drip(socket, `x: ${'y'.repeat(limits.headerBytes / 4)}\r\n`, 1);
      },
      phase: 'headers',
      code: /./,
    },
  };
  for (const [name, { answer, phase, code }] of Object.entries(failures)) {
    it(`fails on ${name}, and leaves no connection`, async () => {
      server = await startRawHttp(answer);
      const result = await requestOnce(routeTo(server.port), { ...ping, timeoutMs: 300 }, systemEnv);
      assert.ok(!result.ok);
      assert.equal(result.error.phase, phase);
      assert.match(result.error.code, code);
    });
  }

  it('ends with its signal', async () => {
    server = await startRawHttp(() => undefined);
    const signal = AbortSignal.timeout(50);
    const result = await requestOnce(routeTo(server.port), { ...ping, timeoutMs: 5000, signal }, systemEnv);
    assert.equal(result.ok ? '' : result.error.code, 'aborted');
    const late = await requestOnce(routeTo(server.port), { ...ping, signal }, systemEnv);
    assert.equal(late.ok ? '' : late.error.code, 'aborted');
  });
});
