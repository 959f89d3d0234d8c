import type { LabCase } from '../case.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'the proxy refuses the registry, and only the proxy could reach it',
    verdict: 'faulty',
    cause: 'proxy-denied',
    confidence: 'proven',
    nearMissOf: ['proxy-bypass-missing', 'proxy-auth-required', 'access-denied'],
    pull: 'fails',
    runtimeSays: /Forbidden/,
    async prepare(lab) {
      await lab.push('proxy/denied', '1.0');
      await lab.proxy({ name: 'strict', port: 3128, rules: denyRegistry });
      await lab.filter('reg', 'input', ['ip saddr 10.77.0.2 tcp dport 443 reject with icmp admin-prohibited']);
      await lab.runtime({ HTTPS_PROXY: 'http://proxy.lab:3128' });
      return { image: 'registry.lab/proxy/denied:1.0' };
    },
  },
];

const denyRegistry = ['acl registry dstdomain registry.lab', 'http_access deny registry'];
