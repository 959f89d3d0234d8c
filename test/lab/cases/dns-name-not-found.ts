import type { LabCase } from '../case.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'the registry’s name does not exist',
    verdict: 'faulty',
    cause: 'dns-name-not-found',
    confidence: 'proven',
    nearMissOf: ['dns-server-failure', 'dns-timeout', 'dns-refused'],
    pull: 'fails',
    runtimeSays: /no such host/,
    prepare: async () => ({ image: 'registri.lab/team/app:1.0' }),
  },
  {
    name: 'the name exists and has no address',
    verdict: 'faulty',
    cause: 'dns-name-not-found',
    confidence: 'proven',
    pull: 'fails',
    runtimeSays: /no such host/,
    prepare: async () => ({ image: 'nodata.corp/team/app:1.0' }),
  },
];
