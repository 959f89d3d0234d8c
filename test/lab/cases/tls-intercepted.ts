import { readFile } from 'node:fs/promises';
import { type Authority, makeAuthority } from '../authority.ts';
import type { LabCase } from '../case.ts';
import { labCache } from '../containerd-versions.ts';
import { unpackedPackage } from '../debian-package.ts';
import type { Lab } from '../lab.ts';
import { behind, faultyAddress, tls } from './fronts.ts';

const throughProxy = { HTTPS_PROXY: 'http://proxy.lab:3128' };

export const cases: readonly LabCase[] = [
  {
    name: 'the proxy opens TLS and signs anew; directly the registry presents its own certificate',
    verdict: 'faulty',
    cause: 'tls-intercepted',
    confidence: 'proven',
    nearMissOf: ['tls-unknown-authority', 'proxy-bypass-missing', 'proxy-unreachable'],
    pull: 'fails',
    runtimeSays: /certificate signed by unknown authority/,
    names: 'registry.lab',
    async prepare(lab) {
      await lab.push('tls/bumped', '1.0');
      await inspectingProxy(lab, 'Office Web Gate');
      await lab.runtime(throughProxy);
      return { image: 'registry.lab/tls/bumped:1.0' };
    },
  },
  {
    name: 'the proxy opens TLS, and nothing but the proxy reaches the registry; its authority has a known product’s name',
    verdict: 'faulty',
    cause: 'tls-intercepted',
    confidence: 'likely',
    nearMissOf: ['tls-unknown-authority', 'tcp-refused'],
    pull: 'fails',
    runtimeSays: /certificate signed by unknown authority/,
    async prepare(lab) {
      await lab.push('tls/bumped-only', '1.0');
      await inspectingProxy(lab, 'Zscaler Intermediate Root CA (lab)');
      await lab.filter('reg', 'input', ['ip saddr 10.77.0.2 tcp dport 443 reject with tcp reset']);
      await lab.runtime(throughProxy);
      return { image: 'registry.lab/tls/bumped-only:1.0' };
    },
  },
  {
    name: 'the proxy opens TLS, and the node trusts its authority',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['tls-intercepted', 'tls-unknown-authority'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('tls/bumped-known', '1.0');
      const authority = await inspectingProxy(lab, 'Office Web Gate');
      await trust(lab, authority);
      await lab.runtime(throughProxy);
      return { image: 'registry.lab/tls/bumped-known:1.0' };
    },
  },
  {
    name: 'something on the way answers in the name of a public registry, signed by nobody that the public knows',
    verdict: 'faulty',
    cause: 'tls-intercepted',
    confidence: 'likely',
    nearMissOf: ['tls-unknown-authority'],
    pull: 'fails',
    runtimeSays: /certificate signed by unknown authority/,
    names: 'quay.io',
    async prepare(lab) {
      const authority = await makeAuthority(`${lab.folder}/gate-ca`, 'Office Web Gate 2');
      await inNameOf(lab, 'quay.io', authority);
      return { image: 'quay.io/team/app:1.0' };
    },
  },
  {
    name: 'the registry has a private authority, and the node goes by a proxy that leaves TLS alone',
    verdict: 'faulty',
    cause: 'tls-unknown-authority',
    confidence: 'proven',
    nearMissOf: ['tls-intercepted'],
    pull: 'fails',
    runtimeSays: /certificate signed by unknown authority/,
    async prepare(lab) {
      const authority = await makeAuthority(`${lab.folder}/private-ca`, 'Corp CA 7');
      await inNameOf(lab, 'faulty.lab', authority);
      await lab.proxy({ name: 'squid', port: 3128 });
      await lab.runtime(throughProxy);
      return { image: 'faulty.lab/tls/private:1.0' };
    },
  },
  {
    name: 'mirror and registry have the same private authority',
    verdict: 'faulty',
    cause: 'tls-unknown-authority',
    confidence: 'proven',
    nearMissOf: ['tls-intercepted'],
    pull: 'fails',
    runtimeSays: /certificate signed by unknown authority/,
    async prepare(lab) {
      const authority = await makeAuthority(`${lab.folder}/both-ca`, 'Corp CA 8');
      const pair = await authority.issue('both', ['faulty.lab', 'mirror.lab']);
      const mirror = '10.77.0.60:443';
      await lab.front('own', `${faultyAddress}:443`, `server { ${tls(pair)} location / { ${behind} } }`);
      await lab.front('own-mirror', mirror, `server { ${tls(pair, mirror)} location / { ${behind} } }`, 'mirror');
      await lab.nodeFile(
        'containerd/certs.d/faulty.lab/hosts.toml',
        'server = "https://faulty.lab"\n[host."https://mirror.lab"]\n  capabilities = ["pull", "resolve"]\n',
      );
      return { image: 'faulty.lab/tls/private-mirror:1.0' };
    },
  },
];

/** A squid that opens every tunnel, with an authority of this name. */
async function inspectingProxy(lab: Lab, commonName: string): Promise<Authority> {
  const unpacked = await unpackedPackage(labCache(), 'bookworm', 'squid-openssl');
  if ('why' in unpacked) throw new Error(unpacked.why);
  const folder = `${lab.folder}/${commonName.replace(/\W/g, '')}`;
  const authority = await makeAuthority(folder, commonName);
  const signing = { cert: authority.certFile, key: `${folder}/ca.key` };
  const trusts = lab.authority.certFile;
  await lab.proxy({
    name: 'inspecting',
    port: 3128,
    inspects: { package: unpacked.folder, authority: signing, trusts },
  });
  return authority;
}

/** The node trusts this authority too, as after `update-ca-certificates`. */
async function trust(lab: Lab, authority: Authority): Promise<void> {
  const bundle = 'ssl/certs/ca-certificates.crt';
  const before = await readFile(`${lab.network.etc('node')}/${bundle}`, 'utf8');
  await lab.nodeFile(bundle, `${before}${await readFile(authority.certFile, 'utf8')}`);
  await lab.renewRuntime(); // Go reads its roots once
  lab.defer(() => lab.renewRuntime());
}

/** A registry at faulty.lab's address that has a name and a certificate of this authority. */
async function inNameOf(lab: Lab, name: string, authority: Authority): Promise<void> {
  const pair = await authority.issue('own', [name]);
  await lab.front('own', `${faultyAddress}:443`, `server { ${tls(pair)} location / { ${behind} } }`);
  if (name.endsWith('.lab')) return;
  await lab.nameserver('public', { listen: ['10.77.0.54'], records: [`${name}. A ${faultyAddress}`] });
  await lab.resolvers(['nameserver 10.77.0.54']);
}
