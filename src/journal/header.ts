import { fail, ok, type Result } from '../lib/result.ts';

/** What is used of a journal file's header. Offsets and sizes in bytes, times in microseconds, ids in 32 hexadecimal digits. */
export interface Header {
  readonly compact: boolean;
  readonly keyedHash: boolean;
  /** `archived` files are never written to again; `online` ones are being written, or their writer was killed. */
  readonly state: 'offline' | 'online' | 'archived';
  readonly fileId: string;
  readonly machineId: string;
  readonly seqnumId: string;
  readonly headerSize: number;
  /** Where the used part ends, as the header says; the file itself may be shorter. */
  readonly end: number;
  readonly dataHashTable: { readonly offset: number; readonly buckets: number };
  readonly fieldHashTable: { readonly offset: number; readonly buckets: number };
  readonly entryArray: number;
  readonly entries: number;
  readonly headRealtime: number;
  readonly tailRealtime: number;
}

/** Why a file cannot be read by this reader. */
export type HeaderFailure =
  /** It has no header yet: a writer has just made it. */
  | { readonly kind: 'new' }
  | { readonly kind: 'not-a-journal' }
  | { readonly kind: 'unsupported'; readonly features: readonly string[] };

/** Bytes of the header that every version has: all before `n_data` (systemd 187). */
export const headerBytes = 208;

/**
 * The incompatible features of the format (systemd: src/libsystemd/sd-journal/journal-def.h). Those that are read here
 * have no name.
 */
const incompatible: readonly (string | null)[] = ['xz', null, null, null, null, 'segmented'];

/** Reads a header from the file's first bytes. */
export function readHeader(bytes: Buffer): Result<Header, HeaderFailure> {
  if (bytes.length < headerBytes || bytes.every((byte) => byte === 0)) return fail({ kind: 'new' });
  if (bytes.toString('latin1', 0, 8) !== 'LPKSHHRH') return fail({ kind: 'not-a-journal' });
  const flags = bytes.readUInt32LE(12);
  const features: string[] = [];
  for (let bit = 0; bit < 32; bit++) {
    if (((flags >>> bit) & 1) === 0) continue;
    const name = bit < incompatible.length ? incompatible[bit] : `flag ${bit}`;
    if (typeof name === 'string') features.push(name);
  }
  if (features.length > 0) return fail({ kind: 'unsupported', features });

  const u64 = (at: number) => bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 0x1_0000_0000;
  const id = (at: number) => bytes.toString('hex', at, at + 16);
  const headerSize = u64(88);
  const end = headerSize + u64(96);
  if (headerSize < headerBytes || headerSize > 65536 || headerSize % 8 !== 0) return fail({ kind: 'not-a-journal' });
  return ok({
    compact: (flags & 16) !== 0,
    keyedHash: (flags & 4) !== 0,
    state: bytes[16] === 2 ? 'archived' : bytes[16] === 1 ? 'online' : 'offline',
    fileId: id(24),
    machineId: id(40),
    seqnumId: id(72),
    headerSize,
    end,
    dataHashTable: { offset: u64(104), buckets: Math.floor(u64(112) / 16) },
    fieldHashTable: { offset: u64(120), buckets: Math.floor(u64(128) / 16) },
    entryArray: u64(176),
    entries: u64(152),
    headRealtime: u64(184),
    tailRealtime: u64(192),
  });
}
