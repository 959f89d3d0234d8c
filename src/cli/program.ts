import { Command, Help, type Option } from 'commander';
import { addAgent } from './commands/agent.ts';
import { addCollector } from './commands/collector.ts';
import { addCompletion } from './commands/completion.ts';
import { addDemo } from './commands/demo.ts';
import { addDiagnose } from './commands/diagnose.ts';
import { addExplain } from './commands/explain.ts';
import { addFleet } from './commands/fleet.ts';
import { addJournal } from './commands/journal.ts';
import { configureKubectl } from './commands/kubectl.ts';
import { addNode } from './commands/node.ts';
import { addPlan } from './commands/plan.ts';
import { addPull } from './commands/pull.ts';
import { presentable } from './output.ts';
import { version } from './version.ts';

/** Where a command leaves its exit status. */
export type Finish = (status: number) => void;

/** Columns of the help texts, whatever the terminal's width: they are read beside manuals, and sent in mails. */
const helpWidth = 80;

/** The whole command line. It is built anew for each run, and for the shell completion, which is read off it. */
export function buildProgram(finish: Finish, signal: AbortSignal): Command {
  const program = settled(new Command('pullwhy'), 'pullwhy')
    .description('Tells why a Kubernetes node cannot pull an image, proves it, and helps it recover.')
    .helpCommand('help [COMMAND]', 'show the help of a command')
    .showHelpAfterError('(pullwhy --help, or pullwhy COMMAND --help, shows what there is)')
    .addHelpText(
      'after',
      `
Examples:
  pullwhy diagnose registry.corp.example/team/web:1.4
  pullwhy plan nginx

pullwhy COMMAND --help shows a command's flags, with examples.`,
    );
  addDiagnose(program, finish, signal);
  addPlan(program, finish, signal);
  addPull(program, finish, signal);
  addExplain(program, finish);
  addJournal(program, finish, signal);
  addAgent(program, finish, signal);
  addNode(program, finish, signal);
  addCollector(program, finish, signal);
  addFleet(program, finish, signal);
  addDemo(program, finish, signal);
  // What `kubectl pullwhy` runs, where the executable cannot be installed by that name.
  configureKubectl(program.command('kubectl', { hidden: true }), finish, signal);
  addCompletion(program, finish);
  return program;
}

/** The command line of the plugin: the executable called `kubectl-pullwhy`. */
export function buildPlugin(finish: Finish, signal: AbortSignal): Command {
  const program = settled(new Command('kubectl pullwhy'), 'kubectl pullwhy').showHelpAfterError(
    '(kubectl pullwhy --help shows what there is)',
  );
  return configureKubectl(program, finish, signal);
}

/** What all command lines have in common. */
function settled(program: Command, name: string): Command {
  return program
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .configureHelp({
      helpWidth,
      minWidthToWrap: 20,
      subcommandTerm: (command) => termOf(command),
      optionDescription: (option) => descriptionOf(option),
    })
    .configureOutput({
      outputError: (text, write) => write(presentable(`${name}: ${text.replace(/^error: /, '')}`)),
    })
    .exitOverride();
}

/** Choices of which a help text names each; a shell completes all of them. */
const mostChoices = 12;

/** As commander has it, but without a page of choices: of the causes there are more than sixty. */
function descriptionOf(option: Option): string {
  if ((option.argChoices?.length ?? 0) <= mostChoices) return new Help().optionDescription(option);
  return `${option.description}, such as ${option.argChoices?.slice(0, 2).join(' or ')} (README, "Causes")`;
}

/** `diagnose IMAGE`: flags are a matter of the command's own help. */
function termOf(command: Command): string {
  const words = command.registeredArguments.map((argument) => new Help().argumentTerm(argument));
  return [command.name(), ...words].join(' ');
}
