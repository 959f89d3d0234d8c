// The child of fleet-load.ts: simulated nodes that report to a collector, in a process of their own.
import { setPriority } from 'node:os';
import { startSimulatedFleet } from '../../src/demo/simulated-fleet.ts';
import { makeSites } from '../../src/demo/sites.ts';
import { usualRegistries } from '../../src/demo/world.ts';
import { systemEnv } from '../../src/lib/env.ts';
import type { LoadAnswer, LoadOrder } from './fleet-load.ts';

// As if they were elsewhere: the collector and who asks it come first.
setPriority(19);

let fleet: ReturnType<typeof startSimulatedFleet> | null = null;

process.on('message', (order: LoadOrder) => void obey(order));
process.on('disconnect', () => process.exit());

async function obey(order: LoadOrder): Promise<void> {
  switch (order.order) {
    case 'start': {
      const { nodes, url, manner, rampMs, concurrency } = order;
      fleet = startSimulatedFleet({
        env: systemEnv,
        sites: makeSites(nodes),
        world: { registries: usualRegistries, faults: [] },
        url,
        manner,
        rampMs,
        concurrency,
      });
      break;
    }
    case 'become':
      fleet?.become({ registries: usualRegistries, faults: order.faults });
      break;
    case 'counts':
      break;
    case 'rest':
      await fleet?.rest();
      break;
    case 'stop':
      await fleet?.stop();
      process.disconnect();
      return;
  }
  const counts = fleet?.counts() ?? { sent: 0, taken: 0, batches: 0, again: 0, refused: 0, bytes: 0 };
  const answer: LoadAnswer = {
    ...counts,
    settled: fleet?.settled() ?? true,
    trouble: fleet?.trouble() ?? null,
  };
  process.send?.(answer);
}
