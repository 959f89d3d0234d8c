import { readFile, rm, writeFile } from 'node:fs/promises';
import { asService } from '../as-service.ts';
import { makeAuthority } from '../authority.ts';
import type { LabCase } from '../case.ts';
import { type Runtime, type RuntimeSetup, withCri } from '../containerd.ts';
import { type Lab, refusingNameserver } from '../lab.ts';
import { fronted } from './fronts.ts';

/** A runtime that does not tell over CRI what it has loaded. */
const untold =
  'containerd 2.x does not tell over CRI which registry settings it has loaded: what shows is that the file changed';

const old = ['1.6', '1.7'] as const;

/**
 * A process's start is known to a second (the boot time of /proc/stat), so that what happens to files within it proves
 * nothing.
 */
async function later(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1300));
}

/** A containerd of the case's own that has run for a while, and the text of its configuration file. */
async function running(
  lab: Lab,
  name: string,
  more: Partial<RuntimeSetup> = {},
): Promise<{ runtime: Runtime; file: string; text: string }> {
  const runtime = await lab.ownRuntime(name, more);
  const file = `${lab.network.etc('node')}/containerd/${runtime.root.slice(runtime.root.lastIndexOf('/') + 1)}.toml`;
  lab.defer(() => rm(file, { force: true }));
  const text = await readFile(file, 'utf8');
  await later();
  return { runtime, file, text };
}

const loadedPath = 'config_path = "/etc/containerd/certs.d"';
const newPath = 'config_path = "/etc/containerd/new.d"';

/** Another folder of hosts.toml than the loaded one: `host` is served by `server`. */
async function otherHosts(lab: Lab, host: string, server: string): Promise<void> {
  await lab.nodeFile(`containerd/new.d/${host}/hosts.toml`, `server = "${server}"\n[host."${server}"]\n`);
}

/** Any pull over TLS: Go loads the trust store at the first handshake. */
async function pulls(runtime: Runtime, image: string): Promise<void> {
  const pulled = await withCri(runtime, (cri) =>
    cri.pullImage(image, { signal: AbortSignal.timeout(20_000), deadlineMs: 20_000 }),
  );
  if (!pulled.ok) throw new Error(`${image}: ${pulled.error.message}`);
}

const bundle = 'ssl/certs/ca-certificates.crt';

const trusted = (lab: Lab): Promise<string> => readFile(`${lab.network.etc('node')}/${bundle}`, 'utf8');

