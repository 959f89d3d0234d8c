import type { LabCase } from '../case.ts';
import { fronted } from './fronts.ts';

const day = 86_400_000;

export const cases: readonly LabCase[] = [
  {
    name: 'the registry’s certificate begins in two days, and the registry’s clock is this node’s',
    verdict: 'faulty',
    cause: 'tls-certificate-not-yet-valid',
    confidence: 'proven',
    nearMissOf: ['tls-certificate-expired', 'tls-unknown-authority', 'clock-skew'],
    pull: 'fails',
    runtimeSays: /certificate has expired or is not yet valid: current time \S+ is before/,
    async prepare(lab) {
      await lab.push('tls/early', '1.0');
      const validity = { from: new Date(Date.now() + 2 * day), to: new Date(Date.now() + 90 * day) };
      await fronted(lab, 'early', await lab.authority.issue('early', ['faulty.lab'], validity));
      return { image: 'faulty.lab/tls/early:1.0' };
    },
  },
  {
    name: 'a certificate that began a minute ago',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['tls-certificate-not-yet-valid'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('tls/fresh', '1.0');
      const validity = { from: new Date(Date.now() - 60_000), to: new Date(Date.now() + 90 * day) };
      await fronted(lab, 'fresh', await lab.authority.issue('fresh', ['faulty.lab'], validity));
      return { image: 'faulty.lab/tls/fresh:1.0' };
    },
  },
];
