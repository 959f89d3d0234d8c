import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { LabCase } from '../case.ts';
import { must } from '../commands.ts';
import { type Runtime, withCri } from '../containerd.ts';
import type { Lab } from '../lab.ts';

const contentStore = 'io.containerd.content.v1.content';

export const cases: readonly LabCase[] = [
  {
    name: 'the content store is mounted read-only',
    verdict: 'faulty',
    cause: 'filesystem-error',
    confidence: 'proven',
    nearMissOf: ['disk-full'],
    pull: 'fails',
    runtimeSays: /read-only file system/,
    async prepare(lab) {
      await lab.push('fs/content', '1.0');
      const runtime = await lab.ownRuntime('ro-content');
      await mountReadOnly(runtime, `${runtime.root}/${contentStore}`);
      return { image: 'registry.lab/fs/content:1.0', runtime };
    },
  },
  {
    name: 'the snapshots are mounted read-only, and the tag does not exist',
    verdict: 'faulty',
    cause: 'filesystem-error',
    confidence: 'proven',
    nearMissOf: ['tag-not-found'],
    pull: 'fails',
    alsoFound: ['tag-not-found'],
    async prepare(lab) {
      await lab.push('fs/snapshots', '1.0');
      const runtime = await lab.ownRuntime('ro-snapshots');
      await mountReadOnly(runtime, `${runtime.root}/io.containerd.snapshotter.v1.native`);
      return { image: 'registry.lab/fs/snapshots:2.0', runtime };
    },
  },
  {
    name: 'a read-only mount that holds no images',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['filesystem-error'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('fs/elsewhere', '1.0');
      const runtime = await lab.ownRuntime('ro-elsewhere');
      await mkdir(`${runtime.root}/${contentStore}-2`);
      await mountReadOnly(runtime, `${runtime.root}/${contentStore}-2`);
      return { image: 'registry.lab/fs/elsewhere:1.0', runtime };
    },
  },
  {
    name: 'the kernel met an error in the file system and stopped writing',
    verdict: 'faulty',
    cause: 'filesystem-error',
    confidence: 'proven',
    nearMissOf: ['disk-full', 'runtime-unreachable'],
    pull: 'fails',
    runtimeSays: /read-only file system/,
    async prepare(lab) {
      await lab.push('fs/before', '1.0', { layerBytes: 100_000 });
      await lab.push('fs/stopped', '1.0');
      const { root, device } = await onExt4(lab, 'stopped', 'errors=remount-ro');
      const runtime = await lab.ownRuntime('stopped', { root });
      // containerd's database has its size then; where it must grow first, containerd panics or loses it, by chance.
      await withCri(runtime, (cri) => cri.pullImage('registry.lab/fs/before:1.0', soon()));
      await writeFile(`/sys/fs/ext4/${device}/trigger_fs_error`, 'an error for the lab');
      return { image: 'registry.lab/fs/stopped:1.0', runtime };
    },
  },
  {
    name: 'the kernel met an error in the file system and stopped writing, and containerd died of it',
    verdict: 'faulty',
    cause: 'runtime-unreachable',
    confidence: 'proven',
    nearMissOf: ['runtime-misconfigured'],
    alsoFound: ['filesystem-error'],
    pull: 'not-tried',
    async prepare(lab) {
      await lab.push('fs/died', '1.0');
      const { root, device } = await onExt4(lab, 'died', 'errors=remount-ro');
      const runtime = await lab.usualRuntime('died', { root });
      await writeFile(`/sys/fs/ext4/${device}/trigger_fs_error`, 'an error for the lab');
      // It panics at its next write, or does not, by chance: so it is ended as a panic ends it.
      process.kill(runtime.service.pid, 'SIGKILL');
      await runtime.service.stop();
      return { image: 'registry.lab/fs/died:1.0', runtime };
    },
  },
  {
    name: 'the disk cannot write any more',
    verdict: 'faulty',
    cause: 'filesystem-error',
    confidence: 'likely',
    pull: 'fails',
    runtimeSays: /input\/output error/,
    async prepare(lab) {
      await lab.push('fs/disk', '1.0', { layerBytes: 16_000_000 });
      const { root, device, file } = await onExt4(lab, 'disk', 'errors=continue');
      const runtime = await lab.ownRuntime('disk', { root });
      await must('sync', ['-f', root]);
      await must('truncate', ['-s', '8M', file]);
      await must('losetup', ['-c', `/dev/${device}`]);
      return { image: 'registry.lab/fs/disk:1.0', runtime };
    },
  },
  {
    name: 'a folder of the content store may not be changed',
    verdict: 'faulty',
    cause: 'filesystem-error',
    confidence: 'likely',
    pull: 'fails',
    runtimeSays: /operation not permitted/,
    async prepare(lab) {
      await lab.push('fs/immutable', '1.0');
      const runtime = await lab.ownRuntime('immutable');
      const folder = `${runtime.root}/${contentStore}/ingest`;
      await mkdir(folder, { recursive: true });
      await must('chattr', ['+i', folder]);
      lab.defer(() => must('chattr', ['-i', folder]));
      return { image: 'registry.lab/fs/immutable:1.0', runtime };
    },
  },
  {
    name: 'a file is in the place of a folder of the content store',
    verdict: 'faulty',
    cause: 'filesystem-error',
    confidence: 'likely',
    pull: 'fails',
    runtimeSays: /not a directory/,
    async prepare(lab) {
      await lab.push('fs/file', '1.0');
      const runtime = await lab.ownRuntime('file');
      const folder = `${runtime.root}/${contentStore}/ingest`;
      await rm(folder, { recursive: true, force: true });
      await mkdir(dirname(folder), { recursive: true });
      await writeFile(folder, '');
      return { image: 'registry.lab/fs/file:1.0', runtime };
    },
  },
];

/** Lays a read-only file system over a folder, where the runtime sees it and nobody else does. */
async function mountReadOnly(runtime: Runtime, folder: string): Promise<void> {
  const there = (...command: string[]) => must('nsenter', ['-t', `${runtime.service.pid}`, '-m', ...command]);
  await mkdir(folder, { recursive: true });
  await there('mount', '-t', 'tmpfs', 'pullwhy-lab', folder);
  await there('mkdir', `${folder}/ingest`, `${folder}/snapshots`);
  await there('mount', '-o', 'remount,ro', folder);
}

/** An ext4 file system of its own for a runtime, on a disk that is a file. */
async function onExt4(
  lab: Lab,
  name: string,
  options: string,
): Promise<{ root: string; device: string; file: string }> {
  const root = `${lab.folder}/ext4-${name}`;
  const file = `${root}.img`;
  await mkdir(root, { recursive: true });
  await must('truncate', ['-s', '64M', file]);
  await must('mkfs.ext4', ['-q', '-O', '^has_journal', file]);
  await must('mount', ['-o', `loop,${options}`, file, root]);
  lab.defer(() => must('umount', ['-l', root]));
  const source = await must('findmnt', ['-no', 'SOURCE', root]);
  return { root, device: basename(source.trim()), file };
}

function soon(): { signal: AbortSignal; deadlineMs: number } {
  return { signal: AbortSignal.timeout(5000), deadlineMs: 5000 };
}
