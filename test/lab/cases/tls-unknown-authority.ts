import { readFile } from 'node:fs/promises';
import { makeAuthority } from '../authority.ts';
import type { LabCase } from '../case.ts';
import { fronted } from './fronts.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'the registry’s authority is not in the node’s trust store',
    verdict: 'faulty',
    cause: 'tls-unknown-authority',
    confidence: 'proven',
    nearMissOf: ['tls-certificate-expired', 'tls-hostname-mismatch', 'tls-handshake-failed'],
    pull: 'fails',
    runtimeSays: /certificate signed by unknown authority/,
    async prepare(lab) {
      await lab.push('tls/unknown', '1.0');
      const other = await makeAuthority(`${lab.folder}/other-ca`, 'Corp CA 2');
      await fronted(lab, 'unknown', await other.issue('faulty', ['faulty.lab']));
      return { image: 'faulty.lab/tls/unknown:1.0' };
    },
  },
  {
    name: 'an authority that only the registry’s own folder on the node knows',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['tls-unknown-authority'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('tls/known', '1.0');
      const other = await makeAuthority(`${lab.folder}/known-ca`, 'Corp CA 3');
      await fronted(lab, 'known', await other.issue('faulty', ['faulty.lab']));
      await lab.nodeFile('containerd/certs.d/faulty.lab/ca.crt', await readFile(other.certFile, 'utf8'));
      await lab.nodeFile(
        'containerd/certs.d/faulty.lab/hosts.toml',
        'server = "https://faulty.lab"\n[host."https://faulty.lab"]\n  ca = "ca.crt"\n',
      );
      return { image: 'faulty.lab/tls/known:1.0' };
    },
  },
  {
    name: 'a trust store that only the runtime’s environment names',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['tls-unknown-authority'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('tls/environment', '1.0');
      const other = await makeAuthority(`${lab.folder}/environment-ca`, 'Corp CA 4');
      await fronted(lab, 'environment', await other.issue('faulty', ['faulty.lab']));
      await lab.nodeFile('ssl/corp.pem', await readFile(other.certFile, 'utf8'));
      await lab.runtime({ SSL_CERT_FILE: '/etc/ssl/corp.pem', SSL_CERT_DIR: '/nowhere' });
      return { image: 'faulty.lab/tls/environment:1.0' };
    },
  },
];
