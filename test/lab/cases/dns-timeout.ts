import type { LabCase } from '../case.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'the nameserver’s packets are dropped',
    verdict: 'faulty',
    cause: 'dns-timeout',
    confidence: 'proven',
    nearMissOf: ['dns-refused', 'dns-server-failure'],
    pull: 'fails',
    runtimeSays: /i\/o timeout/,
    async prepare(lab) {
      await lab.filter('dns', 'input', ['ip daddr 10.77.0.54 meta l4proto { tcp, udp } th dport 53 drop']);
      await lab.resolvers(['nameserver 10.77.0.54', 'options timeout:1 attempts:1']);
      return { image: 'registry.lab/dns/silent:1.0' };
    },
  },
  {
    name: 'the first nameserver is silent, the second answers',
    verdict: 'degraded',
    cause: 'dns-inconsistent',
    nearMissOf: ['dns-timeout'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('dns/one-silent', '1.0');
      await lab.filter('dns', 'input', ['ip daddr 10.77.0.54 meta l4proto { tcp, udp } th dport 53 drop']);
      await lab.resolvers(['nameserver 10.77.0.54', 'nameserver 10.77.0.53', 'options timeout:1 attempts:1']);
      return { image: 'registry.lab/dns/one-silent:1.0' };
    },
  },
];
