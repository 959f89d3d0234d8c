import type { LabCase } from '../case.ts';
import { serving } from './fronts.ts';

const portal = "'<!doctype html><html><head><title>Sign in to the network</title></head><body>Welcome</body></html>'";

export const cases: readonly LabCase[] = [
  {
    name: 'a captive portal answers everything with a page',
    verdict: 'faulty',
    cause: 'registry-invalid-response',
    confidence: 'proven',
    nearMissOf: ['registry-error', 'tag-not-found', 'unknown'],
    pull: 'fails',
    runtimeSays: /text\/html/,
    async prepare(lab) {
      await serving(lab, 'portal', `default_type text/html; location / { return 200 ${portal}; }`);
      return { image: 'faulty.lab/registry/portal:1.0' };
    },
  },
  {
    name: 'a web server that is no registry answers 404 with a page',
    verdict: 'faulty',
    cause: 'registry-invalid-response',
    confidence: 'proven',
    nearMissOf: ['repository-not-found', 'tag-not-found'],
    pull: 'fails',
    runtimeSays: /not found/,
    async prepare(lab) {
      await serving(lab, 'web', 'location / { return 404; }');
      return { image: 'faulty.lab/registry/web:1.0' };
    },
  },
];
