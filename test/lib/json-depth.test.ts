import assert from 'node:assert/strict';
import { parseJson } from '../../src/lib/json.ts';

describe('lib: json depth', () => {
  const long = 'x'.repeat(70_000);

  it('takes no text whose nesting is all that it has', () => {
    assert.equal(parseJson('['.repeat(2_000_000)), undefined);
    assert.equal(parseJson(`${'['.repeat(40_000)}${']'.repeat(40_000)}`), undefined);
    assert.equal(parseJson(`${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`), undefined);
  });

  it('takes long texts that are not deep, brackets within strings too', () => {
    for (const value of [
      [long],
      { a: '['.repeat(1000), b: long },
      { a: '\\"[[[{{{', b: [[[[long]]]] },
      Array.from({ length: 20_000 }, () => [{}]),
    ]) {
      assert.deepEqual(parseJson(JSON.stringify(value)), value);
    }
  });
});
