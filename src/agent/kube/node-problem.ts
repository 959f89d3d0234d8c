import type { RegistryRow } from '../../api/node.ts';
import type { ReportItem } from '../../api/report.ts';
import { causeOf } from '../../causes/index.ts';
import { safeLine } from '../../lib/redact.ts';
import type { CauseId } from '../../model/cause-id.ts';
import type { Finding } from '../../model/investigation.ts';
import type { NodeHealth } from '../health/health.ts';
import { registryName } from '../health/registries-in-use.ts';
import type { Incident, WaitingPod } from '../parts.ts';
import { isFaultOfNode, subjectOf } from '../report/blame.ts';
import { failingItems } from '../report/items.ts';

/** What is wrong with the node, its network or a registry that it uses. */
export interface NodeProblem {
  readonly cause: CauseId;
  /** A person's sentence, one line. */
  readonly summary: string;
}

/** What it is judged by. */
export interface ProblemEvidence {
  readonly incidents: readonly Incident[];
  readonly registries: readonly RegistryRow[];
  readonly health: NodeHealth;
  readonly node: string;
  /** Whose pod it is: `Deployment/web`; null: not known. */
  readonly ownerOf: (namespace: string, pod: string) => string | null;
}

/** A message of a condition is read in one line of `kubectl describe node`. */
const messageChars = 500;

/**
 * Whether pulls fail on this node for a reason that is not a workload's own. A person's typo, missing credentials or a
 * policy never counts. What counts is a cause that is found to be the node's, its network's or a registry's,
 *
 * - that stops two independent workloads: of a registry that this node uses anyhow, two owners or two images; of one that
 *   only failing pods name, which may be misspelt, two owners with two images;
 * - or that a check has proven without any pod: of a registry that is in use, of the runtime, of a disk.
 *
 * Null: nothing of the kind. Pure.
 */
export function nodeProblem(evidence: ProblemEvidence): NodeProblem | null {
  return problemOfChecks(evidence) ?? problemOfPulls(evidence);
}

/** Found by looking, without a pod that waits. What else was found of a registry does not stop its pulls. */
function problemOfChecks({ registries, health, node }: ProblemEvidence): NodeProblem | null {
  const rows: RegistryRow[] = [];
  const findings = new Map<string, readonly Finding[]>();
  for (const row of registries) {
    const [first] = row.findings;
    if (!isUsed(row) || row.verdict !== 'faulty' || first?.confidence !== 'proven') continue;
    rows.push({ ...row, findings: [first] });
    const [full] = health.findings.get(row.registry) ?? [];
    if (full?.cause === first.cause) findings.set(row.registry, [full]);
  }
  const items = failingItems([], rows, { ...health, findings }, node);
  const found = items.find((item) => item.confidence === 'proven' && isProblem(item, registries));
  return found === undefined ? null : { cause: found.cause, summary: safeLine(found.summary, messageChars) };
}

interface Group {
  readonly problem: NodeProblem;
  /** Null: what fails is of the node itself. */
  readonly registry: string | null;
  readonly owners: Set<string>;
  readonly images: Set<string>;
}

function problemOfPulls(evidence: ProblemEvidence): NodeProblem | null {
  const { incidents, registries, health, node } = evidence;
  const groups = new Map<string, Group>();
  for (const incident of incidents) {
    const { conclusion } = incident;
    // Words of a log are no finding, and neither is what an investigation only holds possible.
    if (conclusion?.verdict !== 'faulty' || conclusion.cause === null || incident.pulledAt !== null) continue;
    if (conclusion.confidence !== 'proven' && conclusion.confidence !== 'likely') continue;
    const [item] = failingItems([incident], [], { ...health, runtime: null, disks: [] }, node);
    if (item === undefined || !isProblem(item, registries)) continue;
    const about = subjectOf(item.cause);
    if (about === 'image') continue;
    const registry = about === 'node' ? null : registryName(incident.registry ?? '');
    if (about === 'registry' && registry === null) continue;
    const cause = item.underlying ?? item.cause;
    const key = `${cause} ${registry ?? ''}`;
    const group = groups.get(key) ?? {
      problem: { cause: item.cause, summary: safeLine(item.summary, messageChars) },
      registry,
      owners: new Set<string>(),
      images: new Set<string>(),
    };
    groups.set(key, group);
    group.images.add(incident.key);
    for (const row of incident.pods) {
      const owner = ownerOf(row, evidence);
      if (owner !== null) group.owners.add(owner);
    }
  }
  let best: Group | null = null;
  for (const group of groups.values()) {
    const { owners, images, registry } = group;
    const used = registry === null || registries.some((row) => row.registry === registry && isUsed(row));
    const independent = used ? owners.size > 1 || images.size > 1 : owners.size > 1 && images.size > 1;
    if (independent && (best === null || owners.size > best.owners.size)) best = group;
  }
  return best?.problem ?? null;
}

/**
 * The workload of a pod. Pods that the API server told nothing of count as one in each namespace: two pods of one
 * Deployment must not look like two workloads.
 */
function ownerOf({ namespace, pod }: WaitingPod, evidence: ProblemEvidence): string | null {
  if (namespace === null || pod === null) return null;
  return `${namespace}/${evidence.ownerOf(namespace, pod) ?? ''}`;
}

/** More than a name that failing pods have, or somebody's configuration that nothing uses. */
function isUsed({ usedBy }: RegistryRow): boolean {
  return (
    usedBy.includes('images') ||
    usedBy.includes('settings') ||
    (usedBy.includes('configuration') && usedBy.includes('incidents'))
  );
}

/** Scenarios that a workload's own author has to mend: name or tag, credentials, no such image, pull policy. */
const ofWorkload: ReadonlySet<number | null> = new Set([1, 2, 4, 6]);

function isProblem(item: ReportItem, registries: readonly RegistryRow[]): boolean {
  const { id, scenario, fixedBy } = causeOf(item.underlying ?? item.cause);
  if (id === 'unknown' || !isFaultOfNode(item, registries)) return false;
  // The kubelet's own plugin for credentials is the node's, and an account that may not pull is a person's.
  return !ofWorkload.has(scenario) || fixedBy === 'node';
}
