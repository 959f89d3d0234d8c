import type { LabCase } from '../case.ts';
import type { Lab } from '../lab.ts';
import { secondNameserver, silent, type WholeWay, wholeWay } from './whole-way.ts';

/** The mirrors have nothing, so that everything hangs on the parties behind them. */
const past = (name: string, fault: Partial<WholeWay>) => (lab: Lab) =>
  wholeWay(lab, { name: `past-${name}`, mirrored: false, ...fault });

const dropped = (name: string, party: 'reg' | 'auth' | 'cdn', rule: string) => async (lab: Lab) => {
  const situation = await past(name, {})(lab);
  await lab.filter(party, 'input', [rule]);
  return situation;
};

const expired = (lab: Lab, host: string): Promise<Lab['pair']> =>
  lab.authority.issue(`expired-${host}`, [host], { from: new Date(Date.now() - 4e9), to: new Date(Date.now() - 2e8) });

const stops = { verdict: 'faulty', pull: 'fails' } as const;
const down = 'return 503;';
const mirrors = ['mirror-failed', 'repository-not-found', 'tag-not-found'] as const;

const upstream: readonly LabCase[] = [
  {
    ...stops,
    name: 'behind mirrors without the image: the upstream’s port refuses',
    cause: 'tcp-refused',
    names: 'faulty.lab',
    nearMissOf: [...mirrors, 'proxy-unreachable'],
    prepare: past('refused', { upstream: null }),
  },
  {
    ...stops,
    name: 'behind mirrors without the image: packets to the upstream vanish',
    cause: 'tcp-timeout',
    names: 'faulty.lab',
    nearMissOf: [...mirrors, 'proxy-unreachable'],
    prepare: dropped('dropped', 'reg', 'ip daddr 10.77.0.20 tcp dport 443 drop'),
  },
  {
    ...stops,
    name: 'behind mirrors without the image: the upstream’s certificate has expired',
    cause: 'tls-certificate-expired',
    names: 'faulty.lab',
    nearMissOf: [...mirrors],
    async prepare(lab) {
      return past('expired', { pairs: { upstream: await expired(lab, 'faulty.lab') } })(lab);
    },
  },
  {
    ...stops,
    name: 'behind mirrors without the image: the upstream answers 503',
    cause: 'registry-error',
    names: 'faulty.lab',
    nearMissOf: [...mirrors],
    prepare: past('down', { upstream: down }),
  },
  {
    ...stops,
    name: 'behind mirrors without the image: the upstream never answers',
    cause: 'registry-timeout',
    names: 'faulty.lab',
    nearMissOf: [...mirrors],
    pull: 'not-tried',
    prepare: past('silent', { upstream: silent }),
  },
];

const realm: readonly LabCase[] = [
  {
    ...stops,
    name: 'on the whole way: the token service’s port refuses',
    cause: 'auth-service-unreachable',
    underlying: 'tcp-refused',
    names: 'auth.lab',
    nearMissOf: ['tcp-refused', 'credentials-missing'],
    prepare: past('realm-refused', { realm: null }),
  },
  {
    ...stops,
    name: 'on the whole way: packets to the token service vanish',
    cause: 'auth-service-unreachable',
    underlying: 'tcp-timeout',
    names: 'auth.lab',
    nearMissOf: ['tcp-timeout'],
    prepare: dropped('realm-dropped', 'auth', 'tcp dport 443 drop'),
  },
  {
    ...stops,
    name: 'on the whole way: the token service’s certificate has expired',
    cause: 'auth-service-unreachable',
    underlying: 'tls-certificate-expired',
    names: 'auth.lab',
    async prepare(lab) {
      return past('realm-expired', { realm: down, pairs: { realm: await expired(lab, 'auth.lab') } })(lab);
    },
  },
  {
    ...stops,
    name: 'on the whole way: the token service answers 503',
    cause: 'auth-service-unreachable',
    underlying: 'registry-error',
    names: 'auth.lab',
    nearMissOf: ['registry-error'],
    prepare: past('realm-down', { realm: down }),
  },
  {
    ...stops,
    name: 'on the whole way: the token service’s name does not exist',
    cause: 'auth-service-unreachable',
    underlying: 'dns-name-not-found',
    names: 'auth-gone.lab',
    nearMissOf: ['dns-name-not-found'],
    prepare: past('realm-nameless', { realmHost: 'auth-gone.lab' }),
  },
];

const content: readonly LabCase[] = [
  {
    ...stops,
    name: 'on the whole way: the content host’s port refuses',
    cause: 'blob-unreachable',
    underlying: 'tcp-refused',
    names: 'cdn.lab',
    nearMissOf: ['tcp-refused'],
    prepare: past('content-refused', { content: null }),
  },
  {
    ...stops,
    name: 'on the whole way: packets to the content host vanish',
    cause: 'blob-unreachable',
    underlying: 'tcp-timeout',
    names: 'cdn.lab',
    nearMissOf: ['tcp-timeout'],
    prepare: dropped('content-dropped', 'cdn', 'tcp dport 443 drop'),
  },
  {
    ...stops,
    name: 'on the whole way: the content host’s certificate has expired',
    cause: 'blob-unreachable',
    underlying: 'tls-certificate-expired',
    names: 'cdn.lab',
    async prepare(lab) {
      return past('content-expired', { pairs: { content: await expired(lab, 'cdn.lab') } })(lab);
    },
  },
  {
    ...stops,
    name: 'on the whole way: the content host answers 503',
    cause: 'blob-unreachable',
    underlying: 'registry-error',
    names: 'cdn.lab',
    nearMissOf: ['registry-error'],
    prepare: past('content-down', { content: down }),
  },
  {
    ...stops,
    name: 'on the whole way: the content host’s name does not exist',
    cause: 'blob-unreachable',
    underlying: 'dns-name-not-found',
    names: 'cdn-gone.lab',
    nearMissOf: ['dns-name-not-found'],
    prepare: past('content-nameless', { contentHost: 'cdn-gone.lab' }),
  },
];

