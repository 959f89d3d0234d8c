import assert from 'node:assert/strict';
import { Secret } from '../../src/lib/secret.ts';
import { dnsAnswer, recordTypes, startDnsServer } from '../kit/dns-server.ts';
import { type EngineStage, investigated, never, openEngineStage } from '../kit/engine-stage.ts';
import { startFakeRegistry } from '../kit/fake-registry.ts';

describe('agent: node engine, guarded', () => {
  let stage: EngineStage;
  beforeEach(async () => {
    stage = await openEngineStage();
  });
  afterEach(() => stage.close());

  /** A server that must never be talked to. */
  async function forbidden(address = '127.0.0.1') {
    const server = await startFakeRegistry({ repositories: { 'team/app': { '1': stage.image } }, address });
    stage.defer(() => server.close());
    return server;
  }
  /** Only the registry may be talked to, at its own port. */
  const only = (port: number) => ({ allow: () => [`registry.test:${port}`] });

  it('declines at once what the name shows, in every spelling', async () => {
    const server = await forbidden();
    const made = await stage.engine({ allow: () => [] });
    const hosts = ['127.0.0.1', '127.1', '0x7f.1', '0177.0.0.1', '2130706433', '[::1]', '[::ffff:7f00:1]', 'localhost'];
    for (const host of [...hosts, '169.254.169.254', '[fd00:ec2::254]', 'metadata.google.internal']) {
      const image = `${host}:${server.port}/team/app:1`;
      const result = await made.investigate({ image, reason: 'asked', guarded: true }, never);
      assert.equal(result.ok ? 'made' : result.error.reason, 'refused-target', host);
      const probe = await made.probe({ probe: 'registry', target: `${host}:${server.port}` }, never);
      assert.equal(probe.ok ? 'made' : probe.error.reason, 'refused-target', host);
      const pull = await made.pull({ image, reason: 'asked' }, never);
      assert.match(pull.summary, /allowTargets/, host);
    }
    assert.deepEqual(server.requests, []);
  });

  it('does not guard what the agent looks at by itself', async () => {
    const server = await forbidden();
    const made = await stage.engine({ allow: () => [] });
    const document = await investigated(made, `localhost:${server.port}/team/app:1`);
    assert.equal(document.verdict, 'healthy', document.summary);
  });

  it('refuses by the address that a name leads to, and says how to allow it', async () => {
    const server = await forbidden();
    let allow: readonly string[] = [];
    const made = await stage.engine({ zone: { 'evil.test': ['127.0.0.1'] }, allow: () => allow });
    const document = await investigated(made, `evil.test:${server.port}/team/app:1`, { guarded: true });
    assert.equal(document.verdict, 'inconclusive');
    assert.equal(document.cause, null);
    const tcp = document.probes.find(({ kind }) => kind === 'tcp');
    assert.equal(tcp?.status, 'skipped');
    assert.match(tcp?.error?.message ?? '', /evil\.test leads to 127\.0\.0\.1.*http\.allowTargets/);
    assert.deepEqual(server.requests, []);
    const probe = await made.probe({ probe: 'registry', target: `evil.test:${server.port}` }, never);
    assert.equal(probe.ok && probe.value.status, 'skipped');
    const pull = await made.pull({ image: `evil.test:${server.port}/team/app:1`, reason: 'asked' }, never);
    assert.equal(pull.pull.attempted, false);
    // It may change while the agent runs.
    allow = ['127.0.0.0/8'];
    const probed = await made.probe({ probe: 'tcp', target: `evil.test:${server.port}` }, never);
    assert.equal(probed.ok && probed.value.status, 'ok');
  });

  it('refuses a real pull whose name leads to such an address', async () => {
    const runtime = await stage.runtime();
    const made = await stage.engine({ zone: { 'evil.test': ['169.254.169.254'] }, runtime: runtime.endpoint });
    const order = { image: 'evil.test/team/app:1', reason: 'asked', guarded: true, pull: true } as const;
    const result = await made.investigate(order, never);
    assert.equal(result.ok ? 'made' : result.error.reason, 'refused-target');
    const pulled = await made.pull({ image: 'evil.test/team/app:1', reason: 'asked' }, never);
    assert.match(pulled.summary, /metadata address/);
    assert.ok(!runtime.calls.some(({ method }) => method === 'PullImage'));
  });

  it('is not fooled by a name that leads to a good address first', async () => {
    const server = await forbidden();
    let asked = 0;
    const dns = await startDnsServer((query) => {
      if (query.type !== recordTypes.A) return [dnsAnswer(query, {})];
      const data = asked++ === 0 ? '192.0.2.1' : '127.0.0.1';
      return [dnsAnswer(query, { records: [{ name: query.name, type: 'A', data }] })];
    });
    stage.defer(() => dns.close());
    const made = await stage.engine({ nameserver: dns.port, allow: () => [] });
    for (let turn = 0; turn < 3; turn++) {
      await investigated(made, `rebind.test:${server.port}/team/app:1`, { guarded: true });
    }
    assert.ok(asked > 2);
    assert.deepEqual(server.requests, []);
  });

  it('goes on with the other addresses of a name', async () => {
    const registry = await stage.registry();
    const made = await stage.engine({
      zone: { 'registry.test': ['127.0.0.1', '169.254.169.254'] },
      allow: () => ['127.0.0.1'],
    });
    const document = await investigated(made, `registry.test:${registry.port}/team/app:1`, { guarded: true });
    assert.equal(document.verdict, 'healthy', document.summary);
    assert.ok(document.probes.some(({ kind, status }) => kind === 'tcp' && status === 'skipped'));
  });

  for (const [what, locationOf] of Object.entries({
    'an address': (port: number) => `http://127.0.0.1:${port}`,
    'an address in another spelling': (port: number) => `http://0x7f.1:${port}`,
    'an address in IPv6': (port: number) => `http://[::ffff:127.0.0.1]:${port}`,
    'a name that leads there': (port: number) => `http://evil.test:${port}`,
    'a name with a final dot': (port: number) => `http://evil.test.:${port}`,
  })) {
    it(`does not follow a redirect of content to ${what}`, async () => {
      const server = await forbidden();
      const registry = await stage.registry({ blobOrigin: locationOf(server.port) });
      const made = await stage.engine({ zone: { 'evil.test': ['127.0.0.1'] }, ...only(registry.port) });
      const document = await investigated(made, `registry.test:${registry.port}/team/app:1`, { guarded: true });
      assert.deepEqual(server.requests, []);
      assert.equal(document.verdict, 'inconclusive', document.summary);
      assert.ok(
        document.probes.some(({ status, error }) => status === 'skipped' && /allowTargets/.test(error?.message ?? '')),
      );
      // The same registry is followed where nobody asked from outside.
      const free = await investigated(made, `registry.test:${registry.port}/team/app:1`);
      assert.ok(server.requests.length > 0, free.summary);
    });

    it(`fetches no token at ${what}`, async () => {
      const server = await forbidden();
      const realm = `${locationOf(server.port)}/token`;
      const registry = await stage.registry({ token: { users: { app: 'password' }, realm } });
      const made = await stage.engine({ zone: { 'evil.test': ['127.0.0.1'] }, ...only(registry.port) });
      const credentials = { username: 'app', password: new Secret('password') };
      const image = `registry.test:${registry.port}/team/app:1`;
      const document = await investigated(made, image, { guarded: true, credentials });
      assert.deepEqual(server.requests, []);
      assert.equal(document.verdict, 'inconclusive', document.summary);
    });
  }

  for (const [what, options] of [
    ['its content', (to: string) => ({ blobOrigin: to })],
    ['its token service', (to: string) => ({ token: { users: {}, realm: `${to}/token` } })],
  ] as const) {
    it(`has the runtime pull nothing of a registry that leads it there for ${what}`, async () => {
      const server = await forbidden();
      const runtime = await stage.runtime();
      const registry = await stage.registry(options(`http://127.0.0.1:${server.port}`));
      const made = await stage.engine({ runtime: runtime.endpoint, ...only(registry.port) });
      const image = `registry.test:${registry.port}/team/app:1`;
      const result = await made.investigate({ image, reason: 'asked', guarded: true, pull: true }, never);
      assert.equal(result.ok ? 'made' : result.error.reason, 'refused-target');
      const pulled = await made.pull({ image, reason: 'asked' }, never);
      assert.match(pulled.summary, /loopback address.*allowTargets/);
      assert.deepEqual(server.requests, []);
      assert.ok(!runtime.calls.some(({ method }) => method === 'PullImage'));
    });
  }

  it('has the runtime pull what leads to nobody forbidden', async () => {
    const runtime = await stage.runtime();
    const registry = await stage.registry();
    const made = await stage.engine({ runtime: runtime.endpoint, ...only(registry.port) });
    await made.pull({ image: `registry.test:${registry.port}/team/app:1`, reason: 'asked' }, never);
    assert.equal(runtime.calls.filter(({ method }) => method === 'PullImage').length, 1);
  });

  it('has the runtime pull nothing by a name whose address nobody tells now, and finds out why', async () => {
    const runtime = await stage.runtime();
    for (const rcode of [2, 3]) {
      const made = await stage.engine({ zone: { 'flip.test': { rcode } }, runtime: runtime.endpoint, allow: () => [] });
      const image = 'flip.test/team/app:1';
      const pulled = await made.pull({ image, reason: 'asked' }, never);
      assert.match(pulled.summary, /flip\.test has no address now/);
      const document = await investigated(made, image, { reason: 'asked', guarded: true, pull: true });
      assert.equal(document.cause, rcode === 2 ? 'dns-server-failure' : 'dns-name-not-found');
      assert.equal(document.pull.attempted, false);
      // The agent's own pulls are of what a pod of this node names.
      await made.pull({ image, reason: 'recovery' }, never);
    }
    assert.equal(runtime.calls.filter(({ method }) => method === 'PullImage').length, 2);
  });

  it('has the runtime pull by a mirror, where the name itself leads nowhere', async () => {
    const runtime = await stage.runtime();
    const mirror = await stage.registry({ tls: null });
    await stage.hosts('_default', `[host."http://127.0.0.1:${mirror.port}"]\n`);
    const zone = { 'registry.test': { rcode: 3 } };
    const made = await stage.engine({ zone, runtime: runtime.endpoint, allow: () => [] });
    await made.pull({ image: 'registry.test/team/app:1', reason: 'asked' }, never);
    assert.equal(runtime.calls.filter(({ method }) => method === 'PullImage').length, 1);
    await made.pull({ image: 'registry.test/team/other:1', reason: 'asked' }, never);
    assert.equal(runtime.calls.filter(({ method }) => method === 'PullImage').length, 1, 'it would go on to the name');
  });

  it('does not have a proxy go there either', async () => {
    const registry = await stage.registry();
    const proxy = await stage.proxy(() => ({ kind: 'tunnel', port: registry.port }));
    await stage.file(
      'etc/systemd/system/containerd.service',
      `[Service]\nExecStart=/usr/bin/containerd\nEnvironment=HTTPS_PROXY=http://proxy.test:${proxy.port} HTTP_PROXY=http://proxy.test:${proxy.port}\n`,
    );
    registry.override = (_method, path) =>
      path.includes('/blobs/') ? { status: 307, headers: { location: 'http://169.254.169.254/latest/' } } : null;
    const made = await stage.engine({ allow: () => [] });
    // The proxy of this node may be talked to, on loopback as it is.
    const document = await investigated(made, `registry.test:${registry.port}/team/app:1`, { guarded: true });
    assert.ok(proxy.requests.length > 0, document.summary);
    assert.ok(!proxy.requests.some(({ target }) => target.includes('169.254')), JSON.stringify(proxy.requests));
    assert.ok(document.probes.some(({ error }) => /metadata address/.test(error?.message ?? '')));
    const literal = await made.investigate({ image: '169.254.169.254/a/b:1', reason: 'asked', guarded: true }, never);
    assert.equal(literal.ok ? 'made' : literal.error.reason, 'refused-target');
  });

  it("asks the node's own mirror on loopback, and nothing else there", async () => {
    const server = await forbidden();
    const mirror = await stage.registry({ tls: null, blobOrigin: `http://127.0.0.1:${server.port}` });
    await stage.hosts('_default', `[host."http://127.0.0.1:${mirror.port}"]\n`);
    const made = await stage.engine({ zone: { 'registry.test': { rcode: 3 } }, allow: () => [] });
    const document = await investigated(made, 'registry.test/team/app:1', { guarded: true });
    assert.ok(
      mirror.requests.some((line) => line.includes('/manifests/')),
      document.summary,
    );
    assert.deepEqual(server.requests, []);
    // It is the mirror's port that the node names, not the address.
    const other = `127.0.0.1:${server.port}/team/app:1`;
    const result = await made.investigate({ image: other, reason: 'asked', guarded: true }, never);
    assert.equal(result.ok ? 'made' : result.error.reason, 'refused-target');
  });

  it('tells once of entries that allow nothing', async () => {
    const made = await stage.engine({ allow: () => ['http://x', '127.0.0.1'] });
    for (let turn = 0; turn < 2; turn++) await made.probe({ probe: 'dns', target: 'registry.test:5000' }, never);
    assert.equal(stage.logged.filter((line) => line.includes('allowTargets')).length, 1);
  });
});
