import assert from 'node:assert/strict';
import { createServer as createTlsServer } from 'node:tls';
import { systemEnv } from '../../src/lib/env.ts';
import { Secret } from '../../src/lib/secret.ts';
import { basic, type Post, post, retryAfter } from '../../src/wire/post.ts';
import { makePki } from '../kit/certificates.ts';
import { startProxyServer } from '../kit/proxy-server.ts';
import { drip, startRawHttp } from '../kit/raw-http.ts';

const path = '/services/T0000001/B0000001/abcdefghijklmnop';

function message(url: string, more: Partial<Post> = {}): Post {
  return {
    url: new Secret(url),
    headers: { 'content-type': 'application/json' },
    body: '{"text":"x"}',
    ca: null,
    proxy: null,
    timeoutMs: 3000,
    signal: new AbortController().signal,
    ...more,
  };
}

function answer(status: string, more = '', body = ''): string {
  return `HTTP/1.1 ${status}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${more}\r\n${body}`;
}

describe('wire: post', () => {
  const cases = [
    { status: '200 OK', reason: null },
    { status: '202 Accepted', reason: null },
    { status: '302 Found', more: 'location: http://127.0.0.1:1/elsewhere\r\n', reason: 'redirected' },
    { status: '400 Bad Request', body: 'invalid_payload', reason: 'rejected', words: /answers 400: invalid_payload/ },
    { status: '404 Not Found', reason: 'rejected' },
    { status: '408 Request Timeout', reason: 'busy' },
    { status: '429 Too Many', more: 'retry-after: 7\r\n', reason: 'throttled', retryAfterMs: 7000 },
    { status: '500 Oops', reason: 'busy' },
    { status: '503 Later', more: 'retry-after: 100000\r\n', reason: 'busy', retryAfterMs: 3_600_000 },
  ];
  for (const { status, more, body, reason, words, retryAfterMs } of cases) {
    it(`takes ${status} for ${reason ?? 'arrived'}`, async () => {
      const server = await startRawHttp((socket) => void socket.write(answer(status, more, body)));
      try {
        const sent = await post(message(`http://127.0.0.1:${server.port}${path}`), systemEnv);
        assert.equal(sent.ok ? null : sent.error.reason, reason);
        assert.equal(server.connections(), 1, 'a redirect is not followed');
        assert.match(server.requests[0] ?? '', /^POST \/services\/T0000001\/B0000001\/abcdefghijklmnop HTTP\/1\.1/);
        if (sent.ok) return;
        assert.equal(sent.error.retryAfterMs, retryAfterMs ?? null);
        assert.match(sent.error.message, words ?? /^127\.0\.0\.1:\d+ answers/);
        await server.idle();
      } finally {
        await server.close();
      }
    });
  }

  it('sends body, headers and the password of the URL, and leaves no connection', async () => {
    const server = await startRawHttp((socket) => void socket.write(answer('200 OK')));
    try {
      const url = `http://us%40er:p%3Aass@127.0.0.1:${server.port}/hook?key=value`;
      const sent = await post(message(url, { headers: { 'x-own': new Secret('mine') } }), systemEnv);
      assert.ok(sent.ok);
      const head = server.requests[0] ?? '';
      assert.match(head, /^POST \/hook\?key=value /);
      assert.match(head, /x-own: mine/);
      assert.match(head, new RegExp(`authorization: ${basic('us@er', 'p:ass').reveal()}`));
      assert.match(server.received().toString(), /\{"text":"x"\}$/);
      await server.idle();
    } finally {
      await server.close();
    }
  });

  it('never repeats a secret of the URL or the headers, whoever says it', async () => {
    const echo = answer('403 No', '', `no access to ${path} with tok-1234567890`);
    const reactions: ((socket: import('node:net').Socket) => void)[] = [
      (socket) => void socket.write(echo),
      (socket) => void socket.end('SSH-2.0-x\r\n'),
      (socket) => void socket.destroy(),
      (socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab', () => socket.end()),
    ];
    for (const react of reactions) {
      const server = await startRawHttp(react);
      try {
        const url = `http://127.0.0.1:${server.port}${path}?token=qwertzuiop`;
        const headers = { authorization: new Secret('Bearer tok-1234567890') };
        const sent = await post(message(url, { headers }), systemEnv);
        assert.ok(!sent.ok);
        assert.match(sent.error.message, /^127\.0\.0\.1:/);
        assert.doesNotMatch(JSON.stringify(sent), /abcdefghijk|B0000001|qwertz|tok-123/);
      } finally {
        await server.close();
      }
    }
    const dead = await post(message(`http://127.0.0.1:1${path}`), systemEnv);
    assert.ok(!dead.ok && dead.error.reason === 'unreachable');
    assert.doesNotMatch(JSON.stringify(dead), /abcdefghijk|B0000001/);
  });

  it('ends what is silent or drips, and what is aborted', async () => {
    const silent = await startRawHttp(() => undefined);
    const slow = await startRawHttp((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4000\r\n\r\n');
      drip(socket, 'x', 20);
    });
    try {
      for (const { port } of [silent, slow]) {
        const sent = await post(message(`http://127.0.0.1:${port}/`, { timeoutMs: 200 }), systemEnv);
        assert.ok(!sent.ok && sent.error.reason === 'timeout', JSON.stringify(sent));
      }
      const ending = new AbortController();
      const sending = post(message(`http://127.0.0.1:${silent.port}/`, { signal: ending.signal }), systemEnv);
      ending.abort();
      const sent = await sending;
      assert.ok(!sent.ok && sent.error.reason === 'aborted', JSON.stringify(sent));
      await Promise.all([silent.idle(), slow.idle()]);
    } finally {
      await Promise.all([silent.close(), slow.close()]);
    }
  });

  it('reads no more of an answer than it needs', async () => {
    const server = await startRawHttp((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
      drip(socket, `4000\r\n${'x'.repeat(0x4000)}\r\n`, 1);
    });
    try {
      assert.ok((await post(message(`http://127.0.0.1:${server.port}/`), systemEnv)).ok);
      await server.idle();
    } finally {
      await server.close();
    }
  });

  it('checks the certificate, against its own authority where one is named', async () => {
    const pki = makePki();
    const seen: string[] = [];
    const server = createTlsServer({ cert: pki.leaf.chainPem, key: pki.leaf.keyPem }, (socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (data: Buffer) => {
        seen.push(data.toString());
        socket.write(answer('200 OK'));
      });
    });
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const at = server.address();
    assert.ok(typeof at === 'object' && at !== null);
    const proxy = await startProxyServer(() => ({ kind: 'tunnel', port: at.port }));
    try {
      const [name] = /[\w.-]+\.test/.exec(JSON.stringify(pki.leaf.commonName)) ?? ['registry.test'];
      const via = new Secret(`http://me:secret-word@127.0.0.1:${proxy.port}`);
      const url = `https://${name}:${at.port}${path}`;
      const refused = await post(message(url, { proxy: via }), systemEnv);
      assert.ok(!refused.ok && refused.error.reason === 'unreachable');
      assert.match(refused.error.message, /certificate is always checked/);
      assert.deepEqual(seen, [], 'nothing is sent to who is not trusted');
      const sent = await post(message(url, { proxy: via, ca: pki.root.pem }), systemEnv);
      assert.ok(sent.ok, JSON.stringify(sent));
      assert.match(seen.join(''), /POST \/services/);
      assert.equal(proxy.requests[0]?.headers['proxy-authorization'], basic('me', 'secret-word').reveal());
    } finally {
      await proxy.close();
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it('says what it cannot ask', async () => {
    for (const url of ['ftp://x/', 'nonsense', '']) {
      const sent = await post(message(url), systemEnv);
      assert.ok(!sent.ok && sent.error.reason === 'unusable', url);
    }
    // Too long for a label, so that no nameserver is asked.
    const nowhere = await post(message(`http://${'x'.repeat(64)}.invalid/`), systemEnv);
    assert.ok(!nowhere.ok && nowhere.error.reason === 'unreachable');
    assert.match(nowhere.error.message, /\.invalid does not resolve/);
  });

  it('reads how long to wait', () => {
    const now = Date.parse('2026-11-22T10:00:00Z');
    const cases: readonly [string | undefined, number | null][] = [
      [undefined, null],
      ['', null],
      ['5', 5000],
      ['-5', null],
      ['soon', null],
      ['Sun, 22 Nov 2026 10:00:30 GMT', 30_000],
      ['Sun, 22 Nov 2026 09:00:00 GMT', 0],
      ['999999999', 3_600_000],
    ];
    for (const [text, ms] of cases) assert.equal(retryAfter(text, now), ms, text ?? 'none');
  });
});
