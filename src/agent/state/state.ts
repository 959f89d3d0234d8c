import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { InvestigationShape } from '../../api/investigation.ts';
import { checkAgainst } from '../../api/schema.ts';
import type { Env } from '../../lib/env.ts';
import { parseJson } from '../../lib/json.ts';
import { limits } from '../../lib/limits.ts';
import type { Log } from '../../lib/log.ts';
import { imageKey } from '../../signals/image-match.ts';
import type { BookMemory } from '../book.ts';
import type { InvestigationArchive } from '../investigator.ts';
import type { Incident, KeptInvestigation } from '../parts.ts';
import { type Database, openDatabase } from './database.ts';
import { openDatabaseFile } from './database-file.ts';
import { IncidentShape } from './incident-shape.ts';

/** What the agent keeps over its restarts. A disk that is full or read-only costs the memory of what is past, and nothing else. */
export interface AgentState {
  /** What was known when the agent stopped. */
  readonly memory: BookMemory;
  /** Where to read the journal on; null: nothing is known of it. */
  readonly cursor: string | null;
  readonly saveCursor: (cursor: string) => void;
  readonly saveIncident: (incident: Incident) => void;
  readonly archive: InvestigationArchive;
  /** A schedule's last time, by its name. */
  readonly lastTime: (name: string) => number | null;
  readonly saveTime: (name: string, at: number) => void;
  /** Why nothing is kept on disk at present, in one sentence; null while it is. */
  readonly trouble: () => string | null;
  /**
   * Writes what waits, and tries the disk again after a failure; to be called some times a second. `untold`: what changed in
   * open incidents without being told of; it is asked for seldom.
   */
  readonly tick: (untold?: () => readonly Incident[]) => void;
  readonly close: () => void;
}

/** What the state needs. */
export interface StateNeeds {
  readonly env: Env;
  readonly log: Log;
  /** Null: nothing is kept over restarts. */
  readonly directory: string | null;
  /** Investigations that are kept. */
  readonly keep: number;
}

/** A journal is read on from at most so long before; what came between is told twice, which changes nothing. */
const cursorMs = 1000;

/** A pod that fails has a line every 12 s or so, which changes its rows: what is lost of tries and times is at most this old. */
const rowsMs = 20_000;

/** How often a disk that failed is tried again. */
const againMs = 30_000;

