import { openCollectorMetrics } from '../../src/collector/collector-metrics.ts';
import { leaderMetrics } from '../../src/collector/leader-metrics.ts';
import { openNotifier } from '../../src/collector/notify/notifier.ts';
import { openRetention } from '../../src/collector/retention.ts';
import { systemEnv } from '../../src/lib/env.ts';
import { openLog } from '../../src/lib/log.ts';
import type { MetricInfo } from '../../src/lib/metrics.ts';
import { fail } from '../../src/lib/result.ts';

/** Every metric of the collector, made by the parts that count them; nothing of it runs. */
export function collectorMetrics(): readonly MetricInfo[] {
  const env = systemEnv;
  const log = openLog({ env, write: () => undefined, settings: () => ({ level: 'error', format: 'json' }) });
  const { metrics } = openCollectorMetrics({
    version: '0',
    budget: () => ({ bytes: 0, bodies: 0 }),
    eventReaders: () => 0,
    storeUp: () => true,
    store: () => null,
    storeLimit: () => 0,
  });
  leaderMetrics(metrics);
  const gone = async () => fail({ reason: 'gone' as const, message: 'There is no store.' });
  const store = { sent: gone, recordSent: gone, incident: gone, prune: gone };
  openNotifier({ env, log, metrics, store, targets: [], linkOf: () => null });
  openRetention({ env, log, metrics, store, keep: () => ({ maxAgeMs: 0, maxBytes: 0 }) });
  return metrics.list();
}
