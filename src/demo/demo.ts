import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type FleetIncident, FleetIncidentsDocument, FleetNodesDocument } from '../api/fleet.ts';
import type { Frozen } from '../api/schema.ts';
import { startCollector } from '../collector/collector.ts';
import { CollectorSettings } from '../collector/settings.ts';
import type { Env } from '../lib/env.ts';
import { openLog } from '../lib/log.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { loadSettings } from '../settings/load.ts';
import { type Act, actsOf, isOf, wrongOf } from './acts.ts';
import { ask } from './ask.ts';
import { type RealAgent, startRealAgent } from './real-agent.ts';
import { type SimulatedFleet, startSimulatedFleet } from './simulated-fleet.ts';
import { makeSites, type Site } from './sites.ts';
import { type StandInRegistry, startStandInRegistry } from './stand-in-registry.ts';
import { usualRegistries } from './world.ts';

/** What a demo needs. */
export interface DemoNeeds {
  readonly env: Env;
  readonly version: string;
  /** `127.0.0.1:0`; a loopback address. */
  readonly listen: string;
  /** Simulated nodes. */
  readonly nodes: number;
  /** Real agents, each a process; 0: none. */
  readonly agents: number;
  /** Once and as fast as can be; otherwise again and again, with time to read. */
  readonly once: boolean;
  /** Program and arguments before `agent`. */
  readonly command: readonly [string, ...string[]];
  /** PATH, for the agents. */
  readonly path: string;
  readonly signal: AbortSignal;
  readonly tell: (event: DemoEvent) => Promise<void>;
}

/** What is to be told. */
export type DemoEvent =
  | {
      readonly kind: 'started';
      readonly url: string;
      readonly sites: readonly Site[];
      readonly real: readonly string[];
      readonly registry: string;
      readonly closeAfterMs: number;
      readonly acts: number;
      readonly once: boolean;
    }
  | { readonly kind: 'broken'; readonly act: Act; readonly number: number; readonly of: number }
  | {
      readonly kind: 'opened';
      readonly act: Act;
      readonly incident: Frozen<FleetIncident>;
      readonly afterMs: number;
      /** What it says otherwise than it should; empty: nothing. */
      readonly wrong: readonly string[];
    }
  | { readonly kind: 'missed'; readonly act: Act; readonly afterMs: number; readonly what: 'incident' | 'end' }
  /** An incident that nobody made. */
  | { readonly kind: 'besides'; readonly incident: Frozen<FleetIncident> }
  | { readonly kind: 'mended'; readonly act: Act }
  | { readonly kind: 'closed'; readonly act: Act; readonly incident: Frozen<FleetIncident>; readonly afterMs: number }
  | { readonly kind: 'ended'; readonly right: number; readonly of: number }
  | { readonly kind: 'trouble'; readonly message: string };

/** How fast the story goes, milliseconds. */
interface Pace {
  readonly closeAfterMs: number;
  readonly roundMs: number;
  readonly noticeMs: number;
  readonly diagnoseMs: number;
  /** From what the collector says until it is mended: to be read, and to be looked at. */
  readonly readMs: number;
  readonly betweenMs: number;
}

const fast: Pace = {
  closeAfterMs: 1000,
  roundMs: 2000,
  noticeMs: 300,
  diagnoseMs: 300,
  readMs: 0,
  betweenMs: 100,
};
const slow: Pace = {
  closeAfterMs: 5000,
  roundMs: 3000,
  noticeMs: 1500,
  diagnoseMs: 1500,
  readMs: 12_000,
  betweenMs: 4000,
};

/** How long the collector has for each of its words; much longer than it takes on a machine that is busy. */
const patienceMs = 25_000;
const pollMs = 200;
const startMs = 30_000;
const host = 'registry.demo.test';

