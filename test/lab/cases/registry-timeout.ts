import type { LabCase } from '../case.ts';
import { behind, serving, tls } from './fronts.ts';

/** nginx takes the request, and waits for a storage behind it that never answers: packets to it vanish. */
const hangs = 'proxy_pass http://10.78.0.10:5000; proxy_connect_timeout 70s;';

export const cases: readonly LabCase[] = [
  {
    name: 'the registry takes the request and never answers',
    verdict: 'faulty',
    cause: 'registry-timeout',
    confidence: 'proven',
    nearMissOf: ['tcp-timeout', 'tls-handshake-failed', 'registry-error'],
    pull: 'not-tried', // containerd 2 waits without a word, 1.7 for a minute
    async prepare(lab) {
      await serving(lab, 'hanging', `location / { ${hangs} }`);
      return { image: 'faulty.lab/registry/hanging:1.0' };
    },
  },
  {
    name: 'the registry answers the version check and never the request for the manifest',
    verdict: 'faulty',
    cause: 'registry-timeout',
    confidence: 'proven',
    nearMissOf: ['registry-invalid-response', 'tag-not-found'],
    pull: 'not-tried',
    async prepare(lab) {
      await lab.push('registry/half', '1.0');
      await serving(lab, 'half-hanging', `location / { ${behind} } location ~ /manifests/ { ${hangs} }`);
      return { image: 'faulty.lab/registry/half:1.0' };
    },
  },
  {
    // Before 2.3 containerd waits for the header of an answer without end: none of the lab's goes on within 100 s.
    name: 'the first mirror takes the request and never answers: containerd never comes to the registry, which would',
    verdict: 'faulty',
    cause: 'registry-timeout',
    confidence: 'proven',
    names: 'mirror.lab',
    alsoNames: ['registry.lab'],
    nearMissOf: ['mirror-failed'],
    pull: 'not-tried',
    async prepare(lab) {
      await lab.push('registry/mirrored', '1.0');
      const listen = '10.77.0.60:443';
      await lab.front('hanging', listen, `server { ${tls(lab.pair, listen)} location / { ${hangs} } }`, 'mirror');
      const capabilities = 'capabilities = ["pull", "resolve"]';
      await lab.nodeFile(
        'containerd/certs.d/registry.lab/hosts.toml',
        `server = "https://registry.lab"\n[host."https://mirror.lab"]\n  ${capabilities}\n`,
      );
      return { image: 'registry.lab/registry/mirrored:1.0' };
    },
  },
  {
    name: 'the registry’s gateway gives its storage up after a second, and says so',
    verdict: 'faulty',
    cause: 'registry-error',
    confidence: 'proven',
    nearMissOf: ['registry-timeout'],
    pull: 'fails',
    runtimeSays: /504/,
    async prepare(lab) {
      await serving(lab, 'giving-up', `location / { ${hangs.replace('70s', '1s')} }`);
      return { image: 'faulty.lab/registry/giving-up:1.0' };
    },
  },
];
