import { type Command, Option } from 'commander';
import { systemEnv } from '../../lib/env.ts';
import type { SettingsFlags } from '../settings-flags.ts';

interface AgentFlags extends SettingsFlags {
  readonly listen?: string;
  readonly hostRoot?: string;
  readonly nodeName?: string;
  readonly runtimeEndpoint?: string;
  readonly stateDirectory?: string;
  readonly logLevel?: string;
  readonly logFormat?: string;
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
  const [{ AgentSettings }, { settingsOrStatus }] = await Promise.all([
    import('../../agent/settings.ts'),
    import('../settings-flags.ts'),
  ]);
  const loaded = await settingsOrStatus(flags, {
    schema: AgentSettings,
    problems: async (settings) => (await import('../../agent/setting-problems.ts')).settingProblems(settings),
    flags: flagSettings,
  });
  if (!loaded.ok) return loaded.error;
  const [{ runAgentProcess }, { environment }] = await Promise.all([
    import('../agent-process.ts'),
    import('../settings-file.ts'),
  ]);
  return runAgentProcess({ env: systemEnv, ...loaded.value, variables: environment, signal });
}
