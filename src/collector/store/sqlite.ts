import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { makeFolder } from '../../lib/make-folder.ts';
import type { StoreFailure } from '../parts.ts';
import { openLane } from './lane.ts';
import { Again, type Database, type DatabaseNeeds, onConflict, type Sql, tries, type Upsert, wait } from './sql.ts';

/** Pages that are given back to the file system at a time: each is moved, which takes some microseconds. */
const shrinkPages = 128;

/** How long transactions go on before others get a turn, milliseconds. */
const turnMs = 8;

/** Statements that are kept prepared; lists with filters have some tens of forms. */
const mostStatements = 200;

/**
 * SQLite, for one collector. Its calls are synchronous, so each does little; what takes more pauses in between. One
 * transaction runs at a time, and reads come between transactions, never within (lane.ts). Throws what SQLite says.
 * @param path A file, whose folder is made; or `:memory:`.
 */
export function openSqlite(path: string, { env, reads = false }: DatabaseNeeds): Database {
  if (path !== ':memory:' && !reads) makeFolder(dirname(path));
  const db = new DatabaseSync(path, { readOnly: reads });
  try {
    if (reads) db.exec('PRAGMA busy_timeout = 0; PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY');
    else prepareToWrite(db);
  } catch (error) {
    db.close();
    throw error;
  }

  const statements = new Map<string, StatementSync>();
  const prepared = (text: string): StatementSync => {
    const known = statements.get(text);
    if (known !== undefined) return known;
    if (statements.size >= mostStatements) statements.clear();
    const made = db.prepare(text.replace(/\$(\d+)/g, '?$1'));
    statements.set(text, made);
    return made;
  };
  const upserts = new WeakMap<Upsert, StatementSync>();
  const putting = (upsert: Upsert): StatementSync => {
    const known = upserts.get(upsert);
    if (known !== undefined) return known;
    const { table, columns } = upsert;
    const names = columns.map(([name]) => name).join(', ');
    const made = db.prepare(
      `INSERT INTO ${table} (${names}) VALUES (${columns.map(() => '?').join(', ')}) ${onConflict(upsert)}`,
    );
    upserts.set(upsert, made);
    return made;
  };
  const sql: Sql = {
    all: async (text, values = []) => prepared(text).all(...values),
    run: async (text, values = []) => Number(prepared(text).run(...values).changes),
    async put(upsert, rows) {
      const statement = putting(upsert);
      for (const row of rows) statement.run(...row);
    },
  };

  const lane = openLane({
    env,
    turnMs,
    begin: () => db.exec('BEGIN IMMEDIATE'),
    commit: () => db.exec('COMMIT'),
    // SQLite itself rolls back when the disk is full or the file cannot be read.
    rollback: () => {
      if (db.isOpen && db.isTransaction) db.exec('ROLLBACK');
    },
  });
  const alone = lane.read;
  const pragma = (name: string): number => {
    const value: unknown = Object.values(prepared(`PRAGMA ${name}`).get() ?? {})[0];
    return typeof value === 'number' ? value : 0;
  };

  return {
    forUpdate: '',
    types: { bytes: 'BLOB', key: 'TEXT', byKey: 'WITHOUT ROWID' },
    read: {
      all: (text, values) => alone(() => sql.all(text, values)),
      run: (text, values) => alone(() => sql.run(text, values)),
      put: (upsert, rows) => alone(() => sql.put(upsert, rows)),
    },
    async write(work) {
      for (let count = 1; ; count++) {
        try {
          return await lane.write(() => work(sql));
        } catch (error) {
          if (count >= tries.most || !(error instanceof Again || reasonOf(error) === 'busy')) throw error;
          await wait(env, count);
        }
      }
    },
    pause: lane.pause,
    bytes: () => alone(async () => pragma('page_count') * pragma('page_size')),
    liveBytes: () => alone(async () => (pragma('page_count') - pragma('freelist_count')) * pragma('page_size')),
    capacityBytes: () => (path === ':memory:' ? Number.POSITIVE_INFINITY : capacityAt(dirname(path))),
    shrink: () =>
      alone(async () => {
        const free = pragma('freelist_count');
        // Some free pages are kept: they are used again at once.
        if (free <= shrinkPages) return false;
        db.exec(`PRAGMA incremental_vacuum(${shrinkPages})`);
        return true;
      }),
    failureOf: (error) => failureOf(error, path),
    close: () =>
      alone(async () => {
        if (db.isOpen) db.close();
      }),
  };
}

