import type { LabCase } from '../case.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'the snapshotter is another program, which does not run',
    verdict: 'faulty',
    cause: 'snapshotter-unavailable',
    confidence: 'proven',
    nearMissOf: ['runtime-unreachable', 'unpack-failed'],
    pull: 'fails',
    runtimeSays: /lazy\.sock/,
    async prepare(lab) {
      await lab.push('snapshotter/absent', '1.0');
      const proxySnapshotters = { lazy: `${lab.folder}/lazy.sock` };
      const runtime = await lab.ownRuntime('lazy', { snapshotter: 'lazy', proxySnapshotters });
      return { image: 'registry.lab/snapshotter/absent:1.0', runtime };
    },
  },
  {
    name: 'the snapshotter is another program, which died',
    verdict: 'faulty',
    cause: 'snapshotter-unavailable',
    confidence: 'proven',
    pull: 'fails',
    runtimeSays: /containerd\.sock|connection closed: unavailable/, // by whether the connection was tried anew
    async prepare(lab) {
      await lab.push('snapshotter/dead', '1.0');
      const other = await lab.ownRuntime('other');
      const proxySnapshotters = { lazy: other.socket };
      const runtime = await lab.ownRuntime('lazy-dead', { snapshotter: 'lazy', proxySnapshotters });
      process.kill(other.service.pid, 'SIGKILL'); // a socket that is closed in order is removed
      await other.service.stop();
      return { image: 'registry.lab/snapshotter/dead:1.0', runtime };
    },
  },
  {
    name: 'a snapshotter that this containerd does not have',
    verdict: 'faulty',
    cause: 'snapshotter-unavailable',
    confidence: 'proven',
    nearMissOf: ['runtime-misconfigured'],
    pull: 'not-tried',
    async prepare(lab) {
      await lab.push('snapshotter/unknown', '1.0');
      const runtime = await lab.ownRuntime('no-snapshotter', { snapshotter: 'stargz', until: 'no-cri' });
      return { image: 'registry.lab/snapshotter/unknown:1.0', runtime };
    },
  },
  {
    name: 'a snapshotter that does not work on this file system',
    verdict: 'faulty',
    cause: 'snapshotter-unavailable',
    confidence: 'proven',
    pull: 'not-tried',
    async prepare(lab) {
      await lab.push('snapshotter/unfit', '1.0');
      const runtime = await lab.ownRuntime('unfit', { snapshotter: 'btrfs', until: 'no-cri' });
      return { image: 'registry.lab/snapshotter/unfit:1.0', runtime };
    },
  },
];
