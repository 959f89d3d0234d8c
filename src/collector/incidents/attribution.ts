import type { AttributionShape } from '../../api/fleet.ts';
import type { AttributeIndex, Trait } from './attribute-index.ts';
import { attributionSentence } from './attribute-words.ts';
import { logLeast, logTail, type Table, testsThatCount } from './fisher.ts';

/** When an attribute is named as what sets failing nodes apart; the reasons are in the collector's README. */
export const attributionRules = {
  /** The chance of such a difference by lot, corrected for everything that was looked at, is below this. */
  level: 0.001,
  /** So many failing nodes have it at least. */
  leastFailing: 3,
  /** So many healthy nodes are there to compare with, for which the attribute is known. */
  leastHealthy: 5,
  /** It is known of this share of the failing nodes. */
  leastKnown: 0.5,
  /** This share of the failing nodes that nothing explains yet have it. */
  leastShare: 0.3,
  /** More than this share of those that have it and tried fail. */
  mostFail: 0.5,
  /** The share that fails among those that have it is larger by this than among the others. */
  leastDifference: 0.4,
  /** All that is named explains this share of the failing nodes together; else nothing is named. */
  leastExplained: 0.5,
  /** No more than that many reasons at once. */
  most: 3,
} as const;

/** Attributes told as the same; beyond that a reader learns nothing. */
const mostSame = 8;

/** What is compared: numbers of nodes in the index. */
export interface Comparison {
  readonly failing: Int32Array;
  /** Those that tried the same and succeeded. */
  readonly healthy: Int32Array;
  /**
   * For each healthy one 1 when it succeeded since the failures began: only these speak against an attribute whose nodes
   * mostly fail. In a storm the others may not have tried again yet.
   */
  readonly fresh: Uint8Array;
  /** Attributes by how well they explain the cause: decides between those that the same nodes have. */
  readonly relevant: readonly string[];
  /** The only attributes that can be the reason; null: any. */
  readonly only: readonly string[] | null;
}

/** What is counted of each trait, or of each list. */
interface Counts {
  readonly failing: Int32Array;
  readonly healthy: Int32Array;
  readonly fresh: Int32Array;
  /** Of the set of nodes: equal in both for equal sets. */
  readonly marks: Int32Array;
  readonly moreMarks: Int32Array;
}

/** Traits that exactly the same of the compared nodes have. */
interface Group {
  readonly traits: readonly number[];
  readonly trait: number;
  readonly table: Table;
  readonly fresh: number;
}

interface Tested extends Group {
  readonly logChance: number;
}

/**
 * What sets failing nodes apart from healthy ones that tried the same: at most three attributes, the strongest first, none
 * where chance explains the difference or too few healthy nodes are there to compare with. The best one is taken first;
 * without the nodes that it explains the rest is looked at again, so that overlapping causes come apart. Pure.
 */
export function attribute(index: AttributeIndex, comparison: Comparison): AttributionShape[] {
  const all = countTraits(index, comparison.failing, comparison.healthy, comparison.fresh);
  const found: AttributionShape[] = [];
  let { failing, healthy, fresh } = comparison;
  for (let step = 0; step < attributionRules.most && failing.length >= attributionRules.leastFailing; step++) {
    if (healthy.length < attributionRules.leastHealthy) break;
    const counts = step === 0 ? all : countTraits(index, failing, healthy, fresh);
    const { best, tests } = strongest(index, counts, comparison, failing.length);
    if (best === null) break;
    found.push(shapeOf(index, best, tests, tableOf(index, all, best.trait)));
    const without = holders(index, best.trait);
    failing = failing.filter((node) => !without(node));
    if (failing.length < attributionRules.leastFailing) break;
    const left = healthy.map((node, place) => (without(node) ? -1 : place)).filter((place) => place >= 0);
    fresh = Uint8Array.from(left, (place) => fresh[place] ?? 0);
    healthy = Int32Array.from(left, (place) => healthy[place] ?? 0);
  }
  const explained = comparison.failing.length - failing.length;
  return explained >= attributionRules.leastExplained * comparison.failing.length ? found : [];
}

/**
 * Whether failing nodes have something in common that a part of all nodes drawn by lot would not have: the failing ones so
 * far are then no first part of everybody. Pure.
 */
export function isConcentrated(index: AttributeIndex, failing: Int32Array, others: Int32Array): boolean {
  if (failing.length < attributionRules.leastFailing || others.length < attributionRules.leastHealthy) return false;
  const counts = countTraits(index, failing, others, new Uint8Array(others.length));
  const groups = groupsOf(index, counts, []);
  const tests = testsOf(groups);
  return groups.some(
    ({ table }) =>
      table.failingWith * 2 > table.failing &&
      table.failing * 2 > failing.length &&
      logTail(table) + Math.log(tests) < Math.log(attributionRules.level),
  );
}

