import assert from 'node:assert/strict';
import { startVirtualFleet, type VirtualFleet, virtualStart } from '../kit/virtual-fleet.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const registry = 'registry.corp.example';

/** What is told of one fault from the 6th to the 12th minute, true times in seconds. */
interface Told {
  readonly opened: number;
  readonly closed: number | null;
  readonly events: readonly string[];
}

describe('collector: clocks that are wrong', function () {
  this.timeout(60_000);

  /** Ten nodes of which four fail for six minutes; `at`: what is done to clocks, by the minute. */
  async function run(at: Readonly<Record<number, (fleet: VirtualFleet) => void>>): Promise<Told> {
    const fleet = await startVirtualFleet(10, [registry, 'quay.example']);
    const events: string[] = [];
    let last = '0';
    let opened = 0;
    let closed: number | null = null;
    let setIn = -10;
    const find = (cause: 'tcp-timeout' | null): void => {
      for (const agent of fleet.agents.slice(0, 4)) agent.find(registry, cause);
    };
    for (let half = 0; half < 40; half++) {
      if (half === 12) find('tcp-timeout');
      if (half === 24) find(null);
      for (let step = 0; step < 15; step++) {
        // Between two of everything that happens at whole minutes.
        if (step === 3 && at[half / 2] !== undefined) {
          at[half / 2]?.(fleet);
          setIn = half;
        }
        await fleet.pass(2000);
        const found = await fleet.store.events(last, 100);
        assert.ok(found.ok);
        for (const { id, type, node, incident } of found.value.events) {
          last = id;
          if (node !== null) {
            if (type !== 'node-appeared') events.push(`${type} ${node}`);
            continue;
          }
          events.push(type);
          assert.equal(incident?.subject.name, registry);
          if (type === 'incident-opened') opened = fleet.now() / 1000;
          if (type === 'incident-closed') closed = fleet.now() / 1000;
        }
      }
      // Nothing is ever open twice.
      const open = (await fleet.incidents()).filter(({ state }) => state === 'open');
      assert.ok(open.length <= 1, JSON.stringify(open));
      const [one] = open;
      if (one === undefined || half < 13) continue;
      const { failing, healthy, unknown } = one.nodes;
      assert.deepEqual([one.scope, healthy, unknown], ['group', 10 - failing, 0], `${one.summary} (${half / 2})`);
      // It is as it was for the minute in which all report again.
      if (half < setIn + 3) continue;
      assert.ok(Date.parse(one.openedAt) <= virtualStart + fleet.now() + fleet.ahead, 'not to come');
    }
    const incidents = await fleet.incidents();
    assert.equal(incidents.length, 1, JSON.stringify(incidents));
    const [incident] = incidents;
    assert.equal(incident?.reopened, 0);
    assert.equal(incident?.nodes.failing, 4);
    await fleet.close();
    return { opened, closed, events: events.filter((type) => type !== 'incident-changed') };
  }

  const agents =
    (ahead: number, from = 0, to = 10) =>
    (fleet: VirtualFleet): void => {
      for (const agent of fleet.agents.slice(from, to)) agent.ahead = ahead;
    };
  const collector =
    (ahead: number) =>
    (fleet: VirtualFleet): void => {
      fleet.ahead = ahead;
    };

  for (const [what, at] of [
    ['none', {}],
    ['an agent an hour ahead', { 0: agents(hourMs, 0, 1) }],
    ['an agent a day behind', { 0: agents(-24 * hourMs, 0, 1) }],
    ['all agents years behind', { 0: agents(-56 * 365 * 24 * hourMs) }],
    ['agents that jump ahead while it lasts', { 8: agents(hourMs, 0, 6) }],
    ['agents that jump back while it lasts', { 8: agents(-hourMs, 0, 6) }],
    ['agents that jump to and fro', { 3: agents(hourMs), 7: agents(-hourMs), 9: agents(0), 12.5: agents(hourMs) }],
    ['a collector an hour ahead', { 0: collector(hourMs) }],
    ['a collector that jumps ahead before', { 3: collector(hourMs) }],
    ['a collector that jumps ahead while it lasts', { 8: collector(hourMs) }],
    ['a collector that jumps ahead a day while it lasts', { 8: collector(25 * hourMs) }],
    ['a collector that jumps back while it lasts', { 8: collector(-hourMs) }],
    ['a collector that jumps ahead before it closes', { 13: collector(hourMs) }],
    ['a collector that jumps back before it closes', { 13: collector(-hourMs) }],
    [
      'a collector that jumps to and fro',
      { 3: collector(hourMs), 8: collector(0), 9: collector(-hourMs), 13: collector(0) },
    ],
  ] as const) {
    it(`comes to the same: ${what}`, async () => {
      const told = await run(at);
      assert.deepEqual(told.events, ['incident-opened', 'incident-closed']);
      assert.ok(told.opened >= 360 && told.opened <= 366, `opened at ${told.opened}`);
      // Two minutes after the last node stopped; a little later where the clock was set meanwhile.
      assert.ok(told.closed !== null && told.closed >= 838 && told.closed <= 865, `closed at ${told.closed}`);
    });
  }
});
