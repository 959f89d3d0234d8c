import type { LabCase } from '../case.ts';
import type { Lab } from '../lab.ts';
import { fronted, serving, tls } from './fronts.ts';

const day = 86_400_000;

export const cases: readonly LabCase[] = [
  {
    name: 'a certificate that expires in five days',
    verdict: 'degraded',
    cause: 'tls-certificate-expiring',
    confidence: 'proven',
    nearMissOf: ['tls-certificate-expired'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('tls/expiring', '1.0');
      await fronted(lab, 'expiring', await endingIn(lab, 5, 'faulty.lab'));
      return { image: 'faulty.lab/tls/expiring:1.0' };
    },
  },
  {
    name: 'the certificate of the layers’ host expires in five days',
    verdict: 'degraded',
    cause: 'tls-certificate-expiring',
    confidence: 'proven',
    nearMissOf: ['blob-unreachable'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('tls/expiring-cdn', '1.0');
      const behind = 'proxy_pass http://10.77.0.10:5000; proxy_set_header Host $http_host;';
      const away = 'location ~ /blobs/ { return 307 https://cdn.lab$request_uri; }';
      await serving(lab, 'to-cdn', `location / { ${behind} } ${away}`);
      const listen = '10.77.0.40:443';
      const pair = await endingIn(lab, 5, 'cdn.lab');
      await lab.front('cdn', listen, `server { ${tls(pair, listen)} location / { ${behind} } }`, 'cdn');
      return { image: 'faulty.lab/tls/expiring-cdn:1.0' };
    },
  },
  {
    name: 'a certificate that expires in twenty days',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['tls-certificate-expiring'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('tls/not-expiring', '1.0');
      await fronted(lab, 'not-expiring', await endingIn(lab, 20, 'faulty.lab'));
      return { image: 'faulty.lab/tls/not-expiring:1.0' };
    },
  },
];

/** A certificate that ends so many days from now. */
function endingIn(lab: Lab, days: number, name: string) {
  const validity = { from: new Date(Date.now() - 80 * day), to: new Date(Date.now() + days * day) };
  return lab.authority.issue(`ending-${days}-${name}`, [name], validity);
}
