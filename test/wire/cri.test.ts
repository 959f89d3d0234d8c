import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { systemEnv } from '../../src/lib/env.ts';
import type { Result } from '../../src/lib/result.ts';
import { Secret } from '../../src/lib/secret.ts';
import { type CriClient, type CriFailure, openCri } from '../../src/wire/cri.ts';
import { type FakeCri, type FakeCriMethods, grpcCodes, startFakeCri } from '../kit/fake-cri.ts';

const quick = { env: systemEnv, connectTimeoutMs: 2000, callTimeoutMs: 2000 };
const never = new AbortController().signal;

function value<T>(result: Result<T, CriFailure>): T {
  if (!result.ok) assert.fail(`failed: ${JSON.stringify(result.error)}`);
  return result.value;
}

function error<T>(result: Result<T, CriFailure>): CriFailure {
  if (result.ok) assert.fail(`did not fail: ${JSON.stringify(result.value)}`);
  return result.error;
}

describe('CRI client: answers', () => {
  let fake: FakeCri | undefined;
  let client: CriClient | undefined;

  async function open(methods: FakeCriMethods, callTimeoutMs = 2000): Promise<CriClient> {
    fake = await startFakeCri(methods);
    client = value(await openCri(fake.endpoint, { ...quick, callTimeoutMs }));
    return client;
  }

  afterEach(async () => {
    client?.close();
    await fake?.close();
  });

  it('tells the version', async () => {
    const cri = await open({});
    assert.deepEqual(value(await cri.version(never)), {
      runtimeName: 'containerd',
      runtimeVersion: '1.7.24',
      runtimeApiVersion: 'v1',
    });
  });

  it('tells the conditions, and the verbose status without its secrets', async () => {
    const config = {
      registry: {
        configPath: '/etc/containerd/certs.d',
        configs: {
          'reg.example': { auth: { username: 'app', password: 'hunter2', auth: '', identitytoken: 'idtok' } },
        },
        auths: { 'https://old.example': { password: 'hunter3' } },
        headers: { Authorization: ['Basic aHVudGVyNA=='] },
        mirrors: { 'docker.io': { endpoint: ['https://user:hunter5@mirror.example'] } },
      },
      imagePullProgressTimeout: '5m0s',
      streamIdleTimeout: '4h0m0s',
    };
    const cri = await open({
      Status: (request) => {
        assert.deepEqual(request, { verbose: true });
        return {
          answer: {
            status: { conditions: [{ type: 'RuntimeReady', status: false, reason: 'Down', message: 'cni is gone' }] },
            info: { config: JSON.stringify(config), golang: '"go1.22"', odd: 'password = hunter6' },
          },
        };
      },
    });
    const status = value(await cri.status(never));
    assert.deepEqual(status.conditions, [
      { type: 'RuntimeReady', status: false, reason: 'Down', message: 'cni is gone' },
    ]);
    assert.doesNotMatch(JSON.stringify(status), /hunter|idtok|aHVudGVy/);
    const shown: unknown = JSON.parse(status.info.config ?? '');
    assert.deepEqual(shown, {
      registry: {
        configPath: '/etc/containerd/certs.d',
        configs: { 'reg.example': { auth: '[secret]' } },
        auths: '[secret]',
        headers: '[secret]',
        mirrors: { 'docker.io': { endpoint: ['https://mirror.example/'] } },
      },
      imagePullProgressTimeout: '5m0s',
      streamIdleTimeout: '4h0m0s',
    });
    assert.equal(status.info.golang, '"go1.22"');
  });

  it('tells a present image from an absent one', async () => {
    const cri = await open({
      ImageStatus: (request) =>
        JSON.stringify(request).includes('here')
          ? {
              answer: {
                image: {
                  id: 'sha256:aa',
                  repo_tags: ['reg.example/here:1'],
                  repo_digests: ['reg.example/here@sha256:bb'],
                  size: '5000000000',
                  pinned: true,
                },
              },
            }
          : { answer: {} },
    });
    assert.deepEqual(value(await cri.imageStatus('reg.example/here:1', never)), {
      present: true,
      id: 'sha256:aa',
      repoTags: ['reg.example/here:1'],
      repoDigests: ['reg.example/here@sha256:bb'],
      sizeBytes: 5_000_000_000,
      pinned: true,
    });
    const absent = value(await cri.imageStatus('reg.example/gone:1', never));
    assert.equal(absent.present, false);
    assert.equal(absent.id, null);
  });

  it('lists images and the use of their file system', async () => {
    const cri = await open({
      ListImages: () => ({ answer: { images: [{ id: 'sha256:aa', size: 12 }, { id: 'sha256:bb' }] } }),
      ImageFsInfo: () => ({
        answer: {
          image_filesystems: [
            { fs_id: { mountpoint: '/var/lib/x' }, used_bytes: { value: '6000000000' }, inodes_used: { value: 7 } },
            { fs_id: { mountpoint: '/mnt' } },
          ],
        },
      }),
    });
    assert.deepEqual(
      value(await cri.listImages(never)).map(({ id, sizeBytes }) => [id, sizeBytes]),
      [
        ['sha256:aa', 12],
        ['sha256:bb', 0],
      ],
    );
    assert.deepEqual(value(await cri.imageFsInfo(never)), [
      { mountpoint: '/var/lib/x', usedBytes: 6_000_000_000, inodesUsed: 7 },
      { mountpoint: '/mnt', usedBytes: 0, inodesUsed: 0 },
    ]);
  });

  it('pulls with the credentials given, and with none', async () => {
    const cri = await open({});
    const auth = { username: 'app', password: new Secret('pw'), serverAddress: 'reg.example' };
    const pulled = value(await cri.pullImage('reg.example/a:1', { auth, signal: never, deadlineMs: 2000 }));
    assert.match(pulled.imageRef, /^sha256:/);
    assert.ok(pulled.durationMs >= 0);
    await cri.pullImage('reg.example/a:1', { signal: never, deadlineMs: 2000 });
    const requests = fake?.calls.filter((call) => call.method === 'PullImage').map((call) => call.request);
    assert.deepEqual(requests, [
      {
        image: { image: 'reg.example/a:1' },
        auth: {
          username: 'app',
          password: 'pw',
          server_address: 'reg.example',
          identity_token: '',
          registry_token: '',
        },
      },
      { image: { image: 'reg.example/a:1' }, auth: null },
    ]);
  });

  it("gives the runtime's own error with its code, without the secrets of its URLs", async () => {
    const cri = await open({
      PullImage: () => ({
        code: grpcCodes.notFound,
        message: 'failed to do request: Get "https://u:pw@cdn.example/b?X-Amz-Signature=abc&ns=docker.io": EOF',
      }),
    });
    assert.deepEqual(error(await cri.pullImage('a', { signal: never, deadlineMs: 2000 })), {
      kind: 'rpc',
      code: 'NotFound',
      message: 'failed to do request: Get "https://cdn.example/b?X-Amz-Signature=[secret]&ns=docker.io": EOF',
    });
  });

  it('keeps both ends of an error that is far too long', async () => {
    const cri = await open({ PullImage: () => ({ code: 2, message: `begin ${'x'.repeat(40_000)} end` }) });
    const { message } = error(await cri.pullImage('a', { signal: never, deadlineMs: 2000 }));
    assert.match(message, /^begin .* end$/);
    assert.ok(message.length < 9000);
  });

  it("tells its own time limit from the runtime's DeadlineExceeded, and gives the pull up there too", async () => {
    const cri = await open({
      PullImage: () => ({ silent: true }),
      ListImages: () => ({ code: 4, message: 'i/o timeout' }),
    });
    const late = error(await cri.pullImage('a', { signal: never, deadlineMs: 60 }));
    assert.deepEqual([late.kind, late.code], ['silent', 'DeadlineExceeded']);
    const runtime = error(await cri.listImages(never));
    assert.deepEqual(runtime, { kind: 'rpc', code: 'DeadlineExceeded', message: 'i/o timeout' });
    for (let wait = 0; wait < 50 && fake?.cancelled.length === 0; wait++) await setTimeout(20);
    assert.deepEqual(fake?.cancelled, ['PullImage']);
  });

  it('does not call a runtime silent that answers while this program itself is held up', async () => {
    const cri = await open({}, 200);
    const asked = cri.version(never);
    for (const until = performance.now() + 500; performance.now() < until; );
    assert.equal(value(await asked).runtimeName, 'containerd');
  });

  it('ends a call when its signal says so, before or during', async () => {
    const cri = await open({ PullImage: () => ({ silent: true }) });
    const controller = new AbortController();
    void setTimeout(40).then(() => controller.abort());
    const during = error(await cri.pullImage('a', { signal: controller.signal, deadlineMs: 10_000 }));
    assert.deepEqual([during.kind, during.code], ['canceled', 'Canceled']);
    const before = error(await cri.version(controller.signal));
    assert.deepEqual([before.kind, before.code], ['canceled', 'Canceled']);
  });

  it('bounds a call that is never answered', async () => {
    const cri = await open({ ListImages: () => ({ silent: true }) }, 60);
    assert.equal(error(await cri.listImages(never)).kind, 'silent');
  });

  it('refuses an answer over 16 MiB', async () => {
    const cri = await open({ ListImages: () => ({ answer: { images: [{ id: 'x'.repeat(17 * 1024 * 1024) }] } }) });
    assert.deepEqual([error(await cri.listImages(never)).code], ['ResourceExhausted']);
  });
});

