import type { LabCase } from '../case.ts';
import { fronted } from './fronts.ts';

const day = 86_400_000;
const long = new Date(Date.now() - 400 * day);

export const cases: readonly LabCase[] = [
  {
    name: 'the registry’s certificate expired three days ago',
    verdict: 'faulty',
    cause: 'tls-certificate-expired',
    confidence: 'proven',
    nearMissOf: ['tls-unknown-authority'],
    pull: 'fails',
    runtimeSays: /certificate has expired or is not yet valid/,
    async prepare(lab) {
      await lab.push('tls/expired', '1.0');
      const validity = { from: long, to: new Date(Date.now() - 3 * day) };
      await fronted(lab, 'expired', await lab.authority.issue('expired', ['faulty.lab'], validity));
      return { image: 'faulty.lab/tls/expired:1.0' };
    },
  },
  {
    name: 'an expired certificate of another name: the time comes first, as in Go',
    verdict: 'faulty',
    cause: 'tls-certificate-expired',
    confidence: 'proven',
    nearMissOf: ['tls-hostname-mismatch'],
    pull: 'fails',
    runtimeSays: /certificate has expired or is not yet valid/,
    async prepare(lab) {
      await lab.push('tls/expired-other', '1.0');
      const validity = { from: long, to: new Date(Date.now() - 3 * day) };
      await fronted(lab, 'expired-other', await lab.authority.issue('expired-other', ['old.lab'], validity));
      return { image: 'faulty.lab/tls/expired-other:1.0' };
    },
  },
];
