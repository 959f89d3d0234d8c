import type { LabCase } from '../case.ts';
import { forwardTo, refusingNameserver } from '../lab.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'the nameserver cannot resolve the name: SERVFAIL',
    verdict: 'faulty',
    cause: 'dns-server-failure',
    confidence: 'proven',
    nearMissOf: ['dns-name-not-found', 'dns-timeout'],
    pull: 'fails',
    runtimeSays: /server misbehaving/,
    prepare: async () => ({ image: 'hub.broken.corp/team/app:1.0' }),
  },
  {
    name: 'the first nameserver answers SERVFAIL, the second the address',
    verdict: 'degraded',
    cause: 'dns-inconsistent',
    nearMissOf: ['dns-server-failure'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('dns/second', '1.0');
      await lab.nameserver('broken', {
        listen: ['10.77.0.54'],
        records: [],
        clauses: forwardTo('lab.', refusingNameserver),
      });
      await lab.resolvers(['nameserver 10.77.0.54', 'nameserver 10.77.0.53']);
      return { image: 'registry.lab/dns/second:1.0' };
    },
  },
];
