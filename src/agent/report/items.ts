import type { RegistryRow } from '../../api/node.ts';
import type { RecoveredItem, ReportItem } from '../../api/report.ts';
import type { CauseArgs } from '../../causes/cause.ts';
import { causeOf } from '../../causes/index.ts';
import { remediesOf } from '../../causes/remedies.ts';
import { clip, limits } from '../../lib/limits.ts';
import { spanWords } from '../../lib/sizes.ts';
import { size } from '../../lib/words.ts';
import type { CauseId } from '../../model/cause-id.ts';
import type { Confidence, Finding, Remedy } from '../../model/investigation.ts';
import type { NodeHealth } from '../health/health.ts';
import { registryName } from '../health/registries-in-use.ts';
import type { Incident } from '../parts.ts';
import { subjectOf } from './blame.ts';

/** Names of images in one item; what is beyond is a number in the summary's place. */
const mostImages = 100;
const mostRemedies = 4;

interface Told {
  readonly cause: CauseId;
  readonly confidence: Confidence;
  readonly underlying: CauseId | null;
  readonly summary: string;
  readonly remedies: readonly Remedy[];
  readonly investigation: string | null;
  /** A later word counts more than an earlier, and a proven one more than either. */
  readonly at: number;
}

function toldOf(incident: Incident): Told {
  const { conclusion, saidCause, image } = incident;
  const investigation = conclusion?.investigation ?? null;
  const at = conclusion?.at ?? incident.lastSeenAt;
  const passes = conclusion?.verdict === 'healthy' || conclusion?.verdict === 'degraded';
  if (incident.pulledAt !== null || passes) {
    const cause = 'back-off-only';
    const summary =
      incident.pulledAt === null
        ? `Nothing stands in the way of ${image} any more: the kubelet only waits for its next try.`
        : `The agent has pulled ${image}: the kubelet finds it at its next look, within 15 s.`;
    const remedies = remediesOf(causeOf(cause), { image });
    return { cause, confidence: 'likely', underlying: null, summary, remedies, investigation, at };
  }
  if (conclusion !== null && conclusion.cause !== null) {
    const { cause, confidence, underlying, summary, remedies } = conclusion;
    return { cause, confidence: confidence ?? 'possible', underlying, summary, remedies, investigation, at };
  }
  const cause = saidCause ?? 'unknown';
  const record = causeOf(cause);
  const known = cause !== 'unknown';
  const summary = known
    ? `${record.title}, by the words of kubelet and runtime; it is not proven yet.`
    : `Why ${image} does not come is not known yet.`;
  const remedies = known ? remediesOf(record, { image }) : [];
  return { cause, confidence: known ? 'likely' : 'possible', underlying: null, summary, remedies, investigation, at };
}

interface Group {
  told: Told;
  readonly subject: string;
  since: number;
  readonly images: Set<string>;
  pods: number;
}

const sureness: readonly Confidence[] = ['possible', 'likely', 'proven'];

/** What fails now: one item for each cause and registry, or image where it is the image's own fault, or this node. */
export function failingItems(
  incidents: readonly Incident[],
  registries: readonly RegistryRow[],
  health: NodeHealth,
  node: string,
): ReportItem[] {
  const groups = new Map<string, Group>();
  for (const incident of incidents) {
    const told = toldOf(incident);
    const subject = clip(nameOf(told.cause, incident, node), limits.referenceChars);
    const group = groups.get(`${told.cause} ${subject}`);
    const pods = podsOf(incident);
    if (group === undefined) {
      const images = new Set([incident.image]);
      groups.set(`${told.cause} ${subject}`, { told, subject, since: incident.firstSeenAt, images, pods });
      continue;
    }
    group.images.add(incident.image);
    group.pods += pods;
    group.since = Math.min(group.since, incident.firstSeenAt);
    const [one, other] = [sureness.indexOf(told.confidence), sureness.indexOf(group.told.confidence)];
    if (one > other || (one === other && told.at > group.told.at)) group.told = told;
  }
  const items = [...groups.values()].map(({ told, subject, since, images, pods }) =>
    itemOf(told, subject, { since, images: [...images], pods, investigation: told.investigation }),
  );
  const known = new Set(items.map(({ cause, subject }) => `${cause} ${subject}`));
  const more = [
    ...registries.flatMap((row) => (row.verdict === 'faulty' ? rowItems(row, health) : [])),
    ...nodeFaults(health, node),
  ];
  items.push(...more.filter(({ cause, subject }) => !known.has(`${cause} ${subject}`)));
  return items.sort((a, b) => b.pods - a.pods || b.images.length - a.images.length || since(a) - since(b));
}

function since(item: ReportItem): number {
  return item.since === null ? 0 : Date.parse(item.since);
}

