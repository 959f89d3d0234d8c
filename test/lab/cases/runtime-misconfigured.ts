import type { LabCase } from '../case.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'mirrors beside config_path',
    verdict: 'faulty',
    cause: 'runtime-misconfigured',
    confidence: 'proven',
    nearMissOf: ['snapshotter-unavailable', 'mirror-failed'],
    pull: 'not-tried',
    async prepare(lab) {
      await lab.push('misconfigured/both', '1.0');
      const mirrors = { 'registry.lab': ['https://mirror.lab'] };
      const runtime = await lab.ownRuntime('both', { mirrors, until: 'no-cri' });
      return { image: 'registry.lab/misconfigured/both:1.0', runtime };
    },
  },
];
