import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { startBenchCollector } from '../bench/fleet-world.ts';
import { footprintOf, mib } from '../kit/agent-process.ts';
import { startFleetLoad } from '../kit/fleet-load.ts';

const nodes = 200;
const registry = 'quay.io';

/** From a node's notice to its investigation; by chance up to one and a half of it. */
const diagnoseMs = 300;

/** Generous: it has some 130 MiB; a storm that is kept in memory has more. */
const mostMib = 400;

// The benchmark's storm (npm run bench fleet-storm) in small: what must hold on any machine.
describe('collector: a storm of all nodes', function () {
  this.timeout(180_000);

  it('loses nothing, says that it is the whole cluster, and stays within its memory', async () => {
    const collector = await startBenchCollector();
    const load = await startFleetLoad({
      url: collector.url,
      nodes,
      rampMs: 500,
      manner: { roundMs: 3000, noticeMs: 300, diagnoseMs, investigationChars: 40_000 },
      concurrency: nodes,
    });
    try {
      await sleep(500);
      assert.ok(await load.settled(45_000), 'all nodes have reported');
      await load.become([{ kind: 'registry', registry }]);
      let told = '';
      for (const limit = performance.now() + 45_000; performance.now() < limit && told === ''; await sleep(100)) {
        const { body } = await collector.get('/v1/incidents?state=open&scope=cluster');
        for (const { cause, subject, nodes: of, attribution } of body.items) {
          assert.deepEqual([cause, subject.name, attribution], ['registry-error', registry, []]);
          if (of.failing === nodes) told = `${cause} at ${subject.name}`;
        }
      }
      assert.equal(told, `registry-error at ${registry}`, 'one incident with scope cluster and every node');
      // Every node is known to fail; the last of them has its investigation still to make.
      await sleep(2 * diagnoseMs);
      assert.ok(await load.settled(45_000), 'everything is taken');
      const { sent, taken, refused, trouble } = await load.counts();
      assert.deepEqual([taken, refused, trouble], [sent, 0, null]);
      const { peakRss } = await footprintOf(collector.pid);
      assert.ok(mib(peakRss) < mostMib, `${mib(peakRss)} MiB`);
      await load.stop();
      const open = await collector.get('/v1/incidents?state=open');
      assert.equal(open.body.items.length, 1);
      assert.equal((await collector.stop()).code, 0);
      const kept = collector.kept();
      assert.equal(kept.records >= sent, true, `${kept.records} of ${sent} records`);
      assert.equal(kept.investigations, nodes);
    } finally {
      await load.stop();
      await collector.close();
    }
  });
});
