import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server, type TlsOptions as ServerOptions, type TLSSocket } from 'node:tls';
import { type Env, systemEnv } from '../../src/lib/env.ts';
import { Secret } from '../../src/lib/secret.ts';
import { wireErrorOf } from '../../src/wire/errors.ts';
import { connectTcp } from '../../src/wire/tcp.ts';
import { createTrust, handshakeTls, type TlsFailure, type TlsOptions, type TlsPeer } from '../../src/wire/tls.ts';
import { daysFromNow, type MadeCertificate, makeCertificate, makePki, writeCertificate } from '../kit/certificates.ts';
import { portOf, startTcpServer, type TcpServer } from '../kit/tcp-server.ts';

const pki = makePki();
const trustPem = [pki.root.pem];
const endless = new AbortController().signal;

function optionsFor(more: Partial<TlsOptions> = {}): TlsOptions {
  return {
    serverName: 'registry.test',
    trustPem,
    clientPairs: [],
    alpn: [],
    timeoutMs: 5000,
    signal: endless,
    env: systemEnv,
    skipVerify: false,
    ...more,
  };
}

interface TestServer {
  readonly port: number;
  /** Application bytes that clients managed to send. */
  readonly received: () => string;
  /** Resets all connections. */
  readonly reset: () => void;
  readonly close: () => Promise<void>;
}

async function startTls(options: ServerOptions, onSecure?: (socket: TLSSocket) => void): Promise<TestServer> {
  const sockets = new Set<Socket>();
  let received = '';
  const server: Server = createServer(options, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString();
      socket.write(`got ${chunk.toString()}`);
    });
    onSecure?.(socket);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: portOf(server),
    received: () => received,
    reset: () => {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}

function sending(made: MadeCertificate): ServerOptions {
  return { cert: made.chainPem, key: made.keyPem };
}

async function shake(port: number, more: Partial<TlsOptions> = {}) {
  const tcp = await connectTcp({ address: '127.0.0.1', port }, { timeoutMs: 5000, signal: endless, env: systemEnv });
  assert.ok(tcp.ok);
  const result = await handshakeTls(tcp.value.socket, optionsFor(more));
  if (!result.ok) assert.ok(tcp.value.socket.destroyed, 'a failed handshake closes its socket');
  return result;
}

async function shaken(port: number, more: Partial<TlsOptions> = {}): Promise<{ socket: TLSSocket; peer: TlsPeer }> {
  const result = await shake(port, more);
  assert.ok(result.ok, result.ok ? '' : result.error.message);
  return result.value;
}

async function failed(port: number, more: Partial<TlsOptions> = {}): Promise<TlsFailure> {
  const result = await shake(port, more);
  assert.ok(!result.ok, 'the handshake succeeded');
  return result.error;
}

/** Sends a line and waits for the server's echo. */
async function echo(socket: TLSSocket, line: string): Promise<string> {
  socket.write(line);
  const [chunk] = await once(socket, 'data');
  return String(chunk);
}

