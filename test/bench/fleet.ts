import { setTimeout as sleep } from 'node:timers/promises';
import { FleetIncidentsDocument } from '../../src/api/fleet.ts';
import { checkAgainst } from '../../src/api/schema.ts';
import type { AgentManner } from '../../src/demo/simulated-agent.ts';
import { footprintOf, mib } from '../kit/agent-process.ts';
import { startFleetLoad } from '../kit/fleet-load.ts';
import { type Figure, figure, figureOf, type Part } from './figure.ts';
import { type BenchCollector, keepAsking, metricSum, startBareServer, startBenchCollector } from './fleet-world.ts';

/** Agents as they are, but for a storm in which every node meets the fault within two seconds. */
const manner: Partial<AgentManner> = {
  roundMs: 60_000,
  noticeMs: 2000,
  diagnoseMs: 2000,
  investigationChars: 40_000,
};

const size = { nodes: 5000, rampMs: 20_000 };

/** What whoever is woken by a storm has: a dashboard and a command line that answer. */
const bounds = { clusterMs: 5000, p99Ms: 50, peakMib: 768, lost: 0 };

/** The registry that fails. */
const registry = 'quay.io';

/** After that a storm has not been taken. */
const stormLimitMs = 120_000;

/** 5,000 nodes that report once a minute for `seconds`, then all fail at one registry. */
export function fleetStorm(seconds: number): () => Promise<Part> {
  return async () => {
    const collector = await startBenchCollector();
    const bare = await startBareServer();
    const load = await startFleetLoad({ ...size, url: collector.url, manner, concurrency: size.nodes });
    try {
      await sleep(size.rampMs);
      await load.settled(60_000);
      const figures = await quiet(collector, bare.url, seconds);
      figures.push(...(await storm(collector, bare.url, load)));
      await load.settled(60_000);
      const counts = await load.rest();
      await load.stop();
      await collector.stop();
      const kept = collector.kept();
      const nodes = size.nodes.toLocaleString('en');
      return {
        figures: [
          ...figures,
          figureOf(
            `fleet, ${nodes} nodes: records lost of ${counts.sent.toLocaleString('en')}`,
            'records',
            [counts.sent - kept.records + (size.nodes - kept.investigations)],
            { atMost: bounds.lost },
          ),
        ],
        notes: [
          `fleet: the simulated nodes share the machine with the collector, and stand behind it for the processor; ${counts.batches.toLocaleString('en')} batches, ${mib(counts.bytes)} MiB packed, ${counts.again} sent again, ${counts.refused} records refused; in the storm each node sends two batches, with an investigation of 40 kB.`,
        ],
      };
    } finally {
      await load.stop();
      await bare.stop();
      await collector.close();
    }
  };
}

const questionsOf = (url: string, bare: string): Readonly<Record<string, string>> => ({
  bare,
  '/v1/nodes?limit=100': `${url}/v1/nodes?limit=100`,
  '/v1/incidents': `${url}/v1/incidents`,
  '/v1/registries': `${url}/v1/registries`,
  '/v1/report': `${url}/v1/report`,
});

async function quiet(collector: BenchCollector, bare: string, seconds: number): Promise<Figure[]> {
  const what = `fleet, ${size.nodes.toLocaleString('en')} nodes at one report a minute`;
  const asking = keepAsking(questionsOf(collector.url, bare), 200);
  const before = await footprintOf(collector.pid);
  const begun = performance.now();
  await sleep(seconds * 1000);
  const after = await footprintOf(collector.pid);
  const spanMs = performance.now() - begun;
  await asking.stop();
  return [
    figureOf(`${what}: of a core`, '%', [((after.cpuMs - before.cpuMs) / spanMs) * 100]),
    figureOf(`${what}: resident`, 'MiB', [mib(after.rss)]),
    ...latencies(what, asking.times()),
  ];
}