export const cases: readonly LabCase[] = [
  {
    name: 'config.toml names another folder of mirrors since containerd started, and the old way is closed',
    verdict: 'faulty',
    cause: 'runtime-misconfigured',
    confidence: 'proven',
    underlying: 'tcp-refused',
    nearMissOf: ['tcp-refused'],
    pull: 'fails',
    runtimeSays: /closed\.lab.*connection refused/,
    alsoNames: [/process \d+, started \d{4}-/, /registry\.config_path is \/etc\/containerd\/certs\.d there/],
    differs: {
      '2.x': { why: untold, confidence: 'likely', alsoNames: [/changed \d{4}-/] },
      '2.x local': { why: untold, confidence: 'likely', alsoNames: [/changed \d{4}-/] },
    },
    async prepare(lab) {
      await lab.push('differs/path', '1.0');
      const { runtime, file, text } = await running(lab, 'differs-path');
      await otherHosts(lab, 'closed.lab', 'https://registry.lab');
      await writeFile(file, text.replace(loadedPath, newPath));
      return { image: 'closed.lab/differs/path:1.0', runtime };
    },
  },
  {
    name: 'the same without a pull: the probes go by a file that is not loaded',
    verdict: 'degraded',
    cause: 'runtime-misconfigured',
    confidence: 'proven',
    pull: 'not-tried',
    runtimes: old,
    runtimesWhy: untold,
    async prepare(lab) {
      await lab.push('differs/untried', '1.0');
      const { runtime, file, text } = await running(lab, 'differs-untried');
      await otherHosts(lab, 'closed.lab', 'https://registry.lab');
      await writeFile(file, text.replace(loadedPath, newPath));
      return { image: 'closed.lab/differs/untried:1.0', runtime };
    },
  },
  {
    name: 'mirrors instead of a folder since containerd started, and the old way is closed',
    verdict: 'faulty',
    cause: 'runtime-misconfigured',
    confidence: 'proven',
    underlying: 'tcp-refused',
    nearMissOf: ['tcp-refused'],
    pull: 'fails',
    runtimes: old,
    runtimesWhy: 'registry.mirrors is the setting of containerd 1.x',
    async prepare(lab) {
      await lab.push('differs/mirrors', '1.0');
      const { runtime, file, text } = await running(lab, 'differs-mirrors');
      const mirrors =
        '[plugins."io.containerd.grpc.v1.cri".registry.mirrors."closed.lab"]\n  endpoint = ["https://registry.lab"]\n';
      await writeFile(file, text.replace(loadedPath, '').concat(mirrors));
      return { image: 'closed.lab/differs/mirrors:1.0', runtime };
    },
  },
  {
    name: 'hosts.toml changed since containerd started, which it reads on each pull',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['runtime-misconfigured'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('differs/hosts', '1.0');
      const { runtime } = await running(lab, 'differs-hosts');
      await lab.nodeFile(
        'containerd/certs.d/closed.lab/hosts.toml',
        'server = "https://registry.lab"\n[host."https://registry.lab"]\n',
      );
      return { image: 'closed.lab/differs/hosts:1.0', runtime };
    },
  },
  {
    name: 'config.toml was written anew since containerd started, and the tag does not exist',
    verdict: 'faulty',
    cause: 'tag-not-found',
    confidence: 'proven',
    nearMissOf: ['runtime-misconfigured'],
    pull: 'fails',
    async prepare(lab) {
      await lab.push('differs/tag', '1.0');
      const { runtime, file, text } = await running(lab, 'differs-tag');
      await writeFile(file, `${text}# changed\n`);
      return { image: 'registry.lab/differs/tag:2.0', runtime };
    },
  },
  {
    name: 'config.toml leads to a closed port since containerd started, which still pulls by what it loaded',
    verdict: 'degraded',
    cause: 'runtime-misconfigured',
    confidence: 'proven',
    alsoFound: ['tcp-refused'],
    nearMissOf: ['tcp-refused'],
    pull: 'works',
    runtimes: old,
    runtimesWhy: untold,
    async prepare(lab) {
      await lab.push('differs/ahead', '1.0');
      const { runtime, file, text } = await running(lab, 'differs-ahead');
      await otherHosts(lab, 'registry.lab', 'https://closed.lab');
      await writeFile(file, text.replace(loadedPath, newPath));
      return { image: 'registry.lab/differs/ahead:1.0', runtime };
    },
  },
  {
    name: 'the same without a pull: what the probes meet is not what the runtime meets',
    verdict: 'inconclusive',
    cause: 'runtime-misconfigured',
    alsoFound: ['tcp-refused'],
    nearMissOf: ['tcp-refused'],
    pull: 'not-tried',
    runtimes: old,
    runtimesWhy: untold,
    async prepare(lab) {
      await lab.push('differs/ahead-untried', '1.0');
      const { runtime, file, text } = await running(lab, 'differs-ahead-untried');
      await otherHosts(lab, 'registry.lab', 'https://closed.lab');
      await writeFile(file, text.replace(loadedPath, newPath));
      return { image: 'registry.lab/differs/ahead-untried:1.0', runtime };
    },
  },
  {
    name: 'config.toml is broken since containerd started, which still pulls by what it loaded',
    verdict: 'degraded',
    cause: 'runtime-misconfigured',
    confidence: 'proven',
    pull: 'works',
    async prepare(lab) {
      await lab.push('differs/broken', '1.0');
      const { runtime, file, text } = await running(lab, 'differs-broken');
      await writeFile(file, `${text}[plugins\n`);
      return { image: 'registry.lab/differs/broken:1.0', runtime };
    },
  },
  {
    name: 'the registry’s authority is in the node’s trust store since after containerd loaded it',
    verdict: 'faulty',
    cause: 'tls-unknown-authority',
    confidence: 'proven',
    nearMissOf: ['runtime-misconfigured'],
    pull: 'fails',
    runtimeSays: /certificate signed by unknown authority/,
    alsoNames: [/process \d+, started \d{4}-/, /Corp CA 11/, /etc\/ssl\/certs\/ca-certificates\.crt changed \d{4}-/],
    async prepare(lab) {
      await lab.push('differs/first', '1.0');
      await lab.push('differs/authority', '1.0');
      const other = await makeAuthority(`${lab.folder}/differs-ca`, 'Corp CA 11');
      await fronted(lab, 'differs-authority', await other.issue('faulty', ['faulty.lab']));
      const { runtime } = await running(lab, 'differs-authority');
      await pulls(runtime, 'registry.lab/differs/first:1.0');
      await lab.nodeFile(bundle, `${await trusted(lab)}${await readFile(other.certFile, 'utf8')}`);
      return { image: 'faulty.lab/differs/authority:1.0', runtime };
    },
  },
  {
    name: 'an authority that came into the trust store after containerd started, and before its first TLS',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['tls-unknown-authority'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('differs/lazy', '1.0');
      const other = await makeAuthority(`${lab.folder}/lazy-ca`, 'Corp CA 12');
      await fronted(lab, 'differs-lazy', await other.issue('faulty', ['faulty.lab']));
      const { runtime } = await running(lab, 'differs-lazy', { untouched: true });
      await lab.nodeFile(bundle, `${await trusted(lab)}${await readFile(other.certFile, 'utf8')}`);
      return { image: 'faulty.lab/differs/lazy:1.0', runtime };
    },
  },
  {
    name: 'an authority that left the trust store after containerd loaded it',
    verdict: 'degraded',
    cause: 'tls-unknown-authority',
    confidence: 'likely',
    pull: 'works',
    alsoNames: [/after its next start/],
    async prepare(lab) {
      await lab.push('differs/second', '1.0');
      await lab.push('differs/removed', '1.0');
      const { runtime } = await running(lab, 'differs-removed');
      await pulls(runtime, 'registry.lab/differs/second:1.0');
      const without = (await trusted(lab)).replace(await readFile(lab.authority.certFile, 'utf8'), '');
      await lab.nodeFile(bundle, without);
      return { image: 'registry.lab/differs/removed:1.0', runtime };
    },
  },
  {
    name: 'the trust store changed, and the authority is still not in it',
    verdict: 'faulty',
    cause: 'tls-unknown-authority',
    confidence: 'proven',
    pull: 'fails',
    runtimeSays: /certificate signed by unknown authority/,
    async prepare(lab) {
      await lab.push('differs/third', '1.0');
      await lab.push('differs/still', '1.0');
      const [other, third] = await Promise.all([
        makeAuthority(`${lab.folder}/still-ca`, 'Corp CA 13'),
        makeAuthority(`${lab.folder}/still-ca-2`, 'Corp CA 14'),
      ]);
      await fronted(lab, 'differs-still', await other.issue('faulty', ['faulty.lab']));
      const { runtime } = await running(lab, 'differs-still');
      await pulls(runtime, 'registry.lab/differs/third:1.0');
      await lab.nodeFile(bundle, `${await trusted(lab)}${await readFile(third.certFile, 'utf8')}`);
      return { image: 'faulty.lab/differs/still:1.0', runtime };
    },
  },
  {
    name: 'hosts.toml names an authority since containerd loaded its trust store',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['tls-unknown-authority', 'runtime-misconfigured'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('differs/fourth', '1.0');
      await lab.push('differs/ca', '1.0');
      const other = await makeAuthority(`${lab.folder}/hosts-ca`, 'Corp CA 15');
      await fronted(lab, 'differs-ca', await other.issue('faulty', ['faulty.lab']));
      const { runtime } = await running(lab, 'differs-ca');
      await pulls(runtime, 'registry.lab/differs/fourth:1.0');
      await lab.nodeFile('containerd/certs.d/faulty.lab/ca.crt', await readFile(other.certFile, 'utf8'));
      const hosts = 'server = "https://faulty.lab"\n[host."https://faulty.lab"]\n  ca = "ca.crt"\n';
      await lab.nodeFile('containerd/certs.d/faulty.lab/hosts.toml', hosts);
      return { image: 'faulty.lab/differs/ca:1.0', runtime };
    },
  },
  {
    name: 'a drop-in of containerd’s service sets the proxy that is needed, and the service was not restarted',
    verdict: 'faulty',
    cause: 'proxy-required',
    confidence: 'proven',
    nearMissOf: ['tcp-refused'],
    pull: 'fails',
    runtimeSays: /connection refused/,
    alsoNames: [/process \d+, started \d{4}-.* does not have HTTPS_PROXY=http:\/\/proxy\.lab:3128/, /10-proxy\.conf/],
    async prepare(lab) {
      await lab.push('differs/drop-in', '1.0');
      const { runtime } = await running(lab, 'differs-drop-in');
      await asService(lab, runtime);
      await lab.proxy({ name: 'differs', port: 3128 });
      await lab.filter('reg', 'input', ['ip saddr 10.77.0.2 ip daddr 10.77.0.10 tcp dport 443 reject with tcp reset']);
      const dropIn = '[Service]\nEnvironment=HTTPS_PROXY=http://proxy.lab:3128\n';
      await lab.nodeFile('systemd/system/containerd.service.d/10-proxy.conf', dropIn);
      return { image: 'registry.lab/differs/drop-in:1.0', runtime };
    },
  },
  {
    name: 'containerd runs with a dead proxy that its service does not set any more',
    verdict: 'faulty',
    cause: 'proxy-unreachable',
    confidence: 'proven',
    nearMissOf: ['proxy-misconfigured', 'tcp-refused'],
    pull: 'fails',
    runtimeSays: /proxyconnect tcp.*connection refused/,
    alsoNames: [/started .* has HTTPS_PROXY=http:\/\/proxy\.lab:3999, which containerd\.service does not set\./],
    async prepare(lab) {
      await lab.push('differs/dead', '1.0');
      const runtime = await lab.ownRuntime('differs-dead', { env: { HTTPS_PROXY: 'http://proxy.lab:3999' } });
      await asService(lab, runtime);
      await lab.nodeFile('systemd/system/containerd.service.d/10-limits.conf', '[Service]\nLimitNOFILE=1048576\n');
      return { image: 'registry.lab/differs/dead:1.0', runtime };
    },
  },
  {
    name: 'a drop-in of containerd’s service sets a dead proxy, and the service was not restarted',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['proxy-unreachable', 'proxy-required'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('differs/later', '1.0');
      const { runtime } = await running(lab, 'differs-later');
      await asService(lab, runtime);
      const dropIn = '[Service]\nEnvironment=HTTPS_PROXY=http://proxy.lab:3999\n';
      await lab.nodeFile('systemd/system/containerd.service.d/10-proxy.conf', dropIn);
      return { image: 'registry.lab/differs/later:1.0', runtime };
    },
  },
  {
    name: 'the probes ask a nameserver that refuses, and the runtime pulls',
    verdict: 'degraded',
    cause: 'dns-refused',
    confidence: 'possible',
    pull: 'works',
    alsoNames: [/pulls registry\.lab\/differs\/nameserver:1\.0 all the same/, 'name lookup'],
    async prepare(lab) {
      await lab.push('differs/nameserver', '1.0');
      return { image: 'registry.lab/differs/nameserver:1.0', args: ['--nameserver', refusingNameserver] };
    },
  },
  {
    name: 'the probes go by a dead proxy that the runtime does not have, and it pulls',
    verdict: 'degraded',
    cause: 'proxy-unreachable',
    confidence: 'possible',
    pull: 'works',
    alsoNames: [/all the same/],
    async prepare(lab) {
      await lab.push('differs/override', '1.0');
      const file = `${lab.folder}/override.env`;
      await writeFile(file, 'HTTPS_PROXY=http://proxy.lab:3999\n');
      return { image: 'registry.lab/differs/override:1.0', args: ['--proxy-env', file] };
    },
  },
];
