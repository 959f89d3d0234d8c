import { closeSync, fstatSync, readSync } from 'node:fs';

/** Bytes of one page. Entries lie beside their messages, so a page serves some fifty of them. */
export const pageBytes = 32 * 1024;

/**
 * Pages that stay while nothing is read: the ends of the files that are written to. Fewer would be made anew with each
 * line, and V8 collects its whole heap for every 2 MiB of such buffers: that cost an idle agent half of its time.
 */
const idlePages = 16;

interface Page {
  owner: PagedFile | null;
  number: number;
  readonly bytes: Buffer;
  readonly view: DataView;
  /** Bytes that the file really had; behind them are zeros. */
  filled: number;
  used: number;
}

/**
 * The pages of all files of one journal: a bounded number, whichever file they are of. The page that was not used for
 * longest makes room.
 */
export class PageCache {
  private readonly pages: Page[] = [];
  private readonly most: number;
  private clock = 0;

  constructor(bytes: number) {
    this.most = Math.max(4, Math.floor(bytes / pageBytes));
  }

  /** A page for `owner`; what it held before is gone. */
  take(owner: PagedFile, number: number): Page {
    // One that a file has dropped comes first: who follows drops all that it read at each change.
    let page = this.pages.find(({ owner: of }) => of === null);
    if (page === undefined && this.pages.length >= this.most) page = this.oldest();
    if (page === undefined) {
      const bytes = Buffer.alloc(pageBytes);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      page = { owner: null, number: 0, bytes, view, filled: 0, used: 0 };
      this.pages.push(page);
    }
    page.owner?.forget(page.number);
    page.owner = owner;
    page.number = number;
    this.touch(page);
    return page;
  }

  /** Gives memory back, the longest unused first: for who waits until something is written. */
  shrink(): void {
    if (this.pages.length <= idlePages) return;
    this.pages.sort((a, b) => b.used - a.used);
    for (const page of this.pages.splice(idlePages)) page.owner?.forget(page.number);
  }

  touch(page: Page): void {
    page.used = ++this.clock;
  }

  private oldest(): Page | undefined {
    let found = this.pages[0];
    for (const page of this.pages) if (found !== undefined && page.used < found.used) found = page;
    return found;
  }
}

/**
 * One file, read in pages. What lies behind its end, or cannot be read, is zeros: no object of the format is all zeros,
 * so whoever reads there finds no object. Numbers have to be aligned to their size.
 */
export class PagedFile {
  private readonly descriptor: number;
  private readonly cache: PageCache;
  private readonly pages = new Map<number, Page>();
  private current: Page | null = null;
  private open = true;
  /** The code of the last read that failed (EIO), null when none did. */
  failure: string | null = null;

  constructor(descriptor: number, cache: PageCache) {
    this.descriptor = descriptor;
    this.cache = cache;
  }

  /** Bytes of the file now; 0 when it is closed or cannot be asked. */
  size(): number {
    if (!this.open) return 0;
    try {
      return fstatSync(this.descriptor).size;
    } catch {
      return 0;
    }
  }

  u32(offset: number): number {
    const page = this.page(Math.floor(offset / pageBytes));
    return page.view.getUint32(offset % pageBytes, true);
  }

  /** A 64-bit number. Above 2^53 it is not exact: no offset, counter or time of a sound file is as large. */
  u64(offset: number): number {
    const page = this.page(Math.floor(offset / pageBytes));
    const at = offset % pageBytes;
    return page.view.getUint32(at, true) + page.view.getUint32(at + 4, true) * 0x1_0000_0000;
  }

  /** `length` bytes, to be used before anything else is read: they may lie in a page that makes room. */
  bytes(offset: number, length: number): Buffer {
    const at = offset % pageBytes;
    if (at + length <= pageBytes) {
      return this.page(Math.floor(offset / pageBytes)).bytes.subarray(at, at + length);
    }
    return this.fresh(offset, length);
  }

  /** `length` bytes as the file has them now, past all pages. Zeros where it has none. */
  fresh(offset: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    this.read(bytes, offset);
    return bytes;
  }

  /** The same into memory that is there already. */
  readInto(bytes: Buffer, offset: number): void {
    bytes.fill(0, this.read(bytes, offset));
  }

  /** Drops what was read, for a file that was written to since. */
  drop(): void {
    for (const page of this.pages.values()) {
      page.owner = null;
      page.used = 0;
    }
    this.pages.clear();
    this.current = null;
  }

  /** The cache takes a page back. */
  forget(number: number): void {
    if (this.current?.number === number) this.current = null;
    this.pages.delete(number);
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.drop();
    try {
      closeSync(this.descriptor);
    } catch {
      // It was open for reading: nothing can be lost.
    }
  }

  private page(number: number): Page {
    if (this.current !== null && this.current.number === number) return this.current;
    let page = this.pages.get(number);
    if (page === undefined) {
      page = this.cache.take(this, number);
      page.filled = this.read(page.bytes, number * pageBytes);
      if (page.filled < pageBytes) page.bytes.fill(0, page.filled);
      this.pages.set(number, page);
    } else this.cache.touch(page);
    this.current = page;
    return page;
  }

  private read(into: Buffer, offset: number): number {
    let filled = 0;
    try {
      while (this.open && filled < into.length) {
        const count = readSync(this.descriptor, into, filled, into.length - filled, offset + filled);
        if (count === 0) break;
        filled += count;
      }
    } catch (error) {
      this.failure = error instanceof Error && 'code' in error ? String(error.code) : 'EUNKNOWN';
    }
    return filled;
  }
}
