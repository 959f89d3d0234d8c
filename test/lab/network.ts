import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { must, type Outcome, type RunOptions, run } from './commands.ts';

/** The parties of the lab's network; each has a namespace of its own. */
export const parties = ['node', 'dns', 'reg', 'proxy', 'cdn', 'auth', 'mirror'] as const;

/** One of them. */
export type Party = (typeof parties)[number];

/**
 * The addresses of each party, the first one its main one. Some have spare ones: a case gets a server or a fault of its
 * own there, and the others do not notice.
 */
export const addresses: Readonly<Record<Party, readonly string[]>> = {
  node: ['10.77.0.2', 'fd00:77::2'],
  dns: ['10.77.0.53', '10.77.0.54', '10.77.0.55', '10.77.0.56', 'fd00:77::53'],
  reg: ['10.77.0.10', '10.77.0.11', '10.77.0.12', '10.77.0.20', '10.77.0.21', '10.77.0.22', 'fd00:77::10'],
  proxy: ['10.77.0.30'],
  cdn: ['10.77.0.40'],
  auth: ['10.77.0.50'],
  mirror: ['10.77.0.60'],
};

const prefix = 'pw';
const lan = 'lan';
const etc = '/etc/netns';

/** Once a process: several networks may be made at the same time. */
let stale: Promise<void> | undefined;

/** A network of namespaces on one bridge, which is in a namespace too: nothing of the machine's own network is touched. */
export interface Network {
  /** The kernel's name of a party's namespace. */
  name(party: Party): string;
  /** The folder whose files and folders replace their namesakes in /etc for what runs at that party. */
  etc(party: Party): string;
  /** The command line that runs `command` at a party. */
  at(party: Party, command: string, args: readonly string[]): [string, string[]];
  /** Runs a command at a party to its end. */
  run(party: Party, command: string, args: readonly string[], options?: RunOptions): Promise<Outcome>;
  /**
   * Adds rules to a party's packet filter, in the input or the output chain, in nft's words: `tcp dport 443 drop`.
   * The function given back removes them.
   */
  filter(party: Party, chain: 'input' | 'output', rules: readonly string[]): Promise<() => Promise<void>>;
  /** Adds rules for the addresses of what arrives at a party: `tcp dport 443 redirect to :8443`. */
  translate(party: Party, rules: readonly string[]): Promise<() => Promise<void>>;
  /** Adds a route at a party (`unreachable 10.78.0.0/24`); the function given back removes it. */
  route(party: Party, route: readonly string[]): Promise<() => Promise<void>>;
  /** Removes everything, whatever is still there of it. */
  remove(): Promise<void>;
}

/** Makes the network, and first removes what a run that died has left. Each network of a process has a label of its own. */
export async function makeNetwork(label = 'lab'): Promise<Network> {
  stale ??= removeStale();
  await stale;
  const own = (party: string) => `${prefix}${process.pid}-${label}-${party}`;
  const inside = (party: string, ...args: string[]) => must('ip', ['-n', own(party), ...args]);

  const network: Network = {
    name: own,
    etc: (party) => `${etc}/${own(party)}`,
    at: (party, command, args) => ['ip', ['netns', 'exec', own(party), command, ...args]],
    run: (party, command, args, options) => run('ip', ['netns', 'exec', own(party), command, ...args], options),
    filter: (party, chain, rules) => addRules(own(party), `type filter hook ${chain} priority 0`, rules),
    translate: (party, rules) => addRules(own(party), 'type nat hook prerouting priority -100', rules),
    async route(party, route) {
      await must('ip', ['-n', own(party), 'route', 'add', ...route]);
      return async () => {
        await must('ip', ['-n', own(party), 'route', 'del', ...route]);
      };
    },
    async remove() {
      for (const party of [...parties, lan]) await removeNamespace(own(party));
      await rmdir(etc).catch(() => undefined); // only when nothing else is in it
    },
  };

  try {
    for (const party of [lan, ...parties]) {
      await must('ip', ['netns', 'add', own(party)]);
      await inside(party, 'link', 'set', 'lo', 'up');
    }
    await inside(lan, 'link', 'add', 'br0', 'type', 'bridge');
    await inside(lan, 'addr', 'add', '10.77.0.1/24', 'dev', 'br0');
    await inside(lan, 'addr', 'add', 'fd00:77::1/64', 'dev', 'br0', 'nodad');
    await inside(lan, 'link', 'set', 'br0', 'up');
    for (const party of parties) {
      const peer = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', own(party)];
      await inside(lan, 'link', 'add', party, ...peer);
      await inside(lan, 'link', 'set', party, 'master', 'br0', 'up');
      for (const address of addresses[party]) {
        const v6 = address.includes(':');
        const options = v6 ? ['nodad'] : [];
        await inside(party, 'addr', 'add', `${address}/${v6 ? 64 : 24}`, 'dev', 'eth0', ...options);
      }
      await inside(party, 'link', 'set', 'eth0', 'up');
      await inside(party, 'route', 'add', 'default', 'via', '10.77.0.1');
      await mkdir(network.etc(party), { recursive: true });
      await writeFile(`${network.etc(party)}/hosts`, '127.0.0.1 localhost\n::1 localhost\n');
      await writeFile(`${network.etc(party)}/resolv.conf`, 'nameserver 10.77.0.53\n');
    }
  } catch (error) {
    await network.remove();
    throw error;
  }
  return network;
}

/** Adds a chain with these rules to a namespace's packet filter; the function given back removes it. */
async function addRules(name: string, hook: string, rules: readonly string[]): Promise<() => Promise<void>> {
  const apply = (input: string) => must('ip', ['netns', 'exec', name, 'nft', '-f', '-'], { input });
  const table = `lab${Math.trunc(performance.now() * 1000)}`;
  const lines = rules.map((rule) => `    ${rule}\n`).join('');
  await apply(`table inet ${table} {\n  chain c {\n    ${hook}; policy accept;\n${lines}  }\n}\n`);
  return async () => {
    await apply(`delete table inet ${table}\n`);
  };
}

async function removeNamespace(name: string): Promise<void> {
  if (existsSync(`/run/netns/${name}`)) await run('ip', ['netns', 'del', name]);
  await rm(`${etc}/${name}`, { recursive: true, force: true });
}

/** Namespaces whose process is gone: their programs are ended by id, then they are removed. */
async function removeStale(): Promise<void> {
  const names: string[] = await readdir('/run/netns').catch(() => []);
  const folders: string[] = await readdir(etc).catch(() => []);
  for (const name of new Set([...names, ...folders])) {
    const owner = /^pw(\d+)-[a-z\d-]+$/.exec(name)?.[1];
    if (owner === undefined || existsSync(`/proc/${owner}`)) continue;
    const pids = names.includes(name) ? (await run('ip', ['netns', 'pids', name])).stdout.trim() : '';
    for (const pid of pids.split('\n').filter((text) => text !== '')) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // it has just ended
      }
    }
    await removeNamespace(name);
  }
}
