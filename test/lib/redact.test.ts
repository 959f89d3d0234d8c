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
    ['http://app:pa#ss@proxy:3128', 'http://proxy:3128'],
    ['http://app:pa/ss@proxy:3128', 'http://proxy:3128'],
    ['http://app:pa?ss@proxy:3128', 'http://proxy:3128'],
    ['http://app:8/ss@proxy:3128', 'http://app:8/[secret]@proxy:3128'],
    ['http://app:8#ss@proxy:3128', 'http://app:8/'],
    ['https://reg.corp/v2/a@sha256:abcdef/x', 'https://reg.corp/v2/a@sha256:abcdef/x'],
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

  for (const [text, shown] of [
    [
      'parse "https://corp:pa/ss@127.0.0.1:1": invalid port ":pa" after host',
      'parse "https://127.0.0.1:1": invalid port ":pa" after host',
    ],
    ['invalid proxy address "http://corp:pa ss@proxy:3128": x', 'invalid proxy address "http://proxy:3128/": x'],
    [String.raw`msg="address \"http://corp:pa ss@proxy:3128\""`, String.raw`msg="address \"http://proxy:3128/\""`],
    ['parse "co^rp:pass@proxy.corp:3128": first path', 'parse "[secret]@proxy.corp:3128": first path'],
    ['HTTPS_PROXY=corp:pass@proxy.corp:3128', 'HTTPS_PROXY=[secret]@proxy.corp:3128'],
  ] as const)
    it(`masks what is no URL because of its password: ${text}`, () => assert.equal(redactText(text), shown));

  for (const text of [
    'Back-off pulling image "reg.corp:5000/team/app:1.0@sha256:0123456789abcdef0123456789abcdef"',
    'failed to pull "app:1@sha256:abc": not found',
    'app@md5:0123456789abcdef0123456789abcdef',
    'user@1000.service: Deactivated; write to me@example.com',
    'Get "https://reg.corp/v2/app@sha256:0123/x": EOF',
    '12:00:01 kubelet[1]: cgroup@ x',
  ])
    it(`leaves as it is: ${text}`, () => assert.equal(redactText(text), text));

  for (const [name, text] of Object.entries({
    'at signs without an end': 'a:b@'.repeat(75_000),
    'at signs in one word': 'a@'.repeat(500_000),
    'pairs without an end': 'a:'.repeat(150_000),
    'quoted beginnings': '"http://a b@'.repeat(25_000),
    'backslashes before a quoted beginning': `${'\\'.repeat(300_000)} a@b "http://u:p a@b`,
    'quoted blanks': `"http://${' a'.repeat(150_000)}`,
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
