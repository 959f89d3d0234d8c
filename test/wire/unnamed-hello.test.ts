import assert from 'node:assert/strict';
import { createServer, type SecureVersion } from 'node:tls';
import { largeAnswerBytes } from '../../src/evidence/silent-handshake.ts';
import { systemEnv } from '../../src/lib/env.ts';
import { exchangeUnnamed } from '../../src/wire/unnamed-hello.ts';
import { makeCertificate } from '../kit/certificates.ts';
import { portOf, startTcpServer } from '../kit/tcp-server.ts';

const options = { timeoutMs: 500, signal: new AbortController().signal, env: systemEnv };
const names = Array.from({ length: 60 }, (_, index) => `host-${index}.registry.example`);

describe('wire: a handshake that names nobody', () => {
  for (const version of ['TLSv1.2', 'TLSv1.3'] satisfies SecureVersion[]) {
    it(`is begun as a server of ${version} alone takes it, and its large answer is counted`, async () => {
      const made = makeCertificate({ commonName: 'registry.test', names });
      const asked: (string | undefined)[] = [];
      const server = createServer({
        cert: made.pem,
        key: made.keyPem,
        minVersion: version,
        maxVersion: version,
        SNICallback: (name, done) => {
          asked.push(name);
          done(null);
        },
      });
      server.on('tlsClientError', () => undefined);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      try {
        const answer = await exchangeUnnamed({ address: '127.0.0.1', port: portOf(server) }, options);
        assert.ok(answer.ok && answer.value.bytes >= largeAnswerBytes, JSON.stringify(answer));
        assert.deepEqual(asked, []);
      } finally {
        await new Promise((resolve) => server.close(resolve));
      }
    });
  }

  it('is larger than one packet of an Ethernet', async () => {
    const server = await startTcpServer((socket) => socket.once('data', () => socket.end('1234567')));
    const answer = await exchangeUnnamed(server, options);
    assert.deepEqual(answer, { ok: true, value: { bytes: 7 } });
    await server.idle();
    assert.equal(server.received().length, 1600);
    await server.close();
  });

  it('is silence when nothing comes, and what came when more does not', async () => {
    const [silent, partly] = [
      await startTcpServer(() => undefined),
      await startTcpServer((socket) => socket.once('data', () => socket.write('some'))),
    ];
    const nothing = await exchangeUnnamed(silent, { ...options, timeoutMs: 150 });
    assert.equal(nothing.ok ? null : nothing.error.code, 'timeout');
    const some = await exchangeUnnamed(partly, { ...options, timeoutMs: 150 });
    assert.deepEqual(some, { ok: true, value: { bytes: 4 } });
    await Promise.all([silent.close(), partly.close()]);
  });
});
