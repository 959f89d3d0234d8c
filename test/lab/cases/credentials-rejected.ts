import type { LabCase } from '../case.ts';
import { users, wrongPassword } from '../lab.ts';
import { authFile } from './fronts.ts';

const wrong = { name: users.app.name, password: wrongPassword };

export const cases: readonly LabCase[] = [
  {
    name: 'the registry refuses the password',
    verdict: 'faulty',
    cause: 'credentials-rejected',
    confidence: 'proven',
    nearMissOf: ['credentials-missing', 'access-denied'],
    pull: 'fails',
    runtimeSays: /401 Unauthorized|authorization failed|denied/,
    async prepare(lab) {
      await lab.push('auth/wrong', '1.0');
      const args = await authFile(lab, 'private.lab', wrong);
      return { image: 'private.lab/auth/wrong:1.0', args, secrets: [wrongPassword] };
    },
  },
  {
    name: 'the token service refuses the password',
    verdict: 'faulty',
    cause: 'credentials-rejected',
    confidence: 'proven',
    nearMissOf: ['access-denied', 'repository-not-found-or-private'],
    pull: 'fails',
    runtimeSays: /failed to fetch oauth token.*401/,
    async prepare(lab) {
      await lab.push('auth/wrong-token', '1.0');
      const args = await authFile(lab, 'token.lab', wrong);
      return { image: 'token.lab/auth/wrong-token:1.0', args, secrets: [wrongPassword] };
    },
  },
  {
    name: 'a wrong password makes even a public image fail',
    verdict: 'faulty',
    cause: 'credentials-rejected',
    confidence: 'proven',
    nearMissOf: ['credentials-missing'],
    pull: 'fails',
    async prepare(lab) {
      await lab.push('public/stale', '1.0');
      const args = await authFile(lab, 'token.lab', wrong);
      return { image: 'token.lab/public/stale:1.0', args, secrets: [wrongPassword] };
    },
  },
];
