import type { Env } from '../lib/env.ts';
import type { Log } from '../lib/log.ts';
import type { Result } from '../lib/result.ts';
import { type Listening, openListening } from '../serve/listening.ts';
import { openCollectorGate, readTokens } from './http/gates.ts';
import { settingProblems } from './setting-problems.ts';
import type { CollectorSettings } from './settings.ts';

/** What they are made with. */
export interface HttpSettingsNeeds {
  readonly env: Env;
  readonly log: Log;
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** How the server listens and who is let in; what cannot be is said with the setting's name first. */
export function httpSettings(
  settings: CollectorSettings,
  { env, log, variables }: HttpSettingsNeeds,
): Promise<Result<Listening, string>> {
  const { anyNode } = settings.http.auth;
  return openListening(settings.http, {
    env,
    log,
    variables,
    problems: settingProblems(settings),
    readTokens,
    openGate: (gate) => openCollectorGate(gate.mode === 'kubernetes' ? { ...gate, anyNode } : gate, { env, log }),
  });
}
