import type { PullRecord } from '../api/investigation.ts';
import type { RegistryRow } from '../api/node.ts';
import type { RecordKind } from '../api/records.ts';
import { type Metrics, openMetrics } from '../lib/metrics.ts';
import type { Investigation } from '../model/investigation.ts';
import type { LocalHealth } from './health/local-health.ts';
import type { Incident, SourceState } from './parts.ts';

/** The agent's metrics. Their names are for alert rules, so they do not change; README has the list. */
export interface AgentMetrics {
  readonly metrics: Metrics;
  readonly investigated: (document: Investigation) => void;
  readonly pulled: (record: PullRecord) => void;
  readonly ended: (incident: Incident) => void;
  /** What became of an Event on a pod. */
  readonly noticeEnded: (end: 'sent' | 'refused' | 'dropped') => void;
  /** Records that the spool for the collector had to drop. */
  readonly dropped: (kind: RecordKind, count: number) => void;
  /** What became of a batch for the collector, and of its records. */
  readonly reported: (result: 'taken' | 'too-large' | 'later' | 'unusable', taken: number, refused: number) => void;
  readonly answered: (route: string, method: string, status: number, seconds: number) => void;
}

/** What is read at each exposition. */
export interface MetricSources {
  readonly version: string;
  readonly incidents: () => readonly Incident[];
  readonly registries: () => readonly RegistryRow[];
  /** What is known of the node beside its registries. */
  readonly local: () => LocalHealth;
  readonly sources: () => readonly SourceState[];
  readonly now: () => number;
  /** True while the state is kept on disk. */
  readonly onDisk: () => boolean;
  /** The node's condition ImagePullProblem as it stands; null, or absent: not known, or not kept. */
  readonly condition?: () => 'True' | 'False' | null;
  /** Events on pods that wait to be written. */
  readonly noticesWaiting?: () => number;
  /** Reporting to the collector; null, or absent: none is set. */
  readonly collecting?: () => {
    readonly taken: boolean;
    readonly lastTakenAt: number | null;
    readonly rows: number;
    readonly bytes: number;
  } | null;
}

