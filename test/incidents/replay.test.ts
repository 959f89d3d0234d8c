import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { conclude } from '../../src/engine/conclude.ts';
import { documentOf } from '../../src/engine/document.ts';
import { viewOf } from '../../src/engine/replay.ts';
import { isRecord } from '../../src/lib/json.ts';
import type { Investigation } from '../../src/model/investigation.ts';

/**
 * Golden folders: `<case>/investigation.json`, a document as `pullwhy diagnose -o json` prints it, and
 * `<case>/expected.json`, what it adds up to. A new one needs no code: save a document (no real host names), say what is
 * expected. record.ts makes those again that came from loopback.
 */
const folder = new URL('./', import.meta.url);
const cases = readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory() ? [entry.name] : [],
);

function read(name: string, file: string): unknown {
  return JSON.parse(readFileSync(new URL(`${name}/${file}`, folder), 'utf8'));
}

/** The document was written by Pullwhy itself; what its probes hold is checked by concluding from it. */
function isInvestigation(value: unknown): value is Investigation {
  return (
    isRecord(value) &&
    value.apiVersion === 'pullwhy/v1' &&
    value.kind === 'Investigation' &&
    Array.isArray(value.probes) &&
    Array.isArray(value.endpoints)
  );
}

describe('incidents: saved investigations', () => {
  it('are there', () => assert.ok(cases.length >= 6, `${cases.length}`));

  for (const name of cases) {
    describe(name, () => {
      const document = read(name, 'investigation.json');
      assert.ok(isInvestigation(document));

      it('concludes to what is expected', () => {
        const { verdict, findings } = conclude(viewOf(document));
        const first = verdict === 'healthy' ? undefined : findings[0];
        const { cause = null, confidence = null, underlying = null } = first ?? {};
        const expected = read(name, 'expected.json');
        assert.ok(isRecord(expected));
        const { also, ...primary } = expected;
        assert.deepEqual({ verdict, cause, confidence, underlying }, primary);
        // Two faults at once: the others are told, too.
        const others = findings.slice(1).map((finding) => finding.underlying ?? finding.cause);
        if (also !== undefined) assert.deepEqual(others, also);
      });

      it('gives the same document again', () => {
        const { id, node, startedAt, durationMs, runtime } = document;
        const again = documentOf(viewOf(document), { id, node, startedAt, durationMs }, runtime);
        const facts = ({ verdict, cause, confidence, layer, underlying, endpoints, pull, probes }: Investigation) => ({
          ...{ verdict, cause, confidence, layer, underlying, endpoints, pull, probes },
        });
        assert.deepEqual(JSON.parse(JSON.stringify(facts(again))), facts(document));
        assert.deepEqual(
          again.findings.map(({ cause, evidence }) => [cause, evidence]),
          document.findings.map(({ cause, evidence }) => [cause, evidence]),
        );
        assert.deepEqual(
          again.ruledOut.map(({ layer }) => layer),
          document.ruledOut.map(({ layer }) => layer),
        );
      });

      it('concludes to the same when its probes are told in another order of arrival', () => {
        const view = viewOf(document);
        const { verdict, findings } = conclude({ ...view, probes: view.probes.toReversed() });
        assert.equal(verdict, document.verdict);
        assert.equal(findings[0]?.cause ?? null, document.cause);
      });

      it('names no machine, no real host and no secret', () => {
        const text = JSON.stringify(document);
        assert.doesNotMatch(text, /\/tmp\/|\/work\/|\/home\/|eyJ[\w-]+\./);
        const hosts = new Set([...text.matchAll(/https?:\/\/([^/:"\\ ]+)/g)].map(([, host]) => host ?? ''));
        for (const host of hosts) assert.match(host, /^(127\.0\.0\.1|\[::1\]|[\w.-]+\.test|HOST|PROXY|USER)$/, host);
        assert.equal(document.node, 'worker-3');
      });
    });
  }
});
