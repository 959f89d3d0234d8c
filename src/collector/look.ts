import type { FleetNodeRow } from '../api/fleet.ts';
import { causeOf } from '../causes/index.ts';
import type { FleetLook, KnownNode } from './parts.ts';
import { fleetRules } from './rules.ts';

/** True when a node of the list is silent now and was not when the list was read: it may have been heard of since. */
export function fellSilent(fleet: readonly KnownNode[], readAt: number, now: number): boolean {
  const { silentAfterMs } = fleetRules;
  return fleet.some(({ lastSeenAt }) => now - lastSeenAt > silentAfterMs && readAt - lastSeenAt <= silentAfterMs);
}

/**
 * How many nodes are in which state, for metrics. What only a workload's owner can mend is no node's trouble. Nodes that
 * are silent for so long that they are taken for gone are in none: an autoscaler leaves many of them, until retention
 * forgets them.
 */
export function nodeStates({
  now,
  fleet,
  failing,
}: Pick<FleetLook, 'now' | 'fleet' | 'failing'>): Readonly<Record<FleetNodeRow['state'], number>> {
  const worst = new Map<string, 'degraded' | 'faulty' | 'unknown'>();
  for (const { node, verdict, cause } of failing) {
    if (cause !== null && causeOf(cause).fixedBy === 'workload') continue;
    const before = worst.get(node);
    if (verdict === 'faulty') worst.set(node, 'faulty');
    else if (verdict === 'degraded' && before !== 'faulty') worst.set(node, 'degraded');
    else if (verdict === 'inconclusive' && before === undefined) worst.set(node, 'unknown');
  }
  const counts = { healthy: 0, degraded: 0, faulty: 0, silent: 0, unknown: 0 };
  for (const { node, lastSeenAt } of fleet) {
    if (now - lastSeenAt > fleetRules.goneAfterMs) continue;
    counts[now - lastSeenAt > fleetRules.silentAfterMs ? 'silent' : (worst.get(node) ?? 'healthy')]++;
  }
  return counts;
}
