import { lstatSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import type { HostObserver } from './host-files.ts';

/** What was looked at, so that it can be told later whether all of it is as it was. */
export interface FileMarks {
  readonly observe: HostObserver;
  /** Whether anything has changed since it was observed; as soon as something has, always. */
  readonly changed: () => boolean;
}

interface Mark {
  readonly how: Parameters<HostObserver>[1];
  readonly text: string;
}

/**
 * Times of files are kept to a few milliseconds (the kernel's tick), so that a second change in the same moment would go
 * unseen: what changed so shortly before it was read is read again.
 */
const youngMs = 50;

/**
 * Keeps marks (device, inode, size and times) of what is read below `root`. What lies in /proc and /sys has none: the
 * kernel makes these up anew whenever somebody looks. `now` is the wall clock.
 */
export function openFileMarks(root: string, now: () => number): FileMarks {
  const marks = new Map<string, Mark>();
  const kernels = ['proc', 'sys'].map((name) => `${join(root, name)}/`);
  let changed = false;
  return {
    observe(place, how) {
      if (changed || kernels.some((folder) => place.startsWith(folder))) return;
      const known = marks.get(place);
      // What is read has to be as it was, where only its presence counted before.
      if (known !== undefined && (known.how === how || how === 'presence')) return;
      const facts = look(place, how);
      const text = textOf(facts, how);
      if (known !== undefined && known.how !== how && known.how !== 'presence') {
        // One call saw the link and the other what it leads to: both count.
        marks.set(`${place}\0`, { how, text });
      } else marks.set(place, { how, text });
      if (facts !== null && how !== 'presence' && Math.max(facts.mtimeMs, facts.ctimeMs) > now() - youngMs) {
        changed = true;
        marks.clear();
      }
    },
    changed() {
      if (changed) return true;
      for (const [key, { how, text }] of marks) {
        if (textOf(look(key.replace(/\0$/, ''), how), how) === text) continue;
        changed = true;
        marks.clear();
        return true;
      }
      return false;
    },
  };
}

function look(place: string, how: Mark['how']): Stats | null {
  try {
    const read = how === 'lstat' ? lstatSync : statSync;
    return read(place, { throwIfNoEntry: false }) ?? null;
  } catch {
    // Not allowed, a loop, a folder that is a file: not there, as far as a reader is concerned.
    return null;
  }
}

function textOf(facts: Stats | null, how: Mark['how']): string {
  if (facts === null) return '';
  const { dev, ino, mode, size, mtimeMs, ctimeMs } = facts;
  // A folder changes with everything in it, a socket with nothing; a file that is only looked for may be the one that counts.
  if (how === 'presence' && facts.isDirectory()) return `${dev} ${ino} ${mode}`;
  return `${dev} ${ino} ${mode} ${size} ${mtimeMs} ${ctimeMs}`;
}
