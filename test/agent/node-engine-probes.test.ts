import assert from 'node:assert/strict';
import { registryHealthOf } from '../../src/agent/health/registry-health.ts';
import { ProbesDocument } from '../../src/api/probes.ts';
import { checkAgainst } from '../../src/api/schema.ts';
import { type EngineStage, never, openEngineStage } from '../kit/engine-stage.ts';
import { startFakeRegistry } from '../kit/fake-registry.ts';
import { closedPort } from '../kit/tcp-server.ts';

describe('agent: node engine probes', () => {
  let stage: EngineStage;
  beforeEach(async () => {
    stage = await openEngineStage();
  });
  afterEach(() => stage.close());

  describe('single probes', () => {
    const kinds = { dns: 'dns', tcp: 'tcp', tls: 'tls', registry: 'registry' } as const;
    for (const [name, kind] of Object.entries(kinds)) {
      it(`${name}: that kind, and those before it`, async () => {
        const registry = await stage.registry();
        const made = await stage.engine();
        const result = await made.probe({ probe: kind, target: `registry.test:${registry.port}` }, never);
        assert.ok(result.ok, result.ok ? '' : result.error.message);
        const found = result.value;
        assert.ok(checkAgainst(ProbesDocument, found).ok);
        assert.equal(found.status, 'ok', JSON.stringify(found.probes));
        const seen = new Set(found.probes.map((probe) => probe.kind));
        const order = ['dns', 'tcp', 'tls', 'registry'];
        assert.deepEqual([...seen], order.slice(0, order.indexOf(kind) + 1));
        assert.equal(registry.requests.length, kind === 'registry' ? 1 : 0);
      });
    }

    it('says of a way without a proxy that it has none, and of a hop that is not reached why', async () => {
      const port = await closedPort();
      const made = await stage.engine();
      const target = `registry.test:${port}`;
      const proxy = await made.probe({ probe: 'proxy', target }, never);
      assert.equal(proxy.ok && proxy.value.status, 'skipped');
      assert.match(JSON.stringify(proxy), /goes to registry\.test:\d+ directly/);
      const tls = await made.probe({ probe: 'tls', target }, never);
      assert.equal(tls.ok && tls.value.status, 'skipped');
      assert.match(JSON.stringify(tls), /comes before it does not pass \(tcp\)/);
      const tcp = await made.probe({ probe: 'tcp', target }, never);
      assert.equal(tcp.ok && tcp.value.status, 'failed');
    });

    for (const target of [
      '',
      ' ',
      'https://a.test',
      'a.test/x',
      'account',
      'a.test:99999999',
      'a b',
      '../../etc',
      'x@y.test',
    ]) {
      it(`"${target}" is no registry, and it says what is taken`, async () => {
        const result = await (await stage.engine()).probe({ probe: 'tcp', target }, never);
        assert.equal(result.ok ? '' : result.error.reason, 'bad-image');
        assert.match(result.ok ? '' : result.error.message, /HOST or HOST:PORT/);
      });
    }
  });

  it('checks a registry without a word about an image', async () => {
    const registry = await stage.registry();
    const made = await stage.engine();
    const result = await made.checkRegistry(`registry.test:${registry.port}/team/app:1`, never);
    assert.ok(result.ok);
    assert.deepEqual(registry.requests, ['GET /v2/']);
    assert.ok(result.value.probes.some(({ kind, status }) => kind === 'registry' && status === 'ok'));
  });

  it("checks Docker Hub as far as its quota: by HEAD, of the image that is for it, and without the node's credentials", async () => {
    const quota = { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '76;w=21600' };
    const hub = await startFakeRegistry({
      repositories: { 'ratelimitpreview/test': { latest: stage.image } },
      token: { users: {}, publicRepositories: ['ratelimitpreview/test'] },
      headers: quota,
    });
    stage.defer(() => hub.close());
    await stage.file('etc/containerd/certs.d/docker.io/hosts.toml', `server = "http://127.0.0.1:${hub.port}"\n`);
    const auth = Buffer.from('somebody:secret-of-the-node').toString('base64');
    await stage.file(
      'var/lib/kubelet/config.json',
      JSON.stringify({ auths: { 'https://index.docker.io/v1/': { auth } } }),
    );
    const made = await stage.engine();
    for (const image of ['nginx', 'docker.io/library/redis:7']) {
      const result = await made.checkRegistry(image, never);
      assert.ok(result.ok);
      const health = registryHealthOf(result.value, 'docker.io');
      assert.deepEqual(health.rateLimit?.said, { limit: 100, remaining: 76, windowSeconds: 21_600, source: null });
      assert.equal(health.verdict, 'healthy');
    }
    const manifests = hub.requests.filter((request) => request.includes('/manifests/'));
    assert.ok(manifests.length > 0);
    for (const request of manifests) assert.match(request, /^HEAD \/v2\/ratelimitpreview\/test\/manifests\/latest/);
    for (const sent of hub.authorizations) assert.ok(sent === null || sent.startsWith('Bearer '), sent ?? '');
  });
});
