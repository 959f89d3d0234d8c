import { strict as assert } from 'node:assert';
import { jsonText, presentable } from '../../src/cli/output.ts';

describe('cli: what is written', () => {
  const acting = [
    '\u0000',
    '\u0007',
    '\u0008',
    '\r',
    '\u001b',
    '\u007f',
    '\u009b',
    '\u200e',
    '\u202e',
    '\u2066',
    '\ufeff',
  ];

  it('holds nothing that acts on a terminal, and leaves the rest alone', () => {
    for (const mark of acting) {
      assert.equal(presentable(`a${mark}b\n✗ é 😀`), 'a b\n✗ é 😀');
      assert.equal(presentable(`a${mark}b`, true), 'a b');
    }
  });

  it('keeps colours where there are styles, and nothing else that begins like them', () => {
    assert.equal(presentable('\u001b[31mred\u001b[39m', true), '\u001b[31mred\u001b[39m');
    assert.equal(presentable('\u001b[2Jx\u001b]0;title\u0007\u001b[31', true), ' [2Jx ]0;title  [31');
    assert.equal(presentable('\u001b[31mred'), ' [31mred');
  });

  it('escapes in JSON what JSON itself would let through, without loss', () => {
    const value = { text: `${acting.join('')}é😀\n`, list: [1, null] };
    const text = jsonText(value);
    assert.deepEqual(JSON.parse(text), value);
    assert.doesNotMatch(
      text.replaceAll('\n', ''),
      /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u,
    );
    assert.ok(text.includes('é😀'));
  });
});
