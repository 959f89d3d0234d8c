import { type Command, Option } from 'commander';
import { systemEnv } from '../../lib/env.ts';
import { fail } from '../../lib/result.ts';
import { exitStatus } from '../exit-status.ts';
import { complain, jsonText, print } from '../output.ts';

interface AgentFlags {
  readonly config?: string;
  readonly checkConfig?: boolean;
  readonly printConfig?: boolean;
  readonly listen?: string;
  readonly hostRoot?: string;
  readonly nodeName?: string;
  readonly runtimeEndpoint?: string;
  readonly stateDirectory?: string;
  readonly logLevel?: string;
  readonly logFormat?: string;
  readonly set?: readonly string[];
  readonly output: 'text' | 'json';
}

/** The flags that stand for one setting each. */
const flagSettings = {
  listen: ['--listen', 'http.listen'],
  hostRoot: ['--host-root', 'node.hostRoot'],
  nodeName: ['--node-name', 'node.name'],
  runtimeEndpoint: ['-r', 'runtime.endpoint'],
  stateDirectory: ['--state-directory', 'state.directory'],
  logLevel: ['--log-level', 'log.level'],
  logFormat: ['--log-format', 'log.format'],
} as const;

/** `pullwhy agent`. */
export function addAgent(program: Command, finish: (status: number) => void, signal: AbortSignal): void {
  program
    .command('agent')
    .description('stay on this node: notice pulls that fail, find out why, retry them, and answer over HTTP')
    .option('--config <FILE>', 'YAML file of settings (--print-config writes one to start from)')
    .option('--check-config', 'print what is in force and where it comes from, and end')
    .option('--print-config', 'print every setting with its default, and end')
    .option('--listen <ADDRESS:PORT>', 'where to answer (default: 127.0.0.1:9440)')
    .option('--host-root <DIR>', "where the node's file system is (default: /)")
    .option('--node-name <NAME>', "the node's name (default: NODE_NAME, else its hostname)")
    .option('-r, --runtime-endpoint <URL>', 'CRI socket, unix:///PATH (default: the first that answers)')
    .option('--state-directory <DIR>', 'where incidents are kept over restarts (default: nowhere)')
    .addOption(
      new Option('--log-level <LEVEL>', 'what is logged (default: info)').choices(['debug', 'info', 'warn', 'error']),
    )
    .addOption(new Option('--log-format <FORMAT>', 'how it is logged (default: json)').choices(['json', 'text']))
    .option(
      '--set <NAME=VALUE>',
      'any other setting, lists with commas; repeatable',
      (value: string, before: string[] | undefined) => [...(before ?? []), value],
    )
    .addOption(
      new Option('-o, --output <FORMAT>', 'how --check-config prints').choices(['text', 'json']).default('text'),
    )
    .addHelpText(
      'after',
      `
Examples:
  pullwhy agent --config /etc/pullwhy/agent.yaml
    what the DaemonSet runs
  pullwhy agent --listen 127.0.0.1:9440 --state-directory /var/lib/pullwhy
    on one machine, without a file
  pullwhy agent --config agent.yaml --check-config
    what is in force, and where each value comes from

A flag beats the environment (PULLWHY_HTTP_LISTEN for http.listen), which beats
the file. SIGHUP reads the file again. Exit status: 0 stopped by a signal,
2 settings that cannot be, 3 it could not start.`,
    )
    .action(async (flags: AgentFlags) => finish(await runAgent(flags, signal)));
}

async function runAgent(flags: AgentFlags, signal: AbortSignal): Promise<number> {
  const [{ readSettings, defaultSettings, parseSet, environment }, { AgentSettings }, shown] = await Promise.all([
    import('../settings-file.ts'),
    import('../../agent/settings.ts'),
    import('../../settings/show.ts'),
  ]);
  if (flags.printConfig === true) {
    await print(shown.settingsExample(defaultSettings(AgentSettings)));
    return exitStatus.ok;
  }
  const given = new Map<string, { readonly flag: string; readonly value: unknown }>();
  for (const text of flags.set ?? []) {
    const pair = parseSet(text);
    if (pair === null) return complain('--set', `${text} is no NAME=VALUE, such as http.listen=127.0.0.1:9440.`);
    given.set(pair.name, { flag: `--set ${pair.name}`, value: pair.value });
  }
  for (const [key, [flag, name]] of Object.entries(flagSettings)) {
    const value: unknown = Reflect.get(flags, key);
    if (value !== undefined) given.set(name, { flag, value });
  }
  const request = { file: flags.config ?? null, flags: given };
  const read = async () => {
    const loaded = await readSettings(AgentSettings, request);
    if (!loaded.ok) return loaded;
    const { settingProblems } = await import('../../agent/setting-problems.ts');
    const problems = settingProblems(loaded.value.value).map(({ setting, message }) => ({
      place:
        loaded.value.inForce.find((one) => one.setting.name === setting && one.source !== 'default')?.source ?? setting,
      message: `${setting}: ${message}`,
    }));
    return problems.length > 0 ? fail(problems) : loaded;
  };
  const loaded = await read();
  if (!loaded.ok) {
    for (const { place, message } of loaded.error) complain(place, message);
    return exitStatus.usage;
  }
  if (flags.checkConfig === true) {
    const { inForce } = loaded.value;
    await print(flags.output === 'json' ? jsonText(shown.settingsDocument(inForce)) : shown.settingsText(inForce));
    return exitStatus.ok;
  }
  const { runAgentProcess } = await import('../agent-process.ts');
  return runAgentProcess({ env: systemEnv, first: loaded.value, read, variables: environment, signal });
}
