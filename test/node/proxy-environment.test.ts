import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { proxyForUrl } from '../../src/node/go-proxy.ts';
import { hostFiles } from '../../src/node/host-files.ts';
import { readProxyEnvironment } from '../../src/node/proxy-environment.ts';
import { findListener, readProcessEnvironment, searchListener, serviceOf } from '../../src/node/runtime-process.ts';

const registry = { scheme: 'https', host: 'registry.corp', port: null } as const;
const socketPath = '/run/containerd/containerd.sock';

let root = '';
const put = async (path: string, text: string) => {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
};
/** A process of the fixture that listens at `path`. */
const process = async (pid: number, environ: Record<string, string>, path = socketPath, comm = 'containerd') => {
  await put(
    'proc/1/net/unix',
    `Num       RefCount Protocol Flags    Type St Inode Path\nffff0: 00000003 00000000 00000000 0001 03 900 ${path}\nffff1: 00000002 00000000 00010000 0001 01 901 ${path}\nffff2: 00000002 00000000 00010000 0001 01 902 ${path}.ttrpc\n`,
  );
  await put(`proc/${pid}/comm`, `${comm}\n`);
  await put(
    `proc/${pid}/environ`,
    Object.entries(environ)
      .map(([name, value]) => `${name}=${value}\0`)
      .join(''),
  );
  await put(`proc/${pid}/stat`, `${pid} (odd) name) S 1 ${Array.from({ length: 17 }, () => '0').join(' ')} 5000 0 0\n`);
  await put('proc/stat', 'cpu 1\nbtime 1700000000\n');
  await mkdir(join(root, `proc/${pid}/fd`), { recursive: true });
  await symlink('/dev/null', join(root, `proc/${pid}/fd/0`));
  await symlink('socket:[901]', join(root, `proc/${pid}/fd/7`));
};
const read = (options: Partial<Parameters<typeof readProxyEnvironment>[1]> = {}) =>
  readProxyEnvironment(hostFiles(root), { socketPath, runtime: 'containerd', ...options });

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'pullwhy-proxy-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('findListener', () => {
  it('finds the process by the listening socket’s inode, and when it started', async () => {
    await process(77, {});
    await put('proc/5/comm', 'other\n');
    assert.deepEqual(await findListener(hostFiles(root), socketPath), { pid: 77, startedAtMs: 1700000050000 });
    assert.equal((await findListener(hostFiles(root), '/var/run/containerd/containerd.sock'))?.pid, 77);
    assert.equal((await findListener(hostFiles(root), `${root}${socketPath}`))?.pid, 77);
  });

  it('passes over process 1, which holds sockets for others, and names the reason when there is none', async () => {
    assert.deepEqual(await searchListener(hostFiles(root), socketPath), { ok: false, error: 'no-socket' });
    await process(1, {});
    assert.deepEqual(await searchListener(hostFiles(root), socketPath), { ok: false, error: 'no-process' });
    assert.equal(await findListener(hostFiles(root), '/run/other.sock'), null);
  });

  it('knows the service of a process from its control group', async () => {
    await put('proc/7/cgroup', '0::/system.slice/k3s.service/kubepods\n');
    await put('proc/8/cgroup', '12:pids:/user.slice\n0::/init.scope\n');
    assert.equal(await serviceOf(hostFiles(root), 7), 'k3s.service');
    assert.equal(await serviceOf(hostFiles(root), 8), null);
    assert.equal(await serviceOf(hostFiles(root), 9), 'unknown');
  });

  describe('with a real process', () => {
    let child: ChildProcess | undefined;
    afterEach(async () => {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    });

    it('finds it below /, with its environment', async () => {
      const path = join(root, 'real.sock');
      child = spawn(
        globalThis.process.execPath,
        ['-e', `require('node:net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`],
        {
          env: { HTTPS_PROXY: 'http://app:geheim@127.0.0.1:9', NO_PROXY: '.corp' },
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      );
      if (child.stdout !== null) await once(child.stdout, 'data');
      const host = hostFiles('/');
      const found = await findListener(host, path);
      assert.equal(found?.pid, child.pid);
      const age = Date.now() - (found?.startedAtMs ?? 0);
      assert.ok(age > -5000 && age < 60_000, `started ${age} ms ago`);
      const environment = await readProxyEnvironment(host, { socketPath: path, runtime: 'containerd' });
      assert.equal(environment.from, 'process');
      assert.equal(
        proxyForUrl(environment.settings, { ...registry, host: 'registry.example' }).proxy?.url,
        'http://127.0.0.1:9',
      );
      assert.match(proxyForUrl(environment.settings, registry).reason, /NO_PROXY entry \.corp \(proc\/\d+\/environ\)/);
      assert.doesNotMatch(JSON.stringify(environment), /geheim/);
    });

    it('names a missing process', async () => {
      assert.deepEqual(await readProcessEnvironment(hostFiles('/'), 2 ** 30), { ok: false, error: 'gone' });
    });
  });
});

