import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:tls';
import { type Env, systemEnv } from '../../src/lib/env.ts';
import type { Result } from '../../src/lib/result.ts';
import { connectTcp } from '../../src/wire/tcp.ts';
import { handshakeTls, type TlsFailure, type TlsPeer } from '../../src/wire/tls.ts';
import { daysFromNow, type MadeCertificate, makeCertificate, makePki } from '../kit/certificates.ts';
import { portOf } from '../kit/tcp-server.ts';

const day = 86_400_000;
const [host, otherHost] = ['registry.test', 'other.test'];
const pki = makePki();
const strange = makePki();
const signal = new AbortController().signal;

/** A server whose certificate can be changed between two connections. */
class Shown {
  readonly server: Server = createServer({});

  show({ chainPem: cert, keyPem: key }: MadeCertificate): void {
    this.server.setSecureContext({ cert, key });
  }

  async start(): Promise<void> {
    this.server.on('tlsClientError', () => undefined);
    this.server.on('secureConnection', (socket) => socket.on('error', () => undefined).resume());
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
  }
}

function at(ms: number): Env {
  return { ...systemEnv, now: () => systemEnv.now() + ms };
}

describe('a chain that was accepted before', () => {
  const shown = new Shown();
  const leaf = makeCertificate({
    commonName: host,
    names: [host],
    issuer: pki.intermediate,
    notAfter: daysFromNow(30),
  });

  const shake = async (
    trustPem: readonly string[],
    { env = systemEnv, serverName = host, skipVerify = false } = {},
  ): Promise<Result<TlsPeer, TlsFailure>> => {
    const tcp = await connectTcp(
      { address: '127.0.0.1', port: portOf(shown.server) },
      { timeoutMs: 5000, signal, env },
    );
    assert.ok(tcp.ok);
    const shaken = await handshakeTls(tcp.value.socket, {
      serverName,
      trustPem,
      clientPairs: [],
      alpn: [],
      timeoutMs: 5000,
      signal,
      env,
      skipVerify,
    });
    if (!shaken.ok) return shaken;
    shaken.value.socket.destroy();
    return { ok: true, value: shaken.value.peer };
  };
  const good = async (...args: Parameters<typeof shake>): Promise<TlsPeer> => {
    const result = await shake(...args);
    assert.ok(result.ok, result.ok ? '' : result.error.message);
    return result.value;
  };
  const refused = async (...args: Parameters<typeof shake>): Promise<string> => {
    const result = await shake(...args);
    assert.ok(!result.ok, 'the handshake succeeded');
    return result.error.code;
  };

  before(() => shown.start());
  after(() => void shown.server.close());
  beforeEach(() => shown.show(leaf));

  it('is not read again, and told alike', async () => {
    const store = [pki.root.pem];
    const first = await good(store);
    const second = await good(store);
    assert.equal(second.chain, first.chain, 'it was read again');
    assert.deepEqual({ ...second, durationMs: 0 }, { ...first, durationMs: 0 });
    assert.deepEqual(Object.keys(second).sort(), Object.keys(first).sort());
  });

  it('is checked again by another store', async () => {
    await good([pki.root.pem]);
    assert.equal(await refused([strange.root.pem]), 'tls-unknown-authority');
  });

  it('is checked again for another name', async () => {
    const store = [pki.root.pem];
    await good(store);
    assert.equal(await refused(store, { serverName: otherHost }), 'tls-hostname');
  });

  it('is checked again when a certificate of its way has ended, or the clock went back before it began', async () => {
    const store = [pki.root.pem];
    await good(store);
    assert.equal(await refused(store, { env: at(31 * day) }), 'tls-expired');
    assert.equal(await refused(store, { env: at(-3650 * day) }), 'tls-not-yet-valid');
    await good(store);
  });

  it('says nothing of another certificate for the same name', async () => {
    const store = [pki.root.pem];
    const first = await good(store);
    shown.show(makeCertificate({ commonName: host, names: [host], issuer: strange.intermediate }));
    assert.equal(await refused(store), 'tls-unknown-authority');
    const renewed = makeCertificate({ commonName: host, names: [host], issuer: pki.intermediate });
    shown.show(renewed);
    const second = await good(store);
    assert.notEqual(second.chain[0]?.sha256, first.chain[0]?.sha256);
  });

  it('is not one that was let pass without a check', async () => {
    const store = [strange.root.pem];
    const passed = await good(store, { skipVerify: true });
    assert.equal(passed.verified, false);
    const again = await good(store, { skipVerify: true });
    assert.deepEqual(again.unverified, passed.unverified);
    assert.equal(await refused(store), 'tls-unknown-authority');
  });
});