const proxy: readonly LabCase[] = [
  {
    ...stops,
    name: 'on the whole way: the proxy’s port refuses',
    cause: 'proxy-unreachable',
    underlying: 'tcp-refused',
    names: 'proxy.lab',
    nearMissOf: ['tcp-refused', 'proxy-bypass-missing'],
    prepare: past('proxy-refused', { proxy: 'http://proxy.lab:3129' }),
  },
  {
    ...stops,
    name: 'on the whole way: packets to the proxy vanish',
    cause: 'proxy-unreachable',
    underlying: 'tcp-timeout',
    names: 'proxy.lab',
    nearMissOf: ['tcp-timeout'],
    pull: 'not-tried',
    async prepare(lab) {
      const situation = await past('proxy-dropped', {})(lab);
      await lab.filter('proxy', 'input', ['tcp dport 3128 drop']);
      return situation;
    },
  },
  {
    ...stops,
    name: 'on the whole way: the proxy’s name does not exist',
    cause: 'proxy-unreachable',
    underlying: 'dns-name-not-found',
    names: 'proxy-gone.lab',
    nearMissOf: ['dns-name-not-found'],
    prepare: past('proxy-nameless', { proxy: 'http://proxy-gone.lab:3128' }),
  },
  {
    ...stops,
    name: 'on the whole way: the proxy’s own parent is dead, and there is no way but by it',
    // The proxy does not say at whom it fails: it could be the registry as well.
    cause: 'unknown',
    names: 'proxy.lab',
    alsoNames: ['ERR_CANNOT_FORWARD'],
    nearMissOf: ['proxy-denied', 'proxy-bypass-missing', 'registry-error', 'tcp-refused', 'tcp-timeout'],
    async prepare(lab) {
      const parent = ['cache_peer 10.77.0.30 parent 3999 0 no-query default', 'never_direct allow all'];
      const situation = await past('proxy-parent', { proxyRules: parent })(lab);
      await lab.filter('reg', 'input', ['ip saddr 10.77.0.2 ip daddr 10.77.0.20 tcp dport 443 drop']);
      return situation;
    },
  },
];

const bad = '10.77.0.55';
const costs = { verdict: 'degraded', cause: 'dns-inconsistent', confidence: 'proven', pull: 'works' } as const;

const nameservers: readonly LabCase[] = [
  {
    ...costs,
    name: 'on the whole way: nothing listens at the first nameserver',
    names: bad,
    alsoNames: ['refuses', `${secondNameserver} answers`],
    nearMissOf: ['dns-refused'],
    prepare: past('ns-dead', { nameservers: [bad, secondNameserver] }),
  },
  {
    ...costs,
    name: 'on the whole way: the first nameserver is silent',
    names: '10.77.0.53',
    alsoNames: ['is silent', `${secondNameserver} answers`],
    nearMissOf: ['dns-timeout'],
    async prepare(lab) {
      const situation = await past('ns-silent', {})(lab);
      await lab.filter('dns', 'input', ['ip daddr 10.77.0.53 ip saddr 10.77.0.2 drop']);
      return situation;
    },
  },
  {
    ...costs,
    name: 'on the whole way: the first nameserver refuses everybody',
    names: '10.77.0.56',
    alsoNames: [`${secondNameserver} answers`],
    nearMissOf: ['dns-refused'],
    prepare: past('ns-refusing', { nameservers: ['10.77.0.56', secondNameserver] }),
  },
  {
    ...costs,
    name: 'on the whole way: nothing listens at the second nameserver',
    names: bad,
    alsoNames: ['10.77.0.53 answers'],
    nearMissOf: ['dns-refused'],
    prepare: past('ns-second-dead', { nameservers: ['10.77.0.53', bad] }),
  },
  {
    ...costs,
    name: 'on the whole way: the second nameserver is silent',
    names: secondNameserver,
    alsoNames: ['10.77.0.53 answers'],
    nearMissOf: ['dns-timeout'],
    async prepare(lab) {
      const situation = await past('ns-second-silent', {})(lab);
      await lab.filter('dns', 'input', [`ip daddr ${secondNameserver} drop`]);
      return situation;
    },
  },
];

/** One party fails alone on a way that has them all. Which one that is does not hang on the runtime. */
export const cases: readonly LabCase[] = [...nameservers, ...proxy, ...upstream, ...realm, ...content].map((one) => ({
  ...one,
  runtimes: 'one',
}));
