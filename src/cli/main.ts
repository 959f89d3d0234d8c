import { CommanderError } from 'commander';
import { exitStatus } from './exit-status.ts';
import { buildProgram } from './program.ts';

export { version } from './version.ts';

/** Runs one command line and gives its exit status. */
export async function run(argv: readonly string[]): Promise<number> {
  const ending = new AbortController();
  // The first interrupt ends the work in order; the handler is gone then, so that a second one ends the process.
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => ending.abort());
  }
  let status: number = exitStatus.ok;
  const program = buildProgram((value) => {
    status = value;
  }, ending.signal);
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version that were asked for end well; help in place of a missing command does not.
    return error.exitCode === 0 ? exitStatus.ok : exitStatus.usage;
  }
  return status;
}
