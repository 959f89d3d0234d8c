import type { Env } from '../../lib/env.ts';
import { sumUp } from './ingest.ts';
import { numberOf, textOf } from './rows.ts';
import { Again, type Database, type Sql } from './sql.ts';

/** Rows that go in one transaction: some milliseconds of SQLite. */
const slice = 200;

/** Slices of one call at most; what is left goes with the next one. */
const mostSlices = 2000;

const dayMs = 86_400_000;

/** Checks are repeated every few minutes; one that was not for a day is of something that its node does not use any more. */
const staleCheckMs = dayMs;

/** Streams of a node that lives on are kept longer than any spool keeps records: what they sent must not come twice. */
const staleStreamMs = 90 * dayMs;

/**
 * Drops what is past its age, then, while the store is over its size or what its disk holds, the oldest investigations, events and closed
 * incidents. What fails now, open incidents and nodes that were heard of stay.
 */
export async function prune(
  database: Database,
  env: Env,
  keep: { readonly olderThan: number; readonly maxBytes: number },
): Promise<{ readonly rows: number; readonly bytes: number }> {
  const before = await database.liveBytes();
  const olderThan = Math.round(keep.olderThan);
  let rows = 0;
  let left = mostSlices;
  const all = async (work: (sql: Sql) => Promise<number>): Promise<void> => {
    while (left-- > 0) {
      const gone = await database.write(work);
      rows += gone;
      if (gone === 0) return;
      await database.pause();
    }
  };
  await all((sql) => dropInvestigations(sql, olderThan));
  await all((sql) => dropEvents(sql, olderThan));
  await all((sql) => dropIncidents(sql, olderThan));
  await all((sql) => dropNode(database, sql, olderThan));
  rows += await dropObservations(database, env, olderThan);

  const maxBytes = Math.min(keep.maxBytes, database.capacityBytes());
  while (left-- > 0 && (await database.liveBytes()) > maxBytes) {
    const end = Number.MAX_SAFE_INTEGER;
    let gone = 0;
    for (const drop of [dropInvestigations, dropEvents, dropIncidents]) {
      if (gone === 0) gone = await database.write((sql) => drop(sql, end));
    }
    if (gone === 0) break;
    rows += gone;
    await database.pause();
  }
  const bytes = Math.max(0, before - (await database.liveBytes()));
  while (left-- > 0 && (await database.shrink())) await database.pause();
  return { rows, bytes };
}

/** Key pairs of one statement: one text for any number of them. */
const pairsAtOnce = 50;

const pairPlaces = Array.from({ length: pairsAtOnce }, (_, index) => `($${index * 2 + 1}, $${index * 2 + 2})`).join(
  ', ',
);

async function dropInvestigations(sql: Sql, before: number): Promise<number> {
  const rows = await sql.all('SELECT id, node FROM pullwhy_investigations WHERE at < $1 ORDER BY at LIMIT $2', [
    before,
    slice,
  ]);
  for (let from = 0; from < rows.length; from += pairsAtOnce) {
    const keys = Array.from({ length: pairsAtOnce }, (_, index) => rows[Math.min(from + index, rows.length - 1)]);
    const values = keys.flatMap((row) => (row === undefined ? [] : [textOf(row, 'id'), textOf(row, 'node')]));
    for (const table of ['pullwhy_documents', 'pullwhy_investigations']) {
      await sql.run(`DELETE FROM ${table} WHERE (id, node) IN (VALUES ${pairPlaces})`, values);
    }
  }
  return rows.length;
}

async function dropEvents(sql: Sql, before: number): Promise<number> {
  const rows = await sql.all('SELECT id, at FROM pullwhy_events ORDER BY id LIMIT $1', [slice]);
  const kept = rows.findIndex((row) => numberOf(row, 'at') >= before);
  const last = rows[(kept === -1 ? rows.length : kept) - 1];
  return last === undefined ? 0 : await sql.run('DELETE FROM pullwhy_events WHERE id <= $1', [numberOf(last, 'id')]);
}

async function dropIncidents(sql: Sql, before: number): Promise<number> {
  const rows = await sql.all(
    "SELECT id FROM pullwhy_incidents WHERE state = 'closed' AND closed_at < $1 ORDER BY closed_at LIMIT $2",
    [before, Math.round(slice / 10)],
  );
  for (const row of rows) {
    const id = textOf(row, 'id');
    await sql.run('DELETE FROM pullwhy_incident_nodes WHERE incident = $1', [id]);
    await sql.run('DELETE FROM pullwhy_sent WHERE incident = $1', [id]);
    await sql.run('DELETE FROM pullwhy_incidents WHERE id = $1', [id]);
  }
  return rows.length;
}

/** One node that was not heard of, with all that it said of itself; its investigations go by their own age. */
async function dropNode({ forUpdate }: Database, sql: Sql, before: number): Promise<number> {
  const [row] = await sql.all('SELECT node FROM pullwhy_nodes WHERE last_seen < $1 ORDER BY node LIMIT 1', [before]);
  if (row === undefined) return 0;
  const [still] = await sql.all(`SELECT last_seen FROM pullwhy_nodes WHERE node = $1${forUpdate}`, [
    textOf(row, 'node'),
  ]);
  // It was heard of in this moment: the next look for one begins anew.
  if (still === undefined || numberOf(still, 'last_seen') >= before) throw new Again();
  const node = textOf(row, 'node');
  let gone = 0;
  for (const table of ['observations', 'attributes', 'facts', 'streams', 'nodes']) {
    gone += await sql.run(`DELETE FROM pullwhy_${table} WHERE node = $1`, [node]);
  }
  return gone;
}

/** Looks of living nodes that are long past: images that came, and registries that nobody on the node uses any more. */
async function dropObservations(database: Database, env: Env, olderThan: number): Promise<number> {
  const checks = Math.min(olderThan, Math.round(env.now()) - staleCheckMs);
  const streams = Math.min(olderThan, Math.round(env.now()) - staleStreamMs);
  let rows = 0;
  for (let after = ''; ; ) {
    const nodes = await database.read.all('SELECT node FROM pullwhy_nodes WHERE node > $1 ORDER BY node LIMIT $2', [
      after,
      slice,
    ]);
    const last = nodes.at(-1);
    if (last === undefined) return rows;
    const [from, to] = [after, textOf(last, 'node')];
    after = to;
    const found = await database.read.all(
      `SELECT DISTINCT node FROM pullwhy_observations WHERE node > $1 AND node <= $2
       AND ((kind = 'image' AND failing = 0 AND received_at < $3) OR (kind <> 'image' AND received_at < $4))`,
      [from, to, olderThan, checks],
    );
    for (const row of found) {
      rows += await database.write(async (sql) => {
        const node = textOf(row, 'node');
        const gone = await sql.run(
          `DELETE FROM pullwhy_observations WHERE node = $1
           AND ((kind = 'image' AND failing = 0 AND received_at < $2) OR (kind <> 'image' AND received_at < $3))`,
          [node, olderThan, checks],
        );
        await sumUp(sql, node, null);
        return gone;
      });
      await database.pause();
    }
    rows += await database.read.run('DELETE FROM pullwhy_streams WHERE node > $1 AND node <= $2 AND last_at < $3', [
      from,
      to,
      streams,
    ]);
    await database.pause();
  }
}
