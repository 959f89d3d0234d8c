import { asTable, at, type TomlDocument, type TomlPath, type TomlTable } from './toml.ts';

/** A value of a configuration that several files make up, with the file and line that set it. */
export type Sourced = SourcedTable | SourcedValue;

/** Anything but a table. */
export interface SourcedValue {
  readonly kind: 'value';
  readonly value: unknown;
  /** `etc/containerd/config.toml:7`. */
  readonly source: string;
  /** For a list, where each of its items stands. */
  readonly itemSources: readonly string[];
}

/** A table; its source is its own header, or what first names it. */
export interface SourcedTable {
  readonly kind: 'table';
  readonly entries: ReadonlyMap<string, Sourced>;
  readonly source: string;
}

/** A table without entries. */
export function emptyTable(source: string): SourcedTable {
  return { kind: 'table', entries: new Map(), source };
}

/** The table at `path` of a parsed file named `file`. */
export function sourcedTable(document: TomlDocument, file: string, path: TomlPath, table: TomlTable): SourcedTable {
  const entries = new Map<string, Sourced>();
  for (const key of Object.keys(table)) {
    const value = at(table, key);
    const below = asTable(value);
    const place = [...path, key];
    if (below !== null) entries.set(key, sourcedTable(document, file, place, below));
    else {
      const items: readonly unknown[] = Array.isArray(value) ? value : [];
      const itemSources = items.map((_, index) => sourceAt(document, file, [...place, index]));
      entries.set(key, { kind: 'value', value, source: sourceAt(document, file, place), itemSources });
    }
  }
  return { kind: 'table', entries, source: sourceAt(document, file, path) };
}

/** `file:line` of a path, or `file` when the document does not name it. */
export function sourceAt(document: TomlDocument, file: string, path: TomlPath): string {
  const line = document.lineOf(path);
  return line === null ? file : `${file}:${line}`;
}

/** The entry of a table that is itself a table, or null. */
export function tableAt(table: SourcedTable | null, ...path: readonly string[]): SourcedTable | null {
  let at: SourcedTable | null = table;
  for (const key of path) {
    const next: Sourced | undefined = at?.entries.get(key);
    at = next?.kind === 'table' ? next : null;
  }
  return at;
}

/** `table` with one entry set. */
export function withEntry(table: SourcedTable, key: string, value: Sourced): SourcedTable {
  return { ...table, entries: new Map([...table.entries, [key, value]]) };
}

/** `later` over `earlier`: tables are merged key by key, everything else (lists too) is replaced. */
export function mergeTables(earlier: SourcedTable, later: SourcedTable): SourcedTable {
  const entries = new Map(earlier.entries);
  for (const [key, value] of later.entries) {
    const old = entries.get(key);
    entries.set(key, old?.kind === 'table' && value.kind === 'table' ? mergeTables(old, value) : value);
  }
  return { kind: 'table', entries, source: later.source };
}

/** `later` over `earlier`: a key of the later one replaces the whole of what stood there. */
export function replaceEntries(earlier: SourcedTable, later: SourcedTable): SourcedTable {
  return { kind: 'table', entries: new Map([...earlier.entries, ...later.entries]), source: later.source };
}
