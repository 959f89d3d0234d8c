/** Bounds of `nearest`. */
export interface NearestOptions {
  /** Names that are returned (3). */
  readonly max?: number;
  /** Candidates that are looked at; the rest is ignored (200,000). */
  readonly limit?: number;
}

/** A name in the forms that are compared. */
interface Name {
  readonly raw: string;
  /** In lower case, without the `v` before a version. */
  readonly plain: string;
  /** True when that `v` was there. */
  readonly prefixed: boolean;
  /** `[1, 27, 3]` of `v1.27.3-alpine`; null when it does not start with a version. */
  readonly version: readonly number[] | null;
  /** `-alpine`: what stands behind the version. */
  readonly suffix: string;
}

interface Ranked {
  readonly name: Name;
  /** Less is nearer; 1 is about one wrong character. */
  readonly cost: number;
}

/** Longer names are no typing errors of anything, and cost time. */
const maxLength = 300;

/**
 * The candidates that a person most likely meant by `wanted`, nearest first, without `wanted` itself. In this order:
 * the same but for letter case or a `v` before the version, longer and shorter forms at a separator (`1.27` and
 * `1.27.3`, `1.27-alpine`), typing errors (optimal string alignment: insertions, deletions, replacements and swaps of
 * neighbours, about one for three characters), then the nearest version numbers. For a `latest` that nothing
 * resembles: the newest versions.
 */
export function nearest(wanted: string, candidates: Iterable<string>, options: NearestOptions = {}): string[] {
  const { max = 3, limit = 200_000 } = options;
  if (wanted.length === 0 || wanted.length > maxLength || max < 1) return [];
  const target = nameOf(wanted);
  const distance = aligner(target.plain);
  const seen = new Set([wanted]);
  let best: readonly Ranked[] = [];
  let newest: readonly Ranked[] = [];
  let looked = 0;
  for (const raw of candidates) {
    if (looked++ >= limit) break;
    if (raw.length === 0 || raw.length > maxLength || seen.has(raw)) continue;
    const name = nameOf(raw);
    const worst = best.length < max ? Number.POSITIVE_INFINITY : (best.at(-1)?.cost ?? 0);
    const cost = costOf(target, name, distance, worst);
    if (cost !== null && cost <= worst) best = insert(best, { name, cost }, max, target, seen);
    else if (target.plain === 'latest' && name.version !== null && name.suffix === '') {
      newest = insert(newest, { name, cost: 0 }, max, null, seen);
    }
  }
  return [...best, ...newest].slice(0, max).map(({ name }) => name.raw);
}

function nameOf(raw: string): Name {
  const lower = raw.toLowerCase();
  const prefixed = /^v[0-9]/.test(lower);
  const plain = prefixed ? lower.slice(1) : lower;
  const match = /^([0-9]{1,9}(?:\.[0-9]{1,9})*)(?=$|[-_+.])/.exec(plain);
  const numbers = match?.[1];
  if (numbers === undefined) return { raw, plain, prefixed, version: null, suffix: '' };
  return { raw, plain, prefixed, version: numbers.split('.').map(Number), suffix: plain.slice(numbers.length) };
}

/** How far `name` is from what was wanted; null when they are no neighbours at all, or surely beyond `worst`. */
function costOf(
  target: Name,
  name: Name,
  distance: (other: string, bound: number) => number | null,
  worst: number,
): number | null {
  const spelling = name.prefixed === target.prefixed ? 0 : 0.2;
  if (name.plain === target.plain) return 0.1 + spelling;
  const costs: number[] = [];
  const longer = extension(target.plain, name.plain);
  if (longer !== null) costs.push(0.8 + longer / 50);
  const shorter = extension(name.plain, target.plain);
  if (shorter !== null && name.plain.length > 1) costs.push(1.05 + shorter / 50);
  const bound = Math.min(
    Math.floor(target.plain.length / 3) || Math.min(1, target.plain.length - 1),
    4,
    Math.floor(worst),
  );
  const typos = distance(name.plain, bound);
  if (typos !== null) costs.push(typos);
  const versions = versionCost(target, name);
  if (versions !== null) costs.push(versions);
  return costs.length === 0 ? null : Math.min(...costs) + spelling;
}

/** How many characters `long` has behind `short`, from a separator or a number on; null when it is no longer form of it. */
function extension(short: string, long: string): number | null {
  if (long.length <= short.length || !long.startsWith(short)) return null;
  const edge =
    /[-._+/]/.test(long[short.length] ?? '') || /[a-z]{3}[0-9]/.test(long.slice(short.length - 3, short.length + 1));
  return edge ? long.length - short.length : null;
}

