// The tables of docs/collector.md: settings, routes and metrics, from the code that has them.
import { openCollectorMetrics } from '../src/collector/collector-metrics.ts';
import { collectorRoutesOf } from '../src/collector/http/all-routes.ts';
import { leaderMetrics } from '../src/collector/leader-metrics.ts';
import { openNotifier } from '../src/collector/notify/notifier.ts';
import { NotifySettings } from '../src/collector/notify/settings.ts';
import { openRetention } from '../src/collector/retention.ts';
import { CollectorSettings } from '../src/collector/settings.ts';
import { systemEnv } from '../src/lib/env.ts';
import { fail } from '../src/lib/result.ts';
import { between } from './markdown.ts';
import { entriesTableOf, metricsTableOf, routesTableOf, settingsTableOf } from './tables.ts';

const nothing = (): undefined => undefined;
const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** A store that is never asked: only what there is to ask is of interest. */
const away = async () => fail({ reason: 'gone' as const, message: 'There is no store here.' });

/** `text` with the generated tables between their markers; a text without those is a mistake. */
export function withCollectorTables(text: string): string {
  const { metrics } = openCollectorMetrics({
    version: '0',
    budget: () => ({ bytes: 0, bodies: 0 }),
    eventReaders: () => 0,
    storeUp: () => false,
    storeLimit: () => 0,
    store: () => null,
  });
  const env = systemEnv;
  leaderMetrics(metrics);
  openNotifier({
    env,
    log,
    metrics,
    store: { sent: away, recordSent: away, incident: away },
    targets: [],
    linkOf: () => null,
  });
  openRetention({ env, log, metrics, store: { prune: away }, keep: () => ({ maxAgeMs: 0, maxBytes: 0 }) });
  const routes = collectorRoutesOf({
    version: '0',
    env,
    log,
    now: env.now,
    store: {
      node: away,
      nodes: away,
      registries: away,
      investigations: away,
      investigation: away,
      incidents: away,
      incident: away,
      ingest: away,
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
    ['metrics', metricsTableOf(metrics.list())],
  ];
  return parts.reduce((made, [name, part]) => between(made, name, part), text);
}
