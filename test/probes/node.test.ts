import { strict as assert } from 'node:assert';
import { observe } from '../kit/node-folder.ts';
import { closedPort } from '../kit/tcp-server.ts';
import { useServers } from './servers.ts';

const notFound = 'failed to create CRI service: failed to find snapshotter "btrfs"';
const plugin = (type: string, id: string, exports: Readonly<Record<string, string>>, error?: string) => ({
  ...{ type, id, exports },
  ...(error === undefined ? {} : { init_err: { code: 2, message: error } }),
});
const content = plugin('io.containerd.content.v1', 'content', { root: '/data/io.containerd.content.v1.content' });
const native = plugin('io.containerd.snapshotter.v1', 'native', { root: '/data/io.containerd.snapshotter.v1.native' });

/** It keeps images by this snapshotter. */
const keeps = (name: string) => ({
  ImageFsInfo: () => ({
    answer: { image_filesystems: [{ fs_id: { mountpoint: `/data/io.containerd.snapshotter.v1.${name}` } }] },
  }),
});

describe('probes: containerd, asked for its plugins', () => {
  const servers = useServers();
  const ask = async (endpoint: string, more: Partial<Parameters<typeof observe>[0]> = {}) =>
    observe({ image: `127.0.0.1:${await closedPort()}/team/app:1.0`, runtimeEndpoint: endpoint, ...more });
  const containerd = (plugins: readonly object[], methods = {}) =>
    servers.cri(methods, ['RuntimeService', 'ImageService'], 'served', plugins);

  it('says why CRI is not served, and no more than that', async () => {
    const btrfs = plugin('io.containerd.snapshotter.v1', 'btrfs', {}, 'path must be a btrfs filesystem');
    const zfs = plugin('io.containerd.snapshotter.v1', 'zfs', {}, 'skip plugin');
    const failed = plugin('io.containerd.grpc.v1', 'cri', {}, notFound);
    const cri = await servers.cri({}, [], 'served', [content, btrfs, zfs, failed]);
    const { of } = await ask(cri.endpoint);
    assert.deepEqual(
      of('runtime')[0]?.facts.plugins?.map(({ name, error }) => [name, error]),
      [
        ['io.containerd.grpc.v1.cri', notFound],
        ['io.containerd.snapshotter.v1.btrfs', 'path must be a btrfs filesystem'],
      ],
    );
  });

  it('says nothing where another program serves no CRI', async () => {
    const cri = await servers.cri({}, []);
    const { of } = await ask(cri.endpoint);
    assert.equal(of('runtime')[0]?.facts.plugins?.length ?? 0, 0);
  });

  it('names the folders that hold images, and the disks below them are looked at', async () => {
    const overlay = plugin('io.containerd.snapshotter.v1', 'overlayfs', { root: '/elsewhere' });
    const cri = await containerd([content, native, overlay], keeps('native'));
    const files = {
      'data/io.containerd.content.v1.content/x': '',
      'proc/1/mountinfo': '1 0 8:1 / / rw - ext4 /dev/sda rw\n2 1 8:2 / /data rw - xfs /dev/sdb ro\n',
    };
    const { of } = await ask(cri.endpoint, { files });
    assert.deepEqual(
      of('runtime')[0]?.facts.plugins?.map(({ name }) => name),
      ['io.containerd.content.v1.content', 'io.containerd.snapshotter.v1.native'],
    );
    const disks = of('disk').map(({ facts }) => [facts.path, facts.mount?.point, facts.mount?.readOnly]);
    assert.deepEqual(disks.sort(), [
      // The snapshots are not there yet: then it is the folder above them.
      ['/data', '/data', 'file system'],
      ['/data/io.containerd.content.v1.content', '/data', 'file system'],
    ]);
  });

  it("is left out where the folders are another machine's", async () => {
    const cri = await containerd([content, native], keeps('native'));
    const { all } = await ask(cri.endpoint);
    assert.deepEqual([...new Set(all.filter(({ kind }) => kind === 'disk').map(({ status }) => status))], ['skipped']);
  });

  it('is not needed to look where the files have images, when the runtime is gone', async () => {
    const files = {
      'etc/containerd/config.toml': 'version = 2\nroot = "/images"\n',
      'images/x': '',
      'proc/1/mountinfo': '1 0 8:1 / / rw - ext4 /dev/sda rw,emergency_ro\n',
    };
    const { of } = await ask('unix:///nowhere/containerd.sock', { files, runtime: 'containerd' });
    const [disk] = of('disk');
    assert.deepEqual([disk?.facts.path, disk?.facts.mount?.emergency], ['/images', true]);
  });

  for (const [name, files, failure] of [
    ['is gone', {}, 'socket-absent'],
    ['has no socket', { 'run/lazy.sock': '' }, 'not-a-socket'],
  ] as const) {
    it(`finds that the program of a snapshotter ${name}`, async () => {
      const lazy = plugin('io.containerd.snapshotter.v1', 'lazy', { address: 'unix:///run/lazy.sock' });
      const cri = await containerd([content, lazy], keeps('lazy'));
      const { of } = await ask(cri.endpoint, { files });
      const [probe] = of('snapshotter');
      assert.deepEqual([probe?.status, probe?.facts], ['failed', { name: 'lazy', address: '/run/lazy.sock', failure }]);
    });
  }

  it('does not look at a snapshotter that images are not kept by', async () => {
    const lazy = plugin('io.containerd.snapshotter.v1', 'lazy', { address: '/run/lazy.sock' });
    const cri = await containerd([content, native, lazy], keeps('native'));
    assert.equal((await ask(cri.endpoint)).of('snapshotter').length, 0);
  });
});
