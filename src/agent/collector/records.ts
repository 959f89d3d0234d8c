import type { RegistryRow } from '../../api/node.ts';
import {
  attributeNames,
  type CheckShape,
  type HealthRecord,
  type HeartbeatRecord,
  type IncidentRecord,
  type NodeRecord,
  type RecordKind,
} from '../../api/records.ts';
import { causeOf } from '../../causes/index.ts';
import { clip, limits } from '../../lib/limits.ts';
import { redactJson } from '../../lib/redact-json.ts';
import { timeOf } from '../../lib/time.ts';
import type { Investigation } from '../../model/investigation.ts';
import { imageKey } from '../../signals/image-match.ts';
import type { NodeHealth } from '../health/health.ts';
import { registryName } from '../health/registries-in-use.ts';
import type { Conclusion, Incident, WaitingPod } from '../parts.ts';
import { failingItems, soonItems } from '../report/items.ts';
import type { SpoolEntry } from './spool.ts';

/** A record as it waits: its number comes when it is sent. */
type Unnumbered<T> = Omit<T, 'seq'>;

/** Who made a pod, as far as the API server told: `Deployment/web`; null: not known. */
export type OwnerOf = (namespace: string, pod: string) => string | null;

const mostExamples = 8;
const mostRemedies = 8;

/** A change of the book, as it stands now. */
export function incidentEntry(incident: Incident, at: number, ownerOf: OwnerOf): SpoolEntry {
  const { conclusion, pods } = incident;
  const told = toldOf(incident);
  const named = pods.filter(({ pod }) => pod !== null);
  const record: Unnumbered<IncidentRecord> = {
    kind: 'incident',
    at: timeOf(at),
    incident: {
      id: incident.id,
      image: cut(incident.image, 2048),
      // What does not parse has no registry.
      normalized: incident.registry === null ? null : cut(incident.key, 2048),
      registry: clipped(
        incident.registry === null ? null : (registryName(incident.registry) ?? incident.registry),
        512,
      ),
      state: incident.state,
      firstSeenAt: timeOf(incident.firstSeenAt),
      lastSeenAt: timeOf(incident.lastSeenAt),
      endedAt: incident.endedAt === null ? null : timeOf(incident.endedAt),
      endedBy: incident.endedBy,
      secondsGained: incident.secondsGained,
      cause: told.cause,
      confidence: told.confidence,
      layer: told.cause === null ? null : causeOf(told.cause).layer,
      underlying: told.underlying,
      host: clipped(told.host, 512),
      summary: cut(told.summary, 4096),
      remedies: (conclusion?.remedies ?? []).slice(0, mostRemedies).map(({ text, command }) => ({ text, command })),
      investigation: conclusion?.investigation ?? null,
      pods: new Set(named.map(({ namespace, pod }) => `${namespace}/${pod}`)).size + incident.morePods,
      owners: new Set(named.map((row) => ownerName(row, ownerOf))).size,
      examples: pods.slice(0, mostExamples).map(({ namespace, pod, container }) => ({
        namespace: namespace === null ? null : cut(namespace, 256),
        pod: pod === null ? null : cut(pod, 256),
        container: container === null ? null : cut(container, 256),
      })),
    },
  };
  return { kind: 'incident', subject: incident.id, record };
}

function ownerName({ namespace, pod }: WaitingPod, ownerOf: OwnerOf): string {
  const name = pod ?? '';
  return `${namespace}/${(namespace === null ? null : ownerOf(namespace, name)) ?? name}`;
}

type Told = Pick<Conclusion, 'cause' | 'confidence' | 'underlying' | 'host' | 'summary'>;

/** What stops an image now, as the node's own report has it; of one that is over, what did. */
function toldOf({ conclusion, saidCause, image, pulledAt, state }: Incident): Told {
  const passes = conclusion?.verdict === 'healthy' || conclusion?.verdict === 'degraded';
  if (state === 'open' && (pulledAt !== null || passes)) {
    const summary =
      pulledAt === null
        ? `Nothing stands in the way of ${image} any more: the kubelet only waits for its next try.`
        : `The agent has pulled ${image}: the kubelet finds it at its next look.`;
    return { cause: 'back-off-only', confidence: 'likely', underlying: null, host: null, summary };
  }
  if (conclusion !== null && (conclusion.cause !== null || saidCause === null)) return conclusion;
  const none = { underlying: null, host: null };
  if (saidCause === null) {
    return { ...none, cause: null, confidence: null, summary: `Why ${image} does not come is not known yet.` };
  }
  const words = `${causeOf(saidCause).title}, by the words of kubelet and runtime; it is not proven yet.`;
  return { ...none, cause: saidCause, confidence: saidCause === 'unknown' ? 'possible' : 'likely', summary: words };
}

