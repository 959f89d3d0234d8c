import { allCommands, type CommandShape, type FlagShape } from './shape.ts';

/** Completion for bash 3.2 and newer; it needs nothing else installed. */
export function bashCompletion(program: CommandShape, name: string): string {
  const commands = allCommands(program);
  const nested = commands.filter(({ path }) => path.length > 0).map(({ path }) => quote(pathKey(path)));
  return `# bash completion for ${name}; made by: ${name} completion bash
_${name}() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" path="" word i
  local IFS=$'\\n'
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    [[ $word == -- ]] && return
    case "$path/$word" in
      ${nested.join('|')}) path="$path/$word" ;;
    esac
  done
  case "$path $prev" in
${commands.flatMap(values).join('\n')}
  esac
  case "$path" in
${commands.map(words).join('\n')}
  esac
}
complete -F _${name} ${name}
`;
}

function pathKey(path: readonly string[]): string {
  return path.map((word) => `/${word}`).join('');
}

/** The values of a command's flags. */
function values({ path, flags }: CommandShape): string[] {
  return flags
    .filter(({ value }) => value !== 'none')
    .map((flag) => {
      const patterns = [flag.short, flag.long]
        .filter((one) => one !== null)
        .map((one) => quote(`${pathKey(path)} ${one}`));
      return `    ${patterns.join('|')}) ${valueReply(flag)}return ;;`;
    });
}

function valueReply({ value, choices }: FlagShape): string {
  if (value === 'choice') return `COMPREPLY=($(compgen -W ${quote(choices.join('\n'))} -- "$cur")); `;
  if (value === 'file') return 'compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur")); ';
  if (value === 'directory') return 'compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$cur")); ';
  return '';
}

/** What else may stand there: commands, and flags once a dash is typed. */
function words({ path, flags, commands, words: own }: CommandShape): string {
  const names = [...commands.map((command) => command.path.at(-1) ?? ''), ...own];
  const dashed = flags.flatMap(({ short, long }) => [short, long]).filter((one) => one !== null);
  return `    ${quote(pathKey(path))})
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W ${quote(dashed.join('\n'))} -- "$cur"))
      else COMPREPLY=($(compgen -W ${quote(names.join('\n'))} -- "$cur")); fi ;;`;
}

function quote(text: string): string {
  return text.includes('\n')
    ? `$'${text.replaceAll('\n', '\\n').replaceAll("'", "\\'")}'`
    : `'${text.replaceAll("'", "'\\''")}'`;
}
