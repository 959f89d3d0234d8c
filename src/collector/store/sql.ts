import type { Env } from '../../lib/env.ts';
import type { Log } from '../../lib/log.ts';
import { fail, ok, type Result } from '../../lib/result.ts';
import type { StoreFailure } from '../parts.ts';

/** What a statement takes. Versions are `bigint`: they pass what a `number` holds exactly. */
export type Value = string | number | bigint | null | Uint8Array;

/** One row; its members are checked where they are read (rows.ts). */
export type Row = Readonly<Record<string, unknown>>;

/** Kinds of columns that rows are put into. */
export type ColumnType = 'text' | 'int' | 'real' | 'bytes';

/** How rows are put into one table, where some may be there already. */
export interface Upsert {
  readonly table: string;
  readonly columns: readonly (readonly [name: string, type: ColumnType])[];
  /** The primary key. */
  readonly key: readonly string[];
  /** `newest`: only where its `version` is higher; `replace`: always; `keep`: what is there stays. */
  readonly when: 'newest' | 'replace' | 'keep';
}

/** Statements of one transaction, or of none. Placeholders are `$1`, `$2`, … Whatever fails is thrown, and told apart by `Database.failureOf`. */
export interface Sql {
  readonly all: (text: string, values?: readonly Value[]) => Promise<readonly Row[]>;
  /** How many rows it changed. */
  readonly run: (text: string, values?: readonly Value[]) => Promise<number>;
  /** Puts rows, no two of which have the same key. */
  readonly put: (upsert: Upsert, rows: readonly (readonly Value[])[]) => Promise<void>;
}

/** One of the two databases. */
export interface Database {
  /** What a `SELECT` ends with that keeps others from changing its rows until the transaction ends. */
  readonly forUpdate: string;
  /** What stands for column types, and for rows in the order of their key, in a migration's text. */
  readonly types: { readonly bytes: string; readonly key: string; readonly byKey: string };
  /** Statements outside of a transaction. */
  readonly read: Sql;
  /** Runs `work` in one transaction; from its start again, some times, when others were in its way. */
  readonly write: <T>(work: (sql: Sql) => Promise<T>) => Promise<T>;
  /** Between parts of long work: others come first. */
  readonly pause: () => Promise<void>;
  /** Bytes that it takes where it lies. */
  readonly bytes: () => Promise<number>;
  /** Bytes of what is in it, which fall as rows go; cheap enough for each slice of the retention. */
  readonly liveBytes: () => Promise<number>;
  /** What it may hold where it lies, whatever the settings say; infinite where that is not known. */
  readonly capacityBytes: () => number;
  /** Gives freed space back, a part at a time; false when nothing is left to do. */
  readonly shrink: () => Promise<boolean>;
  /** What a thrown error means; null: it is none of the database's, but a defect. */
  readonly failureOf: (error: unknown) => StoreFailure | null;
  readonly close: () => Promise<void>;
}

/** What a database is opened with. */
export interface DatabaseNeeds {
  readonly env: Env;
  readonly log: Log;
  /** It is only read, beside whoever writes; its tables are there. */
  readonly reads?: boolean;
}

/** Thrown within a transaction: what was read is no longer so, the work starts again. */
export class Again extends Error {
  override readonly name = 'Again';
}

/** Thrown within the store's work, and given to the caller as a value. */
export class Trouble extends Error {
  override readonly name = 'Trouble';
  readonly failure: StoreFailure;

  constructor(failure: StoreFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** How often one transaction is begun, and the most that is waited between two tries, milliseconds. */
export const tries = { most: 8, waitMs: 100 } as const;

/** Runs work on the database; what fails there is a value. */
export async function attempt<T>(database: Database, work: () => Promise<T>): Promise<Result<T, StoreFailure>> {
  try {
    return ok(await work());
  } catch (error) {
    const failure = error instanceof Trouble ? error.failure : database.failureOf(error);
    if (failure === null) throw error;
    return fail(failure);
  }
}

/** A wait before the `count`th try: at random below a growing bound, so that two do not meet again. */
export function wait(env: Env, count: number): Promise<void> {
  const ms = env.random() * Math.min(tries.waitMs, 2 ** count * 5);
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** The text behind `INSERT INTO t (…) <rows>`. */
export function onConflict({ table, columns, key, when }: Upsert): string {
  if (when === 'keep') return `ON CONFLICT (${key.join(', ')}) DO NOTHING`;
  const set = columns.flatMap(([name]) => (key.includes(name) ? [] : [`${name} = excluded.${name}`])).join(', ');
  const newer = when === 'newest' ? ` WHERE excluded.version > ${table}.version` : '';
  return `ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${set}${newer}`;
}
