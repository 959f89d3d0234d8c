import type { Env } from '../lib/env.ts';
import { type Log, type LogLevel, openLog } from '../lib/log.ts';
import type { Result } from '../lib/result.ts';
import type { SettingInForce, SettingProblem } from '../settings/load.ts';
import { exitStatus } from './exit-status.ts';
import { complain } from './output.ts';

/** Settings that every long-running command has. */
export interface StayingSettings {
  readonly log: { readonly level: LogLevel; readonly format: 'json' | 'text' };
}

/** Settings as they were read. */
export interface Loaded<V> {
  readonly value: V;
  readonly inForce: readonly SettingInForce[];
}

/** What a process that stays needs. */
export interface Staying<V> {
  /** `agent`, `collector`: for texts. */
  readonly who: string;
  readonly env: Env;
  readonly first: Loaded<V>;
  /** Reads the file and the environment again. */
  readonly read: () => Promise<Result<Loaded<V>, readonly SettingProblem[]>>;
  /** Ends it. */
  readonly signal: AbortSignal;
  /** Starts what stays; the settings may change while it runs. */
  readonly start: (
    log: Log,
    settings: () => V,
  ) => Promise<Result<{ readonly reload: () => Promise<void>; readonly stop: () => Promise<void> }, string>>;
}

/** Runs it until the signal, and takes settings over on SIGHUP. */
export async function stay<V extends StayingSettings>(staying: Staying<V>): Promise<number> {
  const { who, env, first, read, signal, start } = staying;
  let current = first;
  const log = openLog({
    env,
    // Logs are no document: they go to standard error, as of every command.
    write: (line) => void process.stderr.write(line),
    settings: () => current.value.log,
  });
  // From now on, not only when all has started: a hang-up would end the process.
  let reload: () => Promise<void> = () => Promise.resolve();
  const onHangUp = (): void => void reload();
  process.on('SIGHUP', onHangUp);
  const started = await start(log, () => current.value);
  if (!started.ok) {
    process.off('SIGHUP', onHangUp);
    complain(who, started.error);
    // What begins with a setting's name is to be put right there; the rest is the machine's.
    return /^[a-z]+[A-Za-z]*(\.\w[\w.]*)?: /.test(started.error) ? exitStatus.usage : exitStatus.inconclusive;
  }
  reload = async () => {
    const again = await read();
    if (again.ok) current = takeOver(first, current, again.value, log);
    else
      for (const { place, message } of again.error) log.error('the settings were not taken over', { place, message });
    // Files that rotate are another matter than settings that cannot be.
    await started.value.reload();
  };
  if (!signal.aborted)
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  process.off('SIGHUP', onHangUp);
  log.info(`the ${who} stops`);
  await started.value.stop();
  return exitStatus.ok;
}

/** The settings from now on: what needs a restart stays as it is, and is named at each reload until then. */
function takeOver<V>(first: Loaded<V>, before: Loaded<V>, after: Loaded<V>, log: Log): Loaded<V> {
  const changed = (from: Loaded<V>, live: boolean): string =>
    after.inForce
      .filter(({ setting, value }, at) => {
        return setting.live === live && JSON.stringify(from.inForce[at]?.value) !== JSON.stringify(value);
      })
      .map(({ setting }) => setting.name)
      .join(', ');
  const frozen = changed(first, false);
  if (frozen !== '') log.warn('these settings are taken over at the next start only', { settings: frozen });
  const live = changed(before, true);
  log.info('the settings were read again', { changed: live === '' ? 'nothing' : live });
  // Parts read only what is live while they run, so the rest may be the new one.
  return after;
}
