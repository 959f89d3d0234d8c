import { allCommands, type CommandShape, type FlagShape } from './shape.ts';

/** Completion for fish. */
export function fishCompletion(program: CommandShape, name: string): string {
  const lines = allCommands(program).flatMap((command) => {
    const at = condition(command, program);
    return [
      ...command.commands.map(
        ({ path, description }) => `complete -c ${name} -n ${quote(at)} -a ${path.at(-1)} -d ${quote(description)}`,
      ),
      ...(command.words.length === 0
        ? []
        : [`complete -c ${name} -n ${quote(at)} -a ${quote(command.words.join(' '))}`]),
      ...command.flags.map((flag) => `complete -c ${name} -n ${quote(at)} ${flagWords(flag)}`),
    ];
  });
  return `# fish completion for ${name}; made by: ${name} completion fish
complete -c ${name} -f
${lines.join('\n')}
`;
}

/** The command has been typed, and none below it, nor one that has another of its name below itself (`node diagnose`). */
function condition({ path, commands }: CommandShape, program: CommandShape): string {
  const below = commands.flatMap((command) => command.path.at(-1) ?? []);
  const others = program.commands.flatMap((command) => {
    const same = command.commands.some((one) => one.path.at(-1) === path[0]);
    return path.length === 1 && same ? [command.path.at(-1) ?? ''] : [];
  });
  const not = [...below, ...others];
  const typed = path.map((word) => `__fish_seen_subcommand_from ${word}`);
  const none = not.length === 0 ? [] : [`not __fish_seen_subcommand_from ${not.join(' ')}`];
  return [...typed, ...none].join('; and ');
}

function flagWords({ short, long, description, value, choices }: FlagShape): string {
  return [
    ...(short === null ? [] : [`-s ${short.slice(1)}`]),
    ...(long === null ? [] : [`-l ${long.slice(2)}`]),
    ...(value === 'none'
      ? []
      : value === 'file'
        ? ['-r -F']
        : value === 'directory'
          ? ["-x -a '(__fish_complete_directories)'"]
          : ['-x']),
    ...(choices.length === 0 ? [] : [`-a ${quote(choices.join(' '))}`]),
    `-d ${quote(description)}`,
  ].join(' ');
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
