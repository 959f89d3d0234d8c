import { constants, fstatSync, openSync } from 'node:fs';
import { fail, ok, type Result } from '../lib/result.ts';
import { Chain } from './chain.ts';
import { emptyHash, jenkins, siphash24 } from './hash.ts';
import { type Header, type HeaderFailure, headerBytes, readHeader } from './header.ts';
import { type PageCache, PagedFile } from './pages.ts';
import { unpack } from './payload.ts';
import { findEntries } from './salvage.ts';

/** Types of objects (systemd: journal-def.h, ObjectType). */
export const objectType = { data: 1, field: 2, entry: 3, entryArray: 6 } as const;

/** Why one file of a journal is not read, or not wholly. */
export type FileFailure =
  | HeaderFailure
  | { readonly kind: 'denied' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'failed'; readonly code: string };

/**
 * One journal file, open for reading. Nothing in it is trusted: an offset counts only when it is aligned, inside the
 * used part and leads to an object of the expected type that ends inside too; every list is followed forwards only, as
 * the format writes them, so none is endless.
 */
export class JournalFile {
  /** Where it was found last; a rotation renames it. */
  path: string;
  /** Device and inode: what stays the same when it is renamed. */
  readonly identity: string;
  /** Tells the files of one journal apart in caches. */
  readonly number: number;
  readonly pages: PagedFile;
  header: Header;
  /** Where objects end: what the header says, but not behind the end of the file. */
  end: number;
  /** Counts the changes that `refresh` saw. */
  version = 0;
  /** Counts how often another journal, or less of this one, was found in the file. */
  generation = 0;
  /** Sequence number of the last entry, as the header says. */
  tailSeqnum: number;
  private key: DataView;
  private raw: Buffer;
  /** The header is read into it, to be compared: nothing is made for a look at which nothing is new. */
  private spare: Buffer = Buffer.alloc(headerBytes);
  private readonly hash = emptyHash();
  /** All entries as they were asked for last, and of which journal in the file that was. */
  private known: { readonly chain: Chain; readonly array: number; readonly generation: number } | null = null;

  private constructor(path: string, identity: string, number: number, pages: PagedFile, header: Header, raw: Buffer) {
    this.path = path;
    this.identity = identity;
    this.number = number;
    this.pages = pages;
    this.header = header;
    this.raw = raw;
    this.end = Math.min(header.end, pages.size());
    this.key = viewOf(raw.subarray(24, 40));
    this.tailSeqnum = raw.readUInt32LE(160) + raw.readUInt32LE(164) * 0x1_0000_0000;
  }

  /** Opens a file; it has to be closed. */
  static open(path: string, number: number, cache: PageCache): Result<JournalFile, FileFailure> {
    let descriptor: number;
    let identity: string;
    try {
      // O_NONBLOCK: a FIFO in a file's place must not hold the reader up.
      descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      const facts = fstatSync(descriptor);
      identity = `${facts.dev}:${facts.ino}`;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'EUNKNOWN';
      if (code === 'EACCES' || code === 'EPERM') return fail({ kind: 'denied' });
      if (code === 'ENOENT' || code === 'ENOTDIR') return fail({ kind: 'absent' });
      return fail({ kind: 'failed', code });
    }
    const pages = new PagedFile(descriptor, cache);
    const raw = pages.fresh(0, headerBytes);
    const header = readHeader(raw);
    if (pages.failure === null && header.ok) {
      return ok(new JournalFile(path, identity, number, pages, header.value, raw));
    }
    pages.close();
    if (pages.failure !== null) return fail({ kind: 'failed', code: pages.failure });
    return header.ok ? fail({ kind: 'not-a-journal' }) : header;
  }

  close(): void {
    this.pages.close();
  }

  /** Reads the header again, and takes up what is there now. */
  refresh(): void {
    const raw = this.spare;
    this.pages.readInto(raw, 0);
    const end = Math.min(this.header.end, this.pages.size());
    if (raw.equals(this.raw) && end === this.end) return;
    const header = readHeader(raw);
    // A header that cannot be read is one that is being written, or the end of this file: what is known stays.
    if (!header.ok) return;
    const replaced = header.value.fileId !== this.header.fileId || header.value.entries < this.header.entries;
    this.pages.drop();
    this.header = header.value;
    this.spare = this.raw;
    this.raw = raw;
    this.key = viewOf(raw.subarray(24, 40));
    this.tailSeqnum = raw.readUInt32LE(160) + raw.readUInt32LE(164) * 0x1_0000_0000;
    this.end = Math.min(header.value.end, this.pages.size());
    this.version++;
    if (replaced) this.generation++;
  }

  /** The size of the object of `type` at `offset`, headers included; 0 when there is none. */
  objectSize(offset: number, type: number): number {
    if (!(offset >= this.header.headerSize && offset + 16 <= this.end) || offset % 8 !== 0) return 0;
    if ((this.pages.u32(offset) & 0xff) !== type) return 0;
    const size = this.pages.u64(offset + 8);
    return size >= 16 && offset + size <= this.end ? size : 0;
  }

