import { statSync } from 'node:fs';
import { limits } from '../lib/limits.ts';
import { compareLocations, type Location, parseCursor, sameEntry } from './cursor.ts';
import { findFiles } from './directory.ts';
import type { LocatedEntry } from './entry.ts';
import { FieldReader } from './field-reader.ts';
import { JournalFile, objectType } from './file.ts';
import type { Boot, EntryQuery, FileProblem, Journal, JournalEntry, Match, QueryFailure } from './journal.ts';
import { PageCache } from './pages.ts';
import { FileStream, type Start } from './stream.ts';
import { FolderWatch } from './watch.ts';

/**
 * Entries between two pauses that let other work run. What an agent does with one takes a millisecond: with hundreds of
 * them in one turn, whoever investigates meanwhile waited half a second for each answer.
 */
const breath = 64;

/** A journal read from its files. */
export class FileJournal implements Journal {
  readonly source = 'files';
  readonly note = null;
  private readonly directories: readonly string[];
  private readonly machineId: string | null;
  private readonly cache: PageCache;
  private readonly files = new Map<string, JournalFile>();
  private readonly failed = new Map<string, FileProblem>();
  /** Paths of files that were found but could not be read yet; that they can be now changes nothing in their folder. */
  private readonly awaited = new Set<string>();
  private folders: readonly string[] = [];
  /** What the folders' times were when they were read. */
  private marks = new Map<string, string>();
  private opened = 0;
  private closed = false;
  /** Files that are open but no longer in the folders: vacuumed. */
  private gone = new Set<string>();
  /** Iterations that may still read from files that are gone from the folders. */
  private readonly users = new Set<ReadonlyMap<string, FileStream>>();
  private readonly ending = new AbortController();

  constructor(directories: readonly string[], machineId: string | null, cacheBytes: number = limits.journalCacheBytes) {
    this.cache = new PageCache(cacheBytes);
    this.directories = directories;
    this.machineId = machineId;
    this.scan();
  }

  get machines(): readonly string[] {
    return [...new Set([...this.files.values()].map(({ header }) => header.machineId))];
  }

  get storage(): 'persistent' | 'volatile' | 'both' {
    const inMemory = (folder: string) => /(?:^|\/)run\/log\/journal(?:\/|$)/.test(folder);
    const paths = [...this.files.values()].map(({ path }) => path);
    if (!paths.some(inMemory)) return 'persistent';
    return paths.every(inMemory) ? 'volatile' : 'both';
  }

  /** Files that are open. */
  get size(): number {
    return this.files.size;
  }

  problems(): readonly FileProblem[] {
    const unreadable = [...this.files.values()].flatMap(({ path, pages }): FileProblem[] =>
      pages.failure === null ? [] : [{ path, failure: { kind: 'failed', code: pages.failure } }],
    );
    return [...this.failed.values(), ...unreadable];
  }

  async check(query: EntryQuery): Promise<QueryFailure | null> {
    if (query.cursor !== undefined && parseCursor(query.cursor) === null) {
      return { kind: 'bad-cursor', cursor: query.cursor };
    }
    for (const { field } of query.match ?? []) {
      if (!/^[A-Z0-9_]{1,64}$/.test(field)) return { kind: 'bad-match', field };
    }
    if (query.boot !== undefined && this.bootId(query.boot) === null) return { kind: 'no-such-boot', boot: query.boot };
    return null;
  }

  async *entries(query: EntryQuery = {}): AsyncGenerator<JournalEntry, void, void> {
    if ((await this.check(query)) !== null) return;
    const { follow = false, until } = query;
    const signal =
      query.signal === undefined ? this.ending.signal : AbortSignal.any([query.signal, this.ending.signal]);
    const matches = this.matchesOf(query);
    const last = until === undefined ? Number.POSITIVE_INFINITY : Number(until);
    const start: Start = {
      since: query.since === undefined ? null : Number(query.since),
      after: query.cursor === undefined ? null : parseCursor(query.cursor),
    };
    const reader = new FieldReader(query.fields ?? null, follow);
    const streams = new Map<string, FileStream>();
    const reached = new Map<string, Location>();
    const watch = new FolderWatch();
    // Already now: what comes while the first look is taken would make no event.
    if (follow) watch.set(this.folders);
    this.users.add(streams);
    let count = 0;
    try {
      for (let pass = 0; ; pass++) {
        if (signal.aborted) return;
        // Folders first: a new file in them says that the one before it is complete.
        const scanned = pass === 0 || watch.takeMoved() || this.foldersChanged();
        if (scanned) this.scan();
        else this.openAwaited();
        if (follow && scanned) watch.set(this.folders);
        const ceilings = this.lookAt(streams, matches, start, reached, reader, scanned);
        let before: Location | null = null;
        for (const entry of this.merge(streams, follow || pass === 0 ? ceilings : new Map(), reader)) {
          const { location } = entry;
          if (location.realtime > last) return;
          if (before !== null && sameEntry(before, location)) continue;
          before = location;
          reached.set(location.seqnumId, location);
          yield entry;
          if (signal.aborted) return;
          if (++count % breath === 0) await new Promise((resolve) => setImmediate(resolve));
        }
        this.closeGone();
        if (follow) {
          this.cache.shrink();
          await watch.wait(signal);
        }
        // What had to wait for others is read in a second pass, which waits for nothing.
        else if (pass > 0 || ![...streams.values()].some(({ head }) => head !== null)) return;
      }
    } finally {
      watch.close();
      this.users.delete(streams);
      this.closeGone();
    }
  }

