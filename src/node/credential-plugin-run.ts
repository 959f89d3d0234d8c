import { limits } from '../lib/limits.ts';
import { safeLine } from '../lib/redact.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { type ProgramFailure, runProgram } from '../lib/run-program.ts';

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
export async function runPlugin(run: PluginRun): Promise<Result<string, PluginFailure>> {
  const { path, args, env, input, timeoutMs, signal, mask } = run;
  let words = '';
  const answer = await runProgram({
    command: path,
    args,
    env,
    folder: '/',
    input: { text: input },
    onWords: (chunk) => {
      words = (words + chunk.toString('utf8')).slice(-8 * stderrChars);
    },
    mostBytes: limits.pluginAnswerBytes,
    timeoutMs,
    signal,
  });
  if (answer.ok) return ok(answer.value.toString('utf8'));
  const { error } = answer;
  return fail({
    kind: error.kind,
    what: whatFailed(error, timeoutMs),
    exitCode: error.kind === 'exit' ? error.code : null,
    stderr: lastWords(mask(words)),
  });
}

function whatFailed(error: ProgramFailure, timeoutMs: number): string {
  switch (error.kind) {
    case 'not-started':
      return error.code === null ? 'cannot be run with its arguments' : `cannot be run (${error.code})`;
    case 'exit':
      return `ends with exit status ${error.code}`;
    case 'signal':
      return `was ended by ${error.name}`;
    case 'too-large':
      return `writes more than ${limits.pluginAnswerBytes} bytes`;
    case 'cut':
      return `did not end within ${(timeoutMs / 1000).toFixed(1)} s`;
  }
}

function lastWords(text: string): string {
  const line = safeLine(text.trim(), 8 * stderrChars);
  return line.length <= stderrChars ? line : `\u2026 ${line.slice(-stderrChars)}`;
}
