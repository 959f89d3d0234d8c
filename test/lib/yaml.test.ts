import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseYaml } from '../../src/lib/yaml.ts';

describe('parseYaml', () => {
  it('tells the line of every key and item, through aliases too', () => {
    const text = '# head\na: 1\nb:\n  c: [x, y]\n  d:\n    - e: 2\n    - f\ng: &anchor\n  h: 3\ni: *anchor\n';
    const parsed = parseYaml(text, 'file');
    assert.ok(parsed.ok);
    assert.deepEqual(parsed.value.value, { a: 1, b: { c: ['x', 'y'], d: [{ e: 2 }, 'f'] }, g: { h: 3 }, i: { h: 3 } });
    const lines: [(string | number)[], number | null][] = [
      [['a'], 2],
      [['b', 'c', 1], 4],
      [['b', 'd', 0, 'e'], 6],
      [['b', 'd', 1], 7],
      [['i', 'h'], 9],
      [['b', 'x'], null],
      [['b', 'd', 9], null],
      [['a', 'x'], null],
    ];
    for (const [path, line] of lines) assert.equal(parsed.value.lineOf(path), line, path.join('.'));
  });

  it('reads yes and no by the version', () => {
    const value = (version: '1.1' | '1.2') => {
      const parsed = parseYaml('a: no', 'file', version);
      return parsed.ok ? parsed.value.value : null;
    };
    assert.deepEqual(value('1.1'), { a: false });
    assert.deepEqual(value('1.2'), { a: 'no' });
  });

  it('an empty document is null', () => {
    for (const text of ['', '# only a comment\n', '---\n']) {
      const parsed = parseYaml(text, 'file');
      assert.equal(parsed.ok && parsed.value.value, null);
    }
  });

  const broken: [string, string, string, RegExp][] = [
    ['a tab', 'a:\n\tb: 1\n', 'file:2', /tab/],
    ['a duplicate key', 'a: 1\nb: 2\na: s3cret\n', 'file:3', /twice/],
    ['an open quotation mark', 'a: 1\nb: "s3cret\n', 'file', /missing/],
    ['an unknown alias', 'a: *s3cret\n', 'file', /alias/],
    ['two documents', 'a: 1\n---\nb: 2\n', 'file', /more than one/],
  ];
  for (const [what, text, source, message] of broken) {
    it(`refuses ${what} without quoting the file`, () => {
      const parsed = parseYaml(text, 'file');
      assert.ok(!parsed.ok);
      assert.ok(parsed.error.source.startsWith(source), parsed.error.source);
      assert.match(parsed.error.message, message);
      assert.doesNotMatch(parsed.error.message, /s3cret/);
    });
  }

  it('is not blown up by aliases, depth or length', () => {
    const bomb = `a0: &a0 [x,x,x,x,x,x,x,x,x]\n${Array.from({ length: 9 }, (_, at) => `a${at + 1}: &a${at + 1} [${Array(9).fill(`*a${at}`).join(',')}]`).join('\n')}\n`;
    for (const text of [bomb, '['.repeat(200_000), `${'- '.repeat(100_000)}x`, ' '.repeat(2_000_000)]) {
      const start = performance.now();
      assert.equal(parseYaml(text, 'file').ok, false);
      assert.ok(performance.now() - start < 15_000);
    }
  });

  it('never throws', () => {
    const unit = fc.constantFrom(...'ab:- \n\t[]{}"\'&*!|>#%@,?1');
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 60 }), (text) => {
        const parsed = parseYaml(text, 'file');
        if (parsed.ok) parsed.value.lineOf(['a', 0, 'b']);
      }),
      { numRuns: 1000 },
    );
  });
});
