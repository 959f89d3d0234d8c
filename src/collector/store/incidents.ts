import { FleetEvent, FleetIncident } from '../../api/fleet.ts';
import { checkAgainst, type Frozen } from '../../api/schema.ts';
import type { IncidentsQuery, Page, StoredIncident } from '../parts.ts';
import { readCursor, writeCursor } from './cursor.ts';
import { jsonOf, keyOf, numberOf, textOf, unreadable } from './rows.ts';
import type { Database, Row, Sql } from './sql.ts';
import { events, incidentNodes, incidents } from './tables.ts';
import { bounded, pageOf, Where } from './where.ts';

/** Incidents that one look of the evaluator goes on from; more would be more than a person could read. */
const mostStanding = 10_000;

function readIncident(row: Row): Frozen<FleetIncident> {
  return jsonOf(textOf(row, 'document'), 'incident', (value) => {
    const checked = checkAgainst(FleetIncident, value);
    return checked.ok ? checked.value : null;
  });
}

/** A page of incidents: open ones first, then the newest first. */
export async function listIncidents(database: Database, query: IncidentsQuery): Promise<Page<Frozen<FleetIncident>>> {
  const limit = bounded(query.limit);
  const where = new Where();
  const position = readCursor('incidents', query.cursor);
  if (position !== null) {
    const [state = '', at = 0, id = ''] = position;
    where.and(
      'i.state < ? OR (i.state = ? AND (i.opened_at < ? OR (i.opened_at = ? AND i.id > ?)))',
      state,
      state,
      at,
      at,
      id,
    );
  }
  if (query.state !== undefined) where.and('i.state = ?', query.state);
  if (query.cause !== undefined) where.and('i.cause = ?', query.cause);
  if (query.scope !== undefined) where.and('i.scope = ?', query.scope);
  if (query.subject !== undefined) where.and('i.subject = ?', keyOf(query.subject));
  // What was open at some time since then.
  if (query.since !== undefined) where.and("i.state = 'open' OR i.updated_at >= ?", Math.round(query.since));
  if (query.node !== undefined) {
    // A document names the first hundred nodes; which others an open one hits, their own looks say.
    const node = keyOf(query.node);
    where.and(
      `EXISTS (SELECT 1 FROM pullwhy_incident_nodes m WHERE m.incident = i.id AND m.node = ?)
       OR (i.state = 'open' AND EXISTS (SELECT 1 FROM pullwhy_observations o WHERE o.node = ? AND o.failing = 1 AND o.cause = i.cause
         AND (i.subject_kind = 'node' OR (i.subject_kind = 'image' AND o.kind = 'image' AND o.subject = i.subject)
           OR (i.subject_kind = 'registry' AND o.registry = i.subject))))`,
      node,
      node,
    );
  }
  const rows = await database.read.all(
    `SELECT i.id AS id, i.state AS state, i.opened_at AS opened_at, i.document AS document FROM pullwhy_incidents i
     ${where.text()} ORDER BY i.state DESC, i.opened_at DESC, i.id LIMIT ${where.value(limit + 1)}`,
    where.values,
  );
  return pageOf(rows, limit, readIncident, (row) =>
    writeCursor('incidents', [textOf(row, 'state'), numberOf(row, 'opened_at'), textOf(row, 'id')]),
  );
}

/** One incident; null: there is none. */
export async function findIncident(database: Database, id: string): Promise<Frozen<FleetIncident> | null> {
  const [row] = await database.read.all('SELECT document FROM pullwhy_incidents WHERE id = $1', [keyOf(id)]);
  return row === undefined ? null : readIncident(row);
}

/** Open ones and those that closed since then, with what the evaluator keeps of them. */
export async function readStanding(database: Database, closedSince: number): Promise<readonly StoredIncident[]> {
  const rows = await database.read.all(
    `SELECT memory, document FROM pullwhy_incidents
     WHERE state = 'open' OR closed_at >= $1 ORDER BY state DESC, opened_at, id LIMIT $2`,
    [Math.round(closedSince), mostStanding],
  );
  return rows.map((row) => {
    const stored = jsonOf(textOf(row, 'memory'), 'memory of an incident', storedMemory);
    return { key: stored.key, document: readIncident(row), memory: stored.memory };
  });
}

