import { startAgent } from '../agent/agent.ts';
import type { AgentSettings } from '../agent/settings.ts';
import type { Env } from '../lib/env.ts';
import { openLog } from '../lib/log.ts';
import type { Result } from '../lib/result.ts';
import { nodeName } from '../node/node-name.ts';
import type { SettingInForce, SettingProblem } from '../settings/load.ts';
import { exitStatus } from './exit-status.ts';
import { complain } from './output.ts';
import { version } from './version.ts';

/** Settings as they were read. */
interface Loaded {
  readonly value: AgentSettings;
  readonly inForce: readonly SettingInForce[];
}

/** What the process needs. */
export interface AgentProcess {
  readonly env: Env;
  readonly first: Loaded;
  /** Reads the file and the environment again. */
  readonly read: () => Promise<Result<Loaded, readonly SettingProblem[]>>;
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Runs the agent until the signal, and takes settings over on SIGHUP. */
export async function runAgentProcess({ env, first, read, variables, signal }: AgentProcess): Promise<number> {
  let current = first;
  const log = openLog({
    env,
    // Logs are no document: they go to standard error, as of every command.
    write: (line) => void process.stderr.write(line),
    settings: () => current.value.log,
  });
  const { hostRoot, name } = first.value.node;
  const node = name ?? (await nodeName(hostRoot, variables));
  // From now on, not only when all has started: a hang-up would end the process.
  let reload: () => Promise<void> = () => Promise.resolve();
  const onHangUp = (): void => void reload();
  process.on('SIGHUP', onHangUp);
  const agent = await startAgent({ env, log, settings: () => current.value, node, version, variables });
  if (!agent.ok) {
    process.off('SIGHUP', onHangUp);
    complain('agent', agent.error);
    // What begins with a setting's name is to be put right there; the rest is the machine's.
    return /^[a-z]+\.\w[\w.]*: /.test(agent.error) ? exitStatus.usage : exitStatus.inconclusive;
  }
  reload = async () => {
    const again = await read();
    if (again.ok) current = takeOver(first, current, again.value, log);
    else
      for (const { place, message } of again.error) log.error('the settings were not taken over', { place, message });
    // Files that rotate are another matter than settings that cannot be.
    await agent.value.reload();
  };
  if (!signal.aborted)
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  process.off('SIGHUP', onHangUp);
  log.info('the agent stops');
  await agent.value.stop();
  return exitStatus.ok;
}

/** The settings from now on: what needs a restart stays as it is, and is named at each reload until then. */
function takeOver(first: Loaded, before: Loaded, after: Loaded, log: ReturnType<typeof openLog>): Loaded {
  const changed = (from: Loaded, live: boolean): string =>
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
