import { Argument, type Command } from 'commander';
import { bashCompletion } from '../completion/bash.ts';
import { fishCompletion } from '../completion/fish.ts';
import { shapeOf } from '../completion/shape.ts';
import { zshCompletion } from '../completion/zsh.ts';
import { exitStatus } from '../exit-status.ts';
import { print } from '../output.ts';

const shells = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

function isShell(text: string): text is keyof typeof shells {
  return Object.hasOwn(shells, text);
}

/** `pullwhy completion SHELL`: a script that completes commands, flags and their values, read off the program itself. */
export function addCompletion(program: Command, finish: (status: number) => void): void {
  program
    .command('completion')
    .description('print a script that completes this command line in a shell')
    .addArgument(new Argument('<SHELL>', 'whose script to print').choices(Object.keys(shells)))
    .addHelpText(
      'after',
      `
Examples:
  source <(pullwhy completion bash)
  pullwhy completion zsh > "\${fpath[1]}/_pullwhy"
  pullwhy completion fish > ~/.config/fish/completions/pullwhy.fish`,
    )
    .action(async (shell: string) => {
      if (isShell(shell)) await print(shells[shell](shapeOf(program), program.name()));
      return finish(exitStatus.ok);
    });
}
