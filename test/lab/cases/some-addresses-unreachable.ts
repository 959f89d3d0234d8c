import type { LabCase } from '../case.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'the registry’s IPv6 address is dead, the IPv4 address works',
    verdict: 'degraded',
    cause: 'some-addresses-unreachable',
    nearMissOf: ['tcp-refused', 'tcp-timeout'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('tcp/half', '1.0');
      await lab.filter('reg', 'input', ['ip6 daddr fd00:77::10 tcp dport 443 drop']);
      return { image: 'dual.lab/tcp/half:1.0' };
    },
  },
];