  async boots(): Promise<readonly Boot[]> {
    return this.bootList();
  }

  close(): void {
    this.closed = true;
    this.ending.abort();
    for (const file of this.files.values()) file.close();
    this.files.clear();
  }

  /** Whether files came or went in the folders since the last scan: then a folder has another time. */
  private foldersChanged(): boolean {
    for (const [folder, mark] of this.marks) if (markOf(folder) !== mark) return true;
    return false;
  }

  /** Takes in files that came, and renamed ones. */
  private scan(): void {
    if (this.closed) return;
    // Before they are read, or what comes in between would go unseen.
    this.marks = new Map([...this.directories, ...this.folders].map((folder) => [folder, markOf(folder)]));
    const found = findFiles(this.directories, this.machineId);
    for (const folder of found.folders) if (!this.marks.has(folder)) this.marks.set(folder, '');
    this.folders = found.folders;
    this.gone = new Set(this.files.keys());
    this.awaited.clear();
    for (const { path, identity, size } of found.files) {
      this.gone.delete(identity);
      const known = this.files.get(identity);
      if (known !== undefined) {
        known.path = path;
        continue;
      }
      // A writer makes a file first and its header then, and may be held up in between.
      if (size === 0) this.awaited.add(path);
      else this.open(path);
    }
  }

  /** Looks again at the files that could not be read: a header written, or rights given, leaves the folder as it was. */
  private openAwaited(): void {
    if (this.closed) return;
    for (const path of this.awaited) this.open(path);
  }

  private open(path: string): void {
    const opened = JournalFile.open(path, ++this.opened, this.cache);
    if (opened.ok) {
      this.awaited.delete(path);
      this.failed.delete(path);
      const { identity } = opened.value;
      // Between finding and opening it may have been renamed and another put in its place.
      if (this.files.has(identity)) opened.value.close();
      else this.files.set(identity, opened.value);
      return;
    }
    const { kind } = opened.error;
    if (kind === 'new' || kind === 'denied' || kind === 'failed') this.awaited.add(path);
    else this.awaited.delete(path);
    if (kind !== 'new' && kind !== 'absent') this.failed.set(path, { path, failure: opened.error });
  }

  /** Closes files that were vacuumed, but those that an iteration still reads. */
  private closeGone(): void {
    for (const identity of this.gone) {
      const used = [...this.users].some((streams) => streams.get(identity)?.head != null);
      if (used) continue;
      this.files.get(identity)?.close();
      this.files.delete(identity);
      this.gone.delete(identity);
    }
  }

  /**
   * Lets every stream see what its file has now. Returned is, for each source of sequence numbers that several files
   * are written from, the last number that is surely in its file: an entry behind it has to wait for the next look, or
   * one before it in another file could come too late.
   */
  private lookAt(
    streams: Map<string, FileStream>,
    matches: readonly Match[],
    start: Start,
    reached: ReadonlyMap<string, Location>,
    reader: FieldReader,
    scanned: boolean,
  ): ReadonlyMap<string, number> {
    const written = new Map<string, number[]>();
    for (const [identity, file] of this.files) {
      // Most files of a node are archived, which are never written to again.
      if (scanned || file.header.state !== 'archived') file.refresh();
      // A file that went away and came back, with its folder, was opened anew.
      const before = streams.get(identity);
      const known = before?.file === file ? before : undefined;
      const stream = known ?? new FileStream(file, matches);
      streams.set(identity, stream);
      if (known === undefined || stream.rewind()) {
        if (known !== undefined) reader.reset();
        // Files that come later have entries that were read from others, when journald moved or copied them.
        stream.seek({ since: start.since, after: reached.get(file.header.seqnumId) ?? start.after });
      }
      if (file.header.state === 'online') {
        const numbers = written.get(file.header.seqnumId) ?? [];
        written.set(file.header.seqnumId, [...numbers, file.tailSeqnum]);
      }
    }
    const ceilings = new Map<string, number>();
    for (const [source, numbers] of written) if (numbers.length > 1) ceilings.set(source, Math.max(...numbers));
    for (const [identity, stream] of streams) {
      if (!this.files.has(identity)) {
        streams.delete(identity);
        continue;
      }
      // Again: what was written to this file while the others were looked at is below the ceiling.
      if (ceilings.has(stream.file.header.seqnumId)) stream.file.refresh();
      stream.look();
    }
    for (const { file, tailSeqnum } of streams.values()) {
      const ceiling = ceilings.get(file.header.seqnumId);
      // A header that says less than its own entries is damaged.
      if (ceiling !== undefined && file.header.state !== 'online' && tailSeqnum > ceiling) {
        ceilings.delete(file.header.seqnumId);
      }
    }
    return ceilings;
  }