const secondBuckets = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const pullBuckets = [0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

/** Makes them all, so that each has its HELP line from the start. */
export function openAgentMetrics(sources: MetricSources): AgentMetrics {
  const metrics = openMetrics();
  const info = metrics.gauge('pullwhy_agent_info', "Always 1; the label is the agent's version.", ['version']);
  const incidents = metrics.gauge('pullwhy_incidents', 'Images that do not come to this node, by what stops them.', [
    'cause',
    'layer',
    'confidence',
    'registry',
  ]);
  const containers = metrics.gauge('pullwhy_waiting_containers', 'Containers of this node that wait for an image.', [
    'cause',
  ]);
  const oldest = metrics.gauge(
    'pullwhy_oldest_incident_age_seconds',
    'Since when the image that fails longest fails; 0 when none does.',
  );
  const investigations = metrics.counter('pullwhy_investigations_total', 'Investigations that were made.', [
    'verdict',
    'cause',
  ]);
  const durations = metrics.histogram(
    'pullwhy_investigation_duration_seconds',
    'How long investigations took.',
    secondBuckets,
  );
  const pulls = metrics.counter('pullwhy_pulls_total', 'Pulls by the agent.', ['reason', 'result']);
  const pullDurations = metrics.histogram(
    'pullwhy_pull_duration_seconds',
    "How long the agent's pulls took.",
    pullBuckets,
    ['result'],
  );
  const recovered = metrics.counter(
    'pullwhy_recovered_incidents_total',
    "Incidents that ended: by the agent's pull, by the kubelet's, or because no pod waits any more.",
    ['by'],
  );
  const gained = metrics.counter(
    'pullwhy_gained_seconds_total',
    "Seconds between the agent's pulls and the kubelet's own next tries.",
  );
  const up = metrics.gauge(
    'pullwhy_registry_up',
    'Whether a registry in use can be reached: 1, 0, or 0.5 where something is wrong and pulls work.',
    ['registry'],
  );
  const latency = metrics.gauge(
    'pullwhy_registry_latency_seconds',
    'How long each part of the way to a registry took at the last check.',
    ['registry', 'phase'],
  );
  const expiry = metrics.gauge(
    'pullwhy_registry_certificate_expiry_timestamp_seconds',
    "When the first certificate of a registry's chain ends.",
    ['registry'],
  );
  const budget = metrics.gauge(
    'pullwhy_registry_rate_limit_remaining',
    "Pulls that a registry's rate limit leaves, by its own headers.",
    ['registry'],
  );
  const free = metrics.gauge(
    'pullwhy_image_filesystem_free_bytes',
    'Free bytes of the file systems that hold images.',
    ['path'],
  );
  const size = metrics.gauge('pullwhy_image_filesystem_size_bytes', 'Size of the file systems that hold images.', [
    'path',
  ]);
  const nameserver = metrics.gauge('pullwhy_nameserver_up', 'Whether a nameserver of the node answers.', [
    'nameserver',
  ]);
  const clock = metrics.gauge('pullwhy_clock_offset_seconds', "How far the node's clock is ahead of its registries'.");
  const following = metrics.gauge('pullwhy_source_following', 'Whether a source of signals is followed.', ['source']);
  const onDisk = metrics.gauge('pullwhy_state_on_disk', "Whether the agent's state is kept on disk.");
  const notices = metrics.counter(
    'pullwhy_kubernetes_events_total',
    'Events on pods: sent, refused by the API server, or dropped because they were too many or too old.',
    ['result'],
  );
  const noticesWaiting = metrics.gauge('pullwhy_kubernetes_events_waiting', 'Events on pods that wait to be sent.');
  const condition = metrics.gauge(
    'pullwhy_node_condition_problem',
    'The node condition ImagePullProblem as it stands: 1 True, 0 False; absent where the agent does not keep it.',
  );
  const collectorUp = metrics.gauge(
    'pullwhy_collector_up',
    'Whether the collector took the last report: 1 or 0; absent where none is set.',
  );
  const lastTaken = metrics.gauge(
    'pullwhy_collector_last_report_timestamp_seconds',
    'When the collector last took a report.',
  );
  const batches = metrics.counter(
    'pullwhy_report_batches_total',
    'Batches for the collector: taken, too-large (sent again in parts), later (it was away or busy) or unusable (a setting has to be mended).',
    ['result'],
  );
  const records = metrics.counter('pullwhy_report_records_total', 'Records that the collector took, or refused.', [
    'result',
  ]);
  const spoolRows = metrics.gauge('pullwhy_spool_records', 'Records that wait for the collector.');
  const spoolBytes = metrics.gauge('pullwhy_spool_bytes', 'What they take on the disk, or in memory.');
  const spoolDropped = metrics.counter(
    'pullwhy_spool_dropped_total',
    'Records for the collector that were dropped: there was no room, they were too old, or it refused them.',
    ['kind'],
  );
  const requests = metrics.counter('pullwhy_http_requests_total', 'Requests over HTTP.', ['route', 'method', 'status']);
  const requestDurations = metrics.histogram(
    'pullwhy_http_request_duration_seconds',
    'How long answers took.',
    secondBuckets,
    ['route'],
  );
  const memory = metrics.gauge('pullwhy_process_resident_memory_bytes', 'Memory of the agent that is resident.');
  const cpu = metrics.gauge('pullwhy_process_cpu_seconds_total', 'Processor time of the agent.');

  metrics.collect(() => {
    info.set(1, [sources.version]);
    incidents.clear();
    containers.clear();
    const open = sources.incidents();
    const counts = new Map<string, { readonly labels: readonly string[]; count: number }>();
    const waiting = new Map<string, number>();
    for (const incident of open) {
      const { conclusion, saidCause, registry, pods, morePods } = incident;
      const cause = conclusion?.cause ?? saidCause ?? 'unknown';
      const labels = [cause, conclusion?.layer ?? '', conclusion?.confidence ?? '', registry ?? ''];
      const key = labels.join(' ');
      const known = counts.get(key) ?? { labels, count: 0 };
      known.count++;
      counts.set(key, known);
      waiting.set(cause, (waiting.get(cause) ?? 0) + pods.length + morePods);
    }
    for (const { labels, count } of counts.values()) incidents.set(count, labels);
    for (const [cause, count] of waiting) containers.set(count, [cause]);
    oldest.set(
      open.length === 0
        ? 0
        : Math.max(0, (sources.now() - Math.min(...open.map(({ firstSeenAt }) => firstSeenAt))) / 1000),
    );
    for (const gauge of [up, latency, expiry, budget, following]) gauge.clear();
    for (const row of sources.registries()) {
      if (row.verdict !== 'inconclusive')
        up.set(row.verdict === 'healthy' ? 1 : row.verdict === 'degraded' ? 0.5 : 0, [row.registry]);
      for (const [phase, ms] of Object.entries(row.latencyMs))
        if (ms !== null) latency.set(ms / 1000, [row.registry, phase]);
      if (row.certificate !== null) expiry.set(Date.parse(row.certificate.notAfter) / 1000, [row.registry]);
      if (row.rateLimit !== null && row.rateLimit.remaining !== null)
        budget.set(row.rateLimit.remaining, [row.registry]);
    }
    for (const { source, state } of sources.sources()) following.set(state === 'following' ? 1 : 0, [source]);
    for (const gauge of [free, size, nameserver, clock]) gauge.clear();
    const local = sources.local();
    for (const { path, freeBytes, totalBytes } of local.disks) {
      free.set(freeBytes, [path]);
      size.set(totalBytes, [path]);
    }
    for (const one of local.nameservers) nameserver.set(one.state === 'answering' ? 1 : 0, [one.nameserver]);
    if (local.clock.offsetMs !== null) clock.set(local.clock.offsetMs / 1000);
    noticesWaiting.set(sources.noticesWaiting?.() ?? 0);
    condition.clear();
    const stands = sources.condition?.() ?? null;
    if (stands !== null) condition.set(stands === 'True' ? 1 : 0);
    for (const gauge of [collectorUp, lastTaken, spoolRows, spoolBytes]) gauge.clear();
    const collecting = sources.collecting?.() ?? null;
    if (collecting !== null) {
      collectorUp.set(collecting.taken ? 1 : 0);
      if (collecting.lastTakenAt !== null) lastTaken.set(collecting.lastTakenAt / 1000);
      spoolRows.set(collecting.rows);
      spoolBytes.set(collecting.bytes);
    }
    onDisk.set(sources.onDisk() ? 1 : 0);
    memory.set(process.memoryUsage.rss());
    const used = process.cpuUsage();
    cpu.set((used.user + used.system) / 1e6);
  });

  return {
    metrics,
    investigated({ verdict, cause, durationMs }) {
      investigations.add([verdict, cause ?? '']);
      durations.observe(durationMs / 1000);
    },
    pulled({ reason, state, durationMs }) {
      pulls.add([reason, state]);
      if (durationMs !== null) pullDurations.observe(durationMs / 1000, [state]);
    },
    ended({ endedBy, secondsGained }) {
      recovered.add([endedBy ?? 'gone']);
      if (secondsGained !== null) gained.add([], secondsGained);
    },
    noticeEnded: (end) => notices.add([end]),
    dropped: (kind, count) => spoolDropped.add([kind], count),
    reported(result, taken, refused) {
      batches.add([result]);
      if (taken > 0) records.add(['taken'], taken);
      if (refused > 0) records.add(['refused'], refused);
    },
    answered(route, method, status, seconds) {
      // A method that nobody has is a caller's own word.
      requests.add([route, /^(?:GET|HEAD|POST)$/.test(method) ? method : 'other', String(status)]);
      requestDurations.observe(seconds, [route]);
    },
  };
}
