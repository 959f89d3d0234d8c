import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { RecordKind } from '../../api/records.ts';
import { openTables, type Tables } from '../state/tables.ts';

/** A record that waits, as it lies in the table. */
export interface SpoolRow {
  readonly kind: RecordKind;
  /** Records of one subject and kind replace each other while they have no number; null: each stands for itself. */
  readonly subject: string | null;
  /** The stream that it was numbered in, with its number; null: it has not been sent yet. */
  readonly stream: string | null;
  readonly seq: number | null;
  /** When it came in, by the spool's own clock. */
  readonly keptAt: number;
  /** Characters of the record as JSON. */
  readonly size: number;
  /** What it takes on the disk, about. */
  readonly cost: number;
  /** JSON without `seq`, as text, or compressed where that is worth it. */
  readonly document: string | Uint8Array;
}

/** A row that was given its number. */
export interface NumberedRow {
  readonly stream: string;
  readonly seq: number;
  readonly kind: RecordKind;
  readonly size: number;
  readonly document: string | Uint8Array;
}

/** Rows of one kind. */
export interface KindSum {
  readonly kind: RecordKind;
  readonly rows: number;
  readonly cost: number;
}

/** The spool's table, and each statement once. */
export interface SpoolDatabase extends Tables {
  readonly insert: (row: SpoolRow) => void;
  /** Drops what has no number yet of this kind and subject. */
  readonly supersede: (kind: RecordKind, subject: string) => readonly KindSum[];
  /** Rows that have a number, those of the stream that was begun first, in order. */
  readonly numbered: (mostRows: number, mostChars: number) => readonly NumberedRow[];
  /** Gives numbers to rows without one, in order of `kinds` and then of their coming. */
  readonly number: (
    stream: string,
    next: () => number,
    kinds: readonly RecordKind[],
    most: { readonly rows: number; readonly chars: number },
  ) => readonly NumberedRow[];
  readonly delete: (stream: string, seq: number) => KindSum | null;
  /** Drops the oldest of a kind but those that `keep` wants, until `enough` says so. */
  readonly deleteOldest: (
    kind: RecordKind,
    keep: (stream: string | null, seq: number | null) => boolean,
    enough: (cost: number) => boolean,
  ) => void;
  /** The same for all that came in before then. */
  readonly deleteBefore: (
    keptAt: number,
    keep: (stream: string | null, seq: number | null) => boolean,
    dropped: (kind: RecordKind, cost: number) => void,
  ) => void;
  /** Drops a whole kind, or all. */
  readonly clear: (but: RecordKind | null) => void;
  readonly all: (kind: RecordKind) => Iterable<SpoolRow>;
  readonly sums: () => readonly KindSum[];
  /** Gives free pages back to the file system, some at a time. */
  readonly shrink: () => void;
}

/** The tables' version; another one is another program's, or a later one's. */
const version = 1;

/** A page of SQLite; what is longer than most of one has pages of its own. */
const pageBytes = 4096;
const rowBytes = 100;

/** Texts that are longer are compressed: an investigation of 40 KiB becomes 5. */
const plainChars = 2048;

/** A record is bounded long before; what is larger was not written here. */
const mostUnpacked = 16 * 1024 * 1024;

/** The document of a row, and what it takes. */
export function packed(text: string): Pick<SpoolRow, 'size' | 'cost' | 'document'> {
  const document = text.length > plainChars ? zstdCompressSync(text) : text;
  const bytes = typeof document === 'string' ? Buffer.byteLength(document) : document.length;
  const cost = bytes < pageBytes / 4 ? bytes + rowBytes : Math.ceil((bytes + rowBytes) / pageBytes) * pageBytes;
  return { size: text.length, cost, document };
}

/** The text of a row. */
export function unpacked(document: string | Uint8Array): string {
  return typeof document === 'string'
    ? document
    : zstdDecompressSync(document, { maxOutputLength: mostUnpacked }).toString('utf8');
}

// Free pages are given back (sqlite.org/pragma.html#pragma_auto_vacuum). The journal is kept short, for it is not counted.
const pragmas =
  'PRAGMA auto_vacuum = INCREMENTAL; PRAGMA cache_size = -128; PRAGMA wal_autocheckpoint = 128; PRAGMA journal_size_limit = 1048576';

const schema = `
  CREATE TABLE IF NOT EXISTS records (
    id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, subject TEXT, stream TEXT, seq INTEGER,
    kept_at REAL NOT NULL, size INTEGER NOT NULL, cost INTEGER NOT NULL, document BLOB NOT NULL
  );
  CREATE INDEX IF NOT EXISTS records_kind ON records (kind, id);
  CREATE INDEX IF NOT EXISTS records_stream ON records (stream, seq) WHERE stream IS NOT NULL;
  CREATE INDEX IF NOT EXISTS records_subject ON records (kind, subject) WHERE subject IS NOT NULL AND stream IS NULL;
  PRAGMA user_version = ${version};
`;

/** Opens or makes the tables. */
export function openSpoolDatabase(path: string): SpoolDatabase {
  return openTables(path, { pragmas, schema }, prepare);
}