/**
 * An investigation, whole: what is in the document is free of secrets by then, and is looked through once more. One that
 * is too large loses the facts of its probes, the longest first, until it is not.
 */
export function investigationEntry(document: Investigation): SpoolEntry {
  const investigation = bounded(redactJson(document));
  const at = timeOf(Date.parse(document.startedAt) + document.durationMs);
  // The newest of each image and cause tells what there is; what was found before it is over is in the incident.
  const subject = `${imageKey(document.image.input)} ${document.cause}`;
  return { kind: 'investigation', subject, record: { kind: 'investigation', at, investigation } };
}

function bounded(document: unknown): unknown {
  if (typeof document !== 'object' || document === null) return document;
  let room = limits.reportedInvestigationBytes - JSON.stringify(document).length;
  const probes: unknown = Reflect.get(document, 'probes');
  if (room >= 0 || !Array.isArray(probes)) return document;
  const sizes = probes
    .map((probe: unknown, index) => ({ index, size: JSON.stringify(factsOf(probe)).length }))
    .sort((a, b) => b.size - a.size);
  const without = new Set<number>();
  for (const { index, size } of sizes) {
    if (room >= 0) break;
    without.add(index);
    room += size;
  }
  const lean = {
    ...document,
    probes: probes.map((probe: unknown, index) =>
      without.has(index) && typeof probe === 'object' && probe !== null
        ? { ...probe, facts: { leftOut: true } }
        : probe,
    ),
  };
  // Four hundred probes with long words: what remains tells what was found.
  return room >= 0 ? lean : { ...lean, probes: [] };
}

function factsOf(probe: unknown): unknown {
  return typeof probe === 'object' && probe !== null ? (Reflect.get(probe, 'facts') ?? null) : null;
}

/** How this node finds its registries and itself. */
export interface Looks {
  readonly registries: readonly RegistryRow[];
  readonly health: NodeHealth;
  readonly node: string;
}

/** The checks that were made, of registries and of the node's own parts. */
export function checksOf({ registries, health, node }: Looks): readonly CheckShape[] {
  const ofRegistries = registries.flatMap((row) =>
    row.checkedAt === null ? [] : [registryCheck(row, row.checkedAt, health)],
  );
  const newest = ofRegistries.reduce<string | null>(
    (last, { checkedAt }) => (last === null || checkedAt > last ? checkedAt : last),
    null,
  );
  return [...nodeChecks(health, node, newest), ...ofRegistries].slice(0, 512);
}

function registryCheck(row: RegistryRow, checkedAt: string, health: NodeHealth): CheckShape {
  const [first] = row.findings;
  const full = health.findings.get(row.registry)?.find(({ cause }) => cause === row.cause);
  const source = row.rateLimit?.source ?? null;
  return {
    of: 'registry',
    subject: cut(row.registry, 512),
    verdict: row.verdict,
    cause: row.cause,
    confidence: row.cause === null ? null : (full?.confidence ?? first?.confidence ?? null),
    layer: row.cause === null ? null : (full?.layer ?? causeOf(row.cause).layer),
    underlying: full?.underlying ?? null,
    host: clipped(full?.host ?? first?.host ?? null, 512),
    summary: cut(row.summary, 4096),
    checkedAt,
    since: row.since,
    latencyMs: { ...row.latencyMs },
    certificateNotAfter: row.certificate?.notAfter ?? null,
    rateLimit:
      row.rateLimit === null
        ? null
        : { limit: row.rateLimit.limit, remaining: row.rateLimit.remaining, source: clipped(source, 256) },
  };
}

