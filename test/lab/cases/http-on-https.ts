import type { LabCase } from '../case.ts';

export const cases: readonly LabCase[] = [
  {
    name: 'the registry speaks plain HTTP and is asked with TLS',
    verdict: 'faulty',
    cause: 'http-on-https',
    confidence: 'proven',
    nearMissOf: ['tls-handshake-failed'],
    pull: 'fails',
    runtimeSays: /server gave HTTP response to HTTPS client/,
    async prepare(lab) {
      await lab.push('http/plain', '1.0');
      return { image: 'registry.lab:5000/http/plain:1.0' };
    },
  },
  {
    name: 'the registry speaks TLS and the node’s configuration says http://',
    verdict: 'faulty',
    cause: 'http-on-https',
    confidence: 'proven',
    nearMissOf: ['registry-error', 'registry-invalid-response'],
    pull: 'fails',
    async prepare(lab) {
      await lab.push('http/tls', '1.0');
      await lab.nodeFile(
        'containerd/certs.d/registry.lab/hosts.toml',
        'server = "http://registry.lab:443"\n[host."http://registry.lab:443"]\n',
      );
      return { image: 'registry.lab/http/tls:1.0' };
    },
  },
  {
    name: 'a plain registry that the node’s configuration names so',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['http-on-https'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('http/right', '1.0');
      await lab.nodeFile(
        'containerd/certs.d/registry.lab:5000/hosts.toml',
        'server = "http://registry.lab:5000"\n[host."http://registry.lab:5000"]\n',
      );
      return { image: 'registry.lab:5000/http/right:1.0' };
    },
  },
];
