import { Chain } from './chain.ts';
import { compareLocations, type Location, type PartialLocation } from './cursor.ts';
import type { LocatedEntry } from './entry.ts';
import type { FieldReader } from './field-reader.ts';
import { type JournalFile, objectType } from './file.ts';
import { ChainOffsets, CommonOffsets, type Offsets, TestedOffsets, UnionOffsets } from './selection.ts';
import { type Match, WantedData } from './wanted.ts';

/** Where reading starts. */
export interface Start {
  /** Microseconds since 1970; entries at this time count. */
  readonly since: number | null;
  /** Entries behind this one. */
  readonly after: PartialLocation | null;
}

/** The largest time that systemd takes for valid: 2^55 microseconds are the year 3111. */
const latest = 2 ** 55;

/** So many new entries are asked one by one. */
const fewEntries = 32;

/**
 * The entries of one file that fit, in the file's order. A stream goes on where it stopped when the file grew: `look`
 * takes in what is there now, `head` and `take` walk through it.
 */
export class FileStream {
  readonly file: JournalFile;
  private readonly wanted: WantedData | null;
  /** Entries at this offset or behind come next. */
  private from = 0;
  private offsets: Offsets | null = null;
  /** The last entry when the file was looked at; it may not be in all lists yet. */
  private tail = 0;
  private tailPending = false;
  /** Of the file, when it was looked at. */
  private version = -1;
  private generation: number;
  private headOffset = 0;
  private headLocation: Location | null = null;
  private readonly bootWords = new Uint32Array(4);
  private bootId = '0'.repeat(32);

  constructor(file: JournalFile, matches: readonly Match[]) {
    this.file = file;
    this.wanted = matches.length === 0 ? null : new WantedData(file, matches);
    this.generation = file.generation;
  }

  /** The next entry's place; null when there is none until the next look. */
  get head(): Location | null {
    return this.headLocation;
  }

  /** Sequence number of the last entry that was there at the last look; 0 for an empty file. */
  get tailSeqnum(): number {
    return this.tail === 0 ? 0 : this.file.pages.u64(this.tail + 16);
  }

  /** Starts over when the file has other contents than before; true when it has. The start has to be sought again. */
  rewind(): boolean {
    if (this.generation === this.file.generation) return false;
    this.generation = this.file.generation;
    this.from = 0;
    this.headLocation = null;
    this.offsets = null;
    return true;
  }

  /** Goes to the start. To be called before the first `look`, and after a rewind. */
  seek(start: Start): void {
    const { file } = this;
    const entries = file.entries();
    if (start.since !== null) {
      const { since } = start;
      const index = entries.bisect((at) => {
        const time = this.realtimeAt(at);
        return time === null ? null : time >= since;
      });
      this.from = this.behind(entries, index);
    }
    if (start.after !== null) this.from = Math.max(this.from, this.seekAfter(entries, start.after));
  }

  /** Takes in what the file has now, if it changed since the last look. The file was refreshed before. */
  look(): void {
    const { file } = this;
    if (this.version === file.version) return;
    this.version = file.version;
    const entries = file.entries();
    this.tail = 0;
    for (let index = entries.length - 1; index >= 0 && index >= entries.length - 64 && this.tail === 0; index--) {
      const at = entries.at(index);
      if (this.realtimeAt(at) !== null) this.tail = at;
    }
    const few = this.fewNew(entries);
    // While it is written, the writer may be between linking an entry to the file's list and to those of its fields.
    this.tailPending =
      file.header.state === 'online' && this.tail !== 0 && !entries.broken && this.wanted !== null && few === null;
    this.offsets = few ?? this.select(entries);
    this.offsets.seek(this.from);
    this.settle();
  }

  /** Reads the head's fields and goes on. */
  take(reader: FieldReader): LocatedEntry | null {
    const location = this.headLocation;
    if (location === null) return null;
    const entry = reader.read(this.file, this.headOffset, location);
    this.skip();
    return entry;
  }

  /** Goes past the head. */
  skip(): void {
    this.from = this.headOffset + 8;
    if (this.offsets?.current === this.headOffset) this.offsets.advance();
    this.settle();
  }

  private settle(): void {
    const offsets = this.offsets;
    this.headLocation = null;
    if (offsets === null) return;
    while (offsets.current !== 0) {
      const at = offsets.current;
      if (this.tailPending && at >= this.tail) break;
      if (this.setHead(at)) return;
      offsets.advance();
    }
    if (this.tailPending) {
      // What is behind it has to wait for the next look: other lists may not have it yet.
      this.tailPending = false;
      this.offsets = null;
      const { wanted, tail } = this;
      if (wanted !== null && tail >= this.from && this.test(wanted)(tail) && this.setHead(tail)) return;
    }
    // All that is there is decided, also what nobody wanted.
    if (this.tail !== 0) this.from = Math.max(this.from, this.tail + 8);
  }

  private setHead(at: number): boolean {
    const { pages, header } = this.file;
    if (this.realtimeAt(at) === null) return false;
    this.readBootId(at + 40);
    this.headOffset = at;
    this.headLocation = {
      seqnumId: header.seqnumId,
      seqnum: pages.u64(at + 16),
      bootId: this.bootId,
      monotonic: pages.u64(at + 32),
      realtime: pages.u64(at + 24),
      xorHigh: pages.u32(at + 60),
      xorLow: pages.u32(at + 56),
    };
    return true;
  }

