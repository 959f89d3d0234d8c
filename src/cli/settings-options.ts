import { type Command, Option } from 'commander';

/** Adds the flags of a long-running command, behind `--listen` its own ones. `port`: where it answers, when nothing is said. */
export function addSettingsOptions(command: Command, port: number, own: readonly Option[]): Command {
  const options = [
    new Option('--config <FILE>', 'YAML file of settings (--print-config writes one to start from)'),
    new Option('--check-config', 'print what is in force and where it comes from, and end'),
    new Option('--print-config', 'print every setting with its default, and end'),
    new Option('--listen <ADDRESS:PORT>', `where to answer (default: 127.0.0.1:${port})`),
    ...own,
    new Option('--log-level <LEVEL>', 'what is logged (default: info)').choices(['debug', 'info', 'warn', 'error']),
    new Option('--log-format <FORMAT>', 'how it is logged (default: json)').choices(['json', 'text']),
    new Option('--set <NAME=VALUE>', 'any other setting, lists with commas; repeatable').argParser(
      (value: string, before: string[] | undefined) => [...(before ?? []), value],
    ),
    new Option('-o, --output <FORMAT>', 'how --check-config prints').choices(['text', 'json']).default('text'),
  ];
  for (const option of options) command.addOption(option);
  return command;
}

/** The end of their help. */
export const settingsHelp = `A flag beats the environment (PULLWHY_HTTP_LISTEN for http.listen), which beats
the file. SIGHUP reads the file again. Exit status: 0 stopped by a signal,
2 settings that cannot be, 3 it could not start.`;
