import type { FleetIncident } from '../../api/fleet.ts';

/** Where scopes begin; the reasons are in the collector's README. */
export const scopeRules = {
  /** Fewer failing nodes are no cluster, whatever the rest does. */
  leastOfCluster: 3,
  /** This share of the nodes that looked since it began fails. */
  clusterShare: 0.8,
  /** What is the whole cluster stays it down to this share: around the border nothing is told twice a minute. */
  clusterStaysShare: 0.7,
  /** Of the nodes that a failing cluster would have told of by now at the least, a part below this is no cluster. */
  toldShare: 0.5,
  /** So many have to be awaited that fewer than `toldShare` of them is no chance (Poisson, 30 and less than 15: 0.1 %). */
  leastAwaited: 30,
} as const;

/** What the scope is decided by. */
export interface ScopeEvidence {
  readonly failing: number;
  /** Nodes that found it healthy since the failures began; one that may have looked since counts as the chance of that. */
  readonly healthySince: number;
  /** All nodes that last found it healthy, those that have not looked since it began included. */
  readonly healthyLast: number;
  /** Failing nodes without the first ones, which may have failed long before the others. */
  readonly lately: number;
  /** How many those would be by now at the least, did all nodes fail: each looks once a round. */
  readonly awaited: number;
  /** Before; null at the first look. */
  readonly before: FleetIncident['scope'] | null;
  /** Whether the failing nodes have something in common that the first to tell of a cluster's failure would not. */
  readonly isConcentrated: () => boolean;
}

/**
 * One node, some, or everybody. Nodes that have not looked since it began say nothing, so what is right of all nodes is
 * right of those that told first, too: of a cluster's storm they all fail, and of a group's the others go on healthy.
 */
export function scopeOf({
  failing,
  healthySince,
  healthyLast,
  lately,
  awaited,
  before,
  isConcentrated,
}: ScopeEvidence): FleetIncident['scope'] {
  if (failing <= 1) return 'node';
  const share = before === 'cluster' ? scopeRules.clusterStaysShare : scopeRules.clusterShare;
  if (failing < scopeRules.leastOfCluster || failing < share * (failing + healthySince)) return 'group';
  if (failing >= share * (failing + healthyLast)) return 'cluster';
  if (awaited >= scopeRules.leastAwaited && lately < scopeRules.toldShare * awaited) return 'group';
  return isConcentrated() ? 'group' : 'cluster';
}
