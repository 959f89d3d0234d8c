import type { LabCase } from '../case.ts';
import { users } from '../lab.ts';
import { authFile } from './fronts.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'the registry wants a password and none is given',
    verdict: 'faulty',
    cause: 'credentials-missing',
    confidence: 'proven',
    nearMissOf: ['credentials-rejected', 'access-denied', 'repository-not-found-or-private'],
    pull: 'fails',
    runtimeSays: /401 Unauthorized|no basic auth credentials/,
    async prepare(lab) {
      await lab.push('auth/none', '1.0');
      return { image: 'private.lab/auth/none:1.0' };
    },
  },
  {
    name: 'the credentials given are for another registry',
    verdict: 'faulty',
    cause: 'credentials-missing',
    confidence: 'proven',
    nearMissOf: ['credentials-rejected'],
    pull: 'fails',
    async prepare(lab) {
      await lab.push('auth/elsewhere', '1.0');
      const args = await authFile(lab, 'quay.lab', users.app);
      return { image: 'private.lab/auth/elsewhere:1.0', args, secrets: [users.app.password] };
    },
  },
];