function strongest(
  index: AttributeIndex,
  counts: Counts,
  { relevant, only }: Comparison,
  failing: number,
): { readonly best: Tested | null; readonly tests: number } {
  const rank = [...(only ?? []), ...relevant];
  const groups = groupsOf(index, counts, rank).filter(
    ({ traits }) => only === null || traits.some((trait) => only.includes(nameOf(index, trait))),
  );
  const tests = testsOf(groups);
  const level = Math.log(attributionRules.level) - Math.log(tests);
  let best: Tested | null = null;
  for (const group of groups) {
    if (!isLarge(group, failing)) continue;
    const logChance = logTail(group.table);
    if (logChance < level && (best === null || comesBefore(index, rank, { ...group, logChance }, best))) {
      best = { ...group, logChance };
    }
  }
  return { best, tests };
}

function testsOf(groups: readonly Group[]): number {
  const leasts = groups.map(({ table: { failing, healthy, failingWith, healthyWith } }) =>
    logLeast(failingWith + healthyWith, failing, healthy),
  );
  return testsThatCount(leasts, Math.log(attributionRules.level));
}

/** The conditions that are none of chance: that enough is known, and that the effect is one that an operator would see. */
function isLarge({ table, fresh }: Group, failing: number): boolean {
  const { failingWith: a, failing: known, healthyWith, healthy } = table;
  const with_ = a / (a + fresh);
  const without = known - a === 0 ? 0 : (known - a) / (known - a + healthy - healthyWith);
  return (
    a >= attributionRules.leastFailing &&
    healthy >= attributionRules.leastHealthy &&
    known >= attributionRules.leastKnown * failing &&
    a >= attributionRules.leastShare * failing &&
    with_ > attributionRules.mostFail &&
    with_ - without >= attributionRules.leastDifference
  );
}

function comesBefore(index: AttributeIndex, rank: readonly string[], a: Tested, b: Tested): boolean {
  if (a.logChance !== b.logChance) return a.logChance < b.logChance;
  return compareTraits(index, rank, a.trait, b.trait) < 0;
}

/** Every set of nodes that some trait stands for, once; without those that all or none of the failing nodes' fellows have. */
function groupsOf(index: AttributeIndex, counts: Counts, rank: readonly string[]): Group[] {
  const bySet = new Map<string, number[]>();
  for (let trait = 0; trait < index.traits.length; trait++) {
    const [failing, healthy] = [counts.failing[trait] ?? 0, counts.healthy[trait] ?? 0];
    // Fewer are never named, whatever the failing ones are among them: no test is made, and none counts.
    if (failing + healthy < attributionRules.leastFailing) continue;
    const table = tableOf(index, counts, trait);
    if (failing + healthy === table.failing + table.healthy) continue;
    // Nodes for which the attribute is not known are no part of the comparison: other nodes, another set.
    const key = `${counts.marks[trait]} ${counts.moreMarks[trait]} ${failing} ${healthy} ${table.failing} ${table.healthy}`;
    const same = bySet.get(key);
    if (same === undefined) bySet.set(key, [trait]);
    else same.push(trait);
  }
  return [...bySet.values()].map((traits) => {
    const sorted = traits.length === 1 ? traits : traits.sort((a, b) => compareTraits(index, rank, a, b));
    const trait = sorted[0] ?? 0;
    return { traits: sorted, trait, table: tableOf(index, counts, trait), fresh: counts.fresh[trait] ?? 0 };
  });
}

/** What is told first of what the same nodes have: what explains the cause best, then values before what follows from them. */
function compareTraits(index: AttributeIndex, rank: readonly string[], a: number, b: number): number {
  const [x, y] = [index.traits[a], index.traits[b]];
  if (x === undefined || y === undefined) return 0;
  const place = ({ attribute }: Trait): number => (rank.includes(attribute) ? rank.indexOf(attribute) : rank.length);
  return (
    place(x) - place(y) ||
    Number(x.derived) - Number(y.derived) ||
    (index.traitAttribute[a] ?? 0) - (index.traitAttribute[b] ?? 0) ||
    (x.value < y.value ? -1 : 1)
  );
}

function nameOf(index: AttributeIndex, trait: number): string {
  return index.traits[trait]?.attribute ?? '';
}

