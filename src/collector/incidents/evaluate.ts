import { isDeepStrictEqual } from 'node:util';
import type { FleetEvent, FleetIncident } from '../../api/fleet.ts';
import type { Evaluate, FleetLook, StoredIncident } from '../parts.ts';
import { fleetRules } from '../rules.ts';
import { type AttributeIndex, indexAttributes } from './attribute-index.ts';
import { materialOf } from './document.ts';
import { type CaseNodes, caseNodes, healthyLooks, marksFor } from './evidence.ts';
import { type FleetIndex, indexFleet } from './fleet-index.ts';
import { type Case, gather } from './gather.ts';
import { type Next, nextOf } from './lifecycle.ts';
import { type IncidentMemory, memoryText, parseMemory } from './memory.ts';
import { nodeEvents } from './node-events.ts';
import { relatedOf } from './related.ts';

/** An incident of the look before, with what is remembered of it. */
interface Standing {
  readonly stored: StoredIncident;
  readonly memory: IncidentMemory;
}

/** A case with its incident, as it was and as it is. */
interface Turn {
  readonly of: Pick<Case, 'key' | 'cause' | 'subject'>;
  readonly before: Standing | null;
  readonly nodes: CaseNodes;
  readonly next: Next;
}

/**
 * From what is known of all nodes to incidents: opens, keeps, closes and reopens them, says how far each reaches and what
 * its nodes have in common. Pure, and of two looks at the same the second decides nothing.
 */
export const evaluate: Evaluate = (look) => {
  const fleet = indexFleet(look);
  const { open, closed } = standingOf(look);
  const cases = gather(look.failing, new Set(open.keys()));
  const turns: Turn[] = [];
  for (const turn of turnsOf(look, fleet, cases, open, closed)) turns.push(turn);

  const related = relatedOf(
    turns.flatMap(({ of, next, nodes }) =>
      next.document.state === 'open' && of.subject.kind !== 'image'
        ? [{ id: next.document.id, failing: nodes.failing }]
        : [],
    ),
    fleet.names.length,
  );
  const at = new Date(look.now).toISOString();
  const incidents: StoredIncident[] = [];
  const events: Omit<FleetEvent, 'id'>[] = [];
  for (const { of, before, next } of turns) {
    const stood = before?.stored.document ?? null;
    const document: FleetIncident = {
      ...next.document,
      related: next.document.state === 'open' ? (related.get(next.document.id) ?? []) : next.document.related,
    };
    const isChanged =
      stood === null ||
      next.memory.held !== before?.memory.held ||
      (next.memory.emptySince === null) !== (before.memory.emptySince === null) ||
      !isDeepStrictEqual(materialOf(document), materialOf(stood));
    if (!isChanged) {
      const writtenAt = before?.memory.writtenAt ?? 0;
      const isDue = look.now - writtenAt >= fleetRules.refreshEveryMs || writtenAt > look.now;
      const isSame = isDeepStrictEqual({ ...document, updatedAt: '' }, { ...stood, updatedAt: '' });
      // What was moved with the clock is moved once.
      if (look.clockSetMs === undefined && (!isDue || isSame)) continue;
      incidents.push(storedAs(of.key, document, next.memory, look.now));
      continue;
    }
    document.updatedAt = at;
    incidents.push(storedAs(of.key, document, next.memory, look.now));
    const type =
      document.state === 'closed'
        ? 'incident-closed'
        : stood?.state === 'open'
          ? 'incident-changed'
          : 'incident-opened';
    events.push({ at, type, incident: document, node: null });
  }
  const told = nodeEvents(look.fleet, fleet, look.nodes ?? null, at);
  return { incidents, events: [...told.events, ...events], nodes: told.memory };
};

/** Open incidents, and the newest closed one of each key. */
function standingOf({ standing, now, clockSetMs = 0 }: FleetLook): {
  readonly open: Map<string, Standing>;
  readonly closed: Map<string, Standing>;
} {
  const open = new Map<string, Standing>();
  const closed = new Map<string, Standing>();
  for (const stored of standing) {
    const { key, document, memory } = stored;
    const into = document.state === 'open' ? open : closed;
    const known = into.get(key)?.stored.document;
    if (known !== undefined && (known.closedAt ?? '') >= (document.closedAt ?? '')) continue;
    const one = { stored, memory: parseMemory(memory, Date.parse(document.openedAt)) };
    into.set(key, document.state === 'open' && clockSetMs !== 0 ? movedBy(clockSetMs, one, now) : one);
  }
  return { open, closed };
}

