import assert from 'node:assert/strict';
import { collectorUrl } from '../../src/agent/collector/collector-url.ts';
import { type CollectorReporter, openCollectorReporter } from '../../src/agent/collector/reporter.ts';
import type { FleetEvent, FleetIncident } from '../../src/api/fleet.ts';
import type { RegistryRow } from '../../src/api/node.ts';
import { ReportReceipt } from '../../src/api/records.ts';
import { checkAgainst, type Frozen } from '../../src/api/schema.ts';
import { ingestRoute } from '../../src/collector/http/ingest.ts';
import { evaluate } from '../../src/collector/incidents/evaluate.ts';
import { openIntake } from '../../src/collector/intake/intake.ts';
import { type Leader, openLeader } from '../../src/collector/leader.ts';
import { openLooker } from '../../src/collector/looker.ts';
import type { Store } from '../../src/collector/parts.ts';
import { fleetRules } from '../../src/collector/rules.ts';
import { openStore } from '../../src/collector/store/store.ts';
import { openLog } from '../../src/lib/log.ts';
import { openMetrics } from '../../src/lib/metrics.ts';
import { nodeHealth, registryRow } from './agent-health.ts';

/** One agent of a virtual fleet: its reporter with spool and sender is the real one, what it finds is told to it. */
export interface VirtualAgent {
  readonly node: string;
  /** How far its wall clock is ahead, milliseconds; it may change at any time. */
  ahead: number;
  /** Whether it reaches the collector. */
  reaches: boolean;
  /** Has its next checks of a registry find this; null: it is well. */
  readonly find: (registry: string, cause: 'dns-timeout' | 'tcp-timeout' | 'tls-certificate-expired' | null) => void;
  readonly reporter: CollectorReporter;
}

/** A collector and its agents in one process and in virtual time; without sockets. */
export interface VirtualFleet {
  /** Milliseconds since the beginning. */
  readonly now: () => number;
  /** How far the collector's wall clock is ahead, milliseconds; it may change at any time. */
  ahead: number;
  readonly agents: readonly VirtualAgent[];
  readonly store: Store;
  readonly leader: Leader;
  /** When batches came to the collector, in the order of their coming. */
  readonly posts: readonly number[];
  readonly pass: (ms: number) => Promise<void>;
  readonly incidents: () => Promise<readonly Frozen<FleetIncident>[]>;
  readonly events: () => Promise<readonly FleetEvent[]>;
  readonly states: () => Promise<Readonly<Record<string, string>>>;
  readonly close: () => Promise<void>;
}

/** Its true beginning. */
export const virtualStart = Date.parse('2026-11-22T10:00:00.000Z');

/** One step of time: what is due is done that often. */
const stepMs = 500;

/** How often an agent checks its registries. */
const checkMs = 30_000;

const quiet = { level: 'error', format: 'text' } as const;

/** Makes it: `count` agents, each with these registries, all well. */
export async function startVirtualFleet(count: number, registries: readonly string[]): Promise<VirtualFleet> {
  let ms = 0;
  let ahead = 0;
  const random = chance(7);
  const env = { now: () => virtualStart + ms + ahead, monotonic: () => ms, random };
  const log = openLog({ env, write: () => undefined, settings: () => quiet });
  const posts: number[] = [];
  const opened = await openStore('sqlite::memory:', {
    env: { now: () => virtualStart, monotonic: () => ms, random },
    log,
  });
  assert.ok(opened.ok);
  const store = opened.value;
  const ingest = ingestRoute({ intake: openIntake({ env, log, store }), ended: () => undefined });
  const leader = openLeader({
    env,
    log,
    metrics: openMetrics(),
    store,
    looker: openLooker({ env, store, evaluate }),
    holder: 'one',
  });
  const post = async (body: Uint8Array): Promise<ReportReceipt> => {
    posts.push(ms);
    const reply = await ingest.run({
      params: {},
      query: {},
      body: { bytes: body, coding: 'gzip' },
      accepts: [],
      signal: new AbortController().signal,
      caller: '127.0.0.1',
      nodes: null,
      at: env.now(),
    });
    assert.ok(reply.kind === 'json', JSON.stringify(reply));
    const receipt = checkAgainst(ReportReceipt, reply.body);
    assert.ok(receipt.ok);
    return receipt.value;
  };
  const every = <T>(make: (index: number) => T): readonly T[] =>
    Array.from({ length: count }, (_, index) => make(index));

  const fleet: VirtualFleet = {
    now: () => ms,
    get ahead() {
      return ahead;
    },
    set ahead(next) {
      ahead = next;
    },
    agents: every((index) => openAgent(index, registries, () => ms, post)),
    store,
    leader,
    posts,
    async pass(span) {
      for (const until = ms + span; ms < until; ) {
        ms += stepMs;
        for (const { reporter } of fleet.agents) reporter.tick();
        for (const { reporter } of fleet.agents) {
          while (reporter.busy()) await new Promise((resolve) => setImmediate(resolve));
        }
        await leader.tick();
      }
    },
    async incidents() {
      const page = await store.incidents({ limit: 500, cursor: null });
      assert.ok(page.ok);
      return page.value.items;
    },
    async events() {
      const found = await store.events('0', 10_000);
      assert.ok(found.ok);
      return found.value.events;
    },
    async states() {
      const heardSince = env.now() - fleetRules.silentAfterMs;
      const page = await store.nodes({ limit: 500, cursor: null, heardSince });
      assert.ok(page.ok);
      return Object.fromEntries(page.value.items.map(({ node, state }) => [node, state]));
    },
    async close() {
      await Promise.all(fleet.agents.map(({ reporter }) => reporter.stop()));
      await leader.close();
      await store.close();
    },
  };
  return fleet;
}

