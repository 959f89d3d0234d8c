import type { Chain } from './chain.ts';

/** Offsets of entries in rising order. */
export interface Offsets {
  /** The one it stands at; 0 at the end. */
  readonly current: number;
  /** Goes to the next. */
  advance(): void;
  /** Goes forwards to the first at `offset` or behind. */
  seek(offset: number): void;
}

/** The entries of one chain. Items that are out of order are damaged, and passed over. */
export class ChainOffsets implements Offsets {
  current = 0;
  private readonly chain: Chain;
  private index: number;

  /** `index`: of the first that counts. */
  constructor(chain: Chain, index = 0) {
    this.chain = chain;
    this.index = index;
    this.settle(0);
  }

  advance(): void {
    this.index++;
    this.settle(this.current);
  }

  seek(offset: number): void {
    if (this.current === 0 || this.current >= offset) return;
    // Most often it is one of the next ones.
    for (let step = 0; step < 4; step++) {
      this.advance();
      if (this.current === 0 || this.current >= offset) return;
    }
    this.index = Math.max(this.index, this.chain.indexAtOffset(offset));
    this.settle(offset - 1);
  }

  private settle(after: number): void {
    for (; this.index < this.chain.length; this.index++) {
      const offset = this.chain.at(this.index);
      if (offset <= after) continue;
      const next = this.chain.at(this.index + 1);
      // Larger than its successor, which itself is in order: this one is the damaged one.
      if (next > after && next < offset) continue;
      this.current = offset;
      return;
    }
    this.current = 0;
  }
}

/** Entries of any of the lists. */
export class UnionOffsets implements Offsets {
  current = 0;
  private readonly parts: readonly Offsets[];

  constructor(parts: readonly Offsets[]) {
    this.parts = parts;
    this.settle();
  }

  advance(): void {
    const { current } = this;
    for (const part of this.parts) if (part.current === current) part.advance();
    this.settle();
  }

  seek(offset: number): void {
    for (const part of this.parts) part.seek(offset);
    this.settle();
  }

  private settle(): void {
    let least = 0;
    for (const { current } of this.parts) if (current !== 0 && (least === 0 || current < least)) least = current;
    this.current = least;
  }
}

/** Entries that are in all of the lists. */
export class CommonOffsets implements Offsets {
  current = 0;
  private readonly parts: readonly Offsets[];

  constructor(parts: readonly Offsets[]) {
    this.parts = parts;
    this.settle();
  }

  advance(): void {
    this.parts[0]?.advance();
    this.settle();
  }

  seek(offset: number): void {
    this.parts[0]?.seek(offset);
    this.settle();
  }

  private settle(): void {
    let target = this.parts[0]?.current ?? 0;
    for (let agreed = 0; target !== 0 && agreed < this.parts.length; ) {
      agreed = 0;
      for (const part of this.parts) {
        part.seek(target);
        if (part.current === target) agreed++;
        else target = part.current;
        if (target === 0) break;
      }
    }
    this.current = target;
  }
}

/** Entries of a list that pass a test. */
export class TestedOffsets implements Offsets {
  private readonly offsets: Offsets;
  private readonly fits: (offset: number) => boolean;

  constructor(offsets: Offsets, fits: (offset: number) => boolean) {
    this.offsets = offsets;
    this.fits = fits;
    this.settle();
  }

  get current(): number {
    return this.offsets.current;
  }

  advance(): void {
    this.offsets.advance();
    this.settle();
  }

  seek(offset: number): void {
    this.offsets.seek(offset);
    this.settle();
  }

  private settle(): void {
    while (this.offsets.current !== 0 && !this.fits(this.offsets.current)) this.offsets.advance();
  }
}
