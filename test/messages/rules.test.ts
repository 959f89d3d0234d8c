import assert from 'node:assert/strict';
import { explainMessage } from '../../src/messages/explain.ts';
import { mayMatter } from '../../src/messages/relevance.ts';
import { rules } from '../../src/messages/rules.ts';
import { causeIds } from '../../src/model/cause-id.ts';

/** What makes a bare phrase part of a text about a pull. */
const inPull = (text: string): string => `Failed to pull image "reg.example/team/web:1": ${text}`;

const unique = [...new Map(rules.map((rule) => [rule.id, rule])).values()];

describe('message rules', () => {
  it('have ids of their own', () => {
    const seen = new Map<string, unknown>();
    for (const rule of rules) {
      assert.ok(!seen.has(rule.id) || seen.get(rule.id) === rule, `two rules are called ${rule.id}`);
      seen.set(rule.id, rule);
      assert.match(rule.id, /^[a-z\d-]+\/[a-z\d-]+$/);
    }
  });

  for (const rule of unique) {
    describe(rule.id, () => {
      it('has an example with the version where it was seen', () => {
        assert.ok(rule.examples.length > 0);
        for (const { seen } of rule.examples) assert.notEqual(seen, '');
      });

      it('names other causes, and none where it says proven', () => {
        assert.ok(!rule.alternatives?.includes(rule.cause), 'an alternative is the cause itself');
        assert.equal(new Set(rule.alternatives).size, rule.alternatives?.length ?? 0, 'an alternative twice');
        for (const cause of rule.alternatives ?? []) assert.ok(causeIds.includes(cause));
        if (rule.confidence === 'proven') assert.deepEqual(rule.alternatives ?? [], []);
      });

      it('is not made for one text: its pattern has no state', () => {
        assert.ok(!rule.pattern.global && !rule.pattern.sticky);
      });

      for (const { text } of rule.examples) {
        it(`explains: ${text.slice(0, 90)}`, () => {
          assert.ok(mayMatter(text), 'the quick look passes it over');
          // A phrase that only the kubelet's rest rules know is hidden behind its own wrapper, so both are tried.
          const bare = explainMessage(text);
          const wrapped = explainMessage(inPull(text));
          const found = [bare?.rule, wrapped?.rule];
          assert.ok(found.includes(rule.id), `explained by ${found.join(' and ')}`);
          if (rule.scope === 'pull') assert.equal(bare?.rule, rule.id);
        });
      }

      for (const text of rule.lookalikes) {
        it(`leaves: ${text.slice(0, 90)}`, () => {
          assert.notEqual(explainMessage(text)?.rule, rule.id);
          assert.notEqual(
            explainMessage(`E1122 10:00:00.000000  1 a.go:1] "x" err=${JSON.stringify(text)}`)?.rule,
            rule.id,
          );
        });
      }
    });
  }
});
