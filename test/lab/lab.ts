import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type Authority, makeAuthority, type Pair } from './authority.ts';
import { must, type Outcome, type RunOptions, stopAllServices } from './commands.ts';
import { type Runtime, type RuntimeSetup, startRuntime, withCri } from './containerd.ts';
import { pauseImage } from './containerd-config.ts';
import type { Containerd } from './containerd-versions.ts';
import { type ImageRequest, type PushedImage, pushImage } from './images.ts';
import { makeNetwork, type Network, type Party } from './network.ts';
import { startFront } from './nginx.ts';
import { type JournalLine, withJournal, writeJournal } from './node-journal.ts';
import { startRegistry } from './registry.ts';
import { startProxy } from './squid.ts';
import { startTokenService, type TokenSettings } from './token-service.ts';
import { type NameserverSetup, startNameserver } from './unbound.ts';

/** The names of the lab: who has which address. `*.lab` not listed here does not exist. */
const records = [
  'registry.lab. A 10.77.0.10',
  'registry6.lab. AAAA fd00:77::10',
  'dual.lab. A 10.77.0.10',
  'dual.lab. AAAA fd00:77::10',
  'private.lab. A 10.77.0.11',
  'token.lab. A 10.77.0.12',
  'faulty.lab. A 10.77.0.20',
  'second.lab. A 10.77.0.21',
  'closed.lab. A 10.77.0.22',
  'far.lab. A 10.78.0.10',
  'proxy.lab. A 10.77.0.30',
  'cdn.lab. A 10.77.0.40',
  'auth.lab. A 10.77.0.50',
  'mirror.lab. A 10.77.0.60',
];

const serverNames = records
  .map((record) => record.split('. ')[0] ?? '')
  .filter((name, at, all) => all.indexOf(name) === at);

/** The people of private.lab and token.lab. Their passwords are secrets that must never be printed. */
export const users = {
  app: { name: 'app', password: 'pw-app-Kx7vQ2' },
  /** Known, and allowed to pull only below `public/`. */
  guest: { name: 'guest', password: 'pw-guest-Zt4mN9' },
  proxy: { name: 'gate', password: 'pw-gate-Rw8cJ3' },
} as const;

/** A password that nobody has. */
export const wrongPassword = 'pw-wrong-Hb5yD6';

/** The address of a nameserver that answers everybody REFUSED. */
export const refusingNameserver = '10.77.0.56';

const project = fileURLToPath(new URL('../../', import.meta.url));

/** The lab, with everything that runs all the time, and the means to make faults. */
export interface Lab {
  /** What its node runs, of which line: for the rare case that must be made otherwise there. */
  readonly containerd: Containerd;
  readonly folder: string;
  readonly network: Network;
  /** The authority that the node trusts. */
  readonly authority: Authority;
  /** A server certificate, with its key, for every name of the lab. */
  readonly pair: Pair;
  /** Images of registry.lab, private.lab and token.lab alike. */
  readonly storage: string;
  /** Something to undo after the case. The last comes first. */
  defer(undo: () => Promise<unknown>): void;
  /** Undoes everything that was deferred. */
  undoAll(): Promise<void>;
  /** Pushes an image to all three registries; its content is that of no other image. */
  push(repository: string, tag: string, more?: Partial<ImageRequest>): Promise<PushedImage>;
  /** Writes a file of the node's /etc until the end of the case: `containerd/certs.d/registry.lab/hosts.toml`. */
  nodeFile(path: string, text: string): Promise<void>;
  /** Another resolv.conf at the node until the end of the case; its containerd is started anew to see it. */
  resolvers(lines: readonly string[]): Promise<void>;
  /** Adds rules to a party's packet filter until the end of the case. */
  filter: Network['filter'];
  /** Adds address translation for what arrives at a party until the end of the case: `tcp dport 443 redirect to :8443`. */
  translate(party: Party, rules: readonly string[]): Promise<void>;
  /** Starts another server until the end of the case. The name is the case's own. */
  front(
    name: string,
    listen: string,
    servers: string,
    party?: 'reg' | 'cdn' | 'mirror' | 'auth',
    env?: Readonly<Record<string, string>>,
  ): Promise<void>;
  nameserver(name: string, setup: Partial<NameserverSetup>): Promise<void>;
  proxy(setup: Omit<Parameters<typeof startProxy>[1], 'folder'>): Promise<void>;
  tokenService(name: string, more: Partial<TokenSettings>): Promise<void>;
  /** Another registry on the images of all. */
  registry(name: string, listen: string, more?: Partial<Parameters<typeof startRegistry>[1]>): Promise<void>;
  /**
   * The node's containerd, with this environment until the end of the case; it is started anew only when the
   * environment is another one. Without an argument: with the one that the case has set, or none.
   */
  runtime(env?: Readonly<Record<string, string>>): Promise<Runtime>;
  /** Stops the node's containerd, so that the next use starts it anew: Go reads resolv.conf again only after 5 s. */
  renewRuntime(): Promise<void>;
  /** A containerd of the case's own. */
  ownRuntime(name: string, more?: Partial<RuntimeSetup>): Promise<Runtime>;
  /** One that reads the file which is read when no process tells of another: for a containerd that is not there any more. */
  usualRuntime(name: string, more?: Partial<RuntimeSetup>): Promise<Runtime>;
  /** The node's journal until the end of the case; without it the node has the one of this machine. */
  journal(lines: readonly JournalLine[]): Promise<void>;
  /** Runs the built command at the node. */
  pullwhy(args: readonly string[], options?: RunOptions): Promise<Outcome>;
  stop(): Promise<void>;
}

