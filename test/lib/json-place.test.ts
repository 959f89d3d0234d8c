import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseJson } from '../../src/lib/json.ts';
import { jsonErrorPlace } from '../../src/lib/json-place.ts';

describe('lib: where a text stops being JSON', () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ['{"a": [1, -2.5e3, "x\\u0041", true, null, {}]}', null],
    ['\ufeff[]', null],
    ['', 'line 1, column 1'],
    ['  ', 'line 1, column 3'],
    ['nothing', 'line 1, column 1'],
    ['{"a":1,}', 'line 1, column 8'],
    ['{"a":\n [1,2', 'line 2, column 6'],
    ['[1 2]', 'line 1, column 4'],
    ['{"a" 1}', 'line 1, column 6'],
    ['{1: 2}', 'line 1, column 2'],
    ['[}', 'line 1, column 2'],
    ['{} {}', 'line 1, column 4'],
    ['["a\nb"]', 'line 1, column 2'],
    ['[01]', 'line 1, column 3'],
  ];
  for (const [text, place] of cases) {
    it(`${JSON.stringify(text)}: ${place ?? 'is JSON'}`, () => assert.equal(jsonErrorPlace(text), place));
  }

  it('agrees with the engine about what JSON is', () => {
    const word = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"a"',
      '"',
      '1',
      '-',
      '0',
      '.5',
      'e1',
      'true',
      'null',
      ' ',
      '\n',
      '\\',
      'x',
    );
    const broken = fc.array(word, { maxLength: 12 }).map((words) => words.join(''));
    fc.assert(
      fc.property(fc.oneof(broken, fc.json()), (text) => {
        assert.equal(jsonErrorPlace(text) === null, parseJson(text) !== undefined, text);
      }),
      { numRuns: 5000 },
    );
  });

  it('does not mind how deep or long it is', () => {
    assert.equal(jsonErrorPlace('['.repeat(1_000_000)), 'line 1, column 1000001');
  });
});
