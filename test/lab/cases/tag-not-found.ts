import type { LabCase } from '../case.ts';
import { users } from '../lab.ts';
import { authFile } from './fronts.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'the repository exists, the tag does not',
    verdict: 'faulty',
    cause: 'tag-not-found',
    confidence: 'proven',
    nearMissOf: ['repository-not-found', 'platform-mismatch'],
    pull: 'fails',
    runtimeSays: /not found/,
    async prepare(lab) {
      await lab.push('tags/app', '1.27.3');
      await lab.push('tags/app', '1.27.4');
      return { image: 'registry.lab/tags/app:1.72.3' };
    },
  },
  {
    name: 'the digest does not exist',
    verdict: 'faulty',
    cause: 'tag-not-found',
    confidence: 'proven',
    nearMissOf: ['repository-not-found', 'digest-mismatch'],
    pull: 'fails',
    async prepare(lab) {
      await lab.push('tags/digest', '1.0');
      return { image: `registry.lab/tags/digest@sha256:${'5e'.repeat(32)}` };
    },
  },
  {
    name: 'the tag behind a token that is granted does not exist',
    verdict: 'faulty',
    cause: 'tag-not-found',
    confidence: 'proven',
    nearMissOf: ['repository-not-found-or-private', 'access-denied'],
    pull: 'fails',
    async prepare(lab) {
      await lab.push('tags/token', '1.0');
      const args = await authFile(lab, 'token.lab', users.app);
      return { image: 'token.lab/tags/token:2.0', args, secrets: [users.app.password] };
    },
  },
];
