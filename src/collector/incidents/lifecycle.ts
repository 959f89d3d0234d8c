import type { FleetIncident } from '../../api/fleet.ts';
import { causeOf } from '../../causes/index.ts';
import type { StoredIncident } from '../parts.ts';
import { fleetRules } from '../rules.ts';
import { assess, namesOf, nodesOf } from './assess.ts';
import type { AttributeIndex } from './attribute-index.ts';
import { copyOf, documentLimits, idOf } from './document.ts';
import type { CaseNodes } from './evidence.ts';
import type { FleetIndex } from './fleet-index.ts';
import type { Case } from './gather.ts';
import { type IncidentMemory, worstOf } from './memory.ts';
import { opensSince } from './opening.ts';
import { closedSummary, openSummary } from './summary.ts';

/** A case at one look. */
export interface CaseLook {
  readonly of: Pick<Case, 'key' | 'cause' | 'subject'>;
  /** The incident of its key that is open, or else the one that was closed last. */
  readonly before: { readonly stored: StoredIncident; readonly memory: IncidentMemory } | null;
  readonly nodes: CaseNodes;
  readonly fleet: FleetIndex;
  readonly attributes: () => AttributeIndex;
  readonly now: number;
  readonly closeAfterMs: number;
}

/** How its incident goes on. */
export interface Next {
  readonly document: FleetIncident;
  readonly memory: IncidentMemory;
  /** It is the incident before, still open, closed now, or come back. */
  readonly continues: boolean;
}

/** Opens, keeps, closes or reopens; null when there is nothing. `related` and `updatedAt` are not decided here. */
export function nextOf(look: CaseLook): Next | null {
  const { before, nodes, now } = look;
  const stood = before?.stored.document ?? null;
  if (before !== null && stood?.state === 'open') {
    if (nodes.failing.length > 0) return goesOn(look, before, nodes);
    return nodes.held.length > 0 ? waits(look, before) : empties(look, before);
  }
  const tried = nodes.failing.length + nodes.healthyLast.length;
  const first = nodes.failing.length === 0 ? null : opensSince(nodes.observations, nodes.failing.length, tried, now);
  return first === null ? null : opens(look, first);
}

function opens(look: CaseLook, first: number): Next {
  const { of, before, nodes, fleet, attributes, now } = look;
  const { cause, subject, key } = of;
  const closedAt = Date.parse(before?.stored.document.closedAt ?? '');
  const began = Number.isNaN(closedAt) ? first : Math.min(now, Math.max(first, closedAt));
  const again = before !== null && now - closedAt <= fleetRules.reopenWithinMs ? before : null;
  const assessed = assess(of, nodes, fleet, attributes, null, now);
  const document: FleetIncident = {
    id: again?.stored.document.id ?? idOf(key, began),
    cause,
    layer: causeOf(cause).layer,
    fault: causeOf(cause).fixedBy,
    subject: { ...subject },
    state: 'open',
    openedAt: again?.stored.document.openedAt ?? new Date(began).toISOString(),
    updatedAt: '',
    closedAt: null,
    reopened: again === null ? 0 : again.stored.document.reopened + 1,
    ...assessed,
    summary: '',
    related: [],
  };
  document.summary = openSummary(document, nodes.held.length);
  return { document, memory: remembered(look, again?.memory ?? null, began), continues: again !== null };
}

function goesOn(look: CaseLook, before: NonNullable<CaseLook['before']>, nodes: CaseNodes): Next {
  const { of, fleet, attributes, now } = look;
  const stood = copyOf(before.stored.document);
  const assessed = assess(of, nodes, fleet, attributes, stood.nodes.failing > 0 ? stood.scope : null, now);
  const document = { ...stood, ...assessed };
  document.summary = openSummary(document, nodes.held.length);
  return { document, memory: remembered(look, before.memory, before.memory.began), continues: true };
}

/** All nodes that failed are unknown: it stays as it was last known, without a failing node. */
function waits(look: CaseLook, before: NonNullable<CaseLook['before']>): Next {
  const { nodes, fleet } = look;
  const document = copyOf(before.stored.document);
  document.nodes = nodesOf(fleet, nodes.failing, nodes.healthy.length);
  document.pods = 0;
  document.workloads = 0;
  document.summary = openSummary(document, nodes.held.length);
  return { document, memory: remembered(look, before.memory, before.memory.began), continues: true };
}

/** No node fails or may fail: closed when that lasts. */
function empties(look: CaseLook, before: NonNullable<CaseLook['before']>): Next {
  const { nodes, fleet, now, closeAfterMs } = look;
  const emptySince = before.memory.emptySince ?? now;
  const memory: IncidentMemory = { ...before.memory, emptySince, held: 0 };
  const document = copyOf(before.stored.document);
  document.nodes = nodesOf(fleet, nodes.failing, nodes.healthy.length);
  document.pods = 0;
  document.workloads = 0;
  document.attribution = [];
  document.summary = openSummary(document, 0);
  if (now - emptySince < closeAfterMs) return { document, memory, continues: true };
  const worst = worstOf(memory) ?? copyOf(before.stored.document);
  const { severity, scope, hosts, attribution, images, pods, workloads, investigations, remedies } = worst;
  const closed: FleetIncident = {
    ...document,
    ...{ severity, scope, hosts, attribution, images, pods, workloads, investigations, remedies },
    nodes: worst.nodes,
    state: 'closed',
    closedAt: new Date(emptySince).toISOString(),
  };
  const lost = memory.last.some((name) => fleet.gone[fleet.numbers.get(name) ?? -1] === 1);
  closed.summary = closedSummary(closed, Math.max(0, emptySince - Date.parse(document.openedAt)), lost);
  return { document: closed, memory, continues: true };
}

function remembered({ nodes, fleet }: CaseLook, before: IncidentMemory | null, began: number): IncidentMemory {
  const last = [...namesOf(fleet, nodes.failing), ...namesOf(fleet, nodes.held)].slice(0, documentLimits.names);
  return {
    began,
    emptySince: null,
    writtenAt: before?.writtenAt ?? 0,
    held: nodes.held.length,
    last,
    worstFailing: before?.worstFailing ?? 0,
    worst: before?.worst ?? '',
  };
}
