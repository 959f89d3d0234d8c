import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

/** What a command that ended said. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly wallMs: number;
}

/** How to run a command. Nothing of this process's environment is passed on but what `env` says and a PATH. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** The folder that it runs in (this process's own). */
  readonly cwd?: string;
  /** The command is killed after this long (60 s). */
  readonly timeoutMs?: number;
}

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The environment of every program of the lab: a proxy or a trust store of the machine's own must not leak in. */
export function cleanEnvironment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { PATH: path, LANG: 'C.UTF-8', ...more };
}

/** Runs a command to its end. An exit status is not an error here; a command that cannot be started is. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(command, args, {
      env: cleanEnvironment(options.env),
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 60_000);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({
        code,
        stdout: Buffer.concat(out).toString('utf8'),
        stderr: Buffer.concat(err).toString('utf8'),
        wallMs: performance.now() - started,
      });
    });
    child.stdin.on('error', () => undefined); // a command that does not read its input
    child.stdin.end(options.input ?? '');
  });
}

/** Runs a command that has to succeed; gives its standard output. */
export async function must(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const outcome = await run(command, args, options);
  if (outcome.code !== 0) {
    throw new Error(`${command} ${args.join(' ')}: exit status ${outcome.code}\n${outcome.stderr}${outcome.stdout}`);
  }
  return outcome.stdout;
}

/** A program that was started and goes on until it is stopped. */
export interface Service {
  readonly name: string;
  readonly pid: number;
  /** File that has everything it printed. */
  readonly logFile: string;
  /** False once it has ended. */
  readonly running: () => boolean;
  /** SIGTERM, after two seconds SIGKILL; waits for its end. Twice does nothing. */
  stop(): Promise<void>;
}

const services = new Set<Service>();

/**
 * Starts a program; its output goes to `logFile`. It dies with this process, however this process ends: the kernel sees
 * to that (`prctl(PR_SET_PDEATHSIG)`), and the program keeps its process id.
 */
export async function startService(
  name: string,
  command: string,
  args: readonly string[],
  logFile: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Service> {
  const log = openSync(logFile, 'a');
  const bound = ['--pdeathsig', 'KILL', command, ...args];
  const child = spawn('setpriv', bound, { env: cleanEnvironment(env), stdio: ['ignore', log, log] });
  closeSync(log);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const service: Service = {
    name,
    pid: child.pid ?? 0,
    logFile,
    running: () => alive(child),
    async stop() {
      services.delete(service);
      if (!alive(child)) return;
      child.kill('SIGTERM');
      const hard = setTimeout(() => child.kill('SIGKILL'), 2000);
      await ended;
      clearTimeout(hard);
    },
  };
  services.add(service);
  return service;
}

/** Stops whatever is still running, newest first: everything, or what logs below a folder (one lab of several). */
export async function stopAllServices(folder = ''): Promise<void> {
  const prefix = folder === '' ? '' : `${folder}/`;
  for (const service of [...services].reverse()) {
    if (service.logFile.startsWith(prefix)) await service.stop();
  }
}

function alive(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null;
}
