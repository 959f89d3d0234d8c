import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  addSeqs,
  hasSeq,
  type Intervals,
  readIntervals,
  writeIntervals,
} from '../../../src/collector/store/intervals.ts';

describe('collector: intervals of what was seen', () => {
  const cases: readonly (readonly [before: string, seqs: readonly number[], after: string])[] = [
    ['', [], ''],
    ['', [1], '1-1'],
    ['1-1', [2], '1-2'],
    ['1-3', [7, 5], '1-3,5-5,7-7'],
    ['1-3,5-5,7-7', [6, 4], '1-7'],
    ['5-9', [6, 6], '5-9'],
    ['5-9', [4], '4-9'],
  ];
  for (const [before, seqs, after] of cases) {
    it(`adds ${seqs.join(', ') || 'nothing'} to ${before || 'nothing'}`, () => {
      assert.equal(writeIntervals(addSeqs(readIntervals(before) ?? [], seqs)), after);
    });
  }

  it('closes the lowest gaps beyond a bound, and forgets nothing that was seen', () => {
    assert.equal(writeIntervals(addSeqs([], [1, 3, 5, 7, 9], 3)), '1-5,7-7,9-9');
    assert.equal(writeIntervals(addSeqs([], [1, 3, 5], 1)), '1-5');
  });

  it('has what was added, in any order, and nothing else', () => {
    fc.assert(
      fc.property(fc.array(fc.array(fc.integer({ min: 1, max: 60 }))), (adds) => {
        let intervals: Intervals = [];
        for (const seqs of adds) intervals = addSeqs(intervals, seqs);
        const all = new Set(adds.flat());
        for (let seq = 0; seq <= 62; seq++) assert.equal(hasSeq(intervals, seq), all.has(seq), `${seq}`);
        assert.deepEqual(readIntervals(writeIntervals(intervals)), intervals);
        for (const [index, [from]] of intervals.entries()) {
          if (index > 0) assert.ok(from > (intervals[index - 1]?.[1] ?? 0) + 1, 'they do not touch');
        }
      }),
    );
  });

  it('reads nothing else than it writes', () => {
    for (const text of ['x', '1', '1-2-3', '1-2,', '-1-2', '1e3-4', '12345678901234567-1'])
      assert.equal(readIntervals(text), null, text);
  });
});
