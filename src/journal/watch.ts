import { type FSWatcher, watch } from 'node:fs';

/** How often files are looked at where no event comes: entries are written to memory maps, which often makes none. */
const pollMs = 250;

/** Wakes when something in folders changes, and in any case often enough. */
export class FolderWatch {
  private readonly watchers = new Map<string, FSWatcher>();
  private wake: (() => void) | null = null;
  private changed = false;

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
        const watcher = watch(folder, { persistent: false }, () => {
          this.changed = true;
          this.wake?.();
        });
        watcher.on('error', () => {
          watcher.close();
          this.watchers.delete(folder);
        });
        this.watchers.set(folder, watcher);
      } catch {
        // No inotify here (a network file system, or its limit is reached): polling does.
      }
    }
  }

  /** Resolves at a change since the last wait, at the next poll, or when the signal aborts. */
  wait(signal: AbortSignal | undefined): Promise<void> {
    if (this.changed || signal?.aborted === true) {
      this.changed = false;
      // A writer at full speed makes an event for each entry: let others run in between.
      return new Promise((resolve) => setImmediate(resolve));
    }
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        this.wake = null;
        this.changed = false;
        resolve();
      };
      const timer = setTimeout(done, pollMs);
      signal?.addEventListener('abort', done);
      this.wake = done;
    });
  }

  close(): void {
    for (const watcher of this.watchers.values()) watcher.close();
    this.watchers.clear();
    this.wake?.();
  }
}
