import assert from 'node:assert/strict';
import fc from 'fast-check';
import { stringify } from 'smol-toml';
import { asStrings, asTable, at, parseToml, type TomlPath } from '../../src/node/toml.ts';

function document(text: string) {
  const result = parseToml(text, 'etc/x.toml');
  assert.ok(result.ok, result.ok ? '' : result.error.message);
  return result.value;
}

describe('parseToml', () => {
  it('finds the line of headers, keys, dotted keys, inline tables, array elements and quoted keys', () => {
    const doc = document(`# comment with [a.header] and key = 1
server = "https://a" # trailing [x]
text = """
[not.a.header]
fake = 1
quotes: \\""" and ""\\"
"""
literal = '''
[no]
'''
list = [
  "one", # ]
  [ "two",
    "three" ],
]
dotted . "ke\\u0079".'third' = { inline = 1, deeper.still = [ { x = 1 }, { x = 2 } ] }

[host."https://m:5000"]
  capabilities = ["pull"]
[host."https://m:5000".header]
  x-a = "1"
[[registry]]
location = "a"
[[registry.mirror]]
location = "a1"
[[registry.mirror]]
location = "a2"
[[registry]]
location = "b"
[registry.extra]
k = 1
[[registry.mirror]]
location = "b1"
`);
    const expected: [TomlPath, number][] = [
      [['server'], 2],
      [['text'], 3],
      [['literal'], 8],
      [['list'], 11],
      [['list', 0], 12],
      [['list', 1], 13],
      [['list', 1, 1], 14],
      [['dotted'], 16],
      [['dotted', 'key', 'third', 'inline'], 16],
      [['dotted', 'key', 'third', 'deeper', 'still', 1, 'x'], 16],
      [['host'], 18],
      [['host', 'https://m:5000'], 18],
      [['host', 'https://m:5000', 'capabilities'], 19],
      [['host', 'https://m:5000', 'header'], 20],
      [['host', 'https://m:5000', 'header', 'x-a'], 21],
      [['registry'], 22],
      [['registry', 0, 'location'], 23],
      [['registry', 0, 'mirror', 0, 'location'], 25],
      [['registry', 0, 'mirror', 1, 'location'], 27],
      [['registry', 1], 28],
      [['registry', 1, 'extra', 'k'], 31],
      [['registry', 1, 'mirror', 0, 'location'], 33],
    ];
    for (const [path, line] of expected) assert.equal(doc.lineOf(path), line, JSON.stringify(path));
    assert.equal(doc.lineOf(['fake']), null);
    assert.equal(doc.lineOf(['not']), null);
    assert.deepEqual(doc.headers[0], { names: ['host', 'https://m:5000'], line: 18, array: false });
    assert.equal(doc.headers.length, 8);
    assert.deepEqual(doc.novelties, []);
  });

  it('prefers a table’s own header to the line that implied it, and counts CRLF lines', () => {
    const doc = document('[a.b.c]\r\nx = 1\r\n[a.b]\r\ny = 2\r\n');
    assert.equal(doc.lineOf(['a', 'b']), 3);
    assert.equal(doc.lineOf(['a']), 1);
    assert.equal(doc.lineOf(['a', 'b', 'y']), 4);
  });

  it('takes a byte order mark', () => {
    assert.equal(document('\u{FEFF}a = 1\nb = 2\n').lineOf(['b']), 2);
  });

  it('says line and column of an error, and never quotes the file', () => {
    const result = parseToml('a = 1\npassword = hunter2\n', 'etc/x.toml');
    assert.ok(!result.ok);
    assert.equal(result.error.line, 2);
    assert.equal(result.error.source, 'etc/x.toml:2');
    assert.ok(result.error.column > 1);
    assert.ok(!JSON.stringify(result.error).includes('hunter2'));
  });

  it('places what is missing at the end behind the last line with text', () => {
    for (const text of ['a = 1\nb = [', 'a = 1\nb = [\n', 'a = 1\nb = [\n\n\n']) {
      const result = parseToml(text, 'file');
      assert.deepEqual([result.ok, result.ok ? null : result.error.source], [false, 'file:2'], text);
    }
  });

  it('marks what parsers of TOML 1.0 refuse', () => {
    const kinds = (text: string) => document(text).novelties.map((item) => `${item.kind}:${item.line}`);
    assert.deepEqual(kinds('a = { b = 1, }'), ['trailing-comma-in-inline-table:1']);
    assert.deepEqual(kinds('x = 1\na = { b = 1\n}'), ['newline-in-inline-table:2']);
    assert.deepEqual(kinds('a = {\n  b = 1 }'), ['newline-in-inline-table:1']);
    assert.deepEqual(kinds('a = "\\x41"'), ['escape:1']);
    assert.deepEqual(kinds('a = \'\\x41\'\nb = "\\\\x41"'), []);
    assert.deepEqual(kinds('a = { b = [\n1,\n] }'), []);
  });

  it('finds a line for every key of any document', () => {
    const key = fc.string({ minLength: 1, maxLength: 6 });
    const { tree } = fc.letrec<{ tree: Record<string, unknown>; value: unknown }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.string(),
        fc.boolean(),
        fc.integer(),
        fc.array(fc.string(), { maxLength: 3 }),
        fc.array(tie('tree'), { minLength: 1, maxLength: 3 }),
        tie('tree'),
      ),
      tree: fc.dictionary(key, tie('value'), { maxKeys: 4 }),
    }));
    fc.assert(
      fc.property(tree, (value) => {
        const doc = document(stringify(value));
        const walk = (item: unknown, path: TomlPath): void => {
          if (path.length > 0) assert.notEqual(doc.lineOf(path), null, JSON.stringify(path));
          if (Array.isArray(item)) for (const [index, child] of item.entries()) walk(child, [...path, index]);
          const table = asTable(item);
          if (table !== null) for (const name of Object.keys(table)) walk(at(table, name), [...path, name]);
        };
        walk(doc.value, []);
      }),
      { numRuns: 300 },
    );
  });

  it('never throws', () => {
    const piece = fc.constantFrom(
      '[',
      ']',
      '[[',
      '"',
      "'",
      '"""',
      '\n',
      '=',
      ',',
      '{',
      '}',
      '.',
      'a',
      '1',
      ' ',
      '#',
      '\\',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (parts) => void parseToml(parts.join(''), 'x')),
      {
        numRuns: 3000,
      },
    );
  });
});

describe('parseToml of hostile documents', () => {
  it('does not fill the memory for a key of a hundred thousand dots', () => {
    for (const text of [`${'a.'.repeat(100_000)}b = 1`, `[${'a.'.repeat(100_000)}b]\nc = 1`]) {
      const parsed = parseToml(text, 'etc/x.toml');
      assert.equal(parsed.ok ? parsed.value.lineOf(['a', 'a', 'b']) : null, null);
    }
  });
});

describe('readers of foreign tables', () => {
  it('see own keys only, and no table in a date or a list', () => {
    const { value } = document('d = 2020-01-01\nl = ["a"]\nm = ["a", 1]\n__proto__.x = 1\n');
    assert.equal(at(value, 'constructor'), undefined);
    assert.notEqual(at(value, '__proto__'), undefined);
    assert.equal(asTable(at(value, 'd')), null);
    assert.equal(asTable(at(value, 'l')), null);
    assert.deepEqual(asStrings(at(value, 'l')), ['a']);
    assert.equal(asStrings(at(value, 'm')), null);
  });
});
