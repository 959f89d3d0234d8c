import assert from 'node:assert/strict';
import { request as plainRequest } from 'node:http';
import { type CollectorServices, collectorRoutesOf } from '../../src/collector/http/all-routes.ts';
import { openBudget } from '../../src/collector/http/budget.ts';
import { type CollectorGateSettings, openCollectorGate } from '../../src/collector/http/gates.ts';
import { startHttp } from '../../src/collector/http/server.ts';
import { type Ingested, openIntake } from '../../src/collector/intake/intake.ts';
import type { CheckedBatch, StoreFailure } from '../../src/collector/parts.ts';
import { type Env, systemEnv } from '../../src/lib/env.ts';
import { openLog } from '../../src/lib/log.ts';
import { fail, ok, type Result } from '../../src/lib/result.ts';
import type { HttpServer, HttpTimes } from '../../src/serve/listener.ts';
import type { Route } from '../../src/serve/route.ts';
import { openServerTls, type ServerTls, type TlsFiles } from '../../src/serve/server-tls.ts';

/** The collector's HTTP side with a store that keeps batches in a list, on a port of loopback. */
export interface HttpCollector {
  readonly server: HttpServer;
  readonly port: number;
  readonly url: string;
  readonly tls: ServerTls | null;
  /** What came to the store. */
  readonly batches: readonly CheckedBatch[];
  readonly ingested: readonly Ingested[];
  readonly logged: readonly string[];
  /** Answers that were given: `POST /v1/reports 202`. */
  readonly answers: readonly string[];
  readonly routes: readonly Route[];
  readonly turnedAway: () => number;
  readonly held: () => { readonly bytes: number; readonly bodies: number };
}

/** Starts one. `ingest` is the store's; by default everything is new. */
export async function startHttpCollector({
  services = {},
  gate = { mode: 'none' },
  ingest = async (batch) => ok({ fresh: batch.records.length }),
  files = null,
  env = systemEnv,
  times = {},
  maxBytes = 8 * 1024 * 1024,
  maxBodies = 64,
  maxConcurrent = 64,
  maxConnections = 512,
  moreRoutes = [],
}: {
  readonly services?: Partial<CollectorServices>;
  readonly gate?: CollectorGateSettings;
  readonly ingest?: (batch: CheckedBatch) => Promise<Result<{ readonly fresh: number }, StoreFailure>>;
  readonly files?: TlsFiles | null;
  readonly env?: Env;
  readonly times?: Partial<HttpTimes>;
  readonly maxBytes?: number;
  readonly maxBodies?: number;
  readonly maxConcurrent?: number;
  readonly maxConnections?: number;
  readonly moreRoutes?: readonly Route[];
} = {}): Promise<HttpCollector> {
  const logged: string[] = [];
  const answers: string[] = [];
  const batches: CheckedBatch[] = [];
  const ingested: Ingested[] = [];
  let turnedAway = 0;
  const log = openLog({
    env,
    write: (line) => void logged.push(line),
    settings: () => ({ level: 'debug', format: 'json' }),
  });
  const tls = files === null ? null : await openServerTls(files, { log, env });
  if (tls !== null) assert.ok(tls.ok, tls.ok ? '' : tls.error);
  const opened = tls?.ok === true ? tls.value : null;
  const budget = openBudget(() => ({ bytes: maxBytes, bodies: maxBodies }));
  const gone: StoreFailure = { reason: 'gone', message: 'This store only takes reports.' };
  const away = async () => fail(gone);
  const routes = [
    ...collectorRoutesOf({
      version: '0.1.0',
      now: env.now,
      store: {
        node: away,
        nodes: away,
        registries: away,
        investigations: away,
        investigation: away,
        incidents: away,
        incident: away,
      },
      intake: openIntake({
        env,
        log,
        store: {
          async ingest(batch) {
            batches.push(batch);
            return ingest(batch);
          },
        },
      }),
      compare: () => assert.fail('nothing is compared here'),
      feed: { subscribe: () => null, subscribers: () => 0, stop: () => undefined },
      report: away,
      ready: async () => [{ name: 'store', ok: true, note: 'It answers.' }],
      metrics: () => 'pullwhy_collector_info 1\n',
      ingested: (one) => void ingested.push(one),
      ...services,
    }),
    ...moreRoutes,
  ];
  const server = await startHttp({
    env,
    times,
    listen: { host: '127.0.0.1', port: 0 },
    tls: opened,
    gate: openCollectorGate(gate, { env, log }),
    routes,
    budget,
    full: () => void turnedAway++,
    maxConcurrent,
    maxConnections,
    log,
    answered: (route, method, status) => void answers.push(`${method} ${route} ${status}`),
  });
  assert.ok(server.ok, server.ok ? '' : server.error);
  const { port } = server.value.address;
  return {
    server: server.value,
    port,
    url: `${tls === null ? 'http' : 'https'}://127.0.0.1:${port}`,
    tls: opened,
    batches,
    ingested,
    logged,
    answers,
    routes,
    turnedAway: () => turnedAway,
    held: budget.used,
  };
}

/** A heartbeat, the smallest record. */
export function heartbeat(seq: number, more: object = {}): Record<string, unknown> {
  return {
    seq,
    kind: 'heartbeat',
    at: '2026-11-22T10:00:00.000Z',
    runtimeReady: true,
    openIncidents: 0,
    waitingPods: 0,
    spool: { rows: 0, bytes: 0, dropped: {} },
    ...more,
  };
}

/** A batch of one node. */
export function batchOf(records: readonly unknown[], more: object = {}): Record<string, unknown> {
  return { node: 'node-1', bootId: 'boot-1', records, ...more };
}

/** What was answered. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
  readonly body: ReturnType<typeof Object>;
}

/** Sends a body as it is; `fetch` would not send some of them. */
export function send(
  port: number,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
  { path = '/v1/reports', method = 'POST' }: { readonly path?: string; readonly method?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = plainRequest({
      host: '127.0.0.1',
      port,
      path,
      method,
      agent: false,
      headers: { 'content-type': 'application/json', ...headers },
    });
    asked.on('error', reject);
    asked.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        let parsed: unknown = null;
        try {
          parsed = JSON.parse(text);
        } catch {
          // Not every answer is JSON.
        }
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body: Object(parsed) });
      });
    });
    asked.end(body);
  });
}
