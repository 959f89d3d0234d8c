import type { LabCase } from '../case.ts';
import { users } from '../lab.ts';
import { apiVersion, authFile, errors, serving } from './fronts.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'the password is right and the registry answers DENIED',
    verdict: 'faulty',
    cause: 'access-denied',
    confidence: 'proven',
    nearMissOf: ['credentials-rejected', 'credentials-missing'],
    pull: 'fails',
    runtimeSays: /403 Forbidden/,
    async prepare(lab) {
      const challenge = `add_header WWW-Authenticate 'Basic realm="lab"' always; ${apiVersion} default_type application/json;`;
      await serving(
        lab,
        'denying',
        `location / { ${challenge}
           if ($http_authorization = "") { return 401 ${errors('UNAUTHORIZED', 'authentication required')}; }
           return 200 '{}'; }
         location ~ /manifests/ { ${challenge}
           if ($http_authorization = "") { return 401 ${errors('UNAUTHORIZED', 'authentication required')}; }
           return 403 ${errors('DENIED', 'requested access to the resource is denied')}; }`,
      );
      const args = await authFile(lab, 'faulty.lab', users.guest);
      return { image: 'faulty.lab/auth/denied:1.0', args, secrets: [users.guest.password] };
    },
  },
  {
    name: 'the token service knows the user and grants nothing',
    verdict: 'faulty',
    cause: 'access-denied',
    nearMissOf: ['credentials-rejected', 'credentials-missing'],
    pull: 'fails',
    runtimeSays: /insufficient_scope/,
    async prepare(lab) {
      await lab.push('auth/ungranted', '1.0');
      const args = await authFile(lab, 'token.lab', users.guest);
      return { image: 'token.lab/auth/ungranted:1.0', args, secrets: [users.guest.password] };
    },
  },
];
