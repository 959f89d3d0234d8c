import assert from 'node:assert/strict';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { makeCertificate } from '../kit/certificates.ts';
import { dnsAnswer, recordTypes, startDnsServer } from '../kit/dns-server.ts';
import {
  authOf,
  documentOf,
  type EngineStage,
  incidentOf,
  investigated,
  never,
  openEngineStage,
  recheck,
} from '../kit/engine-stage.ts';
import type { ProxyReaction } from '../kit/proxy-server.ts';
import { closedPort, startTcpServer } from '../kit/tcp-server.ts';

describe('agent: node engine looks at a failed hop again', () => {
  let stage: EngineStage;
  beforeEach(async () => {
    stage = await openEngineStage();
  });
  afterEach(() => stage.close());

  it('tcp-refused: the same, then clear, and no request is made', async () => {
    const port = await closedPort();
    const made = await stage.engine();
    const document = await investigated(made, `registry.test:${port}/team/app:1`);
    assert.equal(document.cause, 'tcp-refused');
    assert.deepEqual(await recheck(made, document), { state: 'same', cause: 'tcp-refused', notBefore: null });
    const registry = await stage.registry({ port });
    assert.equal((await recheck(made, document)).state, 'clear');
    assert.deepEqual(registry.requests, []);
  });

  it('dns: the same, then clear, and nothing is connected to', async () => {
    const answers: { rcode: number } = { rcode: 3 };
    const server = await startDnsServer((query) => [
      answers.rcode === 0 && query.type === recordTypes.A
        ? dnsAnswer(query, { records: [{ name: query.name, type: 'A', data: '127.0.0.1' }] })
        : dnsAnswer(query, { rcode: answers.rcode }),
    ]);
    stage.defer(() => server.close());
    const target = await startTcpServer(() => undefined);
    stage.defer(() => target.close());
    const made = await stage.engine({ nameserver: server.port });
    const document = await investigated(made, `registry.test:${target.port}/team/app:1`);
    assert.equal(document.cause, 'dns-name-not-found');
    assert.equal((await recheck(made, document)).state, 'same');
    answers.rcode = 2;
    assert.deepEqual(await recheck(made, document), { state: 'other', cause: 'dns-server-failure', notBefore: null });
    answers.rcode = 0;
    assert.equal((await recheck(made, document)).state, 'clear');
    assert.equal(target.connections(), 0);
  });

  it('the hop passes and another fails: other', async () => {
    const port = await closedPort();
    const made = await stage.engine();
    const document = await investigated(made, `registry.test:${port}/team/app:1`);
    const registry = await stage.registry({ port });
    registry.override = { status: 503, body: 'down' };
    // The rule goes as far as TCP alone, so it is clear; asked up to the registry it is another fault.
    const incident = incidentOf(made, document);
    const further = await made.recheck(incident, 'registry', never);
    assert.equal(further.state, 'other');
    assert.equal(further.cause, 'registry-error');
  });

  it('a tag that was missing: the same by HEAD alone, then clear', async () => {
    const registry = await stage.registry();
    const made = await stage.engine();
    const document = await investigated(made, `registry.test:${registry.port}/team/app:2`);
    assert.equal(document.cause, 'tag-not-found');
    assert.deepEqual(await recheck(made, document), { state: 'same', cause: 'tag-not-found', notBefore: null });
    const before = registry.requests.length;
    const image = stage.image.manifest;
    registry.override = (method, path) =>
      path.endsWith('/manifests/2')
        ? {
            status: 200,
            headers: { 'content-type': image.mediaType, 'docker-content-digest': image.digest },
            body: method === 'HEAD' ? '' : image.bytes,
          }
        : null;
    assert.equal((await recheck(made, document)).state, 'clear');
    const manifests = registry.requests.slice(before).filter((line) => line.includes('/manifests/'));
    assert.deepEqual(manifests, ['HEAD /v2/team/app/manifests/2']);
  });

  it('credentials that were refused: the same, then clear', async () => {
    const users: Record<string, string> = { app: 'right-password' };
    const registry = await stage.registry({ token: { users } });
    const made = await stage.engine();
    await stage.file('var/lib/kubelet/config.json', authOf(registry.port, 'app', 'wrong-password'));
    const document = await investigated(made, `registry.test:${registry.port}/team/app:1`);
    assert.equal(document.cause, 'credentials-rejected', document.summary);
    assert.equal((await recheck(made, document)).state, 'same');
    await stage.file('var/lib/kubelet/config.json', authOf(registry.port, 'app', 'right-password'));
    assert.equal((await recheck(made, document)).state, 'clear');
  });

  it('a silent port: the same within two and a half seconds', async () => {
    const made = await stage.engine({ zone: { 'silent.test': ['192.0.2.1'] } });
    const document = { ...documentOf('tcp'), cause: 'tcp-timeout' as const };
    const incident = incidentOf(made, { ...document, image: { ...document.image, input: 'silent.test/a/b:1' } });
    const begun = performance.now();
    const state = await made.recheck(incident, 'tcp', never);
    // Without a route there (a network of its own) the same address cannot be reached at once.
    assert.ok(['same', 'other'].includes(state.state), state.state);
    assert.ok(performance.now() - begun < 2500);
  });

  it('a mirror that serves again is enough', async () => {
    const [mirror, upstream] = [await closedPort(), await closedPort()];
    await stage.hosts(
      `registry.test_${upstream}_`,
      `server = "https://registry.test:${upstream}"\n[host."https://mirror.test:${mirror}"]\n`,
    );
    const made = await stage.engine();
    const document = await investigated(made, `registry.test:${upstream}/team/app:1`);
    assert.equal(document.cause, 'tcp-refused');
    assert.equal((await recheck(made, document)).state, 'same');
    await stage.registry({ port: mirror });
    assert.equal((await recheck(made, document)).state, 'clear');
  });

  it('a reset as soon as TLS is spoken: the same though the port opens, then clear', async () => {
    const port = await closedPort();
    const filter = await startTcpServer(
      (socket) => socket.once('data', () => socket.resetAndDestroy()),
      undefined,
      port,
    );
    const made = await stage.engine();
    const document = await investigated(made, `registry.test:${port}/team/app:1`);
    assert.equal(document.cause, 'tcp-reset', document.summary);
    assert.equal((await recheck(made, document)).state, 'same');
    await filter.close();
    await stage.registry({ port });
    assert.equal((await recheck(made, document)).state, 'clear');
  });

  it('large packets that vanish: the same though the port opens, then clear', async () => {
    const port = await closedPort();
    const alert = Buffer.from([0x15, 3, 0, 0, 2, 2, 70]);
    const hole = await startTcpServer(
      (socket) => socket.once('data', (hello: Buffer) => void (hello.length < 100 && socket.end(alert))),
      undefined,
      port,
    );
    const made = await stage.engine();
    const document = await investigated(made, `registry.test:${port}/team/app:1`);
    assert.equal(document.cause, 'mtu-black-hole', document.summary);
    assert.equal((await recheck(made, document)).state, 'same');
    await hole.close();
    await stage.registry({ port });
    assert.equal((await recheck(made, document)).state, 'clear');
  });

  it('a proxy that wants a password for a registry without TLS: the same though its port opens, then clear', async () => {
    const registry = await stage.registry({ tls: null });
    const bytes = 'HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n';
    let reaction: ProxyReaction = { kind: 'say', bytes };
    const proxy = await stage.proxy(() => reaction);
    await stage.file(
      'etc/systemd/system/containerd.service.d/http-proxy.conf',
      `[Service]\nEnvironment=HTTP_PROXY=http://proxy.test:${proxy.port}\n`,
    );
    await stage.hosts(`registry.test_${registry.port}_`, `server = "http://registry.test:${registry.port}"\n`);
    const made = await stage.engine({ zone: { 'registry.test': { rcode: 3 } } });
    const document = await investigated(made, `registry.test:${registry.port}/team/app:1`);
    assert.equal(document.cause, 'proxy-auth-required', document.summary);
    assert.equal((await recheck(made, document)).state, 'same');
    reaction = { kind: 'forward', port: registry.port };
    assert.equal((await recheck(made, document)).state, 'clear');
  });

  it('a certificate that no authority signed: the same, then clear', async () => {
    const stranger = makeCertificate({ commonName: 'registry.test', names: ['registry.test'] });
    const own = { cert: stranger.pem, key: stranger.keyPem };
    const port = await closedPort();
    const bad = await stage.registry({ port, tls: own });
    const made = await stage.engine();
    const document = await investigated(made, `registry.test:${port}/team/app:1`);
    assert.equal(document.layer, 'tls', document.summary);
    assert.equal((await recheck(made, document)).state, 'same');
    await bad.close();
    const good = await stage.registry({ port });
    assert.equal((await recheck(made, document)).state, 'clear');
    assert.deepEqual(good.requests, []);
  });

  it('a registry that fails at the image, and answers the version check', async () => {
    const registry = await stage.registry();
    registry.override = (_method, path) => (path.includes('/manifests/') ? { status: 500, body: 'oops' } : null);
    const made = await stage.engine();
    const document = await investigated(made, `registry.test:${registry.port}/team/app:1`);
    assert.equal(document.cause, 'registry-error', document.summary);
    assert.equal((await recheck(made, document)).state, 'same');
    registry.override = null;
    assert.equal((await recheck(made, document)).state, 'clear');
  });

  it('a web page in the place of a registry', async () => {
    const registry = await stage.registry();
    registry.override = {
      status: 200,
      headers: { 'content-type': 'text/html' },
      body: '<html><title>Login</title></html>',
    };
    const made = await stage.engine();
    const document = await investigated(made, `registry.test:${registry.port}/team/app:1`);
    assert.equal(document.cause, 'registry-invalid-response', document.summary);
    assert.equal((await recheck(made, document)).state, 'same');
    registry.override = null;
    assert.equal((await recheck(made, document)).state, 'clear');
  });

  it('a quota that is used up: not clear although HEAD is answered', async () => {
    const registry = await stage.registry();
    registry.override = { status: 429, headers: { 'retry-after': '1' }, body: '{}' };
    const made = await stage.engine();
    const document = await investigated(made, `registry.test:${registry.port}/team/app:1`);
    assert.equal(document.cause, 'rate-limited');
    let remaining = '0;w=21600';
    const image = stage.image.manifest;
    registry.override = (_method, path) =>
      path.includes('/manifests/')
        ? { status: 200, headers: { 'content-type': image.mediaType, 'ratelimit-remaining': remaining } }
        : null;
    assert.deepEqual(await recheck(made, document), { state: 'same', cause: 'rate-limited', notBefore: null });
    remaining = '3;w=21600';
    assert.equal((await recheck(made, document)).state, 'clear');
    assert.ok(!registry.requests.some((line) => line.startsWith('GET /v2/team/app/blobs/')));
  });

  it('a runtime that was away: the same, then clear, and no registry is asked', async () => {
    const registry = await stage.registry();
    const path = join(stage.folder, 'runtime.sock');
    const made = await stage.engine({ runtime: `unix://${path}` });
    const document = await investigated(made, `registry.test:${registry.port}/team/app:1`);
    assert.equal(document.cause, 'runtime-unreachable', document.summary);
    const before = registry.requests.length;
    assert.equal((await recheck(made, document)).state, 'same');
    const runtime = await stage.runtime();
    await symlink(runtime.path, path);
    const state = await recheck(made, document);
    assert.equal(state.state, 'clear', String(state.cause));
    assert.equal(registry.requests.length, before);
  });

  it('content that did not come: the same, then clear', async () => {
    const cdn = await closedPort();
    const registry = await stage.registry({ blobOrigin: `https://cdn.test:${cdn}` });
    const made = await stage.engine();
    const document = await investigated(made, `registry.test:${registry.port}/team/app:1`);
    assert.equal(document.cause, 'blob-unreachable', document.summary);
    assert.deepEqual(await recheck(made, document), { state: 'same', cause: 'blob-unreachable', notBefore: null });
    await stage.registry({ port: cdn });
    assert.equal((await recheck(made, document)).state, 'clear');
  });

  it('a token service that was away: the same, then clear', async () => {
    const realm = await closedPort();
    const users = { app: 'password' };
    const publicRepositories = ['team/app'];
    const registry = await stage.registry({
      token: { users, publicRepositories, realm: `https://auth.test:${realm}/token` },
    });
    const made = await stage.engine();
    const document = await investigated(made, `registry.test:${registry.port}/team/app:1`);
    assert.equal(document.cause, 'auth-service-unreachable', document.summary);
    assert.equal((await recheck(made, document)).state, 'same');
    await stage.registry({ port: realm, token: { users, publicRepositories } });
    assert.equal((await recheck(made, document)).state, 'clear');
  });

  it('knows nothing when it was ended', async () => {
    const made = await stage.engine();
    const state = await made.recheck(incidentOf(made, documentOf('tcp')), 'tcp', AbortSignal.abort());
    assert.equal(state.state, 'unknown');
  });
});
