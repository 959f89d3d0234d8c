import assert from 'node:assert/strict';
import { limits } from '../../src/lib/limits.ts';
import { nextPage, parseNames } from '../../src/registry/tags.ts';

const url = new URL('https://reg.corp/v2/a/tags/list?n=2');

describe('parseNames', () => {
  it('reads both lists', () => {
    assert.deepEqual(parseNames(Buffer.from('{"tags":["1","2",3]}'), 'tags'), { ok: true, value: ['1', '2'] });
    assert.deepEqual(parseNames(Buffer.from('{"repositories":["a/b"]}'), 'repositories'), { ok: true, value: ['a/b'] });
    assert.deepEqual(parseNames(Buffer.from('{"tags":null}'), 'tags'), { ok: true, value: [] });
  });
  it('cuts a page of millions, and shows that it is cut', () => {
    const many = parseNames(Buffer.from(`{"tags":[${'"a",'.repeat(1_000_000)}"b"]}`), 'tags');
    assert.equal(many.ok ? many.value.length : 0, limits.listedNames + 1);
  });
  for (const text of ['', '[]', '{}', '<html>', '{"tags":"x"}']) {
    it(`refuses ${text}`, () => assert.ok(!parseNames(Buffer.from(text), 'tags').ok));
  }
});

describe('nextPage', () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ['</v2/a/tags/list?last=b&n=2>; rel="next"', 'https://reg.corp/v2/a/tags/list?last=b&n=2'],
    ['</v2/a/tags/list?last=b>;rel=next', 'https://reg.corp/v2/a/tags/list?last=b'],
    ['<https://internal:8080/v2/a/tags/list?last=b>; rel="next"', 'https://reg.corp/v2/a/tags/list?last=b'],
    ['<?last=b>; title="x"; rel="prev next"', 'https://reg.corp/v2/a/tags/list?last=b'],
    ['</x>; rel="prev", </y>; rel="next"', 'https://reg.corp/y'],
    ['</x>; rel="prev"', null],
    ['</v2/a/tags/list?n=2>; rel="next"', null],
    ['</x>; title="rel=next"; rel="last"', null],
    ['</x>; rel="nextish not-next"', null],
    ['</x>; rel=prev-next', null],
    ['</x>; REL = "next"', 'https://reg.corp/x'],
    ['nonsense', null],
    ['<https://[bad>; rel="next"', null],
  ];
  for (const [link, next] of cases) {
    it(`${link} leads to ${next}`, () => assert.equal(nextPage(url, { link })?.href ?? null, next));
  }
});
