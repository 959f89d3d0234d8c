import { opendirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { limits } from '../lib/limits.ts';

/** An open file of a process. */
export interface OpenFile {
  /** Its number, as the names in /proc/PID/fd have it. */
  readonly name: string;
  /**
   * What it is; empty for one that was closed since the folder was listed, null where that may not be read. The names may be
   * seen by whoever has the process's user, their targets not (proc(5), PTRACE_MODE_READ).
   */
  readonly link: string | null;
}

/**
 * Goes through a process's open files, so many at most; `folder`: its /proc/PID/fd. Throws where that cannot be listed.
 * Synchronous: one turn through the thread pool for each link costs ten times as much.
 */
export function* openFiles(folder: string): Generator<OpenFile, void, undefined> {
  const files = opendirSync(folder, { bufferSize: 256 });
  try {
    for (let count = 0; count < limits.openFiles; count++) {
      const file = files.readSync();
      if (file === null) break;
      yield { name: file.name, link: linkOf(join(folder, file.name)) };
    }
  } finally {
    files.closeSync();
  }
}

/** Whether this user may not look there. */
export function isDenied(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EACCES' || error.code === 'EPERM');
}

function linkOf(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch (error) {
    return isDenied(error) ? null : '';
  }
}
