import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { hostFiles } from '../../src/node/host-files.ts';
import { chooseSocket, type DiscoveryOptions, discoverRuntime } from '../../src/node/runtime-discovery.ts';
import { parseRuntimeEndpoint } from '../../src/node/runtime-endpoint.ts';

describe('the runtime endpoint', () => {
  it('is an absolute Unix socket', () => {
    assert.deepEqual(parseRuntimeEndpoint('unix:///run/crio/crio.sock', '-r'), {
      ok: true,
      value: '/run/crio/crio.sock',
    });
  });

  for (const [value, fix] of [
    ['/run/crio/crio.sock', 'unix:///run/crio/crio.sock'],
    ['unix://run/crio/crio.sock', 'unix:///run/crio/crio.sock'],
    ['unix:run/crio.sock', 'unix:///run/crio.sock'],
    ['unix:/run/crio.sock', 'unix:///run/crio.sock'],
    ['run/crio.sock', 'unix:///'],
    ['tcp://127.0.0.1:1234', 'unix:///'],
    ['UNIX:///run/crio.sock', 'lower case'],
    ['npipe:////./pipe/containerd', 'unix:///'],
    ['unix:///', 'names no socket'],
    [' unix:///run/a.sock', 'unix:///run/a.sock'],
    ['', 'unix:///'],
    [`unix:///${'a'.repeat(120)}`, '107 bytes'],
  ] as const) {
    it(`is refused with the fix: ${JSON.stringify(value).slice(0, 40)}`, () => {
      const result = parseRuntimeEndpoint(value, '-r');
      assert.ok(!result.ok);
      assert.equal(result.error.given, '-r');
      assert.ok(result.error.message.includes(fix), result.error.message);
    });
  }
});

