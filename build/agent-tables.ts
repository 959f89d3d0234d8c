// The tables of docs/agent.md: settings, routes and metrics, from the code that has them.
import { openAgentMetrics } from '../src/agent/agent-metrics.ts';
import { agentRoutes } from '../src/agent/http/routes/index.ts';
import { AgentSettings } from '../src/agent/settings.ts';
import { servicesOf } from '../test/kit/agent-services.ts';
import { between } from './markdown.ts';
import { metricsTableOf, routesTableOf, settingsTableOf } from './tables.ts';

/** `text` with the generated tables between their markers; a text without those is a mistake. */
export function withAgentTables(text: string): string {
  const { metrics } = openAgentMetrics({
    version: '0',
    now: () => 0,
    incidents: () => [],
    registries: () => [],
    local: () => ({ nameservers: [], clock: { offsetMs: null, registries: 0 }, disks: [], runtime: null }),
    sources: () => [],
    onDisk: () => true,
  });
  const routes = between(text, 'routes', routesTableOf(agentRoutes(servicesOf(), '0')));
  const settings = between(routes, 'settings', settingsTableOf(AgentSettings));
  return between(settings, 'metrics', metricsTableOf(metrics.list()));
}
