import assert from 'node:assert/strict';
import { explainMessage } from '../../src/messages/explain.ts';
import { causeIds } from '../../src/model/cause-id.ts';
import { printed } from './sources.ts';
import { met } from './threads.ts';

/** Causes that no program has words for: Pullwhy proves them by probes, or nothing is said while they last. */
const wordless = [
  'dns-inconsistent',
  'some-addresses-unreachable',
  'mtu-black-hole',
  'proxy-bypass-missing',
  'proxy-required',
  'tls-intercepted',
  'tls-certificate-not-yet-valid',
  'tls-certificate-expiring',
  'pull-stalled',
  'pull-policy-always',
  'image-credentials-unverified',
  'pull-queued',
  'unknown',
];

describe('captures: texts that users met', () => {
  for (const { source, text, accept } of met) {
    it(`${accept.join(' or ')}: ${source}`, () => {
      const explanation = explainMessage(text);
      const cause = explanation?.cause ?? 'nothing';
      assert.ok(accept.includes(cause), `${cause} by ${explanation?.rule}: ${text}`);
    });
  }
});

describe('captures: texts that the sources of upstream programs print', () => {
  it('are there for each cause that words can name, five where there are five', () => {
    const few = Object.entries(printed).flatMap(([cause, texts]) =>
      texts.length >= 5 ? [] : [`${cause} ${texts.length}`],
    );
    // A mirror's failure has words of its own only where the text ends before the upstream's.
    assert.deepEqual(few, ['mirror-failed 3']);
    const named = new Set([...Object.keys(printed), ...wordless]);
    assert.deepEqual(
      causeIds.filter((cause) => !named.has(cause)),
      [],
    );
  });

  for (const [cause, texts] of Object.entries(printed)) {
    describe(cause, () => {
      for (const [text, source] of texts) {
        it(`${source}: …${text.slice(-80)}`, () => {
          const explanation = explainMessage(text);
          assert.equal(explanation?.cause, cause, `by ${explanation?.rule}: ${text}`);
        });
      }
    });
  }
});
