import type { LabCase } from '../case.ts';
import { apiVersion, behind, errors, serving } from './fronts.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'the registry answers with a status and a code that mean nothing of the kind',
    verdict: 'faulty',
    cause: 'unknown',
    nearMissOf: ['registry-error', 'access-denied', 'registry-invalid-response'],
    pull: 'fails',
    runtimeSays: /409 Conflict/,
    async prepare(lab) {
      await lab.push('unknown/app', '1.0');
      const conflict = errors('CONFLICT', 'the repository is being moved');
      await serving(
        lab,
        'conflict',
        `location / { ${behind} }
         location ~ /manifests/ { ${apiVersion} default_type application/json; return 409 ${conflict}; }`,
      );
      return { image: 'faulty.lab/unknown/app:1.0' };
    },
  },
];
