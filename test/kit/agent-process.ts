import { type ChildProcess, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { PodsDocument } from '../../src/api/node.ts';
import { checkAgainst } from '../../src/api/schema.ts';
import { parseJson } from '../../src/lib/json.ts';

const executable = fileURLToPath(new URL('../../bin/pullwhy.js', import.meta.url));
const megabyte = 1024 * 1024;

/** What a process has of the machine now. Bytes, as the kernel counts them; milliseconds of all its threads. */
export interface Footprint {
  readonly rss: number;
  /** Pages that no other process could share: its own, not those of files (the kernel's RssAnon). */
  readonly private: number;
  /** The most that it has had. */
  readonly peakRss: number;
  readonly cpuMs: number;
}

/** The built agent as a process of its own, on loopback. */
export interface AgentProcess {
  readonly pid: number;
  readonly port: number;
  /** Milliseconds from before it was started until it answered that it is ready. */
  readonly readyMs: number;
  readonly running: () => boolean;
  /** What it logged. */
  readonly log: () => readonly Record<string, unknown>[];
  readonly logText: () => string;
  /** Asks it; any status. */
  readonly ask: (
    path: string,
    options?: { readonly method?: string; readonly body?: unknown },
  ) => Promise<{ readonly status: number; readonly body: string; readonly ms: number }>;
  readonly pods: () => Promise<PodsDocument['pods']>;
  readonly footprint: () => Promise<Footprint>;
  /** Sends a signal (SIGTERM) and waits for its end; killed after 20 s. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<{
    readonly code: number | null;
    readonly signal: NodeJS.Signals | null;
    readonly ms: number;
  }>;
}

/** Starts `pullwhy agent` with these flags and waits until it is ready. Nothing of this environment is handed on. */
export async function startAgentProcess(
  flags: readonly string[],
  {
    under = [],
    env = {},
  }: { readonly under?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<AgentProcess> {
  const begun = performance.now();
  const line = [...under, process.execPath, executable, 'agent', '--listen', '127.0.0.1:0', ...flags];
  const [program = '', ...args] = line;
  const child = spawn(program, args, {
    env: { PATH: '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', NODE_NAME: 'node-1', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  void ended.then(() => process.off('exit', kill));

  const port = await answered(child, () => text);
  const ask: AgentProcess['ask'] = (path, options = {}) => question(port, path, options);
  for (const limit = begun + 20_000; ; ) {
    if ((await ask('/readyz')).status === 200) break;
    if (performance.now() > limit) throw new Error(`the agent is not ready:\n${text}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const readyMs = performance.now() - begun;
  const pid = child.pid ?? 0;
  return {
    pid,
    port,
    readyMs,
    running: () => child.exitCode === null && child.signalCode === null,
    log: () =>
      text
        .split('\n')
        .slice(0, -1)
        .map((entry) => {
          const parsed: unknown = parseJson(entry);
          return typeof parsed === 'object' && parsed !== null ? { ...parsed } : { text: entry };
        }),
    logText: () => text,
    ask,
    async pods() {
      const { status, body } = await ask('/v1/pods');
      const checked = checkAgainst(PodsDocument, parseJson(body));
      if (status !== 200 || !checked.ok) throw new Error(`GET /v1/pods: ${status} ${body.slice(0, 500)}`);
      return checked.value.pods;
    },
    footprint: () => footprintOf(pid),
    async stop(signal = 'SIGTERM') {
      const at = performance.now();
      child.kill(signal);
      const timer = setTimeout(kill, 20_000);
      const end = await ended;
      clearTimeout(timer);
      return { ...end, ms: performance.now() - at };
    },
  };
}

/** The port by what it logs. */
async function answered(child: ChildProcess, text: () => string): Promise<number> {
  const limit = performance.now() + 20_000;
  for (;;) {
    const port = /"address":"127\.0\.0\.1:(\d+)"/.exec(text())?.[1];
    if (port !== undefined) return Number(port);
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the agent ended:\n${text()}`);
    if (performance.now() > limit) {
      child.kill('SIGKILL');
      throw new Error(`the agent does not answer:\n${text()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

function question(
  port: number,
  path: string,
  { method = 'GET', body }: { readonly method?: string; readonly body?: unknown },
): ReturnType<AgentProcess['ask']> {
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = text === undefined ? {} : { 'content-type': 'application/json' };
    const asked = request(
      { host: '127.0.0.1', port, path, method, headers, agent: false, timeout: 15_000 },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            body: Buffer.concat(chunks).toString('utf8'),
            ms: performance.now() - begun,
          }),
        );
      },
    );
    asked.on('timeout', () => asked.destroy(new Error(`${method} ${path}: no answer within 15 s`)));
    asked.on('error', reject);
    asked.end(text);
  });
}

/** What the kernel tells of a process. */
export async function footprintOf(pid: number): Promise<Footprint> {
  const [status, stat] = await Promise.all(['status', 'stat'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8')));
  const kib = (text: string | undefined, name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text ?? '')?.[1] ?? Number.NaN) * 1024;
  // Behind the name, which may hold anything: state is field 3, utime 14, stime 15 (proc(5)).
  const fields = (stat ?? '').slice((stat ?? '').lastIndexOf(')') + 2).split(' ');
  return {
    rss: kib(status, 'VmRSS'),
    peakRss: kib(status, 'VmHWM'),
    private: kib(status, 'RssAnon'),
    cpuMs: (Number(fields[11]) + Number(fields[12])) * 10,
  };
}

/** Bytes as MiB with one digit. */
export function mib(bytes: number): number {
  return Math.round((bytes / megabyte) * 10) / 10;
}
