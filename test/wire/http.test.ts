import assert from 'node:assert/strict';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { systemEnv } from '../../src/lib/env.ts';
import { Secret } from '../../src/lib/secret.ts';
import {
  type HttpClient,
  type HttpExchange,
  type HttpFailure,
  type HttpRequest,
  type HttpRoute,
  openHttpClient,
} from '../../src/wire/http.ts';
import { makePki } from '../kit/certificates.ts';
import { startProxyServer } from '../kit/proxy-server.ts';
import { drip, type RawHttpServer, startRawHttp } from '../kit/raw-http.ts';
import { closedPort, portOf } from '../kit/tcp-server.ts';

const request: HttpRequest = {
  method: 'GET',
  path: '/v2/',
  headers: {},
  maxBytes: 1000,
  timeoutMs: 3000,
  signal: new AbortController().signal,
};

describe('openHttpClient', () => {
  const closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  const plain = (port: number, more: Partial<HttpRoute> = {}): HttpClient => {
    const route: HttpRoute = {
      scheme: 'http',
      host: 'reg.test',
      port,
      address: '127.0.0.1',
      proxy: null,
      tls: null,
      ...more,
    };
    const client = openHttpClient(route, systemEnv);
    closing.push(() => client.close());
    return client;
  };
  const server = async (answer: (socket: Socket, head: string, index: number) => void): Promise<RawHttpServer> => {
    const made = await startRawHttp(answer);
    closing.push(() => made.close());
    return made;
  };
  /** One request to a server that answers so; the client closes and nothing may stay open. */
  const ask = async (answer: string | ((socket: Socket) => void), more: Partial<HttpRequest> = {}) => {
    const made = await server((socket) => (typeof answer === 'string' ? socket.end(answer) : answer(socket)));
    const client = plain(made.port);
    const result = await client.request({ ...request, ...more });
    await client.close();
    await made.idle();
    return result;
  };
  const answered = async (...args: Parameters<typeof ask>): Promise<HttpExchange> => {
    const result = await ask(...args);
    assert.ok(result.ok, result.ok ? '' : result.error.message);
    return result.value;
  };
  const failed = async (...args: Parameters<typeof ask>): Promise<HttpFailure> => {
    const result = await ask(...args);
    assert.ok(!result.ok, 'an answer came');
    return result.error;
  };

  it('gives the whole answer with its times', async () => {
    const exchange = await answered(
      'HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nX-One: 1\r\nX-Two: a\r\nX-Two: b\r\n\r\nhi',
    );
    assert.equal(exchange.status, 401);
    assert.deepEqual(exchange.headers, { 'content-length': '2', 'x-one': '1', 'x-two': ['a', 'b'] });
    assert.equal(String(exchange.body), 'hi');
    assert.equal(exchange.bodyComplete, true);
    assert.equal(exchange.reused, false);
    assert.equal(exchange.remoteAddress, '127.0.0.1');
    assert.equal(exchange.alpn, null);
    assert.equal(exchange.peer, null);
    const { tcpMs, proxyMs, tlsMs, firstByteMs, bodyMs } = exchange.phases;
    assert.ok(tcpMs !== null && firstByteMs !== null && bodyMs !== null);
    assert.deepEqual([proxyMs, tlsMs], [null, null]);
    assert.ok(tcpMs + firstByteMs + bodyMs <= exchange.durationMs + 1);
  });

  it('sends what it is given, and a secret as itself', async () => {
    const made = await server((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'));
    const headers = { Accept: 'a/b', authorization: new Secret('Bearer t0ken') };
    const result = await plain(made.port).request({ ...request, path: '/v2/x?ns=docker.io', headers });
    assert.ok(result.ok);
    const lines = made.requests[0]?.split('\r\n') ?? [];
    assert.equal(lines[0], 'GET /v2/x?ns=docker.io HTTP/1.1');
    for (const line of ['accept: a/b', 'authorization: Bearer t0ken', `host: reg.test:${made.port}`]) {
      assert.ok(lines.includes(line), `${line} in ${lines.join(' | ')}`);
    }
    assert.ok(!lines.some((line) => /^(accept-encoding|user-agent):/iu.test(line)));
    assert.ok(!JSON.stringify(result.value).includes('t0ken'));
  });

  it('posts a form', async () => {
    const made = await server((socket) => setTimeout(() => socket.end('HTTP/1.1 200 OK\r\n\r\n'), 20));
    const body = new Secret('grant_type=password&password=pw');
    await plain(made.port).request({
      ...request,
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body,
    });
    assert.match(
      made.received().toString(),
      /^POST \/v2\/ HTTP\/1\.1\r\n[\s\S]*\r\n\r\ngrant_type=password&password=pw$/u,
    );
  });

  it('masks the query of a signed URL', async () => {
    const exchange = await answered('HTTP/1.1 200 OK\r\n\r\n', { path: '/x?X-Amz-Signature=abc&ns=a' });
    assert.match(exchange.url, /^http:\/\/reg\.test:\d+\/x\?X-Amz-Signature=\[secret\]&ns=a$/u);
    const failure = await failed((socket) => socket.end(), { path: '/x?X-Amz-Signature=abc' });
    assert.ok(!JSON.stringify(failure).includes('abc'));
  });

  describe('good answers of every form', () => {
    const forms: readonly (readonly [string, string, number, string, Partial<HttpRequest>?])[] = [
      ['HTTP/1.0, ended by the close', 'HTTP/1.0 200 OK\r\n\r\nhello', 200, 'hello'],
      ['no length', 'HTTP/1.1 200 OK\r\n\r\nhello', 200, 'hello'],
      ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n', 200, 'hello'],
      ['204', 'HTTP/1.1 204 No Content\r\n\r\n', 204, ''],
      ['no reason phrase', 'HTTP/1.1 500\r\nContent-Length: 1\r\n\r\nx', 500, 'x'],
      ['HEAD with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n', 200, '', { method: 'HEAD' }],
      [
        'early hints first',
        'HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx',
        200,
        'x',
      ],
      ['a redirect is an answer', 'HTTP/1.1 307 T\r\nLocation: https://cdn/x\r\nContent-Length: 0\r\n\r\n', 307, ''],
      [
        'exactly as long as allowed',
        `HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n${'x'.repeat(1000)}`,
        200,
        'x'.repeat(1000),
      ],
      ['exactly as long as allowed, by the close', `HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(1000)}`, 200, 'x'.repeat(1000)],
      ['100 unasked', 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx', 200, 'x'],
      ['lines that end in LF', 'HTTP/1.1 200 OK\nContent-Length: 3\n\na\nb', 200, 'a\nb'],
      ['a value in two lines', 'HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 1\r\n\r\nx', 200, 'x'],
      ['the same length twice', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi', 200, 'hi'],
      [
        'a length beside chunks',
        'HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n',
        200,
        'hi',
      ],
      [
        'a length beside chunks, to HEAD',
        'HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n',
        200,
        '',
        { method: 'HEAD' },
      ],
      ['a status out of range', 'HTTP/1.1 999 X\r\nContent-Length: 0\r\n\r\n', 999, ''],
    ];
    for (const [name, bytes, status, body, more] of forms) {
      it(name, async () => {
        const exchange = await answered(bytes, more);
        assert.deepEqual([exchange.status, String(exchange.body), exchange.bodyComplete], [status, body, true]);
      });
    }

    it('takes a header named like an object member as a plain one', async () => {
      const exchange = await answered('HTTP/1.1 200 OK\r\n__proto__: 5\r\nconstructor: 6\r\n\r\n');
      assert.deepEqual(Object.keys(exchange.headers).sort(), ['__proto__', 'constructor']);
      assert.equal(Object.getPrototypeOf(exchange.headers), Object.prototype);
    });
  });

  describe('answers that are none', () => {
    const ok = 'HTTP/1.1 200 OK\r\n';
    const cases: readonly (readonly [
      string,
      string | ((socket: Socket) => void),
      string,
      string,
      Partial<HttpRequest>?,
    ])[] = [
      ['closed at once', (socket) => socket.end(), 'headers', 'closed'],
      ['reset at once', (socket) => socket.resetAndDestroy(), 'headers', 'reset'],
      ['half a status line', 'HTTP/1.1 20', 'headers', 'closed'],
      ['half a header', `${ok}Content-Le`, 'headers', 'closed'],
      ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n', 'headers', 'http-malformed'],
      ['a TLS alert', (socket) => socket.end(Buffer.from([0x15, 3, 1, 0, 2, 2, 70])), 'headers', 'tls-on-plain'],
      [
        'nginx on a TLS port',
        'HTTP/1.1 400 Bad Request\r\n\r\n<html><title>400 The plain HTTP request was sent to HTTPS port</title>',
        'headers',
        'tls-on-plain',
      ],
      [
        'Go on a TLS port',
        'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n',
        'headers',
        'tls-on-plain',
      ],
      ['lengths that contradict', `${ok}Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi`, 'headers', 'http-malformed'],
      [
        'lengths that contradict, beside chunks',
        `${ok}Content-Length: 2\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`,
        'headers',
        'http-malformed',
      ],
      ['a header without a name', `${ok}hello\n\n`, 'headers', 'http-malformed'],
      ['a negative length', `${ok}Content-Length: -2\r\n\r\nhi`, 'headers', 'http-malformed'],
      ['101 unasked', 'HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n', 'headers', 'http-malformed'],
      [
        'headers without end',
        (socket) => {
          socket.write(ok);
          drip(socket, `A: ${'x'.repeat(8000)}\r\n`, 2);
        },
        'headers',
        'http-malformed',
      ],
      [
        'one header without end',
        (socket) => {
          socket.write(`${ok}A: `);
          drip(socket, 'x'.repeat(8000), 2);
        },
        'headers',
        'http-malformed',
      ],
      ['silence', () => undefined, 'headers', 'timeout', { timeoutMs: 150 }],
      [
        'hints without end',
        (socket) => drip(socket, 'HTTP/1.1 103 E\r\nLink: a\r\n\r\n', 5),
        'headers',
        'timeout',
        { timeoutMs: 150 },
      ],
      [
        'large hints without end',
        (socket) => drip(socket, `HTTP/1.1 103 E\r\nLink: ${'a'.repeat(8000)}\r\n\r\n`, 2),
        'headers',
        'http-malformed',
      ],
      [
        'a header byte by byte',
        (socket) => {
          socket.write(ok);
          drip(socket, 'a', 10);
        },
        'headers',
        'timeout',
        { timeoutMs: 200 },
      ],
      [
        'a body that stops',
        (socket) => socket.write(`${ok}Content-Length: 10\r\n\r\nhi`),
        'body',
        'timeout',
        { timeoutMs: 150 },
      ],
      [
        'a body byte by byte',
        (socket) => {
          socket.write(`${ok}\r\n`);
          drip(socket, 'a', 10);
        },
        'body',
        'timeout',
        { timeoutMs: 200 },
      ],
      [
        'a body without end',
        (socket) => {
          socket.write(`${ok}\r\n`);
          drip(socket, 'x'.repeat(500), 1);
        },
        'body',
        'body-too-large',
      ],
      [
        'a body announced too large',
        (socket) => socket.write(`${ok}Content-Length: 5000\r\n\r\n`),
        'body',
        'body-too-large',
      ],
      ['a body cut by a close', `${ok}Content-Length: 10\r\n\r\nhi`, 'body', 'body-cut'],
      [
        'a body cut by a reset',
        (socket) => {
          socket.write(`${ok}Content-Length: 10\r\n\r\nhi`);
          setTimeout(() => socket.resetAndDestroy(), 50);
        },
        'body',
        'reset',
      ],
      ['a cut chunk', `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhe`, 'body', 'body-cut'],
      ['a broken chunk', `${ok}Transfer-Encoding: chunked\r\n\r\nzz\r\nhe`, 'body', 'http-malformed'],
      ['gzip that is none', `${ok}Content-Encoding: gzip\r\n\r\nnot gzip`, 'body', 'body-invalid'],
    ];
    for (const [name, answer, phase, code, more] of cases) {
      it(`${name}: ${code}`, async () => {
        const failure = await failed(answer, more);
        assert.deepEqual([failure.phase, failure.code], [phase, code], failure.message);
        assert.ok(failure.durationMs < 2500, String(failure.durationMs));
        assert.match(failure.message, /^GET http:\/\/reg\.test:\d+\/v2\/: /u);
      });
    }

    it('tells how much came', async () => {
      const cut = await failed('HTTP/1.1 200 OK\r\nContent-Length: 10\r\nX: y\r\n\r\nhi');
      assert.deepEqual([cut.status, cut.headers?.x, cut.bytes, cut.expectedBytes], [200, 'y', 2, 10]);
      assert.notEqual(cut.phases.firstByteMs, null);
      const stopped = await failed((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi'), {
        timeoutMs: 100,
      });
      assert.match(stopped.message, /2 of 10 bytes/u);
    });

    it('keeps its own time: undici would wait half a second longer', async () => {
      const failure = await failed(() => undefined, { timeoutMs: 100 });
      assert.ok(failure.durationMs >= 95 && failure.durationMs < 400, String(failure.durationMs));
    });
  });

  describe('compressed answers', () => {
    it('are unpacked as Go does it', async () => {
      const packed = gzipSync('hello');
      const exchange = await answered((socket) => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${packed.length}\r\n\r\n`);
        socket.end(packed);
      });
      assert.deepEqual([String(exchange.body), exchange.unpacked], ['hello', true]);
    });

    it('cannot fill the memory', async () => {
      const bomb = gzipSync(Buffer.alloc(50_000_000));
      const failure = await failed(
        (socket) => {
          socket.write(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`);
          socket.end(bomb);
        },
        { maxBytes: 100_000 },
      );
      assert.deepEqual([failure.phase, failure.code], ['body', 'body-too-large']);
    });

    it('are left alone in other encodings, and where only the first bytes are wanted', async () => {
      const other = await answered('HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\nraw');
      assert.deepEqual([String(other.body), other.unpacked], ['raw', false]);
      const packed = gzipSync('hello');
      const layer = await answered(
        (socket) => {
          socket.write('HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n');
          socket.end(packed);
        },
        { keepPartial: true },
      );
      assert.deepEqual([layer.body, layer.unpacked], [packed, false]);
    });
  });

  describe('the first bytes of a layer', () => {
    it('end the reading, and the connection', async () => {
      const made = await server((socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n');
        drip(socket, 'x'.repeat(4000), 1);
      });
      const client = plain(made.port);
      const result = await client.request({ ...request, keepPartial: true, maxBytes: 10_000 });
      assert.ok(result.ok);
      assert.equal(result.value.body.length, 10_000);
      assert.equal(result.value.bodyComplete, false);
      await made.idle();
    });

    it('may be all of it', async () => {
      const exchange = await answered('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc', { keepPartial: true });
      assert.deepEqual([String(exchange.body), exchange.bodyComplete], ['abc', true]);
    });
  });

  describe('connections', () => {
    it('are used again', async () => {
      const made = await server((socket, _, index) =>
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${index}`),
      );
      const client = plain(made.port);
      const bodies: string[] = [];
      for (let i = 0; i < 3; i++) {
        const result = await client.request(request);
        assert.ok(result.ok);
        bodies.push(String(result.value.body));
        assert.equal(result.value.reused, i > 0);
        assert.equal(result.value.phases.tcpMs === null, i > 0);
      }
      assert.deepEqual(bodies, ['0', '1', '2']);
      assert.equal(made.connections(), 1);
    });

    it('are one for each of two requests at the same time', async () => {
      const made = await server((socket) =>
        setTimeout(() => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'), 30),
      );
      const client = plain(made.port);
      const results = await Promise.all([client.request(request), client.request(request)]);
      assert.ok(results.every((result) => result.ok));
      assert.equal(made.connections(), 2);
    });

    it('that the server closed meanwhile are replaced in silence, as Go does', async () => {
      // The second request on a connection meets its end.
      const perSocket = new Map<Socket, number>();
      const made = await server((socket) => {
        const count = (perSocket.get(socket) ?? 0) + 1;
        perSocket.set(socket, count);
        if (count === 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi');
        else socket.resetAndDestroy();
      });
      const client = plain(made.port);
      assert.ok((await client.request(request)).ok);
      const second = await client.request(request);
      assert.ok(second.ok);
      assert.equal(second.value.reused, false);
      assert.equal(made.connections(), 2);
    });

    it('that a new one also loses is the server’s fault', async () => {
      const made = await server((socket, _, index) =>
        index === 0 ? socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi') : socket.end(),
      );
      const client = plain(made.port);
      assert.ok((await client.request(request)).ok);
      const second = await client.request(request);
      assert.ok(!second.ok);
      assert.equal(second.error.code, 'closed');
      assert.equal(made.connections(), 2);
    });

    it('are not used again after bytes that nobody asked for', async () => {
      const made = await server((socket) =>
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil'),
      );
      const client = plain(made.port);
      for (let i = 0; i < 3; i++) {
        const result = await client.request(request);
        assert.ok(result.ok);
        assert.equal(String(result.value.body), 'hi');
      }
    });

    it('are refused, and said so', async () => {
      const result = await plain(await closedPort()).request(request);
      assert.ok(!result.ok);
      assert.deepEqual([result.error.phase, result.error.code], ['connect', 'refused']);
      assert.notEqual(result.error.phases.tcpMs, null);
    });

    it('end with the client, requests under way with them', async () => {
      const made = await server(() => undefined);
      const client = plain(made.port);
      const waiting = client.request(request);
      while (made.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
      await client.close();
      const result = await waiting;
      assert.ok(!result.ok);
      assert.equal(result.error.code, 'aborted');
      await made.idle();
      const after = await client.request(request);
      assert.ok(!after.ok);
      assert.equal(after.error.code, 'aborted');
    });

    it('end with the investigation', async () => {
      const made = await server(() => undefined);
      const ending = new AbortController();
      const waiting = plain(made.port).request({ ...request, signal: ending.signal });
      setTimeout(() => ending.abort(), 50);
      const result = await waiting;
      assert.ok(!result.ok);
      assert.deepEqual([result.error.phase, result.error.code], ['headers', 'aborted']);
      await made.idle();
    });
  });

  describe('requests that cannot be sent', () => {
    it('never are', async () => {
      const made = await server((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'));
      const bad: readonly Partial<HttpRequest>[] = [
        { path: 'no-slash' },
        { path: '/a b' },
        { path: '/a\r\nEvil: 1' },
        { headers: { authorization: new Secret('a\r\nEvil: 1') } },
        { headers: { 'bad name': 'x' } },
      ];
      for (const more of bad) {
        const result = await plain(made.port).request({ ...request, ...more });
        assert.ok(!result.ok);
        assert.deepEqual([result.error.phase, result.error.code], ['request', 'internal'], JSON.stringify(more));
        assert.ok(!result.error.message.includes('Evil: 1'), result.error.message);
      }
      assert.equal(made.requests.length, 0);
    });
  });

  describe('by TLS', () => {
    const pki = makePki();
    const tls = { serverName: 'registry.test', trustPem: [pki.root.pem], clientPairs: [], skipVerify: false };
    const secure = (port: number, more: Partial<HttpRoute> = {}) =>
      plain(port, { scheme: 'https', host: 'registry.test', tls, ...more });

    /** A real server that speaks HTTP/2 and HTTP/1.1. */
    const h2 = async (answer: (path: string, server: Http2SecureServer) => Buffer | string, allowHTTP1 = true) => {
      const made = createSecureServer({ cert: pki.leaf.chainPem, key: pki.leaf.keyPem, allowHTTP1 });
      const sockets = new Set<Socket>();
      made.on('connection', (socket: Socket) => {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
      });
      made.on('request', (incoming, response) => {
        response.setHeader('x-version', incoming.httpVersion);
        response.end(answer(incoming.url, made));
      });
      await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
      closing.push(
        () =>
          new Promise((resolve) => {
            for (const socket of sockets) socket.destroy();
            made.close(resolve);
          }),
      );
      return { port: portOf(made), server: made, sockets };
    };

    it('prefers HTTP/2 and uses the connection again', async () => {
      const { port, sockets } = await h2((path) => `at ${path}`);
      const client = secure(port);
      for (let i = 0; i < 3; i++) {
        const result = await client.request({ ...request, path: `/v2/${i}` });
        assert.ok(result.ok, result.ok ? '' : result.error.message);
        const { alpn, headers, body, peer, reused, phases } = result.value;
        assert.deepEqual([alpn, headers['x-version'], String(body), reused], ['h2', '2.0', `at /v2/${i}`, i > 0]);
        assert.equal(peer?.chain.length, 2);
        assert.equal(phases.tlsMs === null, i > 0);
        assert.ok(!Object.keys(headers).some((name) => name.startsWith(':')));
      }
      assert.equal(sockets.size, 1);
      await client.close();
      while (sockets.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    });

    it('sends a HEAD, a form, and reads large bodies over HTTP/2', async () => {
      const { port, server: made } = await h2(() => Buffer.alloc(300_000, 'x'));
      const posted: string[] = [];
      made.on('request', (incoming) => {
        incoming.on('data', (chunk: Buffer) => posted.push(String(chunk)));
      });
      const client = secure(port);
      const head = await client.request({ ...request, method: 'HEAD' });
      assert.ok(head.ok, head.ok ? '' : head.error.message);
      const get = await client.request({ ...request, maxBytes: 300_000 });
      assert.ok(get.ok && get.value.body.length === 300_000);
      const post = await client.request({ ...request, method: 'POST', maxBytes: 300_000, body: new Secret('a=b') });
      assert.ok(post.ok, post.ok ? '' : post.error.message);
      assert.deepEqual(posted, ['a=b']);
    });

    it('bounds bodies over HTTP/2', async () => {
      const { port } = await h2(() => Buffer.alloc(300_000, 'x'));
      const large = await secure(port).request(request);
      assert.ok(!large.ok);
      assert.deepEqual([large.error.phase, large.error.code], ['body', 'body-too-large']);
      const partial = await secure(port).request({ ...request, keepPartial: true });
      assert.ok(partial.ok);
      assert.deepEqual([partial.value.body.length, partial.value.bodyComplete], [1000, false]);
    });

    it('reports streams and connections that break over HTTP/2', async () => {
      const made = createSecureServer({ cert: pki.leaf.chainPem, key: pki.leaf.keyPem });
      const sockets = new Set<Socket>();
      made.on('connection', (socket: Socket) => sockets.add(socket));
      made.on('sessionError', () => undefined);
      made.on('stream', (stream, headers) => {
        stream.on('error', () => undefined);
        const path = headers[':path'];
        if (path === '/silent') return;
        if (path === '/refused') return stream.close(7);
        if (path === '/goaway') return stream.session?.destroy();
        if (path === '/closed') return stream.session?.socket.destroy();
        stream.respond({ ':status': 200, 'content-length': 10 });
        stream.write('hi');
        setTimeout(() => (path === '/cut' ? stream.close(2) : stream.session?.destroy()), 30);
      });
      await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
      closing.push(
        () =>
          new Promise((resolve) => {
            for (const socket of sockets) socket.destroy();
            made.close(resolve);
          }),
      );

      const expected: readonly (readonly [string, string, readonly string[]])[] = [
        ['/silent', 'headers', ['timeout']],
        ['/refused', 'headers', ['reset', 'closed', 'http-malformed']],
        ['/goaway', 'headers', ['reset', 'closed', 'http-malformed']],
        ['/closed', 'headers', ['reset', 'closed']],
        ['/cut', 'body', ['body-cut', 'reset']],
        ['/gone', 'body', ['body-cut', 'reset']],
      ];
      for (const [path, phase, codes] of expected) {
        const result = await secure(portOf(made)).request({ ...request, path, timeoutMs: 400 });
        assert.ok(!result.ok, path);
        assert.equal(result.error.phase, phase, `${path}: ${result.error.message}`);
        assert.ok(codes.includes(result.error.code), `${path}: ${result.error.code}: ${result.error.message}`);
      }
    });

    it('tells why a handshake failed', async () => {
      const { port } = await h2(() => 'x');
      const result = await secure(port, { tls: { ...tls, trustPem: [pki.strangeRoot.pem] } }).request(request);
      assert.ok(!result.ok);
      assert.deepEqual([result.error.phase, result.error.code], ['tls', 'tls-unknown-authority']);
      assert.equal(result.error.tls?.chain.length, 2);
      assert.notEqual(result.error.phases.tlsMs, null);
    });

    it('goes through the tunnel of a proxy', async () => {
      const { port } = await h2(() => 'inside');
      const proxy = await startProxyServer(() => ({ kind: 'tunnel', port }));
      closing.push(() => proxy.close());
      const authorization = new Secret('Basic cHJveHk6cHc=');
      const route = {
        scheme: 'http',
        host: 'proxy.test',
        port: proxy.port,
        address: '127.0.0.1',
        authorization,
      } as const;
      const result = await secure(port, { address: '192.0.2.1', proxy: route }).request(request);
      assert.ok(result.ok, result.ok ? '' : result.error.message);
      assert.equal(String(result.value.body), 'inside');
      assert.notEqual(result.value.phases.proxyMs, null);
      assert.equal(result.value.remoteAddress, '127.0.0.1');
      assert.equal(proxy.requests[0]?.target, `registry.test:${port}`);
    });

    it('keeps the refusal of a proxy', async () => {
      const proxy = await startProxyServer(() => ({
        kind: 'say',
        bytes: 'HTTP/1.1 403 Forbidden\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\n\r\n',
      }));
      closing.push(() => proxy.close());
      const route = {
        scheme: 'http',
        host: 'proxy.test',
        port: proxy.port,
        address: '127.0.0.1',
        authorization: null,
      } as const;
      const result = await secure(443, { proxy: route }).request(request);
      assert.ok(!result.ok);
      assert.deepEqual(
        [result.error.phase, result.error.code, result.error.proxy?.status],
        ['proxy', 'proxy-refused', 403],
      );
    });
  });

  describe('plain HTTP through a proxy', () => {
    const through = async (reaction: Parameters<typeof startProxyServer>[0], authorization: Secret | null = null) => {
      const proxy = await startProxyServer(reaction);
      closing.push(() => proxy.close());
      const route = {
        scheme: 'http',
        host: 'proxy.test',
        port: proxy.port,
        address: '127.0.0.1',
        authorization,
      } as const;
      return { proxy, client: plain(5000, { host: 'plain.test', address: '192.0.2.1', proxy: route }) };
    };

    it('asks the proxy for the whole URL, without a tunnel', async () => {
      const origin = await server((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'));
      const { proxy, client } = await through(() => ({ kind: 'forward', port: origin.port }), new Secret('Basic cHc='));
      const result = await client.request({ ...request, path: '/v2/?ns=docker.io' });
      assert.ok(result.ok);
      assert.equal(String(result.value.body), 'hi');
      const [asked] = proxy.requests;
      assert.equal(asked?.method, 'GET');
      assert.equal(asked?.target, 'http://plain.test:5000/v2/?ns=docker.io');
      assert.equal(asked?.headers.host, 'plain.test:5000');
      assert.equal(asked?.headers['proxy-authorization'], 'Basic cHc=');
    });

    const said: readonly (readonly [string, string, string | null])[] = [
      [
        '407',
        'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="p"\r\nContent-Length: 0\r\n\r\n',
        'proxy-auth',
      ],
      [
        "squid's refusal",
        'HTTP/1.1 403 Forbidden\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\nContent-Length: 0\r\n\r\n',
        'proxy-refused',
      ],
      [
        "squid's failure",
        'HTTP/1.1 503 Service Unavailable\r\nX-Squid-Error: ERR_CONNECT_FAIL 111\r\nContent-Length: 0\r\n\r\n',
        'proxy-refused',
      ],
      ["the registry's own 403", 'HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n', null],
    ];
    for (const [name, bytes, code] of said) {
      it(`${name} is ${code ?? 'an answer'}`, async () => {
        const { client } = await through(() => ({ kind: 'say', bytes }));
        const result = await client.request(request);
        assert.equal(result.ok ? null : result.error.code, code);
        if (!result.ok) assert.deepEqual([result.error.phase, result.error.proxy?.stage], ['proxy', 'answer']);
      });
    }

    it('tells a dead proxy from a dead registry', async () => {
      const port = await closedPort();
      const route = { scheme: 'http', host: 'proxy.test', port, address: '127.0.0.1', authorization: null } as const;
      const result = await plain(5000, { proxy: route }).request(request);
      assert.ok(!result.ok);
      assert.deepEqual(
        [result.error.phase, result.error.code, result.error.proxy?.stage],
        ['proxy', 'refused', 'connect'],
      );
    });
  });
});
