import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** How one run of the built command ended. */
export interface Run {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

/** What of the surroundings is not as usual. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Sent to it after so many milliseconds. */
  readonly signal?: { readonly name: NodeJS.Signals; readonly afterMs: number };
  /** A shell line around the command, which is `"$@"`. */
  readonly shell?: string;
}

/** Runs the built command; a run that does not end is killed after 40 s. */
export function pullwhy(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const begun = performance.now();
  const command = [process.execPath, `${root}bin/pullwhy.js`, ...args];
  const [program = '', ...rest] = options.shell === undefined ? command : ['sh', '-c', options.shell, 'sh', ...command];
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH ?? '', ...options.env },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    const { signal } = options;
    const asked = signal === undefined ? undefined : setTimeout(() => child.kill(signal.name), signal.afterMs);
    const hung = setTimeout(() => child.kill('SIGKILL'), 40_000);
    child.on('error', reject);
    child.on('close', (code, ended) => {
      clearTimeout(asked);
      clearTimeout(hung);
      resolve({ code, signal: ended, stdout, stderr, ms: performance.now() - begun });
    });
  });
}

/** What is wrong with a run whatever it was asked; null when nothing is. */
export function misbehaviour(run: Run, format: 'text' | 'json' | 'markdown'): string | null {
  const { code, signal, stdout, stderr } = run;
  if (code === null || code > 3) return `it ended with ${signal ?? code}`;
  if (/defect of pullwhy/u.test(stderr)) return stderr;
  const acting = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/u.exec(
    stdout + stderr,
  );
  if (acting !== null) return `it writes ${JSON.stringify(acting[0])}`;
  if (format !== 'json' || code === 2) return null;
  try {
    JSON.parse(stdout);
    return null;
  } catch (error) {
    return `its standard output is not one document: ${String(error)}`;
  }
}

/** Builds the command when it is not there. */
export async function built(): Promise<void> {
  if (!existsSync(`${root}dist/main.js`)) await import('../../build/build.ts');
}
