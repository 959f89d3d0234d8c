import type { LabCase } from '../case.ts';
import type { Lab } from '../lab.ts';
import { apiVersion, behind, errors, serving } from './fronts.ts';

const proxy = 'http://proxy.lab:3128';

/** The registry does not want this node's address. */
const deny = 'deny 10.77.0.2; allow all;';
/** Nor the proxy's. */
const denyBoth = 'deny 10.77.0.2; deny 10.77.0.30; allow all;';

/** A registry that says so in the protocol's form. */
function inWords(words: string, rule: string): string {
  const json = `default_type application/json; ${apiVersion} return 403 ${errors('DENIED', words)};`;
  return `error_page 403 @denied; location @denied { ${json} } location / { ${rule} ${behind} }`;
}

export const cases: readonly LabCase[] = [
  {
    name: 'the registry refuses this node by a page, and serves the proxy that the node knows',
    verdict: 'faulty',
    cause: 'source-address-blocked',
    confidence: 'proven',
    nearMissOf: ['registry-invalid-response', 'access-denied'],
    pull: 'fails',
    runtimeSays: /403 Forbidden/,
    async prepare(lab) {
      await lab.push('address/page', '1.0');
      await serving(lab, 'denying', `location / { ${deny} ${behind} }`);
      await knowingProxy(lab);
      return { image: 'faulty.lab/address/page:1.0' };
    },
  },
  {
    name: 'the registry refuses this node as one refuses access, and serves the proxy that the node knows',
    verdict: 'faulty',
    cause: 'source-address-blocked',
    confidence: 'proven',
    nearMissOf: ['access-denied', 'proxy-required'],
    pull: 'fails',
    runtimeSays: /403 Forbidden/,
    async prepare(lab) {
      await lab.push('address/denied', '1.0');
      await serving(lab, 'denying', inWords('requested access to the resource is denied', deny));
      await knowingProxy(lab);
      return { image: 'faulty.lab/address/denied:1.0' };
    },
  },
  {
    name: 'the registry refuses the proxy’s address, and serves this node without it',
    verdict: 'faulty',
    cause: 'source-address-blocked',
    confidence: 'proven',
    nearMissOf: ['proxy-denied', 'access-denied'],
    pull: 'fails',
    runtimeSays: /403 Forbidden/,
    async prepare(lab) {
      await lab.push('address/by-proxy', '1.0');
      await serving(lab, 'denying', inWords('denied', 'deny 10.77.0.30; allow all;'));
      await lab.proxy({ name: 'squid', port: 3128 });
      await lab.runtime({ HTTPS_PROXY: proxy });
      return { image: 'faulty.lab/address/by-proxy:1.0' };
    },
  },
  {
    name: 'the registry names this node’s address, and nothing else is known to ask by',
    verdict: 'faulty',
    cause: 'source-address-blocked',
    confidence: 'likely',
    nearMissOf: ['access-denied', 'credentials-missing'],
    pull: 'fails',
    runtimeSays: /403 Forbidden/,
    async prepare(lab) {
      await serving(lab, 'denying', inWords('client with IP 10.77.0.2 is not allowed access', deny));
      return { image: 'faulty.lab/address/named:1.0' };
    },
  },
  {
    name: 'the registry refuses this node and the proxy alike: not the address',
    verdict: 'faulty',
    cause: 'access-denied',
    confidence: 'likely',
    nearMissOf: ['source-address-blocked'],
    pull: 'fails',
    runtimeSays: /403 Forbidden/,
    async prepare(lab) {
      await serving(lab, 'denying', inWords('requested access to the resource is denied', denyBoth));
      await knowingProxy(lab);
      return { image: 'faulty.lab/address/both:1.0' };
    },
  },
];

/** A proxy that the node knows and its runtime does not use. */
async function knowingProxy(lab: Lab): Promise<void> {
  await lab.proxy({ name: 'squid', port: 3128 });
  await lab.nodeFile('environment', `HTTPS_PROXY=${proxy}\n`);
}
