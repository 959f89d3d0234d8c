import { isUtf8 } from 'node:buffer';
import { limits } from '../lib/limits.ts';
import type { Location } from './cursor.ts';
import { type EntryDamage, FieldList, LocatedEntry } from './entry.ts';
import { type JournalFile, objectType } from './file.ts';
import { emptyHash, jenkins } from './hash.ts';
import { unpack } from './payload.ts';

/**
 * Slots of the cache, a power of two; a node's journal has some thousand values that recur (units, host names,
 * priorities). Who follows has little to read, and keeps what it has for days: a sixteenth, and 600 KiB less.
 */
const allSlots = 16_384;
const followSlots = 1024;
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
 * lie, in a table of fixed size.
 *
 * An entry has the hashes of all its contents, combined (systemd: docs/JOURNAL_FILE_FORMAT.md, "xor_hash"). Where they
 * fit, every field is as it was written, so nothing else is checked. Where they do not, the entry is read again and
 * each field held against its own hash.
 */
export class FieldReader {
  private readonly wanted: ReadonlySet<string> | null;
  private readonly names = new Map<number, KnownName[]>();
  private nameCount = 0;
  private readonly slots: number;
  private readonly cachedOffset: Float64Array;
  private readonly cachedFile: Int32Array;
  private readonly cachedHash: Int32Array;
  private readonly cachedName: (string | null)[];
  private readonly cachedValue: (string | Buffer)[];
  private readonly hash = emptyHash();
  /** Hashes of the fields of the entry in work, in pairs. */
  private readonly hashes = new Int32Array(2 * limits.journalEntryFields);
  private total = 0;

  /** `wanted` null reads all fields. `follows`: it reads what comes, for days. */
  constructor(wanted: readonly string[] | null, follows = false) {
    this.wanted = wanted === null ? null : new Set(wanted);
    const slots = follows ? followSlots : allSlots;
    this.slots = slots;
    this.cachedOffset = new Float64Array(slots);
    this.cachedFile = new Int32Array(slots);
    this.cachedHash = new Int32Array(2 * slots);
    this.cachedName = new Array<string | null>(slots).fill(null);
    this.cachedValue = new Array<string | Buffer>(slots).fill('');
  }

  /** Forgets the values of files that were replaced. */
  reset(): void {
    this.cachedOffset.fill(0);
  }

  /** Reads the entry at `offset`, which has to be one. */
  read(file: JournalFile, offset: number, location: Location): LocatedEntry {
    const fields = new FieldList();
    const damage = this.readItems(file, offset, location, fields, false);
    if (damage.length === 0) return new LocatedEntry(location, fields, sound);
    const again = new FieldList();
    return new LocatedEntry(location, again, this.readItems(file, offset, location, again, true));
  }

  private readItems(
    file: JournalFile,
    offset: number,
    location: Location,
    fields: FieldList,
    strict: boolean,
  ): readonly EntryDamage[] {
    const { pages } = file;
    const { compact } = file.header;
    const { hash, hashes } = this;
    let damage = sound;
    const step = compact ? 4 : 16;
    const size = file.objectSize(offset, objectType.entry);
    let count = Math.floor((size - 64) / step);
    if (count > limits.journalEntryFields) {
      count = limits.journalEntryFields;
      damage = added(damage, 'too-many-fields');
    }
    this.total = 0;
    let high = 0;
    let low = 0;
    for (let index = 0; index < count; index++) {
      const item = offset + 64 + index * step;
      const data = compact ? pages.u32(item) : pages.u64(item);
      const slot = (data / 8) & (this.slots - 1);
      if (this.cachedOffset[slot] === data && this.cachedFile[slot] === file.number) {
        const name = this.cachedName[slot];
        if (name !== null && name !== undefined) fields.add(name, this.cachedValue[slot] ?? '');
        hash.high = this.cachedHash[2 * slot] ?? 0;
        hash.low = this.cachedHash[2 * slot + 1] ?? 0;
      } else {
        // The regular layout has the field's hash here too: a damaged offset leads to one with another.
        const moved = strict && !compact && !file.hasHash(data, pages.u32(item + 12), pages.u32(item + 8));
        const wrong = moved ? 'field-damaged' : this.readData(file, data, slot, fields, strict);
        if (wrong !== null) damage = added(damage, wrong);
      }
      hashes[2 * index] = hash.high;
      hashes[2 * index + 1] = hash.low;
      high ^= hash.high;
      low ^= hash.low;
    }
    if (damage.length > 0) return damage;
    const [rest, restLow] = [high ^ location.xorHigh, low ^ location.xorLow];
    if ((rest | restLow) === 0 || (strict && this.repeated(count, rest, restLow))) return damage;
    return added(damage, 'fields-mixed');
  }

  /**
   * Reads one data object into `fields` where it is wanted, and its hash into `hash`; tells what is wrong with it. What
   * is remembered for later entries has been held against its own hash.
   */
  private readData(
    file: JournalFile,
    data: number,
    slot: number,
    fields: FieldList,
    strict: boolean,
  ): EntryDamage | null {
    const { pages, dataHeader } = file;
    const size = file.objectSize(data, objectType.data);
    if (size < dataHeader) return 'field-damaged';
    const length = size - dataHeader;
    const flags = (pages.u32(data) >>> 8) & 7;
    if (length > limits.journalValueBytes || this.total > limits.journalEntryBytes) return 'field-too-large';
    const shared = pages.u64(data + 56) >= sharedBy;
    let payload = pages.bytes(data + dataHeader, length);
    if (flags !== 0) {
      const unpacked = unpack(payload, flags, limits.journalValueBytes);
      if (!unpacked.ok) return unpacked.error === 'damaged' ? 'field-damaged' : 'field-too-large';
      payload = unpacked.value;
    }
    this.total += payload.length;
    jenkins(payload, this.hash);
    const remember = shared && payload.length <= rememberedBytes;
    if ((strict || remember) && !file.verify(data, payload)) return 'field-damaged';
    const known = this.nameOf(payload);
    if (known === null) return 'field-damaged';
    let value: string | Buffer = '';
    if (known.wanted !== null) {
      const from = known.bytes.length + 1;
      value = payload.toString('utf8', from);
      if (value.includes('\ufffd') && !isUtf8(payload.subarray(from))) value = Buffer.from(payload.subarray(from));
      fields.add(known.wanted, value);
    }
    if (remember) {
      this.cachedOffset[slot] = data;
      this.cachedFile[slot] = file.number;
      this.cachedHash[2 * slot] = this.hash.high;
      this.cachedHash[2 * slot + 1] = this.hash.low;
      this.cachedName[slot] = known.wanted;
      this.cachedValue[slot] = value;
    }
    return null;
  }

  /**
   * True when the hashes do not add up only because a field was given twice: systemd counts both, so that they cancel
   * out, and keeps one (journal-file.c, remove_duplicate_entry_items).
   */
  private repeated(count: number, high: number, low: number): boolean {
    const { hashes } = this;
    for (let one = 0; one < count; one++) {
      const [restHigh, restLow] = [high ^ (hashes[2 * one] ?? 0), low ^ (hashes[2 * one + 1] ?? 0)];
      if ((restHigh | restLow) === 0) return true;
      for (let other = one + 1; other < Math.min(count, 64); other++) {
        if (hashes[2 * other] === restHigh && hashes[2 * other + 1] === restLow) return true;
      }
    }
    return false;
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

const sound: readonly EntryDamage[] = [];

function added(damage: readonly EntryDamage[], more: EntryDamage): readonly EntryDamage[] {
  return damage.includes(more) ? damage : [...damage, more];
}
