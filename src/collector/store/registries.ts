import type { FleetRegistryRow } from '../../api/fleet.ts';
import type { Frozen } from '../../api/schema.ts';
import type { Page, RegistriesQuery } from '../parts.ts';
import { readCursor, writeCursor } from './cursor.ts';
import { msOfStep } from './observations.ts';
import { numberOf, numberOrNull, textOf, textOrNull } from './rows.ts';
import type { Database, Row } from './sql.ts';
import { bounded } from './where.ts';
import { rfc3339 } from './words.ts';

/** Addresses of one registry's budgets that are shown: the lowest ones. */
const mostBudgets = 100;

type Summed = Omit<Frozen<FleetRegistryRow>, 'incidents'>;

/** A page of registries, by name. Each is one step of work: a fleet has some tens, looked at by thousands of nodes. */
export async function listRegistries(
  database: Database,
  query: RegistriesQuery,
): Promise<Page<Frozen<FleetRegistryRow>>> {
  const limit = bounded(query.limit);
  const heardSince = query.heardSince ?? 0;
  const open = await database.read.all(
    "SELECT id, subject_kind, subject FROM pullwhy_incidents WHERE state = 'open' AND subject_kind <> 'node' ORDER BY opened_at, id",
  );
  const heard = await heardOf(database, heardSince);
  const items: Frozen<FleetRegistryRow>[] = [];
  let after = String(readCursor('registries', query.cursor)?.[0] ?? '');
  for (;;) {
    const [next] = await database.read.all(
      "SELECT subject FROM pullwhy_observations WHERE kind = 'registry' AND subject > $1 ORDER BY subject LIMIT 1",
      [after],
    );
    if (next === undefined) return { items, cursor: null };
    if (items.length >= limit) return { items, cursor: writeCursor('registries', [after]) };
    after = textOf(next, 'subject');
    const registry = after;
    const summed = await sumUp(database, registry, heard);
    items.push({ ...summed, incidents: open.filter((row) => isOf(row, registry)).map((row) => textOf(row, 'id')) });
    await database.pause();
  }
}

/** What of a statement leaves silent nodes out; its placeholders begin with $2. */
interface Heard {
  readonly text: string;
  readonly values: readonly number[];
}

/** Mostly none is silent, and then nothing has to be left out of thousands of rows. */
async function heardOf(database: Database, since: number): Promise<Heard> {
  const silent = await database.read.all('SELECT node FROM pullwhy_nodes WHERE last_seen < $1 LIMIT 1', [since]);
  return silent.length === 0
    ? { text: '', values: [] }
    : { text: 'AND o.node NOT IN (SELECT n.node FROM pullwhy_nodes n WHERE n.last_seen < $2)', values: [since] };
}

async function sumUp(database: Database, registry: string, heard: Heard): Promise<Summed> {
  // One reading of its rows: there are as many as nodes, and groups are some hundred.
  const groups = await database.read.all(
    `SELECT o.severity AS severity, o.latency AS latency, o.rate_source AS source, count(*) AS nodes,
       min(o.not_after) AS not_after, min(o.rate_limit) AS most, min(o.rate_remaining) AS remaining
     FROM pullwhy_observations o WHERE o.kind = 'registry' AND o.subject = $1 ${heard.text}
     GROUP BY o.severity, o.latency, o.rate_source`,
    [registry, ...heard.values],
  );
  const count = (severity: number): number =>
    groups.reduce((sum, row) => sum + (numberOf(row, 'severity') === severity ? numberOf(row, 'nodes') : 0), 0);
  const ends = groups.map((row) => numberOrNull(row, 'not_after')).filter((end) => end !== null);
  const latencies = groups
    .flatMap((row) => {
      const step = numberOrNull(row, 'latency');
      return step === null ? [] : [{ step, nodes: numberOf(row, 'nodes') }];
    })
    .sort((a, b) => a.step - b.step);
  return {
    registry,
    nodes: { healthy: count(0), degraded: count(2), faulty: count(3), inconclusive: count(1) },
    certificateNotAfter: ends.length === 0 ? null : rfc3339(Math.min(...ends)),
    rateLimits: budgetsOf(groups),
    latencyMs: { median: quantile(latencies, 0.5), p95: quantile(latencies, 0.95) },
  };
}

/** The lowest budget of each address, the lowest of all first. */
function budgetsOf(groups: readonly Row[]): FleetRegistryRow['rateLimits'] {
  const lowest = new Map<string | null, FleetRegistryRow['rateLimits'][number]>();
  for (const row of groups) {
    const [source, limit, remaining] = [
      textOrNull(row, 'source'),
      numberOrNull(row, 'most'),
      numberOrNull(row, 'remaining'),
    ];
    if (limit === null && remaining === null) continue;
    const known = lowest.get(source);
    lowest.set(source, {
      source,
      limit: least(known?.limit ?? null, limit),
      remaining: least(known?.remaining ?? null, remaining),
    });
  }
  const order = ({ remaining }: FleetRegistryRow['rateLimits'][number]): number =>
    remaining ?? Number.POSITIVE_INFINITY;
  return [...lowest.values()]
    .sort((a, b) => order(a) - order(b) || ((a.source ?? '') < (b.source ?? '') ? -1 : 1))
    .slice(0, mostBudgets);
}

function least(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.min(a, b);
}

function isOf(row: Row, registry: string): boolean {
  const subject = textOf(row, 'subject');
  return textOf(row, 'subject_kind') === 'registry' ? subject === registry : subject.startsWith(`${registry}/`);
}

/** The latency that this part of the nodes does not exceed. */
function quantile(sorted: readonly { readonly step: number; readonly nodes: number }[], part: number): number | null {
  const all = sorted.reduce((sum, { nodes }) => sum + nodes, 0);
  let passed = 0;
  for (const { step, nodes } of sorted) {
    passed += nodes;
    if (passed >= all * part) return msOfStep(step);
  }
  return null;
}
