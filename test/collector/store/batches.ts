import type { FleetIncident } from '../../../src/api/fleet.ts';
import type { CheckShape, IncidentRecord } from '../../../src/api/records.ts';
import type { CheckedBatch, CheckedRecord, StoredIncident } from '../../../src/collector/parts.ts';
import type { Database } from '../../../src/collector/store/sql.ts';
import type { Log } from '../../../src/lib/log.ts';

/** Makes records, batches and incidents for the store's tests. */

/** A moment to count from. */
export const t0 = Date.parse('2026-11-22T12:00:00.000Z');

/** RFC 3339, this many seconds after it. */
export function time(seconds: number): string {
  return new Date(t0 + seconds * 1000).toISOString();
}

/** Says nothing. */
export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

export function batch(records: readonly CheckedRecord[], more: Partial<CheckedBatch> = {}): CheckedBatch {
  return { node: 'node-1', bootId: 'boot-1', receivedAt: t0, clockOffsetMs: 0, records, refused: [], ...more };
}

export function heartbeat(seq: number, waitingPods = 0): CheckedRecord {
  const spool = { rows: 0, bytes: 0, dropped: {} };
  const record = {
    seq,
    kind: 'heartbeat',
    at: time(seq),
    runtimeReady: true,
    openIncidents: 0,
    waitingPods,
    spool,
  } as const;
  return { seq, kind: 'heartbeat', at: t0 + seq * 1000, record };
}

export function nodeRecord(
  seq: number,
  attributes: Readonly<Record<string, readonly string[]>> = {},
  version = '0.1.0',
): CheckedRecord {
  const agent = { version, startedAt: time(0) };
  const authorities = ['ISRG Root X1 96bcec06'];
  return { seq, kind: 'node', at: t0, record: { seq, kind: 'node', at: time(seq), agent, attributes, authorities } };
}

export function check(more: Partial<CheckShape> = {}): CheckShape {
  return {
    of: 'registry',
    subject: 'registry.example',
    verdict: 'healthy',
    cause: null,
    confidence: null,
    layer: null,
    underlying: null,
    host: null,
    summary: 'All is well.',
    checkedAt: time(-1),
    since: null,
    ...more,
  };
}

export function broken(more: Partial<CheckShape> = {}): CheckShape {
  return check({
    verdict: 'faulty',
    cause: 'tcp-timeout',
    confidence: 'proven',
    layer: 'tcp',
    summary: 'It is silent.',
    ...more,
  });
}

export function health(seq: number, ...checks: readonly CheckShape[]): CheckedRecord {
  return { seq, kind: 'health', at: t0, checks };
}

export function image(seq: number, more: Partial<IncidentRecord['incident']> = {}): CheckedRecord {
  const incident = {
    id: `incident-${seq}`,
    image: 'app:1',
    normalized: 'registry.example/app:1',
    registry: 'registry.example',
    state: 'open',
    firstSeenAt: time(-60),
    lastSeenAt: time(-1),
    endedAt: null,
    endedBy: null,
    secondsGained: null,
    cause: 'tcp-timeout',
    confidence: 'proven',
    layer: 'tcp',
    underlying: null,
    host: 'registry.example',
    summary: 'It does not come.',
    remedies: [{ text: 'Open the firewall.', command: null }],
    investigation: 'i-1',
    pods: 3,
    owners: 2,
    examples: [],
    ...more,
  } as const;
  return { seq, kind: 'incident', at: t0, record: { seq, kind: 'incident', at: time(0), incident } };
}

export function investigation(
  seq: number,
  more: Readonly<Record<string, unknown>> & { readonly id?: string } = {},
): CheckedRecord {
  const document = {
    id: `inv-${seq}`,
    node: 'node-1',
    startedAt: time(-seq),
    image: { input: 'app:1', normalized: 'registry.example/app:1', registry: 'registry.example' },
    verdict: 'faulty',
    cause: 'tcp-timeout',
    confidence: 'proven',
    summary: 'It is silent.',
    probes: [{ id: 'p1' }],
    ...more,
  } as const;
  return {
    seq,
    kind: 'investigation',
    at: t0,
    record: { seq, kind: 'investigation', at: time(0), investigation: document },
  };
}

export function incident(
  id: string,
  more: Partial<FleetIncident> = {},
  key = 'tcp-timeout registry registry.example',
): StoredIncident & { readonly document: FleetIncident } {
  const document: FleetIncident = {
    id,
    cause: 'tcp-timeout',
    layer: 'tcp',
    confidence: 'proven',
    underlying: null,
    subject: { kind: 'registry', name: 'registry.example' },
    severity: 'fault',
    fault: 'network',
    state: 'open',
    openedAt: time(0),
    updatedAt: time(0),
    closedAt: null,
    reopened: 0,
    scope: 'node',
    hosts: ['registry.example'],
    nodes: { failing: 1, healthy: 0, unknown: 0, names: ['node-1'] },
    pods: 1,
    workloads: 1,
    images: [],
    attribution: [],
    summary: 'registry.example is silent on 1 node.',
    remedies: [],
    investigations: [],
    related: [],
    ...more,
  };
  return { key, document, memory: `{"of":"${id}"}` };
}

const tables: Readonly<Record<string, string>> = {
  nodes: 'node',
  facts: 'node',
  attributes: 'node, name, value',
  streams: 'node, boot',
  observations: 'node, kind, subject',
  investigations: 'id, node',
  documents: 'id, node',
  incidents: 'id',
  incident_nodes: 'incident, node',
  events: 'id',
};

/** What depends on when something came, and not on what. */
const ofArrival: ReadonlySet<string> = new Set(['received_at', 'first_seen', 'last_seen', 'last_at']);

/** Everything that is in the store, record for record, but for the times of arrival. */
export async function dump(database: Database): Promise<Readonly<Record<string, readonly unknown[]>>> {
  const all: Record<string, readonly unknown[]> = {};
  for (const [table, key] of Object.entries(tables)) {
    const rows = await database.read.all(`SELECT * FROM pullwhy_${table} ORDER BY ${key}`);
    all[table] = rows.map((row) =>
      Object.fromEntries(
        Object.entries(row)
          .filter(([name]) => !ofArrival.has(name))
          .map(([name, value]) => [name, value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value]),
      ),
    );
  }
  return all;
}

/** The value of a success. */
export function must<T>(
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: unknown },
): T {
  if (result.ok) return result.value;
  throw new Error(typeof result.error === 'string' ? result.error : JSON.stringify(result.error));
}
