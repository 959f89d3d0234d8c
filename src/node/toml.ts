import { parse, TomlError } from 'smol-toml';
import { fail, ok, type Result } from '../lib/result.ts';
import { positionsOf, type TomlHeader, type TomlNovelty, type TomlPath } from './toml-positions.ts';

export type { TomlHeader, TomlNovelty, TomlPath } from './toml-positions.ts';

/** A TOML table as foreign data: what stands under a key is unknown until checked. */
export type TomlTable = Readonly<Record<string, unknown>>;

/** A document that parses. */
export interface TomlDocument {
  readonly value: TomlTable;
  /**
   * The line (from 1) on which a key or table is first named, or its own `[header]` when it has one. An element of an
   * array is named by its index: `['registry', 0, 'location']`. Null when the document does not name the path.
   */
  lineOf(path: TomlPath): number | null;
  /** Every `[header]` and `[[header]]` in file order. */
  readonly headers: readonly TomlHeader[];
  /** Uses of TOML 1.1, which Go's parsers refuse (see `parseToml`), in file order. */
  readonly novelties: readonly TomlNovelty[];
  /** True when the file begins with a byte order mark; go-toml v2 does not take it. */
  readonly byteOrderMark: boolean;
}

/** Why and where a document does not parse. The message holds no text of the file, which may carry passwords. */
export interface TomlFailure {
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  readonly message: string;
  /** `etc/containerd/config.toml:3`. */
  readonly source: string;
}

/**
 * Parses TOML and remembers where each key stands. `source` is the file's name for messages.
 *
 * The runtimes parse with other libraries: containerd 1.x with pelletier/go-toml v1.9.5, containerd 2.x with go-toml
 * v2.2 and v2.3, CRI-O (containers/image) with BurntSushi/toml. smol-toml reads TOML 1.1 and is laxer than these
 * where users meet it: a comma before the `}` of an inline table and the escapes `\e` and `\x41` are errors to
 * go-toml v1 and v2, a line break inside an inline table to v2 only (Debian builds containerd 2.1.9 with a go-toml that
 * takes all three). Such places are in `novelties`, for the reader of each file to judge by the runtime's version. A
 * time without seconds is not looked for. A byte order mark is an error to go-toml v2 alone. All agree on duplicate
 * keys and tables, on bare keys with other characters than `A-Za-z0-9_-` and on CRLF.
 */
export function parseToml(text: string, source: string): Result<TomlDocument, TomlFailure> {
  const byteOrderMark = text.startsWith('\u{FEFF}');
  const body = byteOrderMark ? text.slice(1) : text;
  try {
    const value = parse(body, { integersAsBigInt: 'asNeeded' });
    const { lines, headers, novelties } = positionsOf(body, unquoteKey);
    return ok({ value, headers, novelties, byteOrderMark, lineOf: (path) => lines.get(JSON.stringify(path)) ?? null });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const message = (error.message.split('\n', 1)[0] ?? '').replace(/^Invalid TOML document: /, '');
    const { line, column } = withinText(body, error);
    return fail({ line, column, message, source: `${source}:${line}` });
  }
}

/** What is missing at the end of the file is missing behind its last line with text: an editor shows no line after it. */
function withinText(body: string, { line, column }: TomlError): { readonly line: number; readonly column: number } {
  const lines = body.trimEnd().split('\n');
  return line <= lines.length ? { line, column } : { line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
}

/** `value` as a table, or null when it is anything else (a date is an object too, and no table). */
export function asTable(value: unknown): TomlTable | null {
  return isTable(value) ? value : null;
}

/** The value of an own key; a key like `constructor` that the file does not set is undefined. */
export function at(table: TomlTable | null, key: string): unknown {
  return table !== null && Object.hasOwn(table, key) ? table[key] : undefined;
}

/** `value` as a list of strings, or null when it is not an array or holds anything else. */
export function asStrings(value: unknown): readonly string[] | null {
  if (!Array.isArray(value)) return null;
  const items: unknown[] = value;
  return items.every((item) => typeof item === 'string') ? items : null;
}

/** True for a table; false for arrays, times and null. */
export function isTable(value: unknown): value is TomlTable {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** A quoted key's meaning, by the library itself, so that there is one reading of escapes. */
function unquoteKey(quoted: string): string {
  return Object.keys(parse(`${quoted} = 0`))[0] ?? '';
}
