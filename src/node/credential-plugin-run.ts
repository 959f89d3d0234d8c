import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { limits } from '../lib/limits.ts';
import { safeLine } from '../lib/redact.ts';
import { fail, ok, type Result } from '../lib/result.ts';

/** A plugin that is to be run, and what is written to it. */
export interface PluginRun {
  /** A path of this process. */
  readonly path: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly input: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Hides what must not be shown in the plugin's own words. */
  readonly mask: (text: string) => string;
}

/** Why a plugin gave no answer. */
export interface PluginFailure {
  /** `cut`: not waited for to its end, which the kubelet may do (it waits a minute). */
  readonly kind: 'not-started' | 'exit' | 'signal' | 'too-large' | 'cut';
  /** A clause whose subject is the plugin. */
  readonly what: string;
  readonly exitCode: number | null;
  /** The end of its standard error: one line, without what looks like a secret. */
  readonly stderr: string;
}

/** Of a plugin's words the last are the reason. */
const stderrChars = 400;

/**
 * Runs a plugin as the kubelet does (Kubernetes, pkg/credentialprovider/plugin/plugin.go, ExecPlugin): no shell, its arguments,
 * the request on standard input, the answer on standard output. Gives the answer's text. It is killed, with what it has
 * started, when its time is over or it writes too much.
 */
export function runPlugin(run: PluginRun): Promise<Result<string, PluginFailure>> {
  const { path, args, env, input, timeoutMs, signal, mask } = run;
  return new Promise((resolve) => {
    const child = started(path, args, env);
    if (child === null) {
      // Arguments of a configuration that no program can be handed: a NUL in them, for one.
      resolve(fail({ kind: 'not-started', what: 'cannot be run with its arguments', exitCode: null, stderr: '' }));
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    let words = '';
    let ended = false;
    let closed = false;
    const timer = setTimeout(() => stop(), timeoutMs);
    const failure = (kind: PluginFailure['kind'], what: string, exitCode: number | null = null): PluginFailure => ({
      kind,
      what,
      exitCode,
      stderr: lastWords(mask(words)),
    });
    const end = (result: Result<string, PluginFailure>): void => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      // Also where it has ended itself: something that it started has its output open, and would be left behind.
      if (!closed) killGroup(child.pid);
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
      resolve(result);
    };
    const stop = (): void => end(fail(failure('cut', `did not end within ${(timeoutMs / 1000).toFixed(1)} s`)));
    signal.addEventListener('abort', stop, { once: true });
    child.on('error', (error) => {
      const code = 'code' in error ? String(error.code) : error.name;
      end(fail(failure('not-started', `cannot be run (${code})`)));
    });
    // One that does not read its input is none that fails.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limits.pluginAnswerBytes)
        end(fail(failure('too-large', `writes more than ${limits.pluginAnswerBytes} bytes`)));
      else chunks.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      words = (words + chunk.toString('utf8')).slice(-8 * stderrChars);
    });
    child.on('close', (code, killed) => {
      closed = true;
      if (code === 0) end(ok(Buffer.concat(chunks).toString('utf8')));
      else if (code === null) end(fail(failure('signal', `was ended by ${killed ?? 'a signal'}`)));
      else end(fail(failure('exit', `ends with exit status ${code}`, code)));
    });
    if (signal.aborted) stop();
  });
}

/** A process group of its own, so that what it starts ends with it; null: it cannot be started so. */
function started(path: string, args: readonly string[], env: PluginRun['env']): ChildProcessWithoutNullStreams | null {
  try {
    return spawn(path, [...args], { env: { ...env }, stdio: ['pipe', 'pipe', 'pipe'], cwd: '/', detached: true });
  } catch {
    return null;
  }
}

function lastWords(text: string): string {
  const line = safeLine(text.trim(), 8 * stderrChars);
  return line.length <= stderrChars ? line : `\u2026 ${line.slice(-stderrChars)}`;
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}
