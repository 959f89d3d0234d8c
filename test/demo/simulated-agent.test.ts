import assert from 'node:assert/strict';
import { ReportBatch, type ReportRecord, recordSchemas } from '../../src/api/records.ts';
import { checkAgainst } from '../../src/api/schema.ts';
import { seededChance } from '../../src/demo/chance.ts';
import { openSimulatedAgent, type SimulatedAgent, usualManner } from '../../src/demo/simulated-agent.ts';
import { makeSites } from '../../src/demo/sites.ts';
import { type Fault, isHit, usualRegistries, type World } from '../../src/demo/world.ts';

const epoch = Date.parse('2026-11-22T10:00:00.000Z');

describe('demo: a simulated node', () => {
  const sites = makeSites(60);

  /** Runs one node through these worlds, ten seconds each, and takes everything that it sends. */
  function lived(worlds: readonly (readonly Fault[])[], place = 3, agentOf = open): readonly ReportRecord[] {
    const clock = { now: 0 };
    let world: World = { registries: usualRegistries, faults: [] };
    const agent = agentOf(place, () => world);
    const records: ReportRecord[] = [];
    for (const faults of worlds) {
      world = { ...world, faults };
      agent.worldChanged(clock.now);
      for (const end = clock.now + 10_000; clock.now < end; clock.now += 50) {
        const batch = agent.dueAt() <= clock.now ? agent.next(clock.now, epoch + clock.now) : null;
        if (batch === null) continue;
        assert.ok(checkAgainst(ReportBatch, batch).ok);
        for (const record of batch.records) records.push(valid(record));
        agent.taken();
      }
    }
    assert.deepEqual(
      records.map(({ seq }) => seq),
      records.map((_, at) => at + 1),
    );
    assert.deepEqual(agent.counts(), { sent: records.length, taken: records.length });
    return records;
  }

  function open(place: number, world: () => World): SimulatedAgent {
    const site = sites[place];
    assert.ok(site !== undefined);
    return openSimulatedAgent({
      site,
      world,
      chance: seededChance(7),
      manner: { ...usualManner, roundMs: 4000 },
      bootId: 'b',
      startedAt: 0,
    });
  }

  it('tells what it is, that it lives and how all is, each round', () => {
    const records = lived([[]]);
    assert.deepEqual(records.map(({ kind }) => kind).slice(0, 3), ['node', 'heartbeat', 'health']);
    assert.equal(records.filter(({ kind }) => kind === 'heartbeat').length, 3);
    for (const record of records) {
      if (record.kind !== 'health') continue;
      assert.equal(record.checks.length, 3 + usualRegistries.length);
      assert.ok(record.checks.every(({ verdict }) => verdict === 'healthy'));
    }
  });

  it('tells of a fault at once, then its cause with an investigation, and of its end', () => {
    const fault: Fault = { kind: 'registry', registry: 'quay.io' };
    const records = lived([[], [fault], []]);
    const told = records.flatMap((record) => (record.kind === 'incident' ? [record.incident] : []));
    assert.deepEqual(
      told.map(({ state, cause, endedBy, pods }) => [state, cause, endedBy, pods]),
      [
        ['open', null, null, 2],
        ['open', 'registry-error', null, 2],
        ['over', 'registry-error', 'agent', 0],
      ],
    );
    const found = records.flatMap((record) => (record.kind === 'investigation' ? [record.investigation] : []));
    assert.deepEqual(
      found.map(({ id, cause }) => [id, cause]),
      [[told[1]?.investigation, 'registry-error']],
    );
    const checks = records.flatMap((record) =>
      record.kind === 'health' && record.checks.length === 1 ? record.checks : [],
    );
    assert.deepEqual(
      checks.map(({ subject, verdict, cause }) => [subject, verdict, cause]),
      [
        ['quay.io', 'faulty', 'registry-error'],
        ['quay.io', 'healthy', null],
      ],
    );
  });

  it('says nothing of faults that do not hit it', () => {
    const records = lived([[{ kind: 'disk', node: 'another' }]]);
    assert.ok(records.every(({ kind }) => kind !== 'incident'));
  });

  it('sends the same batch again until it is taken, and nothing new before', () => {
    const agent = open(0, () => ({ registries: usualRegistries, faults: [] }));
    const first = agent.next(5000, epoch);
    assert.ok(first !== null);
    agent.again(9000);
    assert.equal(agent.dueAt(), 9000);
    assert.equal(agent.next(9000, epoch + 4000), first);
    assert.deepEqual(agent.counts(), { sent: 3, taken: 0 });
    agent.taken();
    assert.deepEqual(agent.counts(), { sent: 3, taken: 3 });
  });

  it('has each kind of fault hit those nodes alone that it would hit', () => {
    const share = (fault: Fault): number => sites.filter((site) => isHit(site, fault)).length / sites.length;
    assert.equal(share({ kind: 'nameserver', nameserver: '10.0.0.53', registry: 'quay.io' }), 1 / 4);
    assert.equal(share({ kind: 'firewall', zone: 'eu-1c', registry: 'quay.io' }), 1 / 3);
    assert.equal(share({ kind: 'budget', egress: '198.51.100.7', registry: 'docker.io' }), 1 / 5);
    assert.equal(share({ kind: 'registry', registry: 'quay.io' }), 1);
    assert.equal(share({ kind: 'disk', node: 'sim-07' }), 1 / 60);
  });
});

/** As the collector checks it. */
function valid(record: ReportRecord): ReportRecord {
  const checked = checkAgainst(recordSchemas[record.kind], record);
  assert.ok(checked.ok, checked.ok ? '' : JSON.stringify(checked.error));
  return record;
}
