import type { AgentSettings } from './settings.ts';

/**
 * Settings of the contract that this version cannot carry out. To take them silently would have an operator believe that
 * it does; so the agent does not start with them.
 */
export function notBuilt(settings: AgentSettings): string | null {
  const { collector } = settings;
  const asked = [['collector.url', collector.url !== null]] as const;
  const names = asked.filter(([, on]) => on).map(([name]) => name);
  return names.length === 0
    ? null
    : `${names.join(', ')}: this version of the agent cannot do that yet; take it out of the settings.`;
}
