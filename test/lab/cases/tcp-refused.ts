import type { LabCase } from '../case.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'nothing listens at the registry’s port',
    verdict: 'faulty',
    cause: 'tcp-refused',
    confidence: 'proven',
    nearMissOf: ['tcp-timeout', 'tcp-reset', 'no-route'],
    pull: 'fails',
    runtimeSays: /connection refused/,
    prepare: async () => ({ image: 'closed.lab/team/app:1.0' }),
  },
  {
    name: 'a firewall refuses the registry’s port with a reset',
    verdict: 'faulty',
    cause: 'tcp-refused',
    confidence: 'proven',
    nearMissOf: ['tcp-reset'],
    pull: 'fails',
    runtimeSays: /connection refused/,
    async prepare(lab) {
      await lab.filter('reg', 'input', ['ip daddr 10.77.0.10 tcp dport 443 reject with tcp reset']);
      return { image: 'registry.lab/tcp/refused:1.0' };
    },
  },
  {
    name: 'the node’s hosts file sends the name to an address where nothing listens',
    verdict: 'faulty',
    cause: 'tcp-refused',
    nearMissOf: ['dns-refused'],
    pull: 'fails',
    runtimeSays: /10\.77\.0\.22:443.*connection refused/,
    async prepare(lab) {
      await lab.push('tcp/hosts', '1.0');
      await lab.renewRuntime(); // Go keeps the hosts file for 5 s
      lab.defer(() => lab.renewRuntime());
      await lab.nodeFile('hosts', '127.0.0.1 localhost\n10.77.0.22 registry.lab\n');
      return { image: 'registry.lab/tcp/hosts:1.0' };
    },
  },
];
