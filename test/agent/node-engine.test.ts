import assert from 'node:assert/strict';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { registryHealthOf } from '../../src/agent/health/registry-health.ts';
import { type NodeEngine, openNodeEngine } from '../../src/agent/node-engine.ts';
import type { Incident, Recheck } from '../../src/agent/parts.ts';
import { InvestigationShape } from '../../src/api/investigation.ts';
import { ProbesDocument } from '../../src/api/probes.ts';
import { checkAgainst } from '../../src/api/schema.ts';
import { systemEnv } from '../../src/lib/env.ts';
import { openLog } from '../../src/lib/log.ts';
import { Secret } from '../../src/lib/secret.ts';
import type { Layer } from '../../src/model/cause-id.ts';
import type { Investigation } from '../../src/model/investigation.ts';
import { investigationOf } from '../kit/agent.ts';
import { makeCertificate } from '../kit/certificates.ts';
import { openStage, type Stage, type ZoneEntry } from '../kit/diagnose-stage.ts';
import { dnsAnswer, recordTypes, startDnsServer } from '../kit/dns-server.ts';
import { grpcCodes } from '../kit/fake-cri.ts';
import { startFakeRegistry } from '../kit/fake-registry.ts';
import { closedPort, startTcpServer } from '../kit/tcp-server.ts';

const never = new AbortController().signal;

