import assert from 'node:assert/strict';
import fc from 'fast-check';
import { resolveRedirect } from '../../src/registry/redirect.ts';

const from = new URL('https://reg.corp/v2/a/blobs/sha256:1?ns=x');

describe('resolveRedirect', () => {
  const good: readonly (readonly [string, string])[] = [
    ['https://cdn.test/x?sig=1', 'https://cdn.test/x?sig=1'],
    ['/other', 'https://reg.corp/other'],
    ['//cdn.test/x', 'https://cdn.test/x'],
    ['?q=1', 'https://reg.corp/v2/a/blobs/sha256:1?q=1'],
    ['http://plain/x', 'http://plain/x'],
    ['https://u:p@cdn/x#frag', 'https://cdn/x'],
    ['  https://cdn/x ', 'https://cdn/x'],
  ];
  for (const [location, to] of good) {
    it(`${location} leads to ${to}`, () => {
      const result = resolveRedirect(from, location);
      assert.ok(result.ok && result.value.href === to);
    });
  }
  for (const location of [null, '', ' ', 'https://', 'ftp://x/y', 'javascript:alert(1)', 'https://[bad']) {
    it(`${location} leads nowhere`, () => assert.ok(!resolveRedirect(from, location).ok));
  }
  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (location) => typeof resolveRedirect(from, location).ok === 'boolean'));
  });
});
