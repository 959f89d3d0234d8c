import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type StandInRuntime, startStandInRuntime } from './stand-in-runtime.ts';

/** A `pullwhy agent` process on a made-up node. */
export interface RealAgent {
  readonly node: string;
  /** Whether the hosts file of its node has the registry's name; it has no other way to find it. */
  readonly knowHost: (known: boolean) => Promise<void>;
  /** Why it ended by itself, with the end of its log; null while it runs. */
  readonly ended: () => string | null;
  readonly stop: () => Promise<void>;
}

/** What it is started with. */
export interface RealAgentNeeds {
  readonly node: string;
  /** Program and arguments before `agent`. */
  readonly command: readonly [string, ...string[]];
  /** For its node's files; it is made, and removed by who made it. */
  readonly folder: string;
  readonly collector: string;
  /** Its name, which only hosts files of the demo know, and its port. */
  readonly registry: { readonly host: string; readonly port: number };
  readonly labels: string;
  /** What is handed on of the environment: where programs are. */
  readonly path: string;
}

/** A nameserver that refuses: a loopback address at which nothing listens. What is asked there leaves no machine. */
const nameserver = '127.88.0.1';

/** How often registries are looked at, so that nobody waits for a minute. */
const checkEvery = '2s';

/** How long an agent has to end. */
const endMs = 4000;
const mostLog = 4000;

/** Writes the node's files and starts the agent; it reports as soon as it can. */
export async function startRealAgent(needs: RealAgentNeeds): Promise<RealAgent> {
  const { node, command, folder, collector, registry, labels, path } = needs;
  const root = join(folder, node);
  const place = `${registry.host}:${registry.port}`;
  const write = async (name: string, text: string): Promise<void> => {
    const file = join(root, name);
    await mkdir(join(file, '..'), { recursive: true });
    await writeFile(file, text);
  };
  const knowHost = (known: boolean): Promise<void> =>
    write('etc/hosts', `127.0.0.1 localhost\n${known ? `127.0.0.1 ${registry.host}\n` : ''}`);
  await write('etc/resolv.conf', `nameserver ${nameserver}\noptions timeout:1 attempts:1\n`);
  await write('etc/os-release', 'PRETTY_NAME="Pullwhy demo"\n');
  await write(
    'etc/containerd/config.toml',
    'version = 3\n[plugins."io.containerd.cri.v1.images".registry]\n  config_path = "/etc/containerd/certs.d"\n',
  );
  await write(`etc/containerd/certs.d/${place}/hosts.toml`, `server = "http://${place}"\n`);
  await mkdir(join(root, 'var/log/journal'), { recursive: true });
  await knowHost(true);
  const runtime: StandInRuntime = await startStandInRuntime(join(root, 'runtime.sock'));

  const settings = {
    'collector.url': collector,
    'health.interval': checkEvery,
    'kubernetes.enabled': 'off',
    'node.labels': labels,
    'log.level': 'warn',
  };
  const [program, ...before] = command;
  const child = spawn(
    program,
    [
      ...before,
      'agent',
      ...['--listen', '127.0.0.1:0', '--host-root', root, '--node-name', node],
      ...['--state-directory', join(root, 'state'), '-r', runtime.endpoint],
      ...Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]),
    ],
    { env: { PATH: path, LANG: 'C.UTF-8' }, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  let ended: string | null = null;
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    log = (log + chunk).slice(-mostLog);
  });
  const end = new Promise<void>((resolve) => {
    const over = (why: string): void => {
      ended ??= `${node} has ended: ${why}. ${log.trim()}`;
      resolve();
    };
    child.once('error', (error) => over(error.message));
    child.once('exit', (code, signal) => over(signal ?? `exit status ${code}`));
  });
  // However this process ends: none is left behind.
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  void end.then(() => process.off('exit', kill));

  return {
    node,
    knowHost,
    ended: () => ended,
    async stop() {
      if (ended === null) child.kill('SIGTERM');
      const late = setTimeout(kill, endMs);
      await end;
      clearTimeout(late);
      await runtime.stop();
    },
  };
}
