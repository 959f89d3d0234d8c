import { renameSync, rmSync } from 'node:fs';
import type { Log } from '../../lib/log.ts';
import { makeFolder } from '../../lib/make-folder.ts';

/**
 * Opens a database in a file, whose folder is made. One that is damaged, or another program's, is put aside and begun
 * anew, which is said. Throws what SQLite or the file system says otherwise.
 */
export function openDatabaseFile<T extends { readonly close: () => void }>(
  path: string,
  open: (path: string) => T,
  { log, what }: { readonly log: Log; readonly what: string },
): T {
  makeFolder(path.slice(0, path.lastIndexOf('/')));
  try {
    return open(path);
  } catch (error) {
    if (!isDamaged(error)) throw error;
    log.error(`${what} was damaged and is begun anew`, { file: path, aside: `${path}.damaged` });
    renameSync(path, `${path}.damaged`);
    for (const tail of ['-wal', '-shm']) rmSync(`${path}${tail}`, { force: true });
    return open(path);
  }
}

/** SQLITE_CORRUPT and SQLITE_NOTADB (sqlite.org/rescode.html), and a schema that is not ours. */
function isDamaged(error: unknown): boolean {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'errcode') : null;
  return code === 11 || code === 26 || code === 1;
}
