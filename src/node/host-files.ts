import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  opendirSync,
  openSync,
  readlinkSync,
  readSync,
  statSync,
} from 'node:fs';
import { access } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { limits } from '../lib/limits.ts';
import { fail, ok, type Result } from '../lib/result.ts';

/** Why a file of the node could not be read. `absent` covers a missing file and a missing parent folder. */
export type FileFailure =
  | { readonly kind: 'absent'; readonly path: string }
  | { readonly kind: 'denied'; readonly path: string }
  | { readonly kind: 'too-large'; readonly path: string; readonly bytes: number; readonly limit: number }
  | { readonly kind: 'not-a-file'; readonly path: string }
  | { readonly kind: 'failed'; readonly path: string; readonly code: string };

/**
 * The node's file system below a root folder (`--host-root`).
 * Paths are absolute as the node sees them (`/etc/resolv.conf`). A symbolic link is followed as the node would
 * follow it, so an absolute target stays below the root.
 */
export interface HostFiles {
  /** The root folder on this machine, `/` when the node is this machine itself. */
  readonly root: string;
  /** The text of a file, at most `maxBytes` (1 MiB unless told), UTF-8; invalid bytes become U+FFFD. */
  readText(path: string, maxBytes?: number): Promise<Result<string, FileFailure>>;
  /**
   * The names in a folder, sorted, at most `limits.directoryEntries`; an absent folder is a failure of kind `absent`.
   * Of a folder with more than `limits.directoryNames` only that many, in no order, are looked at.
   */
  list(path: string): Promise<Result<string[], FileFailure>>;
  /** What a path is, links followed, with its change time (epoch ms); `absent` and the like as failures. */
  info(path: string): Promise<Result<FileInfo, FileFailure>>;
  /** The target of a symbolic link as written in it (`/proc/PID/exe`, `/proc/PID/fd/N`). */
  link(path: string): Promise<Result<string, FileFailure>>;
  /**
   * Where `path` lies on this machine, links followed below the root: for handing to a socket or a library. Null for a
   * chain of links that the system would not follow either.
   */
  locate(path: string): Promise<string | null>;
}

/** What `HostFiles.info` tells. */
export interface FileInfo {
  readonly type: 'file' | 'directory' | 'socket' | 'other';
  readonly size: number;
  /** Last change of the content, epoch milliseconds. */
  readonly modifiedMs: number;
  /** When it came to lie here as it is, epoch milliseconds: a file that was moved here keeps its older change of content. */
  readonly changedMs: number;
}

/**
 * Told of each place on this machine that is looked at, before it is: by which call, so that the same call tells later
 * whether what was found is still there. `presence`: only whether it is there, and what it is.
 */
export type HostObserver = (place: string, how: 'stat' | 'lstat' | 'presence') => void;

/** `path` as documents show it: relative to the host root, without the leading slash (`etc/resolv.conf`). */
export function sourceName(path: string): string {
  return path.replace(/^\/+/, '');
}

const maxLinks = 40; // as Linux: MAXSYMLINKS

/**
 * The node's files below `root`. Each call is made at once, behind an interface that would let it wait: a plan reads
 * hundreds of small files, which the system has in memory, and a turn through Node's thread pool takes ten times as long
 * as the call itself. Debian's trust store alone (290 links, 144 files) takes 5 ms so, and 50 ms the other way.
 */