/** The key as it was given (that of the row may be a short form) and the memory. */
function storedMemory(value: unknown): { readonly key: string; readonly memory: string } | null {
  const [key, memory]: readonly unknown[] = Array.isArray(value) ? value : [];
  return typeof key === 'string' && typeof memory === 'string' ? { key, memory } : null;
}

/**
 * Writes a decision, unless its maker has lost the lease, or another incident of the same key is open: then it was made
 * from a state that is no more. The row of the lease is locked, so decisions follow each other, and so do events' ids.
 */
export async function decide(
  database: Database,
  sql: Sql,
  lease: { readonly name: string; readonly holder: string; readonly now: number },
  decided: { readonly incidents: readonly StoredIncident[]; readonly events: readonly Omit<FleetEvent, 'id'>[] },
): Promise<boolean> {
  const [held] = await sql.all(`SELECT holder, until FROM pullwhy_leases WHERE name = $1${database.forUpdate}`, [
    keyOf(lease.name),
  ]);
  if (held === undefined || textOf(held, 'holder') !== lease.holder || numberOf(held, 'until') <= lease.now)
    return false;
  const decidedIds = new Set(decided.incidents.map(({ document }) => keyOf(document.id)));
  for (const { key, document } of decided.incidents) {
    if (document.state !== 'open') continue;
    const others = await sql.all(
      "SELECT id FROM pullwhy_incidents WHERE incident_key = $1 AND state = 'open' AND id <> $2",
      [keyOf(key), keyOf(document.id)],
    );
    if (others.some((row) => !decidedIds.has(textOf(row, 'id')))) return false;
  }
  const byId = new Map(decided.incidents.map((incident) => [keyOf(incident.document.id), incident]));
  await sql.put(
    incidents,
    [...byId].map(([id, incident]) => incidentRow(id, incident)),
  );
  const named = [...byId].flatMap(([id, { document }]) =>
    [...new Set(document.nodes.names)].map((node) => [id, keyOf(node)]),
  );
  await sql.put(incidentNodes, named);
  if (decided.events.length === 0) return true;
  const [meta] = await sql.all(`SELECT value FROM pullwhy_meta WHERE name = 'events'${database.forUpdate}`);
  if (meta === undefined) throw unreadable('number of the last event');
  const last = numberOf(meta, 'value');
  await sql.put(
    events,
    decided.events.map((event, index) => {
      const document = JSON.stringify(event);
      return [last + index + 1, timeOr(event.at, lease.now), Buffer.byteLength(document), document];
    }),
  );
  await sql.run("UPDATE pullwhy_meta SET value = $1 WHERE name = 'events'", [String(last + decided.events.length)]);
  return true;
}

function incidentRow(id: string, { key, document, memory }: StoredIncident) {
  return [
    id,
    keyOf(key),
    document.state,
    document.cause,
    document.scope,
    document.subject.kind,
    keyOf(document.subject.name),
    timeOr(document.openedAt, 0),
    timeOr(document.updatedAt, 0),
    document.closedAt === null ? null : timeOr(document.closedAt, 0),
    JSON.stringify(document),
    JSON.stringify([key, memory]),
  ];
}

function timeOr(text: string, other: number): number {
  const at = Date.parse(text);
  return Number.isNaN(at) ? Math.round(other) : at;
}

/** Events after an id, oldest first, and the newest one's id. */
export async function readEvents(
  database: Database,
  after: string | null,
  limit: number,
): Promise<{ readonly events: readonly FleetEvent[]; readonly last: string | null }> {
  const [meta] = await database.read.all("SELECT value FROM pullwhy_meta WHERE name = 'events'");
  const last = meta === undefined ? 0 : numberOf(meta, 'value');
  const newest = last === 0 ? null : String(last);
  if (after === null) return { events: [], last: newest };
  const from = /^\d{1,15}$/.test(after) ? Number(after) : 0;
  const rows = await database.read.all('SELECT id, document FROM pullwhy_events WHERE id > $1 ORDER BY id LIMIT $2', [
    from,
    Math.max(1, Math.trunc(limit)),
  ]);
  return { events: rows.map(readEvent), last: newest };
}

function readEvent(row: Row): FleetEvent {
  const id = String(numberOf(row, 'id'));
  return jsonOf(textOf(row, 'document'), 'event', (value) => {
    const whole: unknown = typeof value === 'object' && value !== null ? { ...value, id } : value;
    const checked = checkAgainst(FleetEvent, whole);
    return checked.ok ? checked.value : null;
  });
}