/**
 * What is open when the clock is set: it goes on for as long as it has lasted. Its beginning stays as it was told, unless
 * that would be yet to come.
 */
function movedBy(ms: number, { stored, memory }: Standing, now: number): Standing {
  const { emptySince } = memory;
  const began = Math.min(now, memory.began + ms);
  const { openedAt } = stored.document;
  const isToCome = Date.parse(openedAt) > now;
  return {
    stored: {
      ...stored,
      document: { ...stored.document, openedAt: isToCome ? new Date(began).toISOString() : openedAt },
    },
    memory: { ...memory, began, emptySince: emptySince === null ? null : Math.min(now, emptySince + ms) },
  };
}

function* turnsOf(
  look: FleetLook,
  fleet: FleetIndex,
  cases: ReadonlyMap<string, Case>,
  open: ReadonlyMap<string, Standing>,
  closed: ReadonlyMap<string, Standing>,
): Generator<Turn> {
  const all = new Map<string, Case>(cases);
  for (const [key, { stored }] of open) {
    const { cause, subject } = stored.document;
    if (!all.has(key)) all.set(key, { key, cause, subject: { ...subject }, observations: [] });
  }
  const healthyOf = healthyLooks(look.healthy, fleet, all.values());
  const undecided = undecidedNodes(look, fleet);
  const marks = marksFor(fleet.names.length);
  let index: AttributeIndex | null = null;
  const attributes = (): AttributeIndex => {
    index ??= indexAttributes(fleet.attributes);
    return index;
  };
  for (const [key, of] of all) {
    const before = open.get(key) ?? closed.get(key) ?? null;
    const isOpen = open.has(key);
    const began = isOpen && before !== null ? before.memory.began : firstOf(of, fleet, look.now);
    // What came back to health and is then not found out is not held.
    const maybe = isOpen && before?.memory.emptySince === null ? before.memory.last : [];
    const subject = `${of.subject.kind} ${of.subject.name}`;
    const held = maybe.flatMap((name) => {
      const node = fleet.numbers.get(name);
      return node !== undefined && undecided.get(subject)?.has(node) ? [node] : [];
    });
    const nodes = caseNodes(of.observations, held, healthyOf(of), fleet, began, marks);
    const { now, closeAfterMs = fleetRules.closeAfterMs } = look;
    const next = nextOf({ of, before, nodes, fleet, attributes, now, closeAfterMs });
    if (next !== null) yield { of, before: before !== null && next.continues ? before : null, nodes, next };
  }
}

/** When the first of the nodes that are not silent failed. */
function firstOf({ observations }: Case, fleet: FleetIndex, now: number): number {
  let first = now;
  for (const { node, since, at } of observations) {
    if (fleet.silent[fleet.numbers.get(node) ?? -1] !== 1) first = Math.min(first, since ?? at);
  }
  return first;
}

/**
 * By subject the nodes whose last look found nothing out or is still under way, as long as that may be the failure before.
 * An image that nobody waits for any more is not looked at: what was wrong with it is over.
 */
function undecidedNodes({ failing, now }: FleetLook, fleet: FleetIndex): Map<string, Set<number>> {
  const undecided = new Map<string, Set<number>>();
  for (const { verdict, cause, kind, subject, node, since, at } of failing) {
    const isUndecided = kind === 'image' ? verdict === 'faulty' && cause === null : verdict === 'inconclusive';
    const number = isUndecided ? fleet.numbers.get(node) : undefined;
    if (number === undefined || now - (since ?? at) > fleetRules.goneAfterMs) continue;
    const key = `${kind} ${subject}`;
    undecided.set(key, (undecided.get(key) ?? new Set()).add(number));
  }
  return undecided;
}

/** The worst is remembered as it is told, so that it is written no oftener than the incident itself. */
function storedAs(key: string, document: FleetIncident, memory: IncidentMemory, now: number): StoredIncident {
  const { failing } = document.nodes;
  const isWorst = document.state === 'open' && failing > 0 && failing >= memory.worstFailing;
  return {
    key,
    document,
    memory: memoryText({
      ...memory,
      writtenAt: now,
      ...(isWorst ? { worstFailing: failing, worst: JSON.stringify(document) } : {}),
    }),
  };
}

export { healthyQuestion, keyOf } from './gather.ts';