  /** Neighbours are of one boot nearly always, so its id is written out once. */
  private readBootId(at: number): void {
    const { pages } = this.file;
    let same = true;
    for (let word = 0; word < 4; word++) {
      const value = pages.u32(at + word * 4);
      if (this.bootWords[word] === value) continue;
      this.bootWords[word] = value;
      same = false;
    }
    if (!same) this.bootId = pages.bytes(at, 16).toString('hex');
  }

  /** The wall clock of the entry at an offset; null when there is no sound entry. */
  private realtimeAt(at: number): number | null {
    const { file } = this;
    if (file.objectSize(at, objectType.entry) < 64) return null;
    const time = file.pages.u64(at + 24);
    const sound = time > 0 && time < latest && file.pages.u64(at + 16) > 0 && file.pages.u64(at + 32) < latest;
    return sound ? time : null;
  }

  /**
   * The entries at `from` and behind, where they are a few at the end, as for who follows: to ask each of them takes less
   * than to look for the ends of all lists. Null where there are more.
   */
  private fewNew(entries: Chain): Offsets | null {
    if (this.from === 0 || entries.broken) return null;
    let index = entries.length;
    for (; index > 0; index--) {
      const at = entries.at(index - 1);
      // A damaged item that seems to be the end would hide those before it.
      if (this.realtimeAt(at) === null) return null;
      if (at < this.from) break;
      if (entries.length - index >= fewEntries) return null;
    }
    const behind = new ChainOffsets(entries, index);
    return this.wanted === null ? behind : new TestedOffsets(behind, this.test(this.wanted));
  }

  private select(entries: Chain): Offsets {
    if (this.wanted === null) return new ChainOffsets(entries);
    let broken = false;
    const terms = this.wanted.offsets().map((values) => {
      const lists = values.map((data) => {
        const chain = data === 0 ? Chain.empty(this.file) : this.file.entriesOf(data);
        broken ||= chain.broken;
        return new ChainOffsets(chain);
      });
      return lists.length === 1 && lists[0] !== undefined ? lists[0] : new UnionOffsets(lists);
    });
    // A list that is damaged would leave entries out: each entry is asked itself instead.
    if (broken) return new TestedOffsets(new ChainOffsets(entries), this.test(this.wanted));
    return terms.length === 1 && terms[0] !== undefined ? terms[0] : new CommonOffsets(terms);
  }

  /** A test whether the entry at an offset meets the matches, by its own items. */
  private test(matches: WantedData): (at: number) => boolean {
    const { file } = this;
    const { compact } = file.header;
    const wanted = matches.offsets();
    return (at) => {
      const end = at + file.objectSize(at, objectType.entry);
      const items = new Set<number>();
      for (let item = at + 64; item < end; item += compact ? 4 : 16) {
        items.add(compact ? file.pages.u32(item) : file.pages.u64(item));
      }
      return wanted.every((some) => some.some((data) => data !== 0 && items.has(data)));
    };
  }

  /** The offset from which on `entries` from `index` on lie. */
  private behind(entries: Chain, index: number): number {
    for (let at = index; at < entries.length; at++) {
      const offset = entries.at(at);
      if (offset !== 0) return offset;
    }
    // Behind the last: space behind it may be reserved already, so the file's end says nothing.
    for (let at = entries.length - 1; at >= 0; at--) if (entries.at(at) !== 0) return entries.at(at) + 8;
    return 0;
  }

  /**
   * The offset behind which the entries after `cursor` lie: by sequence number where it is of this file's source, by
   * the boot's clock where the file has that boot, else by the wall clock, as journalctl does.
   */
  private seekAfter(entries: Chain, cursor: PartialLocation): number {
    const { file } = this;
    let index: number;
    if (cursor.seqnumId === file.header.seqnumId && cursor.seqnum !== null) {
      const { seqnum } = cursor;
      index = entries.bisect((at) => (this.realtimeAt(at) === null ? null : file.pages.u64(at + 16) >= seqnum));
    } else {
      const boot = cursor.bootId === null ? 0 : file.findData(Buffer.from(`_BOOT_ID=${cursor.bootId}`));
      if (boot !== 0 && cursor.monotonic !== null) {
        const { monotonic } = cursor;
        const ofBoot = file.entriesOf(boot);
        const first = ofBoot.bisect((at) =>
          this.realtimeAt(at) === null ? null : file.pages.u64(at + 32) >= monotonic,
        );
        const offset = first < ofBoot.length ? ofBoot.at(first) : ofBoot.at(ofBoot.length - 1) + 8;
        index = entries.indexAtOffset(offset);
      } else if (cursor.realtime !== null) {
        const { realtime } = cursor;
        index = entries.bisect((at) => {
          const time = this.realtimeAt(at);
          return time === null ? null : time >= realtime;
        });
      } else index = 0;
    }
    // Past the entry itself, and past others that are not behind it.
    for (; index < entries.length; index++) {
      const at = entries.at(index);
      if (at === 0 || !this.setHead(at) || this.headLocation === null) continue;
      if (compareLocations(this.headLocation, cursor) > 0) break;
    }
    this.headLocation = null;
    return this.behind(entries, index);
  }
}
