import { DatabaseSync } from 'node:sqlite';

/** What each database of the agent has beside its own tables. Every call may throw what SQLite says: the disk is full, the file damaged. */
export interface Tables {
  readonly transaction: <T>(work: () => T) => T;
  readonly getMeta: (key: string) => string | null;
  readonly putMeta: (key: string, value: string) => void;
  readonly close: () => void;
}

/** How the tables are opened. */
export interface TablesNeeds {
  /** Settings of SQLite for this database. */
  readonly pragmas: string;
  /** Makes its own tables where they are not there yet. */
  readonly schema: string;
}

/** Opens or makes a database; `prepare` makes its statements. Where anything of that throws, nothing stays open. */
export function openTables<T extends Tables>(
  path: string,
  { pragmas, schema }: TablesNeeds,
  prepare: (db: DatabaseSync, tables: Tables) => T,
): T {
  const db = new DatabaseSync(path);
  try {
    // Before the journal begins the file: auto_vacuum has no effect then (sqlite.org/pragma.html#pragma_auto_vacuum).
    db.exec(pragmas);
    // WAL and NORMAL: a crash of the machine may cost the last second, never the file (sqlite.org/wal.html).
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 1000');
    db.exec('CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID');
    db.exec(schema);
    return prepare(db, tablesOf(db));
  } catch (error) {
    db.close();
    throw error;
  }
}

function tablesOf(db: DatabaseSync): Tables {
  const getMeta = db.prepare('SELECT value FROM meta WHERE key = ?');
  const putMeta = db.prepare('INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value');
  return {
    transaction(work) {
      db.exec('BEGIN IMMEDIATE');
      try {
        const value = work();
        db.exec('COMMIT');
        return value;
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK');
        throw error;
      }
    },
    getMeta(key) {
      const value = getMeta.get(key)?.value;
      return typeof value === 'string' ? value : null;
    },
    putMeta: (key, value) => void putMeta.run(key, value),
    close: () => db.close(),
  };
}
