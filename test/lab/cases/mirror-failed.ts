import type { LabCase } from '../case.ts';

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
];
