import assert from 'node:assert/strict';
import fc from 'fast-check';
import { unpackLz4Block } from '../../src/journal/lz4.ts';
import { packLz4 } from '../kit/journal-maker.ts';

describe('journal: LZ4 blocks', () => {
  it('come back as they were', () => {
    const chunks = fc.array(fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(Buffer.from('abcabcabcabd'))), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(chunks, fc.nat(3), (parts, times) => {
        const input = Buffer.concat(Array.from({ length: times + 1 }, () => Buffer.concat(parts)));
        const output = unpackLz4Block(packLz4(input), input.length);
        assert.ok(output !== null && input.equals(output));
      }),
    );
  });

  it('repeat over themselves', () => {
    // Token 1 literal + match of 4 + 15 + 3, distance 1; five literals at the end.
    const block = Buffer.from([0x1f, 0x61, 1, 0, 3, 0x50, 0x62, 0x62, 0x62, 0x62, 0x62]);
    assert.equal(Buffer.from(unpackLz4Block(block, 28) ?? []).toString(), `${'a'.repeat(23)}bbbbb`);
  });

  it('end at the first thing that cannot be', () => {
    const input = Buffer.from('the same, the same, the same, the same and the end of it');
    const block = packLz4(input);
    assert.equal(unpackLz4Block(block, input.length - 1), null);
    assert.equal(unpackLz4Block(block, input.length + 1), null);
    for (let length = 0; length < block.length; length++) {
      assert.equal(unpackLz4Block(block.subarray(0, length), input.length), null, `cut at ${length}`);
    }
    assert.equal(unpackLz4Block(Buffer.from([0x10, 0x61, 5, 0]), 9), null, 'a distance before the start');
    assert.equal(unpackLz4Block(Buffer.from([0x10, 0x61, 0, 0]), 9), null, 'no distance');
  });

  it('of any bytes are bounded', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(5000), (bytes, size) => {
        const output = unpackLz4Block(bytes, size);
        assert.ok(output === null || output.length === size);
      }),
    );
  });
});
