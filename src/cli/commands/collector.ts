import { type Command, Option } from 'commander';
import type { SettingsFlags } from '../settings-flags.ts';
import { addSettingsOptions, settingsHelp } from '../settings-options.ts';

/** `pullwhy collector`. */
export function addCollector(program: Command, finish: (status: number) => void, signal: AbortSignal): void {
  const command = program
    .command('collector')
    .description('take the reports of all agents, and tell what is one node, some nodes, or everyone');
  addSettingsOptions(command, 9450, [
    new Option('--store <URL>', 'sqlite:///FILE, or postgres://HOST/DATABASE (default: /var/lib/pullwhy/collector.db)'),
  ])
    .addHelpText(
      'after',
      `
Examples:
  pullwhy collector --store sqlite:///var/lib/pullwhy/collector.db
    on one machine, for this machine's agents
  pullwhy collector --config /etc/pullwhy/collector.yaml
    what the Deployment runs
  pullwhy collector --config collector.yaml --check-config
    what is in force, and where each value comes from

Without authentication it listens on loopback only. A password of the store
belongs into a file (storeFile), not into --store: others see command lines.
${settingsHelp}`,
    )
    .action(async (flags: SettingsFlags) => finish(await runCollector(flags, signal)));
}

async function runCollector(flags: SettingsFlags, signal: AbortSignal): Promise<number> {
  const [{ CollectorSettings }, { runWithSettings }] = await Promise.all([
    import('../../collector/settings.ts'),
    import('../settings-flags.ts'),
  ]);
  return runWithSettings(flags, {
    schema: CollectorSettings,
    problems: async (settings) => (await import('../../collector/setting-problems.ts')).settingProblems(settings),
    flags: { store: ['--store', 'store'] },
    run: async (needs) => (await import('../collector-process.ts')).runCollectorProcess({ ...needs, signal }),
  });
}
