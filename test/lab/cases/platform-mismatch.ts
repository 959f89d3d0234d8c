import type { LabCase } from '../case.ts';

const arm = [{ os: 'linux', architecture: 'arm64' }];
const s390 = [{ os: 'linux', architecture: 's390x' }];

export const cases: readonly LabCase[] = [
  {
    name: 'the index has no manifest for this node',
    verdict: 'faulty',
    cause: 'platform-mismatch',
    confidence: 'proven',
    nearMissOf: ['tag-not-found'],
    pull: 'fails',
    runtimeSays: /no match for platform/,
    async prepare(lab) {
      await lab.push('platform/other', '1.0', { platforms: [...arm, ...s390] });
      return { image: 'registry.lab/platform/other:1.0', args: ['--platform', 'linux/amd64'] };
    },
  },
  {
    name: 'the only manifest is for another architecture: it is pulled and would not start',
    verdict: 'degraded', // the pull itself works
    cause: 'platform-mismatch',
    confidence: 'proven',
    pull: 'works',
    async prepare(lab) {
      await lab.push('platform/single', '1.0', { platforms: arm });
      return { image: 'registry.lab/platform/single:1.0', args: ['--platform', 'linux/amd64'] };
    },
  },
  {
    name: 'this node’s manifest is the last of several',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['platform-mismatch'],
    pull: 'works',
    async prepare(lab) {
      const platforms = [...arm, ...s390, { os: 'linux', architecture: 'amd64' }];
      await lab.push('platform/last', '1.0', { platforms });
      return { image: 'registry.lab/platform/last:1.0', args: ['--platform', 'linux/amd64'] };
    },
  },
];
