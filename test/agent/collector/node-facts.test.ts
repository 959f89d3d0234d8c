import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { collectorProblems } from '../../../src/agent/collector/collector-problems.ts';
import { openNodeFacts } from '../../../src/agent/collector/node-facts.ts';
import { askNode, attributesOfNode } from '../../../src/agent/collector/node-labels.ts';
import { registryFiles } from '../../../src/agent/collector/registry-files.ts';
import { openPlanner } from '../../../src/agent/engine/planner.ts';
import { systemEnv } from '../../../src/lib/env.ts';
import { hostFiles } from '../../../src/node/host-files.ts';
import { clusterAccess } from '../../../src/wire/kube-access.ts';
import { registryRow } from '../../kit/agent-health.ts';
import { makePki } from '../../kit/certificates.ts';
import { sendJson, sendStatus, startApiServer } from '../../kit/fake-api-server.ts';

describe('agent: what a node is', () => {
  const pki = makePki();
  const folder = mkdtempSync(`${tmpdir()}/pullwhy-facts-`);
  after(() => rmSync(folder, { recursive: true, force: true }));
  let serial = 0;

  function makeNode(files: Readonly<Record<string, string>>) {
    const root = `${folder}/${serial++}`;
    const write = (path: string, text: string): void => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    };
    for (const [path, text] of Object.entries(files)) write(path, text);
    return { root, write };
  }
  const files = {
    'etc/resolv.conf': 'nameserver 10.0.0.53\nnameserver 10.0.0.54\nsearch corp.example\n',
    'etc/os-release': 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n',
    'etc/ssl/certs/ca-certificates.crt': pki.root.pem + pki.strangeRoot.pem,
    'etc/containerd/config.toml':
      'version = 3\n[plugins."io.containerd.cri.v1.images".registry]\n  config_path = "/etc/mirrors"\n',
    'etc/mirrors/docker.io/hosts.toml':
      'server = "https://docker.io"\n[host."https://mirror.example"]\n  capabilities = ["pull"]\n',
    'etc/systemd/system/containerd.service': '[Service]\nExecStart=/usr/bin/containerd\n',
    'etc/systemd/system/containerd.service.d/proxy.conf':
      '[Service]\nEnvironment=HTTPS_PROXY=http://app:sesame@proxy.example:3128 NO_PROXY=.corp.example,10.0.0.0/8\n',
  };

  const factsOf = (root: string, more: Partial<Parameters<typeof openNodeFacts>[0]> = {}) => {
    const planner = openPlanner({
      env: systemEnv,
      hostRoot: root,
      runtimeEndpoint: null,
      variables: {},
      nameservers: [],
    });
    return openNodeFacts({
      now: systemEnv.now,
      hostRoot: root,
      version: '0.1.0',
      readNode: planner.node,
      registries: () => [],
      ofCluster: () => ({}),
      labels: [],
      ...more,
    });
  };

  it('are its resolver, its proxies, its trust and its files, without a secret', async () => {
    const { root } = makeNode(files);
    const rateLimit = { limit: 100, remaining: 3, windowSeconds: 60, source: '192.0.2.7' };
    const facts = await factsOf(root, {
      registries: () => [registryRow('docker.io', { rateLimit }), registryRow('quay.io')],
      ofCluster: () => ({ zone: ['eu-1b'], region: ['eu-1'] }),
      labels: ['zone=eu-1a', 'rack=r17', 'nonsense'],
    })();
    assert.ok(facts !== null);
    const { attributes, authorities } = facts;
    assert.deepEqual(attributes.nameserver, ['10.0.0.53', '10.0.0.54']);
    assert.deepEqual(attributes['search-domain'], ['corp.example']);
    assert.deepEqual(attributes.proxy, ['https http://proxy.example:3128']);
    assert.deepEqual(attributes['no-proxy'], ['.corp.example', '10.0.0.0/8']);
    assert.deepEqual([attributes.zone, attributes.region, attributes.rack], [['eu-1a'], ['eu-1'], ['r17']]);
    assert.deepEqual(attributes['egress-address'], ['192.0.2.7']);
    assert.match(String(attributes['trust-store']), /^2 authorities [0-9a-f]{12}$/);
    assert.deepEqual(
      authorities.map((name) => name.replace(/ [0-9a-f]{16}$/, '')),
      ['Pullwhy Test Root', 'Strange Root'],
    );
    assert.deepEqual(
      attributes['registry-configuration']?.map((entry) => entry.split(' ')[0]),
      ['etc/containerd/config.toml', 'etc/mirrors/docker.io/hosts.toml'],
    );
    assert.equal(JSON.stringify(facts).includes('sesame'), false);
  });

  it('are the same for the same node, and others when something of it changes', async () => {
    const { root, write } = makeNode(files);
    const gather = factsOf(root);
    const first = await gather();
    assert.deepEqual(await gather(), first);
    assert.deepEqual((await factsOf(makeNode(files).root)())?.attributes, first?.attributes);
    // Order and files of a trust store do not count.
    const turned = {
      ...files,
      'etc/ssl/certs/ca-certificates.crt': pki.strangeRoot.pem,
      'etc/ssl/certs/own.pem': pki.root.pem,
    };
    assert.deepEqual(
      (await factsOf(makeNode(turned).root)())?.attributes['trust-store'],
      first?.attributes['trust-store'],
    );
    await new Promise((resolve) => setTimeout(resolve, 60));
    write('etc/mirrors/docker.io/hosts.toml', 'server = "https://docker.io"\n');
    const second = await gather();
    assert.notDeepEqual(second?.attributes['registry-configuration'], first?.attributes['registry-configuration']);
    write('etc/resolv.conf', 'nameserver 10.0.0.99\n');
    assert.deepEqual((await gather())?.attributes.nameserver, ['10.0.0.99']);
  });

  const digests = async (name: string, text: string, of: Partial<Parameters<typeof registryFiles>[1]> = {}) => {
    const { root } = makeNode({ [name]: text });
    const entries = await registryFiles(hostFiles(root), {
      runtime: 'containerd',
      version: null,
      configFile: null,
      ...of,
    });
    return entries.find((entry) => entry.startsWith(name));
  };

  it('has digests that no secret can be guessed by, and that comments do not change', async () => {
    const hosts = (secret: string, more = '') =>
      `server = "https://reg.example"\n[host."https://user:${secret}@reg.example".header]\n  authorization = "Basic ${secret}"\n${more}`;
    const name = 'etc/containerd/certs.d/reg.example/hosts.toml';
    const first = await digests(name, hosts('aaaaaaaaaaaa'));
    assert.match(first ?? '', / [0-9a-f]{12}$/);
    assert.equal(await digests(name, `# a comment\n\n${hosts('bbbbbbbbbbbb')}`), first);
    assert.notEqual(await digests(name, hosts('aaaaaaaaaaaa', '[host."https://other.example"]\n')), first);
    const auth = (password: string) =>
      `version = 2\n[plugins."io.containerd.grpc.v1.cri".registry.configs."reg.example".auth]\n  username = "app"\n  password = "${password}"\n`;
    const config = 'etc/containerd/config.toml';
    assert.equal(await digests(config, auth('one')), await digests(config, auth('two')));
    assert.match((await digests(config, '= broken')) ?? '', / broken$/);
  });

  it('reads the files of CRI-O and of docker', async () => {
    const { root } = makeNode({
      'etc/containers/registries.conf': 'unqualified-search-registries = ["quay.io"]\n',
      'etc/containers/registries.conf.d/10-mirror.conf': '[[registry]]\nlocation = "docker.io"\n',
      'etc/containers/policy.json': '{"default":[{"type":"reject"}]}',
      'etc/containers/certs.d/reg.example/ca.crt': pki.root.pem,
      'etc/containers/certs.d/reg.example/client.key': pki.leaf.keyPem,
      'etc/docker/daemon.json': '{"registry-mirrors":["https://m.example"]}',
    });
    const names = async (runtime: 'cri-o' | 'docker') =>
      (await registryFiles(hostFiles(root), { runtime, version: null, configFile: null })).map(
        (entry) => entry.split(' ')[0],
      );
    assert.deepEqual(await names('cri-o'), [
      'etc/containers/certs.d/reg.example/ca.crt',
      'etc/containers/policy.json',
      'etc/containers/registries.conf',
      'etc/containers/registries.conf.d/10-mirror.conf',
    ]);
    assert.deepEqual(await names('docker'), ['etc/docker/daemon.json']);
  });

  it('stays bounded on a node with many files', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 400 }, (_, index) => [
        `etc/containerd/certs.d/r${index}.example/hosts.toml`,
        `server = "https://${index}"\n`,
      ]),
    );
    const { root } = makeNode(many);
    const entries = await registryFiles(hostFiles(root), { runtime: 'containerd', version: null, configFile: null });
    assert.equal(entries.length, 200);
    assert.match(entries.at(-1) ?? '', /^201 more files [0-9a-f]{12}$/);
  });

  it('takes zone, region, pool, type and the version of the kubelet from the node object', () => {
    const labels = {
      'topology.kubernetes.io/zone': 'eu-1a',
      'failure-domain.beta.kubernetes.io/zone': 'old',
      'topology.kubernetes.io/region': 'eu-1',
      'eks.amazonaws.com/nodegroup': 'workers',
      'beta.kubernetes.io/instance-type': 'm5.large',
    };
    const node = { metadata: { labels }, status: { nodeInfo: { kubeletVersion: 'v1.36.2' } } };
    assert.deepEqual(attributesOfNode(node), {
      zone: ['eu-1a'],
      region: ['eu-1'],
      'node-pool': ['workers'],
      'instance-type': ['m5.large'],
      'kubelet-version': ['v1.36.2'],
    });
    for (const none of [null, {}, { metadata: null }, { metadata: { labels: { 'topology.kubernetes.io/zone': 3 } } }])
      assert.deepEqual(attributesOfNode(none), {});
  });

  it('asks the API server for its own node, and says which right it lacks', async () => {
    const server = await startApiServer();
    try {
      writeFileSync(`${folder}/token`, 'agent-token');
      writeFileSync(`${folder}/ca`, server.pki.root.pem);
      const access = clusterAccess({
        host: '127.0.0.1',
        port: server.port,
        tokenFile: `${folder}/token`,
        caFile: `${folder}/ca`,
      });
      const needs = { env: systemEnv, node: 'node 1', enabled: 'on', variables: {}, access } as const;
      const paths: string[] = [];
      server.answer = (request, response) => {
        paths.push(request.path);
        sendJson(response, 200, { metadata: { labels: { 'topology.kubernetes.io/zone': 'eu-1a' } } });
      };
      const asked = await askNode(needs, AbortSignal.timeout(5000));
      assert.deepEqual(asked.ok ? asked.value : asked.error, { zone: ['eu-1a'] });
      assert.deepEqual(paths, ['/api/v1/nodes/node%201']);
      server.answer = (_, response) => sendStatus(response, 403, 'Forbidden', 'nodes "node 1" is forbidden');
      const refused = await askNode(needs, AbortSignal.timeout(5000));
      assert.match(refused.ok ? '' : refused.error, /service account get nodes/);
    } finally {
      await server.close();
    }
  });

  it('says which settings of reporting cannot be', () => {
    const none = {
      url: null,
      tokenFile: null,
      caFile: null,
      certFile: null,
      keyFile: null,
      spool: { maxBytes: '64MiB', maxAge: '7d' },
    };
    const url = 'https://collector.test:9450';
    const problems = (collector: object, labels: string[] = []): string[] => {
      const said: string[] = [];
      const settings = { collector: { ...none, ...collector }, node: { name: null, hostRoot: '/', labels } };
      collectorProblems(settings, (setting) => void said.push(setting));
      return said;
    };
    assert.deepEqual(problems({}), []);
    assert.deepEqual(
      problems({ url, tokenFile: 't', caFile: 'c', certFile: 'x', keyFile: 'k' }, ['zone=a', 'node-pool=b c']),
      [],
    );
    assert.deepEqual(problems({ url: 'http://127.0.0.1:9450' }), []);
    assert.deepEqual(problems({ url: 'http://collector.test:9450' }), ['collector.url']);
    assert.deepEqual(problems({ url: 'collector.test:9450' }), ['collector.url']);
    assert.deepEqual(problems({ url, certFile: 'x' }), ['collector.certFile']);
    assert.deepEqual(problems({ url, keyFile: 'x' }), ['collector.keyFile']);
    assert.deepEqual(problems({ tokenFile: 't' }), ['collector.tokenFile']);
    assert.deepEqual(problems({ url, spool: { maxBytes: '1kB', maxAge: '7d' } }), ['collector.spool.maxBytes']);
    assert.deepEqual(problems({}, ['zone', '=a', 'Zone=a', 'zone=']), [
      'node.labels',
      'node.labels',
      'node.labels',
      'node.labels',
    ]);
  });
});
