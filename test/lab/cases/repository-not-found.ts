import type { LabCase } from '../case.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'the repository does not exist',
    verdict: 'faulty',
    cause: 'repository-not-found',
    confidence: 'proven',
    nearMissOf: ['tag-not-found', 'repository-not-found-or-private'],
    pull: 'fails',
    runtimeSays: /not found/,
    prepare: async () => ({ image: 'registry.lab/missing/repository:1.0' }),
  },
];