export function hostFiles(root: string, observe: HostObserver = ignore): HostFiles {
  const base = root === '' ? '/' : root;

  /** Follows links component by component so that none leaves the root. `/proc/PID/root` style magic links are not followed. */
  function locate(path: string): string | null {
    if (base === '/') return path;
    const pending = path.split('/').filter((part) => part !== '' && part !== '.');
    let links = 0;
    let at = '/';
    while (pending.length > 0) {
      const part = pending.shift() ?? '';
      if (part === '..') {
        at = posix.dirname(at);
        continue;
      }
      const next = posix.join(at, part);
      const target = linkTarget(join(base, next));
      if (target === null) {
        at = next;
        continue;
      }
      observe(join(base, next), 'lstat');
      // Never handed on as it is: the system would begin to count anew, and follow the link out of the root.
      if (++links > maxLinks) return null;
      if (target.startsWith('/')) at = '/';
      pending.unshift(...target.split('/').filter((piece) => piece !== '' && piece !== '.'));
    }
    return join(base, at);
  }

  /** The same for the calls of this file, which turn what is thrown into a failure. */
  function located(path: string, how: Parameters<HostObserver>[1] | null): string {
    const place = locate(path);
    if (place === null) throw Object.assign(new Error('too many symbolic links'), { code: 'ELOOP' });
    if (how !== null) observe(place, how);
    return place;
  }

  return {
    root: base,
    locate: async (path) => locate(path),
    async readText(path, maxBytes = limits.configFileBytes) {
      let file: number | undefined;
      try {
        // O_NONBLOCK: a FIFO in a file's place must not hold the investigation up.
        file = openSync(located(path, 'stat'), constants.O_RDONLY | constants.O_NONBLOCK);
        const facts = fstatSync(file);
        if (!facts.isFile()) return fail({ kind: 'not-a-file', path });
        if (facts.size > maxBytes) return fail({ kind: 'too-large', path, bytes: facts.size, limit: maxBytes });
        // Files of /proc have size 0, so the bound is kept while reading.
        const chunks: Buffer[] = [];
        let total = 0;
        for (;;) {
          // One byte more than the file has, so that a usual file needs no second buffer.
          const wanted = total === 0 && facts.size > 0 ? facts.size + 1 : 65536;
          const chunk = Buffer.allocUnsafe(Math.min(wanted, maxBytes + 1 - total));
          const bytes = readSync(file, chunk, 0, chunk.length, null);
          if (bytes === 0) break;
          total += bytes;
          if (total > maxBytes) return fail({ kind: 'too-large', path, bytes: total, limit: maxBytes });
          chunks.push(chunk.subarray(0, bytes));
        }
        const [only] = chunks;
        return ok((chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks)).toString('utf8'));
      } catch (error) {
        return fail(failureOf(path, error));
      } finally {
        if (file !== undefined) close(file);
      }
    },
    async list(path) {
      try {
        const names: string[] = [];
        const folder = opendirSync(located(path, 'stat'), { bufferSize: 256 });
        try {
          while (names.length < limits.directoryNames) {
            const entry = folder.readSync();
            if (entry === null) break;
            names.push(entry.name);
          }
        } finally {
          folder.closeSync();
        }
        return ok(names.sort().slice(0, limits.directoryEntries));
      } catch (error) {
        return fail(failureOf(path, error));
      }
    },
    async info(path) {
      try {
        const facts = statSync(located(path, 'presence'));
        const type = facts.isFile()
          ? 'file'
          : facts.isDirectory()
            ? 'directory'
            : facts.isSocket()
              ? 'socket'
              : 'other';
        return ok({
          type,
          size: facts.size,
          modifiedMs: facts.mtimeMs,
          changedMs: Math.max(facts.mtimeMs, facts.ctimeMs),
        });
      } catch (error) {
        return fail(failureOf(path, error));
      }
    },
    async link(path) {
      try {
        const parent = located(posix.dirname(path), null);
        const place = join(parent, posix.basename(path));
        observe(place, 'lstat');
        return ok(readlinkSync(place));
      } catch (error) {
        return fail(failureOf(path, error));
      }
    },
  };
}

/** True when this process may read the path; used to tell "no permission" from "absent" before a library blurs them. */
export async function readable(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}

/** Nobody wants to know. */
function ignore(): void {}

/** What was read is read, whatever closing says. */
function close(file: number): void {
  try {
    closeSync(file);
  } catch {
    // Nothing was written, so nothing is lost.
  }
}

function linkTarget(path: string): string | null {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true ? readlinkSync(path) : null;
  } catch {
    return null;
  }
}

function failureOf(path: string, error: unknown): FileFailure {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'EUNKNOWN';
  if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'absent', path };
  if (code === 'EACCES' || code === 'EPERM') return { kind: 'denied', path };
  if (code === 'EISDIR') return { kind: 'not-a-file', path };
  return { kind: 'failed', path, code };
}
