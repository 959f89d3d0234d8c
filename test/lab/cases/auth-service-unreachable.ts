import type { LabCase } from '../case.ts';
import type { Lab } from '../lab.ts';
import { errors, tls } from './fronts.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'the registry answers, its token service refuses the connection',
    verdict: 'faulty',
    cause: 'auth-service-unreachable',
    underlying: 'tcp-refused',
    nearMissOf: ['tcp-refused', 'credentials-missing'],
    pull: 'fails',
    runtimeSays: /auth\.lab.*connection refused/,
    async prepare(lab) {
      await lab.push('public/auth-down', '1.0');
      await lab.filter('auth', 'input', ['tcp dport 443 reject with tcp reset']);
      return { image: 'token.lab/public/auth-down:1.0' };
    },
  },
  {
    name: 'the certificate of the token service has expired',
    verdict: 'faulty',
    cause: 'auth-service-unreachable',
    underlying: 'tls-certificate-expired',
    nearMissOf: ['tls-certificate-expired'],
    pull: 'fails',
    runtimeSays: /auth\.lab.*certificate has expired/,
    async prepare(lab) {
      await lab.push('public/auth-expired', '1.0');
      const validity = { from: new Date(Date.now() - 4e9), to: new Date(Date.now() - 2e8) };
      await lab.tokenService('expired', {
        tls: await lab.authority.issue('auth-expired', ['auth.lab'], validity),
        port: 8443,
      });
      await redirectTokens(lab, 8443);
      return { image: 'token.lab/public/auth-expired:1.0' };
    },
  },
  {
    name: 'the token service answers 503',
    verdict: 'faulty',
    cause: 'auth-service-unreachable',
    underlying: 'registry-error',
    nearMissOf: ['registry-error'],
    pull: 'fails',
    async prepare(lab) {
      await lab.push('public/auth-error', '1.0');
      const listen = '10.77.0.50:8443';
      await lab.front('auth', listen, `server { ${tls(lab.pair, listen)} location / { return 503; } }`, 'auth');
      await redirectTokens(lab, 8443);
      return { image: 'token.lab/public/auth-error:1.0' };
    },
  },
  {
    name: 'the token service answers 429',
    verdict: 'faulty',
    cause: 'rate-limited',
    nearMissOf: ['auth-service-unreachable', 'credentials-missing'],
    pull: 'fails',
    runtimeSays: /429/,
    async prepare(lab) {
      await lab.push('public/auth-limit', '1.0');
      const listen = '10.77.0.50:8443';
      const many = `default_type application/json; return 429 ${errors('TOOMANYREQUESTS', 'too many tokens')};`;
      await lab.front('auth', listen, `server { ${tls(lab.pair, listen)} location / { ${many} } }`, 'auth');
      await redirectTokens(lab, 8443);
      return { image: 'token.lab/public/auth-limit:1.0' };
    },
  },
];

/** Puts another server in the place of the token service: what arrives for it goes to this port. */
async function redirectTokens(lab: Lab, port: number): Promise<void> {
  await lab.translate('auth', [`tcp dport 443 redirect to :${port}`]);
}
