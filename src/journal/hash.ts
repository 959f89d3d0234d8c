/**
 * The two hash functions of the journal file format (systemd: docs/JOURNAL_FILE_FORMAT.md, "Basics"): siphash24 keyed
 * by the file's id in files with the keyed-hash flag, Bob Jenkins' lookup3 in older ones. A hash is 64 bits wide and is
 * kept as two unsigned words, because doubles cannot hold it and bigints are slow.
 */
export interface Hash64 {
  high: number;
  low: number;
}

/** A place for a hash; reused by the caller, so that hashing allocates nothing. */
export function emptyHash(): Hash64 {
  return { high: 0, low: 0 };
}

/** True when both hold the same hash. */
export function sameHash(a: Hash64, b: Hash64): boolean {
  return a.high === b.high && a.low === b.low;
}

/**
 * lookup3's `hashlittle2` with both seeds 0 over `bytes`; the first word that it returns is the higher half of the
 * hash (Bob Jenkins, lookup3.c, in the public domain).
 */
export function jenkins(bytes: Uint8Array, out: Hash64): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let left = bytes.length;
  let a = (0xdeadbeef + left) | 0;
  let b = a;
  let c = a;
  let at = 0;
  while (left > 12) {
    a = (a + view.getUint32(at, true)) | 0;
    b = (b + view.getUint32(at + 4, true)) | 0;
    c = (c + view.getUint32(at + 8, true)) | 0;
    a = (a - c) ^ ((c << 4) | (c >>> 28));
    c = (c + b) | 0;
    b = (b - a) ^ ((a << 6) | (a >>> 26));
    a = (a + c) | 0;
    c = (c - b) ^ ((b << 8) | (b >>> 24));
    b = (b + a) | 0;
    a = (a - c) ^ ((c << 16) | (c >>> 16));
    c = (c + b) | 0;
    b = (b - a) ^ ((a << 19) | (a >>> 13));
    a = (a + c) | 0;
    c = (c - b) ^ ((b << 4) | (b >>> 28));
    b = (b + a) | 0;
    at += 12;
    left -= 12;
  }
  // Nothing left means that there was nothing at all: then lookup3 returns its start values unmixed.
  if (left > 0) {
    a = (a + tailWord(bytes, at, left)) | 0;
    b = (b + tailWord(bytes, at + 4, left - 4)) | 0;
    c = (c + tailWord(bytes, at + 8, left - 8)) | 0;
    c = ((c ^ b) - ((b << 14) | (b >>> 18))) | 0;
    a = ((a ^ c) - ((c << 11) | (c >>> 21))) | 0;
    b = ((b ^ a) - ((a << 25) | (a >>> 7))) | 0;
    c = ((c ^ b) - ((b << 16) | (b >>> 16))) | 0;
    a = ((a ^ c) - ((c << 4) | (c >>> 28))) | 0;
    b = ((b ^ a) - ((a << 14) | (a >>> 18))) | 0;
    c = ((c ^ b) - ((b << 24) | (b >>> 8))) | 0;
  }
  out.high = c >>> 0;
  out.low = b >>> 0;
}

/** Up to four bytes at `at` as a little-endian word; 0 when none of the `left` bytes is there. */
function tailWord(bytes: Uint8Array, at: number, left: number): number {
  let word = 0;
  for (let index = 0; index < 4 && index < left; index++) word |= (bytes[at + index] ?? 0) << (8 * index);
  return word;
}

/** siphash24's state: four 64-bit words as pairs of 32-bit ones. */
class Sip {
  private v0h = 0;
  private v0l = 0;
  private v1h = 0;
  private v1l = 0;
  private v2h = 0;
  private v2l = 0;
  private v3h = 0;
  private v3l = 0;

  start(k0h: number, k0l: number, k1h: number, k1l: number): void {
    this.v0h = k0h ^ 0x736f6d65;
    this.v0l = k0l ^ 0x70736575;
    this.v1h = k1h ^ 0x646f7261;
    this.v1l = k1l ^ 0x6e646f6d;
    this.v2h = k0h ^ 0x6c796765;
    this.v2l = k0l ^ 0x6e657261;
    this.v3h = k1h ^ 0x74656462;
    this.v3l = k1l ^ 0x79746573;
  }

