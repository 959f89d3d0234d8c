import type { LabCase } from '../case.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'nothing listens at the nameserver’s address',
    verdict: 'faulty',
    cause: 'dns-refused',
    confidence: 'proven',
    nearMissOf: ['dns-timeout', 'tcp-refused'],
    pull: 'fails',
    runtimeSays: /connection refused/,
    async prepare(lab) {
      await lab.resolvers(['nameserver 10.77.0.55']);
      return { image: 'registry.lab/dns/nobody:1.0' };
    },
  },
  {
    name: 'the nameserver answers REFUSED',
    verdict: 'faulty',
    cause: 'dns-refused',
    confidence: 'proven',
    nearMissOf: ['dns-server-failure', 'dns-name-not-found'],
    pull: 'fails',
    prepare: async () => ({ image: 'hub.refused.corp/team/app:1.0' }),
  },
  {
    name: 'the nameserver refuses this node: REFUSED without a question section',
    verdict: 'faulty',
    cause: 'dns-refused',
    confidence: 'proven',
    pull: 'fails',
    runtimeSays: /i\/o timeout/, // Go drops an answer without the question
    async prepare(lab) {
      await lab.nameserver('closed', { listen: ['10.77.0.54'], server: ['access-control: 10.77.0.2/32 refuse'] });
      await lab.resolvers(['nameserver 10.77.0.54', 'options timeout:1 attempts:1']);
      return { image: 'registry.lab/dns/refused:1.0' };
    },
  },
  {
    name: 'nothing listens at the first nameserver, the second answers',
    verdict: 'degraded',
    cause: 'dns-inconsistent',
    nearMissOf: ['dns-refused'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('dns/one-dead', '1.0');
      await lab.resolvers(['nameserver 10.77.0.55', 'nameserver 10.77.0.53']);
      return { image: 'registry.lab/dns/one-dead:1.0' };
    },
  },
  {
    name: 'resolv.conf names nobody: the node itself is asked',
    verdict: 'faulty',
    cause: 'dns-refused',
    confidence: 'proven',
    pull: 'fails',
    runtimeSays: /connection refused/,
    async prepare(lab) {
      await lab.resolvers(['# nothing yet']);
      return { image: 'registry.lab/dns/empty:1.0' };
    },
  },
];
