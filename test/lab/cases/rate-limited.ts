import type { LabCase } from '../case.ts';
import { apiVersion, behind, errors, serving } from './fronts.ts';

const limit = `${errors('TOOMANYREQUESTS', 'You have reached your unauthenticated pull rate limit.')}`;
const quota = (left: number) =>
  `add_header ratelimit-limit "100;w=21600" always; add_header ratelimit-remaining "${left};w=21600" always;`;

export const cases: readonly LabCase[] = [
  {
    name: 'the registry answers 429 for the manifest',
    verdict: 'faulty',
    cause: 'rate-limited',
    confidence: 'proven',
    nearMissOf: ['registry-error', 'access-denied', 'unknown'],
    pull: 'fails',
    runtimeSays: /429 Too Many Requests/,
    async prepare(lab) {
      await lab.push('limit/reached', '1.0');
      await serving(
        lab,
        'limited',
        `location / { ${behind} }
         location ~ /manifests/ { ${apiVersion} ${quota(0)} add_header Retry-After 60 always;
           default_type application/json; return 429 ${limit}; }`,
      );
      return { image: 'faulty.lab/limit/reached:1.0' };
    },
  },
  {
    name: 'a registry with a limit that is not reached',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['rate-limited'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('limit/left', '1.0');
      await serving(lab, 'quota', `location / { ${quota(76)} ${behind} }`);
      return { image: 'faulty.lab/limit/left:1.0' };
    },
  },
  {
    name: 'few pulls are left: a tenth of the limit',
    verdict: 'degraded',
    cause: 'rate-limited',
    confidence: 'proven',
    names: 'faulty.lab',
    alsoNames: ['nearly', '10 of 100 pulls left in 6 h'],
    pull: 'works',
    runtimes: 'one',
    async prepare(lab) {
      await lab.push('limit/few', '1.0');
      await serving(lab, 'few', `location / { ${quota(10)} ${behind} }`);
      return { image: 'faulty.lab/limit/few:1.0' };
    },
  },
  {
    name: 'just more than a tenth of the limit is left',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['rate-limited'],
    pull: 'works',
    runtimes: 'one',
    async prepare(lab) {
      await lab.push('limit/enough', '1.0');
      await serving(lab, 'enough', `location / { ${quota(11)} ${behind} }`);
      return { image: 'faulty.lab/limit/enough:1.0' };
    },
  },
];
