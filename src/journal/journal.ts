import type { EntryDamage, JournalEntry, JournalFields } from './entry.ts';
import type { FileFailure } from './file.ts';
import type { Match } from './wanted.ts';

export type { EntryDamage, FileFailure, JournalEntry, JournalFields, Match };

/** Which entries are read, in which order they come is not to be chosen: the oldest first. */
export interface EntryQuery {
  /** From this time on, microseconds since 1970. */
  readonly since?: bigint;
  /** Up to this time, and no further; follows nothing behind it. */
  readonly until?: bigint;
  /** Behind this entry: a cursor of this reader, of journalctl, or of any other. The entry need not exist any more. */
  readonly cursor?: string;
  /** A boot's id (32 hexadecimal digits), or its number as in `boots()`: 0 the last, -1 the one before, 1 the first. */
  readonly boot?: string | number;
  /** All of these have to be met, each by one of its values. */
  readonly match?: readonly Match[];
  /** Waits for new entries, until the signal. */
  readonly follow?: boolean;
  /** Ends the reading; that is no error. */
  readonly signal?: AbortSignal;
  /** Fields that are read; the others are absent then. All when absent. */
  readonly fields?: readonly string[];
}

/** One boot in the journal. */
export interface Boot {
  readonly bootId: string;
  /** 0 for the last, -1 for the one before. */
  readonly index: number;
  readonly firstUs: bigint;
  readonly lastUs: bigint;
}

/** A file that is not read, and why. */
export interface FileProblem {
  readonly path: string;
  readonly failure: FileFailure;
}

/** Why a query cannot be answered. */
export type QueryFailure =
  | { readonly kind: 'bad-cursor'; readonly cursor: string }
  | { readonly kind: 'no-such-boot'; readonly boot: string | number }
  | { readonly kind: 'bad-match'; readonly field: string };

/** A journal that is open. */
export interface Journal {
  /** What reads it: this reader, or a journalctl process where a file has what this reader cannot read. */
  readonly source: 'files' | 'journalctl';
  /** One sentence that says why it is read by journalctl; null for this reader. */
  readonly note: string | null;
  /** Where the files are kept: on disk, in memory until the next boot, or both. Folders of other places are `persistent`. */
  readonly storage: 'persistent' | 'volatile' | 'both';
  /** The machines whose entries are here, by their ids. */
  readonly machines: readonly string[];
  /** Files that are left out. */
  problems(): readonly FileProblem[];
  /** Checks a query before it is asked: the cursor's form, the boot, the fields' names. */
  check(query: EntryQuery): Promise<QueryFailure | null>;
  /** The entries, oldest first. A query that `check` refuses has none. */
  entries(query?: EntryQuery): AsyncIterable<JournalEntry>;
  /** The boots, oldest first. */
  boots(): Promise<readonly Boot[]>;
  /** Closes all files. Iterations end. */
  close(): void;
}

/** Why there is no journal to read. None of these is "no entries". */
export type JournalState =
  /** No journal folder exists. */
  | { readonly kind: 'absent'; readonly directories: readonly string[] }
  /** Folders exist, without any journal file. */
  | { readonly kind: 'empty'; readonly directories: readonly string[] }
  /** A folder, or every file, may not be read by this user. */
  | { readonly kind: 'denied'; readonly path: string }
  /** There are journals, but of other machines only. */
  | { readonly kind: 'wrong-machine'; readonly expected: string; readonly found: readonly string[] }
  /** No file can be read by this reader, and journalctl is not there or was not wanted. */
  | { readonly kind: 'unsupported'; readonly path: string; readonly features: readonly string[] }
  /** No file can be read for other reasons. */
  | { readonly kind: 'damaged'; readonly problems: readonly FileProblem[] };

/** What has to be known to open a journal. */
export interface OpenOptions {
  /** Journal folders (`/var/log/journal`, `/run/log/journal`), or folders that hold the files themselves. */
  readonly directories: readonly string[];
  /** This machine's id (`/etc/machine-id`): other machines' folders are left out. All are read when it is absent or null. */
  readonly machineId?: string | null;
  /** The program that reads what this reader cannot; null to do without (`journalctl`). */
  readonly journalctl?: string | null;
  /** What pages of files may take in memory (limits.journalCacheBytes): whoever follows for days needs little. */
  readonly cacheBytes?: number;
}
