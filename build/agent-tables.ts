// The tables of docs/agent.md: settings, routes and metrics, from the code that has them.
import { openAgentMetrics } from '../src/agent/agent-metrics.ts';
import { agentRoutes } from '../src/agent/http/routes/index.ts';
import { AgentSettings } from '../src/agent/settings.ts';
import { settingsOf } from '../src/settings/shape.ts';
import { servicesOf } from '../test/kit/agent-services.ts';
import { row } from './markdown.ts';

/** One row for each setting. */
export function settingsTable(): string {
  const head = ['setting', 'variable', 'default', 'meaning', 'reload'];
  const rows = settingsOf(AgentSettings).map(({ name, variable, default: value, description, expects, live }) =>
    row([
      `\`${name}\``,
      `\`${variable}\``,
      value === null ? '–' : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``,
      `${description} (${expects})`,
      live ? 'live' : 'restart',
    ]),
  );
  return [row(head), row(head.map(() => '---')), ...rows].join('\n');
}

/** One row for each route. */
export function routesTable(): string {
  const head = ['route', 'who', 'does'];
  const rows = agentRoutes(servicesOf(), '0').map(({ method, path, access, summary }) =>
    row([`\`${method} ${path}\``, access, summary]),
  );
  return [row(head), row(head.map(() => '---')), ...rows].join('\n');
}

/** One row for each metric. */
export function metricsTable(): string {
  const head = ['metric', 'type', 'labels', 'meaning'];
  const { metrics } = openAgentMetrics({
    version: '0',
    now: () => 0,
    incidents: () => [],
    registries: () => [],
    local: () => ({ nameservers: [], clock: { offsetMs: null, registries: 0 }, disks: [], runtime: null }),
    sources: () => [],
    onDisk: () => true,
  });
  const rows = metrics
    .list()
    .map(({ name, type, labels, help }) =>
      row([`\`${name}\``, type, labels.length === 0 ? '–' : labels.map((label) => `\`${label}\``).join(', '), help]),
    );
  return [row(head), row(head.map(() => '---')), ...rows].join('\n');
}
