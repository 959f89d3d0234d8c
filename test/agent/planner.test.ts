import assert from 'node:assert/strict';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { openPlanner, type Planner } from '../../src/agent/engine/planner.ts';
import type { PullPlan } from '../../src/engine/plan.ts';
import { type Env, systemEnv } from '../../src/lib/env.ts';
import { limits } from '../../src/lib/limits.ts';
import { openStage, type Stage, stageCertificate, stagePki } from '../kit/diagnose-stage.ts';
import { grpcCodes, startFakeCri } from '../kit/fake-cri.ts';

const image = 'registry.test:5000/team/app:1';
const section = '[plugins."io.containerd.grpc.v1.cri".registry]';

describe('agent: planner', () => {
  let stage: Stage;
  let ahead = 0;
  const env: Env = { ...systemEnv, monotonic: () => systemEnv.monotonic() + ahead };
  beforeEach(async () => {
    stage = await openStage();
    ahead = 0;
  });
  afterEach(() => stage.close());

  const root = (): string => join(stage.folder, 'root');
  const open = (endpoint: string | null = null): Planner =>
    openPlanner({ env, hostRoot: root(), runtimeEndpoint: endpoint, variables: {}, nameservers: [] });
  async function plan(planner: Planner, name = image): Promise<PullPlan> {
    const made = await planner.plan(name, { platform: 'linux/amd64' });
    assert.ok(made.ok);
    return made.value;
  }
  /** Files that were written a moment ago are read again: a plan that is kept needs older ones. */
  const settle = (): Promise<void> => wait(80);

  it('keeps what was read, and shares it between images', async () => {
    const planner = open();
    await settle();
    const first = await plan(planner);
    const again = await plan(planner);
    assert.equal(again.body, first.body);
    const other = await plan(planner, 'other.test/team/app:1');
    assert.notEqual(other.body, first.body);
    // What is read from a trust store is kept with its array.
    assert.equal(other.trust.pem, first.trust.pem);
    assert.equal(other.body.image.registry, 'other.test');
  });

  it('does not take another choice for the same plan', async () => {
    const planner = open();
    const of = async (choice: Parameters<Planner['plan']>[1]): Promise<string> => {
      const made = await planner.plan(image, choice);
      return made.ok ? `${made.value.body.platform.normalized} ${made.value.body.pullPolicy.policy}` : 'none';
    };
    await settle();
    assert.equal(await of({ platform: 'linux/arm64' }), 'linux/arm64 IfNotPresent');
    assert.equal(await of({ platform: 'linux/amd64' }), 'linux/amd64 IfNotPresent');
    assert.equal(await of({ platform: 'linux/amd64', pullPolicy: 'Always' }), 'linux/amd64 Always');
  });

  /** What becomes of the node, and what of the plan shows it. */
  const changes: Readonly<Record<string, readonly [() => Promise<void>, (made: PullPlan) => unknown]>> = {
    'a hosts.toml that appears': [
      () => stage.hosts('registry.test:5000', '[host."https://mirror.test"]\n'),
      ({ body }) => body.endpoints.map(({ url }) => url),
    ],
    'the folder of all hosts.toml that goes away': [
      () => rm(join(root(), 'etc/containerd/certs.d'), { recursive: true }),
      ({ body }) => body.endpoints.map(({ url }) => url),
    ],
    'a hosts.toml that is written over in place': [
      () => stage.hosts('_default', '[host."https://mirror3.test"]\n'),
      ({ body }) => body.endpoints.map(({ url }) => url),
    ],
    'a hosts.toml that is replaced by another of the same size': [
      async () => {
        const path = join(root(), 'etc/containerd/certs.d/_default/hosts.toml');
        await writeFile(`${path}.new`, '[host."https://mirror2.test"]\n');
        await rename(`${path}.new`, path);
      },
      ({ body }) => body.endpoints.map(({ url }) => url),
    ],
    "containerd's configuration": [
      () => stage.file('etc/containerd/config.toml', `version = 2\n${section}\n  config_path = "/etc/elsewhere"\n`),
      ({ body }) => body.endpoints.map(({ url }) => url),
    ],
    'a nameserver': [
      () => stage.file('etc/resolv.conf', 'nameserver 10.9.9.9\n'),
      ({ body }) => body.nameservers.map(({ address }) => address),
    ],
    'an address in the hosts file': [
      () => stage.file('etc/hosts', '127.0.0.1 localhost\n10.1.2.3 registry.test\n'),
      ({ resolver }) => resolver.lookup('registry.test'),
    ],
    'a file of the trust store': [
      () => stage.file('etc/ssl/certs/ca-certificates.crt', ''),
      ({ body }) => body.trustStore.certificates,
    ],
    'a link of the trust store that leads elsewhere': [
      async () => {
        await rm(join(root(), 'etc/ssl/certs/corp.pem'));
        await symlink('/usr/share/ca/two.pem', join(root(), 'etc/ssl/certs/corp.pem'));
      },
      ({ body }) => body.trustStore.certificates,
    ],
    'a link among the folders that leads elsewhere': [
      async () => {
        await rm(join(root(), 'etc/ssl/private-ca'));
        await symlink('/usr/share/ca-two', join(root(), 'etc/ssl/private-ca'));
      },
      ({ trust }) => trust.pem.length,
    ],
    'credentials of the node': [
      () => stage.file('var/lib/kubelet/config.json', '{"auths":{"registry.test:5000":{"auth":"YTpi"}}}'),
      ({ credentials }) => credentials.map(({ username }) => username),
    ],
    'a proxy in a drop-in': [
      () =>
        stage.file(
          'etc/systemd/system/containerd.service.d/proxy.conf',
          '[Service]\nEnvironment=HTTPS_PROXY=http://proxy.test:3128\n',
        ),
      ({ body }) => body.endpoints.map(({ proxy }) => proxy),
    ],
    'a setting of the kubelet': [
      () => stage.file('var/lib/kubelet/config.yaml', 'serializeImagePulls: false\n'),
      ({ body }) => body.kubelet.serializeImagePulls.value,
    ],
  };
  for (const [what, [change, shown]] of Object.entries(changes)) {
    it(`sees ${what} at the next plan`, async () => {
      await stage.hosts('_default', '[host."https://mirror1.test"]\n');
      await stage.file('etc/systemd/system/containerd.service', '[Service]\nExecStart=/usr/bin/containerd\n');
      await stage.file('usr/share/ca/two.pem', '');
      await stage.file('usr/share/ca/one.pem', stagePki.leaf.pem);
      await stage.file('usr/share/ca-one/ca.pem', stageCertificate({}).cert);
      await stage.file('usr/share/ca-two/ca.pem', '');
      await symlink('/usr/share/ca/one.pem', join(root(), 'etc/ssl/certs/corp.pem'));
      await symlink('/usr/share/ca-one', join(root(), 'etc/ssl/private-ca'));
      await symlink('/etc/ssl/private-ca/ca.pem', join(root(), 'etc/ssl/certs/linked.pem'));
      await settle();
      const planner = open();
      const before = await plan(planner);
      assert.equal((await plan(planner)).body, before.body, 'nothing is kept');
      await change();
      const after = await plan(planner);
      assert.notDeepEqual(shown(after), shown(before));
      // And it is the same that a planner without a past finds.
      assert.deepEqual(shown(after), shown(await plan(open())));
    });
  }

  it('sees two changes in one moment', async () => {
    const planner = open();
    await settle();
    await plan(planner);
    for (let turn = 0; turn < 20; turn++) {
      const name = `mirror${turn % 10}.test`;
      await stage.hosts('_default', `[host."https://${name}"]\n`);
      assert.equal((await plan(planner)).body.endpoints[0]?.url, `https://${name}/v2`);
    }
  });

  it('reads everything again after five minutes, and keeps what is as it was', async () => {
    let [version, asked] = ['1.7.24', 0];
    const runtime = await startFakeCri({
      Version: () => {
        asked++;
        const runtime_name = 'containerd';
        return { answer: { version: '0.1.0', runtime_name, runtime_version: version, runtime_api_version: 'v1' } };
      },
    });
    stage.defer(() => runtime.close());
    await stage.file('var/lib/kubelet/config.json', '{"auths":{"registry.test:5000":{"auth":"YTpi"}}}');
    const planner = open(runtime.endpoint);
    await settle();
    const first = await plan(planner);
    ahead = 299_000;
    assert.equal((await plan(planner)).body, first.body);
    const once = asked;
    ahead = 301_000;
    const later = await plan(planner);
    assert.equal(asked, 2 * once, 'it was not read again');
    assert.equal(later.body, first.body);
    // What is read from a trust store is kept with its array.
    assert.equal(later.trust.pem, first.trust.pem);
    assert.equal(later.credentials, first.credentials);
    // No file shows it.
    version = '2.1.9';
    ahead = 590_000;
    assert.equal((await plan(planner)).runtime.version, '1.7.24');
    ahead = 602_000;
    const changed = await plan(planner);
    assert.equal(asked, 3 * once);
    assert.equal(changed.runtime.version, '2.1.9');
    assert.notEqual(changed.body, first.body);
  });

  it('keeps so many plans and no more', async () => {
    const planner = open();
    await settle();
    const first = await plan(planner, 'r0.test/a:1');
    for (let index = 1; index <= limits.agentPlans; index++) await plan(planner, `r${index}.test/a:1`);
    assert.notEqual((await plan(planner, 'r0.test/a:1')).body, first.body);
  });

  it('asks a runtime once what it is, and again when its socket is another', async () => {
    const folder = join(root(), 'run/containerd');
    await mkdir(folder, { recursive: true });
    const runtime = await startFakeCri();
    stage.defer(() => runtime.close());
    const socket = join(folder, 'containerd.sock');
    await symlink(runtime.path, socket);
    await settle();
    const planner = open(`unix://${socket}`);
    const versions = (of: typeof runtime): number => of.calls.filter(({ method }) => method === 'Version').length;
    assert.equal((await plan(planner)).runtime.name, 'containerd');
    const asked = versions(runtime);
    for (let turn = 0; turn < 3; turn++) await plan(planner);
    assert.equal(versions(runtime), asked);
    const next = await startFakeCri();
    stage.defer(() => next.close());
    await rm(socket);
    await symlink(next.path, socket);
    await plan(planner);
    assert.equal(versions(next), asked);
    await settle();
    assert.equal((await plan(planner)).cri, null);

    const connected = await planner.withRuntime(await plan(planner), AbortSignal.timeout(2000));
    assert.ok(connected.cri?.ok);
    connected.cri.value.close();
  });

  it('asks a runtime that is silent again soon', async () => {
    let silent = true;
    const version = {
      version: '0.1.0',
      runtime_name: 'containerd',
      runtime_version: '1.7.24',
      runtime_api_version: 'v1',
    };
    const runtime = await startFakeCri({
      Version: () => (silent ? { code: grpcCodes.unavailable, message: 'it is starting' } : { answer: version }),
    });
    stage.defer(() => runtime.close());
    const planner = open(runtime.endpoint);
    await settle();
    const first = await plan(planner);
    assert.ok(first.silence !== null);
    assert.equal((await plan(planner)).body, first.body);
    silent = false;
    ahead = 9_000;
    assert.equal((await plan(planner)).body, first.body);
    ahead = 11_000;
    assert.equal((await plan(planner)).silence, null);
  });

  it('reads once for all who plan at the same time', async () => {
    const planner = open();
    const made = await Promise.all(['a.test/a:1', 'b.test/a:1', 'c.test/a:1'].map((name) => plan(planner, name)));
    assert.equal(new Set(made.map(({ trust }) => trust)).size, 1);
  });

  it('bounds what is read for each plan by itself', async () => {
    const planner = open();
    await settle();
    await stage.file('big', 'x'.repeat(1024 * 1024));
    for (let turn = 0; turn < 40; turn++) {
      const { host } = await plan(planner);
      assert.ok((await host.readText('/big')).ok, `turn ${turn}`);
    }
  });
});