/**
 * Makes a lab, whose node runs this containerd. A process may have several, with a label each (`17-beside`): nothing of one
 * reaches the others.
 */
export async function startLab(containerd: Containerd, label: string): Promise<Lab> {
  stale ??= removeStaleFolders();
  await stale;
  const folder = await mkdtemp(`${tmpdir()}/${folderPrefix}${process.pid}-`);
  await chmod(folder, 0o711); // squid gives root up and must pass through
  const network = await makeNetwork(label);
  const stop = async (): Promise<void> => {
    await stopAllServices(folder);
    await network.remove();
    if (process.env.PULLWHY_LAB_KEEP === undefined) await rm(folder, { recursive: true, force: true });
    else process.stdout.write(`    lab: kept ${folder}\n`);
  };
  try {
    return await furnish(containerd, folder, network, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

const folderPrefix = 'pullwhy-lab-';

/** Once a process: several labs begin at the same time. */
let stale: Promise<void> | undefined;

/** Folders of runs that were killed, with what is still mounted there. */
async function removeStaleFolders(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const owner = name.startsWith(folderPrefix) ? /^\d+/.exec(name.slice(folderPrefix.length))?.[0] : undefined;
    if (owner === undefined || existsSync(`/proc/${owner}`)) continue;
    const mounts = await readFile('/proc/mounts', 'utf8');
    for (const line of mounts.split('\n')) {
      const at = line.split(' ')[1] ?? '';
      if (at.startsWith(`${tmpdir()}/${name}/`)) await must('umount', ['-l', at]);
    }
    await rm(`${tmpdir()}/${name}`, { recursive: true, force: true });
  }
}

async function furnish(
  containerd: Containerd,
  folder: string,
  network: Network,
  stop: () => Promise<void>,
): Promise<Lab> {
  const storage = `${folder}/images`;
  const authority = await makeAuthority(`${folder}/ca`, 'Lab CA');
  const pair = await authority.issue('lab', serverNames);
  const signing = await makeAuthority(`${folder}/token-ca`, 'Lab tokens');
  const signer = { cert: signing.certFile, key: `${folder}/token-ca/ca.key` };
  const htpasswd = `${folder}/users`;
  await must('htpasswd', ['-bBc', '-C', '4', htpasswd, users.app.name, users.app.password]);
  await furnishNode(network, authority);

  const everything = ['local-zone: "." always_refuse'];
  const refusing = { name: 'refusing', folder, listen: [refusingNameserver], records: [], server: everything };
  await startNameserver(network, refusing);
  await startNameserver(network, { name: 'dns', folder, listen: ['10.77.0.53', 'fd00:77::53'], records, ...dnsFaults });
  const token = { realm: 'https://auth.lab/token', service: 'token.lab', issuer: 'auth.lab', certificate: signer.cert };
  const common = { folder, storage, tls: pair, party: 'reg' as const };
  const pushPort = await freePort();
  await Promise.all([
    startRegistry(null, { name: 'push', folder, storage, listen: `127.0.0.1:${pushPort}`, party: null }),
    startRegistry(network, { ...common, name: 'open', listen: '10.77.0.10:443' }),
    startRegistry(network, { ...common, name: 'open6', listen: '[fd00:77::10]:443' }),
    startRegistry(network, { name: 'plain', folder, storage, party: 'reg', listen: '10.77.0.10:5000' }),
    startRegistry(network, { ...common, name: 'private', listen: '10.77.0.11:443', htpasswd }),
    startRegistry(network, { ...common, name: 'token', listen: '10.77.0.12:443', token }),
  ]);
  const tokenSettings: TokenSettings = {
    address: '10.77.0.50',
    port: 443,
    tls: pair,
    signing: signer,
    issuer: token.issuer,
    service: token.service,
    anonymous: { repositories: ['public/'] },
    users: [
      { ...users.app, repositories: [''] },
      { ...users.guest, repositories: ['public/'] },
    ],
  };
  await startTokenService(network, 'tokens', folder, tokenSettings);

  const undoing: (() => Promise<unknown>)[] = [];
  let current: { runtime: Runtime; env: string } | undefined;
  let paused = false;
  let serial = 0;
  let journal: string | null = null;
  let wanted: Readonly<Record<string, string>> = {};

  const lab: Lab = {
    containerd,
    folder,
    network,
    authority,
    pair,
    storage,
    defer: (undo) => void undoing.push(undo),
    async undoAll() {
      for (let undo = undoing.pop(); undo !== undefined; undo = undoing.pop()) await undo();
    },
    push: (repository, tag, more = {}) =>
      pushImage({ registry: `http://127.0.0.1:${pushPort}`, repository, tag, ...more }),
    async nodeFile(path, text) {
      const file = `${network.etc('node')}/${path}`;
      const before = await readFile(file, 'utf8').catch(() => null);
      await mkdir(file.slice(0, file.lastIndexOf('/')), { recursive: true });
      await writeFile(file, text); // in its place: what is laid over /etc is this very file
      lab.defer(() => (before === null ? rm(file) : writeFile(file, before)));
    },
    async resolvers(lines) {
      await lab.renewRuntime();
      lab.defer(() => lab.renewRuntime());
      await lab.nodeFile('resolv.conf', `${lines.join('\n')}\n`);
    },
    async filter(party, chain, rules) {
      const remove = await network.filter(party, chain, rules);
      lab.defer(remove);
      return remove;
    },
    async translate(party, rules) {
      lab.defer(await network.translate(party, rules));
    },
    async front(name, listen, servers, party = 'reg', env = {}) {
      const front = await startFront(network, { name: `${name}-${serial++}`, folder, party, servers, listen, env });
      lab.defer(front.stop);
    },
    async nameserver(name, setup) {
      const whole = { folder, listen: [], records, ...setup, name: `${name}-${serial++}` };
      lab.defer((await startNameserver(network, whole)).stop);
    },
    async proxy(setup) {
      lab.defer((await startProxy(network, { ...setup, name: `${setup.name}-${serial++}`, folder })).stop);
    },
    async tokenService(name, more) {
      const service = await startTokenService(network, `${name}-${serial++}`, folder, { ...tokenSettings, ...more });
      lab.defer(service.stop);
    },
    async registry(name, listen, more = {}) {
      const setup = { name: `${name}-${serial++}`, folder, storage, party: 'reg' as const, listen, ...more };
      lab.defer((await startRegistry(network, setup)).stop);
    },
    async runtime(env) {
      if (env !== undefined) {
        wanted = env;
        lab.defer(async () => {
          wanted = {};
        });
      }
      const key = JSON.stringify(wanted);
      if (current?.env === key && current.runtime.service.running()) return current.runtime;
      await current?.runtime.service.stop();
      current = undefined;
      const runtime = await startRuntime(network, {
        name: 'containerd',
        containerd,
        folder,
        root: `${folder}/containerd`,
        state: `${folder}/run`,
        config: { inside: '/etc/containerd/config.toml', outside: `${network.etc('node')}/containerd/config.toml` },
        env: wanted,
      });
      current = { runtime, env: key };
      // Once for all cases, before the first one has made its fault: a node on which pods run has it.
      if (!paused) await havePause(runtime);
      paused = true;
      return runtime;
    },
    async renewRuntime() {
      await current?.runtime.service.stop();
      current = undefined;
    },
    async ownRuntime(name, more = {}) {
      const own = `${name}-${serial++}`;
      const file = `${own}.toml`;
      const runtime = await startRuntime(network, {
        name: own,
        containerd,
        folder,
        root: `${folder}/${own}`,
        state: `${folder}/${own}-run`,
        config: { inside: `/etc/containerd/${file}`, outside: `${network.etc('node')}/containerd/${file}` },
        ...more,
      });
      lab.defer(runtime.service.stop);
      const pulls = (more.until ?? 'cri') === 'cri' && more.cri !== false && more.untouched !== true;
      if (pulls && more.sandboxImage === undefined) await havePause(runtime);
      return runtime;
    },
    async usualRuntime(name, more = {}) {
      // The node's own is started anew afterwards, with this file as it was.
      lab.defer(() => lab.renewRuntime());
      await lab.nodeFile('containerd/config.toml', '');
      const file = 'containerd/config.toml';
      return lab.ownRuntime(name, {
        ...more,
        config: { inside: `/etc/${file}`, outside: `${network.etc('node')}/${file}` },
      });
    },
    async journal(lines) {
      journal = await writeJournal(`${folder}/journal-${serial++}`, lines);
      lab.defer(async () => {
        journal = null;
      });
    },
    pullwhy(args, options) {
      const command = [`${project}bin/pullwhy.js`, ...args];
      const [program, words] =
        journal === null ? [process.execPath, command] : withJournal(journal, process.execPath, command);
      return network.run('node', program, words, { timeoutMs: 180_000, ...options });
    },
    stop,
  };
  await lab.push('pause', '3.9');
  await lab.runtime();
  return lab;
}

/** Names whose lookup fails in other ways than by not being there. */
const dnsFaults = {
  server: ['local-zone: "refused.corp." always_refuse', 'local-zone: "nodata.corp." always_nodata'],
  clauses: forwardTo('broken.corp.', refusingNameserver),
};

/** Makes a zone fail: a nameserver that is forwarded to another one, which refuses, answers SERVFAIL. */
export function forwardTo(zone: string, address: string): string[] {
  return ['forward-zone:', `  name: "${zone}"`, `  forward-addr: ${address}`];
}

/** Pulls the pause image, as the first pod does. Where that fails, the case is about what is wrong there. */
async function havePause(runtime: Runtime): Promise<void> {
  const deadlineMs = 5000;
  const options = { signal: AbortSignal.timeout(deadlineMs), deadlineMs };
  await withCri(runtime, (cri) => cri.pullImage(pauseImage, options));
}

/** The node's own files: `ip netns exec` lays this folder over /etc. */
async function furnishNode(network: Network, authority: Authority): Promise<void> {
  const etc = network.etc('node');
  await mkdir(`${etc}/ssl/certs`, { recursive: true });
  await mkdir(`${etc}/containerd/certs.d`, { recursive: true });
  const bundle = '/etc/ssl/certs/ca-certificates.crt';
  const trusted = `${await readFile(bundle, 'utf8')}${await readFile(authority.certFile, 'utf8')}`;
  await writeFile(`${etc}/ssl/certs/ca-certificates.crt`, trusted);
}

/** A port of loopback that is free now: docker-registry does not tell which one it took. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
