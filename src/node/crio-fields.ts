import { isTable, type TomlDocument, type TomlPath } from './toml.ts';

/**
 * Reads fields out of a parsed TOML file the way the decoder of CRI-O and containers/image does (BurntSushi/toml,
 * decode.go): a key matches exactly, else without regard to case; an unknown key is skipped in silence; a value of
 * another type than the field's is an error, and the first error makes the whole file unusable.
 */

/** What is needed of a parsed file. */
export type TomlText = Pick<TomlDocument, 'value' | 'lineOf'>;

/** The thing that makes a file unusable. */
export interface FieldError {
  readonly line: number | null;
  /** What is wrong, as the rest of a sentence that begins with the file's name: `"insecure" is a string, not a boolean`. */
  readonly message: string;
}

/** A value with the line that sets it. */
export interface Field<T> {
  readonly value: T;
  readonly line: number | null;
}

/** One table of the file. Every getter gives null for an absent key; a wrong type goes to `errors`. */
export class FieldTable {
  /** Shared by all tables of one file; the first entry is what the runtime would report. */
  readonly errors: FieldError[];
  readonly path: TomlPath;
  readonly #document: TomlText;
  readonly #values: ReadonlyMap<string, unknown>;

  constructor(document: TomlText, path: TomlPath, value: unknown, errors: FieldError[]) {
    this.#document = document;
    this.path = path;
    this.errors = errors;
    this.#values = new Map(isTable(value) ? Object.entries(value) : []);
  }

  /** The keys as written. */
  get keys(): readonly string[] {
    return [...this.#values.keys()];
  }

  /** The line of this table itself. */
  get line(): number | null {
    return this.#document.lineOf(this.path);
  }

  /** The line of one key. */
  lineOf(key: string): number | null {
    const written = this.#find(key);
    return written === null ? null : this.#document.lineOf([...this.path, written]);
  }

  string(key: string): Field<string> | null {
    return this.#typed(key, 'a string', (value) => (typeof value === 'string' ? value : null));
  }

  boolean(key: string): Field<boolean> | null {
    return this.#typed(key, 'a boolean', (value) => (typeof value === 'boolean' ? value : null));
  }

  /** A list of strings; an empty list is a value, not an absence (a drop-in empties a list with it). */
  strings(key: string): Field<readonly string[]> | null {
    return this.#typed(key, 'a list of strings', (value) =>
      Array.isArray(value) && value.every((entry): entry is string => typeof entry === 'string') ? value : null,
    );
  }

  /** A string or a number, for durations: `"10s"`, or nanoseconds. */
  duration(key: string): Field<string | number> | null {
    return this.#typed(key, 'a duration such as "10s"', (value) => {
      if (typeof value === 'bigint') return Number(value);
      return typeof value === 'string' || (typeof value === 'number' && Number.isInteger(value)) ? value : null;
    });
  }

  /** A table; an empty one when the key is absent, so that reading goes on. */
  table(key: string): FieldTable {
    const written = this.#find(key);
    const found = this.#typed(key, 'a table', (value) => (isTable(value) ? value : null));
    return new FieldTable(this.#document, [...this.path, written ?? key], found?.value, this.errors);
  }

  /** The tables of an array of tables (`[[registry]]`); null when the key is absent. */
  tables(key: string): readonly FieldTable[] | null {
    const written = this.#find(key) ?? key;
    const found = this.#typed(
      key,
      `a list of tables (written [[${[...this.path.filter(isName), key].join('.')}]])`,
      (value) => (Array.isArray(value) && value.every(isTable) ? value : null),
    );
    if (found === null) return null;
    return found.value.map(
      (entry, index) => new FieldTable(this.#document, [...this.path, written, index], entry, this.errors),
    );
  }

  /** Every entry of a table of strings (`[aliases]`), with its line. */
  entries(): readonly (Field<string> & { readonly key: string })[] {
    const all: (Field<string> & { readonly key: string })[] = [];
    for (const key of this.keys) {
      const field = this.string(key);
      if (field !== null) all.push({ key, ...field });
    }
    return all;
  }

  #find(key: string): string | null {
    if (this.#values.has(key)) return key;
    for (const written of this.#values.keys()) if (written.toLowerCase() === key.toLowerCase()) return written;
    return null;
  }

  #typed<T>(key: string, type: string, read: (value: unknown) => T | null): Field<T> | null {
    const written = this.#find(key);
    if (written === null) return null;
    const value = this.#values.get(written);
    const line = this.#document.lineOf([...this.path, written]);
    const typed = read(value);
    if (typed !== null) return { value: typed, line };
    this.errors.push({ line, message: `"${written}" is ${typeName(value)}, not ${type}` });
    return null;
  }
}

/** The top table of a file. */
export function rootTable(document: TomlText): FieldTable {
  return new FieldTable(document, [], document.value, []);
}

/** `file` with its line, as problems and documents show places. */
export function at(file: string, line: number | null): string {
  return line === null ? file : `${file}:${line}`;
}

function isName(part: string | number): part is string {
  return typeof part === 'string';
}

function typeName(value: unknown): string {
  if (typeof value === 'string') return 'a string';
  if (typeof value === 'boolean') return 'a boolean';
  if (typeof value === 'number' || typeof value === 'bigint') return 'a number';
  if (Array.isArray(value)) return value.length > 0 && value.every(isTable) ? 'a list of tables' : 'a list';
  return value instanceof Date ? 'a date' : 'a table';
}
