import type { LabCase } from '../case.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'a firewall drops the packets to the registry',
    verdict: 'faulty',
    cause: 'tcp-timeout',
    confidence: 'proven',
    nearMissOf: ['tcp-refused', 'no-route'],
    pull: 'not-tried', // containerd waits 30 s
    async prepare(lab) {
      await lab.filter('reg', 'input', ['ip daddr 10.77.0.10 tcp dport 443 drop']);
      return { image: 'registry.lab/tcp/dropped:1.0' };
    },
  },
  {
    name: 'the way to the registry ends at a silent router',
    verdict: 'faulty',
    cause: 'tcp-timeout',
    confidence: 'proven',
    nearMissOf: ['no-route'],
    pull: 'not-tried',
    prepare: async () => ({ image: 'far.lab/team/app:1.0' }),
  },
];