/** The first number that differs decides; the deeper it stands, the nearer are the versions. */
function versionCost(target: Name, name: Name): number | null {
  if (target.version === null || name.version === null) return null;
  const length = Math.max(target.version.length, name.version.length);
  const suffix = target.suffix === name.suffix ? 0 : 0.7;
  for (let at = 0; at < length; at++) {
    const [wanted, other] = [target.version[at], name.version[at]];
    if (wanted === other) continue;
    const apart = wanted === undefined || other === undefined ? 1 : Math.abs(wanted - other);
    // Another release line far away is no neighbour; single numbers are dates and builds, near only in the same size.
    if (at === 0 && length > 1 && apart > 10) return null;
    if (length === 1 && String(wanted).length !== String(other).length) return null;
    return Math.max(3 - at * 0.85, 1.3) + (0.6 * apart) / (apart + 10) + suffix;
  }
  return 1.2 + suffix;
}

/** `list` with one more, sorted and at most `max` long. */
function insert(
  list: readonly Ranked[],
  item: Ranked,
  max: number,
  target: Name | null,
  seen: Set<string>,
): readonly Ranked[] {
  const at = list.findIndex((other) => before(item, other, target));
  const where = at < 0 ? list.length : at;
  if (where >= max) return list;
  seen.add(item.name.raw);
  return [...list.slice(0, where), item, ...list.slice(where)].slice(0, max);
}

/** True when `a` is the better answer: nearer, a longer common start, a nearer and then a newer version, shorter, first by text. */
function before(a: Ranked, b: Ranked, target: Name | null): boolean {
  if (Math.abs(a.cost - b.cost) > 1e-9) return a.cost < b.cost;
  if (target !== null) {
    const start = commonStart(a.name.plain, target.plain) - commonStart(b.name.plain, target.plain);
    if (start !== 0) return start > 0;
    const apart = (versionCost(target, a.name) ?? 9) - (versionCost(target, b.name) ?? 9);
    if (apart !== 0) return apart < 0;
  }
  const newer = compareVersions(a.name.version ?? [], b.name.version ?? []);
  if (newer !== 0) return newer > 0;
  const length = a.name.raw.length - b.name.raw.length;
  return length === 0 ? a.name.raw < b.name.raw : length < 0;
}

function commonStart(a: string, b: string): number {
  let at = 0;
  while (at < a.length && at < b.length && a[at] === b[at]) at++;
  return at;
}

function compareVersions(a: readonly number[], b: readonly number[]): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const difference = (a[at] ?? -1) - (b[at] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

/**
 * Optimal string alignment distance to `text`, or null when it is more than `bound`. Only the diagonal band that can
 * stay within the bound is filled, and a row that is all beyond it ends the work.
 */
function aligner(text: string): (other: string, bound: number) => number | null {
  const width = text.length + 1;
  let rows: [Uint16Array, Uint16Array, Uint16Array] = [
    new Uint16Array(width),
    new Uint16Array(width),
    new Uint16Array(width),
  ];
  return (other, bound) => {
    if (bound < 1 || Math.abs(other.length - text.length) > bound) return null;
    const over = bound + 1;
    for (let column = 0; column < width; column++) rows[1][column] = Math.min(column, over);
    for (let row = 1; row <= other.length; row++) {
      const [before, above, current] = rows;
      const from = Math.max(1, row - bound);
      const to = Math.min(text.length, row + bound);
      current[from - 1] = from === 1 ? Math.min(row, over) : over;
      if (to < text.length) current[to + 1] = over;
      let least = current[from - 1] ?? over;
      for (let column = from; column <= to; column++) {
        const same = text.charCodeAt(column - 1) === other.charCodeAt(row - 1);
        let cost = Math.min(
          (above[column - 1] ?? over) + (same ? 0 : 1),
          (above[column] ?? over) + 1,
          (current[column - 1] ?? over) + 1,
        );
        const swapped =
          row > 1 &&
          column > 1 &&
          text.charCodeAt(column - 1) === other.charCodeAt(row - 2) &&
          text.charCodeAt(column - 2) === other.charCodeAt(row - 1);
        if (swapped) cost = Math.min(cost, (before[column - 2] ?? over) + 1);
        current[column] = Math.min(cost, over);
        if (cost < least) least = cost;
      }
      if (least > bound) return null;
      rows = [above, current, before];
    }
    const result = rows[1][text.length] ?? over;
    return result > bound ? null : result;
  };
}