  /** Takes in all whole 8-byte words of `view` below `end`; the state lives in local variables meanwhile. */
  words(view: DataView, end: number): void {
    let { v0h, v0l, v1h, v1l, v2h, v2l, v3h, v3l } = this;
    for (let at = 0; at < end; at += 8) {
      const low = view.getInt32(at, true);
      const high = view.getInt32(at + 4, true);
      v3h ^= high;
      v3l ^= low;
      for (let round = 0; round < 2; round++) {
        let sum = (v0l >>> 0) + (v1l >>> 0);
        v0h = (v0h + v1h + (sum > 0xffffffff ? 1 : 0)) | 0;
        v0l = sum | 0;
        let turned = (v1h << 13) | (v1l >>> 19);
        v1l = ((v1l << 13) | (v1h >>> 19)) ^ v0l;
        v1h = turned ^ v0h;
        turned = v0h;
        v0h = v0l;
        v0l = turned;
        sum = (v2l >>> 0) + (v3l >>> 0);
        v2h = (v2h + v3h + (sum > 0xffffffff ? 1 : 0)) | 0;
        v2l = sum | 0;
        turned = (v3h << 16) | (v3l >>> 16);
        v3l = ((v3l << 16) | (v3h >>> 16)) ^ v2l;
        v3h = turned ^ v2h;
        sum = (v0l >>> 0) + (v3l >>> 0);
        v0h = (v0h + v3h + (sum > 0xffffffff ? 1 : 0)) | 0;
        v0l = sum | 0;
        turned = (v3h << 21) | (v3l >>> 11);
        v3l = ((v3l << 21) | (v3h >>> 11)) ^ v0l;
        v3h = turned ^ v0h;
        sum = (v2l >>> 0) + (v1l >>> 0);
        v2h = (v2h + v1h + (sum > 0xffffffff ? 1 : 0)) | 0;
        v2l = sum | 0;
        turned = (v1h << 17) | (v1l >>> 15);
        v1l = ((v1l << 17) | (v1h >>> 15)) ^ v2l;
        v1h = turned ^ v2h;
        turned = v2h;
        v2h = v2l;
        v2l = turned;
      }
      v0h ^= high;
      v0l ^= low;
    }
    this.v0h = v0h;
    this.v0l = v0l;
    this.v1h = v1h;
    this.v1l = v1l;
    this.v2h = v2h;
    this.v2l = v2l;
    this.v3h = v3h;
    this.v3l = v3l;
  }

  /** Four rounds without input, and the hash. */
  finish(out: Hash64): void {
    this.v2l ^= 0xff;
    // A word of zeros changes nothing but runs two rounds: twice that is the four rounds of the end.
    this.words(zeros, 16);
    out.high = (this.v0h ^ this.v1h ^ this.v2h ^ this.v3h) >>> 0;
    out.low = (this.v0l ^ this.v1l ^ this.v2l ^ this.v3l) >>> 0;
  }
}

const zeros = new DataView(new ArrayBuffer(16));
const sip = new Sip();
const last = new DataView(new ArrayBuffer(8));

/** siphash24 of `bytes` with the 16-byte `key` (Aumasson and Bernstein's reference, two and four rounds). */
export function siphash24(bytes: Uint8Array, key: DataView, out: Hash64): void {
  sip.start(key.getUint32(4, true), key.getUint32(0, true), key.getUint32(12, true), key.getUint32(8, true));
  const length = bytes.length;
  const end = length - (length % 8);
  sip.words(new DataView(bytes.buffer, bytes.byteOffset, length), end);
  last.setUint32(0, tailWord(bytes, end, length - end), true);
  last.setUint32(4, tailWord(bytes, end + 4, length - end - 4) | ((length & 0xff) << 24), true);
  sip.words(last, 8);
  sip.finish(out);
}