describe('handshakeTls', () => {
  const running: { close(): Promise<void> }[] = [];
  const server = async (options: ServerOptions, onSecure?: (socket: TLSSocket) => void) => {
    const started = await startTls(options, onSecure);
    running.push(started);
    return started;
  };
  /** openssl s_server refuses a client certificate inside the handshake; Node's server only hangs up afterwards. */
  const opensslServer = async (...more: string[]): Promise<{ port: number }> => {
    const folder = await mkdtemp(join(tmpdir(), 'pullwhy-tls-'));
    const leaf = await writeCertificate(folder, 'leaf', pki.leaf);
    const root = await writeCertificate(folder, 'root', pki.root);
    const files = ['-cert', leaf.cert, '-cert_chain', leaf.chain, '-key', leaf.key, '-CAfile', root.cert];
    const child = spawn('openssl', ['s_server', '-accept', '127.0.0.1:0', ...files, ...more]);
    running.push({
      close: async () => {
        child.kill('SIGKILL');
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
        await rm(folder, { recursive: true });
      },
    });
    let words = '';
    for await (const chunk of child.stdout) {
      words += String(chunk);
      const port = /^ACCEPT 127\.0\.0\.1:(\d+)$/m.exec(words)?.[1];
      if (port !== undefined) return { port: Number(port) };
    }
    throw new Error(`openssl s_server does not listen: ${words}`);
  };
  const raw = async (handle: Parameters<typeof startTcpServer>[0]): Promise<TcpServer> => {
    const started = await startTcpServer(handle);
    running.push(started);
    return started;
  };
  afterEach(async () => {
    await Promise.all(running.splice(0).map((one) => one.close()));
  });

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    describe(version, () => {
      const at = { minVersion: version, maxVersion: version } as const;

      it('accepts a good chain, tells of it, and carries data both ways', async () => {
        const { port } = await server({ ...sending(pki.leaf), ...at, ALPNProtocols: ['h2', 'http/1.1'] });
        const { socket, peer } = await shaken(port, { alpn: ['h2', 'http/1.1'] });
        assert.equal(peer.protocol, version);
        assert.equal(peer.alpn, 'h2');
        assert.match(peer.cipher, /^TLS_/);
        assert.deepEqual(
          peer.chain.map((one) => one.subject),
          ['CN=registry.test', 'CN=Pullwhy Test Intermediate'],
        );
        assert.equal(peer.root?.subject, 'CN=Pullwhy Test Root,O=Pullwhy');
        assert.equal(peer.verified, true);
        assert.deepEqual(peer.unverified, []);
        assert.equal(peer.clientCertificateRequested, false);
        assert.ok(peer.durationMs > 0);
        assert.equal(await echo(socket, 'hello'), 'got hello');
        socket.destroy();
      });

      const bad: readonly [string, MadeCertificate, string, Partial<TlsOptions>, number | null][] = [
        ['an expired certificate', pki.expired, 'tls-expired', {}, 0],
        ['a certificate of the future', pki.notYetValid, 'tls-not-yet-valid', {}, 0],
        ['another name', pki.wrongName, 'tls-hostname', {}, 0],
        ['a common name only', pki.commonNameOnly, 'tls-hostname', {}, 0],
        ['an unknown authority', pki.strange, 'tls-unknown-authority', {}, 0],
        ['a self-signed certificate', pki.selfSigned, 'tls-unknown-authority', {}, 0],
        ['an empty trust store', pki.leaf, 'tls-unknown-authority', { trustPem: [] }, 1],
      ];
      for (const [name, made, code, more, index] of bad) {
        it(`refuses ${name}, records the chain, and sends nothing`, async () => {
          const running = await server({ ...sending(made), ...at });
          const error = await failed(running.port, more);
          assert.equal(error.code, code, error.message);
          assert.equal(error.failedCertificate, index);
          assert.equal(error.chain[0]?.subject, `CN=${made.commonName}`);
          assert.equal(error.peer?.protocol, version);
          assert.equal(running.received(), '');
        });
      }

      it('goes on with an unverified chain only when the node says so, and tells what it would have refused', async () => {
        const { port } = await server({ ...sending(pki.expired), ...at });
        const { socket, peer } = await shaken(port, { skipVerify: true, serverName: 'elsewhere.test', trustPem: [] });
        assert.equal(peer.verified, false);
        assert.equal(peer.root, null);
        assert.deepEqual(
          peer.unverified.map((one) => one.code),
          ['tls-expired', 'tls-hostname', 'tls-unknown-authority'],
        );
        assert.equal(await echo(socket, 'x'), 'got x');
        socket.destroy();
      });

      it('names the lack of a client certificate', async () => {
        const { port } = await server({ ...sending(pki.leaf), ...at, requestCert: true, ca: pki.root.pem });
        const error = await failed(port);
        assert.equal(error.code, 'tls-alert', error.message);
        assert.equal(error.alert, version === 'TLSv1.3' ? 'certificate_required' : 'handshake_failure');
        assert.match(error.message, /client certificate/);
        assert.equal(error.clientCertificateRequested, true);
        assert.equal(error.chain.length, 2, 'the chain is known all the same');
      });

      it('presents the client certificate', async () => {
        const { port } = await server({ ...sending(pki.leaf), ...at, requestCert: true, ca: pki.root.pem });
        const clientPairs = [{ cert: pki.client.pem, key: new Secret(pki.client.keyPem) }];
        const { socket, peer } = await shaken(port, { clientPairs });
        assert.equal(peer.clientCertificateRequested, true);
        assert.equal(await echo(socket, 'x'), 'got x');
        socket.destroy();
      });

      it('names a refused client certificate', async () => {
        const stranger = makeCertificate({ commonName: 'who', issuer: pki.strangeRoot });
        const clientPairs = [{ cert: stranger.pem, key: new Secret(stranger.keyPem) }];
        const { port } = await opensslServer(
          version === 'TLSv1.3' ? '-tls1_3' : '-tls1_2',
          '-Verify',
          '1',
          '-verify_return_error',
        );
        const error = await failed(port, { clientPairs });
        assert.equal(error.code, 'tls-alert', error.message);
        assert.equal(error.alert, 'unknown_ca');
        assert.equal(error.clientCertificateRequested, true);
      });

      it('tells of the wanted certificate when the server just hangs up', async () => {
        const { port } = await server({ ...sending(pki.leaf), ...at, requestCert: true, ca: pki.root.pem });
        const stranger = makeCertificate({ commonName: 'who', issuer: pki.strangeRoot });
        const error = await failed(port, { clientPairs: [{ cert: stranger.pem, key: new Secret(stranger.keyPem) }] });
        assert.equal(error.code, 'closed', error.message);
        assert.match(error.message, /had asked for a client certificate/);
      });

      it('works without a client certificate where one is only asked for', async () => {
        const optional = { requestCert: true, rejectUnauthorized: false, ca: pki.root.pem };
        const { port } = await server({ ...sending(pki.leaf), ...at, ...optional });
        const { socket, peer } = await shaken(port);
        assert.equal(peer.clientCertificateRequested, true);
        assert.equal(await echo(socket, 'x'), 'got x');
        socket.destroy();
      });
    });
  }

  it('does not call a finished handshake late because it waits for a late alert', async () => {
    // It asks for a certificate, insists on none, and sends no ticket: neither yes nor no comes.
    const { port } = await opensslServer('-tls1_3', '-num_tickets', '0', '-verify', '1', '-verify_return_error');
    let ticks = 0;
    // A clock that makes the round trip look long, so that the wait for the alert outlasts the time limit.
    const env: Env = { ...systemEnv, monotonic: () => (ticks += 400) };
    const { socket, peer } = await shaken(port, { env, timeoutMs: 450 });
    assert.equal(peer.clientCertificateRequested, true);
    socket.destroy();
  });

  it('judges validity by the clock it is given', async () => {
    const { port } = await server(sending(pki.leaf));
    const later: Env = { ...systemEnv, now: () => daysFromNow(400).getTime() };
    const error = await failed(port, { env: later });
    assert.equal(error.code, 'tls-expired');
    assert.deepEqual(error.otherFailures, []);
    const earlier: Env = { ...systemEnv, now: () => daysFromNow(-10).getTime() };
    const { socket } = await shaken((await server(sending(pki.expired))).port, { env: earlier });
    socket.destroy();
  });

  it('lists every check that fails, the one that Go reports first', async () => {
    const awful = makeCertificate({
      commonName: 'x',
      names: ['other.test'],
      issuer: pki.strangeRoot,
      notAfter: daysFromNow(-1),
      notBefore: daysFromNow(-2),
    });
    const error = await failed((await server(sending(awful))).port);
    assert.equal(error.code, 'tls-expired');
    assert.deepEqual(error.otherFailures, ['tls-hostname', 'tls-unknown-authority']);
  });

  it('points at an expired root in the node’s own store', async () => {
    const root = makeCertificate({
      commonName: 'Old Root',
      ca: true,
      notBefore: daysFromNow(-900),
      notAfter: daysFromNow(-2),
    });
    const leaf = makeCertificate({ commonName: 'l', names: ['registry.test'], issuer: root });
    const error = await failed((await server(sending(leaf))).port, { trustPem: [root.pem] });
    assert.equal(error.code, 'tls-expired');
    assert.equal(error.failedCertificate, null);
    assert.equal(error.failedRoot?.subject, 'CN=Old Root');
  });

  it('keeps the chain in the order in which it was sent, strangers included', async () => {
    const cert = pki.leaf.pem + pki.strangeRoot.pem + pki.root.pem + pki.intermediate.pem;
    const { socket, peer } = await shaken((await server({ cert, key: pki.leaf.keyPem })).port);
    assert.deepEqual(
      peer.chain.map((one) => one.commonName),
      ['registry.test', 'Strange Root', 'Pullwhy Test Root', 'Pullwhy Test Intermediate'],
    );
    socket.destroy();
  });

  it('says that an intermediate certificate is missing', async () => {
    const error = await failed((await server({ cert: pki.leaf.pem, key: pki.leaf.keyPem })).port);
    assert.equal(error.code, 'tls-unknown-authority');
    assert.match(error.message, /sent only its own certificate.*CN=Pullwhy Test Intermediate.*was not sent/);
  });

  it('checks an IP address against addresses and sends no SNI for it', async () => {
    let asked: string | false | null = null;
    const { port } = await server(sending(pki.leaf), (socket) => {
      asked = socket.servername;
    });
    const { socket } = await shaken(port, { serverName: '127.0.0.1' });
    await echo(socket, 'x');
    assert.equal(asked, false);
    socket.destroy();
    assert.equal((await failed(port, { serverName: '127.0.0.2' })).code, 'tls-hostname');
  });

  it('sends the name without its final dot as SNI', async () => {
    let asked: string | false | null = null;
    const { port } = await server(sending(pki.leaf), (socket) => {
      asked = socket.servername;
    });
    const { socket } = await shaken(port, { serverName: 'registry.test.' });
    await echo(socket, 'x');
    assert.equal(asked, 'registry.test');
    socket.destroy();
  });

  for (const [name, options] of [
    ['only TLS 1.1', { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }],
    ['only static RSA', { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256:AES128-SHA' }],
    [
      'only finite-field Diffie-Hellman',
      { maxVersion: 'TLSv1.2', ciphers: 'DHE-RSA-AES128-GCM-SHA256', dhparam: 'auto' },
    ],
    ['only a curve that Go lacks', { maxVersion: 'TLSv1.2', ecdhCurve: 'brainpoolP256r1' }],
  ] as const satisfies readonly (readonly [string, ServerOptions])[]) {
    it(`calls a server with ${name} tls-protocol`, async () => {
      const rsa = makeCertificate({
        commonName: 'r',
        names: ['registry.test'],
        issuer: pki.intermediate,
        key: 'rsa2048',
      });
      const error = await failed((await server({ ...sending(rsa), ...options })).port);
      assert.equal(error.code, 'tls-protocol', error.message);
      assert.notEqual(error.alert, null);
    });
  }

  it('names an ALPN refusal', async () => {
    const { port } = await server({ ...sending(pki.leaf), ALPNCallback: () => undefined });
    const error = await failed(port, { alpn: ['h2'] });
    assert.equal(error.code, 'tls-alert', error.message);
    assert.equal(error.alert, 'no_application_protocol');
  });

  it('names an alert that comes as the first answer', async () => {
    const { port } = await raw((socket) => socket.once('data', () => socket.end(Buffer.from('15030300020270', 'hex'))));
    const error = await failed(port);
    assert.equal(error.code, 'tls-alert', error.message);
    assert.equal(error.alert, 'unrecognized_name');
  });

  it('shows what a plain HTTP server says', async () => {
    const answer = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nClient sent TLS';
    const { port } = await raw((socket) => socket.once('data', () => socket.end(answer)));
    const error = await failed(port);
    assert.equal(error.code, 'tls-plain-answer', error.message);
    assert.match(error.plainAnswer ?? '', /^HTTP\/1\.1 400 Bad Request Connection: close/);
  });

  it('shows what a server says that speaks first', async () => {
    const { port } = await raw((socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'));
    const error = await failed(port);
    assert.equal(error.code, 'tls-plain-answer', error.message);
    assert.equal(error.plainAnswer, 'SSH-2.0-OpenSSH_9.2');
  });

  it('shows even the few characters of a server that then waits', async () => {
    const { port } = await raw((socket) => socket.write('+OK'));
    const error = await failed(port, { timeoutMs: 100 });
    assert.equal(error.code, 'tls-plain-answer', error.message);
    assert.equal(error.plainAnswer, '+OK');
  });

  it('calls bytes that are neither TLS nor text tls-protocol', async () => {
    const { port } = await raw((socket) => socket.write(Buffer.from('00ff00ff00ff00ff00ff', 'hex')));
    const error = await failed(port);
    assert.equal(error.code, 'tls-protocol', error.message);
    assert.equal(error.plainAnswer, null);
  });

  it('calls broken TLS records tls-protocol', async () => {
    const { port } = await raw((socket) => socket.write(Buffer.from('16030300050200000161', 'hex')));
    assert.equal((await failed(port)).code, 'tls-protocol');
  });

  it('tells an orderly end from a reset', async () => {
    const closing = await raw((socket) => socket.once('data', () => socket.end()));
    const closed = await failed(closing.port);
    assert.equal(closed.code, 'closed', closed.message);
    assert.match(closed.message, /not one byte/);
    const resetting = await raw((socket) => socket.once('data', () => socket.resetAndDestroy()));
    const reset = await failed(resetting.port);
    assert.equal(reset.code, 'reset', reset.message);
  });

  it('times out on silence and counts what came before it', async () => {
    const silent = await raw(() => undefined);
    const nothing = await failed(silent.port, { timeoutMs: 100 });
    assert.equal(nothing.code, 'timeout');
    assert.equal(nothing.bytesReceived, 0);
    const half = await raw((socket) => socket.once('data', () => socket.write(Buffer.from('16030310000200', 'hex'))));
    const stuck = await failed(half.port, { timeoutMs: 200 });
    assert.equal(stuck.code, 'timeout');
    assert.equal(stuck.bytesReceived, 7);
    assert.match(stuck.message, /7 of 4101 bytes/);
    await Promise.all([silent.idle(), half.idle()]);
  });

  it('ends when the investigation ends', async () => {
    const silent = await raw(() => undefined);
    const ending = new AbortController();
    setTimeout(() => ending.abort(), 20);
    assert.equal((await failed(silent.port, { signal: ending.signal })).code, 'aborted');
    assert.equal((await failed(silent.port, { signal: AbortSignal.abort() })).code, 'aborted');
    await silent.idle();
  });

  it('refuses a chain that is too long', async () => {
    const many = Array.from({ length: 30 }, (_, index) => makeCertificate({ commonName: `n${index}` }).pem);
    const error = await failed((await server({ cert: pki.leaf.chainPem + many.join(''), key: pki.leaf.keyPem })).port);
    assert.equal(error.code, 'tls-certificate');
    assert.ok(error.chain.length <= 20);
  });

  it('takes weak keys and digests for what Go takes them, with the chain recorded', async () => {
    const sha1 = makeCertificate({ commonName: 's', names: ['registry.test'], issuer: pki.root, digest: 'sha1' });
    const weak = await failed((await server({ ...sending(sha1), ciphers: 'DEFAULT:@SECLEVEL=0' })).port);
    assert.equal(weak.code, 'tls-certificate', weak.message);
    assert.match(weak.message, /SHA-1/);
    const rsa = makeCertificate({ commonName: 'r', names: ['registry.test'], issuer: pki.root, key: 'rsa1024' });
    const { socket, peer } = await shaken((await server({ ...sending(rsa), ciphers: 'DEFAULT:@SECLEVEL=0' })).port);
    assert.equal(peer.chain[0]?.keyType, 'RSA 1024');
    socket.destroy();
  });

  it('says that this node’s own client key cannot be used, without showing it', async () => {
    const { port } = await server(sending(pki.leaf));
    for (const [cert, key] of [
      [pki.client.pem, pki.leaf.keyPem],
      [pki.client.pem, 'not a key'],
      ['', pki.client.keyPem],
    ] as const) {
      const error = await failed(port, { clientPairs: [{ cert, key: new Secret(key) }] });
      assert.match(error.message, /client certificate or its key cannot be used/);
      assert.ok(!JSON.stringify(error).includes('not a key'));
    }
  });

  it('reports a reset after the handshake on the TLS socket', async () => {
    const { port, reset } = await server(sending(pki.leaf));
    const { socket } = await shaken(port);
    const broken = once(socket, 'error');
    socket.resume();
    reset();
    const [error] = await broken;
    assert.equal(wireErrorOf(error, 'x').code, 'reset');
  });

  it('closes the connection below when the TLS socket is closed', async () => {
    const { port } = await server(sending(pki.leaf));
    const tcp = await connectTcp({ address: '127.0.0.1', port }, { timeoutMs: 5000, signal: endless, env: systemEnv });
    assert.ok(tcp.ok);
    const result = await handshakeTls(tcp.value.socket, optionsFor());
    assert.ok(result.ok);
    result.value.socket.destroy();
    await once(tcp.value.socket, 'close');
  });

  it('shakes hands inside another TLS connection', async () => {
    const inner = await server(sending(pki.leaf));
    const outer = await server(sending(pki.leaf), (socket) => {
      socket.removeAllListeners('data').pause();
      void connectTcp(
        { address: '127.0.0.1', port: inner.port },
        { timeoutMs: 5000, signal: endless, env: systemEnv },
      ).then((to) => {
        assert.ok(to.ok);
        socket.pipe(to.value.socket).pipe(socket);
      });
    });
    const first = await shaken(outer.port);
    const second = await handshakeTls(first.socket, optionsFor());
    assert.ok(second.ok, second.ok ? '' : second.error.message);
    assert.equal(await echo(second.value.socket, 'deep'), 'got deep');
    second.value.socket.destroy();
  });

  it('moves much data unharmed', async () => {
    const size = 3_000_000;
    const { port } = await server(sending(pki.leaf), (socket) => {
      socket.end(Buffer.alloc(size, 7));
    });
    const { socket } = await shaken(port);
    let got = 0;
    socket.on('data', (chunk: Buffer) => {
      got += chunk.length;
    });
    await once(socket, 'end');
    assert.equal(got, size);
  });
});

describe('createTrust', () => {
  it('is made once for one array', () => {
    assert.equal(createTrust(trustPem), createTrust(trustPem));
    assert.notEqual(createTrust(trustPem), createTrust([...trustPem]));
    assert.equal(createTrust(trustPem).pool.size, 1);
  });
});
