import { type Command, Option } from 'commander';
import type { SettingsFlags } from '../settings-flags.ts';
import { addSettingsOptions, settingsHelp } from '../settings-options.ts';

/** The flags of its own that stand for one setting each. */
const flagSettings = {
  hostRoot: ['--host-root', 'node.hostRoot'],
  nodeName: ['--node-name', 'node.name'],
  runtimeEndpoint: ['-r', 'runtime.endpoint'],
  stateDirectory: ['--state-directory', 'state.directory'],
} as const;

/** `pullwhy agent`. */
export function addAgent(program: Command, finish: (status: number) => void, signal: AbortSignal): void {
  const command = program
    .command('agent')
    .description('stay on this node: notice pulls that fail, find out why, retry them, and answer over HTTP');
  addSettingsOptions(command, 9440, [
    new Option('--host-root <DIR>', "where the node's file system is (default: /)"),
    new Option('--node-name <NAME>', "the node's name (default: NODE_NAME, else its hostname)"),
    new Option('-r, --runtime-endpoint <URL>', 'CRI socket, unix:///PATH (default: the first that answers)'),
    new Option('--state-directory <DIR>', 'where incidents are kept over restarts (default: nowhere)'),
  ])
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

${settingsHelp}`,
    )
    .action(async (flags: SettingsFlags) => finish(await runAgent(flags, signal)));
}

async function runAgent(flags: SettingsFlags, signal: AbortSignal): Promise<number> {
  const [{ AgentSettings }, { runWithSettings }] = await Promise.all([
    import('../../agent/settings.ts'),
    import('../settings-flags.ts'),
  ]);
  return runWithSettings(flags, {
    schema: AgentSettings,
    problems: async (settings) => (await import('../../agent/setting-problems.ts')).settingProblems(settings),
    flags: flagSettings,
    run: async (needs) => (await import('../agent-process.ts')).runAgentProcess({ ...needs, signal }),
  });
}