/** The runtime, the file system of images and the clock, by the rules of the node's own report. */
function nodeChecks(health: NodeHealth, node: string, clockAt: string | null): CheckShape[] {
  const faults = failingItems([], [], health, node);
  const soon = soonItems([], health, faults, node);
  const check = (subject: string, checkedAt: string, causes: readonly string[], healthy: string): CheckShape => {
    const fault = faults.find(({ cause }) => causes.includes(cause));
    const item = fault ?? soon.find(({ cause }) => causes.includes(cause));
    return {
      of: 'node',
      subject,
      verdict: item === undefined ? 'healthy' : fault === undefined ? 'degraded' : 'faulty',
      cause: item?.cause ?? null,
      confidence: item?.confidence ?? null,
      layer: item?.layer ?? null,
      underlying: null,
      host: null,
      summary: cut(item?.summary ?? healthy, 4096),
      checkedAt,
      since: null,
    };
  };
  const { runtime, disks, clock } = health;
  const checks: CheckShape[] = [];
  if (runtime !== null) {
    const healthy = `${runtime.name ?? 'The runtime'} answers.`;
    checks.push(check('runtime', timeOf(runtime.checkedAt), ['runtime-unreachable', 'runtime-misconfigured'], healthy));
  }
  if (disks.length > 0) {
    const newest = timeOf(Math.max(...disks.map(({ checkedAt }) => checkedAt)));
    checks.push(check('image-filesystem', newest, ['disk-full', 'filesystem-error'], 'There is room for images.'));
  }
  if (clock.offsetMs !== null && clockAt !== null)
    checks.push(check('clock', clockAt, ['clock-skew'], "The node's clock is right."));
  return checks;
}

/** All checks in one record; `subject` replaces an earlier one of the same that waits. */
export function healthEntry(checks: readonly CheckShape[], at: number, subject: 'all' | null): SpoolEntry {
  const record: Unnumbered<HealthRecord> = { kind: 'health', at: timeOf(at), checks: [...checks] };
  return { kind: 'health', subject, record };
}

/** That this agent lives. */
export function heartbeatEntry(beat: {
  readonly at: number;
  readonly runtimeReady: boolean | null;
  readonly incidents: readonly Incident[];
  readonly spool: { readonly rows: number; readonly bytes: number };
  readonly dropped: Readonly<Partial<Record<RecordKind, number>>>;
}): SpoolEntry {
  const pods = new Set<string>();
  let more = 0;
  for (const incident of beat.incidents) {
    more += incident.morePods;
    for (const { namespace, pod } of incident.pods) if (pod !== null) pods.add(`${namespace}/${pod}`);
  }
  const record: Unnumbered<HeartbeatRecord> = {
    kind: 'heartbeat',
    at: timeOf(beat.at),
    runtimeReady: beat.runtimeReady,
    openIncidents: beat.incidents.length,
    waitingPods: pods.size + more,
    spool: { rows: beat.spool.rows, bytes: Math.round(beat.spool.bytes), dropped: { ...beat.dropped } },
  };
  return { kind: 'heartbeat', subject: 'alive', record };
}

/** What sets a node apart: lists of texts by name. */
export type Attributes = Readonly<Record<string, readonly string[]>>;

/** What this node is; names that have nothing are left out. */
export function nodeEntry(facts: {
  readonly at: number;
  readonly version: string;
  readonly startedAt: number;
  readonly attributes: Attributes;
  readonly authorities: readonly string[];
}): SpoolEntry {
  const names = [...attributeNames, ...Object.keys(facts.attributes).sort()];
  const attributes = Object.fromEntries(
    [...new Set<string>(names)].flatMap((name) => {
      const values = facts.attributes[name] ?? [];
      return values.length === 0 ? [] : [[name, values.slice(0, 256).map((value) => cut(value, 1024))] as const];
    }),
  );
  const record: Unnumbered<NodeRecord> = {
    kind: 'node',
    at: timeOf(facts.at),
    agent: { version: facts.version, startedAt: timeOf(facts.startedAt) },
    attributes,
    ...(facts.authorities.length === 0
      ? {}
      : { authorities: facts.authorities.slice(0, 1024).map((name) => cut(name, 256)) }),
  };
  return { kind: 'node', subject: 'node', record };
}

/** Changes when what a check says changes, but for its times and measurements: then it is told at once. */
export function checkMark({ of, subject, verdict, cause, confidence, underlying, host }: CheckShape): string {
  return JSON.stringify([of, subject, verdict, cause, confidence, underlying, host]);
}

function clipped(text: string | null, most: number): string | null {
  return text === null ? null : cut(text, most);
}

/** As `clip`, with its mark within the bound: what is longer is refused. */
function cut(text: string, most: number): string {
  return text.length <= most ? text : clip(text, most - 40);
}
