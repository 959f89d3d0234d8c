import type { LabCase } from '../case.ts';
import { users, wrongPassword } from '../lab.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'the proxy wants a password and has none',
    verdict: 'faulty',
    cause: 'proxy-auth-required',
    confidence: 'proven',
    nearMissOf: ['proxy-denied', 'credentials-missing'],
    pull: 'fails',
    runtimeSays: /Proxy Authentication Required/,
    async prepare(lab) {
      await lab.push('proxy/gate', '1.0');
      await lab.proxy({ name: 'gate', port: 3128, user: users.proxy });
      await lab.filter('reg', 'input', ['ip saddr 10.77.0.2 tcp dport 443 drop']);
      await lab.runtime({ HTTPS_PROXY: 'http://proxy.lab:3128' });
      return { image: 'registry.lab/proxy/gate:1.0' };
    },
  },
  {
    name: 'the proxy’s password is wrong',
    verdict: 'faulty',
    cause: 'proxy-auth-required',
    confidence: 'proven',
    nearMissOf: ['credentials-rejected'],
    pull: 'fails',
    runtimeSays: /Proxy Authentication Required/,
    async prepare(lab) {
      await lab.push('proxy/wrong', '1.0');
      await lab.proxy({ name: 'gate', port: 3128, user: users.proxy });
      await lab.filter('reg', 'input', ['ip saddr 10.77.0.2 tcp dport 443 drop']);
      await lab.runtime({ HTTPS_PROXY: `http://${users.proxy.name}:${wrongPassword}@proxy.lab:3128` });
      return { image: 'registry.lab/proxy/wrong:1.0', secrets: [wrongPassword] };
    },
  },
];
