import { mkdir, open, statfs, writeFile } from 'node:fs/promises';
import type { LabCase } from '../case.ts';
import { must } from '../commands.ts';
import type { Runtime } from '../containerd.ts';
import type { Lab } from '../lab.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'the image filesystem is full',
    verdict: 'faulty',
    cause: 'disk-full',
    confidence: 'proven',
    pull: 'fails',
    runtimeSays: /no space left on device/,
    async prepare(lab) {
      await lab.push('disk/full', '1.0', { layerBytes: 4_000_000 });
      const runtime = await onSmallDisk(lab, 'full');
      await fill(runtime.root);
      return { image: 'registry.lab/disk/full:1.0', runtime };
    },
  },
  {
    name: 'the image filesystem is full, and the tag does not exist',
    verdict: 'faulty',
    cause: 'disk-full',
    nearMissOf: ['tag-not-found'],
    alsoFound: ['tag-not-found'],
    pull: 'fails',
    // Which it meets first hangs on whether a page of its database is free.
    async prepare(lab) {
      await lab.push('disk/tag', '1.0');
      const runtime = await onSmallDisk(lab, 'full-tag');
      await fill(runtime.root);
      return { image: 'registry.lab/disk/tag:2.0', runtime };
    },
  },
  {
    name: 'a small image filesystem with room enough',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['disk-full'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('disk/small', '1.0');
      const runtime = await onSmallDisk(lab, 'small');
      return { image: 'registry.lab/disk/small:1.0', runtime };
    },
  },
  {
    name: 'an image filesystem that is as full as the kubelet lets it become',
    verdict: 'degraded',
    cause: 'disk-full',
    confidence: 'proven',
    pull: 'works',
    async prepare(lab) {
      await lab.push('disk/soon', '1.0');
      const runtime = await onSmallDisk(lab, 'soon');
      await fill(runtime.root, 3_000_000);
      return { image: 'registry.lab/disk/soon:1.0', runtime };
    },
  },
  {
    name: 'an image filesystem that holds the image packed, and not unpacked',
    verdict: 'degraded',
    cause: 'disk-full',
    confidence: 'possible',
    pull: 'not-tried',
    async prepare(lab) {
      await lab.push('disk/unpacked', '1.0', { layerBytes: 5_000_000 });
      const runtime = await onSmallDisk(lab, 'unpacked');
      await fill(runtime.root, 12_000_000);
      return { image: 'registry.lab/disk/unpacked:1.0', runtime };
    },
  },
  {
    name: 'an image filesystem that is not that full yet',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['disk-full'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('disk/half', '1.0');
      const runtime = await onSmallDisk(lab, 'half');
      await fill(runtime.root, 7_000_000);
      return { image: 'registry.lab/disk/half:1.0', runtime };
    },
  },
  {
    name: 'the image filesystem has bytes and no inodes left',
    verdict: 'faulty',
    cause: 'disk-full',
    confidence: 'proven',
    pull: 'fails',
    runtimeSays: /no space left on device/,
    async prepare(lab) {
      await lab.push('disk/inodes', '1.0');
      const runtime = await onSmallDisk(lab, 'inodes', 'nr_inodes=200');
      for (let made = 0; made < 300; made++) {
        if (
          !(await writeFile(`${runtime.root}/empty-${made}`, '').then(
            () => true,
            () => false,
          ))
        )
          break;
      }
      return { image: 'registry.lab/disk/inodes:1.0', runtime };
    },
  },
];

/** A containerd whose images lie on a file system of 24 MB. */
export async function onSmallDisk(lab: Lab, name: string, more = 'nr_inodes=100000'): Promise<Runtime> {
  const root = `${lab.folder}/disk-${name}`;
  await mkdir(root);
  await must('mount', ['-t', 'tmpfs', '-o', `size=24m,${more}`, 'pullwhy-lab', root]);
  lab.defer(() => must('umount', ['-l', root]));
  return lab.ownRuntime(name, { root });
}

/** Writes until the file system takes no more, or until so many bytes are left. */
export async function fill(root: string, left = 0): Promise<void> {
  if (left > 0) {
    const { bavail, bsize } = await statfs(root);
    await writeFile(`${root}/filler`, Buffer.alloc(Math.max(0, bavail * bsize - left)));
    return;
  }
  const file = await open(`${root}/filler`, 'w');
  try {
    for (const size of [65_536, 512, 1]) {
      const piece = Buffer.alloc(size);
      for (;;) if ((await file.write(piece)).bytesWritten < size) break;
    }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
  } finally {
    await file.close();
  }
}
