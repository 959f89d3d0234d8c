import assert from 'node:assert/strict';
import fc from 'fast-check';
import { redactText, redactUrl, safeLine } from '../../src/lib/redact.ts';

describe('redactUrl', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['https://reg.corp/v2/a/manifests/1?ns=docker.io', 'https://reg.corp/v2/a/manifests/1?ns=docker.io'],
    ['https://user:pass@reg.corp:5000/v2/', 'https://reg.corp:5000/v2/'],
    [
      'https://s3/x?X-Amz-Date=20260101T000000Z&X-Amz-Signature=abc',
      'https://s3/x?X-Amz-Date=20260101T000000Z&X-Amz-Signature=[secret]',
    ],
    ['https://acct.blob/x?se=2026-01-01&sig=abc%2F', 'https://acct.blob/x?se=2026-01-01&sig=[secret]'],
    [
      'https://t/token?service=s&scope=repository:a:pull&account=me',
      'https://t/token?service=s&scope=repository:a:pull&account=[secret]',
    ],
    ['https://t/?abcdef#frag', 'https://t/?[secret]'],
    ['https://us er:p@[bad/x?token=1', 'https://[bad/x?token=[secret]'],
    ['/v2/x?_state=hidden', '/v2/x?_state=[secret]'],
  ];
  for (const [url, shown] of cases) it(`${url} is shown as ${shown}`, () => assert.equal(redactUrl(url), shown));
});

describe('redactText', () => {
  it('masks tokens and signed URLs inside a sentence and leaves the sentence whole', () => {
    assert.equal(
      redactText('Get "https://u:pw@h/x?sig=abc": denied (see https://www.docker.com/increase-rate-limit).'),
      'Get "https://h/x?sig=[secret]": denied (see https://www.docker.com/increase-rate-limit).',
    );
    assert.equal(redactText('Authorization: Bearer abcdefgh12345'), 'Authorization: Bearer [secret]');
    assert.equal(redactText('token eyJhbGciOiJI.eyJzdWIiOiIx.c2ln is bad'), 'token [secret] is bad');
    assert.equal(redactText('Basic authentication required'), 'Basic authentication required');
    assert.equal(redactText('Bearer realm="x"'), 'Bearer realm="x"');
    assert.equal(redactText('invalid decoded auth: "hunter2"'), 'invalid decoded auth: "[secret]"');
    assert.equal(
      redactText(String.raw`invalid decoded auth: \"hunter2\"`),
      String.raw`invalid decoded auth: \"[secret]"`,
    );
  });

  for (const [name, text] of Object.entries({
    'punctuation without an end': `http://${'!'.repeat(300_000)}a`,
    'beginnings of tokens': '-eyJ12345678'.repeat(25_000),
    'beginnings of tokens behind a dot': `a.${'-eyJ12345678'.repeat(25_000)}`,
    'URLs without an end': 'http://a?'.repeat(30_000),
  })) {
    it(`takes no longer for ${name}`, () => {
      const begun = performance.now();
      redactText(text);
      // Quadratic patterns take ten seconds and more for these.
      assert.ok(performance.now() - begun < 2000);
    });
  }

  it('never leaves a password of a URL', () => {
    const word = fc.stringMatching(/^[a-z0-9]{6,12}$/u);
    fc.assert(
      fc.property(word, word, fc.string(), fc.string(), (user, password, before, after) => {
        const shown = redactText(`${before} https://${user}:${password}@host/path ${after}`);
        return !shown.includes(`${user}:${password}@`);
      }),
    );
  });
});

describe('safeLine', () => {
  it('gives one line without control characters, cut to its length', () => {
    assert.equal(safeLine('a\r\n\u001b[31mb\u0000\u202ec', 100), 'a [31mb c');
    assert.equal(safeLine('x'.repeat(50), 10), `${'x'.repeat(10)}…`);
    assert.equal(safeLine('   ', 10), '');
  });
});
