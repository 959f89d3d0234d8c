import type { FleetEvent } from '../../api/fleet.ts';
import type { KnownNode, NodesMemory } from '../parts.ts';
import type { FleetIndex } from './fleet-index.ts';

/** Nodes that appeared, fell silent or came back since the look before; none is told at a collector's first look. */
export function nodeEvents(
  nodes: readonly KnownNode[],
  fleet: FleetIndex,
  before: NodesMemory | null,
  at: string,
): { readonly events: Omit<FleetEvent, 'id'>[]; readonly memory: NodesMemory } {
  const events: Omit<FleetEvent, 'id'>[] = [];
  const known = new Set<string>();
  const silent = new Set<string>();
  const tell = (type: FleetEvent['type'], node: string): void => {
    if (before !== null) events.push({ at, type, incident: null, node });
  };
  for (const { node } of nodes) {
    const isSilent = fleet.silent[fleet.numbers.get(node) ?? -1] === 1;
    known.add(node);
    if (isSilent) silent.add(node);
    const wasSilent = before?.silent.has(node) ?? false;
    if (before?.known.has(node) !== true) tell('node-appeared', node);
    if (isSilent && !wasSilent) tell('node-silent', node);
    if (!isSilent && wasSilent) tell('node-back', node);
  }
  return { events, memory: { known, silent } };
}
