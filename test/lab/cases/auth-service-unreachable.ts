import type { LabCase } from '../case.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'the registry answers, its token service refuses the connection',
    verdict: 'faulty',
    cause: 'auth-service-unreachable',
    underlying: 'tcp-refused',
    nearMissOf: ['tcp-refused', 'credentials-missing'],
    pull: 'fails',
    runtimeSays: /auth\.lab.*connection refused/,
    async prepare(lab) {
      await lab.push('public/auth-down', '1.0');
      await lab.filter('auth', 'input', ['tcp dport 443 reject with tcp reset']);
      return { image: 'token.lab/public/auth-down:1.0' };
    },
  },
];
