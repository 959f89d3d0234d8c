import { Command } from 'commander';
import { addDiagnose } from './commands/diagnose.ts';
import { addPlan } from './commands/plan.ts';
import { addPull } from './commands/pull.ts';
import { exitStatus } from './exit-status.ts';

/** The version that package.json has too; a test holds them together. */
export const version = '0.1.0';

/** Runs one command line and gives its exit status. */
export async function run(argv: readonly string[]): Promise<number> {
  const ending = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => ending.abort());
  }
  let status: number = exitStatus.ok;
  const finish = (value: number): void => {
    status = value;
  };
  const program = new Command('pullwhy')
    .description('Tells why a Kubernetes node cannot pull an image, proves it, and helps it recover.')
    .version(version)
    .showHelpAfterError('(pullwhy --help, or pullwhy COMMAND --help, shows what there is)')
    .exitOverride();
  addDiagnose(program, finish, ending.signal);
  addPlan(program, finish, ending.signal);
  addPull(program, finish, ending.signal);
  for (const command of program.commands) command.exitOverride();
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('commander.')) {
      const asked = ['commander.help', 'commander.helpDisplayed', 'commander.version'].includes(String(error.code));
      return asked && argv.length > 0 ? exitStatus.ok : exitStatus.usage;
    }
    throw error;
  }
  return status;
}
