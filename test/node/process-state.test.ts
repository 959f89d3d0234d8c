import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostFiles } from '../../src/node/host-files.ts';
import { readProcessState } from '../../src/node/process-state.ts';

let folder = '';
let child: ChildProcess | undefined;

/** A process that waits to be ended, once it runs; null where this user may not make such a one. */
async function running(command: string, args: readonly string[]): Promise<number> {
  child = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  await once(child.stdout ?? child, 'data');
  return child.pid ?? 0;
}

const waits = 'echo; exec cat';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pullwhy-state-'));
});
afterEach(async () => {
  if (child !== undefined && child.exitCode === null && child.signalCode === null) {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
  child = undefined;
  await rm(folder, { recursive: true, force: true });
});

describe('readProcessState', () => {
  it('tells which files changed after the process had started, and no more than the clock allows', async () => {
    const [before, moved, after] = ['before', 'moved', 'after'].map((name) => join(folder, name));
    for (const path of [before, moved, after]) await writeFile(path ?? '', 'x');
    // Their content is old; that the second one came to lie here is not.
    const long = new Date(Date.now() - 3_600_000);
    for (const path of [moved]) await utimes(path ?? '', long, long);
    const state = (startedAtMs: number | null) =>
      readProcessState(
        hostFiles('/'),
        { pid: process.pid, startedAtMs },
        { settings: [before ?? '', moved ?? ''], trust: [after ?? '', join(folder, 'absent')] },
      );
    const now = Date.now();
    const told = async (startedAtMs: number | null) =>
      (await state(startedAtMs)).files.map(({ afterStart }) => afterStart);
    assert.deepEqual(await told(now - 60_000), [true, true, true, null]);
    assert.deepEqual(await told(now + 60_000), [false, false, false, null]);
    assert.deepEqual(await told(now - 500), [null, null, null, null]);
    assert.deepEqual(await told(null), [null, null, null, null]);
    const { files, pid, startedAt } = await state(1_700_000_000_000);
    assert.deepEqual([pid, startedAt], [process.pid, '2023-11-14T22:13:20.000Z']);
    assert.deepEqual(
      files.map(({ path, of }) => [path, of]),
      [
        [before?.slice(1), 'settings'],
        [moved?.slice(1), 'settings'],
        [after?.slice(1), 'trust'],
        [join(folder, 'absent').slice(1), 'trust'],
      ],
    );
    assert.equal(files[3]?.changedAt, null);
  });

  it('counts a file that was moved here as changed, however old its content is', async () => {
    const path = join(folder, 'ca.crt');
    await writeFile(`${path}.new`, 'x');
    const long = new Date(Date.now() - 3_600_000);
    await utimes(`${path}.new`, long, long);
    await rename(`${path}.new`, path);
    const state = await readProcessState(
      hostFiles('/'),
      { pid: process.pid, startedAtMs: Date.now() - 60_000 },
      { settings: [], trust: [path] },
    );
    assert.equal(state.files[0]?.afterStart, true);
  });

  it('knows that a process of the same namespaces sees the same files and the same network', async () => {
    const path = join(folder, 'config.toml');
    await writeFile(path, '');
    const pid = await running('sh', ['-c', waits]);
    const state = await readProcessState(hostFiles('/'), { pid, startedAtMs: null }, { settings: [path], trust: [] });
    assert.equal(state.files[0]?.seen, 'same');
    assert.equal(state.sameNetwork, true);
  });

  it('follows links below the host root, not from the root of this process', async () => {
    await mkdir(join(folder, 'node/etc/pki'), { recursive: true });
    await writeFile(join(folder, 'node/etc/pki/bundle.pem'), '');
    await symlink('/etc/pki/bundle.pem', join(folder, 'node/etc/ca.pem'));
    const pid = await running('sh', ['-c', waits]);
    await mkdir(join(folder, `node/proc/${pid}`), { recursive: true });
    await symlink(join(folder, 'node'), join(folder, `node/proc/${pid}/root`));
    const state = await readProcessState(
      hostFiles(join(folder, 'node')),
      { pid, startedAtMs: null },
      { settings: ['etc/ca.pem'], trust: [] },
    );
    assert.equal(state.files[0]?.seen, 'same');
  });

  it('knows a process in another network, and one that sees another file under a name, or none', async function () {
    if (spawnSync('unshare', ['--net', '--mount', 'true']).status !== 0) {
      process.stdout.write('      left out: this user may make no namespaces\n');
      this.skip();
    }
    const path = join(folder, 'config.toml');
    const other = join(folder, 'other.toml');
    await writeFile(path, '');
    await writeFile(other, '');
    const bind = ['--net', '--mount', 'sh', '-c', `mount --bind "${other}" "${path}" && ${waits}`];
    const bound = await running('unshare', bind);
    const state = await readProcessState(
      hostFiles('/'),
      { pid: bound, startedAtMs: null },
      { settings: [path], trust: [] },
    );
    assert.equal(state.sameNetwork, false);
    assert.equal(state.files[0]?.seen, 'other');
    child?.kill('SIGKILL');

    const hide = ['--mount', 'sh', '-c', `mount -t tmpfs none "${folder}" && ${waits}`];
    const hidden = await running('unshare', hide);
    const without = await readProcessState(
      hostFiles('/'),
      { pid: hidden, startedAtMs: null },
      { settings: [path], trust: [] },
    );
    assert.equal(without.files[0]?.seen, 'absent');
    assert.equal(without.sameNetwork, true);
  });

  it('does not know what cannot be looked at', async () => {
    const state = await readProcessState(
      hostFiles(folder),
      { pid: 77, startedAtMs: null },
      { settings: ['etc/containerd/config.toml'], trust: [] },
    );
    assert.deepEqual(state.files[0], {
      path: 'etc/containerd/config.toml',
      of: 'settings',
      changedAt: null,
      afterStart: null,
      seen: 'unknown',
    });
    assert.equal(state.sameNetwork, null);
  });
});