describe('readProxyEnvironment', () => {
  const dropIn = 'etc/systemd/system/containerd.service.d/proxy.conf';

  it('takes --proxy-env before everything, literally', async () => {
    await process(77, { HTTPS_PROXY: 'process:1' });
    await put(dropIn, '[Service]\nEnvironment=HTTPS_PROXY=unit:1\n');
    const environment = await read({
      overrideText: { text: 'HTTPS_PROXY="quoted:1"\nnonsense\nSSL_CERT_DIR=/x\n', source: '/tmp/env' },
    });
    assert.equal(environment.from, 'override');
    assert.equal(environment.settings.https?.source, '/tmp/env:1');
    assert.equal(proxyForUrl(environment.settings, registry).problem?.severity, 'error');
    assert.deepEqual(environment.environment, { SSL_CERT_DIR: '/x' });
    assert.equal(environment.problems[0]?.source, '/tmp/env:2');
    assert.deepEqual(
      environment.known.map((proxy) => proxy.address.url),
      ['http://unit:1'],
    );
  });

  it('takes the process’s environment before its unit, and names the line that set it', async () => {
    await process(77, { HTTPS_PROXY: 'http://proxy:3128', no_proxy: 'x', GODEBUG: 'netdns=go', TOKEN: 'hidden' });
    await put(dropIn, '[Service]\n\nEnvironment=HTTPS_PROXY=http://proxy:3128 no_proxy=x\n');
    const environment = await read();
    assert.equal(environment.from, 'process');
    assert.equal(environment.process?.pid, 77);
    assert.equal(proxyForUrl(environment.settings, registry).reason, `HTTPS_PROXY from ${dropIn}:3`);
    assert.deepEqual(environment.environment, { GODEBUG: 'netdns=go' });
    assert.deepEqual(environment.problems, []);
    assert.doesNotMatch(JSON.stringify(environment), /hidden/);
  });

  it('says that a changed unit wants a restart', async () => {
    await process(77, { NO_PROXY: 'old' });
    await put(dropIn, '[Service]\nEnvironment=HTTPS_PROXY=http://app:geheim@proxy:3128\nEnvironment=NO_PROXY=new\n');
    const environment = await read();
    assert.equal(environment.settings.https, null);
    assert.deepEqual(
      environment.problems.map((problem) => [problem.severity, problem.cause, problem.source]),
      [
        ['warning', 'runtime-misconfigured', `${dropIn}:2`],
        ['warning', 'runtime-misconfigured', `${dropIn}:3`],
      ],
    );
    assert.match(environment.problems[0]?.message ?? '', /lacks HTTPS_PROXY.*systemctl restart containerd/);
    assert.doesNotMatch(JSON.stringify(environment), /geheim/);
    assert.deepEqual(
      environment.known.map((proxy) => [proxy.address.url, proxy.source]),
      [['http://proxy:3128', `${dropIn}:2`]],
    );
  });

  it('compares nothing when the process runs outside of the unit', async () => {
    await process(77, {});
    await put('proc/77/cgroup', '0::/user.slice/session-1.scope\n');
    await put(dropIn, '[Service]\nEnvironment=HTTPS_PROXY=http://proxy:3128\n');
    const environment = await read();
    assert.equal(environment.from, 'process');
    assert.deepEqual(environment.problems, []);
  });

  it('falls back to the unit, also to drop-ins without a unit file, and says why', async () => {
    await put(dropIn, '[Service]\nEnvironment="HTTPS_PROXY=http://proxy:3128" "NO_PROXY=.corp,10.0.*"\n');
    const environment = await read();
    assert.equal(environment.from, 'units');
    assert.match(environment.origin, /containerd\.service and its drop-ins \(nothing listens/);
    assert.equal(proxyForUrl(environment.settings, registry).reason, `NO_PROXY entry .corp (${dropIn}:2)`);
    assert.match(environment.problems[0]?.message ?? '', /10\.0\.\*/);
  });

  it('chooses the unit by socket and runtime', async () => {
    await put('etc/systemd/system/containerd.service', '[Service]\nEnvironment=HTTPS_PROXY=containerd:1\n');
    await put('usr/lib/systemd/system/crio.service', '[Service]\nEnvironmentFile=-/etc/sysconfig/crio\n');
    await put('etc/sysconfig/crio', 'HTTPS_PROXY=crio:1\n');
    await put('etc/systemd/system/k3s.service', '[Service]\nEnvironmentFile=-/etc/systemd/system/k3s.service.env\n');
    await put('etc/systemd/system/k3s.service.env', "HTTPS_PROXY='k3s:1'\nCONTAINERD_HTTPS_PROXY='k3s:2'\n");
    const url = async (options: Parameters<typeof read>[0]) =>
      proxyForUrl((await read(options)).settings, registry).proxy?.url;
    assert.equal(await url({}), 'http://containerd:1');
    assert.equal(await url({ socketPath: null, runtime: null }), 'http://containerd:1');
    assert.equal(await url({ socketPath: '/run/crio/crio.sock', runtime: null }), 'http://crio:1');
    assert.equal(await url({ socketPath: null, runtime: 'cri-o' }), 'http://crio:1');
    assert.equal(await url({ socketPath: '/run/k3s/containerd/containerd.sock' }), 'http://k3s:2');
  });

  it('says that nothing was found', async () => {
    const environment = await read();
    assert.equal(environment.from, 'none');
    assert.equal(proxyForUrl(environment.settings, registry).reason, 'no proxy is set');
    assert.deepEqual([environment.problems, environment.known], [[], []]);
  });

  it('knows every proxy of the node, each once, with its place; broken ones are left out', async () => {
    await put(
      'etc/systemd/system/kubelet.service.d/10-proxy.conf',
      '[Service]\nEnvironment=HTTP_PROXY=http://kubelet:1\n',
    );
    await put(dropIn, '[Service]\nEnvironment=“HTTPS_PROXY=http://typo:2”\nEnvironment=HTTP_PROXY=http://x:port\n');
    await put('etc/environment', 'export https_proxy="http://env:3"\nHTTPS_PROXY=http://kubelet:1\n');
    await put('etc/sysconfig/kubelet', 'ALL_PROXY=socks5://sys:4\n');
    await put('etc/default/docker', '# HTTP_PROXY=http://no:1\nexport HTTP_PROXY="http://app:geheim@default:5"\n');
    await put('etc/default/unrelated', 'HTTPS_PROXY=http://no:1\n');
    const environment = await read();
    assert.deepEqual(
      environment.known.map((proxy) => `${proxy.address.url} ${proxy.variable} ${proxy.source}`).sort(),
      [
        'http://default:5 HTTP_PROXY etc/default/docker:2',
        'http://env:3 https_proxy etc/environment:1',
        'http://kubelet:1 HTTP_PROXY etc/systemd/system/kubelet.service.d/10-proxy.conf:2',
        `http://typo:2 HTTPS_PROXY ${dropIn}:2`,
        'socks5://sys:4 ALL_PROXY etc/sysconfig/kubelet:1',
      ],
    );
    assert.ok(environment.problems.some((problem) => problem.severity === 'error' && problem.source === `${dropIn}:2`));
    assert.doesNotMatch(JSON.stringify(environment), /geheim/);
  });
});
