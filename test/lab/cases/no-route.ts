import type { LabCase } from '../case.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'the node has no route to the registry',
    verdict: 'faulty',
    cause: 'no-route',
    confidence: 'proven',
    nearMissOf: ['tcp-timeout', 'tcp-refused'],
    pull: 'fails',
    runtimeSays: /no route to host|network is unreachable/,
    async prepare(lab) {
      lab.defer(await lab.network.route('node', ['unreachable', '10.78.0.0/24']));
      return { image: 'far.lab/team/app:1.0' };
    },
  },
];
