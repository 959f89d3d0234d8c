import type { SubjectShape } from '../../api/fleet.ts';
import type { CauseId } from '../../model/cause-id.ts';
import type { Observation, StoredIncident } from '../parts.ts';
import { fleetRules } from '../rules.ts';
import { causeToCount, isOfCredentials, possibleSubjects, subjectOf } from './subject.ts';

/** Everything that counts for one incident: one cause at one subject. */
export interface Case {
  readonly key: string;
  readonly cause: CauseId;
  readonly subject: SubjectShape;
  readonly observations: Observation[];
}

/** The key of incidents: one open incident for each. */
export function keyOf(cause: CauseId, { kind, name }: SubjectShape): string {
  return `${cause} ${kind} ${name}`;
}

/** Sorts failing observations into cases. `standing`: keys of open incidents, whose subject is not changed under way. */
export function gather(failing: readonly Observation[], standing: ReadonlySet<string>): Map<string, Case> {
  const cases = new Map<string, Case>();
  // Keys are made of three texts for each of some hundred thousand observations: found by parts that is half the cost.
  const found: Record<SubjectShape['kind'], Map<CauseId, Map<string, Case>>> = {
    registry: new Map(),
    image: new Map(),
    node: new Map(),
  };
  const shared = sharedCredentials(failing);
  for (const observation of failing) {
    const cause = causeToCount(observation);
    if (cause === null) continue;
    const isShared = isOfCredentials(cause) && isSharedAt(cause, observation.registry, shared, standing);
    const { kind, name } = subjectOf(observation, cause, isShared);
    let byName = found[kind].get(cause);
    if (byName === undefined) {
      byName = new Map();
      found[kind].set(cause, byName);
    }
    let one = byName.get(name);
    if (one === undefined) {
      const subject: SubjectShape = { kind, name };
      one = { key: keyOf(cause, subject), cause, subject, observations: [] };
      byName.set(name, one);
      cases.set(one.key, one);
    }
    one.observations.push(observation);
  }
  return cases;
}

function isSharedAt(
  cause: CauseId,
  registry: string | null,
  shared: ReadonlySet<string>,
  standing: ReadonlySet<string>,
): boolean {
  if (registry === null) return false;
  const key = keyOf(cause, { kind: 'registry', name: registry });
  return shared.has(key) || standing.has(key);
}

/**
 * Keys of registries at which credentials fail for more than a pod's own: a check of the registry meets it, or images of
 * two owners do. Agents tell how many owners wait and not who they are: that two images have different ones shows in one
 * of them having several, or in their not waiting on the same nodes in the same numbers, as containers of one pod do.
 */
function sharedCredentials(failing: readonly Observation[]): Set<string> {
  const shared = new Set<string>();
  const images = new Map<string, Map<string, string[]>>();
  const severalOwners = new Set<string>();
  for (const observation of failing) {
    const cause = causeToCount(observation);
    const { registry, kind, subject, owners, node, pods } = observation;
    if (cause === null || registry === null || !isOfCredentials(cause) || kind === 'node') continue;
    const key = keyOf(cause, { kind: 'registry', name: registry });
    if (kind === 'registry') {
      shared.add(key);
      continue;
    }
    if (owners > 1) severalOwners.add(key);
    const byImage = images.get(key) ?? new Map<string, string[]>();
    images.set(key, byImage);
    const waiting = byImage.get(subject) ?? [];
    byImage.set(subject, waiting);
    waiting.push(`${node} ${pods}`);
  }
  for (const [key, byImage] of images) {
    if (byImage.size < 2) continue;
    const ways = new Set([...byImage.values()].map((waiting) => waiting.sort().join('\n')));
    if (severalOwners.has(key) || ways.size > 1) shared.add(key);
  }
  return shared;
}

/** For which subjects the store is asked for healthy nodes, and since when: enough for every incident of a look. */
export function healthyQuestion(
  failing: readonly Observation[],
  standing: readonly StoredIncident[],
  now: number,
): { readonly subjects: readonly SubjectShape[]; readonly since: number } {
  const subjects = new Map<string, SubjectShape>();
  const add = (subject: SubjectShape): void => {
    subjects.set(`${subject.kind} ${subject.name}`, { kind: subject.kind, name: subject.name });
  };
  let since = now;
  for (const observation of failing) {
    since = Math.min(since, observation.since ?? observation.at);
    for (const subject of possibleSubjects(observation)) add(subject);
  }
  for (const { document } of standing) {
    if (document.state !== 'open') continue;
    since = Math.min(since, Date.parse(document.openedAt));
    add(document.subject);
  }
  return { subjects: [...subjects.values()], since: since - fleetRules.healthyKnownMs };
}
