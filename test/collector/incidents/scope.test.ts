import assert from 'node:assert/strict';
import type { FleetIncident } from '../../../src/api/fleet.ts';
import { evaluate } from '../../../src/collector/incidents/evaluate.ts';
import type { FleetLook } from '../../../src/collector/parts.ts';
import { failing, healthy, look, node, nodeName, noon, onlyOne, opened, seeded, standingAfter } from './fleets.ts';

const registry = 'registry.corp.example';

/** A storm: nodes look every 30 s, each at its own time, and beat once a minute; what changes is told within a second. */
function storm(
  nodes: number,
  fails: (place: number) => boolean,
  afterMs: number,
  seed: number,
  attributes: (place: number) => Record<string, string[]> = () => ({}),
): FleetLook {
  const random = seeded(seed);
  const began = noon - afterMs;
  const fleet: FleetLook['fleet'][number][] = [];
  const failed: FleetLook['failing'][number][] = [];
  const well: FleetLook['healthy'][number][] = [];
  for (let place = 0; place < nodes; place++) {
    const name = nodeName(place);
    const looksAt = noon - random() * 30_000;
    const beatAt = noon - random() * 60_000;
    // Healthy checks that did not change are told every five minutes.
    const toldAt = noon - random() * 300_000;
    const told = looksAt + random() * 1000;
    if (fails(place) && looksAt >= began && told <= noon) {
      failed.push(failing(name, 'tcp-timeout', { at: looksAt, since: looksAt, receivedAt: told }));
      fleet.push(node(name, attributes(place), Math.max(told, beatAt)));
    } else {
      // A node that fails and was not looked at since is still healthy as far as anybody knows.
      const at = fails(place) ? Math.min(toldAt, began - 1) : toldAt;
      well.push(healthy(name, registry, at));
      fleet.push(node(name, attributes(place), Math.max(at, beatAt)));
    }
  }
  return look({ failing: failed, healthy: well, fleet });
}

function scopeOf(of: FleetLook): FleetIncident['scope'] {
  return onlyOne(evaluate(of).incidents).scope;
}

describe('collector: scope', () => {
  const fleet = Array.from({ length: 20 }, (_, place) => node(nodeName(place)));
  const rows: readonly {
    readonly name: string;
    readonly failing: number;
    readonly healthy: number;
    readonly scope: string;
  }[] = [
    { name: 'one failing node', failing: 1, healthy: 19, scope: 'node' },
    { name: 'one failing node and no other', failing: 1, healthy: 0, scope: 'node' },
    { name: 'two that are all that tried', failing: 2, healthy: 0, scope: 'group' },
    { name: 'three that are all that tried', failing: 3, healthy: 0, scope: 'cluster' },
    { name: 'three of twenty', failing: 3, healthy: 17, scope: 'group' },
    { name: 'four of five', failing: 4, healthy: 1, scope: 'cluster' },
    { name: 'fifteen of twenty', failing: 15, healthy: 5, scope: 'group' },
    { name: 'sixteen of twenty', failing: 16, healthy: 4, scope: 'cluster' },
  ];
  for (const { name, failing: bad, healthy: good, scope } of rows) {
    it(`is ${scope} for ${name}`, () => {
      const [incident] = opened({
        fleet,
        failing: fleet.slice(0, bad).map(({ node }) => failing(node, 'tcp-timeout')),
        healthy: fleet.slice(bad, bad + good).map(({ node }) => healthy(node)),
      });
      assert.equal(incident?.scope, scope);
      assert.deepEqual(incident?.nodes.failing, bad);
      assert.deepEqual([incident?.nodes.healthy, incident?.nodes.unknown], [good, 20 - bad - good]);
    });
  }

  it('does not count nodes that are silent', () => {
    const silent = fleet.map((one, place) => (place < 5 ? one : { ...one, lastSeenAt: noon - 600_000 }));
    const [incident] = opened({
      fleet: silent,
      failing: fleet.slice(0, 4).map(({ node }) => failing(node, 'tcp-timeout')),
      healthy: fleet.slice(4).map(({ node }) => healthy(node)),
    });
    assert.equal(incident?.scope, 'cluster');
    assert.deepEqual([incident?.nodes.failing, incident?.nodes.healthy, incident?.nodes.unknown], [4, 1, 15]);
  });

  for (const seconds of [1, 2, 3, 5, 10, 20, 30, 60]) {
    it(`is cluster ${seconds} s into a storm that hits every node`, () => {
      for (let seed = 1; seed <= 20; seed++) {
        const of = storm(
          1000,
          () => true,
          seconds * 1000,
          seed,
          (place) => ({ zone: ['abc'[place % 3] ?? ''] }),
        );
        if (of.failing.length >= 3) assert.equal(scopeOf(of), 'cluster', `seed ${seed}: ${of.failing.length} failing`);
      }
    });

    it(`is group ${seconds} s into a storm that hits one zone, or some nodes anywhere`, () => {
      for (let seed = 1; seed <= 20; seed++) {
        const zone = storm(
          600,
          (place) => place % 3 === 0,
          seconds * 1000,
          seed,
          (place) => ({ zone: ['abc'[place % 3] ?? ''] }),
        );
        if (zone.failing.length >= 12)
          assert.equal(scopeOf(zone), 'group', `zone, seed ${seed}: ${zone.failing.length}`);
        const some = storm(600, (place) => place % 12 === 5, seconds * 1000, seed);
        // In the first seconds some anywhere look like the first of everybody: they have to be fewer than those would be.
        if (seconds >= 10) assert.equal(scopeOf(some), 'group', `some, seed ${seed}: ${some.failing.length}`);
      }
    });
  }

  it('is right of a storm that finds one node failing for hours', () => {
    const of = storm(500, () => true, 5000, 3);
    const long = failing('worker-old', 'tcp-timeout', { since: noon - 7_200_000, at: noon - 10_000 });
    const with_ = { ...of, failing: [long, ...of.failing], fleet: [node('worker-old'), ...of.fleet] };
    const before = standingAfter(look({ ...of, now: noon - 10_000, failing: [long], fleet: with_.fleet }));
    assert.equal(onlyOne(before).scope, 'node');
    assert.equal(scopeOf({ ...with_, standing: before }), 'cluster');
  });

  it('stays the whole cluster a little below the border', () => {
    const at = (bad: number): Partial<FleetLook> => ({
      fleet,
      failing: fleet.slice(0, bad).map(({ node }) => failing(node, 'tcp-timeout')),
      healthy: fleet.slice(bad).map(({ node }) => healthy(node)),
    });
    let standing = standingAfter(look(at(16)));
    standing = standingAfter(look({ ...at(15), standing }));
    assert.equal(onlyOne(standing).scope, 'cluster');
    standing = standingAfter(look({ ...at(13), standing }));
    assert.equal(onlyOne(standing).scope, 'group');
    standing = standingAfter(look({ ...at(15), standing }));
    assert.equal(onlyOne(standing).scope, 'group');
  });
});
