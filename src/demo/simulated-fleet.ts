import { Agent, request } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Env } from '../lib/env.ts';
import { isRecord, parseJson } from '../lib/json.ts';
import { seededChance } from './chance.ts';
import {
  type AgentManner,
  openSimulatedAgent,
  type SimulatedAgent,
  type SimulatedBatch,
  usualManner,
} from './simulated-agent.ts';
import type { Site } from './sites.ts';
import type { World } from './world.ts';

/** What a fleet of made-up nodes needs. */
export interface FleetNeeds {
  readonly env: Env;
  readonly sites: readonly Site[];
  readonly world: World;
  /** `http://127.0.0.1:9450` of the collector. */
  readonly url: string;
  readonly seed?: number;
  readonly manner?: Partial<AgentManner>;
  /** In which the first reports come; a round, when it is not given, as of a fleet that runs. */
  readonly rampMs?: number;
  /** Requests at a time; what is beyond waits in this process, not at the collector. */
  readonly concurrency?: number;
  /** One name for each start of the fleet: streams of records are told apart by it. */
  readonly boot?: string;
}

/** What became of reports so far. */
export interface FleetCounts {
  /** Records that were sent at least once. */
  readonly sent: number;
  /** Of these, the ones that the collector has acknowledged. */
  readonly taken: number;
  readonly batches: number;
  /** Batches that have to be sent again: turned away, or not answered. */
  readonly again: number;
  /** Records that the collector refused as misfits: a defect of one of the two. */
  readonly refused: number;
  /** Bytes of bodies, packed. */
  readonly bytes: number;
}

/** Made-up nodes that really report, over HTTP. */
export interface SimulatedFleet {
  /** From now on; each node that it concerns meets it within `noticeMs`. */
  readonly become: (world: World) => void;
  readonly counts: () => FleetCounts;
  /** Nothing is being sent, and nothing waits that should have been. */
  readonly settled: () => boolean;
  /** The first thing that went wrong, in words; null: nothing did. */
  readonly trouble: () => string | null;
  /** Begins nothing more; done when what was under way has ended. */
  readonly rest: () => Promise<void>;
  /** Ends requests and connections. */
  readonly stop: () => Promise<void>;
}

/** How often it is looked for nodes that are due. */
const tickMs = 25;
/** Longest wait for an answer, and for the next try after a refusal at first and at most. */
const answerMs = 30_000;
const firstAgainMs = 250;
const mostAgainMs = 30_000;

const compress = promisify(gzip);
/** One machine packs for thousands: as fast as can be, for some percent more. */
const packing = { level: 1 } as const;

/** Starts them: one timer for all nodes, one pool of connections that are kept open. */
export function startSimulatedFleet(needs: FleetNeeds): SimulatedFleet {
  const { env, sites, seed = 1, concurrency = 256, boot = 'simulated' } = needs;
  const target = new URL('/v1/reports', needs.url);
  const chance = seededChance(seed);
  const manner = { ...usualManner, ...needs.manner };
  let world = needs.world;
  const pool = new Agent({ keepAlive: true, maxSockets: concurrency, maxFreeSockets: concurrency });
  const stopping = new AbortController();
  const startedAt = env.monotonic();
  const agents = sites.map((site) =>
    openSimulatedAgent({
      site,
      world: () => world,
      chance,
      manner,
      bootId: boot,
      startedAt,
      ...(needs.rampMs === undefined ? {} : { rampMs: needs.rampMs }),
    }),
  );
  const busy = new Set<SimulatedAgent>();
  const failures = new Map<SimulatedAgent, number>();
  const running = new Set<Promise<void>>();
  let [batches, again, refused, bytes] = [0, 0, 0, 0];
  let trouble: string | null = null;

  const send = async (agent: SimulatedAgent, batch: SimulatedBatch): Promise<void> => {
    const body = await compress(JSON.stringify(batch), packing);
    const answer = await post(target, body, pool, stopping.signal);
    batches++;
    bytes += body.length;
    if (answer.status === 202) {
      failures.delete(agent);
      refused += answer.refused;
      if (answer.refused > 0) trouble ??= answer.text;
      agent.taken();
      return;
    }
    again++;
    trouble ??= answer.text;
    const count = (failures.get(agent) ?? 0) + 1;
    failures.set(agent, count);
    const span = Math.min(mostAgainMs, firstAgainMs * 2 ** Math.min(10, count));
    agent.again(env.monotonic() + Math.max(answer.retryAfterMs ?? 0, 0) + chance() * span);
  };

  const step = (): void => {
    const now = env.monotonic();
    for (const agent of agents) {
      if (busy.size >= concurrency) return;
      if (agent.dueAt() > now || busy.has(agent)) continue;
      const batch = agent.next(now, env.now());
      if (batch === null) continue;
      busy.add(agent);
      const work = send(agent, batch).finally(() => {
        busy.delete(agent);
        running.delete(work);
      });
      running.add(work);
    }
  };
  const timer = setInterval(step, tickMs);

  return {
    become(next) {
      world = next;
      const now = env.monotonic();
      for (const agent of agents) agent.worldChanged(now);
    },
    counts() {
      let [sent, taken] = [0, 0];
      for (const agent of agents) {
        const of = agent.counts();
        sent += of.sent;
        taken += of.taken;
      }
      return { sent, taken, batches, again, refused, bytes };
    },
    settled() {
      const now = env.monotonic();
      return busy.size === 0 && agents.every((agent) => agent.dueAt() > now);
    },
    trouble: () => trouble,
    async rest() {
      clearInterval(timer);
      await Promise.all(running);
    },
    async stop() {
      clearInterval(timer);
      stopping.abort();
      await Promise.all(running);
      pool.destroy();
    },
  };
}

interface Answer {
  /** 0: none came. */
  readonly status: number;
  readonly text: string;
  readonly refused: number;
  readonly retryAfterMs: number | null;
}

/** One batch; never rejects. */
function post(target: URL, body: Buffer, agent: Agent, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve) => {
    const none = (words: string): void => resolve({ status: 0, text: words, refused: 0, retryAfterMs: null });
    if (signal.aborted) return none('stopped');
    const asked = request(target, {
      method: 'POST',
      agent,
      signal,
      timeout: answerMs,
      headers: {
        'content-type': 'application/json',
        'content-encoding': 'gzip',
        'content-length': body.length,
        'user-agent': 'pullwhy-simulated',
      },
    });
    asked.on('timeout', () => asked.destroy(new Error('no answer in time')));
    asked.on('error', (error) => none(error.message));
    asked.on('response', (response) => {
      let text = '';
      response.on('error', (error) => none(error.message));
      response.setEncoding('utf8').on('data', (part: string) => {
        if (text.length < 65_536) text += part;
      });
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        const parsed: unknown = parseJson(text);
        const list: unknown = isRecord(parsed) ? parsed.refused : null;
        const seconds = Number(response.headers['retry-after'] ?? Number.NaN);
        resolve({
          status,
          text: `${status} ${text.slice(0, 300)}`,
          refused: Array.isArray(list) ? list.length : 0,
          retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : null,
        });
      });
    });
    asked.end(body);
  });
}
