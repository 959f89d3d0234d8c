import type { LabCase } from '../case.ts';
import { apiVersion, behind, errors, serving } from './fronts.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'the registry answers 500',
    verdict: 'faulty',
    cause: 'registry-error',
    confidence: 'proven',
    nearMissOf: ['registry-invalid-response'],
    pull: 'fails',
    runtimeSays: /500 Internal Server Error/,
    async prepare(lab) {
      await serving(
        lab,
        'five-hundred',
        `${apiVersion} location / { return 500 ${errors('UNKNOWN', 'disk of the store')}; }`,
      );
      return { image: 'faulty.lab/registry/broken:1.0' };
    },
  },
  {
    name: 'the balancer before the registry answers 503 with a page',
    verdict: 'faulty',
    cause: 'registry-error',
    confidence: 'proven',
    nearMissOf: ['registry-invalid-response', 'tcp-refused'],
    pull: 'fails',
    runtimeSays: /503 Service (Temporarily )?Unavailable/,
    async prepare(lab) {
      await serving(lab, 'balancer', 'location / { return 503; }');
      return { image: 'faulty.lab/registry/balancer:1.0' };
    },
  },
  {
    name: 'the registry closes before it answers',
    verdict: 'faulty',
    cause: 'registry-error',
    confidence: 'proven',
    nearMissOf: ['tls-handshake-failed', 'tcp-reset'],
    pull: 'fails',
    runtimeSays: /EOF/,
    async prepare(lab) {
      await serving(lab, 'closing', 'location / { return 444; }');
      return { image: 'faulty.lab/registry/closing:1.0' };
    },
  },
  {
    name: 'only the layers answer 503',
    verdict: 'faulty',
    cause: 'blob-unreachable',
    underlying: 'registry-error',
    nearMissOf: ['registry-error'],
    pull: 'fails',
    runtimeSays: /503/,
    async prepare(lab) {
      await lab.push('registry/layers', '1.0');
      await serving(lab, 'layers', `location / { ${behind} } location ~ /blobs/ { return 503; }`);
      return { image: 'faulty.lab/registry/layers:1.0' };
    },
  },
];
