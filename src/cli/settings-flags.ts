import type { Static, TSchema } from '../api/schema.ts';
import { type Env, systemEnv } from '../lib/env.ts';
import { fail, type Result } from '../lib/result.ts';
import type { LoadedSettings, SettingProblem } from '../settings/load.ts';
import { exitStatus } from './exit-status.ts';
import { complain, jsonText, print } from './output.ts';

/** The flags that every long-running command has (settings-options.ts). */
export interface SettingsFlags {
  readonly config?: string;
  readonly checkConfig?: boolean;
  readonly printConfig?: boolean;
  readonly listen?: string;
  readonly logLevel?: string;
  readonly logFormat?: string;
  readonly set?: readonly string[];
  readonly output: 'text' | 'json';
}

/** Those of them that stand for one setting each. */
const commonFlags: FlagSettings = {
  listen: ['--listen', 'http.listen'],
  logLevel: ['--log-level', 'log.level'],
  logFormat: ['--log-format', 'log.format'],
};

/** Flags that stand for one setting each, by the name of the flag's value: `listen: ['--listen', 'http.listen']`. */
type FlagSettings = Readonly<Record<string, readonly [flag: string, setting: string]>>;

/** Settings that can be, with what reads them again. */
interface ReadSettings<S extends TSchema> {
  readonly first: LoadedSettings<S>;
  readonly read: () => Promise<Result<LoadedSettings<S>, readonly SettingProblem[]>>;
}

/** What a command's settings are. */
export interface SettingsOf<S extends TSchema> {
  readonly schema: S;
  /** What cannot be of them together. */
  readonly problems: (
    settings: Static<S>,
  ) => Promise<readonly { readonly setting: string; readonly message: string }[]>;
  /** The command's own flags. */
  readonly flags: FlagSettings;
}

/** What a long-running command runs with. */
export interface SettledNeeds<S extends TSchema> extends ReadSettings<S> {
  readonly env: Env;
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** Runs a long-running command with the settings that its flags lead to, or answers what they ask; gives the exit status. */
export async function runWithSettings<S extends TSchema>(
  flags: SettingsFlags,
  { run, ...of }: SettingsOf<S> & { readonly run: (needs: SettledNeeds<S>) => Promise<number> },
): Promise<number> {
  const settings = await settingsOrStatus(flags, of);
  if (!settings.ok) return settings.error;
  const { environment } = await import('./settings-file.ts');
  return run({ env: systemEnv, ...settings.value, variables: environment });
}

/**
 * Reads the settings of a long-running command from its flags, or answers `--print-config`, `--check-config` and settings
 * that cannot be: then the failure is the exit status.
 */
async function settingsOrStatus<S extends TSchema>(
  flags: SettingsFlags,
  { schema, problems, flags: ownFlags }: SettingsOf<S>,
): Promise<Result<ReadSettings<S>, number>> {
  const [{ readSettings, defaultSettings, parseSet }, shown] = await Promise.all([
    import('./settings-file.ts'),
    import('../settings/show.ts'),
  ]);
  if (flags.printConfig === true) {
    await print(shown.settingsExample(defaultSettings(schema)));
    return fail(exitStatus.ok);
  }
  const given = new Map<string, { readonly flag: string; readonly value: unknown }>();
  for (const text of flags.set ?? []) {
    const pair = parseSet(text);
    if (pair === null) return fail(complain('--set', `${text} is no NAME=VALUE, such as http.listen=127.0.0.1:9440.`));
    given.set(pair.name, { flag: `--set ${pair.name}`, value: pair.value });
  }
  for (const [key, [flag, name]] of Object.entries({ ...commonFlags, ...ownFlags })) {
    const value: unknown = Reflect.get(flags, key);
    if (value !== undefined) given.set(name, { flag, value });
  }
  const request = { file: flags.config ?? null, flags: given };
  const read: ReadSettings<S>['read'] = async () => {
    const loaded = await readSettings(schema, request);
    if (!loaded.ok) return loaded;
    const placed = (await problems(loaded.value.value)).map(({ setting, message }) => ({
      place:
        loaded.value.inForce.find((one) => one.setting.name === setting && one.source !== 'default')?.source ?? setting,
      message: `${setting}: ${message}`,
    }));
    return placed.length > 0 ? fail(placed) : loaded;
  };
  const loaded = await read();
  if (!loaded.ok) {
    for (const { place, message } of loaded.error) complain(place, message);
    return fail(exitStatus.usage);
  }
  if (flags.checkConfig === true) {
    const { inForce } = loaded.value;
    await print(flags.output === 'json' ? jsonText(shown.settingsDocument(inForce)) : shown.settingsText(inForce));
    return fail(exitStatus.ok);
  }
  return { ok: true, value: { first: loaded.value, read } };
}
