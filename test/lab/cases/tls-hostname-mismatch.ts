import type { LabCase } from '../case.ts';
import { fronted } from './fronts.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'the certificate is for other names',
    verdict: 'faulty',
    cause: 'tls-hostname-mismatch',
    confidence: 'proven',
    nearMissOf: ['tls-unknown-authority', 'tls-certificate-expired'],
    pull: 'fails',
    runtimeSays: /certificate is valid for other\.lab, not faulty\.lab/,
    async prepare(lab) {
      await lab.push('tls/other', '1.0');
      await fronted(lab, 'other', await lab.authority.issue('other', ['other.lab']));
      return { image: 'faulty.lab/tls/other:1.0' };
    },
  },
  {
    name: 'a certificate with a wildcard that fits',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['tls-hostname-mismatch'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('tls/wildcard', '1.0');
      await fronted(lab, 'wildcard', await lab.authority.issue('wildcard', ['*.lab']));
      return { image: 'faulty.lab/tls/wildcard:1.0' };
    },
  },
];
