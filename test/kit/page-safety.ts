import assert from 'node:assert/strict';

/** The page's tags and attributes, as a browser reads them: nothing else in it may hold `<`. */
const allowedTags = new Set(
  'html head meta title style body main header span h1 h2 h3 p dl div dt dd section article code pre ul li strong table thead tbody tr th td br i details summary'.split(
    ' ',
  ),
);
const allowedAttributes = new Set('lang charset http-equiv content name class scope data-name style open'.split(' '));

function tagsOf(page: string): { name: string; attributes: string[] }[] {
  const bare = page.replace(/<style>[^<]*<\/style>/, '').replace('<!doctype html>', '');
  return [...bare.matchAll(/<([^>]*)>/g)].map(([, inside = '']) => ({
    name: /^\/?([\w!-]*)/.exec(inside)?.[1] ?? '',
    attributes: [...inside.replace(/"[^"]*"/g, '""').matchAll(/\s([\w-]+)/g)].map(([, name = '']) => name),
  }));
}

/** Fails when a page has a tag, an attribute or a character that no report has. */
export function assertHarmless(page: string): void {
  for (const { name, attributes } of tagsOf(page)) {
    assert.ok(allowedTags.has(name), `<${name}>`);
    for (const attribute of attributes) assert.ok(allowedAttributes.has(attribute), `<${name} ${attribute}>`);
  }
  assert.equal(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/.exec(page), null);
}

/** Words of somebody who tries to be read as markup. */
export const attacks = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '</style><script>alert(1)</script>',
  '</code></pre><iframe src=//evil.example>',
  '<!-- <b>',
  '&lt;script&gt;',
  '&#60;script&#62;',
  'javascript:alert(1)',
  '[click](javascript:alert(1))',
  '![x](https://evil.example/x.png)',
  'a | b | c\n| d |',
  '```\n# heading',
  '`` ` ``',
  '# heading',
  '<details open>',
  '@everyone',
  '\u001b]8;;https://evil.example\u0007x\u001b[31m',
  '\u202egnp.exe',
  '1. item\n- item',
  '\u0000',
];
