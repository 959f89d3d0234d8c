import type { FleetNodeRow } from '../../api/fleet.ts';
import type { Frozen } from '../../api/schema.ts';
import type { KnownNode, NodesQuery, Observation, Page } from '../parts.ts';
import { readCursor, writeCursor } from './cursor.ts';
import { type NodeCache, nodeColumns, readAuthorities, readKnown } from './known-nodes.ts';
import { observationColumns, readObservation } from './observations.ts';
import { keyOf, numberOf, numberOrNull, textOf } from './rows.ts';
import type { Database, Row } from './sql.ts';
import { bounded, pageOf, Where } from './where.ts';
import { rfc3339 } from './words.ts';

/** Observations of one node that are shown; an agent keeps 1000 images and 200 registries (limits.ts). */
const mostObservations = 2000;

/** A node with its last looks; null: it was never heard of. */
export async function readNode(
  database: Database,
  cache: NodeCache,
  name: string,
): Promise<{
  readonly known: KnownNode;
  readonly authorities: readonly string[];
  readonly observations: readonly Observation[];
} | null> {
  const node = keyOf(name);
  const rows = await database.read.all(`SELECT ${nodeColumns} FROM pullwhy_nodes n WHERE n.node = $1`, [node]);
  const [row] = rows;
  if (row === undefined) return null;
  await cache.fill(database, rows);
  const observations = await database.read.all(
    `SELECT ${observationColumns} FROM pullwhy_observations
     WHERE node = $1 AND severity >= 0 ORDER BY failing DESC, kind, subject LIMIT $2`,
    [node, mostObservations],
  );
  return {
    known: readKnown(row, cache),
    authorities: await readAuthorities(database, node),
    observations: observations.map(readObservation),
  };
}

/** A page of nodes, by name or the last heard of first. */
export async function listNodes(
  database: Database,
  cache: NodeCache,
  query: NodesQuery,
): Promise<Page<Frozen<FleetNodeRow>>> {
  const { state, attribute, cause, heardSince } = query;
  const limit = bounded(query.limit);
  const byTime = query.sort === 'last-seen';
  const position = readCursor(byTime ? 'nodes-last-seen' : 'nodes', query.cursor);
  const where = new Where();
  if (position !== null && byTime) {
    const [at = 0, node = ''] = position;
    where.and('n.last_seen < ? OR (n.last_seen = ? AND n.node > ?)', at, at, node);
  } else if (position !== null) {
    where.and('n.node > ?', position[0] ?? '');
  }
  if (query.node !== undefined) where.and('n.node = ?', keyOf(query.node));
  if (state === 'silent') where.and('n.last_seen < ?', heardSince);
  else if (state !== undefined) {
    where.and('n.last_seen >= ?', heardSince);
    where.and(
      {
        healthy: 'n.worst = 0',
        degraded: 'n.worst = 2',
        faulty: 'n.worst = 3',
        unknown: 'n.worst IS NULL OR n.worst IN (-1, 1)',
      }[state],
    );
  }
  if (attribute !== undefined) {
    where.and(
      'EXISTS (SELECT 1 FROM pullwhy_attributes a WHERE a.node = n.node AND a.name = ? AND a.value = ?)',
      keyOf(attribute.name),
      keyOf(attribute.value),
    );
  }
  if (cause !== undefined) {
    where.and(
      'EXISTS (SELECT 1 FROM pullwhy_observations o WHERE o.node = n.node AND o.failing = 1 AND o.cause = ?)',
      cause,
    );
  }
  const order = byTime ? 'n.last_seen DESC, n.node' : 'n.node';
  const text = `SELECT ${nodeColumns} FROM pullwhy_nodes n ${where.text()} ORDER BY ${order} LIMIT ${where.value(limit + 1)}`;
  const rows = await database.read.all(text, where.values);
  await cache.fill(database, rows);
  return pageOf(
    rows,
    limit,
    (row) => nodeRow(row, cache, heardSince),
    (row) =>
      byTime
        ? writeCursor('nodes-last-seen', [numberOf(row, 'last_seen'), textOf(row, 'node')])
        : writeCursor('nodes', [textOf(row, 'node')]),
  );
}

function nodeRow(row: Row, cache: NodeCache, heardSince: number): Frozen<FleetNodeRow> {
  const known = readKnown(row, cache);
  return {
    node: known.node,
    state: stateOf(known.lastSeenAt, numberOrNull(row, 'worst'), heardSince),
    lastSeenAt: rfc3339(known.lastSeenAt),
    agentVersion: known.agentVersion,
    agentStartedAt: known.agentStartedAt === null ? null : rfc3339(known.agentStartedAt),
    clockOffsetSeconds: known.clockOffsetMs === null ? null : Math.round(known.clockOffsetMs) / 1000,
    openIncidents: numberOf(row, 'open_images'),
    waitingPods: numberOf(row, 'waiting_pods'),
    attributes: known.attributes,
    spool: known.heartbeat?.spool ?? null,
  };
}

/** What the worst of a node's looks says of it; nothing, when the node was not heard of for long. */
export function stateOf(lastSeenAt: number, worst: number | null, heardSince: number): FleetNodeRow['state'] {
  if (lastSeenAt < heardSince) return 'silent';
  if (worst === 3) return 'faulty';
  if (worst === 2) return 'degraded';
  return worst === 0 ? 'healthy' : 'unknown';
}
