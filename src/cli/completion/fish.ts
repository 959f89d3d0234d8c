import { allCommands, type CommandShape, type FlagShape } from './shape.ts';

/** Completion for fish. */
export function fishCompletion(program: CommandShape, name: string): string {
  const lines = allCommands(program).flatMap((command) => {
    const at = condition(command);
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

/** The command has been typed, and none below it. */
function condition({ path, commands }: CommandShape): string {
  const below = commands.map((command) => command.path.at(-1)).join(' ');
  const typed = path.map((word) => `__fish_seen_subcommand_from ${word}`);
  const none = below === '' ? [] : [`not __fish_seen_subcommand_from ${below}`];
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