  /** Where a data object's payload starts behind its offset. */
  get dataHeader(): number {
    return this.header.compact ? 72 : 64;
  }

  /** All entries. Where an array of their list is damaged, those behind are looked for in the file itself. */
  entries(): Chain {
    const { entryArray: array, entries: count } = this.header;
    const { known, generation } = this;
    // Arrays that are full stay as they are, so that who follows reads the last one.
    const grown = known?.array === array && known.generation === generation ? known.chain.grown(count) : null;
    const chain = grown === null || grown.broken ? Chain.follow(this, 0, array, count) : grown;
    this.known = chain.broken ? null : { chain, array, generation };
    if (!chain.broken) return chain;
    let last = chain.length - 1;
    while (last >= 0 && this.objectSize(chain.at(last), objectType.entry) === 0) last--;
    const from = last < 0 ? this.header.headerSize : chain.at(last);
    return chain.with(findEntries(this, from, last >= 0, this.header.entries - chain.length));
  }

  /** The entries that have this data object, from its own list. */
  entriesOf(data: number): Chain {
    if (this.objectSize(data, objectType.data) < this.dataHeader) return Chain.empty(this);
    const first = this.pages.u64(data + 40);
    const array = this.pages.u64(data + 48);
    return Chain.follow(this, first, array, this.pages.u64(data + 56));
  }

  /** The data object of `FIELD=value`, by the hash table; 0 when the file has none. */
  findData(payload: Buffer): number {
    const { offset, buckets } = this.header.dataHashTable;
    return this.lookUp(payload, offset, buckets, 24, (at) => this.hasPayload(at, payload));
  }

  /** The object of a field, by the hash table; 0 when the file has none. Once written it stays where it is. */
  findField(field: Buffer): number {
    const { offset, buckets } = this.header.fieldHashTable;
    return this.lookUp(field, offset, buckets, 24, (at) => {
      const size = this.objectSize(at, objectType.field);
      return size === 40 + field.length && this.pages.bytes(at + 40, field.length).equals(field);
    });
  }

  /** The newest data object of a field, by the field's object (`findField`); 0 when there is none. */
  newestDataOf(field: number): number {
    return field === 0 || this.objectSize(field, objectType.field) < 40 ? 0 : this.pages.u64(field + 32);
  }

  /** The next data object of the same field; 0 at the end. New ones are put in front, so offsets fall. */
  nextDataOf(data: number): number {
    if (this.objectSize(data, objectType.data) < this.dataHeader) return 0;
    const next = this.pages.u64(data + 32);
    return next < data ? next : 0;
  }

  /** The payload of a data object, unpacked; null when it is damaged or larger than `most` bytes. */
  payload(data: number, most: number): Buffer | null {
    const size = this.objectSize(data, objectType.data);
    if (size < this.dataHeader) return null;
    const flags = (this.pages.u32(data) >>> 8) & 7;
    const length = size - this.dataHeader;
    if (length > most) return null;
    const stored = this.pages.bytes(data + this.dataHeader, length);
    if (flags === 0) return stored;
    const unpacked = unpack(stored, flags, most);
    return unpacked.ok ? unpacked.value : null;
  }

  /** True when `payload` has the hash that the object at `offset` says (data and field objects). */
  verify(offset: number, payload: Uint8Array): boolean {
    this.hashOf(payload);
    return this.pages.u32(offset + 16) === this.hash.low && this.pages.u32(offset + 20) === this.hash.high;
  }

  /** True when the data object at `offset` says this hash. */
  hasHash(offset: number, high: number, low: number): boolean {
    if (this.objectSize(offset, objectType.data) === 0) return false;
    return this.pages.u32(offset + 16) === low && this.pages.u32(offset + 20) === high;
  }

  private hashOf(payload: Uint8Array): void {
    if (this.header.keyedHash) siphash24(payload, this.key, this.hash);
    else jenkins(payload, this.hash);
  }

  private hasPayload(data: number, payload: Buffer): boolean {
    const size = this.objectSize(data, objectType.data);
    const packed = ((this.pages.u32(data) >>> 8) & 7) !== 0;
    if (size < this.dataHeader || (!packed && size !== this.dataHeader + payload.length)) return false;
    return this.payload(data, Math.max(payload.length, size))?.equals(payload) ?? false;
  }

  private lookUp(
    payload: Buffer,
    table: number,
    buckets: number,
    nextAt: number,
    fits: (offset: number) => boolean,
  ): number {
    if (buckets === 0 || table % 8 !== 0 || table + buckets * 16 > this.end) return 0;
    this.hashOf(payload);
    const { high, low } = this.hash;
    const bucket = Number(((BigInt(high) << 32n) | BigInt(low)) % BigInt(buckets));
    let at = this.pages.u64(table + bucket * 16);
    while (at >= this.header.headerSize && at % 8 === 0 && at + 40 <= this.end) {
      if (this.pages.u32(at + 16) === low && this.pages.u32(at + 20) === high && fits(at)) return at;
      const next = this.pages.u64(at + nextAt);
      if (next <= at) return 0;
      at = next;
    }
    return 0;
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