describe('agent: node engine', () => {
  let stage: Stage;
  let logged: string[] = [];
  beforeEach(async () => {
    stage = await openStage();
    logged = [];
    await stage.file('etc/containerd/certs.d/.keep', '');
  });
  afterEach(() => stage.close());

  /** An engine of the stage's node, with a nameserver that knows `zone`. */
  async function engine(
    options: {
      readonly zone?: Readonly<Record<string, ZoneEntry>>;
      readonly allow?: () => readonly string[];
      readonly runtime?: string;
      readonly nameserver?: number;
    } = {},
  ): Promise<NodeEngine> {
    const { zone = {}, allow = () => ['registry.test', 'auth.test'], runtime = null } = options;
    const [, given = ''] = await stage.nameserver(zone);
    const port = options.nameserver ?? Number(given.split(':')[1]);
    return openNodeEngine({
      env: systemEnv,
      node: 'node-1',
      hostRoot: join(stage.folder, 'root'),
      runtimeEndpoint: runtime,
      variables: {},
      settings: () => ({ deadlineMs: 8000, pullDeadlineMs: 8000, allowTargets: allow() }),
      log: openLog({
        env: systemEnv,
        write: (line) => void logged.push(line),
        settings: () => ({ level: 'debug', format: 'json' }),
      }),
      nameservers: [{ address: '127.0.0.1', port }],
    });
  }

  async function investigated(made: NodeEngine, image: string, more = {}): Promise<Investigation> {
    const result = await made.investigate({ image, reason: 'noticed', platform: 'linux/amd64', ...more }, never);
    assert.ok(result.ok, result.ok ? '' : result.error.message);
    return result.value;
  }

  /** An incident that an investigation was made of. */
  function incidentOf(made: NodeEngine, document: Investigation): Incident {
    const conclusion = made.conclusionOf(document);
    return {
      id: 'x',
      image: document.image.input,
      key: document.image.input,
      registry: null,
      state: 'open',
      firstSeenAt: 0,
      lastSeenAt: 0,
      saidCause: null,
      pods: [],
      morePods: 0,
      conclusion,
      pulledAt: null,
      endedAt: null,
      endedBy: null,
      secondsGained: null,
    };
  }

  function recheck(made: NodeEngine, document: Investigation): Promise<Recheck> {
    return made.recheck(incidentOf(made, document), layerOf(document), never);
  }

  describe('investigations', () => {
    it('investigates, and the document fits its schema', async () => {
      const registry = await stage.registry();
      const document = await investigated(await engine(), `registry.test:${registry.port}/team/app:1`);
      assert.equal(document.verdict, 'healthy', document.summary);
      assert.equal(document.node, 'node-1');
      assert.ok(checkAgainst(InvestigationShape, JSON.parse(JSON.stringify(document))).ok);
    });

    it('declines a platform that does not parse', async () => {
      const result = await (await engine()).investigate({ image: 'a/b', reason: 'asked', platform: 'a/b/c/d' }, never);
      assert.ok(!result.ok);
      assert.equal(result.error.reason, 'bad-platform');
      assert.match(result.error.message, /linux\/arm64/);
    });

    it('tells of an image that does not parse in a document', async () => {
      const document = await investigated(await engine(), 'UPPER/Case:1');
      assert.equal(document.cause, 'invalid-image-name');
    });

    it('declines everything when the runtime’s socket is set to what is none', async () => {
      const made = await engine({ runtime: 'tcp://127.0.0.1:1' });
      const result = await made.investigate({ image: 'a/b', reason: 'asked' }, never);
      assert.equal(result.ok ? '' : result.error.reason, 'misconfigured');
      assert.equal((await made.pull({ image: 'a/b', reason: 'recovery' }, never)).pull.attempted, false);
      assert.equal((await made.recheck(incidentOf(made, documentOf('tcp')), 'tcp', never)).state, 'unknown');
    });

    it("uses a caller's credentials first, and shows them nowhere", async () => {
      const users = { caller: 'a-secret-of-the-caller' };
      const registry = await stage.registry({ token: { users } });
      const image = `registry.test:${registry.port}/team/app:1`;
      const made = await engine();
      const without = await investigated(made, image);
      assert.equal(without.cause, 'repository-not-found-or-private');
      const credentials = { username: 'caller', password: new Secret(users.caller) };
      const document = await investigated(made, image, { credentials });
      assert.equal(document.verdict, 'healthy', document.summary);
      assert.deepEqual(
        document.credentials?.matches.map(({ username, source }) => [username, source]),
        [['caller', 'the request']],
      );
      const text = JSON.stringify(document) + logged.join('');
      for (const form of [users.caller, Buffer.from(`caller:${users.caller}`).toString('base64')]) {
        assert.ok(!text.includes(form), 'the password is shown');
      }
      // They were for that one investigation.
      assert.equal((await investigated(made, image)).cause, without.cause);
    });

    it("masks a caller's password that the registry repeats", async () => {
      const registry = await stage.registry({ basic: { app: 'right-password' } });
      registry.override = (_method, _path, authorization) =>
        authorization === null
          ? null
          : {
              status: 401,
              headers: { 'content-type': 'text/plain' },
              body: `no: ${authorization} ${decoded(authorization)}`,
            };
      const credentials = { username: 'app', password: new Secret('wrong-password') };
      const image = `registry.test:${registry.port}/team/app:1`;
      const document = await investigated(await engine(), image, { credentials });
      assert.equal(document.cause, 'credentials-rejected', document.summary);
      assert.ok(!JSON.stringify(document).includes('wrong-password'));
    });

    it('ends soon after its signal', async () => {
      const port = await stage.silentPort();
      const made = await engine();
      const begun = performance.now();
      const order = { image: `registry.test:${port}/team/app:1`, reason: 'asked' } as const;
      await made.investigate(order, AbortSignal.timeout(200));
      assert.ok(performance.now() - begun < 3000);
    });
  });

  describe('what is concluded', () => {
    it('has the cause, the host and the time of the first finding', async () => {
      const port = await closedPort();
      const made = await engine();
      const document = await investigated(made, `registry.test:${port}/team/app:1`);
      const conclusion = made.conclusionOf(document);
      assert.deepEqual(
        [conclusion.verdict, conclusion.cause, conclusion.layer, conclusion.host, conclusion.investigation],
        ['faulty', 'tcp-refused', 'tcp', 'registry.test', document.id],
      );
      assert.equal(conclusion.at, Date.parse(document.startedAt) + document.durationMs);
      assert.ok(conclusion.remedies.length > 0);
      assert.equal(conclusion.notBefore, null);
    });

    it('has the time that a registry asks for quiet until', async () => {
      const registry = await stage.registry();
      registry.override = { status: 429, headers: { 'retry-after': '77' }, body: '{}' };
      const made = await engine();
      const document = await investigated(made, `registry.test:${registry.port}/team/app:1`);
      const { cause, notBefore, at } = made.conclusionOf(document);
      assert.equal(cause, 'rate-limited');
      assert.ok(notBefore !== null && Math.abs(notBefore - at - 77_000) < 5000, `${notBefore} ${at}`);
      assert.ok((await recheck(made, document)).notBefore !== null);
    });

    it('has the time at which a quota starts anew', async () => {
      const reset = Math.floor(Date.now() / 1000) + 1234;
      const registry = await stage.registry();
      const headers = { 'x-ratelimit-limit': '100', 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(reset) };
      registry.override = { status: 429, headers, body: '{}' };
      const made = await engine();
      const document = await investigated(made, `registry.test:${registry.port}/team/app:1`);
      assert.equal(made.conclusionOf(document).notBefore, reset * 1000);
    });

    it('does not believe a registry that asks for days', async () => {
      const registry = await stage.registry();
      registry.override = { status: 429, headers: { 'retry-after': '8640000' }, body: '{}' };
      const made = await engine();
      const { notBefore, at } = made.conclusionOf(
        await investigated(made, `registry.test:${registry.port}/team/app:1`),
      );
      assert.ok(notBefore !== null && notBefore - at <= 6 * 3_600_000);
    });
  });

  describe('looks at a failed hop again', () => {
    it('tcp-refused: the same, then clear, and no request is made', async () => {
      const port = await closedPort();
      const made = await engine();
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
      const made = await engine({ nameserver: server.port });
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
      const made = await engine();
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
      const made = await engine();
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
      const made = await engine();
      await stage.file('var/lib/kubelet/config.json', authOf(registry.port, 'app', 'wrong-password'));
      const document = await investigated(made, `registry.test:${registry.port}/team/app:1`);
      assert.equal(document.cause, 'credentials-rejected', document.summary);
      assert.equal((await recheck(made, document)).state, 'same');
      await stage.file('var/lib/kubelet/config.json', authOf(registry.port, 'app', 'right-password'));
      assert.equal((await recheck(made, document)).state, 'clear');
    });

    it('a silent port: the same within two and a half seconds', async () => {
      const made = await engine({ zone: { 'silent.test': ['192.0.2.1'] } });
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
      const made = await engine();
      const document = await investigated(made, `registry.test:${upstream}/team/app:1`);
      assert.equal(document.cause, 'tcp-refused');
      assert.equal((await recheck(made, document)).state, 'same');
      await stage.registry({ port: mirror });
      assert.equal((await recheck(made, document)).state, 'clear');
    });

    it('a certificate that no authority signed: the same, then clear', async () => {
      const stranger = makeCertificate({ commonName: 'registry.test', names: ['registry.test'] });
      const own = { cert: stranger.pem, key: stranger.keyPem };
      const port = await closedPort();
      const bad = await stage.registry({ port, tls: own });
      const made = await engine();
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
      const made = await engine();
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
      const made = await engine();
      const document = await investigated(made, `registry.test:${registry.port}/team/app:1`);
      assert.equal(document.cause, 'registry-invalid-response', document.summary);
      assert.equal((await recheck(made, document)).state, 'same');
      registry.override = null;
      assert.equal((await recheck(made, document)).state, 'clear');
    });

    it('a quota that is used up: not clear although HEAD is answered', async () => {
      const registry = await stage.registry();
      registry.override = { status: 429, headers: { 'retry-after': '1' }, body: '{}' };
      const made = await engine();
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
      const made = await engine({ runtime: `unix://${path}` });
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
      const made = await engine();
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
      const made = await engine();
      const document = await investigated(made, `registry.test:${registry.port}/team/app:1`);
      assert.equal(document.cause, 'auth-service-unreachable', document.summary);
      assert.equal((await recheck(made, document)).state, 'same');
      await stage.registry({ port: realm, token: { users, publicRepositories } });
      assert.equal((await recheck(made, document)).state, 'clear');
    });

    it('knows nothing when it was ended', async () => {
      const made = await engine();
      const state = await made.recheck(incidentOf(made, documentOf('tcp')), 'tcp', AbortSignal.abort());
      assert.equal(state.state, 'unknown');
    });
  });

  describe('marks of credentials', () => {
    it('change with what the files have for the image, and with nothing else', async () => {
      const made = await engine();
      const image = 'registry.test:5000/team/app:1';
      const mark = () => made.credentialsMark(image);
      const none = await mark();
      assert.equal(await mark(), none);
      await stage.file('var/lib/kubelet/config.json', authOf(5000, 'app', 'one'));
      const one = await mark();
      assert.notEqual(one, none);
      await stage.file('var/lib/kubelet/config.json', authOf(5000, 'app', 'two'));
      const two = await mark();
      assert.notEqual(two, one);
      await stage.file('var/lib/kubelet/config.json', authOf(5001, 'app', 'two'));
      assert.equal(await mark(), none);
      assert.ok(![none, one, two].some((text) => /one|two|app/.test(text)));
    });

    it('tell nothing to another process', async () => {
      assert.notEqual(await (await engine()).credentialsMark('a/b'), await (await engine()).credentialsMark('a/b'));
    });
  });

  describe('pulls', () => {
    it("pulls with the node's credentials, and with a caller's before them", async () => {
      const runtime = await stage.runtime();
      const made = await engine({ runtime: runtime.endpoint });
      await stage.file('var/lib/kubelet/config.json', authOf(5000, 'node', 'of-the-node'));
      const image = 'registry.test:5000/team/app:1';
      const own = await made.pull({ image, reason: 'recovery' }, never);
      assert.equal(own.pull.ok, true, own.summary);
      const credentials = { username: 'caller', password: new Secret('of-the-caller') };
      const asked = await made.pull({ image, reason: 'asked', credentials }, never);
      assert.equal(asked.pull.ok, true, asked.summary);
      const pulls = runtime.calls
        .filter(({ method }) => method === 'PullImage')
        .map(({ request }) => JSON.stringify(request));
      assert.equal(pulls.length, 2);
      assert.match(pulls[0] ?? '', /"username":"node"/);
      assert.match(pulls[1] ?? '', /"username":"caller"/);
      assert.ok(!JSON.stringify([own, asked]).includes('of-the-'));
    });

    it("tells the runtime's own words, and what they mean", async () => {
      const message = 'rpc error: failed to resolve reference: registry.test:5000/team/app:1: not found';
      const runtime = await stage.runtime({ PullImage: () => ({ code: grpcCodes.notFound, message }) });
      const made = await engine({ runtime: runtime.endpoint });
      const { pull } = await made.pull({ image: 'registry.test:5000/team/app:1', reason: 'recovery' }, never);
      assert.equal(pull.ok, false);
      assert.match(pull.error ?? '', /not found/);
    });

    it('says that there is no runtime', async () => {
      const { pull } = await (await engine()).pull({ image: 'registry.test:5000/a:1', reason: 'recovery' }, never);
      assert.equal(pull.cause, 'runtime-unreachable');
    });
  });

  describe('single probes', () => {
    const kinds = { dns: 'dns', tcp: 'tcp', tls: 'tls', registry: 'registry' } as const;
    for (const [name, kind] of Object.entries(kinds)) {
      it(`${name}: that kind, and those before it`, async () => {
        const registry = await stage.registry();
        const made = await engine();
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
      const made = await engine();
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
        const result = await (await engine()).probe({ probe: 'tcp', target }, never);
        assert.equal(result.ok ? '' : result.error.reason, 'bad-image');
        assert.match(result.ok ? '' : result.error.message, /HOST or HOST:PORT/);
      });
    }
  });

  it('checks a registry without a word about an image', async () => {
    const registry = await stage.registry();
    const made = await engine();
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
    const made = await engine();
    for (const image of ['nginx', 'docker.io/library/redis:7']) {
      const result = await made.checkRegistry(image, never);
      assert.ok(result.ok);
      const health = registryHealthOf(result.value, 'docker.io');
      assert.deepEqual(health.rateLimit, { limit: 100, remaining: 76, windowSeconds: 21_600, source: null });
      assert.equal(health.verdict, 'healthy');
    }
    const manifests = hub.requests.filter((request) => request.includes('/manifests/'));
    assert.ok(manifests.length > 0);
    for (const request of manifests) assert.match(request, /^HEAD \/v2\/ratelimitpreview\/test\/manifests\/latest/);
    for (const sent of hub.authorizations) assert.ok(sent === null || sent.startsWith('Bearer '), sent ?? '');
  });

  describe('guarded', () => {
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
      const made = await engine({ allow: () => [] });
      const hosts = [
        '127.0.0.1',
        '127.1',
        '0x7f.1',
        '0177.0.0.1',
        '2130706433',
        '[::1]',
        '[::ffff:7f00:1]',
        'localhost',
      ];
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
      const made = await engine({ allow: () => [] });
      const document = await investigated(made, `localhost:${server.port}/team/app:1`);
      assert.equal(document.verdict, 'healthy', document.summary);
    });

    it('refuses by the address that a name leads to, and says how to allow it', async () => {
      const server = await forbidden();
      let allow: readonly string[] = [];
      const made = await engine({ zone: { 'evil.test': ['127.0.0.1'] }, allow: () => allow });
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
      const made = await engine({ zone: { 'evil.test': ['169.254.169.254'] }, runtime: runtime.endpoint });
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
      const made = await engine({ nameserver: dns.port, allow: () => [] });
      for (let turn = 0; turn < 3; turn++) {
        await investigated(made, `rebind.test:${server.port}/team/app:1`, { guarded: true });
      }
      assert.ok(asked > 2);
      assert.deepEqual(server.requests, []);
    });

    it('goes on with the other addresses of a name', async () => {
      const registry = await stage.registry();
      const made = await engine({
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
        const made = await engine({ zone: { 'evil.test': ['127.0.0.1'] }, ...only(registry.port) });
        const document = await investigated(made, `registry.test:${registry.port}/team/app:1`, { guarded: true });
        assert.deepEqual(server.requests, []);
        assert.equal(document.verdict, 'inconclusive', document.summary);
        assert.ok(
          document.probes.some(
            ({ status, error }) => status === 'skipped' && /allowTargets/.test(error?.message ?? ''),
          ),
        );
        // The same registry is followed where nobody asked from outside.
        const free = await investigated(made, `registry.test:${registry.port}/team/app:1`);
        assert.ok(server.requests.length > 0, free.summary);
      });

      it(`fetches no token at ${what}`, async () => {
        const server = await forbidden();
        const realm = `${locationOf(server.port)}/token`;
        const registry = await stage.registry({ token: { users: { app: 'password' }, realm } });
        const made = await engine({ zone: { 'evil.test': ['127.0.0.1'] }, ...only(registry.port) });
        const credentials = { username: 'app', password: new Secret('password') };
        const image = `registry.test:${registry.port}/team/app:1`;
        const document = await investigated(made, image, { guarded: true, credentials });
        assert.deepEqual(server.requests, []);
        assert.equal(document.verdict, 'inconclusive', document.summary);
      });
    }

    it('does not have a proxy go there either', async () => {
      const registry = await stage.registry();
      const proxy = await stage.proxy(() => ({ kind: 'tunnel', port: registry.port }));
      await stage.file(
        'etc/systemd/system/containerd.service',
        `[Service]\nExecStart=/usr/bin/containerd\nEnvironment=HTTPS_PROXY=http://proxy.test:${proxy.port} HTTP_PROXY=http://proxy.test:${proxy.port}\n`,
      );
      registry.override = (_method, path) =>
        path.includes('/blobs/') ? { status: 307, headers: { location: 'http://169.254.169.254/latest/' } } : null;
      const made = await engine({ allow: () => [] });
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
      const made = await engine({ zone: { 'registry.test': { rcode: 3 } }, allow: () => [] });
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
      const made = await engine({ allow: () => ['http://x', '127.0.0.1'] });
      for (let turn = 0; turn < 2; turn++) await made.probe({ probe: 'dns', target: 'registry.test:5000' }, never);
      assert.equal(logged.filter((line) => line.includes('allowTargets')).length, 1);
    });
  });
});

function layerOf({ layer }: Investigation): Layer {
  return layer ?? 'blob';
}

/** Just enough for a look again. */
function documentOf(layer: Layer): Investigation {
  const base: Pick<Investigation, 'id' | 'startedAt' | 'durationMs' | 'verdict' | 'layer' | 'summary'> = {
    id: 'i',
    startedAt: '2026-11-22T10:00:00.000Z',
    durationMs: 1,
    verdict: 'faulty',
    layer,
    summary: '',
  };
  return { ...investigationOf('registry.test:1/a/b:1', {}), ...base };
}

function decoded(authorization: string): string {
  return Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString();
}

function authOf(port: number, user: string, password: string): string {
  const auth = Buffer.from(`${user}:${password}`).toString('base64');
  return JSON.stringify({ auths: { [`registry.test:${port}`]: { auth } } });
}
