import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { limits } from '../../src/lib/limits.ts';
import { boundedHostFiles } from '../../src/node/bounded-host-files.ts';
import { hostFiles } from '../../src/node/host-files.ts';

describe('hostFiles', () => {
  let folder = '';
  let root = '';

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pullwhy-files-'));
    root = join(folder, 'root');
    await mkdir(join(root, 'etc'), { recursive: true });
    await writeFile(join(folder, 'outside'), 'outside');
    await writeFile(join(root, 'inside'), 'inside');
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const links: readonly { readonly name: string; readonly target: string; readonly reads: string | null }[] = [
    { name: 'an absolute link', target: '/inside', reads: 'inside' },
    { name: 'a relative link', target: '../inside', reads: 'inside' },
    { name: 'a link above the root', target: '../../../../inside', reads: 'inside' },
    { name: 'a link out of the root', target: '../../outside', reads: null },
  ];
  for (const { name, target, reads } of links) {
    it(`follows ${name} as the node would`, async () => {
      const path = join(root, 'etc', name.replaceAll(' ', '-'));
      await symlink(target, path);
      const text = await hostFiles(root).readText(`/etc/${name.replaceAll(' ', '-')}`);
      assert.equal(text.ok ? text.value : null, reads);
    });
  }

  it('follows no link out of the root behind a chain of more links than the system takes', async () => {
    const host = hostFiles(root);
    const last = join(root, 'etc', 'chain43');
    await symlink(join(folder, 'outside'), last);
    for (let at = 42; at >= 1; at--) await symlink(`chain${at + 1}`, join(root, 'etc', `chain${at}`));
    for (let at = 1; at <= 43; at++) {
      const text = await host.readText(`/etc/chain${at}`);
      assert.equal(text.ok, false, `chain${at} leads out`);
      const place = await host.locate(`/etc/chain${at}`);
      assert.ok(place === null || !place.includes('chain'), `chain${at} is handed on`);
    }
  });

  it('ends at a loop of links', async () => {
    await symlink('loop-b', join(root, 'etc', 'loop-a'));
    await symlink('loop-a', join(root, 'etc', 'loop-b'));
    const host = hostFiles(root);
    const text = await host.readText('/etc/loop-a');
    assert.deepEqual(text, { ok: false, error: { kind: 'failed', path: '/etc/loop-a', code: 'ELOOP' } });
    assert.equal((await host.list('/etc/loop-a')).ok, false);
    assert.equal((await host.info('/etc/loop-a')).ok, false);
    assert.equal(await host.locate('/etc/loop-a'), null);
  });

  it('waits for no writer of a FIFO, and reads no device', async () => {
    execFileSync('mkfifo', [join(root, 'etc', 'fifo')]);
    const text = await hostFiles(root).readText('/etc/fifo');
    assert.deepEqual(text, { ok: false, error: { kind: 'not-a-file', path: '/etc/fifo' } });
    const zero = await hostFiles('/').readText('/dev/zero');
    assert.deepEqual(zero, { ok: false, error: { kind: 'not-a-file', path: '/dev/zero' } });
  });

  it('keeps the bound on files of any stated size', async () => {
    await writeFile(join(root, 'exact'), 'x'.repeat(100));
    const host = hostFiles(root);
    assert.equal((await host.readText('/exact', 100)).ok, true);
    assert.equal((await host.readText('/exact', 99)).ok, false);
    // Stated as 0 bytes long.
    assert.equal((await hostFiles('/').readText('/proc/self/status', 100)).ok, false);
    assert.equal((await hostFiles('/').readText('/proc/self/status')).ok, true);
  });

  it('reads a plan’s files up to a bound on all together', async () => {
    const part = 'x'.repeat(limits.configFileBytes);
    await writeFile(join(root, 'part'), part);
    const host = boundedHostFiles(hostFiles(root));
    let read = 0;
    for (let count = 0; count < 100; count++) if ((await host.readText('/part')).ok) read++;
    assert.equal(read, limits.planConfigBytes / limits.configFileBytes);
    const further = await host.readText('/part');
    assert.equal(further.ok ? null : further.error.kind, 'too-large');
    assert.ok((await host.readText('/part', limits.trustFileBytes)).ok, 'certificates are counted apart');
  });
});