  /** The streams' entries in order, until each is at its end for now. */
  private *merge(
    streams: ReadonlyMap<string, FileStream>,
    ceilings: ReadonlyMap<string, number>,
    reader: FieldReader,
  ): Generator<LocatedEntry, void, void> {
    const open = new Set<FileStream>();
    for (const stream of streams.values()) if (stream.head !== null) open.add(stream);
    while (open.size > 0) {
      let first: FileStream | null = null;
      let second: Location | null = null;
      for (const stream of open) {
        const { head } = stream;
        const ceiling = head === null ? undefined : ceilings.get(head.seqnumId);
        if (head === null || (ceiling !== undefined && head.seqnum > ceiling)) {
          open.delete(stream);
          continue;
        }
        if (first === null || first.head === null) first = stream;
        else if (compareLocations(head, first.head) < 0) {
          second = first.head;
          first = stream;
        } else if (second === null || compareLocations(head, second) < 0) second = head;
      }
      if (first === null) return;
      // As long as this file's next entry is before all others' there is nothing to choose.
      for (;;) {
        const entry = first.take(reader);
        if (entry !== null) yield entry;
        const { head } = first;
        if (head === null) break;
        if (second !== null && compareLocations(head, second) >= 0) break;
        const ceiling = ceilings.get(head.seqnumId);
        if (ceiling !== undefined && head.seqnum > ceiling) break;
      }
    }
  }

  private matchesOf(query: EntryQuery): readonly Match[] {
    const matches = (query.match ?? []).filter(({ values }) => values.length > 0);
    if (query.boot === undefined) return matches;
    const boot = this.bootId(query.boot);
    return boot === null ? matches : [...matches, { field: '_BOOT_ID', values: [boot] }];
  }

  private bootId(boot: string | number): string | null {
    if (typeof boot === 'string') {
      const id = boot.replaceAll('-', '').toLowerCase();
      return /^[0-9a-f]{32}$/.test(id) ? id : null;
    }
    const boots = this.bootList();
    // As journalctl counts: 1 is the first, 0 the last.
    const index = boot > 0 ? boot - 1 : boots.length - 1 + boot;
    return boots[index]?.bootId ?? null;
  }

  private bootList(): readonly Boot[] {
    const found = new Map<string, { first: number; last: number }>();
    for (const file of this.files.values()) {
      let data = file.newestDataOf(file.findField(Buffer.from('_BOOT_ID')));
      for (let count = 0; data !== 0 && count < limits.journalBoots; count++, data = file.nextDataOf(data)) {
        const text = file.payload(data, 256)?.toString('latin1') ?? '';
        const id = /^_BOOT_ID=([0-9a-f]{32})$/.exec(text)?.[1];
        if (id === undefined) continue;
        const chain = file.entriesOf(data);
        const first = timeOf(file, chain.at(0));
        const last = timeOf(file, chain.at(chain.length - 1));
        if (first === null || last === null) continue;
        const known = found.get(id);
        found.set(id, {
          first: Math.min(first, known?.first ?? first),
          last: Math.max(last, known?.last ?? last),
        });
      }
    }
    const sorted = [...found].sort(([, a], [, b]) => a.first - b.first);
    return sorted.map(([bootId, { first, last }], index) => ({
      bootId,
      index: index - sorted.length + 1,
      firstUs: BigInt(first),
      lastUs: BigInt(last),
    }));
  }
}

function timeOf(file: JournalFile, entry: number): number | null {
  if (entry === 0 || file.objectSize(entry, objectType.entry) < 64) return null;
  const time = file.pages.u64(entry + 24);
  return time > 0 && time < 2 ** 55 ? time : null;
}

/** Changes when something in the folder is made, renamed or deleted. Empty: it is not there. */
function markOf(folder: string): string {
  try {
    const facts = statSync(folder, { throwIfNoEntry: false });
    return facts === undefined ? '' : `${facts.dev} ${facts.ino} ${facts.mtimeMs}`;
  } catch {
    return '';
  }
}
