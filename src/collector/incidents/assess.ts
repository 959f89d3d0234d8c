import type { FleetIncident } from '../../api/fleet.ts';
import { causeOf } from '../../causes/index.ts';
import { fleetRules } from '../rules.ts';
import type { AttributeIndex } from './attribute-index.ts';
import { attribute, isConcentrated } from './attribution.ts';
import { documentLimits, type Told, toldBy } from './document.ts';
import type { CaseNodes } from './evidence.ts';
import type { FleetIndex } from './fleet-index.ts';
import type { Case } from './gather.ts';
import { isUnconfirmed } from './opening.ts';
import { onlyReasons, relevantTo } from './relevance.ts';
import { scopeOf } from './scope.ts';

/** What the look says of one case that fails somewhere. */
export type Assessed = Told & Pick<FleetIncident, 'scope' | 'nodes' | 'attribution'>;

/** Scope, counts and what the failing nodes have in common; at least one node fails. */
export function assess(
  of: Pick<Case, 'cause' | 'subject'>,
  nodes: CaseNodes,
  fleet: FleetIndex,
  attributes: () => AttributeIndex,
  before: FleetIncident['scope'] | null,
  now: number,
): Assessed {
  const { failing } = nodes;
  // Some parts of nodes are not looked at by themselves: what pulls alone show is held against all nodes that live.
  const isUnlooked = of.subject.kind === 'node' && nodes.healthyLast.length === 0;
  const others = isUnlooked ? fleet.silent.reduce((sum, silent) => sum + 1 - silent, 0) - failing.length : 0;
  const scope = scopeOf({
    failing: failing.length,
    healthySince: nodes.healthySince + others,
    healthyLast: nodes.healthyLast.length + others,
    lately: nodes.lately,
    awaited: nodes.isRepeated
      ? Math.min(1, nodes.latelyMs / fleetRules.roundMs) * (failing.length + nodes.healthyLast.length)
      : 0,
    before,
    isConcentrated: () => isConcentrated(attributes(), failing, nodes.healthyLast),
  });
  // When all that have looked since it began fail, what the others found before it began says nothing.
  const isAll = scope === 'cluster';
  const healthy = isAll ? nodes.healthy.filter((_node, place) => nodes.fresh[place] === 1) : nodes.healthy;
  const fresh = isAll ? nodes.fresh.filter((one) => one === 1) : nodes.fresh;
  const { layer } = causeOf(of.cause);
  const told = toldBy(of, nodes.observations, (observation) => isUnconfirmed(observation, now));
  const under = told.underlying === null ? [] : relevantTo(causeOf(told.underlying).layer);
  return {
    ...told,
    scope,
    nodes: nodesOf(fleet, failing, healthy.length),
    attribution:
      failing.length < 3 || healthy.length < 5
        ? []
        : attribute(attributes(), {
            failing,
            healthy,
            fresh,
            relevant: [...under, ...relevantTo(layer)],
            only: onlyReasons(of.cause),
          }),
  };
}

/** The counts: what neither fails nor was found healthy is unknown, whether it is silent or has not tried. */
export function nodesOf(fleet: FleetIndex, failing: Int32Array, healthy: number): FleetIncident['nodes'] {
  return {
    failing: failing.length,
    healthy,
    unknown: Math.max(0, fleet.names.length - failing.length - healthy),
    names: namesOf(fleet, failing),
  };
}

/** The first names. */
export function namesOf(fleet: FleetIndex, nodes: Int32Array): string[] {
  return Array.from(nodes.subarray(0, documentLimits.names), (node) => fleet.names[node] ?? '');
}
