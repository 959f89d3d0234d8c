import type { LabCase } from '../case.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'nothing listens at the proxy’s port',
    verdict: 'faulty',
    cause: 'proxy-unreachable',
    confidence: 'proven',
    nearMissOf: ['tcp-refused', 'proxy-bypass-missing'],
    pull: 'fails',
    runtimeSays: /proxyconnect tcp.*connection refused/,
    async prepare(lab) {
      await lab.push('proxy/dead', '1.0');
      await lab.runtime({ HTTPS_PROXY: 'http://proxy.lab:3999' });
      return { image: 'registry.lab/proxy/dead:1.0' };
    },
  },
  {
    name: 'the proxy’s name does not exist',
    verdict: 'faulty',
    cause: 'proxy-unreachable',
    confidence: 'proven',
    nearMissOf: ['dns-name-not-found'],
    pull: 'fails',
    runtimeSays: /proxyconnect tcp.*no such host/,
    async prepare(lab) {
      await lab.push('proxy/nameless', '1.0');
      await lab.runtime({ HTTPS_PROXY: 'http://gateway.lab:3128' });
      return { image: 'registry.lab/proxy/nameless:1.0' };
    },
  },
  {
    name: 'a dead proxy that NO_PROXY leads around',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['proxy-unreachable'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('proxy/bypassed', '1.0');
      await lab.runtime({ HTTPS_PROXY: 'http://proxy.lab:3999', NO_PROXY: '10.0.0.0/8,.lab' });
      return { image: 'registry.lab/proxy/bypassed:1.0' };
    },
  },
  {
    name: 'a network in NO_PROXY, which Go does not compare with a name’s addresses',
    verdict: 'faulty',
    cause: 'proxy-unreachable',
    confidence: 'proven',
    pull: 'fails',
    runtimeSays: /proxyconnect tcp/,
    async prepare(lab) {
      await lab.push('proxy/network', '1.0');
      await lab.runtime({ HTTPS_PROXY: 'http://proxy.lab:3999', NO_PROXY: '10.77.0.0/24' });
      return { image: 'registry.lab/proxy/network:1.0' };
    },
  },
];
