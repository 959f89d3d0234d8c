import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodeEntities, looksLikeHtml, readPage } from '../../src/lib/page-text.ts';

describe('readPage', () => {
  it('reads the title and the visible words of a page', () => {
    const page = `<!DOCTYPE html><html><head><title>Log in &amp; accept</title><style>p{color:red}</style></head>
      <body><!-- hidden --><script>var x = "<p>no</p>";</script><h1>Guest&nbsp;network</h1><p>Accept the terms</p></body></html>`;
    assert.deepEqual(readPage(page, 300), { title: 'Log in & accept', excerpt: 'Guest network Accept the terms' });
  });

  it('takes unfinished pages', () => {
    assert.deepEqual(readPage('<html><title>502 Bad Gateway</title><center', 300).title, '502 Bad Gateway');
    assert.deepEqual(readPage('<html><script>never ends', 300), { title: null, excerpt: null });
  });

  it('does not slow down on hostile text', () => {
    const started = performance.now();
    readPage('<script'.repeat(10_000), 300);
    readPage('<!--'.repeat(10_000), 300);
    looksLikeHtml('<!--'.repeat(10_000));
    looksLikeHtml(' '.repeat(10_000));
    looksLikeHtml('<!---->'.repeat(1000));
    assert.ok(performance.now() - started < 1000);
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string({ maxLength: 300 }), (text) => readPage(`<html>${text}`, 50) !== undefined));
  });
});

describe('looksLikeHtml', () => {
  const cases: readonly (readonly [string, boolean])[] = [
    ['<!DOCTYPE html><html>', true],
    ['\n\n<html lang="en">', true],
    ['<!-- x --><head>', true],
    [`<!-- a --> <!-- b > -->${'\n'.repeat(40)}<html>`, true],
    ['<!-- <html> -->{}', false],
    ['<!-- <html>', false],
    ['<?xml version="1.0"?><!DOCTYPE html PUBLIC "x">', true],
    ['<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', false],
    ['{"errors":[]}', false],
    ['text <html>', false],
  ];
  for (const [text, expected] of cases) it(`${text}: ${expected}`, () => assert.equal(looksLikeHtml(text), expected));
});

describe('decodeEntities', () => {
  it('decodes names and numbers and leaves the rest', () => {
    assert.equal(
      decodeEntities('&lt;a&gt; &#39;b&#x27; &constructor; &nope; &#0;'),
      "<a> 'b' &constructor; &nope; &#0;".replace("'b'", "'b'"),
    );
  });
});
