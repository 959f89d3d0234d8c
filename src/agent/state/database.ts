import type { DatabaseSync } from 'node:sqlite';
import { openTables, type Tables } from './tables.ts';

/** The agent's tables, and each statement once. */
export interface Database extends Tables {
  readonly listIncidents: () => readonly string[];
  readonly putIncident: (id: string, state: 'open' | 'over', endedAt: number | null, document: string) => void;
  readonly clearOpen: () => void;
  /** The last times of schedules, by their names. */
  readonly listTimes: () => readonly (readonly [name: string, at: number])[];
  readonly putTime: (name: string, at: number) => void;
  /** Keeps the newest `most` of those that are over. */
  readonly trimIncidents: (most: number) => void;
  /** Puts one, and drops the oldest beyond `most`. */
  readonly putInvestigation: (id: string, image: string, at: number, document: Uint8Array, most: number) => void;
  readonly getInvestigation: (id: string) => Uint8Array | null;
  /** Newest first. */
  readonly listInvestigations: (image: string | null, since: number, limit: number) => readonly Uint8Array[];
}

/** The tables' version; another one is another program's, or a later one's. */
const version = 1;

const schema = `
  CREATE TABLE IF NOT EXISTS incidents (id TEXT PRIMARY KEY, state TEXT NOT NULL, ended_at REAL, document TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS investigations (id TEXT PRIMARY KEY, image TEXT NOT NULL, at REAL NOT NULL, document BLOB NOT NULL);
  CREATE INDEX IF NOT EXISTS investigations_at ON investigations (at);
  PRAGMA user_version = ${version};
`;

/** Opens or makes the tables. The cache is small: a node's state is, too. */
export function openDatabase(path: string): Database {
  return openTables(path, { pragmas: 'PRAGMA cache_size = -256', schema }, prepare);
}

const timePrefix = 'time:';

function prepare(db: DatabaseSync, tables: Tables): Database {
  const listIncidents = db.prepare('SELECT document FROM incidents ORDER BY ended_at');
  const putIncident = db.prepare('INSERT OR REPLACE INTO incidents VALUES (?, ?, ?, ?)');
  const listTimes = db.prepare("SELECT key, value FROM meta WHERE key LIKE 'time:%'");
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
    ...tables,
    listIncidents: () =>
      listIncidents.all().flatMap(({ document }) => (typeof document === 'string' ? [document] : [])),
    putIncident: (id, state, endedAt, document) => void putIncident.run(id, state, endedAt, document),
    clearOpen: () => db.exec("DELETE FROM incidents WHERE state = 'open'"),
    listTimes: () =>
      listTimes.all().flatMap(({ key, value }): [string, number][] => {
        const at = Number(value);
        return typeof key === 'string' && Number.isFinite(at) ? [[key.slice(timePrefix.length), at]] : [];
      }),
    putTime: (name, at) => tables.putMeta(`${timePrefix}${name}`, String(at)),
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
  };
}

function bytesOf(value: unknown): Uint8Array | null {
  return value instanceof Uint8Array ? value : null;
}
