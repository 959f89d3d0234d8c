import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { PodsDocument } from '../../../src/api/node.ts';
import { checkAgainst } from '../../../src/api/schema.ts';
import { parseJson } from '../../../src/lib/json.ts';
import { type LiveJournald, startJournald } from '../../kit/journal-maker.ts';
import type { NodeLine } from '../../kit/node-lines.ts';
import { until } from '../../kit/until.ts';
import { type Service, startService } from '../commands.ts';
import type { Lab } from '../lab.ts';

const executable = fileURLToPath(new URL('../../../bin/pullwhy.js', import.meta.url));
const address = '127.0.0.1:9440';

/** The built agent at the node of a lab, beside a journald of its own. */
export interface NodeAgent {
  readonly journald: LiveJournald;
  /** The agent's process now; another one after `start`. */
  service(): Service;
  /** Starts it again, when it has ended. */
  start(): Promise<void>;
  /** SIGKILL, and its end. */
  kill(): Promise<void>;
  /** Writes lines to the node's journal, those of one unit after the other's; resolves when journald took them. */
  say(lines: readonly NodeLine[]): Promise<void>;
  /** Asks it; the body of an answer of 200. */
  get(path: string): Promise<string>;
  pods(): Promise<PodsDocument>;
  /** Writes a file below the node's /var/lib: `kubelet/config.json`. */
  varFile(path: string, text: string): Promise<void>;
  /** What it logged, of all its runs. */
  logged(): Promise<readonly Record<string, unknown>[]>;
}

/** How the agent is started. */
export interface NodeAgentSetup {
  /** Of the runtime. */
  readonly endpoint: string;
  /** More of `--set NAME=VALUE`. */
  readonly settings?: readonly string[];
  readonly journald?: readonly string[];
  /** A kubelet's line is in the journal before the agent starts (true). */
  readonly begun?: boolean;
}

let serial = 0;

/** Starts it, until the end of the case; null where no journald can be run here. */
export async function startNodeAgent(lab: Lab, setup: NodeAgentSetup): Promise<NodeAgent | null> {
  const folder = `${lab.folder}/agent-${serial++}`;
  await mkdir(`${folder}/lib/kubelet`, { recursive: true });
  const journald = await startJournald(folder, setup.journald ?? []);
  if (journald === null) return null;
  lab.defer(journald.stop);
  const say = async (lines: readonly NodeLine[]): Promise<void> => {
    for (const unit of ['containerd', 'kubelet'] as const) {
      const own = lines.filter((line) => line.unit === unit).map(({ message }) => message);
      if (own.length > 0) await journald.write(unit, own, `${unit}.service`);
    }
  };
  if (setup.begun !== false) {
    await say([{ unit: 'kubelet', message: 'I1122 11:03:27.838424   16667 server.go:530] "Kubelet version"' }]);
  }

  // Its own /var/log and /var/lib: those of this machine are not the node's.
  const script = [
    'mount --make-rprivate /',
    'mount --bind "$1/var" /var/log',
    'mount --bind "$1/lib" /var/lib',
    'if [ -d /run/log ]; then mount -t tmpfs tmpfs /run/log; fi',
    'shift',
    'exec "$@"',
  ].join(' && ');
  const settings = (setup.settings ?? []).flatMap((setting) => ['--set', setting]);
  const agent = [process.execPath, executable, 'agent', '--listen', address, '-r', setup.endpoint, ...settings];
  const words = ['-m', 'sh', '-c', script, 'sh', folder, ...agent, '--state-directory', '/var/lib/pullwhy'];
  const logFile = `${folder}/agent.log`;
  const relay = await startRelay(lab, `${folder}/agent.sock`, logFile);
  let service: Service | undefined;

  const node: NodeAgent = {
    journald,
    say,
    service() {
      if (service === undefined) throw new Error('the agent was not started');
      return service;
    },
    async start() {
      const [command, args] = lab.network.at('node', 'unshare', words);
      const started = await startService('agent', command, args, logFile, { NODE_NAME: 'node' });
      service = started;
      const ready = async (): Promise<boolean> => {
        if (!started.running()) throw new Error(`the agent ended:\n${await readFile(logFile, 'utf8')}`);
        return (await ask(relay, '/readyz').catch(() => ({ status: 0 }))).status === 200;
      };
      await until(`the agent (see ${logFile})`, ready, 20_000);
    },
    async kill() {
      const killed = node.service();
      process.kill(killed.pid, 'SIGKILL');
      await until('the end of the agent', () => !killed.running());
    },
    async get(path) {
      const { status, body } = await ask(relay, path);
      if (status !== 200) throw new Error(`GET ${path}: ${status} ${body}`);
      return body;
    },
    async pods() {
      const checked = checkAgainst(PodsDocument, parseJson(await node.get('/v1/pods')));
      if (!checked.ok) throw new Error(`GET /v1/pods: ${JSON.stringify(checked.error)}`);
      return checked.value;
    },
    varFile: (path, text) => writeFile(`${folder}/lib/${path}`, text, { mode: 0o600 }),
    async logged() {
      const lines = (await readFile(logFile, 'utf8')).split('\n').filter((line) => line !== '');
      return lines.map((line) => {
        const entry: unknown = parseJson(line);
        return typeof entry === 'object' && entry !== null ? { ...entry } : { text: line };
      });
    },
  };
  lab.defer(async () => service?.stop());
  await node.start();
  return node;
}

/** Sockets of files know no namespaces of the network: what comes to this one goes on to the agent at its loopback. */
async function startRelay(lab: Lab, socket: string, logFile: string): Promise<string> {
  const [host, port] = address.split(':');
  const program = `
    const net = require('node:net');
    net.createServer((from) => {
      const to = net.connect(${port}, '${host}');
      from.on('error', () => to.destroy());
      to.on('error', () => from.destroy());
      from.pipe(to).pipe(from);
    }).listen('${socket}');`;
  const [command, args] = lab.network.at('node', process.execPath, ['-e', program]);
  const relay = await startService('relay', command, args, `${logFile}.relay`);
  lab.defer(relay.stop);
  return socket;
}

function ask(socketPath: string, path: string): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, timeout: 10_000, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    asked.on('timeout', () => asked.destroy(new Error(`GET ${path}: no answer within 10 s`)));
    asked.on('error', reject);
    asked.end();
  });
}
