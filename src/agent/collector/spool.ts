import type { RecordKind } from '../../api/records.ts';
import type { Env } from '../../lib/env.ts';
import { limits } from '../../lib/limits.ts';
import type { Log } from '../../lib/log.ts';
import { kindsByWorth, packed, type SpoolDatabase, unpacked } from './spool-database.ts';
import { openSpoolPlace, type SpoolPlace } from './spool-place.ts';

/** A record that is to be sent. */
export interface SpoolEntry {
  readonly kind: RecordKind;
  /** Replaces what waits of the same kind and subject and has not been sent; null: stands for itself. */
  readonly subject: string | null;
  /** The record without its `seq`; never empty. */
  readonly record: object;
}

/** Records of one stream, each with its number for good: sent again they are the same. */
export interface SpoolBatch {
  readonly bootId: string;
  readonly records: readonly { readonly seq: number; readonly kind: RecordKind; readonly text: string }[];
  /** Characters of all records. */
  readonly chars: number;
}

/** What a batch may hold; one record is given whatever its size. */
export interface BatchLimits {
  readonly records: number;
  readonly chars: number;
}

/** What waits for the collector. Never throws: a disk that fails costs what memory cannot hold. */
export interface Spool {
  /** Takes records; they are written at the next `tick`. */
  readonly push: (...entries: readonly SpoolEntry[]) => void;
  /** The next records to be sent, or those whose fate is not known, again; null: nothing waits. Held until `settle`. */
  readonly next: (most: BatchLimits) => SpoolBatch | null;
  /** Ends the batch that `next` gave: what was taken is forgotten, what was lost is counted as dropped, the rest waits. */
  readonly settle: (outcome: { readonly taken: readonly number[]; readonly lost: readonly number[] }) => void;
  readonly size: () => { readonly rows: number; readonly bytes: number };
  /** Records that were dropped since the start, by kind. */
  readonly dropped: () => Readonly<Partial<Record<RecordKind, number>>>;
  /** Why records wait in memory only, in one sentence; null: they are on the disk. */
  readonly trouble: () => string | null;
  /** Writes what came, drops what is too old, tries a disk again; to be called some times a second. */
  readonly tick: () => void;
  readonly close: () => void;
}

/** What the spool needs. */
export interface SpoolNeeds {
  readonly env: Env;
  readonly log: Log;
  /** Records are this node's: those of another one, whose disk was copied, are dropped. */
  readonly node: string;
  /** Null: in memory only. */
  readonly directory: string | null;
  readonly maxBytes: number;
  readonly maxAgeMs: number;
  /** A random text of its own for each stream. */
  readonly newId: () => string;
  readonly onDropped: (kind: RecordKind, count: number) => void;
  /** For tests: rows that are kept at most. */
  readonly maxRows?: number;
}

/** How often what is too old is looked for. */
const lookMs = 60_000;

/** In memory there is room for what counts of some hours, and no more: it is memory of every node. */
const memoryBytes = 1024 * 1024;
const memoryRows = 1000;

/** The clocks of a machine that ran on move together, but for this much in one step. */
const frozenMs = 60_000;

/** What is sent first: what is wrong, then who it is, then that it lives; what can wait comes last. */
const kindsByHaste = [
  'incident',
  'node',
  'heartbeat',
  'health',
  'investigation',
] as const satisfies readonly RecordKind[];

/**
 * Opens the spool. **Numbers** are given when a record is first sent, and kept with it before it goes out; so the
 * numbers of a stream have no gaps but what was dropped after a try, and what replaces another costs none. **A stream**
 * is new at each opening, whenever the spool goes from the disk to memory or back, and when the clocks show that the
 * machine was frozen: a file that was restored, a copy of a disk and a snapshot of a machine that runs can all go back to
 * numbers that were used already, but never to the name of a stream that begins after them. What has a number goes first,
 * so that streams come to the collector in the order in which they were begun.
 */
