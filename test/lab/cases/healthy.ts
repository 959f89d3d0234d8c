import type { LabCase } from '../case.ts';
import { users } from '../lab.ts';
import { authFile } from './fronts.ts';

/** Nothing is wrong: what must stay quiet. */
export const cases: readonly LabCase[] = [
  {
    name: 'a healthy registry, with a real pull',
    verdict: 'healthy',
    cause: null,
    pull: 'works',
    async prepare(lab) {
      await lab.push('healthy/pulled', '1.0', { platforms: twoPlatforms });
      return { image: 'registry.lab/healthy/pulled:1.0' };
    },
  },
  {
    name: 'a healthy registry, without a pull',
    verdict: 'healthy',
    cause: null,
    pull: 'not-tried',
    async prepare(lab) {
      await lab.push('healthy/looked-at', '1.0');
      return { image: 'registry.lab/healthy/looked-at:1.0' };
    },
  },
  {
    name: 'an image by its digest',
    verdict: 'healthy',
    cause: null,
    pull: 'works',
    async prepare(lab) {
      const { digest } = await lab.push('healthy/digest', '1.0', { platforms: twoPlatforms });
      return { image: `registry.lab/healthy/digest@${digest}` };
    },
  },
  {
    name: 'a registry with an IPv6 address only',
    verdict: 'healthy',
    cause: null,
    pull: 'works',
    nearMissOf: ['dns-name-not-found'],
    async prepare(lab) {
      await lab.push('healthy/six', '1.0');
      return { image: 'registry6.lab/healthy/six:1.0' };
    },
  },
  {
    name: 'a registry with addresses of both families',
    verdict: 'healthy',
    cause: null,
    pull: 'works',
    async prepare(lab) {
      await lab.push('healthy/dual', '1.0');
      return { image: 'dual.lab/healthy/dual:1.0' };
    },
  },
  {
    name: 'a registry behind its mirror',
    verdict: 'healthy',
    cause: null,
    pull: 'works',
    nearMissOf: ['mirror-failed'],
    async prepare(lab) {
      await lab.push('healthy/mirrored', '1.0');
      await lab.registry('mirror', '10.77.0.60:5000', { party: 'mirror' });
      await lab.nodeFile('containerd/certs.d/registry.lab/hosts.toml', mirrorHosts);
      return { image: 'registry.lab/healthy/mirrored:1.0' };
    },
  },
  {
    name: 'a registry that only the proxy reaches',
    verdict: 'healthy',
    cause: null,
    pull: 'works',
    nearMissOf: ['proxy-unreachable', 'tcp-refused'],
    async prepare(lab) {
      await lab.push('healthy/proxied', '1.0');
      await lab.proxy({ name: 'squid', port: 3128 });
      await lab.filter('reg', 'input', ['ip saddr 10.77.0.2 tcp dport 443 drop']);
      await lab.runtime({ HTTPS_PROXY: 'http://proxy.lab:3128' });
      return { image: 'registry.lab/healthy/proxied:1.0' };
    },
  },
  {
    name: 'a proxy with a password, given in its address',
    verdict: 'healthy',
    cause: null,
    pull: 'works',
    nearMissOf: ['proxy-auth-required'],
    async prepare(lab) {
      await lab.push('healthy/gate', '1.0');
      await lab.proxy({ name: 'gate', port: 3128, user: users.proxy });
      await lab.filter('reg', 'input', ['ip saddr 10.77.0.2 tcp dport 443 drop']);
      const proxy = `http://${users.proxy.name}:${users.proxy.password}@proxy.lab:3128`;
      await lab.runtime({ HTTPS_PROXY: proxy });
      return { image: 'registry.lab/healthy/gate:1.0', secrets: [users.proxy.password] };
    },
  },
  {
    name: 'a password that is right',
    verdict: 'healthy',
    cause: null,
    pull: 'works',
    nearMissOf: ['credentials-missing', 'credentials-rejected'],
    async prepare(lab) {
      await lab.push('healthy/private', '1.0');
      const args = await authFile(lab, 'private.lab', users.app);
      return { image: 'private.lab/healthy/private:1.0', args, secrets: [users.app.password] };
    },
  },
  {
    name: 'a token that the password gets',
    verdict: 'healthy',
    cause: null,
    pull: 'works',
    nearMissOf: ['access-denied'],
    async prepare(lab) {
      await lab.push('healthy/token', '1.0');
      const args = await authFile(lab, 'token.lab', users.app);
      return { image: 'token.lab/healthy/token:1.0', args, secrets: [users.app.password] };
    },
  },
  {
    name: 'a token that everybody gets',
    verdict: 'healthy',
    cause: null,
    pull: 'works',
    nearMissOf: ['repository-not-found-or-private'],
    async prepare(lab) {
      await lab.push('public/app', '1.0');
      return { image: 'token.lab/public/app:1.0' };
    },
  },
];

const mirrorHosts = '[host."http://mirror.lab:5000"]\n  capabilities = ["pull", "resolve"]\n';

const twoPlatforms = [
  { os: 'linux', architecture: 'amd64' },
  { os: 'linux', architecture: 'arm64' },
];
