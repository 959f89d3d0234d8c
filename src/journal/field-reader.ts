import { isUtf8 } from 'node:buffer';
import { limits } from '../lib/limits.ts';
import type { Location } from './cursor.ts';
import { type EntryDamage, type FieldList, LocatedEntry } from './entry.ts';
import { type JournalFile, objectType } from './file.ts';
import { unpack } from './payload.ts';

/** Slots of the cache; a node's journal has some thousand values that recur (units, host names, priorities). */
const slots = 16_384;
/** A value is remembered when at least so many entries have it: rarer ones would only push others out. */
const sharedBy = 4;
/** Longer values are not remembered. */
const rememberedBytes = 2048;

/** A field's name: as text when it is wanted, null when it is passed over. */
interface KnownName {
  readonly bytes: Buffer;
  readonly wanted: string | null;
}

/**
 * Reads entries' fields: all, or those with wanted names. Values that many entries share are remembered by where they
 * lie, in a table of fixed size; of values that are not wanted only the name is looked at.
 */
export class FieldReader {
  private readonly wanted: ReadonlySet<string> | null;
  private readonly names = new Map<number, KnownName[]>();
  private nameCount = 0;
  private readonly cachedOffset = new Float64Array(slots);
  private readonly cachedFile = new Int32Array(slots);
  private readonly cachedName: (string | null)[] = new Array<string | null>(slots).fill(null);
  private readonly cachedValue: (string | Buffer)[] = new Array<string | Buffer>(slots).fill('');
  private damage: EntryDamage[] = [];
  private total = 0;

  /** `wanted` null reads all fields. */
  constructor(wanted: readonly string[] | null) {
    this.wanted = wanted === null ? null : new Set(wanted);
  }

  /** Forgets the values of files that were replaced. */
  reset(): void {
    this.cachedOffset.fill(0);
  }

  /** Fills `fields` from the entry at `offset`, which has to be one. */
  read(file: JournalFile, offset: number, location: Location, fields: FieldList): LocatedEntry {
    const { pages, header } = file;
    const { compact } = header;
    const end = offset + file.objectSize(offset, objectType.entry);
    this.total = 0;
    const step = compact ? 4 : 16;
    for (let item = offset + 64; item + step <= end; item += step) {
      const data = compact ? pages.u32(item) : pages.u64(item);
      const slot = (data / 8) & (slots - 1);
      if (this.cachedOffset[slot] === data && this.cachedFile[slot] === file.number) {
        const name = this.cachedName[slot];
        if (name !== null && name !== undefined) fields.add(name, this.cachedValue[slot] ?? '');
        continue;
      }
      if (compact) this.readData(file, data, slot, fields);
      else {
        // The regular layout has the hash here too: a damaged offset cannot lead to another field unnoticed.
        const low = pages.u32(item + 8);
        const high = pages.u32(item + 12);
        const sound = file.objectSize(data, objectType.data) > 0;
        if (sound && pages.u32(data + 16) === low && pages.u32(data + 20) === high) {
          this.readData(file, data, slot, fields);
        } else if (!this.damage.includes('field-damaged')) this.damage.push('field-damaged');
      }
    }
    const entry = new LocatedEntry(location, fields);
    if (this.damage.length > 0) {
      entry.damage = this.damage;
      this.damage = [];
    }
    return entry;
  }

  private readData(file: JournalFile, data: number, slot: number, fields: FieldList): void {
    const damage = this.tryData(file, data, slot, fields);
    if (damage !== null && !this.damage.includes(damage)) this.damage.push(damage);
  }

  /** Adds one data object's value where it is wanted; tells what is wrong with it. */
  private tryData(file: JournalFile, data: number, slot: number, fields: FieldList): EntryDamage | null {
    const { pages, dataHeader } = file;
    const size = file.objectSize(data, objectType.data);
    if (size < dataHeader) return 'field-damaged';
    const length = size - dataHeader;
    const flags = (pages.u32(data) >>> 8) & 7;
    if (length > limits.journalValueBytes || this.total > limits.journalEntryBytes) return 'field-too-large';
    const shared = pages.u64(data + 56) >= sharedBy;

    if (flags === 0 && this.wanted !== null) {
      // Only the name is needed to pass over it.
      const start = pages.bytes(data + dataHeader, Math.min(length, limits.journalNameBytes + 1));
      const known = this.nameOf(start);
      if (known === null) return 'field-damaged';
      if (known.wanted === null) {
        if (shared) this.remember(file, data, slot, null, '');
        return null;
      }
    }
    let payload = pages.bytes(data + dataHeader, length);
    if (flags !== 0) {
      const unpacked = unpack(payload, flags, limits.journalValueBytes);
      if (!unpacked.ok) return unpacked.error === 'damaged' ? 'field-damaged' : 'field-too-large';
      payload = unpacked.value;
    }
    this.total += payload.length;
    const known = this.nameOf(payload);
    if (known === null) return 'field-damaged';
    if (known.wanted === null) {
      if (shared) this.remember(file, data, slot, null, '');
      return null;
    }
    if (!file.verify(data, payload)) return 'field-damaged';
    const from = known.bytes.length + 1;
    let value: string | Buffer = payload.toString('utf8', from);
    if (value.includes('\ufffd') && !isUtf8(payload.subarray(from))) value = Buffer.from(payload.subarray(from));
    fields.add(known.wanted, value);
    if (shared && payload.length <= rememberedBytes) this.remember(file, data, slot, known.wanted, value);
    return null;
  }

  private remember(file: JournalFile, data: number, slot: number, name: string | null, value: string | Buffer): void {
    this.cachedOffset[slot] = data;
    this.cachedFile[slot] = file.number;
    this.cachedName[slot] = name;
    this.cachedValue[slot] = value;
  }

  /** The name before the first `=`; null when there is none. Names are few, so each becomes text once. */
  private nameOf(payload: Buffer): KnownName | null {
    let hash = 0;
    let at = 0;
    const end = Math.min(payload.length, limits.journalNameBytes + 1);
    for (; at < end; at++) {
      const byte = payload[at] ?? 0;
      if (byte === 0x3d) break;
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    if (at === end || at === 0) return null;
    const candidates = this.names.get(hash);
    if (candidates !== undefined) {
      for (const known of candidates) {
        if (known.bytes.length === at && known.bytes.compare(payload, 0, at) === 0) return known;
      }
    }
    const bytes = Buffer.from(payload.subarray(0, at));
    const text = bytes.toString('latin1');
    const known = { bytes, wanted: this.wanted === null || this.wanted.has(text) ? text : null };
    // A damaged or hostile file may have any number of names: only so many are kept.
    if (this.nameCount++ < 4096) this.names.set(hash, [...(candidates ?? []), known]);
    return known;
  }
}
