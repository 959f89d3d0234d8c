import type { LabCase } from '../case.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'the registry hides from everybody whether the repository exists',
    verdict: 'faulty',
    cause: 'repository-not-found-or-private',
    nearMissOf: ['repository-not-found', 'access-denied', 'credentials-rejected'],
    pull: 'fails',
    runtimeSays: /pull access denied, repository does not exist or may require authorization/,
    async prepare(lab) {
      await lab.push('hidden/app', '1.0');
      return { image: 'token.lab/hidden/app:1.0' };
    },
  },
];
