import assert from 'node:assert/strict';
import { emptyHash, jenkins, siphash24 } from '../../src/journal/hash.ts';

function hex(hash: { high: number; low: number }): string {
  return hash.high.toString(16).padStart(8, '0') + hash.low.toString(16).padStart(8, '0');
}

describe('journal: hashes', () => {
  // The vectors of the siphash paper's reference code: key 00…0f, input 00, 01, … of each length.
  const vectors: readonly (readonly [length: number, hash: string])[] = [
    [0, '726fdb47dd0e0e31'],
    [1, '74f839c593dc67fd'],
    [7, 'ab0200f58b01d137'],
    [8, '93f5f5799a932462'],
    [15, 'a129ca6149be45e5'],
    [16, '3f2acc7f57c29bdb'],
    [63, '958a324ceb064572'],
  ];
  for (const [length, expected] of vectors) {
    it(`siphash24 of ${length} bytes`, () => {
      const key = new DataView(new ArrayBuffer(16));
      for (let index = 0; index < 16; index++) key.setUint8(index, index);
      const hash = emptyHash();
      siphash24(
        Uint8Array.from({ length }, (_, index) => index),
        key,
        hash,
      );
      assert.equal(hex(hash), expected);
    });
  }

  // The self test of lookup3.c (driver5).
  it('lookup3 as its author tests it', () => {
    const hash = emptyHash();
    jenkins(Buffer.from(''), hash);
    assert.equal(hex(hash), 'deadbeefdeadbeef');
    jenkins(Buffer.from('Four score and seven years ago'), hash);
    assert.equal(hex(hash), '17770551ce7226e6');
  });
});