/** Containers of one pod are one pod that waits; a pull by hand is none. */
function podsOf({ pods, morePods }: Incident): number {
  return (
    new Set(pods.filter(({ pod }) => pod !== null).map(({ namespace, pod }) => `${namespace}/${pod}`)).size + morePods
  );
}

function nameOf(cause: CauseId, { image, registry }: Incident, node: string): string {
  const about = subjectOf(cause);
  if (about === 'node') return node;
  if (about === 'image' || registry === null) return image;
  return registryName(registry) ?? registry;
}

function itemOf(
  told: Pick<Told, 'cause' | 'confidence' | 'underlying' | 'summary' | 'remedies'>,
  subject: string,
  more: { readonly since: number | null } & Partial<Pick<ReportItem, 'images' | 'pods' | 'investigation'>>,
): ReportItem {
  const { cause, confidence, underlying, summary, remedies } = told;
  return {
    cause,
    layer: causeOf(cause).layer,
    confidence,
    underlying,
    subject,
    summary: clip(summary),
    remedies: remedies.slice(0, mostRemedies).map(({ text, command }) => ({ text, command })),
    since: more.since === null ? null : new Date(more.since).toISOString(),
    images: (more.images ?? []).slice(0, mostImages),
    pods: more.pods ?? 0,
    investigation: more.investigation ?? null,
  };
}

/** What was found of one registry, with what to do about it. */
function rowItems(row: RegistryRow, health: NodeHealth): ReportItem[] {
  const findings: readonly Pick<Finding, 'cause' | 'confidence' | 'summary' | 'host' | 'underlying' | 'remedies'>[] =
    health.findings.get(row.registry) ??
    row.findings.map((one) => ({ ...one, underlying: null, remedies: remediesFor(one.cause, one.host) }));
  const at = row.since === null ? null : Date.parse(row.since);
  return findings.map((finding, index) =>
    // The row's own summary says whether it was seen once.
    itemOf(index === 0 ? { ...finding, summary: row.summary } : finding, row.registry, { since: at }),
  );
}

function remediesFor(cause: CauseId, host: string | null, more: CauseArgs = {}): readonly Remedy[] {
  return remediesOf(causeOf(cause), { ...more, ...(host === null ? {} : { host }) });
}

/** What keeps this node from pulling anything. */
function nodeFaults(health: NodeHealth, node: string): ReportItem[] {
  const items: ReportItem[] = [];
  const { runtime } = health;
  const add = (cause: CauseId, args: CauseArgs, at: number, summary?: string): void => {
    const words = summary ?? causeOf(cause).say(args);
    const remedies = remediesOf(causeOf(cause), args);
    items.push(
      itemOf({ cause, confidence: 'proven', underlying: null, summary: words, remedies }, node, { since: at }),
    );
  };
  if (runtime !== null && runtime.failure !== null) {
    add(
      'runtime-unreachable',
      { detail: runtime.failure, ...(runtime.endpoint === null ? {} : { path: runtime.endpoint }) },
      runtime.checkedAt,
    );
  } else if (runtime?.ready === false) {
    const name = runtime.name ?? 'The runtime';
    add(
      'runtime-misconfigured',
      {},
      runtime.checkedAt,
      `${name} answers and says that it is not ready: no pod starts here.`,
    );
  }
  for (const { path, readOnly, freeBytes, freeInodes, totalInodes, checkedAt } of health.disks) {
    if (readOnly) add('filesystem-error', { path, detail: 'it is mounted read-only' }, checkedAt);
    else if (freeBytes < leastBytes) add('disk-full', { path, detail: `${size(freeBytes)} are free` }, checkedAt);
    else if (freeInodes !== null && freeInodes === 0 && totalInodes !== 0)
      add('disk-full', { path, detail: 'no inode is free' }, checkedAt);
  }
  return items;
}

/** As the cause itself has it: below this nothing can be written that a pull needs. */
const leastBytes = 1024 * 1024;

/** Below a tenth, or some images' size, the next pulls may fill it: the kubelet begins to remove images at 85 %. */
const fewBytesShare = 0.1;
const plentyBytes = 50 * 1024 ** 3;
const fewInodesShare = 0.05;

/** An answer's Date is exact to a second; tokens and certificates bear a minute. */
const clockToleranceMs = 60_000;

/** What works, and will not for long. */
export function soonItems(
  registries: readonly RegistryRow[],
  health: NodeHealth,
  failing: readonly ReportItem[],
  node: string,
): ReportItem[] {
  const items = registries.flatMap((row) => (row.verdict === 'degraded' ? rowItems(row, health) : []));
  items.push(...registries.flatMap((row) => budgetItem(row)));
  items.push(...diskItems(health, node), ...nameserverItems(health, registries), ...clockItem(health, node));
  const seen = new Set(failing.map(({ cause, subject }) => `${cause} ${subject}`));
  return items.filter(({ cause, subject }) => {
    const key = `${cause} ${subject}`;
    return seen.has(key) ? false : Boolean(seen.add(key));
  });
}

