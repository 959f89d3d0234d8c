import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Answer, send } from './http-collector.ts';

const executable = fileURLToPath(new URL('../../bin/pullwhy.js', import.meta.url));

/** The built collector as a process of its own, on loopback. */
export interface CollectorProcess {
  readonly pid: number;
  readonly port: number;
  readonly url: string;
  /** Milliseconds from before it was started until it was ready. */
  readonly readyMs: number;
  readonly logText: () => string;
  /** Asks it over plain HTTP; any status. */
  readonly get: (path: string, headers?: Readonly<Record<string, string>>) => Promise<Answer>;
  readonly report: (batch: unknown, headers?: Readonly<Record<string, string>>) => Promise<Answer>;
  readonly signal: (name: NodeJS.Signals) => void;
  /** Sends a signal (SIGTERM) and waits for its end; killed after 20 s. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<{ readonly code: number | null; readonly ms: number }>;
}

/**
 * Starts `pullwhy collector` with these flags and waits until it answers. Nothing of this environment is handed on.
 * `through`: a program with its arguments that makes itself the command behind them, `unshare` for one.
 */
export async function startCollectorProcess(
  flags: readonly string[],
  {
    env = {},
    through = [],
  }: { readonly env?: Readonly<Record<string, string>>; readonly through?: readonly string[] } = {},
): Promise<CollectorProcess> {
  const begun = performance.now();
  const command = [...through, process.execPath, executable, 'collector', '--listen', '127.0.0.1:0', ...flags];
  const child = spawn(command[0] ?? '', command.slice(1), {
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  void ended.then(() => process.off('exit', kill));

  let port = 0;
  while (port === 0) {
    port = Number(/"address":"127\.0\.0\.1:(\d+)"/.exec(text)?.[1] ?? 0);
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the collector ended:\n${text}`);
    if (performance.now() - begun > 20_000) {
      kill();
      throw new Error(`the collector does not answer:\n${text}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return {
    pid: child.pid ?? 0,
    port,
    url: `http://127.0.0.1:${port}`,
    readyMs: performance.now() - begun,
    logText: () => text,
    get: (path, headers = {}) => send(port, '', headers, { path, method: 'GET' }),
    report: (batch, headers = {}) => send(port, JSON.stringify(batch), headers),
    signal: (name) => void child.kill(name),
    async stop(signal = 'SIGTERM') {
      const at = performance.now();
      child.kill(signal);
      const timer = setTimeout(kill, 20_000);
      const code = await ended;
      clearTimeout(timer);
      return { code, ms: performance.now() - at };
    },
  };
}