function prepare(db: DatabaseSync, tables: Tables): SpoolDatabase {
  const insert = db.prepare(
    'INSERT INTO records (kind, subject, stream, seq, kept_at, size, cost, document) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const ofSubject = db.prepare(
    'DELETE FROM records WHERE kind = ? AND subject = ? AND stream IS NULL RETURNING kind, cost',
  );
  const firstStream = db.prepare('SELECT stream FROM records WHERE stream IS NOT NULL ORDER BY id LIMIT 1');
  const ofStream = db.prepare('SELECT stream, seq, kind, size, document FROM records WHERE stream = ? ORDER BY seq');
  const fresh = db.prepare(
    'SELECT id, kind, size, document FROM records WHERE kind = ? AND stream IS NULL ORDER BY id',
  );
  const number = db.prepare('UPDATE records SET stream = ?, seq = ? WHERE id = ?');
  const remove = db.prepare('DELETE FROM records WHERE stream = ? AND seq = ? RETURNING kind, cost');
  const oldest = db.prepare('SELECT id, stream, seq, cost FROM records WHERE kind = ? ORDER BY id');
  const before = db.prepare('SELECT id, kind, stream, seq, cost FROM records WHERE kept_at < ? ORDER BY id');
  const removeId = db.prepare('DELETE FROM records WHERE id = ?');
  const all = db.prepare('SELECT * FROM records WHERE kind = ? ORDER BY id');
  const sums = db.prepare('SELECT kind, count(*) AS rows, sum(cost) AS cost FROM records GROUP BY kind');

  return {
    ...tables,
    insert: ({ kind, subject, stream, seq, keptAt, size, cost, document }) =>
      void insert.run(kind, subject, stream, seq, keptAt, size, cost, document),
    supersede: (kind, subject) => ofSubject.all(kind, subject).flatMap(sumOf),
    numbered(mostRows, mostChars) {
      const stream = firstStream.get()?.stream;
      if (typeof stream !== 'string') return [];
      const rows: NumberedRow[] = [];
      let chars = 0;
      for (const row of ofStream.iterate(stream)) {
        const read = numberedOf(row);
        if (read === null) continue;
        if (rows.length > 0 && (rows.length >= mostRows || chars + read.size > mostChars)) break;
        rows.push(read);
        chars += read.size;
      }
      return rows;
    },
    number(stream, next, kinds, most) {
      const rows: { readonly id: SQLInputValue; readonly row: NumberedRow }[] = [];
      let chars = 0;
      let full = false;
      for (const kind of kinds) {
        if (full) break;
        for (const found of fresh.iterate(kind)) {
          const size = numberOf(found.size);
          full = rows.length > 0 && (rows.length >= most.rows || chars + size > most.chars);
          if (full) break;
          const document = documentOf(found.document);
          rows.push({ id: found.id ?? null, row: { stream, seq: next(), kind, size, document } });
          chars += size;
        }
      }
      for (const { id, row } of rows) number.run(row.stream, row.seq, id);
      return rows.map(({ row }) => row);
    },
    delete: (stream, seq) => remove.all(stream, seq).flatMap(sumOf)[0] ?? null,
    deleteOldest(kind, keep, enough) {
      const ids: SQLInputValue[] = [];
      for (const row of oldest.iterate(kind)) {
        if (keep(textOf(row.stream), intOf(row.seq))) continue;
        ids.push(row.id ?? null);
        if (enough(numberOf(row.cost))) break;
      }
      for (const id of ids) removeId.run(id);
    },
    deleteBefore(keptAt, keep, dropped) {
      const ids: SQLInputValue[] = [];
      for (const row of before.iterate(keptAt)) {
        const kind = kindOf(row.kind);
        if (kind === null || keep(textOf(row.stream), intOf(row.seq))) continue;
        ids.push(row.id ?? null);
        dropped(kind, numberOf(row.cost));
      }
      for (const id of ids) removeId.run(id);
    },
    clear: (but) => {
      if (but === null) db.exec('DELETE FROM records');
      else db.prepare('DELETE FROM records WHERE kind <> ?').run(but);
    },
    *all(kind) {
      for (const row of all.iterate(kind)) {
        yield {
          kind,
          subject: textOf(row.subject),
          stream: textOf(row.stream),
          seq: intOf(row.seq),
          keptAt: numberOf(row.kept_at),
          size: numberOf(row.size),
          cost: numberOf(row.cost),
          document: documentOf(row.document),
        };
      }
    },
    sums: () =>
      sums.all().flatMap(({ kind, rows, cost }) => {
        const known = kindOf(kind);
        return known === null ? [] : [{ kind: known, rows: numberOf(rows), cost: numberOf(cost) }];
      }),
    shrink: () => db.exec('PRAGMA incremental_vacuum(256)'),
  };
}

/** The kinds, the least important first: in this order they are dropped. */
export const kindsByWorth = [
  'health',
  'heartbeat',
  'node',
  'investigation',
  'incident',
] as const satisfies readonly RecordKind[];

function kindOf(value: unknown): RecordKind | null {
  return kindsByWorth.find((kind) => kind === value) ?? null;
}

function sumOf({ kind, cost }: Readonly<Record<string, unknown>>): KindSum[] {
  const known = kindOf(kind);
  return known === null ? [] : [{ kind: known, rows: 1, cost: numberOf(cost) }];
}

function numberedOf(row: Readonly<Record<string, unknown>>): NumberedRow | null {
  const [kind, stream, seq] = [kindOf(row.kind), textOf(row.stream), intOf(row.seq)];
  if (kind === null || stream === null || seq === null) return null;
  return { kind, stream, seq, size: numberOf(row.size), document: documentOf(row.document) };
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function intOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

function documentOf(value: unknown): string | Uint8Array {
  return typeof value === 'string' || value instanceof Uint8Array ? value : '{}';
}
