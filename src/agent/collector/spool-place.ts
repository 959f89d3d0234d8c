import type { RecordKind } from '../../api/records.ts';
import type { Env } from '../../lib/env.ts';
import type { Log } from '../../lib/log.ts';
import { openDatabaseFile } from '../state/database-file.ts';
import { openSpoolDatabase, type SpoolDatabase } from './spool-database.ts';

/** Where what waits is: on the disk, or in memory while there is none that can be written. */
export interface SpoolPlace {
  /**
   * Does what may fail, in one transaction: what fails on the disk is done in memory, with what could be read of the disk.
   * `work` may be called twice; what it counts counts once.
   */
  readonly write: <T>(work: (database: SpoolDatabase) => T) => T;
  /** To be called within `write`: rows that came or went, and what of that was lost. */
  readonly add: (kind: RecordKind, rows: number, cost: number) => void;
  readonly lose: (kind: RecordKind, cost: number) => void;
  readonly size: () => { readonly rows: number; readonly bytes: number };
  readonly onDisk: () => boolean;
  readonly trouble: () => string | null;
  /** The spool's own clock, milliseconds: it goes on with the monotonic one, so that a wrong wall clock makes nothing old. */
  readonly clock: () => number;
  /** Tries a disk again that failed. */
  readonly retry: () => void;
  /** Gives free pages back, some at a time. */
  readonly shrink: () => void;
  readonly close: () => void;
}

/** What it needs. */
export interface PlaceNeeds {
  readonly env: Env;
  readonly log: Log;
  readonly node: string;
  readonly directory: string | null;
  readonly maxAgeMs: number;
  readonly onLost: (kind: RecordKind, count: number) => void;
  /** It went from the disk to memory, or back. */
  readonly moved: () => void;
  /** Drops what does not fit any more; called within a write. */
  readonly makeRoom: (database: SpoolDatabase) => void;
}

/** How often a disk that failed is tried again. */
const againMs = 30_000;

/** What of a disk that fails goes along to memory, in this order: how things are. An investigation is only kept. */
const goesAlong = ['incident', 'node', 'heartbeat', 'health'] as const satisfies readonly RecordKind[];
const everything = [...goesAlong, 'investigation'] as const;

