import { type Command, Option } from 'commander';
import { systemEnv } from '../../lib/env.ts';
import type { SettingsFlags } from '../settings-flags.ts';

interface CollectorFlags extends SettingsFlags {
  readonly listen?: string;
  readonly store?: string;
  readonly logLevel?: string;
  readonly logFormat?: string;
}

/** The flags that stand for one setting each. */
const flagSettings = {
  listen: ['--listen', 'http.listen'],
  store: ['--store', 'store'],
  logLevel: ['--log-level', 'log.level'],
  logFormat: ['--log-format', 'log.format'],
} as const;

/** `pullwhy collector`. */
export function addCollector(program: Command, finish: (status: number) => void, signal: AbortSignal): void {
  program
    .command('collector')
    .description('take the reports of all agents, and tell what is one node, some nodes, or everyone')
    .option('--config <FILE>', 'YAML file of settings (--print-config writes one to start from)')
    .option('--check-config', 'print what is in force and where it comes from, and end')
    .option('--print-config', 'print every setting with its default, and end')
    .option('--listen <ADDRESS:PORT>', 'where to answer (default: 127.0.0.1:9450)')
    .option('--store <URL>', 'sqlite:///FILE, or postgres://HOST/DATABASE (default: /var/lib/pullwhy/collector.db)')
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
  pullwhy collector --store sqlite:///var/lib/pullwhy/collector.db
    on one machine, for this machine's agents
  pullwhy collector --config /etc/pullwhy/collector.yaml
    what the Deployment runs
  pullwhy collector --config collector.yaml --check-config
    what is in force, and where each value comes from

Without authentication it listens on loopback only. A password of the store
belongs into a file (storeFile), not into --store: others see command lines.
A flag beats the environment (PULLWHY_HTTP_LISTEN for http.listen), which beats
the file. SIGHUP reads the file again. Exit status: 0 stopped by a signal,
2 settings that cannot be, 3 it could not start.`,
    )
    .action(async (flags: CollectorFlags) => finish(await runCollector(flags, signal)));
}

async function runCollector(flags: CollectorFlags, signal: AbortSignal): Promise<number> {
  const [{ CollectorSettings }, { settingsOrStatus }] = await Promise.all([
    import('../../collector/settings.ts'),
    import('../settings-flags.ts'),
  ]);
  const loaded = await settingsOrStatus(flags, {
    schema: CollectorSettings,
    problems: async (settings) => (await import('../../collector/setting-problems.ts')).settingProblems(settings),
    flags: flagSettings,
  });
  if (!loaded.ok) return loaded.error;
  const [{ runCollectorProcess }, { environment }] = await Promise.all([
    import('../collector-process.ts'),
    import('../settings-file.ts'),
  ]);
  return runCollectorProcess({ env: systemEnv, ...loaded.value, variables: environment, signal });
}
