import { createHash } from 'node:crypto';
import type { FleetIncident, SubjectShape } from '../../api/fleet.ts';
import type { Frozen } from '../../api/schema.ts';
import type { CauseArgs } from '../../causes/cause.ts';
import { causeOf } from '../../causes/index.ts';
import { remediesOf } from '../../causes/remedies.ts';
import type { CauseId, Layer } from '../../model/cause-id.ts';
import type { Confidence, Remedy } from '../../model/investigation.ts';
import type { Observation } from '../parts.ts';
import { partyOf } from '../party.ts';
import type { Case } from './gather.ts';

/** How much of each list a document names. */
export const documentLimits = { names: 100, images: 20, hosts: 20, investigations: 10, remedies: 8 } as const;

/** The id of an incident: the same for everybody who sees the same. */
export function idOf(key: string, openedAt: number): string {
  return createHash('sha256').update(`${key}\n${openedAt}`).digest('hex').slice(0, 20);
}

/** What an incident's document takes from its observations alone. */
export type Told = Pick<
  FleetIncident,
  'confidence' | 'underlying' | 'severity' | 'hosts' | 'pods' | 'workloads' | 'images' | 'remedies' | 'investigations'
>;

const confidences: readonly Confidence[] = ['proven', 'likely', 'possible'];

/** Reads together what the failing nodes told; there is at least one observation. */
export function toldBy(
  { cause, subject }: Pick<Case, 'cause' | 'subject'>,
  observations: readonly Observation[],
  isUnconfirmed: (observation: Observation) => boolean,
): Told {
  const underlying = new Map<CauseId, number>();
  const hosts = new Map<string, number>();
  const images = new Map<string, { pods: number; owners: number }>();
  const investigated: Observation[] = [];
  let pods = 0;
  let fault = false;
  let surest: number = confidences.length - 1;
  let speaker: Observation | null = null;
  for (const observation of observations) {
    if (observation.underlying !== null) raise(underlying, observation.underlying);
    if (observation.host !== null) raise(hosts, observation.host);
    fault ||= observation.verdict === 'faulty' || isUnconfirmed(observation);
    surest = Math.min(surest, sureness(observation));
    if (observation.kind === 'image') {
      const image = images.get(observation.subject) ?? { pods: 0, owners: 0 };
      images.set(observation.subject, image);
      image.pods += observation.pods;
      // Agents count owners and do not name them. Those that wait for one image on several nodes are mostly the same.
      image.owners = Math.max(image.owners, observation.owners);
      pods += observation.pods;
    }
    if (observation.investigation !== null) investigated.push(observation);
    if (observation.remedies.length > 0 && (speaker === null || speaksBefore(observation, speaker))) {
      speaker = observation;
    }
  }
  const told = mostOf(hosts)[0];
  // Hosts are told without their ports; the registry's own is in its name.
  const isRegistry = subject.kind === 'registry' && (told === undefined || told === partyOf(subject.name).host);
  const host = isRegistry ? subject.name : told;
  const parties = partiesOf(causeOf(cause).layer, host, subject);
  const imagesByPods = [...images]
    .sort(([a, x], [b, y]) => y.pods - x.pods || (a < b ? -1 : 1))
    .slice(0, documentLimits.images)
    .map(([name]) => name);
  const image = subject.kind === 'image' ? subject.name : imagesByPods[0];
  return {
    confidence: confidences[surest] ?? 'possible',
    underlying: mostOf(underlying)[0] ?? null,
    severity: fault && cause !== 'mirror-failed' ? 'fault' : 'degraded',
    hosts: mostOf(hosts).slice(0, documentLimits.hosts),
    pods,
    workloads: [...images.values()].reduce((sum, { owners }) => sum + owners, 0),
    images: imagesByPods,
    remedies: remediesFor(cause, { ...parties, ...(image === undefined ? {} : { image }) }, speaker?.remedies ?? []),
    investigations: newest(investigated),
  };
}

/** Who stands in the sentences: of DNS and of proxies, `host` is the one that fails, and not the one that is looked for. */
function partiesOf(layer: Layer, host: string | undefined, subject: SubjectShape): CauseArgs {
  if (host === undefined) return {};
  if (subject.kind !== 'registry' || host === subject.name) return partyOf(host);
  if (layer === 'dns') return { ...partyOf(subject.name), nameserver: host };
  return layer === 'proxy' ? { ...partyOf(subject.name), proxy: host } : partyOf(host);
}

/**
 * What to do. Texts are the agent's, who saw more; commands are made here, of words that are safe in a shell: one node that
 * somebody took over must not get its command into the shell of whoever looks at the fleet.
 */
function remediesFor(cause: CauseId, args: CauseArgs, told: readonly Remedy[]): Told['remedies'] {
  const own = remediesOf(causeOf(cause), args);
  const same = told.length === own.length;
  return own
    .map(({ text, command }, at) => ({ text: same ? (told[at]?.text ?? text) : text, command }))
    .slice(0, documentLimits.remedies);
}

/** The document as it is kept, in lists of its own. */
export function copyOf(document: Frozen<FleetIncident>): FleetIncident {
  return {
    ...document,
    subject: { ...document.subject },
    hosts: [...document.hosts],
    nodes: { ...document.nodes, names: [...document.nodes.names] },
    images: [...document.images],
    attribution: document.attribution.map((one) => ({ ...one, sameAs: one.sameAs.map((same) => ({ ...same })) })),
    remedies: document.remedies.map((one) => ({ ...one })),
    investigations: [...document.investigations],
    related: [...document.related],
  };
}

/**
 * What of a document has to differ to be told as a change. Healthy nodes come and go and investigations are made again
 * all day long, and nobody has to be told.
 */
export function materialOf(document: Frozen<FleetIncident>): object {
  const { updatedAt: _at, summary: _summary, investigations: _again, nodes, attribution, ...rest } = document;
  return {
    ...rest,
    failing: nodes.failing,
    names: nodes.names,
    attribution: attribution.map(({ attribute, value, failingWith, sameAs }) => ({
      attribute,
      value,
      failingWith,
      sameAs,
    })),
  };
}

function sureness({ confidence }: Observation): number {
  return confidence === null ? confidences.length - 1 : confidences.indexOf(confidence);
}

/** Whose remedies are told: the surest one's, and of these the one that has failed longest, so that they stay the same. */
function speaksBefore(a: Observation, b: Observation): boolean {
  const difference =
    sureness(a) - sureness(b) ||
    Number(b.verdict === 'faulty') - Number(a.verdict === 'faulty') ||
    (a.since ?? a.at) - (b.since ?? b.at);
  return difference !== 0 ? difference < 0 : a.node < b.node || (a.node === b.node && a.subject < b.subject);
}

function newest(investigated: Observation[]): string[] {
  const sorted = investigated.sort(
    (a, b) => b.at - a.at || ((a.investigation ?? '') < (b.investigation ?? '') ? -1 : 1),
  );
  const ids = sorted.flatMap(({ investigation }) => (investigation === null ? [] : [investigation]));
  return [...new Set(ids)].slice(0, documentLimits.investigations);
}

function raise<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Keys by how often they were told, most first. */
function mostOf<K extends string>(counts: ReadonlyMap<K, number>): K[] {
  return [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)).map(([key]) => key);
}
