import { basename } from 'node:path';
import { CommanderError } from 'commander';
import { exitStatus } from './exit-status.ts';
import { print } from './output.ts';
import { buildPlugin, buildProgram } from './program.ts';

export { version } from './version.ts';

/** Runs one command line and gives its exit status. `called`: the path that the executable was called by. */
export async function run(argv: readonly string[], called = ''): Promise<number> {
  const ending = new AbortController();
  // The first interrupt ends the work in order; the handler is gone then, so that a second one ends the process.
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => ending.abort());
  }
  // A reader of standard error that is gone must not change how this ends; what standard output does not take must.
  process.stderr.on('error', () => undefined);
  let lost: string | null = null;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') lost = error.code ?? 'unknown error';
  });
  let status: number = exitStatus.ok;
  // kubectl finds its plugins, and what completes their command lines, by name.
  const name = basename(called).replace(/\.[cm]?js$/, '');
  const finish = (value: number): void => {
    status = value;
  };
  if (name === 'kubectl_complete-pullwhy') {
    await complete(argv, ending.signal);
    return exitStatus.ok;
  }
  const program = (name === 'kubectl-pullwhy' ? buildPlugin : buildProgram)(finish, ending.signal);
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version that were asked for end well; help in place of a missing command does not.
    return error.exitCode === 0 ? exitStatus.ok : exitStatus.usage;
  }
  // The error comes in the turn after the write has ended.
  await new Promise((resolve) => setImmediate(resolve));
  if (lost === null) return status;
  process.stderr.write(`pullwhy: standard output takes nothing (${lost}): what was found out could not be written.\n`);
  return exitStatus.inconclusive;
}

async function complete(words: readonly string[], signal: AbortSignal): Promise<void> {
  const [{ completePlugin }, { shapeOf }, { environment: variables }] = await Promise.all([
    import('./kube/complete.ts'),
    import('./completion/shape.ts'),
    import('./settings-file.ts'),
  ]);
  await print(await completePlugin(words, { shape: shapeOf(buildPlugin(() => undefined, signal)), variables, signal }));
}
