import { strict as assert } from 'node:assert';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import fc from 'fast-check';
import { hostFiles } from '../../src/node/host-files.ts';
import { mountBelow, mountOf, parseMountInfo, readMounts } from '../../src/node/mount-table.ts';

/** Lines as Linux 6.18 writes them. */
const table = [
  '22 28 0:21 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw',
  '28 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro',
  '40 28 254:2 / /var rw,relatime shared:9 master:3 - ext4 /dev/vda2 rw,emergency_ro,errors=remount-ro',
  '41 40 254:3 / /var/lib/containerd rw,relatime - xfs /dev/vdb ro,attr2',
  '42 40 254:1 /data /var/lib/kubelet ro,relatime - ext4 /dev/vda1 rw',
  '43 28 0:40 / /mnt/a\\040b\\134c rw - tmpfs with\\040space rw,size=24576k',
  '',
].join('\n');

describe('mount tables', () => {
  const mounts = parseMountInfo(table);

  it('are read line by line, with and without optional fields', () => {
    assert.equal(mounts.length, 6);
    assert.deepEqual(mounts[1], {
      point: '/',
      type: 'ext4',
      source: '/dev/vda1',
      readOnly: null,
      emergency: false,
    });
  });

  it('tell why a mount cannot be written', () => {
    const told = mounts.map(({ point, readOnly, emergency }) => [point, readOnly, emergency]);
    assert.deepEqual(told.slice(2, 5), [
      ['/var', 'file system', true],
      ['/var/lib/containerd', 'file system', false],
      ['/var/lib/kubelet', 'mount', false],
    ]);
  });

  it('have spaces and backslashes in names', () => {
    assert.deepEqual([mounts[5]?.point, mounts[5]?.source], ['/mnt/a b\\c', 'with space']);
  });

  it('do not take errors=remount-ro for a file system that is read-only', () => {
    assert.equal(mounts[1]?.readOnly, null);
  });

  for (const [path, point] of [
    ['/var/lib/containerd/io.containerd.content.v1.content', '/var/lib/containerd'],
    ['/var/lib/containerd', '/var/lib/containerd'],
    ['/var/lib/containerd2', '/var'],
    ['/opt', '/'],
  ]) {
    it(`have ${path} on ${point}`, () => assert.equal(mountOf(mounts, path ?? '')?.point, point));
  }

  it('have the last of two mounts at one point on top', () => {
    const twice = parseMountInfo(`${table}50 41 0:50 / /var/lib/containerd rw - tmpfs none rw\n`);
    assert.equal(mountOf(twice, '/var/lib/containerd/x')?.type, 'tmpfs');
  });

  it('are read of any text without failing', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (text, path) => {
        mountOf(parseMountInfo(text), path);
        mountOf(parseMountInfo(`1 2 0:1 / ${text} rw - x y rw`), path);
      }),
    );
  });

  describe('below a host root', () => {
    let root: string;
    before(async () => {
      root = await realpath(await mkdtemp(`${tmpdir()}/pullwhy-mounts-`));
      await mkdir(`${root}/proc/77`, { recursive: true });
      await mkdir(`${root}/proc/1`, { recursive: true });
      await mkdir(`${root}/var/lib/containerd`, { recursive: true });
      await symlink('/var/lib/containerd', `${root}/images`);
      await writeFile(`${root}/proc/77/mountinfo`, table);
      await writeFile(`${root}/proc/1/mountinfo`, '28 1 254:1 / / rw - ext4 /dev/vda1 rw\n');
    });
    after(() => rm(root, { recursive: true }));

    it("are those of the runtime's process", async () => {
      assert.equal((await readMounts(hostFiles(root), 77))?.length, 6);
    });
    it("are the node's, where the process is gone or not known", async () => {
      assert.equal((await readMounts(hostFiles(root), 78))?.length, 1);
      assert.equal((await readMounts(hostFiles(root), null))?.length, 1);
    });
    it('are null without /proc', async () => {
      assert.equal(await readMounts(hostFiles(`${root}/var`), 77), null);
    });
    it('follow links of the node', async () => {
      const host = hostFiles(root);
      assert.equal((await mountBelow(host, mounts, '/images'))?.point, '/var/lib/containerd');
      assert.equal((await mountBelow(host, mounts, '/images/x'))?.type, 'xfs');
    });
  });
});
