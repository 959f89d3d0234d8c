import assert from 'node:assert/strict';
import type { FleetEvent, FleetIncident } from '../../src/api/fleet.ts';
import type { CheckShape } from '../../src/api/records.ts';
import type { Frozen } from '../../src/api/schema.ts';
import { openBudget } from '../../src/collector/http/budget.ts';
import { type EventFeed, openEventFeed } from '../../src/collector/http/event-feed.ts';
import type { QueryServices } from '../../src/collector/http/query-services.ts';
import { collectorRoutes } from '../../src/collector/http/routes/index.ts';
import { startHttp } from '../../src/collector/http/server.ts';
import type { CheckedRecord, Compare, Store } from '../../src/collector/parts.ts';
import { openFleetReporter } from '../../src/collector/report/fleet-reporter.ts';
import { openReportMaker } from '../../src/collector/report/report-maker.ts';
import { openStore } from '../../src/collector/store/store.ts';
import { type Env, systemEnv } from '../../src/lib/env.ts';
import { openLog } from '../../src/lib/log.ts';
import { type GateSettings, openGate } from '../../src/serve/auth.ts';
import { fleetAt } from './fleet-documents.ts';

/** The collector's questions on a port of loopback, with a real store in memory and a clock that stands at `fleetAt`. */
export interface QueryCollector {
  readonly store: Store;
  readonly feed: EventFeed;
  readonly url: string;
  readonly port: number;
  readonly logged: readonly string[];
  /** What an agent of this node sent. */
  readonly heard: (node: string, records?: readonly CheckedRecord[], minutesAgo?: number) => Promise<void>;
  /** What the evaluator decided. */
  readonly decided: (
    incidents: readonly Frozen<FleetIncident>[],
    events?: readonly Omit<FleetEvent, 'id'>[],
  ) => Promise<void>;
  readonly get: (path: string, headers?: Readonly<Record<string, string>>) => Promise<Response>;
  readonly close: () => Promise<void>;
}

/** A clock that stands, so that ages and spans are the same in every run. */
export const standingEnv: Env = { ...systemEnv, now: () => fleetAt };

/** Starts one. `wrap` puts something between store and routes. */
export async function startQueryCollector({
  gate = { mode: 'none' },
  feed: feedTimes = { pollMs: 20, heartbeatMs: 100 },
  wrap = (store) => store,
  compare = plainCompare,
  maxConcurrent = 16,
}: {
  readonly gate?: GateSettings;
  readonly feed?: { readonly pollMs?: number; readonly heartbeatMs?: number; readonly mostSubscribers?: number };
  readonly wrap?: (store: Store) => QueryServices['store'] & Pick<Store, 'events'>;
  readonly compare?: Compare;
  readonly maxConcurrent?: number;
} = {}): Promise<QueryCollector> {
  const env = standingEnv;
  const logged: string[] = [];
  const log = openLog({
    env,
    write: (line) => void logged.push(line),
    settings: () => ({ level: 'debug', format: 'json' }),
  });
  const opened = await openStore('sqlite::memory:', { env, log });
  assert.ok(opened.ok, opened.ok ? '' : opened.error);
  const store = opened.value;
  const asked = wrap(store);
  const feed = openEventFeed({ store: asked, ...feedTimes });
  const reporter = openFleetReporter({
    env,
    log,
    make: openReportMaker({ env, store, version: '0.1.0', startedAt: fleetAt - 86_400_000 }),
    settings: () => ({ schedule: 'off', directory: null, keep: 1 }),
  });
  const server = await startHttp({
    env,
    log,
    listen: { host: '127.0.0.1', port: 0 },
    tls: null,
    maxConnections: 100,
    maxConcurrent,
    gate: openGate(gate, env),
    routes: collectorRoutes({ store: asked, feed, compare, report: () => reporter.report(), now: env.now }),
    answered: () => undefined,
    full: () => undefined,
    budget: openBudget(() => ({ bytes: 1e8, bodies: 100 })),
  });
  assert.ok(server.ok, server.ok ? '' : server.error);
  const { port } = server.value.address;
  const url = `http://127.0.0.1:${port}`;
  const held = await store.lease('evaluator', 'test', fleetAt, 1e9);
  assert.deepEqual(held, { ok: true, value: true });
  let boots = 0;
  return {
    store,
    feed,
    url,
    port,
    logged,
    async heard(node, records = [nodeRecord()], minutesAgo = 0.1) {
      const done = await store.ingest({
        node,
        bootId: `boot-${++boots}`,
        receivedAt: fleetAt - minutesAgo * 60_000,
        clockOffsetMs: 0,
        records,
        refused: [],
      });
      assert.ok(done.ok, done.ok ? '' : done.error.message);
    },
    async decided(incidents, events = []) {
      const done = await store.decide(
        { name: 'evaluator', holder: 'test', now: fleetAt },
        {
          incidents: incidents.map((document) => ({
            key: `${document.cause} ${document.subject.kind} ${document.subject.name}`,
            document,
            memory: '{}',
          })),
          events,
        },
      );
      assert.deepEqual(done, { ok: true, value: true });
    },
    get: (path, headers = {}) => fetch(`${url}${path}`, { headers }),
    async close() {
      feed.stop();
      await reporter.stop();
      await server.value.stop();
      await store.close();
    },
  };
}

/** What a node is. */
export function nodeRecord(
  attributes: Readonly<Record<string, string[]>> = { nameserver: ['10.0.0.2'] },
): CheckedRecord {
  const at = new Date(fleetAt).toISOString();
  return {
    seq: 1,
    kind: 'node',
    at: fleetAt,
    record: {
      seq: 1,
      kind: 'node',
      at,
      agent: { version: '0.1.0', startedAt: at },
      attributes,
      authorities: ['Corp CA'],
    },
  };
}

/** How a node found registries. */
export function healthRecord(...checks: readonly Partial<CheckShape>[]): CheckedRecord {
  const at = new Date(fleetAt - 10_000).toISOString();
  return {
    seq: 2,
    kind: 'health',
    at: fleetAt - 10_000,
    checks: checks.map((check) => ({
      of: 'registry',
      subject: 'docker.io',
      verdict: 'healthy',
      cause: null,
      confidence: null,
      layer: null,
      underlying: null,
      host: null,
      summary: 'docker.io answers.',
      checkedAt: at,
      since: at,
      ...check,
    })),
  };
}

const plainCompare: Compare = (a, b, now) => ({
  apiVersion: 'pullwhy/v1',
  kind: 'Comparison',
  at: new Date(now).toISOString(),
  a: a.known.node,
  b: b.known.node,
  differences: [],
  same: Object.keys(a.known.attributes),
  unknown: [],
  summary: `${a.known.node} and ${b.known.node} are alike.`,
});
