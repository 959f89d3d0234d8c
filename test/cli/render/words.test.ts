import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import {
  count,
  duration,
  listed,
  shortDigest,
  size,
  visible,
  withoutPlace,
  wrap,
} from '../../../src/cli/render/words.ts';

describe('cli/render/words', () => {
  it('writes times as people say them', () => {
    const cases: [number, string][] = [
      [0, '<1 ms'],
      [0.4, '<1 ms'],
      [1, '1 ms'],
      [12.6, '13 ms'],
      [999.6, '1.0 s'],
      [1000, '1 s'],
      [3300, '3.3 s'],
      [5000, '5 s'],
      [12_345, '12 s'],
    ];
    for (const [ms, words] of cases) assert.equal(duration(ms), words);
  });

  it('writes sizes in binary units', () => {
    const cases: [number, string][] = [
      [0, '0 bytes'],
      [1, '1 byte'],
      [1023, '1023 bytes'],
      [1024, '1 KiB'],
      [1536, '1.5 KiB'],
      [300_000, '293 KiB'],
      [1024 * 1024 - 1, '1.0 MiB'],
      [5 * 1024 ** 3, '5 GiB'],
    ];
    for (const [bytes, words] of cases) assert.equal(size(bytes), words);
  });

  it('lists, counts and shortens', () => {
    assert.equal(listed([]), '');
    assert.equal(listed(['a']), 'a');
    assert.equal(listed(['a', 'b', 'c']), 'a, b and c');
    assert.equal(listed(['a', 'b', 'c', 'd', 'e', 'f']), 'a, b, c and 3 more');
    assert.equal(count(1, 'entry', 'entries'), '1 entry');
    assert.equal(count(2, 'entry', 'entries'), '2 entries');
    assert.equal(shortDigest(`sha256:${'ab'.repeat(32)}`), 'sha256:abababababab');
    assert.equal(shortDigest('1.27'), '1.27');
  });

  it('takes the place off a message that stands behind it, and no more', () => {
    assert.equal(withoutPlace('connecting to [::1]:443: connection refused'), 'connection refused');
    assert.equal(withoutPlace('asking 10.0.0.2:53 over UDP: no answer in 1000 ms'), 'no answer in 1000 ms');
    assert.equal(withoutPlace('proxy http://p:3128, asked for r:443: it answers 403'), 'it answers 403');
    assert.equal(withoutPlace('404 Not Found: MANIFEST_UNKNOWN'), '404 Not Found: MANIFEST_UNKNOWN');
  });

  it('makes control characters and marks of direction visible as spaces', () => {
    assert.equal(visible('a\u001b[31mb\r\nc\u202ed\u009b2Je'), 'a [31mb c d 2Je');
  });

  it('wraps without losing, breaking or widening anything', () => {
    const word = fc.string({ minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(fc.array(word, { maxLength: 40 }), fc.integer({ min: 20, max: 120 }), (words, width) => {
        const text = words.join(' ');
        const lines = wrap(text, width, '  → ');
        const got = lines.join(' ').replace('→', '').split(/\s+/u).filter(Boolean);
        assert.deepEqual(
          got,
          visible(text)
            .split(/\s+/u)
            .filter(Boolean)
            .flatMap((one) => (one === '→' ? [] : [one])),
        );
        for (const line of lines) {
          const glued = line.trim().replace(/(\d) (?=(?:ms|s|min|h|%|bytes?|[KMGT]iB|days?)(?![a-z]))/gu, '$1_');
          assert.ok(line.length <= width || !/\s/u.test(glued.replace('→ ', '')), JSON.stringify(line));
        }
      }),
    );
  });

  it('keeps a number with its unit, and a long name whole', () => {
    assert.deepEqual(wrap('it took about 3300 ms', 19), ['it took about', '3300 ms']);
    const host = `${'a'.repeat(90)}.example`;
    assert.deepEqual(wrap(`see ${host} there`, 40, '- '), ['- see', `  ${host}`, '  there']);
  });
});
