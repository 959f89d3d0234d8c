import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentNode } from './agent-node.ts';
import { type AgentProcess, type Footprint, startAgentProcess } from './agent-process.ts';

/** What an agent took that had nothing to do. */
export interface IdleFigures {
  readonly readyMs: number;
  /** One for each interval, the first at its end. */
  readonly samples: readonly (Footprint & { readonly atMs: number })[];
  /** Of a core, over the whole span but its first tenth, in which it starts: 0.01 is one hundredth. */
  readonly cpu: number;
  /** Requests at all registries: they were really checked. */
  readonly requests: number;
}

/** How long, and how often it is looked at. */
export interface IdleSpan {
  readonly spanMs: number;
  readonly everyMs: number;
}

/** What a kubelet and a runtime write on a node on which nothing happens: some lines a second, of probes and looks. */
const linesPerSecond = 2;

/** Lets an agent run on a node on which every image is there and the journal goes on as ever. */
export async function runIdle(
  node: AgentNode,
  { spanMs, everyMs }: IdleSpan,
  flags: readonly string[] = [],
): Promise<IdleFigures> {
  const agent = await startAgentProcess([...node.flags, ...flags]);
  const ended = new AbortController();
  const talk = chatter(node, ended.signal);
  try {
    return await watch(node, agent, { spanMs, everyMs });
  } finally {
    ended.abort();
    await talk;
    await agent.stop();
  }
}

async function watch(node: AgentNode, agent: AgentProcess, { spanMs, everyMs }: IdleSpan): Promise<IdleFigures> {
  const begun = performance.now();
  const begunCpu = (await agent.footprint()).cpuMs;
  const samples: (Footprint & { atMs: number })[] = [];
  for (let at = everyMs; at <= spanMs; at += everyMs) {
    await sleep(Math.max(0, begun + at - performance.now()));
    samples.push({ ...(await agent.footprint()), atMs: performance.now() - begun });
  }
  const first = samples.findLast(({ atMs }) => atMs <= spanMs / 10) ?? { atMs: 0, cpuMs: begunCpu };
  const last = samples.at(-1) ?? first;
  return {
    readyMs: agent.readyMs,
    samples,
    cpu: (last.cpuMs - first.cpuMs) / (last.atMs - first.atMs),
    requests: node.registries.reduce((sum, { requests }) => sum + requests.length, 0),
  };
}

async function chatter(node: AgentNode, signal: AbortSignal): Promise<void> {
  for (let count = 0; !signal.aborted; count++) {
    await node.say([
      {
        unit: 'kubelet',
        message: `I1122 11:03:28.553682   16667 pod_startup_latency_tracker.go:104] "Observed pod startup duration" pod="shop/web-${count % 110}" podStartSLOduration=1.2`,
      },
      {
        unit: 'containerd',
        message: `time="2026-11-22T11:03:28.553244041Z" level=info msg="StopContainer for \\"${count}\\" returns successfully"`,
      },
    ]);
    await sleep((1000 * 2) / linesPerSecond, undefined, { signal }).catch(() => undefined);
  }
}
