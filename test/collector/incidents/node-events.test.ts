import assert from 'node:assert/strict';
import { evaluate } from '../../../src/collector/incidents/evaluate.ts';
import type { FleetLook } from '../../../src/collector/parts.ts';
import { look, node, noon } from './fleets.ts';

describe('collector: events of nodes', () => {
  it('tells of nodes that appear, fall silent and come back, and of none at the first look', () => {
    const two = [node('a'), node('b')];
    const first = evaluate(look({ fleet: two }));
    assert.deepEqual(first.events, []);
    const at = (now: number, seen: Record<string, number>): FleetLook =>
      look({ now, fleet: Object.entries(seen).map(([name, at]) => node(name, {}, at)) });
    const second = evaluate({
      ...at(noon + 200_000, { a: noon, b: noon + 199_000, c: noon + 199_000 }),
      nodes: first.nodes,
    });
    assert.deepEqual(
      second.events.map(({ type, node }) => `${type} ${node}`),
      ['node-silent a', 'node-appeared c'],
    );
    const third = evaluate({
      ...at(noon + 210_000, { a: noon + 205_000, b: noon + 199_000, c: noon + 199_000 }),
      nodes: second.nodes,
    });
    assert.deepEqual(
      third.events.map(({ type, node }) => `${type} ${node}`),
      ['node-back a'],
    );
    assert.deepEqual(
      evaluate({
        ...at(noon + 211_000, { a: noon + 205_000, b: noon + 199_000, c: noon + 199_000 }),
        nodes: third.nodes,
      }).events,
      [],
    );
  });
});
