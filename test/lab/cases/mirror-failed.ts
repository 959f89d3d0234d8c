import type { LabCase } from '../case.ts';
import { fronted } from './fronts.ts';

const hosts = '[host."http://mirror.lab:5000"]\n  capabilities = ["pull", "resolve"]\n';

export const cases: readonly LabCase[] = [
  {
    name: 'the mirror refuses, the upstream serves',
    verdict: 'degraded',
    cause: 'mirror-failed',
    confidence: 'proven',
    underlying: 'tcp-refused',
    nearMissOf: ['tcp-refused'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('mirror/dead', '1.0');
      await lab.nodeFile('containerd/certs.d/registry.lab/hosts.toml', hosts);
      return { image: 'registry.lab/mirror/dead:1.0' };
    },
  },
  {
    name: 'the mirror refuses, and the tag does not exist upstream',
    verdict: 'faulty',
    cause: 'tag-not-found',
    alsoFound: ['tcp-refused'],
    nearMissOf: ['mirror-failed', 'tcp-refused'],
    pull: 'fails',
    async prepare(lab) {
      await lab.push('mirror/tag', '1.0');
      await lab.nodeFile('containerd/certs.d/registry.lab/hosts.toml', hosts);
      return { image: 'registry.lab/mirror/tag:2.0' };
    },
  },
  {
    name: 'the mirror’s certificate has expired, the upstream serves',
    verdict: 'degraded',
    cause: 'mirror-failed',
    confidence: 'proven',
    underlying: 'tls-certificate-expired',
    nearMissOf: ['tls-certificate-expired'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('mirror/expired', '1.0');
      const validity = { from: new Date(Date.now() - 4e9), to: new Date(Date.now() - 2e8) };
      const pair = await lab.authority.issue('mirror-expired', ['mirror.lab'], validity);
      await lab.registry('mirror', '10.77.0.60:443', { party: 'mirror', tls: pair });
      await lab.nodeFile('containerd/certs.d/registry.lab/hosts.toml', '[host."https://mirror.lab"]\n');
      return { image: 'registry.lab/mirror/expired:1.0' };
    },
  },
  {
    name: 'the mirror refuses, and the upstream’s certificate has expired',
    verdict: 'faulty',
    cause: 'tcp-refused',
    alsoFound: ['tls-certificate-expired'],
    nearMissOf: ['mirror-failed'],
    pull: 'fails',
    runtimeSays: /mirror\.lab:5000.*connection refused/,
    async prepare(lab) {
      await lab.push('mirror/both', '1.0');
      const validity = { from: new Date(Date.now() - 4e9), to: new Date(Date.now() - 2e8) };
      await fronted(lab, 'upstream', await lab.authority.issue('upstream-expired', ['faulty.lab'], validity));
      await lab.nodeFile('containerd/certs.d/faulty.lab/hosts.toml', hosts);
      return { image: 'faulty.lab/mirror/both:1.0' };
    },
  },
  {
    name: 'a hosts.toml that containerd cannot read and ignores',
    verdict: 'degraded',
    cause: 'runtime-misconfigured',
    nearMissOf: ['mirror-failed'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('mirror/malformed', '1.0');
      await lab.nodeFile('containerd/certs.d/registry.lab/hosts.toml', '[host."http://mirror.lab:5000"\n');
      return { image: 'registry.lab/mirror/malformed:1.0' };
    },
  },
];
