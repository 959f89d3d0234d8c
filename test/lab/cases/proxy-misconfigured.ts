import type { Difference, LabCase } from '../case.ts';

/** Built with Go 1.19, bookworm's 1.6 takes a scheme that it does not know for a host; the others' Go does not. */
const takesItForHttp: Difference = {
  why: 'its Go speaks HTTP to a proxy of any scheme but SOCKS 5, and this proxy does too',
  verdict: 'degraded',
  confidence: 'possible',
  pull: 'works',
};

/** Values as people write them, and what the runtime makes of them. */
const values: readonly {
  readonly what: string;
  readonly value: string;
  readonly says: NonNullable<LabCase['runtimeSays']>;
  readonly differs?: LabCase['differs'];
}[] = [
  { what: 'quotes around it', value: '"http://proxy.lab:3128"', says: /proxyconnect|lookup|invalid|dial/ },
  { what: 'a scheme with one slash', value: 'http:/proxy.lab:3128', says: /proxyconnect|lookup|dial/ },
  { what: 'no host', value: 'http://:3128', says: /proxyconnect|refused|dial/ },
  { what: 'a port beyond all ports', value: 'http://proxy.lab:70000', says: /invalid port/ },
  { what: 'two protocols', value: 'http://http://proxy.lab:3128', says: /proxyconnect|lookup|dial/ },
  {
    what: 'SOCKS 4',
    value: 'socks4://proxy.lab:3128',
    says: { '1.6': /lookup socks4/ },
    differs: { '1.7': takesItForHttp, '2.x': takesItForHttp, '2.x local': takesItForHttp },
  },
];

export const cases: readonly LabCase[] = [
  ...values.map(
    ({ what, value, says, differs = {} }, index): LabCase => ({
      name: `the proxy setting has ${what}: ${value}`,
      verdict: 'faulty',
      cause: 'proxy-misconfigured',
      confidence: 'proven',
      nearMissOf: ['proxy-unreachable'],
      pull: 'fails',
      runtimeSays: says,
      differs,
      async prepare(lab) {
        await lab.push(`proxy/mis-${index}`, '1.0');
        await lab.proxy({ name: 'squid', port: 3128 });
        await lab.runtime({ HTTPS_PROXY: value });
        return { image: `registry.lab/proxy/mis-${index}:1.0` };
      },
    }),
  ),
  {
    name: 'the proxy setting begins with a space: Go ignores it and goes directly, which works',
    verdict: 'degraded',
    cause: 'proxy-misconfigured',
    confidence: 'proven',
    nearMissOf: ['proxy-unreachable'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('proxy/mis-ignored', '1.0');
      await lab.runtime({ HTTPS_PROXY: ' http://proxy.lab:3128' });
      return { image: 'registry.lab/proxy/mis-ignored:1.0' };
    },
  },
  {
    name: 'the proxy setting begins with a space: Go ignores it and goes directly, which is closed',
    verdict: 'faulty',
    cause: 'proxy-misconfigured',
    confidence: 'proven',
    nearMissOf: ['tcp-refused', 'proxy-required'],
    pull: 'fails',
    runtimeSays: /connection refused/,
    async prepare(lab) {
      await lab.proxy({ name: 'squid', port: 3128 });
      await lab.filter('reg', 'input', ['ip saddr 10.77.0.2 tcp dport 443 reject with tcp reset']);
      await lab.runtime({ HTTPS_PROXY: ' http://proxy.lab:3128' });
      return { image: 'registry.lab/proxy/mis-closed:1.0' };
    },
  },
  ...['proxy.lab:3128', 'HTTP://proxy.lab:3128/', 'http://PROXY.LAB:3128'].map(
    (value, index): LabCase => ({
      name: `the proxy setting is unusual and works: ${value}`,
      verdict: 'healthy',
      cause: null,
      nearMissOf: ['proxy-misconfigured'],
      pull: 'works',
      async prepare(lab) {
        await lab.push(`proxy/unusual-${index}`, '1.0');
        await lab.proxy({ name: 'squid', port: 3128 });
        await lab.runtime({ HTTPS_PROXY: value });
        return { image: `registry.lab/proxy/unusual-${index}:1.0` };
      },
    }),
  ),
  {
    name: 'the proxy setting can be used as written, and nobody is there',
    verdict: 'faulty',
    cause: 'proxy-unreachable',
    confidence: 'proven',
    nearMissOf: ['proxy-misconfigured'],
    pull: 'fails',
    runtimeSays: /proxyconnect/,
    async prepare(lab) {
      await lab.runtime({ HTTPS_PROXY: 'http://proxy.lab:3128' });
      return { image: 'registry.lab/proxy/nobody:1.0' };
    },
  },
];
