import assert from 'node:assert/strict';
import { parseGoDuration } from '../../src/node/go-duration.ts';

describe('parseGoDuration', () => {
  it('takes no longer for digits that may be read in many ways', () => {
    // Each of them twice as long as the one before, by a pattern that could.
    assert.equal(parseGoDuration(`${'00m'.repeat(60)}x`), null);
  });

  const cases: [string, number | null][] = [
    ['3s', 3000],
    ['1m30s', 90_000],
    ['500ms', 500],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['2.s', 2000],
    ['1h1h', 7_200_000],
    ['100us', 0.1],
    ['-2s', -2000],
    ['+2s', 2000],
    ['0', 0],
    ['-0', -0],
    ['3', null],
    ['', null],
    ['s', null],
    ['1 s', null],
    ['1d', null],
    ['.s', null],
  ];
  for (const [text, milliseconds] of cases) {
    it(JSON.stringify(text), () => assert.equal(parseGoDuration(text), milliseconds));
  }
});
