import { setTimeout as sleep } from 'node:timers/promises';
import { runIdle } from '../kit/agent-idle.ts';
import { makeAgentNode } from '../kit/agent-node.ts';
import { mib, startAgentProcess } from '../kit/agent-process.ts';
import { runStorm } from '../kit/agent-storm.ts';
import { grpcCodes } from '../kit/fake-cri.ts';
import { type Figure, figureOf, type Part } from './figure.ts';
import { machineAuthorities, type World } from './world.ts';

/** What a resident of every node may take, with 110 pods and 20 registries. */
const most = { rssMib: 80, privateMib: 32, cpuPercent: 0.5, readyMs: 500 };

/** A storm must not have the node's own pods evicted, nor a registry struck down. */
const storm = { images: 500, podsPerImage: 10, rssMib: 200, requestsPerImage: 12, podsMs: 1000 };

const starts = 5;
const [registries, images] = [20, 110];

/** An agent that has nothing to do, for `minutes`: its memory, its share of a core, and its start. */
export function agentIdle(minutes: number): (world: World) => Promise<Part> {
  return async () => {
    const authorities = (await machineAuthorities()) ?? [];
    const node = await makeAgentNode({ registries, images, authorities, journald: [] });
    try {
      const ready: number[] = [];
      for (let start = 0; start < starts; start++) {
        const agent = await startAgentProcess(node.flags);
        ready.push(agent.readyMs);
        await agent.stop();
        await sleep(200);
      }
      const spanMs = minutes * 60_000;
      const idle = await runIdle(node, { spanMs, everyMs: Math.min(10_000, spanMs / 6) });
      const what = `agent, idle for ${minutes} min, ${images} pods, ${registries} registries`;
      const memory = (name: string, of: 'rss' | 'private', atMost: number): Figure =>
        figureOf(
          `${what}: ${name}`,
          'MiB',
          idle.samples.map((sample) => mib(sample[of])),
          { atMost, always: true },
        );
      return {
        figures: [
          memory('resident', 'rss', most.rssMib),
          memory('private', 'private', most.privateMib),
          figureOf(`${what}: of a core`, '%', [idle.cpu * 100], { atMost: most.cpuPercent }),
          figureOf('agent, from its start until it is ready', 'ms', ready, {
            atMost: most.readyMs,
            always: true,
          }),
        ],
        notes: [
          `agent: ${idle.requests} requests at the registries meanwhile, ${authorities.length + 1} authorities; ${node.journald === null ? 'without a journal' : 'two lines a second in the journal'}.`,
        ],
      };
    } finally {
      await node.close();
    }
  };
}

/** Thousands of pods that fail at once. */
export async function agentStorm(): Promise<Part> {
  const node = await makeAgentNode({
    registries,
    images,
    journald: [],
    // On a busy machine a look may end before its answer, and the agent then tries: what nobody pushed is not pulled.
    methods: { PullImage: () => ({ code: grpcCodes.notFound, message: 'failed to resolve image: not found' }) },
  });
  try {
    if (node.journald === null) return { figures: [], notes: ['left out: a storm: it takes root and journald'] };
    const { images: count, podsPerImage } = storm;
    const told = await runStorm(node, { images: count, podsPerImage, afterMs: 20_000 });
    const what = `agent, ${(count * podsPerImage).toLocaleString('en')} failing pods, ${count} images`;
    return {
      figures: [
        figureOf(`${what}: most memory`, 'MiB', [mib(told.peakRss)], { atMost: storm.rssMib }),
        figureOf(`${what}: every image has its cause`, 'ms', [told.concludedMs]),
        figureOf(`${what}: requests for each image until then`, 'requests', [told.requests / count], {
          atMost: storm.requestsPerImage,
        }),
        figureOf(`${what}: at the busiest registry after that`, '/s', [told.requestsPerSecond]),
        figureOf(`${what}: GET /v1/pods`, 'ms', told.pods.ms, { atMost: storm.podsMs }),
        figureOf(`${what}: of a core after that`, '%', [told.cpuAfter * 100]),
      ],
      notes: [
        `agent: the lines of the storm were written in ${(told.writtenMs / 1000).toFixed(1)} s; ${told.rows} rows of pods.`,
        ...told.unfinished.map((row) => `agent: not investigated: ${row}`),
      ],
    };
  } finally {
    await node.close();
  }
}
