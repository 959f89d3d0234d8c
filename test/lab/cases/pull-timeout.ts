import type { LabCase } from '../case.ts';
import { mib, slowly } from './transfers.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'bytes come, and not fast enough for the deadline',
    beside: true,
    verdict: 'faulty',
    cause: 'pull-timeout',
    names: 'faulty.lab',
    alsoNames: [/\d\.0 MiB came in [78] s, .*KiB\/s, layer sha256:[0-9a-f]{12} is at/],
    nearMissOf: ['pull-stalled', 'blob-unreachable'],
    pull: 'fails',
    runtimeSays: /no answer within/,
    async prepare(lab) {
      return { image: await slowly(lab, 'slow/layer', 12 * mib, '500k'), args: ['--pull-deadline', '8'] };
    },
  },
  {
    name: 'the same bytes come in time',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['pull-timeout'],
    pull: 'works',
    async prepare(lab) {
      return { image: await slowly(lab, 'slow/in-time', 3 * mib, '1m'), args: ['--pull-deadline', '60'] };
    },
  },
];
