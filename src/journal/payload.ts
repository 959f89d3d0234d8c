import { zstdDecompressSync } from 'node:zlib';
import { fail, ok, type Result } from '../lib/result.ts';
import { unpackLz4Block } from './lz4.ts';

/** Compressions of a data object (systemd: journal-def.h, OBJECT_COMPRESSED_*). */
const compression = { xz: 1, lz4: 2, zstd: 4 } as const;

/** Why a payload could not be unpacked. */
export type UnpackFailure = 'damaged' | 'too-large';

/** Unpacks a data object's payload to at most `most` bytes. */
export function unpack(stored: Buffer, flags: number, most: number): Result<Buffer, UnpackFailure> {
  if (flags === compression.zstd) return unpackZstd(stored, most);
  // LZ4 has the unpacked size in front, 64 bits wide (systemd: compress.c, decompress_blob_lz4).
  if (flags !== compression.lz4 || stored.length <= 8) return fail('damaged');
  const size = stored.readUInt32LE(0) + stored.readUInt32LE(4) * 0x1_0000_0000;
  // No LZ4 block unpacks to more than 255 times its size: a larger number is damage, and must not be allocated.
  if (size > stored.length * 255) return fail('damaged');
  if (size > most) return fail('too-large');
  const unpacked = unpackLz4Block(stored.subarray(8), size);
  return unpacked === null
    ? fail('damaged')
    : ok(Buffer.from(unpacked.buffer, unpacked.byteOffset, unpacked.byteLength));
}

function unpackZstd(stored: Buffer, most: number): Result<Buffer, UnpackFailure> {
  try {
    return ok(zstdDecompressSync(stored, { maxOutputLength: most }));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    return fail(code === 'ERR_BUFFER_TOO_LARGE' ? 'too-large' : 'damaged');
  }
}
