import { type ChildProcess, spawn } from 'node:child_process';
import { fail, ok, type Result } from './result.ts';

/** A program that is to be run to its end, and what it is given. */
export interface ProgramRun {
  /** A path, or a name that is looked for in the PATH of `env`. */
  readonly command: string;
  readonly args: readonly string[];
  /** All of its environment; what is undefined is left out. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder that it is run in; this process's own where it is left out. */
  readonly folder?: string;
  /**
   * Its standard input: a text, nothing, or the terminal of this process. One with the terminal stays in the process group
   * that the terminal talks to, as it could neither ask nor be interrupted there otherwise: it alone can be killed then.
   */
  readonly input: { readonly text: string } | 'nothing' | 'terminal';
  /** Takes its standard error; null: that goes where this process's goes. */
  readonly onWords: ((chunk: Buffer) => void) | null;
  /** The most that is taken of its standard output. */
  readonly mostBytes: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Why a program gave no output. */
export type ProgramFailure =
  /** `code`: of the system (ENOENT, EACCES …); null: its arguments are none that a program can be handed. */
  | { readonly kind: 'not-started'; readonly code: string | null }
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'signal'; readonly name: string }
  | { readonly kind: 'too-large' }
  /** Its time was over, or the caller's. */
  | { readonly kind: 'cut' };

/**
 * Runs a program without a shell and gives what it writes on standard output once it has ended well. It is killed, with all
 * that it has started, when its time is over or it writes too much; what it has started and left behind with its output open
 * is killed, too.
 */
export function runProgram(run: ProgramRun): Promise<Result<Buffer, ProgramFailure>> {
  const { input, onWords, mostBytes, timeoutMs, signal } = run;
  return new Promise((resolve) => {
    const child = started(run);
    if (child === null) {
      resolve(fail({ kind: 'not-started', code: null }));
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    let ended = false;
    let closed = false;
    const end = (result: Result<Buffer, ProgramFailure>): void => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      // Also where it has ended itself: something that it started has its output open, and would be left behind.
      if (!closed && input === 'terminal') child.kill('SIGKILL');
      else if (!closed) killGroup(child.pid);
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
      resolve(result);
    };
    const stop = (): void => end(fail({ kind: 'cut' }));
    const timer = setTimeout(stop, timeoutMs);
    signal.addEventListener('abort', stop, { once: true });
    child.on('error', (error) => {
      end(fail({ kind: 'not-started', code: 'code' in error ? String(error.code) : error.name }));
    });
    // One that does not read its input is none that fails.
    child.stdin?.on('error', () => undefined);
    if (typeof input === 'object') child.stdin?.end(input.text);
    child.stdout?.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > mostBytes) end(fail({ kind: 'too-large' }));
      else chunks.push(chunk);
    });
    if (onWords !== null) child.stderr?.on('data', onWords);
    child.on('close', (code, name) => {
      closed = true;
      if (code === 0) end(ok(Buffer.concat(chunks)));
      else end(fail(code === null ? { kind: 'signal', name: name ?? 'a signal' } : { kind: 'exit', code }));
    });
    if (signal.aborted) stop();
  });
}

/** Null: it cannot be started so. */
function started({ command, args, env, folder, input, onWords }: ProgramRun): ChildProcess | null {
  const own = input === 'terminal' ? 'inherit' : input === 'nothing' ? 'ignore' : 'pipe';
  try {
    return spawn(command, [...args], {
      env: { ...env },
      ...(folder === undefined ? {} : { cwd: folder }),
      stdio: [own, 'pipe', onWords === null ? 'inherit' : 'pipe'],
      // A process group of its own, so that what it starts ends with it.
      detached: input !== 'terminal',
    });
  } catch {
    // A NUL in its arguments, for one.
    return null;
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}
