import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { systemEnv } from '../../src/lib/env.ts';
import { openCri } from '../../src/wire/cri.ts';

const options = { env: systemEnv, connectTimeoutMs: 3000, callTimeoutMs: 5000 };
const never = new AbortController().signal;

/** Why a containerd of our own cannot be started here, or null. */
function missing(): string | null {
  if (process.getuid?.() !== 0) return 'not root';
  try {
    execFileSync('containerd', ['--version'], { stdio: 'ignore' });
    return null;
  } catch {
    return 'containerd is not installed';
  }
}

/** containerd with folders of its own, started with `config` and ended by its id. */
async function startContainerd(folder: string, config: string): Promise<{ child: ChildProcess; endpoint: string }> {
  const address = join(folder, 'c.sock');
  await writeFile(join(folder, 'config.toml'), config);
  const args = ['--config', join(folder, 'config.toml'), '--root', join(folder, 'root')];
  args.push('--state', join(folder, 'state'), '--address', address);
  const child = spawn('containerd', args, { stdio: 'ignore' });
  const endpoint = `unix://${address}`;
  for (let tries = 0; tries < 100; tries++) {
    const opened = await openCri(endpoint, { ...options, connectTimeoutMs: 500 });
    if (opened.ok) opened.value.close();
    if (opened.ok || opened.error.kind === 'not-served') return { child, endpoint };
    await setTimeout(100);
  }
  child.kill('SIGKILL');
  throw new Error('containerd does not start');
}

describe('CRI client: a real containerd', function () {
  this.timeout(60_000);
  let folder = '';
  let child: ChildProcess | undefined;

  before(function () {
    const why = missing();
    if (why === null) return;
    console.log(`    skipped: ${why}`);
    this.skip();
  });

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pullwhy-ctrd-'));
  });

  afterEach(async () => {
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((done) => child?.once('exit', done));
      child.kill('SIGTERM');
      await ended;
    }
    await rm(folder, { recursive: true, force: true });
  });

  it('answers every question', async () => {
    const config = `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  disable_tcp_service = true
  stream_server_port = "0"
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "native"
[plugins."io.containerd.grpc.v1.cri".registry.configs."reg.example".auth]
  username = "app"
  password = "hunter2"
`;
    const started = await startContainerd(folder, config);
    child = started.child;
    const opened = await openCri(started.endpoint, options);
    assert.ok(opened.ok);
    const cri = opened.value;
    try {
      const version = await cri.version(never);
      assert.ok(version.ok);
      assert.equal(version.value.runtimeName, 'containerd');
      assert.match(version.value.runtimeVersion, /\d+\.\d+/);

      const status = await cri.status(never);
      assert.ok(status.ok);
      assert.deepEqual(
        status.value.conditions.filter((condition) => condition.type === 'RuntimeReady').map(({ status }) => status),
        [true],
      );
      assert.match(JSON.stringify(status.value.info), /snapshotter/);
      assert.doesNotMatch(JSON.stringify(status.value.info), /hunter2/);

      const images = await cri.listImages(never);
      assert.deepEqual(images, { ok: true, value: [] });
      const absent = await cri.imageStatus('reg.example/none:1', never);
      assert.ok(absent.ok && !absent.value.present);
      const usage = await cri.imageFsInfo(never);
      assert.ok(usage.ok, JSON.stringify(usage));

      // A registry that has nothing.
      const registry = createServer((_request, response) => response.writeHead(404).end());
      await new Promise<void>((done) => registry.listen(0, '127.0.0.1', done));
      const address = registry.address();
      assert.ok(typeof address === 'object' && address !== null);
      const pulled = await cri.pullImage(`127.0.0.1:${address.port}/team/none:1`, {
        signal: never,
        deadlineMs: 20_000,
      });
      registry.closeAllConnections();
      await new Promise((done) => registry.close(done));
      assert.ok(!pulled.ok);
      assert.deepEqual([pulled.error.kind, pulled.error.code], ['rpc', 'NotFound']);
      assert.match(pulled.error.message, /failed to pull and unpack image/);
    } finally {
      cri.close();
    }
  });

  it('says so when its CRI plugin is disabled', async () => {
    const started = await startContainerd(folder, 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n');
    child = started.child;
    const opened = await openCri(started.endpoint, options);
    assert.ok(!opened.ok);
    assert.equal(opened.error.kind, 'not-served');
    assert.match(opened.error.message, /unknown service runtime\.v1\.RuntimeService/);
  });
});
