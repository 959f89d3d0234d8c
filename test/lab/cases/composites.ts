import { makeAuthority } from '../authority.ts';
import type { LabCase } from '../case.ts';
import type { Lab } from '../lab.ts';
import { users, wrongPassword } from '../lab.ts';
import { fill, onSmallDisk } from './disk-full.ts';
import { apiVersion, authFile, behind, errors, faultyAddress, serving, tls } from './fronts.ts';
import { onNode } from './on-node.ts';

const past = { from: new Date(Date.now() - 4e9), to: new Date(Date.now() - 2e8) };

/** The node's mirror for a registry. */
const mirrorOf = (lab: Lab, registry: string, mirror = 'https://mirror.lab'): Promise<void> =>
  lab.nodeFile(`containerd/certs.d/${registry}/hosts.toml`, `[host."${mirror}"]\n`);

const proxied = { HTTPS_PROXY: 'http://proxy.lab:3128' };

/** Two faults at once: the first finding is the one that stops the runtime, the other one is told too, if it can be seen. */
export const cases: readonly LabCase[] = [
  {
    name: 'two faults: a wrong password behind a mirror that refuses',
    verdict: 'faulty',
    cause: 'credentials-rejected',
    names: 'private.lab',
    alsoFound: ['tcp-refused'],
    nearMissOf: ['tcp-refused', 'mirror-failed'],
    pull: 'fails',
    async prepare(lab) {
      await lab.push('two/secret', '1.0');
      await mirrorOf(lab, 'private.lab');
      const args = await authFile(lab, 'private.lab', { name: users.app.name, password: wrongPassword });
      return { image: 'private.lab/two/secret:1.0', args, secrets: [wrongPassword] };
    },
  },
  {
    name: 'two faults: the proxy wants a password, and the registry is down',
    verdict: 'faulty',
    cause: 'proxy-auth-required',
    confidence: 'proven',
    names: 'proxy.lab',
    alsoFound: ['tcp-refused'],
    nearMissOf: ['tcp-refused'],
    pull: 'fails',
    runtimeSays: /Proxy Authentication Required/,
    async prepare(lab) {
      await lab.proxy({ name: 'gate', port: 3128, user: users.proxy });
      await lab.runtime(proxied);
      return { image: 'closed.lab/two/gate:1.0' };
    },
  },
  {
    name: 'two faults: the proxy wants a password, and the registry’s certificate has expired',
    verdict: 'faulty',
    cause: 'proxy-auth-required',
    names: 'proxy.lab',
    alsoFound: ['tls-certificate-expired'],
    nearMissOf: ['tls-certificate-expired'],
    pull: 'fails',
    async prepare(lab) {
      await lab.proxy({ name: 'gate', port: 3128, user: users.proxy });
      await lab.runtime(proxied);
      const pair = await lab.authority.issue('two-expired', ['faulty.lab'], past);
      await lab.front(
        'expired',
        `${faultyAddress}:443`,
        `server { ${tls(pair, `${faultyAddress}:443`)} location / { ${behind} } }`,
      );
      return { image: 'faulty.lab/two/gate-expired:1.0' };
    },
  },
  {
    name: 'two faults: the proxy is down, and the registry answers 503',
    verdict: 'faulty',
    cause: 'proxy-unreachable',
    underlying: 'tcp-refused',
    names: 'proxy.lab',
    alsoFound: ['registry-error'],
    nearMissOf: ['registry-error'],
    pull: 'fails',
    async prepare(lab) {
      await serving(lab, 'down', 'return 503;');
      await lab.runtime(proxied);
      return { image: 'faulty.lab/two/proxy-down:1.0' };
    },
  },
  {
    name: 'two faults: nothing listens at the first nameserver, and the registry refuses',
    verdict: 'faulty',
    cause: 'tcp-refused',
    names: 'closed.lab',
    alsoFound: ['dns-inconsistent'],
    nearMissOf: ['dns-refused', 'dns-inconsistent'],
    pull: 'fails',
    runtimeSays: /connection refused/,
    async prepare(lab) {
      await lab.resolvers(['nameserver 10.77.0.55', 'nameserver 10.77.0.53']);
      return { image: 'closed.lab/two/nameserver:1.0' };
    },
  },
  {
    name: 'two faults: the disk is full, and the tag is missing',
    verdict: 'faulty',
    cause: 'disk-full',
    alsoFound: ['tag-not-found'],
    nearMissOf: ['tag-not-found'],
    pull: 'fails', // by either: which it meets first hangs on whether a page of its database is free
    async prepare(lab) {
      await lab.push('two/disk', '1.0');
      const runtime = await onSmallDisk(lab, 'two');
      await fill(runtime.root);
      return { image: 'registry.lab/two/disk:2.0', runtime };
    },
  },
  {
    name: 'two faults: CRI is off, and the registry’s name cannot be looked up',
    verdict: 'faulty',
    cause: 'runtime-misconfigured',
    alsoFound: ['dns-server-failure'],
    nearMissOf: ['dns-server-failure'],
    pull: 'not-tried',
    async prepare(lab) {
      const runtime = await lab.ownRuntime('two-no-cri', { cri: false });
      return { image: 'hub.broken.corp/two/cri:1.0', runtime };
    },
  },
  {
    name: 'two faults: the tag is missing, and the mirror’s authority is not trusted',
    verdict: 'faulty',
    cause: 'tag-not-found',
    names: 'registry.lab',
    alsoFound: ['tls-unknown-authority'],
    nearMissOf: ['tls-unknown-authority', 'mirror-failed'],
    pull: 'fails',
    async prepare(lab) {
      await lab.push('two/tag', '1.0');
      const other = await strangers(lab);
      await lab.registry('strange', '10.77.0.60:443', {
        party: 'mirror',
        tls: await other.issue('strange', ['mirror.lab']),
      });
      await mirrorOf(lab, 'registry.lab');
      return { image: 'registry.lab/two/tag:1.O' };
    },
  },
  {
    name: 'two faults: the upstream’s rate limit is reached, and the mirror answers 503',
    verdict: 'faulty',
    cause: 'rate-limited',
    names: 'faulty.lab',
    alsoFound: ['registry-error'],
    nearMissOf: ['registry-error', 'mirror-failed'],
    pull: 'fails',
    async prepare(lab) {
      await lab.push('two/limit', '1.0');
      await lab.front('down', '10.77.0.60:443', `server { ${tls(lab.pair, '10.77.0.60:443')} return 503; }`, 'mirror');
      await mirrorOf(lab, 'faulty.lab');
      await serving(
        lab,
        'limited',
        `location / { ${behind} } location ~ /manifests/ { ${apiVersion} default_type application/json;
           return 429 ${errors('TOOMANYREQUESTS', 'You have reached your pull rate limit.')}; }`,
      );
      return { image: 'faulty.lab/two/limit:1.0' };
    },
  },
  {
    name: 'two faults: the content host refuses, and the credentials end within the hour',
    verdict: 'faulty',
    cause: 'blob-unreachable',
    underlying: 'tcp-refused',
    names: 'cdn.lab',
    alsoFound: ['credentials-expired'],
    nearMissOf: ['credentials-expired', 'tcp-refused'],
    pull: 'fails',
    async prepare(lab) {
      await lab.push('two/ecr', '1.0');
      const expiration = Math.floor(Date.now() / 1000) + 900;
      const password = Buffer.from(JSON.stringify({ payload: 'lab', expiration })).toString('base64');
      await lab.tokenService('ecr', { port: 8443, users: [{ name: 'AWS', password, repositories: [''] }] });
      await lab.translate('auth', ['tcp dport 443 redirect to :8443']);
      await serving(
        lab,
        'ecr',
        `location / { proxy_pass https://10.77.0.12; proxy_set_header Host $http_host; }
         location ~ /blobs/ { return 307 https://cdn.lab$request_uri; }`,
      );
      const args = await authFile(lab, 'faulty.lab', { name: 'AWS', password });
      return { image: 'faulty.lab/two/ecr:1.0', args, secrets: [password] };
    },
  },
  {
    name: 'two faults: the IPv6 address is dead, and the password is wrong',
    verdict: 'faulty',
    cause: 'credentials-rejected',
    names: 'both.lab',
    alsoFound: ['some-addresses-unreachable'],
    nearMissOf: ['some-addresses-unreachable', 'tcp-timeout'],
    pull: 'fails',
    async prepare(lab) {
      await lab.push('two/six', '1.0');
      await lab.nameserver('both', {
        listen: ['10.77.0.54'],
        records: ['both.lab. A 10.77.0.20', 'both.lab. AAAA fd00:77::10'],
      });
      await lab.resolvers(['nameserver 10.77.0.54']);
      const pair = await lab.authority.issue('both', ['both.lab']);
      await lab.registry('both', `${faultyAddress}:443`, { tls: pair, htpasswd: `${lab.folder}/users` });
      await lab.filter('reg', 'input', ['ip6 daddr fd00:77::10 tcp dport 443 drop']);
      const args = await authFile(lab, 'both.lab', { name: users.app.name, password: wrongPassword });
      return { image: 'both.lab/two/six:1.0', args, secrets: [wrongPassword] };
    },
  },
  {
    name: 'two faults: Never without the image, and the registry is down',
    verdict: 'faulty',
    cause: 'image-never-pull',
    alsoFound: ['tcp-refused'],
    nearMissOf: ['tcp-refused'],
    pull: 'not-tried',
    prepare: async () => ({ image: 'closed.lab/two/never:1.0', args: ['--pull-policy', 'Never'] }),
  },
  {
    name: 'two faults: Always with the image on the node, and the proxy denies the registry',
    verdict: 'faulty',
    cause: 'pull-policy-always',
    underlying: 'proxy-denied',
    names: 'proxy.lab',
    alsoFound: ['proxy-denied'],
    nearMissOf: ['proxy-denied'],
    pull: 'fails',
    async prepare(lab) {
      await onNode(lab, 'two/always');
      await lab.proxy({ name: 'strict', port: 3128, rules: ['acl r dstdomain registry.lab', 'http_access deny r'] });
      await lab.filter('reg', 'input', ['ip saddr 10.77.0.2 tcp dport 443 drop']);
      await lab.runtime(proxied);
      return { image: 'registry.lab/two/always:1.0', args: ['--pull-policy', 'Always'] };
    },
  },
  {
    name: 'two faults: the mirror answers with a page, at which containerd stops, and the tag is missing upstream',
    verdict: 'faulty',
    cause: 'registry-invalid-response',
    names: 'mirror.lab',
    alsoFound: ['tag-not-found'],
    nearMissOf: ['tag-not-found', 'mirror-failed'],
    pull: 'fails',
    async prepare(lab) {
      await lab.push('two/page', '1.0');
      const listen = '10.77.0.60:443';
      const page = `location / { default_type text/html; return 200 '<title>Log in</title>'; }`;
      await lab.front('portal', listen, `server { ${tls(lab.pair, listen)} ${page} }`, 'mirror');
      await mirrorOf(lab, 'registry.lab');
      return { image: 'registry.lab/two/page:2.0' };
    },
  },
  {
    name: 'two faults: the mirror’s certificate has expired, and the token service behind the upstream is down',
    verdict: 'faulty',
    cause: 'tls-certificate-expired',
    names: 'mirror.lab',
    alsoFound: ['auth-service-unreachable'],
    nearMissOf: ['auth-service-unreachable', 'mirror-failed'],
    pull: 'fails',
    runtimeSays: /mirror\.lab.*certificate has expired/,
    async prepare(lab) {
      await lab.push('public/two-token', '1.0');
      const pair = await lab.authority.issue('two-mirror', ['mirror.lab'], past);
      await lab.registry('mirror', '10.77.0.60:443', { party: 'mirror', tls: pair });
      await lab.filter('auth', 'input', ['tcp dport 443 reject with tcp reset']);
      await mirrorOf(lab, 'token.lab');
      return { image: 'token.lab/public/two-token:1.0' };
    },
  },
  {
    name: 'three faults: one mirror refuses, packets to the other vanish, the upstream answers 503',
    verdict: 'faulty',
    cause: 'tcp-refused',
    names: 'mirror.lab',
    alsoFound: ['tcp-timeout', 'registry-error'],
    nearMissOf: ['mirror-failed', 'registry-error', 'tcp-timeout'],
    pull: 'not-tried',
    async prepare(lab) {
      await serving(lab, 'down', 'return 503;');
      await lab.nodeFile(
        'containerd/certs.d/faulty.lab/hosts.toml',
        '[host."https://mirror.lab"]\n[host."https://far.lab"]\n',
      );
      return { image: 'faulty.lab/two/three:1.0' };
    },
  },
];

/** An authority that the node does not know. */
async function strangers(lab: Lab): Promise<Lab['authority']> {
  return makeAuthority(`${lab.folder}/strangers-${Date.now()}`, 'Strangers');
}
