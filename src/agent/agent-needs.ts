import type { Env } from '../lib/env.ts';
import type { Log } from '../lib/log.ts';
import type { AgentSettings } from './settings.ts';

/** What the agent needs. The settings may change while it runs: those that are `live` are taken over. */
export interface AgentNeeds {
  readonly env: Env;
  readonly log: Log;
  readonly settings: () => AgentSettings;
  readonly node: string;
  readonly version: string;
  /** Of this process: PULLWHY_RUNTIME_ENDPOINT and what Kubernetes gives its pods. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}
