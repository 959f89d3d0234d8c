import assert from 'node:assert/strict';
import { evaluate } from '../../../src/collector/incidents/evaluate.ts';
import type { FleetLook, StoredIncident } from '../../../src/collector/parts.ts';
import { later, names, nodes, others, twelve } from './failing-zone.ts';
import { failing, healthy, look, noon, onlyOne, standingAfter } from './fleets.ts';

describe('collector: an incident from its beginning to its end', () => {
  it('decides nothing at a second look at the same', () => {
    const first = look({ fleet: nodes, failing: twelve, healthy: others });
    const standing = standingAfter(first);
    const again = evaluate({ ...first, standing, now: noon + 1000 });
    assert.deepEqual([again.incidents, again.events], [[], []]);
  });

  it('tells of a change when the failing nodes change, not when healthy ones come and go', () => {
    const standing = standingAfter(look({ fleet: nodes, failing: twelve, healthy: others }));
    const fewer = evaluate(later(1000, { failing: twelve, healthy: others.slice(30), standing }));
    assert.deepEqual([fewer.incidents, fewer.events], [[], []]);
    const refreshed = evaluate(later(61_000, { failing: twelve, healthy: others.slice(30), standing }));
    assert.equal(onlyOne(refreshed.incidents).nodes.healthy, 158);
    assert.equal(onlyOne(refreshed.incidents).updatedAt, new Date(noon).toISOString());
    assert.deepEqual(refreshed.events, []);
    const more = evaluate(
      later(1000, { failing: [...twelve, failing('worker-0050', 'tcp-timeout')], healthy: others, standing }),
    );
    assert.deepEqual(
      more.events.map(({ type }) => type),
      ['incident-changed'],
    );
    assert.equal(onlyOne(more.incidents).updatedAt, new Date(noon + 1000).toISOString());
    assert.equal(onlyOne(more.incidents).id, onlyOne(standing).id);
  });

  it('closes after two minutes without a failing node, and says what it was at its worst', () => {
    let standing = standingAfter(look({ fleet: nodes, failing: twelve, healthy: others }));
    const well = names.map((name) => healthy(name));
    standing = standingAfter(later(600_000, { healthy: well, standing }));
    assert.deepEqual([onlyOne(standing).state, onlyOne(standing).nodes.failing], ['open', 0]);
    standing = standingAfter(later(719_000, { healthy: well, standing }));
    assert.equal(onlyOne(standing).state, 'open');
    const decided = evaluate(later(720_000, { healthy: well, standing }));
    assert.deepEqual(
      decided.events.map(({ type }) => type),
      ['incident-closed'],
    );
    const closed = onlyOne(decided.incidents);
    assert.equal(closed.closedAt, new Date(noon + 600_000).toISOString());
    assert.equal(
      closed.summary,
      'registry.corp.example: tcp-timeout on 12 of 200 nodes, all in zone eu-1c; over after 10 min.',
    );
    assert.deepEqual([closed.nodes.failing, closed.scope, closed.attribution.length], [12, 'group', 1]);
  });

  it('stays open when it fails again within the two minutes', () => {
    let standing = standingAfter(look({ fleet: nodes, failing: twelve, healthy: others }));
    standing = standingAfter(later(60_000, { healthy: others, standing }));
    standing = standingAfter(later(120_000, { failing: twelve, healthy: others, standing }));
    standing = standingAfter(later(190_000, { healthy: others, standing }));
    standing = standingAfter(later(300_000, { healthy: others, standing }));
    assert.deepEqual([onlyOne(standing).state, onlyOne(standing).reopened], ['open', 0]);
  });

  it('is the same incident when it comes back within a quarter of an hour, and another one later', () => {
    const over = (standing: StoredIncident[], at: number): StoredIncident[] => {
      const empty = standingAfter(later(at, { standing }));
      return standingAfter(later(at + 120_000, { standing: empty }));
    };
    const first = over(standingAfter(look({ fleet: nodes, failing: twelve, healthy: others })), 60_000);
    const again = (at: number): FleetLook =>
      later(at, {
        failing: [failing('worker-0003', 'tcp-timeout', { at: noon + at, since: noon + at })],
        standing: first,
      });
    const back = evaluate(again(900_000));
    assert.deepEqual(
      back.events.map(({ type }) => type),
      ['incident-opened'],
    );
    const document = onlyOne(back.incidents);
    assert.deepEqual(
      [document.id, document.state, document.reopened, document.closedAt],
      [onlyOne(first).id, 'open', 1, null],
    );
    assert.equal(document.openedAt, onlyOne(first).openedAt);
    const other = onlyOne(evaluate(again(1_000_000)).incidents);
    assert.notEqual(other.id, onlyOne(first).id);
    assert.equal(other.reopened, 0);
  });

  it('keeps an incident open whose nodes fell silent, and opens none for them', () => {
    const standing = standingAfter(look({ fleet: nodes, failing: twelve, healthy: others }));
    const quiet = nodes.map((one, place) => (place < 12 ? one : { ...one, lastSeenAt: noon + 1_200_000 }));
    const at = look({ now: noon + 1_200_000, fleet: quiet, failing: twelve, healthy: others, standing });
    const after = standingAfter(at);
    assert.deepEqual(
      [onlyOne(after).state, onlyOne(after).nodes.failing, onlyOne(after).nodes.unknown],
      ['open', 0, 12],
    );
    assert.equal(
      onlyOne(after).summary,
      'registry.corp.example: tcp-timeout; the 12 nodes that failed are silent or find nothing out, so it may last.',
    );
    const muchLater = standingAfter({ ...at, now: noon + 7_200_000, fleet: nodes, standing: after });
    assert.equal(onlyOne(muchLater).state, 'open');
    assert.deepEqual(evaluate({ ...at, standing: [] }).incidents, []);
    // After a day they are taken for gone.
    const empty = standingAfter({ ...at, now: noon + 90_000_000, fleet: nodes, standing: after });
    const gone = onlyOne(standingAfter({ ...at, now: noon + 90_200_000, fleet: nodes, standing: empty }));
    assert.equal(gone.state, 'closed');
    assert.match(gone.summary, /closed, for its nodes were not heard of for a day\.$/);
  });

  it('counts no node as silent for what the collector itself could not hear', () => {
    const old = nodes.map((one) => ({ ...one, lastSeenAt: noon - 3_600_000 }));
    const at = look({ fleet: old, failing: twelve, healthy: [] });
    assert.deepEqual(evaluate(at).incidents, []);
    assert.equal(evaluate({ ...at, heardFrom: noon - 60_000 }).incidents.length, 1);
  });

  it('keeps an incident open whose node finds nothing out any more', () => {
    const one = failing('worker-0001', 'tcp-timeout');
    const standing = standingAfter(look({ fleet: nodes, failing: [one] }));
    const open = { ...one, verdict: 'inconclusive' as const, cause: null, since: noon + 1000, at: noon + 1000 };
    let kept = standing;
    for (const at of [60_000, 200_000, 400_000]) kept = standingAfter(later(at, { failing: [open], standing: kept }));
    assert.deepEqual([onlyOne(kept).state, onlyOne(kept).nodes.failing], ['open', 0]);
    for (const at of [500_000, 700_000])
      kept = standingAfter(later(at, { healthy: [healthy('worker-0001')], standing: kept }));
    assert.equal(onlyOne(kept).state, 'closed');
  });
});
