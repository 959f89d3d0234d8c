import assert from 'node:assert/strict';
import fc from 'fast-check';
import { nearest } from '../../src/lib/nearest.ts';

const nginx = [
  '1.25',
  '1.26',
  '1.27',
  '1.27.0',
  '1.27.5',
  '1.27-alpine',
  '1.29',
  'alpine',
  'latest',
  'mainline',
  'stable',
  'perl',
];

describe('nearest', () => {
  // wanted, candidates, the answer (its first names)
  const table: [string, string[], string[]][] = [
    ['1.9.9', ['1.9', '1.99', '2.0', 'latest'], ['1.99']],
    ['1.99', nginx, ['1.29']],
    ['1.27.9', ['1.27.1', '1.27.8', '1.17.9', '2.27.9'], ['1.27.8', '1.27.1', '1.17.9']],
    ['v1.2', ['1.2', '1.3', 'v1.3', 'v2.1'], ['1.2', 'v1.3']],
    ['1.2', ['v1.2', '1.3', '2'], ['v1.2', '1.3']],
    ['V1.2', ['v1.2', '1.2'], ['v1.2', '1.2']],
    ['Latest', ['latest', 'stable'], ['latest']],
    ['latst', nginx, ['latest']],
    ['latset', nginx, ['latest']],
    ['stabel', nginx, ['stable']],
    ['latest', ['latest-alpine', '1.0', '1.10', '1.9'], ['latest-alpine', '1.10', '1.9']],
    ['latest', ['1.0', '1.10-rc1', '1.9', 'main'], ['1.9', '1.0']],
    ['1.27-alpin', nginx, ['1.27-alpine']],
    ['1.27-alpine3.20', nginx, ['1.27-alpine']],
    ['1.26-alpine', ['1.26', '1.27-alpine', '1.20-alpine', 'alpine'], ['1.27-alpine', '1.20-alpine', '1.26']],
    ['1.28', ['1.28.0', '1.28.3', '1.28-alpine'], ['1.28.3', '1.28.0', '1.28-alpine']],
    ['3.0.0', ['1.0.0', '2.9.1', '2.10.4', 'edge'], ['1.0.0', '2.10.4', '2.9.1']],
    ['20240105', ['20240101', '20240104', '7'], ['20240104', '20240101']],
    ['team/ap', ['team/app', 'team/api', 'other/app'], ['team/api', 'team/app']],
    ['main', ['7f3a2c1', 'sha256-abc.sig'], []],
    ['1.2.3', [], []],
    ['', ['a'], []],
    ['a', ['b', 'ab'], []],
  ];
  for (const [wanted, candidates, expected] of table) {
    it(`${wanted} of ${candidates.slice(0, 5).join(' ')}`, () => {
      const found = nearest(wanted, candidates);
      assert.deepEqual(found.slice(0, Math.max(expected.length, expected.length === 0 ? 3 : 0)), expected);
    });
  }

  it('returns at most max, each name once, never the wanted one', () => {
    const found = nearest('1.2.3', ['1.2.3', '1.2.4', '1.2.4', '1.2.5', '1.2.6'], { max: 2 });
    assert.deepEqual(found, ['1.2.4', '1.2.5']);
    assert.deepEqual(nearest('1.2.3', ['1.2.4'], { max: 0 }), []);
  });

  it('looks at limit candidates and no further', () => {
    let taken = 0;
    function* endless() {
      for (;;) yield `1.2.${taken++}`;
    }
    assert.equal(nearest('1.2.x', endless(), { limit: 1000 }).length, 3);
    assert.ok(taken <= 1001);
  });

  it('finds exactly what is within the distance of plain optimal string alignment', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd'), minLength: 6, maxLength: 16 });
    const pair = fc.oneof(
      fc.tuple(word, word),
      fc
        .tuple(word, fc.array(fc.tuple(fc.nat(20), fc.nat(1), fc.constantFrom('', 'a', 'd')), { maxLength: 5 }))
        .map(([text, edits]): [string, string] => [
          text,
          edits.reduce((now, [at, drop, put]) => {
            const where = at % (now.length + 1);
            return now.slice(0, where) + put + now.slice(where + drop);
          }, text),
        ]),
      fc.tuple(word, fc.nat(20)).map(([text, at]): [string, string] => {
        const where = at % (text.length - 1);
        return [text, text.slice(0, where) + text[where + 1] + text[where] + text.slice(where + 2)];
      }),
    );
    fc.assert(
      fc.property(pair, ([wanted, other]) => {
        fc.pre(wanted !== other && other !== '');
        const near = alignment(wanted, other) <= Math.min(4, Math.floor(wanted.length / 3));
        assert.deepEqual(nearest(wanted, [other]), near ? [other] : []);
      }),
      { numRuns: 2000 },
    );
  });

  it('does not depend on the order of the candidates', () => {
    const tag = fc.oneof(
      fc.tuple(fc.nat(3), fc.nat(30), fc.nat(5)).map((numbers) => numbers.join('.')),
      fc.tuple(fc.nat(3), fc.nat(30), fc.constantFrom('-alpine', '-slim', '')).map(([a, b, c]) => `v${a}.${b}${c}`),
      fc.constantFrom('latest', 'stable', 'main', 'latest-alpine'),
    );
    fc.assert(
      fc.property(tag, fc.array(tag, { maxLength: 20 }), (wanted, tags) => {
        const found = nearest(wanted, tags);
        assert.deepEqual(nearest(wanted, [...tags].reverse()), found);
        assert.equal(new Set(found).size, found.length);
      }),
    );
  });

  it('takes 100,000 candidates in a moment', () => {
    const tags = Array.from(
      { length: 100_000 },
      (_, at) => `v1.${at % 500}.${Math.floor(at / 500)}-build.${at}-alpine`,
    );
    const start = performance.now();
    assert.equal(nearest('v1.400.77-build.12345-alpin', tags).length, 3);
    nearest(
      'x'.repeat(120),
      Array.from({ length: 100_000 }, (_, at) => `${'x'.repeat(100)}${at.toString(36).padStart(20, 'y')}`),
    );
    assert.ok(performance.now() - start < 5000);
  });
});

/** Optimal string alignment by the textbook, whole matrix. */
function alignment(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) =>
    Array.from({ length: b.length + 1 }, (_, j) => (i === 0 ? j : j === 0 ? i : 0)),
  );
  const at = (i: number, j: number) => rows[i]?.[j] ?? Number.POSITIVE_INFINITY;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const replaced = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
          ? at(i - 2, j - 2) + 1
          : Number.POSITIVE_INFINITY;
      const row = rows[i];
      if (row !== undefined) row[j] = Math.min(replaced, at(i - 1, j) + 1, at(i, j - 1) + 1, swapped);
    }
  }
  return at(a.length, b.length);
}
