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
  const agent = await startAgent({ env, log, settings: () => current.value, node, version, variables });
  if (!agent.ok) {
    complain('agent', agent.error);
    return /^(?:http|collector|kubernetes|retry)\./.test(agent.error) ? exitStatus.usage : exitStatus.inconclusive;
  }
  const onHangUp = (): void => {
    void read().then(async (again) => {
      if (!again.ok) {
        for (const { place, message } of again.error) log.error('the settings were not taken over', { place, message });
        return;
      }
      current = takeOver(current, again.value, log);
      await agent.value.reload();
    });
  };
  process.on('SIGHUP', onHangUp);
  if (!signal.aborted)
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  process.off('SIGHUP', onHangUp);
  log.info('the agent stops');
  await agent.value.stop();
  return exitStatus.ok;
}

/** The settings from now on: what needs a restart stays as it is, and is named. */
function takeOver(before: Loaded, after: Loaded, log: ReturnType<typeof openLog>): Loaded {
  const changed = after.inForce.filter(({ setting, value }, at) => {
    const old = before.inForce[at];
    return old?.setting.name !== setting.name || JSON.stringify(old.value) !== JSON.stringify(value);
  });
  const frozen = changed.filter(({ setting }) => !setting.live);
  if (frozen.length > 0) {
    log.warn('these settings are taken over at the next start only', {
      settings: frozen.map(({ setting }) => setting.name).join(', '),
    });
  }
  const live = changed.filter(({ setting }) => setting.live).map(({ setting }) => setting.name);
  log.info('the settings were read again', { changed: live.join(', ') });
  // Parts read only what is live while they run, so the rest may be the new one.
  return after;
}
