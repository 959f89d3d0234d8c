import type { FleetIncident } from '../api/fleet.ts';
import type { Frozen } from '../api/schema.ts';
import type { Metrics } from '../lib/metrics.ts';
import type { Looked } from './looker.ts';
import type { StoreFailure } from './parts.ts';

/** Metrics of the one that leads; what counts the fleet is empty at all others, so that a sum over collectors is right. */
export interface LeaderMetrics {
  readonly leading: (leads: boolean) => void;
  readonly lost: () => void;
  readonly took: (seconds: number) => void;
  readonly failed: (reason: StoreFailure['reason']) => void;
  readonly found: (found: Pick<Looked, 'failing' | 'states'>, incidents: readonly Frozen<FleetIncident>[]) => void;
}

const buckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Makes them all, so that each has its HELP line from the start. */
export function leaderMetrics(metrics: Metrics): LeaderMetrics {
  const leader = metrics.gauge('pullwhy_collector_leader', '1 at the collector that evaluates the fleet, 0 at others.');
  const looks = metrics.histogram(
    'pullwhy_collector_look_seconds',
    'How long one look at the whole fleet took.',
    buckets,
  );
  const failures = metrics.counter('pullwhy_collector_look_failures_total', 'Looks and leases that the store failed.', [
    'reason',
  ]);
  const open = metrics.gauge('pullwhy_collector_incidents', 'Incidents that are open.', ['cause', 'scope', 'severity']);
  const nodes = metrics.gauge(
    'pullwhy_collector_nodes',
    'Nodes by what is known of them; silent ones are neither healthy nor faulty, and are counted for a day.',
    ['state'],
  );
  const failing = metrics.gauge(
    'pullwhy_collector_failing',
    'Registries, images and parts of nodes that do not work, counted for each node.',
  );
  const pods = metrics.gauge('pullwhy_collector_waiting_pods', 'Pods that wait for an image, of open incidents.', [
    'cause',
  ]);
  leader.set(0);

  return {
    leading: (leads) => leader.set(leads ? 1 : 0),
    lost() {
      leader.set(0);
      for (const gauge of [open, nodes, failing, pods]) gauge.clear();
    },
    took: (seconds) => looks.observe(seconds),
    failed: (reason) => failures.add([reason]),
    found(found, incidents) {
      failing.set(found.failing);
      nodes.clear();
      for (const [state, count] of Object.entries(found.states)) nodes.set(count, [state]);
      open.clear();
      pods.clear();
      const counts = new Map<string, number>();
      const waiting = new Map<string, number>();
      for (const { state, cause, scope, severity, pods: some } of incidents) {
        if (state !== 'open') continue;
        const key = `${cause} ${scope} ${severity}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
        waiting.set(cause, (waiting.get(cause) ?? 0) + some);
      }
      for (const [key, count] of counts) open.set(count, key.split(' '));
      for (const [cause, count] of waiting) pods.set(count, [cause]);
    },
  };
}
