import type { LabCase } from '../case.ts';
import { behind, faultyAddress, tls } from './fronts.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'the server ends the handshake with an alert',
    verdict: 'faulty',
    cause: 'tls-handshake-failed',
    confidence: 'proven',
    nearMissOf: ['http-on-https', 'tcp-reset', 'tls-unknown-authority'],
    pull: 'fails',
    runtimeSays: /remote error: tls/,
    async prepare(lab) {
      const listen = `${faultyAddress}:443`;
      await lab.front('alert', listen, `server { listen ${listen} ssl; ssl_reject_handshake on; }`);
      return { image: 'faulty.lab/tls/alert:1.0' };
    },
  },
  {
    name: 'the server speaks only TLS 1.1',
    verdict: 'faulty',
    cause: 'tls-handshake-failed',
    confidence: 'proven',
    pull: 'fails',
    runtimeSays: /tls/,
    async prepare(lab) {
      const old = 'ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0;';
      await lab.front('old', `${faultyAddress}:443`, `server { ${tls(lab.pair)} ${old} location / { ${behind} } }`);
      return { image: 'faulty.lab/tls/old:1.0' };
    },
  },
];
