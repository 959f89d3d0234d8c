import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { sameValue } from '../../src/lib/same-value.ts';
import { Secret } from '../../src/lib/secret.ts';

describe('lib: the same value', () => {
  const same: readonly (readonly [string, unknown, unknown])[] = [
    ['numbers, not a number too', [1, Number.NaN], [1, Number.NaN]],
    ['objects, whatever the order of their members', { a: 1, b: [{ c: null }] }, { b: [{ c: null }], a: 1 }],
    ['bytes, of whatever kind', Buffer.from('ab'), new Uint8Array([97, 98])],
    ['maps and sets', [new Map([['a', { b: 1 }]]), new Set(['x'])], [new Map([['a', { b: 1 }]]), new Set(['x'])]],
    ['secrets', { password: new Secret('one') }, { password: new Secret('one') }],
    ['functions', { read: () => 1 }, { read: () => 2 }],
  ];
  for (const [what, one, other] of same) it(`is told of ${what}`, () => assert.ok(sameValue(one, other)));

  const different: readonly (readonly [string, unknown, unknown])[] = [
    ['a secret changed', { password: new Secret('one') }, { password: new Secret('two') }],
    ['a secret became text', { password: new Secret('one') }, { password: 'one' }],
    ['a member came', { a: 1 }, { a: 1, b: undefined }],
    ['a member has another name', { a: undefined }, { b: undefined }],
    ['a list became an object', [1], { 0: 1 }],
    ['a list got longer', [1], [1, 2]],
    ['bytes changed', Buffer.from('ab'), Buffer.from('ac')],
    ['a map has another value', new Map([['a', { b: 1 }]]), new Map([['a', { b: 2 }]])],
    ['a set became a map', new Set(['a']), new Map([['a', 'a']])],
    ['something became null', { a: {} }, { a: null }],
    ['a function became a value', { a: () => 1 }, { a: 1 }],
    ['it cannot be looked into', new AbortController(), new AbortController()],
  ];
  for (const [what, one, other] of different) {
    it(`is not told where ${what}`, () => {
      assert.equal(sameValue(one, other), false);
      assert.equal(sameValue(other, one), false);
    });
  }

  it('tells of JSON what Node tells', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        assert.equal(sameValue(one, structuredClone(one)), true);
        assert.equal(sameValue(one, other), isDeepStrictEqual(one, other));
      }),
    );
  });
});
