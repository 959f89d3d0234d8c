import type { SubjectShape } from '../../api/fleet.ts';
import type { RecoveredTotals } from '../../api/fleet-report.ts';
import type { Frozen } from '../../api/schema.ts';
import type { KnownNode, Observation } from '../parts.ts';
import { type NodeCache, nodeColumns, readKnown } from './known-nodes.ts';
import { observationColumns, readObservation } from './observations.ts';
import { keyOf, numberOf, numberOrNull, textOf, textOrNull } from './rows.ts';
import type { Database, Row } from './sql.ts';

/** Rows that are read at a time: some milliseconds of SQLite, which stops everything else meanwhile. */
const sliceRows = 500;

/** What was read before: most of it is the same a second later, and reading the text of rows is most of the work. */
export type ObservationCache = Map<string, { readonly version: string; readonly observation: Observation }>;

/** Everything that is not healthy. `cache` is filled for the next time. */
export async function readFailing(
  database: Database,
  cache: ObservationCache,
  most: number,
): Promise<readonly Observation[]> {
  const found: Observation[] = [];
  const known: ObservationCache = new Map();
  let at: readonly [string, string, string] = ['', '', ''];
  while (found.length < most) {
    const limit = Math.min(sliceRows, most - found.length);
    // Names and versions alone, which an index has: most is known from the look before.
    const rows: readonly Row[] = await database.read.all(
      `SELECT node, kind, subject, CAST(version AS TEXT) AS version ${fromFailing}`,
      [...at, limit],
    );
    const stale = rows.filter((row) => cache.get(nameOf(row))?.version !== textOf(row, 'version'));
    for (const row of stale.length > fewRows ? await readSlice(database, at, limit) : await readEach(database, stale)) {
      known.set(nameOf(row), { version: textOf(row, 'version'), observation: readObservation(row) });
    }
    for (const row of rows) {
      at = [textOf(row, 'node'), textOf(row, 'kind'), textOf(row, 'subject')];
      const name = nameOf(row);
      const entry = known.get(name) ?? cache.get(name);
      // It was mended in this moment, where there is none.
      if (entry === undefined) continue;
      known.set(name, entry);
      found.push(entry.observation);
    }
    if (rows.length < limit) break;
    await database.pause();
  }
  cache.clear();
  for (const [key, value] of known) cache.set(key, value);
  return found;
}

/** Changed rows of one slice that are read one by one; more are read together. */
const fewRows = 40;

const fromFailing =
  'FROM pullwhy_observations WHERE failing = 1 AND (node, kind, subject) > ($1, $2, $3) ORDER BY node, kind, subject LIMIT $4';

function nameOf(row: Row): string {
  return `${textOf(row, 'node')} ${textOf(row, 'kind')} ${textOf(row, 'subject')}`;
}

function readSlice(database: Database, at: readonly [string, string, string], limit: number): Promise<readonly Row[]> {
  return database.read.all(`SELECT ${observationColumns} ${fromFailing}`, [...at, limit]);
}

async function readEach(database: Database, rows: readonly Row[]): Promise<readonly Row[]> {
  const found: Row[] = [];
  for (const row of rows) {
    const of = await database.read.all(
      `SELECT ${observationColumns} FROM pullwhy_observations WHERE kind = $1 AND subject = $2 AND node = $3 AND failing = 1`,
      [textOf(row, 'kind'), textOf(row, 'subject'), textOf(row, 'node')],
    );
    found.push(...of);
  }
  return found;
}

/** Nodes that found these subjects healthy since then. */
export async function readHealthy(
  database: Database,
  subjects: readonly Frozen<SubjectShape>[],
  since: number,
): Promise<readonly Pick<Observation, 'node' | 'kind' | 'subject' | 'registry' | 'at'>[]> {
  const found: Pick<Observation, 'node' | 'kind' | 'subject' | 'registry' | 'at'>[] = [];
  const asked = new Map(subjects.map((subject) => [`${subject.kind} ${subject.name}`, subject]));
  for (const { kind, name } of asked.values()) {
    const key = keyOf(name);
    for (let after = ''; ; ) {
      const rows: readonly Row[] = await database.read.all(
        `SELECT node, registry, at FROM pullwhy_observations
         WHERE kind = $1 AND subject = $2 AND node > $3 AND failing = 0 AND severity = 0 AND at >= $4
         ORDER BY node LIMIT $5`,
        [kind, key, after, Math.round(since), sliceRows],
      );
      for (const row of rows) {
        after = textOf(row, 'node');
        found.push({
          node: after,
          kind,
          subject: name,
          registry: textOrNull(row, 'registry'),
          at: numberOf(row, 'at'),
        });
      }
      if (rows.length < sliceRows) break;
      await database.pause();
    }
  }
  return found;
}

/** All nodes. */
export async function readFleet(database: Database, cache: NodeCache): Promise<readonly KnownNode[]> {
  const found: KnownNode[] = [];
  const names = new Set<string>();
  for (let after = ''; ; ) {
    const rows: readonly Row[] = await database.read.all(
      `SELECT ${nodeColumns} FROM pullwhy_nodes n WHERE n.node > $1 ORDER BY n.node LIMIT $2`,
      [after, sliceRows],
    );
    await cache.fill(database, rows);
    for (const row of rows) {
      after = textOf(row, 'node');
      names.add(after);
      found.push(readKnown(row, cache));
    }
    if (rows.length < sliceRows) break;
    await database.pause();
  }
  cache.keepOnly(names);
  return found;
}

/** What came after all since then, and who brought it. */
export async function readRecovered(database: Database, since: number): Promise<RecoveredTotals> {
  const rows = await database.read.all(
    `SELECT ended_by, count(*) AS images, sum(seconds_gained) AS seconds FROM pullwhy_observations
     WHERE kind = 'image' AND ended_by IS NOT NULL AND at >= $1 GROUP BY ended_by`,
    [Math.round(since)],
  );
  const by = (name: string): number =>
    rows.reduce((sum, row) => sum + (textOf(row, 'ended_by') === name ? numberOf(row, 'images') : 0), 0);
  const seconds = rows.reduce((sum, row) => sum + (numberOrNull(row, 'seconds') ?? 0), 0);
  return {
    images: rows.reduce((sum, row) => sum + numberOf(row, 'images'), 0),
    byAgent: by('agent'),
    byKubelet: by('kubelet'),
    gone: by('gone'),
    secondsGained: Math.round(seconds * 1000) / 1000,
  };
}
