import { readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { limits } from '../lib/limits.ts';

/** A journal file that was found. */
export interface FoundFile {
  readonly path: string;
  /** Device and inode. */
  readonly identity: string;
  readonly size: number;
}

/** What the journal folders hold. */
export interface Found {
  readonly files: readonly FoundFile[];
  /** Folders that were read, for watching. */
  readonly folders: readonly string[];
  /** Roots that exist. */
  readonly present: readonly string[];
  /** The first folder that may not be read. */
  readonly denied: string | null;
  /** Machine ids that folders are named after, those left out too. */
  readonly machines: readonly string[];
  /** True when there were more files than are opened. */
  readonly tooMany: boolean;
}

/** A machine's folder, or one of its namespaces (`<id>.<namespace>`). */
const machineFolder = /^([0-9a-f]{32})(?:\.[\w@:.-]+)?$/;
/** `.journal~` are files that were not closed properly and put aside. */
const journalFile = /\.journal~?$/;

/**
 * Looks for journal files in folders and in their machines' folders, as `journalctl -D` does. With a machine id only
 * that machine's folders are entered; files that lie in a root itself are always taken.
 */
export function findFiles(directories: readonly string[], machineId: string | null): Found {
  const files = new Map<string, FoundFile>();
  const folders: string[] = [];
  const present: string[] = [];
  const machines = new Set<string>();
  let denied: string | null = null;
  let tooMany = false;

  const list = (folder: string): readonly string[] | null => {
    try {
      return readdirSync(folder).sort();
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : '';
      if (code === 'EACCES' || code === 'EPERM') denied ??= folder;
      return null;
    }
  };
  const take = (folder: string, names: readonly string[]) => {
    folders.push(folder);
    for (const name of names) {
      if (!journalFile.test(name)) continue;
      const path = join(folder, name);
      const facts = statOf(path);
      if (facts === null || !facts.isFile()) continue;
      const identity = `${facts.dev}:${facts.ino}`;
      if (files.size >= limits.journalFiles && !files.has(identity)) tooMany = true;
      else files.set(identity, { path, identity, size: facts.size });
    }
  };

  for (const root of directories) {
    const names = list(root);
    if (names === null) continue;
    present.push(root);
    const own = machineFolder.exec(basename(root))?.[1];
    if (own !== undefined) machines.add(own);
    take(root, names);
    for (const name of names) {
      const machine = machineFolder.exec(name)?.[1];
      if (machine === undefined) continue;
      machines.add(machine);
      if (machineId !== null && machine !== machineId) continue;
      const inner = list(join(root, name));
      if (inner !== null) take(join(root, name), inner);
    }
  }
  return { files: [...files.values()], folders, present, denied, machines: [...machines], tooMany };
}

function statOf(path: string) {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}
