import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { request as plainRequest } from 'node:http';
import { request } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { connect, type TLSSocket } from 'node:tls';
import { systemEnv } from '../../src/lib/env.ts';
import { openLog } from '../../src/lib/log.ts';
import { openServerTls } from '../../src/serve/server-tls.ts';
import { daysFromNow, makeCertificate, makePki, usages, writeCertificate } from '../kit/certificates.ts';
import { type HttpAgent, startHttpAgent } from '../kit/http-agent.ts';

const pki = makePki();

describe('agent: HTTP over TLS', () => {
  let folder = '';
  const agents: HttpAgent[] = [];
  beforeEach(async () => {
    folder = await mkdtemp(`${tmpdir()}/pullwhy-tls-`);
  });
  afterEach(async () => {
    await Promise.all(agents.splice(0).map(({ server }) => server.stop()));
    await rm(folder, { recursive: true });
  });

  const keep = (agent: HttpAgent): HttpAgent => {
    agents.push(agent);
    return agent;
  };

  async function filesOf(made = pki.leaf) {
    const written = await writeCertificate(folder, 'server', made);
    return { cert: written.chain, key: written.key, clientCa: null };
  }

  /** The status of a GET, or the code of what went wrong. */
  function get(port: number, path: string, options: object = {}): Promise<number | string> {
    return new Promise((resolve) => {
      const asked = request({ host: '127.0.0.1', port, path, ca: pki.root.pem, agent: false, ...options });
      asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      asked.on('response', (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      asked.end();
    });
  }

  function handshake(port: number, options: object = {}): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, ca: pki.root.pem, ...options }, () => resolve(socket));
      socket.on('error', reject);
    });
  }

  it('answers, from TLS 1.2 on', async () => {
    const { port } = keep(await startHttpAgent({ files: await filesOf() }));
    assert.equal(await get(port, '/healthz'), 200);
    assert.equal(await get(port, '/healthz', { maxVersion: 'TLSv1.2' }), 200);
    const old = await get(port, '/healthz', {
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    assert.match(String(old), /PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL|EPROTO|ECONNRESET/);
  });

  it('does not answer plain HTTP, and outlives it and other noise', async () => {
    const { port } = keep(await startHttpAgent({ files: await filesOf() }));
    const plain = await new Promise<string>((resolve) => {
      const asked = plainRequest({ host: '127.0.0.1', port, path: '/v1/pods' });
      asked.on('error', (error) => resolve(error.message));
      asked.on('response', (response) => {
        response.resume();
        resolve(String(response.statusCode));
      });
      asked.end();
    });
    assert.match(plain, /hang up|RESET|Parse Error/i);
    assert.equal(await get(port, '/healthz'), 200);
  });

  it('stops at once although a handshake is under way', async () => {
    const { port, server } = await startHttpAgent({ files: await filesOf() });
    const socket = connectTcp(port, '127.0.0.1');
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('connect', resolve));
    const begun = performance.now();
    await server.stop();
    assert.ok(performance.now() - begun < 2000);
    socket.destroy();
  });

  describe('files', () => {
    const log = openLog({
      env: systemEnv,
      write: () => undefined,
      settings: () => ({ level: 'debug', format: 'json' }),
    });
    const open = (files: Parameters<typeof openServerTls>[0]) => openServerTls(files, { log, env: systemEnv });

    it('that cannot be used are named, with what is wrong, and never shown', async () => {
      const right = await filesOf();
      const other = await writeCertificate(folder, 'other', makeCertificate({ commonName: 'x' }));
      const at = (name: string): string => `${folder}/${name}`;
      await writeFile(at('empty'), '');
      await writeFile(at('words'), 'hunter22 is no certificate');
      await writeFile(at('long'), 'x'.repeat(2 * 1024 * 1024));
      await writeFile(at('broken'), pki.leaf.pem.replace(/[A-Za-z]/g, 'A'));
      const encrypted = pki.leaf.keys.privateKey
        .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'hunter22' })
        .toString();
      await writeFile(at('encrypted'), encrypted);
      const cases = [
        [{ ...right, cert: at('nothing') }, /^http\.tls\.cert: .*\/nothing is not there\./],
        [{ ...right, cert: folder }, /^http\.tls\.cert: .* is a directory\./],
        [{ ...right, cert: '/dev/zero' }, /^http\.tls\.cert: \/dev\/zero is no file\./],
        [{ ...right, cert: at('long') }, /^http\.tls\.cert: .* is longer than/],
        [{ ...right, cert: at('words') }, /^http\.tls\.cert: .*\/words holds no certificate in PEM form/],
        [{ ...right, cert: at('broken') }, /^http\.tls\.cert: .*\/broken holds no certificate/],
        [{ ...right, key: at('nothing') }, /^http\.tls\.key: .*\/nothing is not there\./],
        [{ ...right, key: at('words') }, /^http\.tls\.key: .*\/words holds no key in PEM form/],
        [{ ...right, key: at('empty') }, /^http\.tls\.key: .*\/empty holds no key in PEM form/],

        [{ ...right, key: other.key }, /^http\.tls\.key: .* is not the key of the certificate/],
        [{ ...right, key: at('encrypted') }, /^http\.tls\.key: .* is encrypted/],
        [{ ...right, clientCa: at('nothing') }, /^http\.tls\.clientCa: .* is not there/],
        [{ ...right, clientCa: at('empty') }, /^http\.tls\.clientCa: .* holds no certificate/],
        [{ ...right, clientCa: at('words') }, /^http\.tls\.clientCa: .* holds no certificate/],
      ] as const;
      for (const [files, words] of cases) {
        const opened = await open(files);
        assert.ok(!opened.ok, String(words));
        assert.match(opened.error, words);
        assert.doesNotMatch(opened.error, /hunter22|BEGIN/);
      }
      const good = await open(right);
      assert.ok(good.ok);
      good.value.stop();
    });

    it('with a certificate that has ended, has not begun or ends soon are used, and the log says so', async () => {
      const soon = makeCertificate({
        commonName: 'x',
        addresses: ['127.0.0.1'],
        issuer: pki.root,
        notAfter: daysFromNow(2),
      });
      for (const [made, words] of [
        [pki.expired, /It ended at .*: callers refuse it/],
        [pki.notYetValid, /It begins at .*: callers refuse it until then/],
        [soon, /It ends at/],
        [pki.leaf, null],
      ] as const) {
        const { logged } = keep(await startHttpAgent({ files: await filesOf(made) }));
        const warned = logged.filter((line) => line.includes('"warn"')).join('');
        if (words === null) assert.equal(warned, '');
        else assert.match(warned, words);
      }
    });

    it('that rotate are taken over, one after the other, while the server goes on', async () => {
      const files = await filesOf();
      const { port, tls, logged } = keep(await startHttpAgent({ files }));
      const serial = async (): Promise<string> => {
        const socket = await handshake(port);
        const { serialNumber } = socket.getPeerCertificate();
        socket.destroy();
        return serialNumber;
      };
      const before = await serial();
      const kept = await handshake(port);
      const next = makeCertificate({ commonName: 'new', addresses: ['127.0.0.1'], issuer: pki.root });
      await writeFile(files.cert, next.chainPem);
      await tls?.reload();
      assert.equal(await serial(), before, 'half of a new pair is no pair');
      assert.match(logged.join(''), /was not renewed.*is not the key/);
      await writeFile(files.key, next.keyPem);
      await tls?.reload();
      assert.notEqual(await serial(), before);
      assert.match(logged.join(''), /was renewed/);
      // What was open before goes on.
      const answer = new Promise<string>((resolve) => kept.once('data', (data) => resolve(data.toString())));
      kept.write('GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
      assert.match(await answer, /^HTTP\/1\.1 200/);
      kept.destroy();
      await rm(files.key);
      await tls?.reload();
      assert.equal(await get(port, '/healthz'), 200, 'files that go away change nothing');
      assert.doesNotMatch(logged.join(''), /PRIVATE KEY/);
    });

    it('that rotate as a Secret volume does, by one swap of a link, are taken over', async () => {
      const write = async (name: string, made: typeof pki.leaf): Promise<void> => {
        await mkdir(`${folder}/${name}`);
        await writeFile(`${folder}/${name}/tls.crt`, made.chainPem);
        await writeFile(`${folder}/${name}/tls.key`, made.keyPem);
      };
      await write('..1', pki.leaf);
      await symlink('..1', `${folder}/..data`);
      await symlink('..data/tls.crt', `${folder}/tls.crt`);
      await symlink('..data/tls.key', `${folder}/tls.key`);
      const files = { cert: `${folder}/tls.crt`, key: `${folder}/tls.key`, clientCa: null };
      const { port, tls } = keep(await startHttpAgent({ files }));
      await write('..2', makeCertificate({ commonName: 'second', addresses: ['127.0.0.1'], issuer: pki.root }));
      await symlink('..2', `${folder}/..tmp`);
      await rename(`${folder}/..tmp`, `${folder}/..data`);
      await tls?.reload();
      const socket = await handshake(port);
      assert.equal(socket.getPeerCertificate().subject.CN, 'second');
      socket.destroy();
    });
  });

  describe('client certificates', () => {
    const named = (commonName: string, more: object = {}) =>
      makeCertificate({ commonName, issuer: pki.root, extendedUsages: [usages.clientAuth], ...more });

    async function start(clientNames: readonly string[]): Promise<HttpAgent> {
      await writeFile(`${folder}/ca.pem`, pki.root.pem);
      const files = { ...(await filesOf()), clientCa: `${folder}/ca.pem` };
      return keep(await startHttpAgent({ files, gate: { mode: 'mtls', clientNames } }));
    }
    const with_ = (made: typeof pki.leaf) => ({ cert: made.chainPem, key: made.keyPem });

    it('let in by authority, time, purpose and name; the kubelet’s checks need none', async () => {
      const { port } = await start(['prometheus', 'ops.corp.example']);
      const cases = [
        [{}, 401, 'none'],
        [with_(makeCertificate({ commonName: 'prometheus', issuer: pki.strangeRoot })), 401, 'another authority'],
        [with_(makeCertificate({ commonName: 'prometheus' })), 401, 'its own authority'],
        [with_(named('prometheus', { notBefore: daysFromNow(-9), notAfter: daysFromNow(-1) })), 401, 'ended'],
        [with_(named('prometheus', { notBefore: daysFromNow(1) })), 401, 'not begun'],
        [with_(named('prometheus', { extendedUsages: [usages.serverAuth] })), 401, 'a server’s'],
        [with_(named('grafana')), 403, 'another name'],
        [with_(named('', { names: ['other.corp.example'] })), 403, 'another DNS name'],
        [with_(named('x', { names: ['a, DNS:ops.corp.example, DNS:b'] })), 403, 'a name that looks like three'],
        [with_(named('x, CN=prometheus')), 403, 'a name that looks like two'],
        [with_(named('prometheus')), 200, 'the common name'],
        [with_(named('', { names: ['ops.corp.example'] })), 200, 'a DNS name'],
      ] as const;
      for (const [options, status, what] of cases) assert.equal(await get(port, '/v1/pods', options), status, what);
      assert.equal(await get(port, '/healthz'), 200);
      assert.equal(await get(port, '/readyz'), 200);
      assert.equal(await get(port, '/metrics'), 401);
    });

    it('of the right authority are all let in where no names are set', async () => {
      const { port } = await start([]);
      assert.equal(await get(port, '/v1/pods', with_(named('whoever'))), 200);
      assert.equal(await get(port, '/v1/pods'), 401);
    });

    it('are not made up by resuming a session that had none', async () => {
      const { port } = await start([]);
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3']) {
        const first = await handshake(port, { maxVersion });
        const session = await new Promise<Buffer | undefined>((resolve) => {
          first.once('session', resolve);
          first.once('data', () => setTimeout(() => resolve(first.getSession()), 100));
          first.write('GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
        });
        first.destroy();
        const again = await handshake(port, { maxVersion, ...(session === undefined ? {} : { session }) });
        assert.equal(again.isSessionReused(), false, maxVersion);
        const answer = new Promise<string>((resolve) => again.once('data', (data) => resolve(data.toString())));
        again.write('GET /v1/pods HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
        assert.match(await answer, /^HTTP\/1\.1 401/, maxVersion);
        again.destroy();
      }
    });

    it('are judged by authorities that rotate', async () => {
      const { port, tls } = await start([]);
      const other = makeCertificate({ commonName: 'ops', issuer: pki.strangeRoot });
      assert.equal(await get(port, '/v1/pods', with_(other)), 401);
      await writeFile(`${folder}/ca.pem`, pki.strangeRoot.pem);
      await tls?.reload();
      assert.equal(await get(port, '/v1/pods', with_(other)), 200);
      assert.equal(await get(port, '/v1/pods', with_(named('ops'))), 401);
      // A file of authorities that is emptied must not let everybody in.
      await writeFile(`${folder}/ca.pem`, '');
      await tls?.reload();
      assert.equal(await get(port, '/v1/pods', with_(named('ops'))), 401);
      assert.equal(await get(port, '/v1/pods', with_(other)), 200);
    });
  });
});