async function storm(
  collector: BenchCollector,
  bare: string,
  load: Awaited<ReturnType<typeof startFleetLoad>>,
): Promise<Figure[]> {
  const what = `fleet, all ${size.nodes.toLocaleString('en')} nodes fail at one registry`;
  const asking = keepAsking(questionsOf(collector.url, bare), 50);
  const cpu = (await footprintOf(collector.pid)).cpuMs;
  const begun = performance.now();
  await load.become([{ kind: 'registry', registry }]);
  const [clusterMs, takenMs] = await Promise.all([
    clusterAfter(collector, begun),
    load.settled(stormLimitMs).then((settled) => (settled ? performance.now() - begun : Number.POSITIVE_INFINITY)),
  ]);
  await asking.stop();
  const after = await footprintOf(collector.pid);
  return [
    figureOf(`${what}: an incident with scope cluster`, 'ms', [clusterMs], { atMost: bounds.clusterMs }),
    figureOf(`${what}: everything is taken`, 'ms', [takenMs]),
    figureOf(`${what}: CPU of the collector`, 'ms', [after.cpuMs - cpu]),
    figureOf(`${what}: most memory`, 'MiB', [mib(after.peakRss)], { atMost: bounds.peakMib }),
    ...latencies(what, asking.times(), bounds.p99Ms),
  ];
}

async function clusterAfter(collector: BenchCollector, begun: number): Promise<number> {
  for (; performance.now() - begun < 60_000; await sleep(50)) {
    const { body } = await collector.get('/v1/incidents?state=open&scope=cluster');
    const checked = checkAgainst(FleetIncidentsDocument, body);
    const items = checked.ok ? checked.value.items : [];
    if (items.some(({ subject, cause }) => subject.name === registry && cause === 'registry-error')) {
      return performance.now() - begun;
    }
  }
  return Number.POSITIVE_INFINITY;
}

/** Medians and the 99th of a hundred; the bare server's is the reference, for it shares the machine. */
function latencies(what: string, times: ReadonlyMap<string, readonly number[]>, atMost?: number): Figure[] {
  const p99 = (name: string, of: readonly number[], options: Parameters<typeof figure>[1]): Figure => {
    const sorted = [...of].sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    const label = name === 'bare' ? 'a bare server meanwhile' : `GET ${name}`;
    return figure(
      {
        name: `${what}: ${label}, 99 of 100 (least: half)`,
        unit: 'ms',
        median: at(0.99),
        least: at(0.5),
        most: at(1),
        samples: of.length,
      },
      options,
    );
  };
  const bare = p99('bare', times.get('bare') ?? [], {});
  return [
    bare,
    ...[...times]
      .filter(([name]) => name !== 'bare')
      .map(([name, of]) => p99(name, of, { reference: bare, ...(atMost === undefined ? {} : { atMost }) })),
  ];
}

const sizes = [100, 1000, 10_000];
const growthMs = 20_000;

/** What one collector costs as nodes grow, while a third of them fails: CPU for reports, and time for each look. */
export async function fleetGrowth(): Promise<Part> {
  const figures: Figure[] = [];
  let former: { readonly cpu: Figure; readonly look: Figure } | null = null;
  for (const nodes of sizes) {
    const collector = await startBenchCollector();
    const rampMs = Math.max(3000, nodes * 2);
    const load = await startFleetLoad({ nodes, rampMs, url: collector.url, manner, concurrency: 1000 });
    try {
      await sleep(rampMs);
      await load.settled(60_000);
      await load.become([{ kind: 'firewall', zone: 'eu-1c', registry }]);
      await sleep(6000);
      await load.settled(60_000);
      const looks = async () => {
        const { text } = await collector.get('/metrics');
        const [sum, count] = ['sum', 'count'].map((one) => metricSum(text, `pullwhy_collector_look_seconds_${one}`));
        return { sum: sum ?? 0, count: count ?? 0 };
      };
      const [before, lookedBefore] = [await footprintOf(collector.pid), await looks()];
      const begun = performance.now();
      await sleep(growthMs);
      const [after, looked] = [await footprintOf(collector.pid), await looks()];
      const minutes = (performance.now() - begun) / 60_000;
      const what = `fleet, ${nodes.toLocaleString('en')} nodes, a third fails`;
      const cpu: Figure = figureOf(`${what}: CPU in a minute`, 'ms', [(after.cpuMs - before.cpuMs) / minutes], {
        ...(former === null ? {} : { reference: former.cpu }),
      });
      const lookMs = ((looked.sum - lookedBefore.sum) / Math.max(1, looked.count - lookedBefore.count)) * 1000;
      const look: Figure = figureOf(`${what}: one look at all of them`, 'ms', [lookMs], {
        ...(former === null ? {} : { reference: former.look }),
      });
      figures.push(cpu, look, figureOf(`${what}: resident`, 'MiB', [mib(after.rss)]));
      former = { cpu, look };
    } finally {
      await load.stop();
      await collector.close();
    }
  }
  return { figures, notes: ['fleet: ten times the nodes and ten times the cost is linear.'] };
}
