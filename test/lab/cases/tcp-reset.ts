import type { LabCase } from '../case.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'a middlebox resets the connection as soon as it stands',
    verdict: 'faulty',
    cause: 'tcp-reset',
    confidence: 'proven',
    nearMissOf: ['tcp-refused', 'tls-handshake-failed'],
    pull: 'fails',
    runtimeSays: /connection reset by peer/,
    async prepare(lab) {
      await lab.filter('reg', 'input', [
        'ip daddr 10.77.0.10 tcp dport 443 tcp flags & (syn | rst) == 0 reject with tcp reset',
      ]);
      return { image: 'registry.lab/tcp/reset:1.0' };
    },
  },
];
