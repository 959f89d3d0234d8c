import type { CauseId } from '../../model/cause-id.ts';
import type { Observation } from '../parts.ts';
import { fleetRules } from '../rules.ts';

/** When failures that no second look has confirmed open an incident all the same: on so many nodes at once. */
export const openingRules = { leastUnconfirmed: 3, unconfirmedShare: 0.2 } as const;

/** Causes that never stop a pull by themselves: as degraded they are what they are. */
const degradedByNature: ReadonlySet<CauseId> = new Set<CauseId>([
  'mirror-failed',
  'tls-certificate-expiring',
  'dns-inconsistent',
  'some-addresses-unreachable',
]);

/**
 * Whether it may be a single check that failed: agents call that degraded until the next check decides, for packets get
 * lost (in a fleet of thousands some every minute).
 */
export function isUnconfirmed({ kind, verdict, confidence, cause, since, at }: Observation, now: number): boolean {
  return (
    kind === 'registry' &&
    verdict === 'degraded' &&
    confidence !== 'proven' &&
    (cause === null || !degradedByNature.has(cause)) &&
    now - (since ?? at) < fleetRules.unconfirmedMs
  );
}

/**
 * Since when an incident is open that these observations of nodes that are not silent open; null when they do not. One
 * that is only possible joins what is open and opens nothing. `tried`: nodes that fail or last found it healthy.
 */
export function opensSince(
  observations: readonly Observation[],
  failing: number,
  tried: number,
  now: number,
): number | null {
  let firm = Number.POSITIVE_INFINITY;
  let all = Number.POSITIVE_INFINITY;
  let likely = false;
  for (const observation of observations) {
    const since = Math.min(now, observation.since ?? observation.at);
    all = Math.min(all, since);
    if (observation.confidence === 'possible') continue;
    likely = true;
    if (!isUnconfirmed(observation, now)) firm = Math.min(firm, since);
  }
  if (firm < Number.POSITIVE_INFINITY) return firm;
  const many = failing >= openingRules.leastUnconfirmed && failing >= openingRules.unconfirmedShare * tried;
  return likely && many ? all : null;
}
