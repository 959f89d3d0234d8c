import type { FleetLook, Observation } from '../parts.ts';
import { fleetRules } from '../rules.ts';
import type { FleetIndex } from './fleet-index.ts';
import type { Case } from './gather.ts';
import { isSeenByChecks } from './subject.ts';

/** Nodes that last found a subject healthy, with the time of the look. */
export interface HealthyLooks {
  readonly nodes: number[];
  readonly at: number[];
  /** Agents look at it each round, and tell at once when it changes. Pulls of images happen when they do. */
  readonly isRepeated: boolean;
}

/** What the nodes of a case are, for one look. Numbers of nodes, in the order of names. */
export interface CaseNodes {
  readonly failing: Int32Array;
  /** Failed and are unknown since: silent, or they look and find nothing out. */
  readonly held: Int32Array;
  /** The failing nodes' observations. */
  readonly observations: readonly Observation[];
  /** Those that found it healthy since it began, less one round. */
  readonly healthy: Int32Array;
  /** For each of them 1 when it looked since most failures began. */
  readonly fresh: Uint8Array;
  /** Healthy ones, each as the chance that it looked since most failures began. */
  readonly healthySince: number;
  /** All that last found it healthy, however long ago. */
  readonly healthyLast: Int32Array;
  /** Failing nodes without the first quarter, and how long these took to fail, milliseconds. */
  readonly lately: number;
  readonly latelyMs: number;
  readonly isRepeated: boolean;
}

/** Finds the healthy looks that belong to a case. */
export type HealthyOf = (of: Pick<Case, 'cause' | 'subject'>) => HealthyLooks;

const none: HealthyLooks = { nodes: [], at: [], isRepeated: false };

/** Sorts healthy looks by what they are about: only what `cases` ask for is kept. */
export function healthyLooks(
  healthy: FleetLook['healthy'],
  fleet: FleetIndex,
  cases: Iterable<Pick<Case, 'cause' | 'subject'>>,
): HealthyOf {
  const own: Record<Observation['kind'], Map<string, HealthyLooks>> = {
    registry: new Map(),
    image: new Map(),
    node: new Map(),
  };
  const pulls = new Map<string, HealthyLooks>();
  for (const { cause, subject } of cases) {
    const byPulls = subject.kind === 'registry' && !isSeenByChecks(cause);
    const map = byPulls ? pulls : own[subject.kind];
    const isRepeated = !byPulls && subject.kind !== 'image';
    if (!map.has(subject.name)) map.set(subject.name, { nodes: [], at: [], isRepeated });
  }
  for (const { node, kind, subject, registry, at } of healthy) {
    const wanted = own[kind].get(subject);
    const pulled = kind === 'image' && registry !== null ? pulls.get(registry) : undefined;
    if (wanted === undefined && pulled === undefined) continue;
    const number = fleet.numbers.get(node);
    if (number === undefined) continue;
    for (const looks of [wanted, pulled]) {
      looks?.nodes.push(number);
      looks?.at.push(at);
    }
  }
  return ({ cause, subject }) =>
    (subject.kind === 'registry' && !isSeenByChecks(cause) ? pulls : own[subject.kind]).get(subject.name) ?? none;
}

/** Marks of nodes, used again for each case: what is not of this case's number is not marked. */
export interface Marks {
  readonly of: Int32Array;
  readonly at: Float64Array;
  next: number;
}

/** Marks for a look at so many nodes. */
export function marksFor(nodes: number): Marks {
  return { of: new Int32Array(nodes), at: new Float64Array(nodes), next: 1 };
}

/**
 * Tells a case's nodes apart. `began`: of the incident. `maybe`: nodes that failed at the last look and whose last word is
 * that nothing could be found out.
 */
export function caseNodes(
  observations: readonly Observation[],
  maybe: readonly number[],
  looks: HealthyLooks,
  fleet: FleetIndex,
  began: number,
  marks: Marks,
): CaseNodes {
  const [isFailing, isHeld, isHealthy] = [marks.next, marks.next + 1, marks.next + 2];
  marks.next += 3;
  const failing: number[] = [];
  const held: number[] = [];
  const told: Observation[] = [];
  for (const observation of observations) {
    const node = fleet.numbers.get(observation.node);
    if (node === undefined || fleet.gone[node] === 1) continue;
    const since = observation.since ?? observation.at;
    if (fleet.silent[node] === 1) {
      if (marks.of[node] !== isHeld) held.push(node);
      marks.of[node] = isHeld;
      continue;
    }
    told.push(observation);
    if (marks.of[node] !== isFailing) {
      marks.of[node] = isFailing;
      marks.at[node] = since;
      failing.push(node);
    } else marks.at[node] = Math.min(marks.at[node] ?? since, since);
  }
  for (const node of maybe) {
    if (marks.of[node] === isFailing || marks.of[node] === isHeld || fleet.gone[node] === 1) continue;
    marks.of[node] = isHeld;
    held.push(node);
  }
  const since = Float64Array.from(failing, (node) => marks.at[node] ?? began).sort();
  const quarter = since.length >> 2;
  const reference = since[(since.length - 1) >> 1] ?? began;

  const last: number[] = [];
  for (const [place, node] of looks.nodes.entries()) {
    if (marks.of[node] === isFailing || marks.of[node] === isHeld || fleet.silent[node] === 1) continue;
    const at = looks.at[place] ?? 0;
    if (marks.of[node] === isHealthy) marks.at[node] = Math.max(marks.at[node] ?? at, at);
    else {
      marks.of[node] = isHealthy;
      marks.at[node] = at;
      last.push(node);
    }
  }
  last.sort((a, b) => a - b);
  const healthy: number[] = [];
  const fresh: number[] = [];
  let healthySince = 0;
  for (const node of last) {
    const lookedAt = marks.at[node] ?? 0;
    const heardAt = looks.isRepeated ? (fleet.heardAt[node] ?? 0) : 0;
    // It was heard of since and told no change: had it looked again and failed, it would have told so.
    const foundAt = Math.max(lookedAt, heardAt - fleetRules.roundMs);
    const weight = lookedAt >= reference ? 1 : Math.min(1, Math.max(0, (heardAt - reference) / fleetRules.roundMs));
    healthySince += weight;
    if (foundAt < began - fleetRules.healthyBeforeMs) continue;
    healthy.push(node);
    fresh.push(weight === 1 ? 1 : 0);
  }
  return {
    failing: Int32Array.from(failing).sort(),
    held: Int32Array.from(held).sort(),
    observations: told,
    healthy: Int32Array.from(healthy),
    fresh: Uint8Array.from(fresh),
    healthySince,
    healthyLast: Int32Array.from(last),
    lately: since.length - quarter,
    latelyMs: (since.at(-1) ?? reference) - (since[quarter] ?? reference),
    isRepeated: looks.isRepeated,
  };
}