/**
 * Plays it: a collector in this process with its own HTTP server and SQLite file, made-up nodes that report to it over HTTP, real
 * agents in processes of their own. True when the collector has said everything right; a failure is a sentence. Nothing is
 * left when it ends, by itself or by the signal.
 */
export async function playDemo(needs: DemoNeeds): Promise<Result<boolean, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'pullwhy-demo-'));
  const closing: (() => Promise<void>)[] = [() => rm(folder, { recursive: true, force: true, maxRetries: 3 })];
  try {
    const stage = await setUp(needs, folder, closing);
    const played = stage.ok ? await play(needs, stage.value) : stage;
    return needs.signal.aborted ? interrupted(needs) : played;
  } catch (error) {
    // What waits is woken by the signal.
    if (needs.signal.aborted) return interrupted(needs);
    throw error;
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

/** Who watches has seen enough; a story that was to be told once was not told. */
function interrupted({ once }: DemoNeeds): Result<boolean, string> {
  return ok(!once);
}

interface SetUp {
  readonly url: string;
  readonly sites: readonly Site[];
  readonly fleet: SimulatedFleet;
  readonly registry: StandInRegistry;
  readonly agents: readonly RealAgent[];
  readonly pace: Pace;
}

async function setUp(
  needs: DemoNeeds,
  folder: string,
  closing: (() => Promise<void>)[],
): Promise<Result<SetUp, string>> {
  const { env, version, listen, nodes, agents: count, once, command, path, signal } = needs;
  const pace = once ? fast : slow;
  const settings = loadSettings(CollectorSettings, {
    file: null,
    environment: {},
    flags: new Map([
      ['http.listen', { flag: '--listen', value: listen }],
      ['store', { flag: 'store', value: `sqlite://${join(folder, 'collector.db')}` }],
    ]),
  });
  if (!settings.ok) return fail(settings.error.map(({ place, message }) => `${place}: ${message}`).join(' '));
  const { value } = settings.value;
  const log = openLog({
    env,
    write: (line) => void needs.tell({ kind: 'trouble', message: line.trim() }),
    settings: () => ({ level: 'error', format: 'text' }),
  });
  const { closeAfterMs } = pace;
  const collector = await startCollector({ env, log, version, settings: () => value, variables: {}, closeAfterMs });
  if (!collector.ok) return collector;
  closing.push(() => collector.value.stop());
  const { address } = collector.value;
  const url = `http://${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;

  const sites = makeSites(nodes);
  const fleet = startSimulatedFleet({
    env,
    sites,
    world: { registries: usualRegistries, faults: [] },
    url,
    manner: pace,
    rampMs: 1000,
  });
  closing.push(() => fleet.stop());
  const registry = await startStandInRegistry();
  closing.push(() => registry.stop());
  const agents = await Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const agent = await startRealAgent({
        node: `real-${at + 1}`,
        command,
        folder,
        collector: url,
        registry: { host, port: registry.port },
        labels: 'zone=here,node-pool=demo',
        path,
      });
      closing.push(() => agent.stop());
      return agent;
    }),
  );

  const known = await until(env, signal, startMs, async () => {
    const ended = agents.map((agent) => agent.ended()).find((words) => words !== null);
    if (ended !== undefined) return fail(ended);
    const got = await ask(url, '/v1/nodes?limit=500', FleetNodesDocument, signal);
    if (!got.ok) return got;
    const names = new Set(got.value.items.map(({ node }) => node));
    return ok(names.size >= Math.min(500, nodes + count) || null);
  });
  if (!known.ok) return known;
  if (known.value === null) return fail(`Not all nodes have reported within ${startMs / 1000} s.`);
  return ok({ url, sites, fleet, registry, agents, pace });
}

async function play(needs: DemoNeeds, stage: SetUp): Promise<Result<boolean, string>> {
  const { once, signal, tell } = needs;
  const { url, sites, agents, registry, pace } = stage;
  const real = agents.map(({ node }) => node);
  const place = `${host}:${registry.port}`;
  const acts = actsOf({ sites, real, registry: place });
  const { closeAfterMs } = pace;
  await tell({ kind: 'started', url, sites, real, registry: place, closeAfterMs, acts: acts.length, once });
  const besides = new Set<string>();
  for (;;) {
    let right = 0;
    for (const [at, act] of acts.entries()) {
      await tell({ kind: 'broken', act, number: at + 1, of: acts.length });
      const said = await playAct(needs, stage, act, besides);
      if (!said.ok) return said;
      if (said.value) right++;
      await sleep(pace.betweenMs, undefined, { signal });
    }
    await tell({ kind: 'ended', right, of: acts.length });
    if (once) return ok(right === acts.length && besides.size === 0);
  }
}

/** One act, from its break to its end; false: the collector has not said it right. */
async function playAct(
  needs: DemoNeeds,
  stage: SetUp,
  act: Act,
  besides: Set<string>,
): Promise<Result<boolean, string>> {
  const { env, signal, tell } = needs;
  const { url, pace } = stage;
  const look = async () => {
    const got = await ask(url, '/v1/incidents?state=open&limit=100', FleetIncidentsDocument, signal);
    if (!got.ok) return got;
    for (const incident of got.value.items) {
      if (isOf(act, incident) || besides.has(incident.id)) continue;
      besides.add(incident.id);
      await tell({ kind: 'besides', incident });
    }
    return ok(got.value.items.find((incident) => isOf(act, incident)) ?? null);
  };

  const brokenAt = env.monotonic();
  await change(stage, act, true);
  // The first words may be of the first nodes only: what counts is what it says when all have told.
  let last: Frozen<FleetIncident> | null = null;
  const found = await until(env, signal, patienceMs, async () => {
    const seen = await look();
    if (!seen.ok) return seen;
    last = seen.value ?? last;
    return ok(seen.value !== null && wrongOf(act, seen.value).length === 0 ? seen.value : null);
  });
  if (!found.ok) return found;
  const incident: Frozen<FleetIncident> | null = found.value ?? last;
  const afterMs = env.monotonic() - brokenAt;
  if (incident === null) await tell({ kind: 'missed', act, afterMs, what: 'incident' });
  else await tell({ kind: 'opened', act, incident, afterMs, wrong: wrongOf(act, incident) });
  await sleep(pace.readMs, undefined, { signal });

  const mendedAt = env.monotonic();
  await change(stage, act, false);
  await tell({ kind: 'mended', act });
  const gone = await until(env, signal, patienceMs, async () => {
    const seen = await look();
    return seen.ok ? ok(seen.value === null || null) : seen;
  });
  if (!gone.ok) return gone;
  const lasted = env.monotonic() - mendedAt;
  if (gone.value === null) await tell({ kind: 'missed', act, afterMs: lasted, what: 'end' });
  else if (incident !== null) await tell({ kind: 'closed', act, incident, afterMs: lasted });
  return ok(found.value !== null && gone.value !== null);
}

async function change({ fleet, registry, agents }: SetUp, { change: one }: Act, broken: boolean): Promise<void> {
  if (one.on === 'simulated') {
    fleet.become({ registries: usualRegistries, faults: broken ? [one.fault] : [] });
  } else if (one.what === 'registry-down') {
    await (broken ? registry.goDown() : registry.comeBack());
  } else {
    await agents.find(({ node }) => node === one.node)?.knowHost(!broken);
  }
}

/** Asks again and again; null: it did not come in this time. */
async function until<T>(
  env: Env,
  signal: AbortSignal,
  ms: number,
  look: () => Promise<Result<T | null, string>>,
): Promise<Result<T | null, string>> {
  for (const limit = env.monotonic() + ms; ; ) {
    const seen = await look();
    if (!seen.ok || seen.value !== null) return seen;
    if (env.monotonic() > limit) return ok(null);
    await sleep(pollMs, undefined, { signal });
  }
}
