import { isAbsolute } from 'node:path';
import { fail, ok, type Result } from '../../lib/result.ts';
import { Secret } from '../../lib/secret.ts';
import type { Store } from '../parts.ts';
import { decide, findIncident, listIncidents, readEvents, readStanding } from './incidents.ts';
import { ingest } from './ingest.ts';
import { listInvestigations, readInvestigation } from './investigations.ts';
import { NodeCache } from './known-nodes.ts';
import { type ObservationCache, readFailing, readFleet, readHealthy, readRecovered } from './look.ts';
import { migrate } from './migrate.ts';
import { listNodes, readNode } from './nodes.ts';
import { prune } from './prune.ts';
import { listRegistries } from './registries.ts';
import { keyOf, numberOf, textOf } from './rows.ts';
import { attempt, type Database, type DatabaseNeeds } from './sql.ts';
import { failureOf, openSqlite } from './sqlite.ts';

/**
 * Opens the store and brings its tables up to date (not for who only reads): `sqlite:///var/lib/pullwhy/collector.db`, `sqlite::memory:`, or
 * `postgres://user:password@host/database?sslmode=verify-full`. The error is a sentence without credentials.
 */
export async function openStore(url: string | Secret, needs: DatabaseNeeds): Promise<Result<Store, string>> {
  const address = url instanceof Secret ? url.reveal() : url;
  const opened = /^postgres(ql)?:/i.test(address)
    ? await openPostgresUrl(address, needs)
    : openSqliteUrl(address, needs);
  if (!opened.ok) return opened;
  const database = opened.value;
  if (needs.reads === true) return ok(storeOn(database, needs));
  const migrated = await attempt(database, () => migrate(database));
  if (migrated.ok) return ok(storeOn(database, needs));
  await database.close();
  return fail(migrated.error.message);
}

async function openPostgresUrl(address: string, needs: DatabaseNeeds): Promise<Result<Database, string>> {
  // Only who uses it pays for it.
  const { openPostgres } = await import('./postgres.ts');
  return openPostgres(address, needs);
}

function openSqliteUrl(address: string, needs: DatabaseNeeds): Result<Database, string> {
  const path = sqlitePath(address);
  if (path === null) {
    return fail(
      'The store is neither sqlite:///absolute/path/of/a/file nor postgres://user:password@host/database?sslmode=verify-full.',
    );
  }
  try {
    return ok(openSqlite(path, needs));
  } catch (error) {
    const failure = failureOf(error, path);
    if (failure === null) throw error;
    return fail(failure.message);
  }
}

/** Whether a second way to this store leads to the same one: what is kept in memory is there for who opened it alone. */
export function isShared(url: string): boolean {
  return sqlitePath(url) !== ':memory:';
}

function sqlitePath(address: string): string | null {
  if (address === ':memory:' || address === 'sqlite::memory:') return ':memory:';
  const rest = /^sqlite:\/\/(\/.*)$/i.exec(address)?.[1];
  if (rest === undefined || /[?#]/.test(rest)) return null;
  try {
    const path = decodeURIComponent(rest);
    return isAbsolute(path) && !path.endsWith('/') && !path.includes('\0') ? path : null;
  } catch {
    return null;
  }
}

/** Tables whose rows are counted for metrics. */
const counted = ['nodes', 'observations', 'investigations', 'incidents', 'events', 'streams'] as const;

/** The store on one of the databases; its tables are there. */
export function storeOn(database: Database, { env }: DatabaseNeeds): Store {
  const nodeCache = new NodeCache();
  const failing: ObservationCache = new Map();
  const { read } = database;
  return {
    ingest: (batch) => attempt(database, () => ingest(database, batch)),
    failing: (most) => attempt(database, () => readFailing(database, failing, most)),
    healthy: (subjects, since) => attempt(database, () => readHealthy(database, subjects, since)),
    fleet: () => attempt(database, () => readFleet(database, nodeCache)),
    node: (node) => attempt(database, () => readNode(database, nodeCache, node)),
    nodes: (query) => attempt(database, () => listNodes(database, nodeCache, query)),
    registries: (query) => attempt(database, () => listRegistries(database, query)),
    investigations: (query) => attempt(database, () => listInvestigations(database, query)),
    investigation: (id) => attempt(database, () => readInvestigation(database, id)),
    incidents: (query) => attempt(database, () => listIncidents(database, query)),
    incident: (id) => attempt(database, () => findIncident(database, id)),
    standing: (closedSince) => attempt(database, () => readStanding(database, closedSince)),
    lease: (name, holder, now, ttlMs) =>
      attempt(database, () =>
        database.write(async (sql) => {
          const taken = await sql.run(
            `INSERT INTO pullwhy_leases (name, holder, until) VALUES ($1, $2, $3)
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
             WHERE pullwhy_leases.holder = excluded.holder OR pullwhy_leases.until <= $4`,
            [keyOf(name), holder, Math.round(now + ttlMs), Math.round(now)],
          );
          return taken > 0;
        }),
      ),
    decide: (lease, decided) => attempt(database, () => database.write((sql) => decide(database, sql, lease, decided))),
    events: (after, limit) => attempt(database, () => readEvents(database, after, limit)),
    recovered: (since) => attempt(database, () => readRecovered(database, since)),
    sent: (target) =>
      attempt(database, async () => {
        const rows = await read.all(
          'SELECT incident, fingerprint, at FROM pullwhy_sent WHERE target = $1 ORDER BY incident',
          [keyOf(target)],
        );
        return rows.map((row) => ({
          target,
          incident: textOf(row, 'incident'),
          fingerprint: textOf(row, 'fingerprint'),
          at: numberOf(row, 'at'),
        }));
      }),
    recordSent: ({ target, incident, fingerprint, at }) =>
      attempt(database, async () => {
        await database.write((sql) =>
          sql.run(
            `INSERT INTO pullwhy_sent (target, incident, fingerprint, at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (target, incident) DO UPDATE SET fingerprint = excluded.fingerprint, at = excluded.at`,
            [keyOf(target), keyOf(incident), fingerprint, Math.round(at)],
          ),
        );
      }),
    prune: (keep) => attempt(database, () => prune(database, env, keep)),
    size: () =>
      attempt(database, async () => {
        const rows: Record<string, number> = {};
        for (const table of counted) {
          const [row] = await read.all(`SELECT count(*) AS rows FROM pullwhy_${table}`);
          rows[table] = row === undefined ? 0 : numberOf(row, 'rows');
          await database.pause();
        }
        return { bytes: await database.bytes(), rows };
      }),
    close: () => database.close(),
  };
}
