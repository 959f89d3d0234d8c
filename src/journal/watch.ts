import { type FSWatcher, watch } from 'node:fs';

/**
 * How often files are looked at where events come, and where none do (a network file system, or inotify's limit is
 * reached). journald makes one within a quarter of a second by truncating its file to the size that it has
 * (journal-file.c, journal_file_post_change), for what is written to memory maps makes none: others may not.
 */
const watchedMs = 1000;
const pollMs = 250;

/** Wakes when something in folders changes, and in any case often enough. */
export class FolderWatch {
  private readonly watchers = new Map<string, FSWatcher>();
  private wake: (() => void) | null = null;
  private changed = false;
  private moved = false;
  private unwatched = false;
  private poll: { readonly ms: number; readonly timer: NodeJS.Timeout } | null = null;

  /** Watches these folders from now on. A folder that cannot be watched is polled only. */
  set(folders: readonly string[]): void {
    for (const [folder, watcher] of this.watchers) {
      if (folders.includes(folder)) continue;
      watcher.close();
      this.watchers.delete(folder);
    }
    for (const folder of folders) {
      if (this.watchers.has(folder)) continue;
      try {
        const watcher = watch(folder, { persistent: false }, (kind) => {
          this.changed = true;
          this.moved ||= kind === 'rename';
          // Who looks now need not look again before the time has passed.
          this.poll?.timer.refresh();
          this.wake?.();
        });
        watcher.on('error', () => {
          watcher.close();
          this.watchers.delete(folder);
          this.unwatched = true;
        });
        this.watchers.set(folder, watcher);
      } catch {
        // No inotify here: polling does.
      }
    }
    this.unwatched = this.watchers.size < new Set(folders).size;
  }

  /**
   * True when files came or went since this was asked last, as far as events say. Where none come it is true at each
   * poll: a folder's time has the steps of the kernel's clock (4 ms), too coarse to tell a file that came just after
   * a look from one that came just before it, as the two steps of a rotation do.
   */
  takeMoved(): boolean {
    const { moved } = this;
    this.moved = false;
    return moved;
  }

  /** Resolves at a change since the last wait, at the next poll, or when the signal aborts. */
  wait(signal: AbortSignal | undefined): Promise<void> {
    if (this.changed || signal?.aborted === true) {
      this.changed = false;
      // A writer at full speed makes an event for each entry: let others run in between.
      return new Promise((resolve) => setImmediate(resolve));
    }
    this.startPoll(this.unwatched ? pollMs : watchedMs);
    return new Promise((resolve) => {
      const done = () => {
        signal?.removeEventListener('abort', done);
        this.wake = null;
        this.changed = false;
        resolve();
      };
      signal?.addEventListener('abort', done);
      this.wake = done;
    });
  }

  /** One timer for all waits: a new one for each costs more than the look that it is for. */
  private startPoll(ms: number): void {
    if (this.poll?.ms === ms) return;
    clearInterval(this.poll?.timer);
    this.poll = { ms, timer: setInterval(() => this.tick(), ms) };
  }

  private tick(): void {
    this.moved ||= this.unwatched;
    this.wake?.();
  }

  close(): void {
    clearInterval(this.poll?.timer);
    this.poll = null;
    for (const watcher of this.watchers.values()) watcher.close();
    this.watchers.clear();
    this.wake?.();
  }
}
