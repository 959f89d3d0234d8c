import type { CommandShape, FlagShape } from './shape.ts';

/** Completion for zsh, to be loaded from a folder of fpath or by \`source\`. */
export function zshCompletion(program: CommandShape, name: string): string {
  return `#compdef ${name}
# zsh completion for ${name}; made by: ${name} completion zsh
${functions(program, `_${name}`)}
if [[ "$funcstack[1]" == "_${name}" ]]; then _${name} "$@"; else compdef _${name} ${name}; fi
`;
}

/** One function for each command, its sub-commands' first. */
function functions(command: CommandShape, name: string): string {
  const { commands, flags, words } = command;
  const below = commands.map((one) => functions(one, functionName(name, one))).join('');
  const specs = flags.map((flag) => `    ${flagSpec(flag)} \\\n`).join('');
  if (commands.length === 0) {
    const rest = words.length === 0 ? "'*:argument: '" : `${quote(`1:argument:(${words.join(' ')})`)}`;
    return `${below}${name}() {\n  _arguments -S \\\n${specs}    ${rest}\n}\n`;
  }
  const listed = commands
    .map((one) => `    ${quote(`${one.path.at(-1)}:${one.description.replaceAll(':', '\\:')}`)}\n`)
    .join('');
  const cases = commands.map((one) => `      ${one.path.at(-1)}) ${functionName(name, one)} ;;\n`).join('');
  return `${below}${name}() {
  local curcontext="$curcontext" state line
  typeset -A opt_args
  local -a commands
  commands=(
${listed}  )
  _arguments -C -S \\
${specs}    '1: :->command' '*:: :->rest'
  case $state in
    command) _describe command commands ;;
    rest) case $words[1] in
${cases}    esac ;;
  esac
}
`;
}

function functionName(parent: string, { path }: CommandShape): string {
  return `${parent}_${(path.at(-1) ?? '').replaceAll('-', '_')}`;
}

function flagSpec({ short, long, description, value, placeholder, choices }: FlagShape): string {
  const names = [short, long].filter((one) => one !== null);
  const text = description.replaceAll('[', '(').replaceAll(']', ')').replaceAll(':', '\\:');
  const action =
    value === 'choice'
      ? `(${choices.join(' ')})`
      : value === 'file'
        ? '_files'
        : value === 'directory'
          ? '_files -/'
          : ' ';
  const argument = value === 'none' ? '' : `:${placeholder.replaceAll(':', '\\:')}:${action}`;
  const repeatable = description.includes('repeatable') ? "'*'" : names.length > 1 ? quote(`(${names.join(' ')})`) : '';
  const either = names.length > 1 ? `{${names.join(',')}}` : (names[0] ?? '');
  return `${repeatable}${either}${quote(`[${text}]${argument}`)}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
