import type { LabCase } from '../case.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'the proxy refuses the registry, which the node reaches directly',
    verdict: 'faulty',
    cause: 'proxy-bypass-missing',
    confidence: 'proven',
    nearMissOf: ['proxy-denied'],
    pull: 'fails',
    runtimeSays: /Forbidden/,
    async prepare(lab) {
      await lab.push('proxy/inside', '1.0');
      await lab.proxy({ name: 'strict', port: 3128, rules: denyRegistry });
      await lab.runtime({ HTTPS_PROXY: 'http://proxy.lab:3128' });
      return { image: 'registry.lab/proxy/inside:1.0' };
    },
  },
  {
    name: 'the proxy cannot reach the registry, which the node reaches directly',
    verdict: 'faulty',
    cause: 'proxy-bypass-missing',
    confidence: 'proven',
    nearMissOf: ['proxy-unreachable', 'tcp-refused'],
    pull: 'fails',
    runtimeSays: /Service Unavailable|Bad Gateway|Internal Server Error/,
    async prepare(lab) {
      await lab.push('proxy/unseen', '1.0');
      await lab.proxy({ name: 'squid', port: 3128 });
      await lab.filter('reg', 'input', ['ip saddr 10.77.0.30 tcp dport 443 reject with tcp reset']);
      await lab.runtime({ HTTPS_PROXY: 'http://proxy.lab:3128' });
      return { image: 'registry.lab/proxy/unseen:1.0' };
    },
  },
  {
    name: 'neither the proxy nor the node reaches the registry: it is down',
    verdict: 'faulty',
    cause: 'tcp-refused',
    nearMissOf: ['proxy-bypass-missing', 'proxy-denied', 'proxy-unreachable'],
    pull: 'fails',
    async prepare(lab) {
      await lab.push('proxy/down', '1.0');
      await lab.proxy({ name: 'squid', port: 3128 });
      await lab.runtime({ HTTPS_PROXY: 'http://proxy.lab:3128' });
      return { image: 'closed.lab/proxy/down:1.0' };
    },
  },
];

const denyRegistry = ['acl registry dstdomain registry.lab', 'http_access deny registry'];
