import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseReference } from '../../src/image/reference.ts';
import { mutated, reference, scan } from './grammar.ts';

describe('parseReference, by the grammar', () => {
  it('takes every reference that the grammar makes, and keeps its parts', () => {
    fc.assert(
      fc.property(reference, ({ domain, path, tag, digest }) => {
        const name = `${domain}/${path}`;
        const input = name + (tag === null ? '' : `:${tag}`) + (digest === null ? '' : `@${digest}`);
        const parsed = parseReference(input);
        assert.ok(parsed.ok, parsed.ok ? '' : `${input}: ${parsed.error.message}`);
        assert.equal(parsed.value.domain, domain);
        assert.equal(parsed.value.path, path);
        assert.equal(parsed.value.digest, digest);
        assert.equal(parsed.value.defaultTag, tag === null && digest === null);
        const again = parseReference(parsed.value.normalized);
        assert.ok(again.ok);
        assert.equal(again.value.normalized, parsed.value.normalized);
        assert.equal(again.value.tag, parsed.value.tag);
      }),
      { numRuns: 500 },
    );
  });

  it('agrees with a scanner written from the grammar on mutated references, and explains every refusal', () => {
    fc.assert(
      fc.property(mutated, (input) => {
        const parsed = parseReference(input);
        assert.equal(parsed.ok, scan(input), JSON.stringify(input));
        if (parsed.ok) return;
        const { at, character, message } = parsed.error;
        assert.ok(!message.includes('does not follow the grammar'), `unexplained: ${JSON.stringify(input)}`);
        assert.match(message, /^The image name .*\.$/s);
        if (at === null) return assert.equal(character, null);
        assert.ok(at >= 0 && at < input.length, `${at} of ${JSON.stringify(input)}`);
        // Not by codePointAt: the parser's own comment says why.
        assert.ok(
          character !== null && input.startsWith(character, at),
          `${character} at ${at} of ${JSON.stringify(input)}`,
        );
        assert.equal([...character].length, 1);
      }),
      { numRuns: 5000 },
    );
  });

  it('never throws, and is quick on long input', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (input) => void parseReference(input)));
    for (const unit of ['a', 'a.', 'a-', 'a/', '-', '_', ':', '@', '[', 'A']) {
      const start = performance.now();
      parseReference(unit.repeat(4096 / unit.length));
      assert.ok(performance.now() - start < 1000, unit);
    }
  });
});