export function openSpool({ env, maxBytes, maxAgeMs, maxRows, newId, onDropped, ...more }: SpoolNeeds): Spool {
  const dropped = new Map<RecordKind, number>();
  let stream = newId();
  let seq = 0;
  let held: { readonly bootId: string; readonly seqs: ReadonlySet<number> } | null = null;
  let arrived: SpoolEntry[] = [];
  let lookedAt = env.monotonic();
  let apart = env.now() - env.monotonic();

  const newStream = (): void => {
    stream = newId();
    seq = 0;
  };
  /** Under way now: whether it arrives is not known. */
  const isHeld = (of: string | null, number: number | null): boolean =>
    held !== null && number !== null && of === held.bootId && held.seqs.has(number);

  /** Drops what counts least until the rest fits. */
  const makeRoom = (database: SpoolDatabase): void => {
    const bytes = place.onDisk() ? maxBytes : Math.min(maxBytes, memoryBytes);
    const rows = Math.min(maxRows ?? limits.spoolRows, place.onDisk() ? Number.POSITIVE_INFINITY : memoryRows);
    const fits = (): boolean => {
      const size = place.size();
      return size.bytes <= bytes && size.rows <= rows;
    };
    for (const kind of kindsByWorth) {
      if (fits()) return;
      database.deleteOldest(kind, isHeld, (cost) => {
        place.lose(kind, cost);
        return fits();
      });
    }
  };

  const place: SpoolPlace = openSpoolPlace({
    ...more,
    env,
    maxAgeMs,
    moved: newStream,
    makeRoom,
    onLost(kind, count) {
      dropped.set(kind, (dropped.get(kind) ?? 0) + count);
      onDropped(kind, count);
    },
  });

  const keep = (entries: readonly SpoolEntry[], database: SpoolDatabase): void => {
    // Of one subject only the last of what came together.
    const last = new Map<string, SpoolEntry>();
    for (const entry of entries) if (entry.subject !== null) last.set(`${entry.kind} ${entry.subject}`, entry);
    for (const entry of entries) {
      const { kind, subject, record } = entry;
      if (subject !== null) {
        if (last.get(`${kind} ${subject}`) !== entry) continue;
        for (const gone of database.supersede(kind, subject)) place.add(kind, -gone.rows, -gone.cost);
      }
      const text = packed(JSON.stringify(record));
      database.insert({ kind, subject, stream: null, seq: null, keptAt: place.clock(), ...text });
      place.add(kind, 1, text.cost);
    }
    makeRoom(database);
  };

  const flush = (): void => {
    if (arrived.length === 0) return;
    const entries = arrived;
    arrived = [];
    place.write((database) => keep(entries, database));
  };

  return {
    push: (...entries) => {
      arrived.push(...entries);
      // What nobody writes for long must not fill the memory.
      if (arrived.length >= memoryRows) flush();
    },
    next({ records: mostRecords, chars: mostChars }) {
      flush();
      if (place.size().rows === 0) return null;
      const rows = place.write((database) => {
        const again = database.numbered(mostRecords, mostChars);
        if (again.length > 0) return again;
        let last = seq;
        const most = { rows: mostRecords, chars: mostChars };
        const fresh = database.number(stream, () => ++last, kindsByHaste, most);
        return fresh;
      });
      const [first] = rows;
      if (first === undefined) return null;
      if (first.stream === stream) for (const row of rows) seq = Math.max(seq, row.seq);
      held = { bootId: first.stream, seqs: new Set(rows.map((row) => row.seq)) };
      const records = rows.map(({ seq: own, kind, document }) => ({
        seq: own,
        kind,
        text: `{"seq":${own},${unpacked(document).slice(1)}`,
      }));
      return { bootId: first.stream, records, chars: records.reduce((sum, { text }) => sum + text.length, 0) };
    },
    settle({ taken, lost }) {
      const batch = held;
      held = null;
      if (batch === null || taken.length + lost.length === 0) return;
      place.write((database) => {
        for (const one of taken) {
          const sum = database.delete(batch.bootId, one);
          if (sum !== null) place.add(sum.kind, -1, -sum.cost);
        }
        for (const one of lost) {
          const sum = database.delete(batch.bootId, one);
          if (sum !== null) place.lose(sum.kind, sum.cost);
        }
      });
    },
    size: () => place.size(),
    dropped: () => Object.fromEntries(dropped),
    trouble: () => place.trouble(),
    tick() {
      const now = env.monotonic();
      const difference = env.now() - now;
      if (Math.abs(difference - apart) > frozenMs) newStream();
      apart = difference;
      flush();
      if (now - lookedAt >= lookMs) {
        lookedAt = now;
        place.write((database) => database.deleteBefore(place.clock() - maxAgeMs, isHeld, place.lose));
        place.shrink();
      }
      place.retry();
    },
    close() {
      flush();
      place.close();
    },
  };
}