/** Settings of the file, and of a connection that writes. */
function prepareToWrite(db: DatabaseSync): void {
  // Before the first table, or it has no effect: free pages can be given back a part at a time.
  db.exec('PRAGMA auto_vacuum = INCREMENTAL');
  // WAL and NORMAL: a crash of the machine may cost the last moments, never the file (sqlite.org/wal.html). Agents
  // keep what was not acknowledged, and what was lost of the rest are looks that come again with the next round.
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -32768');
  // Another process that writes (a backup, a shell) is waited for in `write`, where that does not stop everything.
  db.exec('PRAGMA busy_timeout = 0; PRAGMA journal_size_limit = 67108864; PRAGMA temp_store = MEMORY');
  // What is in the journal goes to the file when it has 8 MiB and not 4: a page that is written again and again, as those of
  // a storm are, goes there half as often. With more of it the transaction that has its turn then takes tens of milliseconds.
  db.exec('PRAGMA wal_autocheckpoint = 2048');
}

/** The journal, which grows while the disk is slow, and is no part of what the file holds. */
const journalBytes = 64 * 1024 * 1024;

/** Of the disk's own size, for what comes between two rounds of the retention. What else lies on it is not looked at. */
const usedShare = 0.8;

/** A full disk lets nothing be dropped either: the file must not fill it, however much may be kept. */
function capacityAt(folder: string): number {
  try {
    const { blocks, bsize } = statfsSync(folder);
    // Some file systems have no size.
    return blocks > 0
      ? Math.max(journalBytes / 8, usedShare * blocks * bsize - journalBytes)
      : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** What SQLite's own number means (sqlite.org/rescode.html); null when it is no error of SQLite. */
function reasonOf(error: unknown): StoreFailure['reason'] | null {
  if (!(error instanceof Error) || !('code' in error)) return null;
  // Node's own words for a database that is closed.
  if (error.code === 'ERR_INVALID_STATE') return 'gone';
  if (error.code !== 'ERR_SQLITE_ERROR') return fileCodes.has(String(error.code)) ? 'other' : null;
  const code = 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : 0;
  if (code === 13) return 'full';
  if (code === 5 || code === 6) return 'busy';
  return code === 11 || code === 26 ? 'damaged' : 'other';
}

/** Of the folder, when it cannot be made. */
const fileCodes: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOTDIR', 'EEXIST', 'ENOSPC']);

/** What a thrown error means, with what to do. */
export function failureOf(error: unknown, path: string): StoreFailure | null {
  if (error instanceof Again) return { reason: 'busy', message: `${path} is changed by others without end.` };
  const reason = reasonOf(error);
  if (reason === null) return null;
  const said = error instanceof Error ? error.message : String(error);
  switch (reason) {
    case 'full':
      return {
        reason,
        message: `The disk of ${path} is full: free some of it, and keep retention.maxBytes well below what it holds.`,
      };
    case 'busy':
      return { reason, message: `${path} is locked by another process; SQLite is for one collector (${said}).` };
    case 'gone':
      return { reason, message: `${path} is closed.` };
    case 'damaged':
      return {
        reason,
        message: `${path} is damaged or no SQLite database (${said}): stop the collector, put the file aside or a backup in its place, and start again.`,
      };
    case 'other':
      return {
        reason,
        message: `${path} cannot be used (${said}): is it, with its folder, writable for the collector?`,
      };
  }
}
