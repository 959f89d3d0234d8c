import type { LabCase } from '../case.ts';
import type { Lab } from '../lab.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'the registry’s IPv6 address is dead, the IPv4 address works',
    verdict: 'degraded',
    cause: 'some-addresses-unreachable',
    confidence: 'proven',
    nearMissOf: ['tcp-refused', 'tcp-timeout'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('tcp/half', '1.0');
      await lab.filter('reg', 'input', ['ip6 daddr fd00:77::10 tcp dport 443 drop']);
      return { image: 'dual.lab/tcp/half:1.0' };
    },
  },
  {
    name: 'the registry’s IPv4 address is dead, the IPv6 address works',
    verdict: 'degraded',
    cause: 'some-addresses-unreachable',
    confidence: 'proven',
    nearMissOf: ['tcp-timeout'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('tcp/other-half', '1.0');
      await lab.filter('reg', 'input', ['ip daddr 10.77.0.10 tcp dport 443 drop']);
      return { image: 'dual.lab/tcp/other-half:1.0' };
    },
  },
  {
    name: 'one of the registry’s two IPv4 addresses refuses',
    verdict: 'degraded',
    cause: 'some-addresses-unreachable',
    confidence: 'proven',
    nearMissOf: ['tcp-refused', 'dns-inconsistent'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('tcp/one-of-two', '1.0');
      await twoAddresses(lab, ['10.77.0.10', '10.77.0.22']);
      return { image: 'registry.lab/tcp/one-of-two:1.0' };
    },
  },
  {
    name: 'both of the registry’s IPv4 addresses refuse',
    verdict: 'faulty',
    cause: 'tcp-refused',
    confidence: 'proven',
    nearMissOf: ['some-addresses-unreachable'],
    pull: 'fails',
    runtimeSays: /connection refused/,
    async prepare(lab) {
      await twoAddresses(lab, ['10.77.0.21', '10.77.0.22']);
      return { image: 'registry.lab/tcp/none-of-two:1.0' };
    },
  },
];

/** `registry.lab` with these addresses, at the node's only nameserver. */
async function twoAddresses(lab: Lab, addresses: readonly string[]): Promise<void> {
  const records = addresses.map((address) => `registry.lab. A ${address}`);
  await lab.nameserver('two', { listen: ['10.77.0.54'], records });
  await lab.resolvers(['nameserver 10.77.0.54']);
}
