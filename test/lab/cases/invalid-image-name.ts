import type { LabCase } from '../case.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'upper case in the repository',
    verdict: 'faulty',
    cause: 'invalid-image-name',
    confidence: 'proven',
    pull: 'not-tried',
    prepare: async () => ({ image: 'registry.lab/Team/App:1.0' }),
  },
  {
    name: 'a scheme before the registry',
    verdict: 'faulty',
    cause: 'invalid-image-name',
    confidence: 'proven',
    pull: 'not-tried',
    prepare: async () => ({ image: 'https://registry.lab/team/app:1.0' }),
  },
  {
    name: 'upper case in the tag, which is allowed',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['invalid-image-name'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('names/app', 'V1.0-RC_1');
      return { image: 'registry.lab/names/app:V1.0-RC_1' };
    },
  },
];
