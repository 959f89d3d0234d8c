import type { JournalFile } from './file.ts';

/** Entries that have one of `values` in `field`. Several of these are all to be met. */
export interface Match {
  readonly field: string;
  readonly values: readonly string[];
}

interface Value {
  readonly payload: Buffer;
  /** Where its data object lies; 0 while the file has none. */
  data: number;
}

interface Wanted {
  readonly field: Buffer;
  readonly values: readonly Value[];
  /** The field's own object, 0 while there is none. */
  fieldObject: number;
  /** The newest of its data objects when values were looked for, and of which version of the file this was. */
  newest: number;
  version: number;
  /** All that is as old as `newest` was looked for in a later version. */
  settled: boolean;
}

/**
 * Where the values of matches lie in one file. An object stays where it was written, so each is looked for until it is
 * found, and one that is missing only when its field has got new values: the journal of a node without k3s is not asked
 * for it with each line.
 *
 * What is read of one version comes at several times, for pages make room and are read anew while the writer goes on: the
 * field may have a value already that the hash table, read before, has not. The next version is read after that, and has.
 */
export class WantedData {
  private readonly file: JournalFile;
  private readonly wanted: readonly Wanted[];
  private generation: number;

  constructor(file: JournalFile, matches: readonly Match[]) {
    this.file = file;
    this.generation = file.generation;
    this.wanted = matches.map(({ field, values }) => ({
      field: Buffer.from(field),
      values: values.map((value) => ({ payload: Buffer.from(`${field}=${value}`), data: 0 })),
      fieldObject: 0,
      newest: 0,
      version: -1,
      settled: false,
    }));
  }

  /** For each match the data objects of its values as the file has them now; 0 for those that it does not have. */
  offsets(): readonly (readonly number[])[] {
    if (this.generation !== this.file.generation) this.forget();
    for (const one of this.wanted) this.look(one);
    return this.wanted.map(({ values }) => values.map(({ data }) => data));
  }

  private look(one: Wanted): void {
    if (one.values.every(({ data }) => data !== 0)) return;
    const { file } = this;
    if (one.fieldObject === 0) one.fieldObject = file.findField(one.field);
    const newest = file.newestDataOf(one.fieldObject);
    // A field that cannot be found may be damaged: then its values say nothing of what is missing.
    const same = newest !== 0 && newest === one.newest;
    if (same && one.settled) return;
    one.settled = same && one.version !== file.version;
    one.newest = newest;
    one.version = file.version;
    for (const value of one.values) if (value.data === 0) value.data = file.findData(value.payload);
  }

  /** The file holds another journal now. */
  private forget(): void {
    this.generation = this.file.generation;
    for (const one of this.wanted) {
      one.fieldObject = 0;
      one.newest = 0;
      one.version = -1;
      one.settled = false;
      for (const value of one.values) value.data = 0;
    }
  }
}
