import { limits } from '../lib/limits.ts';

/** What a chain needs of its file. */
interface Source {
  readonly header: { readonly compact: boolean };
  readonly pages: { u32(offset: number): number; u64(offset: number): number };
  objectSize(offset: number, type: number): number;
}

interface Part {
  readonly offset: number;
  /** Index of its first item in the whole chain. */
  readonly start: number;
  readonly items: number;
}

const entryArray = 6;

/**
 * A list of entries, sorted by their offsets: of the whole file or of one data object. It lies in arrays of doubling
 * size that are linked forwards; a data object has its first entry in itself. Only the arrays' places are kept.
 */
export class Chain {
  private readonly source: Source;
  private readonly first: number;
  private readonly parts: readonly Part[];
  private readonly found: readonly number[];
  private part: Part | undefined;
  /** Items that can be reached. */
  readonly length: number;
  /** True when there should be more than can be reached: an array is damaged or cut off. */
  readonly broken: boolean;

  private constructor(
    source: Source,
    first: number,
    parts: readonly Part[],
    length: number,
    broken: boolean,
    found: readonly number[] = [],
  ) {
    this.source = source;
    this.found = found;
    this.first = first;
    this.parts = parts;
    this.part = parts[0];
    this.length = length;
    this.broken = broken;
  }

  static empty(source: Source): Chain {
    return new Chain(source, 0, [], 0, false);
  }

  /** `first` is the entry outside the arrays, 0 where there is none; `count` counts it too. */
  static follow(source: Source, first: number, array: number, count: number): Chain {
    return Chain.from(source, first, [], first === 0 ? 0 : 1, array, count);
  }

  /** This chain when it has `count` items by now: only its last array and those behind it are read. */
  grown(count: number): Chain {
    const parts = [...this.parts];
    const last = parts.pop();
    if (last === undefined || this.broken) return this;
    return Chain.from(this.source, this.first, parts, last.start, last.offset, count);
  }

  /** The arrays from `array` on, whose first item is number `start`, behind those that are known. */
  private static from(
    source: Source,
    first: number,
    parts: Part[],
    firstStart: number,
    array: number,
    count: number,
  ): Chain {
    let start = firstStart;
    let at = array;
    while (at !== 0 && start < count && parts.length < limits.journalArrays) {
      const size = source.objectSize(at, entryArray);
      const items = Math.floor((size - 24) / (source.header.compact ? 4 : 8));
      if (items <= 0) break;
      parts.push({ offset: at, start, items });
      start += items;
      const next = source.pages.u64(at + 16);
      // The next array is always allocated later; anything else is damage, and could be a circle.
      if (next <= at) break;
      at = next;
    }
    return new Chain(source, first, parts, Math.min(start, count), start < count);
  }

  /** This chain with entries behind it that were found without its arrays. */
  with(found: readonly number[]): Chain {
    return new Chain(this.source, this.first, this.parts, this.length + found.length, this.broken, found);
  }

  /** The offset of entry `index`: 0 where there is none yet, or the item is damaged beyond its alignment. */
  at(index: number): number {
    if (index < 0 || index >= this.length) return 0;
    if (index === 0 && this.first !== 0) return this.first % 8 === 0 ? this.first : 0;
    if (index >= this.length - this.found.length) return this.found[index - this.length + this.found.length] ?? 0;
    let part = this.part;
    if (part === undefined || index < part.start || index >= part.start + part.items) {
      part = this.parts.findLast((candidate) => candidate.start <= index);
      this.part = part;
      if (part === undefined) return 0;
    }
    const item = index - part.start;
    const offset = this.source.header.compact
      ? this.source.pages.u32(part.offset + 24 + item * 4)
      : this.source.pages.u64(part.offset + 24 + item * 8);
    return offset % 8 === 0 ? offset : 0;
  }

  /** The first index whose entry lies at `offset` or behind; `length` when none does. */
  indexAtOffset(offset: number): number {
    return this.bisect((entry) => entry >= offset);
  }

  /**
   * The first index whose entry is `enough`, which has to be false up to some entry and true from there on; `length`
   * when none is. `enough` gives null for an entry that cannot be read: then its neighbours are asked.
   */
  bisect(enough: (entry: number) => boolean | null): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      let probe = middle;
      let answer: boolean | null = null;
      for (; probe < high; probe++) {
        const entry = this.at(probe);
        answer = entry === 0 ? null : enough(entry);
        if (answer !== null) break;
      }
      if (answer === false) low = probe + 1;
      else high = middle;
    }
    return low;
  }
}
