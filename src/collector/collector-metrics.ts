import { type Metrics, openMetrics } from '../lib/metrics.ts';
import type { Ingested } from './intake/intake.ts';

/** The collector's metrics. Their names are for alert rules, so they do not change; docs/collector.md has the list. */
export interface CollectorMetrics {
  readonly metrics: Metrics;
  readonly ingested: (ingested: Ingested) => void;
  /** A report was turned away for want of room. */
  readonly full: () => void;
  readonly answered: (route: string, method: string, status: number, seconds: number) => void;
}

/** What is read at each exposition. */
export interface MetricSources {
  readonly version: string;
  readonly budget: () => { readonly bytes: number; readonly bodies: number };
  readonly eventReaders: () => number;
  readonly storeUp: () => boolean;
  /** The store as it was counted last; null: not yet. */
  readonly store: () => { readonly bytes: number; readonly rows: Readonly<Record<string, number>> } | null;
  /** What it may take, as set now. */
  readonly storeLimit: () => number;
}

const secondBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Makes them all, so that each has its HELP line from the start; those of the leader are its own (leader-metrics.ts). */
export function openCollectorMetrics(sources: MetricSources): CollectorMetrics {
  const metrics = openMetrics();
  const { counter, gauge } = metrics;
  const info = gauge('pullwhy_collector_info', "Always 1; the label is the collector's version.", ['version']);
  const reports = counter(
    'pullwhy_collector_reports_total',
    'Batches from agents: taken, misfit (no report by its form), foreign-node (as a node that it may not write as), no-room (429), or why the store took it not.',
    ['result'],
  );
  const records = counter('pullwhy_collector_records_total', 'Records of batches that were taken.', ['kind']);
  const fresh = counter('pullwhy_collector_fresh_records_total', 'Records of them that were not sent before.');
  const refused = counter('pullwhy_collector_refused_records_total', 'Records that do not fit, and were refused.');
  const heldBytes = gauge('pullwhy_collector_held_bytes', 'What reports that are being stored take of the memory.');
  const held = gauge('pullwhy_collector_held_reports', 'Reports that are being read and stored.');
  const storeUp = gauge('pullwhy_collector_store_up', 'Whether the store answers.');
  const storeBytes = gauge('pullwhy_collector_store_bytes', 'What the store takes.');
  const storeLimit = gauge(
    'pullwhy_collector_store_limit_bytes',
    'What the store may take (retention.maxBytes): beyond it the oldest is dropped, however young.',
  );
  const storeRows = gauge('pullwhy_collector_store_rows', 'Rows of the store.', ['table']);
  const readers = gauge('pullwhy_collector_event_readers', 'Readers of live events.');
  const requests = counter('pullwhy_collector_http_requests_total', 'Requests over HTTP.', [
    'route',
    'method',
    'status',
  ]);
  const durations = metrics.histogram(
    'pullwhy_collector_http_request_duration_seconds',
    'How long answers took.',
    secondBuckets,
    ['route'],
  );
  const memory = gauge('pullwhy_collector_process_resident_memory_bytes', 'Memory of the collector that is resident.');
  const cpu = gauge('pullwhy_collector_process_cpu_seconds_total', 'Processor time of the collector.');

  metrics.collect(() => {
    info.set(1, [sources.version]);
    const { bytes, bodies } = sources.budget();
    heldBytes.set(bytes);
    held.set(bodies);
    readers.set(sources.eventReaders());
    const store = sources.store();
    storeUp.set(sources.storeUp() ? 1 : 0);
    storeLimit.set(sources.storeLimit());
    for (const one of [storeBytes, storeRows]) one.clear();
    if (store !== null) {
      storeBytes.set(store.bytes);
      for (const [table, rows] of Object.entries(store.rows)) storeRows.set(rows, [table]);
    }
    memory.set(process.memoryUsage.rss());
    const { user, system } = process.cpuUsage();
    cpu.set((user + system) / 1e6);
  });

  return {
    metrics,
    full: () => reports.add(['no-room']),
    ingested({ result, kinds: taken, refused: no, fresh: anew }) {
      reports.add([result]);
      if (result !== 'taken') return;
      const kinds = new Map<string, number>();
      for (const kind of taken) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
      for (const [kind, count] of kinds) records.add([kind], count);
      fresh.add([], anew);
      refused.add([], no);
    },
    answered(route, method, status, seconds) {
      // A method is whatever a caller writes.
      const known = /^(GET|HEAD|POST)$/.test(method) ? method : 'other';
      requests.add([route, known, String(status)]);
      durations.observe(seconds, [route]);
    },
  };
}
