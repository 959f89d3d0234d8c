import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { mapTexts, secretMasker } from '../../src/lib/known-secrets.ts';

const secret = 'pw+/=&"é 7x<Q';
const forms: Readonly<Record<string, string>> = {
  plain: secret,
  'in a sentence': `the password ${secret} is wrong`,
  base64: Buffer.from(secret).toString('base64'),
  'base64 behind one character': Buffer.from(`:${secret}`).toString('base64'),
  'base64 behind two characters': Buffer.from(`u:${secret}`).toString('base64'),
  'base64 behind a user name': Buffer.from(`robot:${secret}`).toString('base64'),
  'base64 in the middle': Buffer.from(`{"password":"${secret}","x":1}`).toString('base64'),
  'base64 for URLs': Buffer.from(secret).toString('base64url'),
  'URL-encoded': encodeURIComponent(secret),
  'URL-encoded in lower case': encodeURIComponent(secret).replace(/%../gu, (code) => code.toLowerCase()),
  'URL-encoded by a strict encoder': encodeURIComponent(secret).replace(
    /[!'()*]/gu,
    (mark) => `%${mark.charCodeAt(0).toString(16)}`,
  ),
  'URL-encoded twice': encodeURIComponent(encodeURIComponent(secret)),
  'a URL as sent': new URL(`http://h/a?b=${secret}`).href,
  'a form': new URLSearchParams({ password: secret }).toString(),
  'JSON-escaped': JSON.stringify({ secret }),
  'HTML-escaped': 'pw+/=&amp;&quot;é 7x&lt;Q',
  'cut off': `you sent ${secret.slice(0, 8)}… (12 characters more)`,
};

describe('secretMasker', () => {
  const mask = secretMasker([secret, 'other-secret'], 'registry.test/app:1');

  for (const [name, text] of Object.entries(forms)) {
    it(`masks a secret: ${name}`, () => {
      const shown = mask(text);
      assert.notEqual(shown, text);
      assert.ok(shown.includes('[secret]'), shown);
      for (const part of ['7x', 'pw+', Buffer.from(secret).toString('base64').slice(4, 10)]) {
        assert.ok(!shown.includes(part), `${part} is in ${shown}`);
      }
    });
  }

  it('masks each of several, and all that comes twice', () => {
    assert.equal(mask('a other-secret b other-secret'), 'a [secret] b [secret]');
  });

  it('leaves other text alone', () => {
    const text = 'unauthorized: authentication required … (12 characters more)';
    assert.equal(mask(text), text);
  });

  it('does not mask what is shown anyway', () => {
    const password = secretMasker(['registry.test'], 'https://registry.test/v2');
    assert.equal(password('GET https://registry.test/v2/: 401'), 'GET https://registry.test/v2/: 401');
  });

  it('finds short secrets where they are joined with the user’s name', () => {
    const short = secretMasker(['pw1', 'robot:pw1'], '');
    assert.equal(short('robot:pw1 is refused, pw1'), '[secret] is refused, pw1');
    assert.equal(short(`Basic ${Buffer.from('robot:pw1').toString('base64')}`), 'Basic [secret]');
  });

  it('never leaves a secret whole', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 6, maxLength: 40 }), fc.string(), fc.string(), (value, before, after) => {
        return !secretMasker([value], '')(`${before}${value}${after}`).replaceAll('[secret]', '').includes(value);
      }),
    );
  });
});

describe('mapTexts', () => {
  it('passes every text through, however deep, and keeps the rest', () => {
    const value = { a: 'x', b: [1, null, 'x', { c: 'x', d: true }], e: undefined };
    assert.deepEqual(
      mapTexts(value, (text) => text.toUpperCase()),
      { a: 'X', b: [1, null, 'X', { c: 'X', d: true }], e: undefined },
    );
  });
});
