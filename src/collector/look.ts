import type { FleetNodeRow, SubjectShape } from '../api/fleet.ts';
import type { Frozen } from '../api/schema.ts';
import { causeOf } from '../causes/index.ts';
import type { FleetLook, KnownNode, Observation, StoredIncident } from './parts.ts';
import { fleetRules } from './rules.ts';

/** Of what healthy looks have to be read: everything that fails, and everything that an incident is about. */
export function subjectsOf(
  failing: readonly Observation[],
  standing: readonly StoredIncident[],
): readonly Frozen<SubjectShape>[] {
  const found = new Map<string, Frozen<SubjectShape>>();
  const add = (kind: SubjectShape['kind'], name: string): void => {
    const key = `${kind} ${name}`;
    if (!found.has(key)) found.set(key, { kind, name });
  };
  for (const { kind, subject, registry } of failing) {
    add(kind, subject);
    // What stops an image may stop its registry: then the incident is the registry's.
    if (registry !== null) add('registry', registry);
  }
  for (const { document } of standing) add(document.subject.kind, document.subject.name);
  return [...found.values()];
}

/** Since when healthy looks are read: since before the first thing that fails, as far back as one counts at all. */
export function healthySince(
  now: number,
  failing: readonly Observation[],
  standing: readonly StoredIncident[],
): number {
  let first = now;
  for (const { since, at } of failing) first = Math.min(first, since ?? at);
  for (const { document } of standing) first = Math.min(first, Date.parse(document.openedAt));
  return first - fleetRules.healthyKnownMs;
}

/** True when a node of the list is silent now and was not when the list was read: it may have been heard of since. */
export function fellSilent(fleet: readonly KnownNode[], readAt: number, now: number): boolean {
  const { silentAfterMs } = fleetRules;
  return fleet.some(({ lastSeenAt }) => now - lastSeenAt > silentAfterMs && readAt - lastSeenAt <= silentAfterMs);
}

/** How many nodes are in which state, for metrics. What only a workload's owner can mend is no node's trouble. */
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
    counts[now - lastSeenAt > fleetRules.silentAfterMs ? 'silent' : (worst.get(node) ?? 'healthy')]++;
  }
  return counts;
}
