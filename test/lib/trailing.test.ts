import assert from 'node:assert/strict';
import { withoutTrailing } from '../../src/lib/trailing.ts';

describe('withoutTrailing', () => {
  it('takes what a text ends in, and nothing before', () => {
    assert.equal(withoutTrailing('/a//b//', '/'), '/a//b');
    assert.equal(withoutTrailing('why. \n.', '. \n'), 'why');
    assert.equal(withoutTrailing('a', '/'), 'a');
    assert.equal(withoutTrailing('//', '/'), '');
    assert.equal(withoutTrailing('', '/'), '');
  });
});