describe('CRI client: sockets that do not serve CRI', () => {
  let folder = '';
  const servers: Server[] = [];
  const sockets = new Set<Socket>();

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pullwhy-sock-'));
  });

  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))));
    await rm(folder, { recursive: true, force: true });
  });

  async function listen(name: string, handler: (socket: Socket) => void): Promise<string> {
    const path = join(folder, name);
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      handler(socket);
    });
    servers.push(server);
    await new Promise<void>((done) => server.listen(path, done));
    return path;
  }

  async function kindAt(endpoint: string, connectTimeoutMs = 2000): Promise<CriFailure['kind']> {
    return error(await openCri(endpoint, { ...quick, connectTimeoutMs })).kind;
  }

  it('tells an absent socket', async () => {
    assert.equal(await kindAt(`unix://${folder}/none.sock`), 'socket-absent');
    assert.equal(await kindAt(`unix://${folder}/none/none.sock`), 'socket-absent');
  });

  it('tells a file, a folder and an address of another kind', async () => {
    await writeFile(join(folder, 'file'), '');
    assert.equal(await kindAt(`unix://${folder}/file`), 'not-a-socket');
    assert.equal(await kindAt(`unix://${folder}`), 'not-a-socket');
    assert.equal(await kindAt('tcp://127.0.0.1:1'), 'not-a-socket');
    assert.equal(await kindAt(`unix:///${'a'.repeat(200)}`), 'not-a-socket');
  });

  it('tells a socket whose program died', async () => {
    const path = join(folder, 'dead.sock');
    const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    const child = spawn(process.execPath, ['-e', script]);
    await new Promise((done) => child.on('exit', done));
    const failure = error(await openCri(`unix://${path}`, quick));
    assert.equal(failure.kind, 'refused');
    assert.match(failure.message, /dead\.sock/);
  });

  it('tells a program that accepts and stays silent, in bounded time', async () => {
    const path = await listen('silent.sock', () => undefined);
    const started = performance.now();
    assert.equal(await kindAt(`unix://${path}`, 300), 'silent');
    assert.ok(performance.now() - started < 3000);
  });

  it('tells a program that closes at once, and one that speaks something else', async () => {
    assert.equal(await kindAt(`unix://${await listen('close.sock', (socket) => socket.end())}`), 'refused');
    const http = await listen('http.sock', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    assert.equal(await kindAt(`unix://${http}`), 'not-served');
  });

  it('tells a runtime without its CRI plugin', async () => {
    const fake = await startFakeCri({}, []);
    const failure = error(await openCri(fake.endpoint, quick));
    assert.deepEqual([failure.kind, failure.code], ['not-served', 'Unimplemented']);
    await fake.close();
  });

  it('tells a missing permission', async function () {
    const path = await listen('private.sock', () => undefined);
    await chmod(path, 0o600);
    await chmod(folder, 0o755);
    if (process.getuid?.() !== 0) {
      await chmod(path, 0o000);
      assert.equal(await kindAt(`unix://${path}`), 'not-permitted');
      return;
    }
    // Root may connect anywhere, so another user asks.
    const module = fileURLToPath(new URL('../../src/wire/unix-socket.ts', import.meta.url));
    const script = `const { checkUnixSocket } = await import(${JSON.stringify(module)});
      console.log(JSON.stringify(await checkUnixSocket(${JSON.stringify(path)}, 1000)));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { uid: 65534, gid: 65534, cwd: '/' });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    const status = await new Promise((done) => child.on('exit', done));
    if (status !== 0) {
      console.log('    skipped: an unprivileged user cannot read this checkout');
      this.skip();
    }
    assert.match(output, /"kind":"not-permitted"/);
  });
});