/** Opens the state; what cannot be read is put aside, and said. */
export function openState({ env, log, directory, keep }: StateNeeds): AgentState {
  const file = directory === null ? null : `${directory}/agent.db`;
  let trouble: string | null = directory === null ? 'state.directory is not set: nothing is kept over restarts.' : null;
  let database: Database;
  let tryAgainAt = Number.POSITIVE_INFINITY;

  const failed = (what: string, error: unknown): void => {
    const why = error instanceof Error ? error.message : String(error);
    if (trouble === null) log.warn('the state is kept in memory only from now on', { what, error: why, directory });
    trouble = `${directory} cannot be ${what} (${why}): what happens now is forgotten at the next restart. Free the disk, or make it writable.`;
    tryAgainAt = env.monotonic() + againMs;
  };

  const openFile = (path: string): Database => openDatabaseFile(path, openDatabase, { log, what: 'the state' });

  const inMemory = (): Database => openDatabase(':memory:');
  try {
    database = file === null ? inMemory() : openFile(file);
  } catch (error) {
    failed('opened', error);
    database = inMemory();
  }

  /** Writes; what fails goes on in memory, with nothing lost of what is open. */
  const write = (work: (to: Database) => void): void => {
    try {
      work(database);
    } catch (error) {
      if (trouble !== null) return;
      failed('written', error);
      const before = database;
      database = inMemory();
      try {
        before.close();
      } catch {
        // It cannot be written: it cannot be put in order either.
      }
      work(database);
    }
  };

  const open = new Map<string, Incident>();
  const memory = readMemory(database, log);
  for (const incident of memory.open) open.set(incident.key, incident);
  // They are few, and known also while the disk is not there.
  const times = new Map(database.listTimes());
  let cursor: { readonly text: string; readonly at: number } | null = null;
  const dirty = new Map<string, Incident>();
  let writtenAt = Number.NEGATIVE_INFINITY;
  let rowsAt = env.monotonic();

  const flush = (): void => {
    writtenAt = env.monotonic();
    if (cursor === null && dirty.size === 0) return;
    const [text, changed] = [cursor?.text ?? null, [...dirty.values()]];
    cursor = null;
    dirty.clear();
    write((to) =>
      to.transaction(() => {
        if (text !== null) to.putMeta('cursor', text);
        for (const incident of changed) {
          if (incident.state === 'open') to.putIncident(incident.id, 'open', null, JSON.stringify(incident));
          else to.putIncident(incident.id, 'over', incident.endedAt, JSON.stringify(incident));
        }
        if (changed.length > 0) to.trimIncidents(limits.agentPastIncidents);
      }),
    );
  };

  const read = (row: Uint8Array): KeptInvestigation | null => {
    const parsed = parseJson(zstdDecompressSync(row, { maxOutputLength: maxDocumentBytes }).toString('utf8'));
    const checked = checkAgainst(InvestigationShape, parsed);
    return checked.ok ? checked.value : null;
  };

  const saveIncident = (incident: Incident): void => {
    if (incident.state === 'open') open.set(incident.key, incident);
    else open.delete(incident.key);
    dirty.set(incident.id, incident);
  };

  return {
    memory,
    cursor: database.getMeta('cursor'),
    saveCursor(text) {
      cursor = { text, at: env.monotonic() };
    },
    saveIncident,
    archive: {
      put(document) {
        const text = JSON.stringify(document);
        if (text.length > maxDocumentBytes) return;
        const key = imageKey(document.image.input);
        const at = Date.parse(document.startedAt);
        write((to) => to.putInvestigation(document.id, key, at, zstdCompressSync(text), keep));
      },
      get(id) {
        const row = database.getInvestigation(id);
        return row === null ? null : read(row);
      },
      recent({ image, since = 0, limit }) {
        const rows = database.listInvestigations(image === undefined ? null : imageKey(image), since, limit);
        return rows.map(read).filter((document) => document !== null);
      },
    },
    lastTime: (name) => times.get(name) ?? null,
    saveTime(name, at) {
      times.set(name, at);
      write((to) => to.putTime(name, at));
    },
    trouble: () => trouble,
    tick(untold = () => []) {
      const now = env.monotonic();
      if (now - rowsAt >= rowsMs) {
        rowsAt = now;
        for (const incident of untold()) saveIncident(incident);
      }
      if (now - writtenAt >= cursorMs) flush();
      if (file === null || now < tryAgainAt) return;
      tryAgainAt = now + againMs;
      try {
        const disk = openFile(file);
        disk.transaction(() => {
          disk.clearOpen();
          for (const incident of open.values()) disk.putIncident(incident.id, 'open', null, JSON.stringify(incident));
          for (const [name, at] of disk.listTimes()) if (!times.has(name)) times.set(name, at);
          for (const [name, at] of times) disk.putTime(name, at);
        });
        database.close();
        database = disk;
        trouble = null;
        tryAgainAt = Number.POSITIVE_INFINITY;
        log.info('the state is kept on disk again', { directory });
      } catch (error) {
        failed('written', error);
      }
    },
    close() {
      flush();
      try {
        database.close();
      } catch {
        // A disk that is full: what could be written is.
      }
    },
  };
}

/** An investigation has some 40 KiB; one of 400 probes with long texts stays below this. */
const maxDocumentBytes = 8 * 1024 * 1024;

function readMemory(database: Database, log: Log): BookMemory {
  const memory: { open: Incident[]; over: Incident[] } = { open: [], over: [] };
  let lost = 0;
  for (const text of database.listIncidents()) {
    const checked = checkAgainst(IncidentShape, parseJson(text));
    if (!checked.ok) lost++;
    else memory[checked.value.state].push(checked.value);
  }
  if (lost > 0) log.warn('incidents of another version were left out', { count: lost });
  return memory;
}
