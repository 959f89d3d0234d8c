import type { LabCase } from '../case.ts';
import type { Lab } from '../lab.ts';

/** The nameserver that has everything, and the one that a case makes. */
const good = '10.77.0.53';
const other = '10.77.0.54';

export const cases: readonly LabCase[] = [
  {
    name: 'the first nameserver says that there is no such name, the second has an address that works',
    verdict: 'faulty',
    cause: 'dns-inconsistent',
    confidence: 'proven',
    nearMissOf: ['dns-name-not-found'],
    pull: 'fails',
    runtimeSays: /no such host/,
    async prepare(lab) {
      await lab.push('dns/first-ignorant', '1.0');
      await lab.nameserver('ignorant', { listen: [other], records: ['proxy.lab. A 10.77.0.30'] });
      await lab.resolvers([`nameserver ${other}`, `nameserver ${good}`]);
      return { image: 'registry.lab/dns/first-ignorant:1.0' };
    },
  },
  {
    name: 'the first nameserver gives the registry’s old address, where nobody listens',
    verdict: 'faulty',
    cause: 'dns-inconsistent',
    confidence: 'proven',
    nearMissOf: ['tcp-refused', 'some-addresses-unreachable'],
    pull: 'fails',
    runtimeSays: /10\.77\.0\.22:443: connect: connection refused/,
    async prepare(lab) {
      await lab.push('dns/first-stale', '1.0');
      await stale(lab);
      await lab.resolvers([`nameserver ${other}`, `nameserver ${good}`]);
      return { image: 'registry.lab/dns/first-stale:1.0' };
    },
  },
  {
    name: 'the second nameserver gives an old address, which nobody comes to see while the first answers',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['dns-inconsistent'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('dns/second-stale', '1.0');
      await stale(lab);
      await lab.resolvers([`nameserver ${good}`, `nameserver ${other}`]);
      return { image: 'registry.lab/dns/second-stale:1.0' };
    },
  },
  {
    name: 'the first nameserver filters the name away by the address 0.0.0.0, the second does not',
    verdict: 'faulty',
    cause: 'dns-inconsistent',
    confidence: 'proven',
    nearMissOf: ['tcp-refused'],
    pull: 'fails',
    runtimeSays: /connection refused/,
    async prepare(lab) {
      await lab.push('dns/first-filters', '1.0');
      await lab.nameserver('filtering', { listen: [other], records: [], server: ['local-zone: "." always_null'] });
      await lab.resolvers([`nameserver ${other}`, `nameserver ${good}`]);
      return { image: 'registry.lab/dns/first-filters:1.0' };
    },
  },
  {
    name: 'both nameservers give the address where nobody listens: they agree',
    verdict: 'faulty',
    cause: 'tcp-refused',
    confidence: 'proven',
    nearMissOf: ['dns-inconsistent'],
    pull: 'fails',
    runtimeSays: /connection refused/,
    async prepare(lab) {
      await lab.nameserver('old', { listen: [other, '10.77.0.55'], records: ['registry.lab. A 10.77.0.22'] });
      await lab.resolvers([`nameserver ${other}`, 'nameserver 10.77.0.55']);
      return { image: 'registry.lab/dns/both-stale:1.0' };
    },
  },
];

/** A nameserver that still gives the address of a registry that has moved. */
async function stale(lab: Lab): Promise<void> {
  await lab.nameserver('stale', { listen: [other], records: ['registry.lab. A 10.77.0.22'] });
}