/** Opens it. Never throws. */
export function openSpoolPlace(needs: PlaceNeeds): SpoolPlace {
  const { env, log, node, directory, maxAgeMs, moved } = needs;
  const file = directory === null ? null : `${directory}/spool.db`;
  const noDirectory = 'state.directory is not set: what waits for the collector is in memory only.';
  let sums = new Map<RecordKind, { readonly rows: number; readonly cost: number }>();
  const losing = new Map<RecordKind, number>();
  let trouble: string | null = directory === null ? noDirectory : null;
  let database = openSpoolDatabase(':memory:');
  let onDisk = false;
  let tryAgainAt = Number.POSITIVE_INFINITY;
  let clockBase = -env.monotonic();

  const clock = (): number => clockBase + env.monotonic();
  const saveClock = (to: SpoolDatabase): void => to.putMeta('clock', `${clock()} ${env.now()}`);
  /** The time that has passed since the file was written last counts as it is told, within bounds. */
  const readClock = (from: SpoolDatabase): void => {
    const [time, wall] = (from.getMeta('clock') ?? '').split(' ').map(Number);
    if (time === undefined || wall === undefined || !Number.isFinite(time) || !Number.isFinite(wall)) return;
    const passed = Math.min(Math.max(0, env.now() - wall), maxAgeMs);
    clockBase = time + passed - env.monotonic();
  };

  const add = (kind: RecordKind, rows: number, cost: number): void => {
    const sum = sums.get(kind) ?? { rows: 0, cost: 0 };
    sums.set(kind, { rows: Math.max(0, sum.rows + rows), cost: Math.max(0, sum.cost + cost) });
  };
  const recount = (): void => {
    sums = new Map(database.sums().map(({ kind, rows, cost }) => [kind, { rows, cost }]));
  };
  const countLost = (): void => {
    for (const [kind, count] of losing) needs.onLost(kind, count);
    losing.clear();
  };

  const failed = (what: string, error: unknown): void => {
    const why = error instanceof Error ? error.message : String(error);
    if (trouble === null)
      log.warn('what waits for the collector is in memory only from now on', { what, error: why, directory });
    trouble = `${directory} cannot be ${what} (${why}): what waits for the collector is in memory only, and little of it. Free the disk, or make it writable.`;
    tryAgainAt = env.monotonic() + againMs;
  };

  const openFile = (path: string): SpoolDatabase =>
    openDatabaseFile(path, openSpoolDatabase, { log, what: 'the spool' });
  const closeAnyhow = (one: SpoolDatabase): void => {
    try {
      one.close();
    } catch {
      // What cannot be written cannot be put in order either.
    }
  };
  const takeOver = (from: SpoolDatabase): void => {
    const owner = from.getMeta('node');
    if (owner === node) return;
    if (owner !== null) log.warn("the spool is another node's, and is begun anew", { was: owner, node });
    from.clear(null);
    from.putMeta('node', node);
  };

  /** The file stays as it is until it can be written. */
  const toMemory = (): void => {
    const disk = database;
    database = openSpoolDatabase(':memory:');
    onDisk = false;
    sums = new Map();
    moved();
    try {
      for (const kind of goesAlong) {
        for (const row of disk.all(kind)) {
          database.insert(row);
          add(kind, 1, row.cost);
        }
      }
    } catch {
      // A disk that cannot be read either.
    }
    closeAnyhow(disk);
    needs.makeRoom(database);
  };

  /** What is in memory takes the place of what the file has: of that only investigations are still worth something. */
  const toDisk = (path: string): void => {
    const disk = openFile(path);
    try {
      disk.transaction(() => {
        takeOver(disk);
        disk.clear('investigation');
        for (const kind of everything) for (const row of database.all(kind)) disk.insert(row);
        saveClock(disk);
      });
    } catch (error) {
      closeAnyhow(disk);
      throw error;
    }
    database.close();
    database = disk;
    onDisk = true;
    recount();
    moved();
    trouble = null;
    tryAgainAt = Number.POSITIVE_INFINITY;
    log.info('what waits for the collector is on the disk again', { directory });
  };

  const write = <T>(work: (to: SpoolDatabase) => T): T => {
    const before = new Map(sums);
    const doIt = (): T =>
      database.transaction(() => {
        const done = work(database);
        saveClock(database);
        return done;
      });
    let value: T;
    try {
      value = doIt();
    } catch (error) {
      if (!onDisk) throw error;
      sums = before;
      losing.clear();
      failed('written', error);
      toMemory();
      value = doIt();
    }
    countLost();
    return value;
  };

  if (file === null) log.info('what waits for the collector is in memory only: state.directory is not set');
  else {
    try {
      const disk = openFile(file);
      try {
        disk.transaction(() => takeOver(disk));
      } catch (error) {
        closeAnyhow(disk);
        throw error;
      }
      readClock(disk);
      database.close();
      database = disk;
      onDisk = true;
      recount();
    } catch (error) {
      failed('opened', error);
    }
  }

  return {
    write,
    add,
    lose(kind, cost) {
      add(kind, -1, -cost);
      losing.set(kind, (losing.get(kind) ?? 0) + 1);
    },
    size() {
      let [rows, bytes] = [0, 0];
      for (const sum of sums.values()) {
        rows += sum.rows;
        bytes += sum.cost;
      }
      return { rows, bytes };
    },
    onDisk: () => onDisk,
    trouble: () => trouble,
    clock,
    retry() {
      if (file === null || onDisk || env.monotonic() < tryAgainAt) return;
      tryAgainAt = env.monotonic() + againMs;
      try {
        toDisk(file);
      } catch (error) {
        failed('written', error);
        return;
      }
      write(needs.makeRoom);
    },
    shrink() {
      try {
        database.shrink();
      } catch {
        // Another time.
      }
    },
    close: () => closeAnyhow(database),
  };
}
