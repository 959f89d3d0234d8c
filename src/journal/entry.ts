import { formatCursor, type Location } from './cursor.ts';

/** What is wrong with an entry that was read all the same. */
export type EntryDamage =
  /** A field cannot be read, or its bytes are not those that were written. It is left out. */
  | 'field-damaged'
  /** A field is larger than what is read. It is left out. */
  | 'field-too-large'
  /** It has more fields than are read. */
  | 'too-many-fields'
  /** Every field is as it was written, but they were not all written for this entry. */
  | 'fields-mixed';

/** The fields of an entry. A field may have several values, and values may be binary. */
export interface JournalFields {
  /** The first value as text, undefined when there is none. Bytes that are not UTF-8 become U+FFFD. */
  get(name: string): string | undefined;
  /** All values as text. */
  all(name: string): readonly string[];
  /** The first value as it was written. */
  bytes(name: string): Buffer | undefined;
  /** Every name and value in the order of the file; a Buffer where the value is not UTF-8. */
  [Symbol.iterator](): Iterator<readonly [name: string, value: string | Buffer]>;
}

/** One entry, complete in itself: it stays valid when its file is gone. */
export interface JournalEntry {
  /** The standard cursor, as `journalctl --after-cursor` takes it. */
  readonly cursor: string;
  /** Wall clock, microseconds since 1970. */
  readonly realtimeUs: bigint;
  /** Microseconds since the start of the boot. */
  readonly monotonicUs: bigint;
  /** 32 hexadecimal digits. */
  readonly bootId: string;
  readonly fields: JournalFields;
  /** Empty for a sound entry. */
  readonly damage: readonly EntryDamage[];
}

/** Fields in two lists: entries have few, so a search through them beats a map. */
export class FieldList implements JournalFields {
  private readonly names: string[] = [];
  private readonly values: (string | Buffer)[] = [];

  add(name: string, value: string | Buffer): void {
    this.names.push(name);
    this.values.push(value);
  }

  get(name: string): string | undefined {
    const at = this.names.indexOf(name);
    return at < 0 ? undefined : asText(this.values[at]);
  }

  all(name: string): readonly string[] {
    const found: string[] = [];
    for (let at = this.names.indexOf(name); at >= 0; at = this.names.indexOf(name, at + 1)) {
      const text = asText(this.values[at]);
      if (text !== undefined) found.push(text);
    }
    return found;
  }

  bytes(name: string): Buffer | undefined {
    const value = this.values[this.names.indexOf(name)];
    return typeof value === 'string' ? Buffer.from(value) : value;
  }

  *[Symbol.iterator](): Iterator<readonly [name: string, value: string | Buffer]> {
    for (const [at, name] of this.names.entries()) {
      const value = this.values[at];
      if (value !== undefined) yield [name, value];
    }
  }
}

function asText(value: string | Buffer | undefined): string | undefined {
  return typeof value === 'object' ? value.toString('utf8') : value;
}

/** An entry of a file. What costs time to write out is written out when it is asked for. */
export class LocatedEntry implements JournalEntry {
  readonly location: Location;
  readonly fields: FieldList;
  readonly damage: readonly EntryDamage[];

  constructor(location: Location, fields: FieldList, damage: readonly EntryDamage[]) {
    this.location = location;
    this.fields = fields;
    this.damage = damage;
  }

  get cursor(): string {
    return formatCursor(this.location);
  }

  get realtimeUs(): bigint {
    return BigInt(this.location.realtime);
  }

  get monotonicUs(): bigint {
    return BigInt(this.location.monotonic);
  }

  get bootId(): string {
    return this.location.bootId;
  }
}
