import type { FleetIncident } from '../../../src/api/fleet.ts';
import { causeOf } from '../../../src/causes/index.ts';
import { evaluate } from '../../../src/collector/incidents/evaluate.ts';
import type { FleetLook, KnownNode, Observation, StoredIncident } from '../../../src/collector/parts.ts';
import type { CauseId } from '../../../src/model/cause-id.ts';

/** When the looks of these tests are made. */
export const noon = Date.parse('2026-11-22T12:00:00.000Z');

/** A node that was heard of just now. */
export function node(name: string, attributes: Record<string, readonly string[]> = {}, lastSeenAt = noon): KnownNode {
  return {
    node: name,
    firstSeenAt: noon - 86_400_000,
    lastSeenAt,
    clockOffsetMs: 0,
    agentVersion: '1.0.0',
    agentStartedAt: noon - 86_400_000,
    attributes,
    heartbeat: null,
  };
}

/** `worker-001`, … */
export function nodeName(number: number): string {
  return `worker-${String(number).padStart(4, '0')}`;
}

/** A failed check of a registry. */
export function failing(node: string, cause: CauseId | null, more: Partial<Observation> = {}): Observation {
  return {
    node,
    kind: 'registry',
    subject: 'registry.corp.example',
    registry: 'registry.corp.example',
    verdict: 'faulty',
    cause,
    confidence: 'proven',
    layer: cause === null ? null : causeOf(cause).layer,
    underlying: null,
    host: null,
    summary: 'It fails.',
    remedies: [],
    pods: 0,
    owners: 0,
    at: noon,
    since: null,
    receivedAt: noon,
    investigation: null,
    ...more,
  };
}

/** A pull that fails. */
export function failingPull(
  node: string,
  cause: CauseId | null,
  image: string,
  more: Partial<Observation> = {},
): Observation {
  return failing(node, cause, {
    kind: 'image',
    subject: image,
    registry: image.split('/')[0] ?? null,
    pods: 1,
    owners: 1,
    ...more,
  });
}

/** A healthy check. */
export function healthy(node: string, subject = 'registry.corp.example', at = noon): FleetLook['healthy'][number] {
  return { node, kind: 'registry', subject, registry: subject, at };
}

/** A look at which nothing is. */
export function look(parts: Partial<FleetLook>): FleetLook {
  return { now: noon, failing: [], healthy: [], fleet: [], standing: [], ...parts };
}

/** Incidents as they stand after a look: what a store would hand to the next one. */
export function standingAfter(of: FleetLook, standing: readonly StoredIncident[] = of.standing): StoredIncident[] {
  const decided = evaluate(of);
  const changed = new Map(decided.incidents.map((one) => [one.document.id, one]));
  const kept = standing.filter(({ document }) => !changed.has(document.id));
  // As from a database: through JSON.
  return JSON.parse(JSON.stringify([...kept, ...changed.values()]));
}

/** The only incident. */
export function onlyOne(incidents: readonly StoredIncident[]): StoredIncident['document'] {
  if (incidents.length !== 1 || incidents[0] === undefined) throw new Error(`${incidents.length} incidents`);
  return incidents[0].document;
}

/** What was decided at a first look. */
export function opened(of: Partial<FleetLook>): readonly FleetIncident[] {
  return evaluate(look(of)).events.flatMap(({ type, incident }) =>
    type === 'incident-opened' && incident !== null ? [incident] : [],
  );
}

/** A generator of numbers in [0, 1) that gives the same ones for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
