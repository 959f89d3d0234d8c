import type { Result } from '../lib/result.ts';
import { openGate, readToken } from '../serve/auth.ts';
import { type Listening, openListening } from '../serve/listening.ts';
import type { AgentNeeds } from './agent-needs.ts';
import { settingProblems } from './setting-problems.ts';
import type { AgentSettings } from './settings.ts';

/** How the server listens and who is let in; what cannot be is said with the setting's name first. */
export function httpSettings(
  settings: AgentSettings,
  { env, log, variables }: AgentNeeds,
): Promise<Result<Listening, string>> {
  return openListening(settings.http, {
    env,
    log,
    variables,
    problems: settingProblems(settings),
    readTokens: readToken,
    openGate: (gate) => openGate(gate, env),
  });
}
