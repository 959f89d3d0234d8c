import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FleetNodesDocument } from '../../../src/api/fleet.ts';
import type { Static } from '../../../src/api/schema.ts';
import { openCursor, sealCursor } from '../../../src/collector/http/cursor.ts';
import { limits } from '../../../src/lib/limits.ts';
import { fleetNode } from '../../kit/fleet-documents.ts';
import { nodeRecord, startQueryCollector } from '../../kit/query-collector.ts';
import { document } from './answers.ts';

describe('collector: pages', () => {
  it('give every item once while others are added', async () => {
    const collector = await startQueryCollector();
    try {
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(fc.stringMatching(/^[a-z0-9.-]{1,12}$/), { minLength: 1, maxLength: 12 }),
          fc.array(fc.stringMatching(/^[a-z0-9.-]{1,12}$/), { maxLength: 6 }),
          fc.integer({ min: 1, max: 5 }),
          async (given, late, limit) => {
            // Each run has nodes of its own, by an attribute.
            const run = `run-${Math.random()}`;
            const name = (one: string): string => `${one}-${run}`;
            for (const one of given) await collector.heard(name(one), [nodeRecord({ run: [run] })]);
            const seen: string[] = [];
            let cursor: string | null = null;
            for (let pages = 0; ; pages++) {
              assert.ok(pages < 100, 'it does not end');
              const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
              const answer = await collector.get(`/v1/nodes?attribute=run%3D${run}&limit=${limit}${query}`);
              const page: Static<typeof FleetNodesDocument> = await document(answer, FleetNodesDocument);
              assert.ok(page.items.length <= limit);
              seen.push(...page.items.map(({ node }) => node));
              const added = late[pages];
              if (added !== undefined) await collector.heard(name(added), [nodeRecord({ run: [run] })]);
              cursor = page.next;
              if (cursor === null) break;
            }
            assert.equal(new Set(seen).size, seen.length, 'one came twice');
            for (const one of given) assert.ok(seen.includes(name(one)), `${one} is missing`);
          },
        ),
        { numRuns: 25 },
      );
    } finally {
      await collector.close();
    }
  }).timeout(60_000);

  it('are made shorter than asked for when they would grow past the bound', async () => {
    const huge = 'x'.repeat(Math.floor(limits.fleetAnswerBytes / 40));
    const all = Array.from({ length: 100 }, (_, at) => fleetNode(`n${at}`, { attributes: { big: [huge] } }));
    const collector = await startQueryCollector({
      wrap: (store) => ({
        ...store,
        nodes: async ({ limit, cursor }) => {
          const from = Number(cursor ?? 0);
          const to = Math.min(all.length, from + limit);
          return { ok: true, value: { items: all.slice(from, to), cursor: to < all.length ? String(to) : null } };
        },
      }),
    });
    try {
      const seen: string[] = [];
      for (let cursor: string | null = null; ; ) {
        const answer = await collector.get(`/v1/nodes?limit=100${cursor === null ? '' : `&cursor=${cursor}`}`);
        const text = await answer.text();
        assert.ok(text.length <= limits.fleetAnswerBytes, `${text.length}`);
        const page: Static<typeof FleetNodesDocument> = JSON.parse(text);
        seen.push(...page.items.map(({ node }) => node));
        cursor = page.next;
        if (cursor === null) break;
      }
      assert.deepEqual(
        seen,
        all.map(({ node }) => node),
      );
    } finally {
      await collector.close();
    }
  });

  it('have cursors of their list and filters alone, whatever is given for one', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        fc.stringMatching(/^[\w-]{1,40}$/),
        fc.string(),
        (list, filters, inner, other) => {
          const sealed = sealCursor(list, filters, inner);
          assert.equal(openCursor(list, filters, sealed), inner);
          assert.equal(openCursor(list, filters, other), null);
          if (other !== filters) assert.equal(openCursor(list, other, sealed), null);
          if (other !== list) assert.equal(openCursor(other, filters, sealed), null);
        },
      ),
    );
  });
});