describe('runtime discovery', () => {
  let root: string;
  let servers: Server[];

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'pw-'));
    servers = [];
  });

  afterEach(async () => {
    for (const server of servers) await new Promise((done) => server.close(done));
    await rm(root, { recursive: true, force: true });
  });

  async function listen(path: string): Promise<Server> {
    await mkdir(dirname(join(root, path)), { recursive: true });
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((done) => server.listen(join(root, path), done));
    servers.push(server);
    return server;
  }

  async function file(path: string, text = ''): Promise<void> {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }

  async function discover(options: Partial<DiscoveryOptions> = {}) {
    const result = await discoverRuntime(hostFiles(root), { endpoint: null, runtime: null, env: {}, ...options });
    assert.ok(result.ok);
    return result.value;
  }

  it('finds the socket below the host root and says where it lies on this machine', async () => {
    await listen('run/crio/crio.sock');
    const choice = await discover();
    assert.equal(choice.name, 'cri-o');
    assert.equal(choice.endpoint, `unix://${root}/run/crio/crio.sock`);
    assert.equal(choice.socketPath, '/run/crio/crio.sock');
    assert.equal(choice.how, 'socket');
    assert.equal(choice.configFile, '/etc/crio/crio.conf');
    assert.deepEqual(
      choice.candidates.map((candidate) => candidate.state),
      ['absent', 'listening', 'absent', 'absent'],
    );
  });

  it("keeps crictl's order, k3s's socket last", async () => {
    await listen('run/k3s/containerd/containerd.sock');
    await listen('run/crio/crio.sock');
    await listen('run/containerd/containerd.sock');
    const choice = await discover();
    assert.equal(choice.socketPath, '/run/containerd/containerd.sock');
    assert.deepEqual(
      choice.candidates.map((candidate) => candidate.name),
      ['containerd', 'cri-o', 'cri-dockerd', 'containerd'],
    );
    const moved = await chooseSocket(hostFiles(root), choice, choice.candidates[3] ?? assert.fail());
    assert.equal(moved.socketPath, '/run/k3s/containerd/containerd.sock');
    assert.equal(moved.configFile, '/var/lib/rancher/k3s/agent/etc/containerd/config.toml');
  });

  it('passes over a socket that nobody listens at, and says so', async () => {
    // A listener that is gone without unlinking leaves a dead socket, as a killed runtime does.
    await listen('run/gone.sock');
    await mkdir(join(root, 'run/containerd'), { recursive: true });
    await rename(join(root, 'run/gone.sock'), join(root, 'run/containerd/containerd.sock'));
    await new Promise((done) => servers.pop()?.close(done));
    await listen('run/crio/crio.sock');
    const choice = await discover();
    assert.equal(choice.name, 'cri-o');
    assert.equal(choice.candidates[0]?.state, 'refused');
    assert.match(choice.reason, /containerd\.sock is there, but nothing listens/);
  });

  it('chooses a dead socket when there is no other: the runtime is there and unreachable', async () => {
    await listen('run/gone.sock');
    await mkdir(join(root, 'run/containerd'), { recursive: true });
    await rename(join(root, 'run/gone.sock'), join(root, 'run/containerd/containerd.sock'));
    await new Promise((done) => servers.pop()?.close(done));
    const choice = await discover();
    assert.equal(choice.name, 'containerd');
    assert.equal(choice.how, 'socket');
    assert.notEqual(choice.endpoint, null);
    assert.equal((await discover({ runtime: 'cri-o' })).name, 'cri-o');
  });

  it('takes no plain file for a socket', async () => {
    await file('run/containerd/containerd.sock');
    const choice = await discover();
    assert.equal(choice.candidates[0]?.state, 'not-a-socket');
    assert.equal(choice.how, 'none');
    assert.equal(choice.name, null);
    assert.equal(choice.configFile, null);
  });

  it('follows /var/run, an absolute link, below the root', async () => {
    await listen('run/cri-dockerd.sock');
    await mkdir(join(root, 'var'));
    await symlink('/run', join(root, 'var/run'));
    const choice = await discover();
    assert.equal(choice.name, 'cri-dockerd');
    assert.equal(choice.socketPath, '/var/run/cri-dockerd.sock');
    assert.equal(choice.endpoint, `unix://${root}/run/cri-dockerd.sock`);
  });

  it('takes -r as a path of this process, before anything that is found', async () => {
    await listen('run/containerd/containerd.sock');
    const choice = await discover({
      endpoint: 'unix:///var/run/crio/crio.sock',
      env: { PULLWHY_RUNTIME_ENDPOINT: 'nonsense' },
    });
    assert.equal(choice.endpoint, 'unix:///var/run/crio/crio.sock');
    assert.equal(choice.how, 'given');
    assert.equal(choice.name, 'cri-o');
  });

  it('takes the environment after -r, an empty value as none', async () => {
    const choice = await discover({ env: { PULLWHY_RUNTIME_ENDPOINT: 'unix:///tmp/x.sock' }, runtime: 'containerd' });
    assert.equal(choice.how, 'environment');
    assert.equal(choice.name, 'containerd');
    assert.equal((await discover({ env: { PULLWHY_RUNTIME_ENDPOINT: '' } })).how, 'none');
  });

  it('fails on a malformed endpoint and names where it was given', async () => {
    const result = await discoverRuntime(hostFiles(root), {
      endpoint: null,
      runtime: null,
      env: { PULLWHY_RUNTIME_ENDPOINT: 'run/x.sock' },
    });
    assert.ok(!result.ok);
    assert.match(result.error.message, /^PULLWHY_RUNTIME_ENDPOINT /);
  });

  for (const [files, name, how] of [
    [['etc/containerd/config.toml'], 'containerd', 'files'],
    [['etc/crio/crio.conf'], 'cri-o', 'files'],
    [['etc/containers/registries.conf'], 'cri-o', 'files'],
    [['etc/containers/policy.json', 'etc/containerd/config.toml'], 'containerd', 'files'],
    [['var/lib/rancher/k3s/agent/etc/containerd/config.toml'], 'containerd', 'files'],
    [['etc/rancher/k3s/registries.yaml'], 'containerd', 'files'],
    [[], null, 'none'],
  ] as const) {
    it(`without a socket reads the files: ${files.join(', ') || 'none'}`, async () => {
      for (const path of files) await file(path);
      const choice = await discover();
      assert.equal(choice.name, name);
      assert.equal(choice.how, how);
      assert.equal(choice.endpoint, null);
    });
  }

  it("believes the kubelet's own setting before folders", async () => {
    await file('etc/containerd/config.toml');
    await file(
      'var/lib/kubelet/kubeadm-flags.env',
      'KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=unix:///var/run/crio/crio.sock --x=y"\n',
    );
    assert.equal((await discover()).name, 'cri-o');
    assert.equal((await discover({ runtime: 'containerd' })).name, 'containerd');
  });
});