/** A tenth of the registry's limit is left, or less. */
function budgetItem({ registry, rateLimit, checkedAt }: RegistryRow): ReportItem[] {
  const { limit = null, remaining = null, windowSeconds = null, source = null } = rateLimit ?? {};
  if (remaining === null || remaining > Math.max(5, Math.floor((limit ?? 0) / 10))) return [];
  const of = limit === null ? '' : ` of ${limit}`;
  const window = windowSeconds === null ? '' : ` in ${spanWords(windowSeconds * 1000)}`;
  const whose = source === null ? '' : `, counted for ${source}`;
  const summary = `${registry} leaves this address ${remaining}${of} pulls${window}${whose}: the next ones are refused.`;
  const remedies = remediesFor('rate-limited', registry);
  const told = { cause: 'rate-limited' as const, confidence: 'proven' as const, underlying: null, summary, remedies };
  return [itemOf(told, registry, { since: checkedAt === null ? null : Date.parse(checkedAt) })];
}

function diskItems(health: NodeHealth, node: string): ReportItem[] {
  return health.disks.flatMap(({ path, totalBytes, freeBytes, totalInodes, freeInodes, readOnly, checkedAt }) => {
    const bytes = totalBytes > 0 && freeBytes < Math.min(totalBytes * fewBytesShare, plentyBytes);
    const inodes =
      totalInodes !== null && freeInodes !== null && totalInodes > 0 && freeInodes < totalInodes * fewInodesShare;
    if (readOnly || (!bytes && !inodes)) return [];
    const left = bytes ? `${size(freeBytes)} of ${size(totalBytes)}` : `${freeInodes} of ${totalInodes} inodes`;
    const summary = `The file system that holds images (${path}) is nearly full: ${left} are free.`;
    const remedies = remediesFor('disk-full', null, { path });
    const told = { cause: 'disk-full' as const, confidence: 'likely' as const, underlying: null, summary, remedies };
    return [itemOf(told, node, { since: checkedAt })];
  });
}

/** A nameserver that gave no answer twice in a row: the others still do, or the registries would fail. */
function nameserverItems(health: NodeHealth, registries: readonly RegistryRow[]): ReportItem[] {
  const checked = registries.filter(({ checkedAt }) => checkedAt !== null).length;
  return health.nameservers
    .filter(({ failures, names }) => failures > 1 && (names > 1 || checked <= 1))
    .map(({ nameserver, state, since: at }) => {
      const cause = state === 'refusing' ? ('dns-refused' as const) : ('dns-timeout' as const);
      const words = state === 'refusing' ? 'refuses' : 'does not answer';
      const others = health.nameservers.filter((one) => one.state === 'answering').length;
      const costs =
        others > 0 ? ': each lookup that asks it first loses seconds, and only the others keep pulls going' : '';
      const summary = `Nameserver ${nameserver} ${words}${costs}.`;
      const remedies = remediesOf(causeOf(cause), { nameserver });
      return itemOf({ cause, confidence: 'proven', underlying: null, summary, remedies }, nameserver, { since: at });
    });
}

function clockItem(health: NodeHealth, node: string): ReportItem[] {
  const { offsetMs, registries } = health.clock;
  if (offsetMs === null || Math.abs(offsetMs) < clockToleranceMs) return [];
  const way = offsetMs > 0 ? 'ahead of' : 'behind';
  const who = registries === 1 ? 'one registry' : `${registries} registries`;
  const summary = `This node's clock is ${spanWords(Math.abs(offsetMs))} ${way} that of ${who}: tokens and certificates look invalid when it drifts on.`;
  const confidence = registries > 1 ? ('proven' as const) : ('possible' as const);
  const remedies = remediesFor('clock-skew', null);
  return [itemOf({ cause: 'clock-skew', confidence, underlying: null, summary, remedies }, node, { since: null })];
}

/** Incidents that are told of as recovered. */
const mostRecovered = 200;

/** What is over, newest first. */
export function recoveredItems(over: readonly Incident[]): RecoveredItem[] {
  return over
    .filter(({ endedAt }) => endedAt !== null)
    .sort((a, b) => (b.endedAt ?? 0) - (a.endedAt ?? 0))
    .slice(0, mostRecovered)
    .map((incident) => {
      const { image, conclusion, saidCause, firstSeenAt, endedAt, endedBy, secondsGained } = incident;
      const cause = conclusion?.cause ?? saidCause;
      const title = cause === null ? 'The cause was not found out' : causeOf(cause).title;
      return {
        image,
        cause,
        summary: clip(conclusion?.cause == null ? `${title}.` : conclusion.summary),
        failedAt: new Date(firstSeenAt).toISOString(),
        recoveredAt: new Date(endedAt ?? firstSeenAt).toISOString(),
        by: endedBy ?? 'gone',
        secondsGained,
        pods: podsOf(incident),
      };
    });
}
