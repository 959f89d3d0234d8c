import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseTokens } from '../../../src/collector/http/tokens.ts';

describe('collector: token files', () => {
  it('give everything, questions, or the reports of one node', () => {
    const tokens = parseTokens('# admins\nall-of-it\n\n  reader  who-asks \r\nnode/worker-1.corp\tof-worker-1\n');
    assert.ok(tokens.ok);
    const { grantOf } = tokens.value;
    assert.deepEqual(grantOf('all-of-it'), { may: 'all' });
    assert.deepEqual(grantOf('who-asks'), { may: 'read' });
    assert.deepEqual(grantOf('of-worker-1'), { may: 'report', node: 'worker-1.corp' });
    for (const other of ['', 'all', 'all-of-it ', 'ALL-OF-IT', 'reader', 'node/worker-1.corp', '# admins', '#'])
      assert.equal(grantOf(other), null, other);
  });

  it('that are not good are refused with the line, without what stands in it', () => {
    for (const [text, words] of [
      ['', /no token/],
      ['# only words\n\n', /no token/],
      ['good\nwriter hunter2', /^line 2 /],
      ['node/ hunter2', /^line 1 /],
      ['node/a b hunter2', /^line 1 /],
      ['node/a/b hunter2', /^line 1 /],
      ['reader hunter2 hunter2', /^line 1 /],
      ['hunter2"', /^line 1 .*RFC 6750/],
      ['hunter2-é', /^line 1 /],
      ['x'.repeat(20_000), /^line 1 /],
      ['hunter2\nreader hunter2', /^line 2 has the same token/],
    ] as const) {
      const tokens = parseTokens(text);
      assert.ok(!tokens.ok, text.slice(0, 40));
      assert.match(tokens.error, words);
      assert.doesNotMatch(tokens.error, /hunter2/);
    }
  });

  it('never let in what is not a whole token of them', () => {
    const token = fc.stringMatching(/^[\w.~+/-]{8,40}$/);
    fc.assert(
      fc.property(fc.uniqueArray(token, { minLength: 1, maxLength: 20 }), token, (all, other) => {
        const tokens = parseTokens(all.map((one, at) => (at % 2 === 0 ? `node/n${at} ${one}` : one)).join('\n'));
        assert.ok(tokens.ok);
        for (const one of all) assert.notEqual(tokens.value.grantOf(one), null);
        assert.equal(tokens.value.grantOf(other) !== null, all.includes(other));
        const [first = ''] = all;
        assert.equal(all.includes(first.slice(1)) || tokens.value.grantOf(first.slice(1)) === null, true);
      }),
    );
  });
});
