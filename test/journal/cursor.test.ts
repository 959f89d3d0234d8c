import assert from 'node:assert/strict';
import fc from 'fast-check';
import { compareLocations, formatCursor, type Location, parseCursor } from '../../src/journal/cursor.ts';

const id = fc.stringMatching(/^[0-9a-f]{32}$/);
const word = fc.nat(0xffff_ffff);
const locations = fc.record({
  seqnumId: id,
  seqnum: fc.maxSafeNat(),
  bootId: id,
  monotonic: fc.maxSafeNat(),
  realtime: fc.maxSafeNat(),
  xorHigh: word,
  xorLow: word,
});

const one: Location = {
  seqnumId: '7c55ff0ce1a8492887fbfb61f9eda257',
  seqnum: 0x1935,
  bootId: '379b4f5ece2e4290b82bfd6f34ad8c69',
  monotonic: 0x7ebfef32,
  realtime: 0x660db325b9066,
  xorHigh: 0xe1f0812e,
  xorLow: 0x7a90aa36,
};

describe('journal: cursors', () => {
  it("are systemd's", () => {
    const text =
      's=7c55ff0ce1a8492887fbfb61f9eda257;i=1935;b=379b4f5ece2e4290b82bfd6f34ad8c69;m=7ebfef32;t=660db325b9066;x=e1f0812e7a90aa36';
    assert.equal(formatCursor(one), text);
    assert.deepEqual(parseCursor(text), one);
    assert.deepEqual(parseCursor(`${text}\n`), one);
    assert.equal(formatCursor({ ...one, xorHigh: 0, xorLow: 5 }).split('x=')[1], '5');
    assert.equal(formatCursor({ ...one, xorHigh: 1, xorLow: 5 }).split('x=')[1], '100000005');
  });

  it('come back as they were', () => {
    fc.assert(
      fc.property(locations, (location) => assert.deepEqual(parseCursor(formatCursor(location)), { ...location })),
    );
  });

  it('with parts missing count while they say a place', () => {
    assert.equal(parseCursor('t=660db325b9066')?.realtime, one.realtime);
    assert.equal(parseCursor(`s=${one.seqnumId};i=1`)?.seqnum, 1);
    for (const text of ['', 'x=1', 'i=5', `s=${one.seqnumId}`, 'hello', 's=1;i=zz', 't=', `${'t=1;'.repeat(500)}`]) {
      assert.equal(parseCursor(text), null, text);
    }
  });

  it('of any text are taken or refused', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseCursor(text)));
  });

  it('are ordered by number, then boot, then clock, then contents', () => {
    const other = { ...one, seqnumId: 'f'.repeat(32) };
    const cases: readonly (readonly [Location, Location])[] = [
      [one, { ...one, seqnum: one.seqnum + 1, realtime: 1, monotonic: 1 }],
      [one, { ...other, seqnum: 1, monotonic: one.monotonic + 1, realtime: 1 }],
      [one, { ...other, seqnum: 1, bootId: 'e'.repeat(32), monotonic: 1, realtime: one.realtime + 1 }],
      [one, { ...other, xorLow: one.xorLow + 1 }],
    ];
    for (const [first, second] of cases) {
      assert.ok(compareLocations(first, second) < 0);
      assert.ok(compareLocations(second, first) > 0);
    }
    assert.equal(compareLocations(one, { ...one }), 0);
  });
});
