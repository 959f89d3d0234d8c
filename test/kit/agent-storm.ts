import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentNode } from './agent-node.ts';
import { type AgentProcess, startAgentProcess } from './agent-process.ts';
import { type FailingPod, kubeletFails, kubeletWaits, runtimeFails } from './node-lines.ts';

/** What a storm of failing pods took. Memory in bytes, times in milliseconds. */
export interface StormFigures {
  readonly idleRss: number;
  readonly peakRss: number;
  /** Until all lines were in the journal. */
  readonly writtenMs: number;
  /** Until every image had its cause, from the first line. */
  readonly concludedMs: number;
  readonly images: number;
  /** Requests at all registries until then. */
  readonly requests: number;
  /** Requests a second at the registry that was asked most, in the seconds after that. */
  readonly requestsPerSecond: number;
  /** `GET /v1/pods` all the while. */
  readonly pods: { readonly ms: readonly number[]; readonly medianMs: number; readonly mostMs: number };
  /** Of a core, when all is told and nothing ends: what looking again costs. */
  readonly cpuAfter: number;
  readonly rows: number;
  /** Of the rows that have no cause of an investigation when the wait is over: the first ones, as they stand. */
  readonly unfinished: readonly string[];
}

/** How much fails. */
export interface StormSize {
  readonly images: number;
  readonly podsPerImage: number;
  /** What is measured when all is told. */
  readonly afterMs: number;
}

/** Has thousands of pods fail at once: images that nobody pushed, at every registry of the node. */
export async function runStorm(
  node: AgentNode,
  { images, podsPerImage, afterMs }: StormSize,
  settings: readonly string[] = [],
): Promise<StormFigures> {
  const agent = await startAgentProcess([...node.flags, ...settings]);
  try {
    return await storm(node, agent, { images, podsPerImage, afterMs });
  } finally {
    await agent.stop();
  }
}

async function storm(
  node: AgentNode,
  agent: AgentProcess,
  { images, podsPerImage, afterMs }: StormSize,
): Promise<StormFigures> {
  const requested = (): number[] => node.registries.map(({ requests }) => requests.length);
  const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
  await sleep(2000);
  const before = await agent.footprint();
  const beforeRequests = sum(requested());

  const latencies: number[] = [];
  let rows: Awaited<ReturnType<AgentProcess['pods']>> = [];
  const ended = new AbortController();
  const polling = (async () => {
    while (!ended.signal.aborted) {
      const begun = performance.now();
      rows = await agent.pods();
      latencies.push(performance.now() - begun);
      // Five thousand rows take the agent a third of a second; who asks oftener measures his own questions.
      await sleep(2000, undefined, { signal: ended.signal }).catch(() => undefined);
    }
  })();

  const begun = performance.now();
  for (let image = 0; image < images; image++) {
    const name = `${node.hosts[image % node.hosts.length]}/team/missing-${image}:1.0`;
    const error = `failed to pull and unpack image "${name}": failed to resolve image: ${name}: not found`;
    const failing = Array.from(
      { length: podsPerImage },
      (_, pod): FailingPod => ({ image: name, error, pod: `p-${image}-${pod}` }),
    );
    await node.say(failing.flatMap((one) => [...runtimeFails(one), ...kubeletFails(one), kubeletWaits(one)]));
  }
  const writtenMs = performance.now() - begun;
  const unfinished = () => rows.filter(({ investigation, cause }) => investigation === null || cause === null);
  const concluded = (): boolean => rows.length >= images * podsPerImage && unfinished().length === 0;
  // Less than after what the agent takes pods that nobody tells of any more for gone.
  while (!concluded() && performance.now() - begun < 150_000) await sleep(250);
  const concludedMs = performance.now() - begun;
  const left = unfinished().map((row) => JSON.stringify(row));
  const requests = sum(requested()) - beforeRequests;

  const [requestedThen, cpuThen, then] = [requested(), (await agent.footprint()).cpuMs, performance.now()];
  await sleep(afterMs);
  const after = await agent.footprint();
  const seconds = (performance.now() - then) / 1000;
  const most = Math.max(...requested().map((count, at) => count - (requestedThen[at] ?? 0)));
  ended.abort();
  await polling;
  latencies.sort((a, b) => a - b);
  return {
    idleRss: before.rss,
    peakRss: after.peakRss,
    writtenMs,
    concludedMs,
    images: new Set(rows.filter(({ cause }) => cause !== null).map(({ image }) => image)).size,
    requests,
    requestsPerSecond: most / seconds,
    pods: {
      ms: latencies,
      medianMs: latencies[Math.floor(latencies.length / 2)] ?? Number.NaN,
      mostMs: latencies.at(-1) ?? Number.NaN,
    },
    cpuAfter: (after.cpuMs - cpuThen) / 1000 / seconds,
    rows: rows.length,
    unfinished: left.slice(0, 3),
  };
}
