import assert from 'node:assert/strict';
import { startVirtualFleet, type VirtualFleet, virtualStart } from '../kit/virtual-fleet.ts';

const minuteMs = 60_000;
const registries = ['dns.corp.example', 'late.corp.example', 'near.corp.example'];

describe('collector: an hour without half of the agents', function () {
  this.timeout(120_000);

  /** What happens to nodes and registries, at which minute. */
  const story = (fleet: VirtualFleet): ReadonlyMap<number, () => void> => {
    const find = (from: number, to: number, ...what: Parameters<VirtualFleet['agents'][number]['find']>): void => {
      for (const agent of fleet.agents.slice(from, to)) agent.find(...what);
    };
    return new Map([
      // Within the part that is cut off: before it, and until the middle of it.
      [5, () => find(0, 8, 'dns.corp.example', 'dns-timeout')],
      [40, () => find(0, 8, 'dns.corp.example', null)],
      // Only within it.
      [45, () => find(10, 14, 'late.corp.example', 'tls-certificate-expired')],
      // On both sides, before and after.
      [6, () => find(16, 24, 'near.corp.example', 'tcp-timeout')],
    ]);
  };

  it('takes them for silent, keeps their incidents open, and has caught up minutes after', async () => {
    const fleet = await startVirtualFleet(40, registries);
    const steps = story(fleet);
    const cut = fleet.agents.slice(0, 20);
    const brief = async () =>
      Object.fromEntries(
        (await fleet.incidents()).map(({ cause, subject, state, nodes }) => [
          `${cause} ${subject.name}`,
          `${state} ${nodes.failing}/${nodes.healthy}/${nodes.unknown}`,
        ]),
      );
    const until = async (minute: number): Promise<void> => {
      while (fleet.now() < minute * minuteMs) {
        steps.get(fleet.now() / minuteMs)?.();
        await fleet.pass(minuteMs);
      }
    };
    await until(10);
    assert.deepEqual(await brief(), {
      'dns-timeout dns.corp.example': 'open 8/32/0',
      'tcp-timeout near.corp.example': 'open 8/32/0',
    });
    for (const agent of cut) agent.reaches = false;
    await until(15);
    const states = await fleet.states();
    assert.deepEqual(
      cut.map(({ node }) => states[node]),
      cut.map(() => 'silent'),
    );
    for (const { node } of fleet.agents.slice(24)) assert.equal(states[node], 'healthy', node);
    const silent = (await fleet.events()).filter(({ type }) => type === 'node-silent').map(({ node }) => node);
    assert.deepEqual(
      silent.sort(),
      cut.map(({ node }) => node),
    );
    await until(70);
    const during = await brief();
    assert.match(during['dns-timeout dns.corp.example'] ?? '', /^open 0\/20\/20$/);
    assert.match(during['tcp-timeout near.corp.example'] ?? '', /^open 4\/16\/20$/);
    assert.equal(Object.keys(during).length, 2, 'nothing is known of what began there');
    const closed = (await fleet.events()).filter(({ type }) => type === 'incident-closed');
    assert.deepEqual(closed, []);

    const back = fleet.now();
    for (const agent of cut) agent.reaches = true;
    await until(80);
    assert.ok(Object.values(await fleet.states()).every((state) => state !== 'silent'));
    assert.ok(fleet.agents.every(({ reporter }) => reporter.waiting().rows <= 2));
    const after = await brief();
    assert.match(after['dns-timeout dns.corp.example'] ?? '', /^closed 8\//);
    assert.equal(after['tls-certificate-expired late.corp.example'], 'open 4/36/0');
    assert.equal(after['tcp-timeout near.corp.example'], 'open 8/32/0');
    assert.equal(Object.keys(after).length, 3);
    const began = (await fleet.incidents()).find(({ cause }) => cause === 'tls-certificate-expired')?.openedAt ?? '';
    assert.ok(Math.abs(Date.parse(began) - virtualStart - 45 * minuteMs) < 2000, `since it began: ${began}`);
    const opened = (await fleet.events()).filter(({ type }) => type === 'incident-opened');
    assert.equal(opened.length, 3);
    assert.ok(fleet.posts.filter((at) => at > back && at <= back + 1000).length < 8);

    // Record for record what a run without the hour comes to.
    const calm = await startVirtualFleet(40, registries);
    const calmSteps = story(calm);
    while (calm.now() < 80 * minuteMs) {
      calmSteps.get(calm.now() / minuteMs)?.();
      await calm.pass(minuteMs);
    }
    assert.deepEqual(await looksOf(fleet), await looksOf(calm));
    await fleet.close();
    await calm.close();
  });

  it('is not struck down by those that come back', async () => {
    const fleet = await startVirtualFleet(250, ['quay.example']);
    await fleet.pass(2 * minuteMs);
    for (const agent of fleet.agents) agent.reaches = false;
    await fleet.pass(25 * minuteMs);
    const back = fleet.now();
    for (const agent of fleet.agents) agent.reaches = true;
    await fleet.pass(6 * minuteMs);
    // But for the heartbeat of this moment.
    assert.ok(fleet.agents.every(({ reporter }) => reporter.waiting().rows <= 2));
    assert.ok(Object.values(await fleet.states()).every((state) => state === 'healthy'));
    const bySecond = new Map<number, number>();
    for (const at of fleet.posts) {
      if (at <= back) continue;
      const second = Math.floor((at - back) / 1000);
      bySecond.set(second, (bySecond.get(second) ?? 0) + 1);
    }
    const most = Math.max(...bySecond.values());
    process.stdout.write(`      250 agents come back: ${most} requests in the fullest second\n`);
    // Their usual load is 250 heartbeats a minute, 4.2 a second.
    assert.ok(most <= 16, `${most}`);
    await fleet.close();
  });
});

/** How each node last found its registries, but for when it looked last: that is by chance. */
async function looksOf(fleet: VirtualFleet): Promise<readonly unknown[]> {
  const all: unknown[] = [];
  for (const { node } of fleet.agents) {
    const found = await fleet.store.node(node);
    assert.ok(found.ok && found.value !== null);
    const { known, observations } = found.value;
    all.push([
      known.node,
      known.attributes,
      known.clockOffsetMs,
      observations.map(({ kind, subject, verdict, cause, since }) => [kind, subject, verdict, cause, since]),
    ]);
  }
  return all;
}
