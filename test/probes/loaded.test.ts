import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { openContext } from '../../src/engine/context.ts';
import { planPull } from '../../src/engine/plan.ts';
import { systemEnv } from '../../src/lib/env.ts';
import { loadedProbe } from '../../src/probes/loaded.ts';
import { grpcCodes } from '../kit/fake-cri.ts';
import { useServers } from './servers.ts';

const image = 'registry.test/team/app:1.0';
const configured =
  'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\nconfig_path = "/etc/containerd/certs.d"\n';
const hosts = '[host."https://mirror.test"]\n';

/** What containerd 1.7 tells in its verbose status, with a password among it. */
const status = (registry: object) => ({
  answer: {
    status: { conditions: [{ type: 'RuntimeReady', status: true }] },
    info: {
      config: JSON.stringify({
        registry: { mirrors: null, headers: null, auths: null, configs: null, configPath: '', ...registry },
        sandboxImage: 'registry.k8s.io/pause:3.8',
      }),
    },
  },
});

describe('probes: loaded', () => {
  const servers = useServers();
  let root = '';
  const put = async (path: string, text: string): Promise<void> => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'pullwhy-loaded-'));
    await put('etc/containerd/config.toml', configured);
    await put('etc/containerd/certs.d/registry.test/hosts.toml', hosts);
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  /** Process 55 of the node holds the socket, started 2023-11-14 22:13:20 UTC. */
  const listening = async (socket: string): Promise<void> => {
    await put('proc/1/net/unix', `Num RefCount\nffff1: 00000002 00000000 00010000 0001 01 901 ${socket}\n`);
    await put('proc/55/comm', 'containerd\n');
    await put('proc/55/environ', 'PATH=/bin\0');
    await put('proc/55/cgroup', '0::/system.slice/containerd.service\n');
    await put(`proc/55/stat`, `55 (containerd) S 1 ${Array.from({ length: 17 }, () => '0').join(' ')} 0 0 0\n`);
    await put('proc/stat', 'btime 1700000000\n');
    await mkdir(join(root, 'proc/55/fd'), { recursive: true });
    await symlink('socket:[901]', join(root, 'proc/55/fd/7'));
  };

  const look = async (endpoint: string) => {
    const plan = await planPull(
      {
        image,
        runtimeEndpoint: endpoint,
        runtime: null,
        runtimeVersion: null,
        pullPolicy: null,
        platform: null,
        nameservers: [{ address: '127.0.0.1', port: 53 }],
        hostRoot: root,
        proxyEnvFile: null,
        authFile: null,
      },
      {
        env: systemEnv,
        variables: {},
        arch: 'x64',
        platform: 'linux',
        machine: 'x86_64',
        signal: AbortSignal.timeout(5000),
      },
    );
    if (!plan.ok) throw new Error(plan.error.message);
    const { context, close } = openContext(plan.value, systemEnv, 1000);
    try {
      const input = { key: 'loaded', target: '', hop: 'runtime', endpoint: null, counterfactual: false } as const;
      const whole = { ...context, patience: (ms: number) => ms, probeId: 'p1' };
      const available = loadedProbe.available?.(context) ?? true;
      return { available, outcome: await loadedProbe.run(input, whole, AbortSignal.timeout(5000)) };
    } finally {
      await close();
    }
  };

  it('compares the settings that containerd tells with those of the files, and where they lead', async () => {
    const password = 'pw-loaded-Ht3';
    const registry = { configs: { 'registry.test': { auth: { username: 'app', password }, tls: null } } };
    const cri = await servers.cri({ Status: () => status(registry) });
    await listening(cri.path);
    const { outcome } = await look(cri.endpoint);
    assert.ok(outcome.status === 'ok');
    const { facts } = outcome;
    assert.deepEqual([facts.pid, facts.startedAt, facts.unit], [55, '2023-11-14T22:13:20.000Z', 'containerd']);
    assert.deepEqual(facts.endpoints, ['https://registry.test/v2']);
    assert.deepEqual(
      facts.settings?.filter(({ name }) => name.startsWith('registry.')).map(({ name, source }) => [name, source]),
      [
        ['registry.config_path', 'etc/containerd/config.toml:3'],
        ['registry.configs."registry.test".auth', 'default'],
      ],
    );
    assert.doesNotMatch(JSON.stringify(outcome), new RegExp(password));
    const config = facts.files.find(({ of }) => of === 'settings');
    assert.deepEqual([config?.path, config?.afterStart, config?.seen], ['etc/containerd/config.toml', true, 'unknown']);
  });

  it('finds that it goes by the files where it has loaded what they say', async () => {
    const cri = await servers.cri({ Status: () => status({ configPath: '/etc/containerd/certs.d' }) });
    await listening(cri.path);
    const { outcome } = await look(cri.endpoint);
    assert.ok(outcome.status === 'ok');
    assert.equal(outcome.facts.endpoints, null);
    assert.deepEqual(
      outcome.facts.settings?.filter(({ name }) => name.startsWith('registry.')),
      [],
    );
  });

  it('knows nothing of the settings of a runtime that does not tell them', async () => {
    for (const answer of [
      { answer: { info: { config: '{"enableCDI":true}' } } },
      { code: grpcCodes.unknown, message: 'no' },
    ]) {
      const cri = await servers.cri({ Status: () => answer });
      await listening(cri.path);
      const { outcome } = await look(cri.endpoint);
      assert.ok(outcome.status === 'ok');
      assert.deepEqual([outcome.facts.settings, outcome.facts.endpoints], [null, null]);
      await rm(join(root, 'proc'), { recursive: true });
    }
  });

  it('is not there where the process is not to be seen', async () => {
    const cri = await servers.cri();
    const { available, outcome } = await look(cri.endpoint);
    assert.equal(available, false);
    assert.equal(outcome.status, 'skipped');
  });
});
