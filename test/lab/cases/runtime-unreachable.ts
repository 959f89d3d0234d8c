import type { LabCase } from '../case.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'no socket at the path given',
    verdict: 'faulty',
    cause: 'runtime-unreachable',
    confidence: 'proven',
    nearMissOf: ['runtime-misconfigured'],
    pull: 'not-tried',
    async prepare(lab) {
      await lab.push('runtime/absent', '1.0');
      const runtime = { endpoint: `unix://${lab.folder}/nothing.sock` };
      return { image: 'registry.lab/runtime/absent:1.0', runtime };
    },
  },
  {
    name: 'a socket whose containerd died',
    verdict: 'faulty',
    cause: 'runtime-unreachable',
    confidence: 'proven',
    pull: 'not-tried',
    async prepare(lab) {
      await lab.push('runtime/dead', '1.0');
      const runtime = await lab.ownRuntime('dead');
      process.kill(runtime.service.pid, 'SIGKILL'); // a socket that is closed in order is removed
      await runtime.service.stop();
      return { image: 'registry.lab/runtime/dead:1.0', runtime };
    },
  },
  {
    name: 'a containerd with CRI switched off',
    verdict: 'faulty',
    cause: 'runtime-misconfigured',
    nearMissOf: ['runtime-unreachable'],
    pull: 'not-tried',
    async prepare(lab) {
      await lab.push('runtime/no-cri', '1.0');
      const runtime = await lab.ownRuntime('no-cri', { cri: false });
      return { image: 'registry.lab/runtime/no-cri:1.0', runtime };
    },
  },
  {
    name: 'a containerd that stands still',
    verdict: 'faulty',
    cause: 'runtime-unreachable',
    nearMissOf: ['runtime-misconfigured'],
    pull: 'not-tried',
    async prepare(lab) {
      await lab.push('runtime/stopped', '1.0');
      const runtime = await lab.ownRuntime('stopped');
      process.kill(runtime.service.pid, 'SIGSTOP');
      lab.defer(async () => process.kill(runtime.service.pid, 'SIGCONT'));
      return { image: 'registry.lab/runtime/stopped:1.0', runtime };
    },
  },
];
