// The tables of docs/collector.md: settings, routes and metrics, from the code that has them.
import { collectorRoutesOf } from '../src/collector/http/all-routes.ts';
import { NotifySettings } from '../src/collector/notify/settings.ts';
import { CollectorSettings } from '../src/collector/settings.ts';
import { systemEnv } from '../src/lib/env.ts';
import { fail } from '../src/lib/result.ts';
import { collectorMetrics } from '../test/kit/collector-metrics.ts';
import { between } from './markdown.ts';
import { entriesTableOf, metricsTableOf, routesTableOf, settingsTableOf } from './tables.ts';

const nothing = (): undefined => undefined;

/** A store that is never asked: only what there is to ask is of interest. */
const away = async () => fail({ reason: 'gone' as const, message: 'There is no store here.' });

/** `text` with the generated tables between their markers; a text without those is a mistake. */
export function withCollectorTables(text: string): string {
  const env = systemEnv;
  const routes = collectorRoutesOf({
    version: '0',
    now: env.now,
    store: {
      node: away,
      nodes: away,
      registries: away,
      investigations: away,
      investigation: away,
      incidents: away,
      incident: away,
    },
    intake: {
      take: () => {
        throw new Error('nothing is taken here');
      },
    },
    compare: () => {
      throw new Error('nothing is compared here');
    },
    feed: { subscribe: () => null, subscribers: () => 0, stop: nothing },
    report: away,
    ready: async () => [],
    metrics: () => '',
    ingested: nothing,
  });
  const parts: readonly (readonly [name: string, made: string])[] = [
    ['routes', routesTableOf(routes)],
    ['settings', settingsTableOf(CollectorSettings)],
    ['notify', entriesTableOf(NotifySettings)],
    ['metrics', metricsTableOf(collectorMetrics())],
  ];
  return parts.reduce((made, [name, part]) => between(made, name, part), text);
}
