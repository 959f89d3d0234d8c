import type { LabCase } from '../case.ts';
import { behind, faultyAddress, tls } from './fronts.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'small packets pass and large ones vanish: the certificate does not come',
    verdict: 'faulty',
    cause: 'mtu-black-hole',
    confidence: 'proven',
    nearMissOf: ['tls-handshake-failed', 'tcp-timeout'],
    pull: 'fails',
    runtimeSays: /TLS handshake timeout/,
    async prepare(lab) {
      await lab.push('tls/large', '1.0');
      await lab.filter('reg', 'output', ['ip saddr 10.77.0.10 tcp sport 443 meta length > 600 drop']);
      return { image: 'registry.lab/tls/large:1.0' };
    },
  },
  {
    name: 'every packet of an open connection vanishes, small ones too',
    verdict: 'faulty',
    cause: 'tls-handshake-failed',
    confidence: 'proven',
    nearMissOf: ['mtu-black-hole', 'registry-timeout'],
    pull: 'not-tried', // as above: 10 s
    async prepare(lab) {
      await lab.filter('reg', 'output', ['ip saddr 10.77.0.10 tcp sport 443 tcp flags & psh != 0 drop']);
      return { image: 'registry.lab/tls/mute:1.0' };
    },
  },
  {
    name: 'the certificate is small enough to pass, the layer is not',
    verdict: 'faulty',
    cause: 'blob-unreachable',
    underlying: 'mtu-black-hole',
    nearMissOf: ['registry-timeout', 'tls-handshake-failed'],
    pull: 'not-tried', // it waits for its progress timeout
    async prepare(lab) {
      await lab.push('tls/large-layer', '1.0', { layerBytes: 200_000 });
      const pair = await lab.authority.issue('small', ['faulty.lab']);
      await lab.front('small', `${faultyAddress}:443`, `server { ${tls(pair)} location / { ${behind} } }`);
      await lab.filter('reg', 'output', [`ip saddr ${faultyAddress} tcp sport 443 meta length > 1400 drop`]);
      return { image: 'faulty.lab/tls/large-layer:1.0' };
    },
  },
  {
    name: 'the layer does not come, in small packets neither: its storage hangs',
    verdict: 'faulty',
    cause: 'blob-unreachable',
    underlying: 'registry-timeout',
    nearMissOf: ['mtu-black-hole'],
    pull: 'not-tried',
    async prepare(lab) {
      await lab.push('tls/hanging-layer', '1.0', { layerBytes: 200_000 });
      const hangs = 'proxy_pass http://10.78.0.10:5000; proxy_connect_timeout 70s;';
      const locations = `location / { ${behind} } location ~ /blobs/ { ${hangs} }`;
      await lab.front('half', `${faultyAddress}:443`, `server { ${tls(lab.pair)} ${locations} }`);
      return { image: 'faulty.lab/tls/hanging-layer:1.0' };
    },
  },
];
