/** Sequence numbers that were seen: inclusive intervals in ascending order, never touching each other. */
export type Intervals = readonly (readonly [from: number, to: number])[];

/**
 * Intervals that one stream keeps. A gap is a record that the spool dropped, or one that is still under way: with more
 * gaps than these the lowest are taken for drops.
 */
export const mostIntervals = 256;

/** Whether `seq` is in one of them. */
export function hasSeq(intervals: Intervals, seq: number): boolean {
  // From the end: what comes is nearly always newer than what was.
  for (let index = intervals.length - 1; index >= 0; index--) {
    const [from, to] = intervals[index] ?? [0, -1];
    if (seq > to) return false;
    if (seq >= from) return true;
  }
  return false;
}

/** With these sequence numbers added; beyond `most` intervals the lowest gaps are closed. */
export function addSeqs(intervals: Intervals, seqs: readonly number[], most: number = mostIntervals): Intervals {
  const all = [...intervals, ...seqs.map((seq) => [seq, seq] as const)].sort(([a], [b]) => a - b);
  const merged: [number, number][] = [];
  for (const [from, to] of all) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else merged.push([from, to]);
  }
  const over = merged.length - most;
  const [first, joined] = [merged[0], merged[over]];
  if (over <= 0 || first === undefined || joined === undefined) return merged;
  return [[first[0], joined[1]], ...merged.slice(over + 1)];
}

/** `1-7,9-9`. */
export function writeIntervals(intervals: Intervals): string {
  return intervals.map(([from, to]) => `${from}-${to}`).join(',');
}

/** What `writeIntervals` wrote; null for anything else. */
export function readIntervals(text: string): Intervals | null {
  if (text === '') return [];
  const read: (readonly [number, number])[] = [];
  for (const part of text.split(',')) {
    const [, from, to] = /^(\d{1,16})-(\d{1,16})$/.exec(part) ?? [];
    if (from === undefined || to === undefined) return null;
    read.push([Number(from), Number(to)]);
  }
  return read;
}
