import type { FleetLook } from '../../../src/collector/parts.ts';
import { failing, healthy, look, node, nodeName, noon } from './fleets.ts';

/** Two hundred nodes, of which twelve are in a zone of their own. */
export const nodes = Array.from({ length: 200 }, (_, place) =>
  node(nodeName(place), { zone: [place < 12 ? 'eu-1c' : 'eu-1a'] }),
);
/** Their names; the first twelve are of that zone. */
export const names = nodes.map(({ node }) => node);

/** The fleet as it is so much later: every node was heard of just then. */
export function later(ms: number, more: Partial<FleetLook>): FleetLook {
  return look({ now: noon + ms, fleet: nodes.map((one) => ({ ...one, lastSeenAt: noon + ms })), ...more });
}

/** The nodes of that zone, which do not reach a registry that all others do. */
export const twelve = names
  .slice(0, 12)
  .map((name) => failing(name, 'tcp-timeout', { since: noon - 5000, host: 'registry.corp.example' }));
/** All others: they reach it. */
export const others = names.slice(12).map((name) => healthy(name));