function openAgent(
  index: number,
  registries: readonly string[],
  now: () => number,
  post: (body: Uint8Array) => Promise<ReportReceipt>,
): VirtualAgent {
  const node = `node-${String(index).padStart(3, '0')}`;
  const random = chance(index + 100);
  const env = { now: () => virtualStart + now() + agent.ahead, monotonic: now, random };
  const found = new Map<string, { readonly cause: Parameters<VirtualAgent['find']>[1]; readonly since: number }>();
  const offset = random() * checkMs;
  let checkedAt = 0;
  // As the agent's own watch does, times go along with a clock that is set.
  const wall = (at: number): string => new Date(virtualStart + at + agent.ahead).toISOString();
  const url = collectorUrl('https://collector.test:9450');
  assert.ok(url !== null);
  const rows = (): readonly RegistryRow[] => {
    // A look each round, and at once at what is found broken.
    checkedAt = Math.max(checkedAt, Math.floor((now() - offset) / checkMs) * checkMs + offset);
    return registries.map((registry) => {
      const one = found.get(registry);
      const well = { verdict: 'healthy', cause: null, summary: `${registry} answers.` } as const;
      const broken = { verdict: 'faulty', cause: one?.cause ?? null, summary: `${registry} fails.` } as const;
      return registryRow(registry, {
        ...(one?.cause == null ? well : broken),
        checkedAt: wall(checkedAt),
        since: wall(one?.since ?? -3_600_000),
        findings: [],
      });
    });
  };
  const agent: VirtualAgent = {
    node,
    ahead: 0,
    reaches: true,
    find(registry, cause) {
      found.set(registry, { cause, since: now() });
      checkedAt = now();
    },
    get reporter() {
      return reporter;
    },
  };
  const place = { tokenFile: null, caFile: null, certFile: null, keyFile: null };
  const reporter = openCollectorReporter({
    env,
    log: openLog({ env, write: () => undefined, settings: () => quiet }),
    node,
    version: '0.1.0',
    startedAt: env.now(),
    url,
    settings: {
      collector: { url: 'https://collector.test:9450', ...place, spool: { maxBytes: '1MiB', maxAge: '7d' } },
      state: { directory: null },
      node: { hostRoot: '/nowhere', labels: [`zone=eu-${index % 3}`] },
    },
    incidents: () => [],
    registries: rows,
    health: () => nodeHealth({ disks: [], runtime: null, nameservers: [], clock: { offsetMs: 0, registries: 1 } }),
    ownerOf: () => null,
    readNode: async () => null,
    api: null,
    onDropped: (kind) => assert.fail(`${node} dropped ${kind}`),
    onBatch: () => undefined,
    client: {
      server: 'https://collector.test:9450',
      post: async (body) =>
        agent.reaches
          ? { kind: 'taken', ...(await post(body)) }
          : { kind: 'later', note: 'It is not reached.', retryAfterMs: null },
      close: async () => undefined,
    },
  });
  return agent;
}

/** Chance that is the same in each run (Park and Miller's generator). */
function chance(seed: number): () => number {
  let state = seed * 7919 + 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