/** Nodes for which the attribute is known are those that have any trait of it: kept behind the traits' own counts. */
function tableOf(index: AttributeIndex, counts: Counts, trait: number): Table {
  const known = index.traits.length + (index.traitAttribute[trait] ?? 0);
  return {
    failingWith: counts.failing[trait] ?? 0,
    failing: counts.failing[known] ?? 0,
    healthyWith: counts.healthy[trait] ?? 0,
    healthy: counts.healthy[known] ?? 0,
  };
}

function countTraits(index: AttributeIndex, failing: Int32Array, healthy: Int32Array, fresh: Uint8Array): Counts {
  const byList = emptyCounts(index.listTraits.length);
  const { starts, lists } = index;
  const add = (node: number, isFailing: boolean, isFresh: number): void => {
    const [mark, moreMark] = [markOf(node), markOf(node + 0x5bd1e995)];
    for (let at = starts[node] ?? 0; at < (starts[node + 1] ?? 0); at++) {
      const list = lists[at] ?? 0;
      if (isFailing) byList.failing[list] = (byList.failing[list] ?? 0) + 1;
      else {
        byList.healthy[list] = (byList.healthy[list] ?? 0) + 1;
        byList.fresh[list] = (byList.fresh[list] ?? 0) + isFresh;
      }
      byList.marks[list] = (byList.marks[list] ?? 0) + mark;
      byList.moreMarks[list] = (byList.moreMarks[list] ?? 0) + moreMark;
    }
  };
  for (const node of failing) add(node, true, 0);
  for (const [place, node] of healthy.entries()) add(node, false, fresh[place] ?? 0);

  const counts = emptyCounts(index.traits.length + index.attributes.length);
  for (const [list, traits] of index.listTraits.entries()) {
    if (byList.failing[list] === 0 && byList.healthy[list] === 0) continue;
    addTo(counts, index.traits.length + (index.listAttribute[list] ?? 0), byList, list);
    for (const trait of traits) addTo(counts, trait, byList, list);
  }
  return counts;
}

function emptyCounts(size: number): Counts {
  const [failing, healthy, fresh] = [new Int32Array(size), new Int32Array(size), new Int32Array(size)];
  return { failing, healthy, fresh, marks: new Int32Array(size), moreMarks: new Int32Array(size) };
}

function addTo(counts: Counts, place: number, of: Counts, list: number): void {
  for (const name of countNames) counts[name][place] = (counts[name][place] ?? 0) + (of[name][list] ?? 0);
}

const countNames = ['failing', 'healthy', 'fresh', 'marks', 'moreMarks'] as const;

/** A number that looks drawn by lot and is the same each time (the finalizer of murmur3): sums of it tell sets apart. */
function markOf(node: number): number {
  let mark = Math.imul(node ^ (node >>> 16), 0x85ebca6b);
  mark = Math.imul(mark ^ (mark >>> 13), 0xc2b2ae35);
  return mark ^ (mark >>> 16);
}

/** Whether a node has a trait. */
function holders(index: AttributeIndex, trait: number): (node: number) => boolean {
  const has = new Set(index.listTraits.flatMap((traits, list) => (traits.includes(trait) ? [list] : [])));
  return (node) => {
    for (let at = index.starts[node] ?? 0; at < (index.starts[node + 1] ?? 0); at++) {
      if (has.has(index.lists[at] ?? -1)) return true;
    }
    return false;
  };
}

/** With the counts of all nodes: those of a later step are only of nodes that an earlier one left. */
function shapeOf(
  index: AttributeIndex,
  { traits, trait, logChance }: Tested,
  tests: number,
  all: Table,
): AttributionShape {
  const { attribute, value } = index.traits[trait] ?? { attribute: '', value: '' };
  const told = new Set([baseOf(attribute)]);
  const sameAs = traits.slice(1).flatMap((other) => {
    const also = index.traits[other];
    // What follows from a value that is told already says nothing new.
    if (also === undefined || (also.derived && told.has(baseOf(also.attribute)))) return [];
    told.add(baseOf(also.attribute));
    return [{ attribute: also.attribute, value: also.value }];
  });
  return {
    attribute,
    value,
    ...all,
    // A chance of nought is not meant: below this a double ends.
    pValue: Number(Math.max(1e-300, Math.min(1, Math.exp(logChance + Math.log(tests)))).toPrecision(2)),
    sameAs: sameAs.slice(0, mostSame),
    sentence: attributionSentence(attribute, value, all),
  };
}

function baseOf(attribute: string): string {
  return attribute === 'first-nameserver' ? 'nameserver' : attribute;
}
