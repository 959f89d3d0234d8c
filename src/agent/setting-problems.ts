import { httpProblems, type SettingProblem } from '../serve/http-problems.ts';
import { collectorProblems } from './collector/collector-problems.ts';
import type { AgentSettings } from './settings.ts';

/** What cannot be of the settings together, each right by itself. Whoever sets up authentication must not find it off. */
export function settingProblems(settings: AgentSettings): readonly SettingProblem[] {
  const { http, kubernetes, retry } = settings;
  const problems = [...httpProblems(http, { who: 'agent', port: 9440 })];
  const say = (setting: string, message: string): void => void problems.push({ setting, message });
  if (kubernetes.readSecrets && kubernetes.enabled === 'off')
    say('kubernetes.readSecrets', 'The API server is asked nothing while kubernetes.enabled is off: set that to auto.');
  if (retry.withPodCredentials && !kubernetes.readSecrets)
    say('retry.withPodCredentials', "A pod's secrets are not read unless kubernetes.readSecrets is on: set that.");
  collectorProblems(settings, say);
  return problems;
}
