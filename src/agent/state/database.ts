import { DatabaseSync } from 'node:sqlite';

/** The agent's tables, and each statement once. Every call may throw what SQLite says: the disk is full, the file damaged. */
export interface Database {
  readonly transaction: (work: () => void) => void;
  readonly getMeta: (key: string) => string | null;
  readonly putMeta: (key: string, value: string) => void;
  readonly listIncidents: () => readonly string[];
  readonly putIncident: (id: string, state: 'open' | 'over', endedAt: number | null, document: string) => void;
  readonly clearOpen: () => void;
  /** Keeps the newest `most` of those that are over. */
  readonly trimIncidents: (most: number) => void;
  /** Puts one, and drops the oldest beyond `most`. */
  readonly putInvestigation: (id: string, image: string, at: number, document: Uint8Array, most: number) => void;
  readonly getInvestigation: (id: string) => Uint8Array | null;
  /** Newest first. */
  readonly listInvestigations: (image: string | null, since: number, limit: number) => readonly Uint8Array[];
  readonly close: () => void;
}

/** The tables' version; another one is another program's, or a later one's. */
const version = 1;

/** Opens or makes the tables. The cache is small: a node's state is, too. */
export function openDatabase(path: string): Database {
  const db = new DatabaseSync(path);
  try {
    return prepare(db);
  } catch (error) {
    db.close();
    throw error;
  }
}

function prepare(db: DatabaseSync): Database {
  // WAL and NORMAL: a crash of the machine may cost the last second, never the file (sqlite.org/wal.html).
  db.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -256; PRAGMA busy_timeout = 1000',
  );
  db.exec(`
    CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS incidents (id TEXT PRIMARY KEY, state TEXT NOT NULL, ended_at REAL, document TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS investigations (id TEXT PRIMARY KEY, image TEXT NOT NULL, at REAL NOT NULL, document BLOB NOT NULL);
    CREATE INDEX IF NOT EXISTS investigations_at ON investigations (at);
    PRAGMA user_version = ${version};
  `);
  const getMeta = db.prepare('SELECT value FROM meta WHERE key = ?');
  const putMeta = db.prepare('INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value');
  const listIncidents = db.prepare('SELECT document FROM incidents ORDER BY ended_at');
  const putIncident = db.prepare('INSERT OR REPLACE INTO incidents VALUES (?, ?, ?, ?)');
  const trimIncidents = db.prepare(
    "DELETE FROM incidents WHERE state = 'over' AND id NOT IN (SELECT id FROM incidents WHERE state = 'over' ORDER BY ended_at DESC LIMIT ?)",
  );
  const putInvestigation = db.prepare('INSERT OR REPLACE INTO investigations VALUES (?, ?, ?, ?)');
  const trimInvestigations = db.prepare(
    'DELETE FROM investigations WHERE id IN (SELECT id FROM investigations ORDER BY at DESC LIMIT -1 OFFSET ?)',
  );
  const getInvestigation = db.prepare('SELECT document FROM investigations WHERE id = ?');
  const listAll = db.prepare('SELECT document FROM investigations WHERE at >= ? ORDER BY at DESC LIMIT ?');
  const listOf = db.prepare('SELECT document FROM investigations WHERE at >= ? AND image = ? ORDER BY at DESC LIMIT ?');
  return {
    transaction(work) {
      db.exec('BEGIN');
      try {
        work();
        db.exec('COMMIT');
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK');
        throw error;
      }
    },
    getMeta: (key) => textOf(getMeta.get(key)?.value),
    putMeta: (key, value) => void putMeta.run(key, value),
    listIncidents: () =>
      listIncidents.all().flatMap(({ document }) => (typeof document === 'string' ? [document] : [])),
    putIncident: (id, state, endedAt, document) => void putIncident.run(id, state, endedAt, document),
    clearOpen: () => db.exec("DELETE FROM incidents WHERE state = 'open'"),
    trimIncidents: (most) => void trimIncidents.run(most),
    putInvestigation(id, image, at, document, most) {
      putInvestigation.run(id, image, at, document);
      trimInvestigations.run(most);
    },
    getInvestigation: (id) => bytesOf(getInvestigation.get(id)?.document),
    listInvestigations: (image, since, limit) =>
      (image === null ? listAll.all(since, limit) : listOf.all(since, image, limit)).flatMap(({ document }) => {
        const bytes = bytesOf(document);
        return bytes === null ? [] : [bytes];
      }),
    close: () => db.close(),
  };
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function bytesOf(value: unknown): Uint8Array | null {
  return value instanceof Uint8Array ? value : null;
}
