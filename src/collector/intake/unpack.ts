import { promisify } from 'node:util';
import {
  brotliDecompress,
  brotliDecompressSync,
  constants,
  gunzip,
  gunzipSync,
  inflate,
  inflateSync,
  zstdDecompress,
  zstdDecompressSync,
} from 'node:zlib';
import { isRecord } from '../../lib/json.ts';

/** A content coding that is taken (RFC 9110, section 8.4.1; RFC 8878). */
export type Coding = 'gzip' | 'x-gzip' | 'deflate' | 'br' | 'zstd' | 'identity';

/** A body as it came. */
export interface PackedBody {
  readonly bytes: Uint8Array;
  readonly coding: Coding;
}

/** Whether it is one. */
export function isPacked(value: unknown): value is PackedBody {
  return isRecord(value) && value.bytes instanceof Uint8Array && codingOf(String(value.coding)) !== null;
}

/** What becomes of it. */
export type Unpacked = Uint8Array | 'too-long' | 'damaged';

interface Unpacker {
  readonly now: (data: Uint8Array, options: Bounds) => Buffer;
  readonly soon: (data: Uint8Array, options: Bounds) => Promise<Buffer>;
}

interface Bounds {
  readonly maxOutputLength: number;
  readonly params?: Readonly<Record<number, number>>;
}

/** A window of 8 MiB, twice the longest body: what asks for more would take that much memory before its first byte. */
const zstdParams = { [constants.ZSTD_d_windowLogMax]: 23 };

const later = {
  gunzip: promisify(gunzip),
  inflate: promisify(inflate),
  brotli: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
};
const ofGzip: Unpacker = { now: gunzipSync, soon: later.gunzip };

/** Null: as it is. */
const unpackers: Readonly<Record<Coding, Unpacker | null>> = {
  gzip: ofGzip,
  'x-gzip': ofGzip,
  deflate: { now: inflateSync, soon: later.inflate },
  br: { now: brotliDecompressSync, soon: later.brotli },
  zstd: {
    now: (data, options) => zstdDecompressSync(data, { ...options, params: zstdParams }),
    soon: (data, options) => later.zstd(data, { ...options, params: zstdParams }),
  },
  identity: null,
};

/** The coding of this name; null: it is none that is taken. */
export function codingOf(name: string): Coding | null {
  return isCoding(name) ? name : null;
}

/** Names for callers who use another. */
export const codingNames = Object.keys(unpackers)
  .filter((name) => name !== 'x-gzip')
  .join(', ');

function isCoding(name: string): name is Coding {
  return Object.hasOwn(unpackers, name);
}

/** What is unpacked at once takes less time than handing it to a thread does. */
const smallBytes = 16 * 1024;

/** Whether `unpackNow` is the way. */
export function isSmall({ bytes, coding }: PackedBody): boolean {
  return bytes.length <= smallBytes || unpackers[coding] === null;
}

/** Unpacks at once, bounded by zlib itself. A bomb costs what its bound is, never what it holds. */
export function unpackNow({ bytes, coding }: PackedBody, maxBytes: number): Unpacked {
  const unpacker = unpackers[coding];
  try {
    return unpacker === null ? bytes : unpacker.now(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    return wrongOf(error);
  }
}

/** Larger ones unpacked at a time: as many as Node has threads for it. Each may hold `maxBytes` that nobody has counted yet. */
const maxAtOnce = 4;
let running = 0;
const waiting: (() => void)[] = [];

/** Unpacks beside other work. */
export async function unpackSoon({ bytes, coding }: PackedBody, maxBytes: number): Promise<Unpacked> {
  const unpacker = unpackers[coding];
  if (unpacker === null) return bytes;
  if (running >= maxAtOnce) await new Promise<void>((resolve) => waiting.push(resolve));
  else running++;
  try {
    return await unpacker.soon(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    return wrongOf(error);
  } finally {
    // The place goes to who waits, or is free.
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  }
}

function wrongOf(error: unknown): 'too-long' | 'damaged' {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  return code === 'ERR_BUFFER_TOO_LARGE' ? 'too-long' : 'damaged';
}
