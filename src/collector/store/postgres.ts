import pg from 'pg';
import { ok, type Result } from '../../lib/result.ts';
import { type PostgresAddress, readAddress } from './postgres-address.ts';
import { failureOf, isConflict } from './postgres-failure.ts';
import { textOf } from './rows.ts';
import {
  type ColumnType,
  type Database,
  type DatabaseNeeds,
  onConflict,
  type Row,
  type Sql,
  tries,
  type Upsert,
  type Value,
  wait,
} from './sql.ts';

/** Times that a server gets, milliseconds. Ours is the longer one: its own end of a statement keeps the connection. */
const times = {
  connect: 5000,
  statement: 10_000,
  lock: 5000,
  idleInTransaction: 15_000,
  query: 15_000,
  idle: 30_000,
} as const;

/** Connections of one collector: ingest is short transactions, and what waits for one waits in the pool. */
const mostConnections = 8;

/** Of a part of it that only reads. */
const mostReading = 3;

/** Statements that are kept prepared in each connection. */
const mostStatements = 200;

/** The type of an array that holds a column of many rows. */
const arrays: Readonly<Record<ColumnType, string>> = {
  text: 'text[]',
  int: 'bigint[]',
  real: 'float8[]',
  bytes: 'bytea[]',
};

/** Object identifier of `bigint` (pg_type.dat): counts and times, which a number holds exactly. */
const bigintOid = 20;

/** Opens a pool of connections; the first one is made when it is needed. The server is asked nothing yet. */
export async function openPostgres(url: string, needs: DatabaseNeeds): Promise<Result<Database, string>> {
  const address = await readAddress(url);
  return address.ok ? ok(databaseAt(address.value, needs)) : address;
}

function databaseAt(address: PostgresAddress, { env, log, reads = false }: DatabaseNeeds): Database {
  const { host, port, database, user, password, tls, applicationName, shown } = address;
  const pool = new pg.Pool({
    host,
    port,
    database,
    user,
    // Without one the library does as libpq: PGPASSWORD, then the file of passwords in the user's home.
    ...(password === null ? {} : { password: password.reveal() }),
    // Checked by the library as by any client of TLS: chain, dates and name.
    ssl: tls === null ? false : given({ ca: tls.ca, cert: tls.cert, key: tls.key?.reveal() ?? null }),
    application_name: applicationName,
    max: reads ? mostReading : mostConnections,
    connectionTimeoutMillis: times.connect,
    idleTimeoutMillis: times.idle,
    statement_timeout: times.statement,
    lock_timeout: times.lock,
    idle_in_transaction_session_timeout: times.idleInTransaction,
    query_timeout: times.query,
    keepAlive: true,
    types: { getTypeParser: (oid, format) => (oid === bigintOid ? Number : pg.types.getTypeParser(oid, format)) },
  });
  // A connection that breaks while nobody uses it, or between two statements, must not end the process: the pool makes
  // another, and whoever used it is told by their statement.
  pool.on('error', (error) => log.debug('a connection to the store ended', { store: shown, error: error.message }));
  pool.on('connect', (client) => void client.on('error', () => undefined));

  const names = new Map<string, string>();
  const nameOf = (text: string): { readonly name?: string } => {
    const known = names.get(text);
    if (known !== undefined) return { name: known };
    // Beyond these a text is sent each time: connections never forget a name.
    if (names.size >= mostStatements) return {};
    const name = `pullwhy_${names.size}`;
    names.set(text, name);
    return { name };
  };
  const upserts = new WeakMap<Upsert, string>();
  const sqlOf = (to: pg.Pool | pg.PoolClient): Sql => {
    const query = (text: string, values: readonly unknown[]) =>
      to.query<Record<string, unknown>>({ ...nameOf(text), text, values: [...values] });
    return {
      all: async (text, values = []): Promise<readonly Row[]> => (await query(text, values)).rows,
      run: async (text, values = []) => (await query(text, values)).rowCount ?? 0,
      async put(upsert, rows) {
        if (rows.length === 0) return;
        const text = upserts.get(upsert) ?? puttingText(upsert);
        upserts.set(upsert, text);
        await query(text, columnsOf(upsert, rows));
      },
    };
  };

  const transaction = async <T>(work: (sql: Sql) => Promise<T>): Promise<T> => {
    const client = await pool.connect();
    let broken = true;
    try {
      await client.query('BEGIN');
      const value = await work(sqlOf(client));
      await client.query('COMMIT');
      broken = false;
      return value;
    } catch (error) {
      // A connection that cannot even roll back is thrown away.
      broken = await client.query('ROLLBACK').then(
        () => false,
        () => true,
      );
      throw error;
    } finally {
      client.release(broken);
    }
  };
  const read = sqlOf(pool);
  const sumOf = async (text: string): Promise<number> => {
    const [row] = await read.all(text);
    return row === undefined ? 0 : Number(textOf(row, 'bytes'));
  };

  return {
    forUpdate: ' FOR UPDATE',
    // By code points, whatever the database's language: pages go on where they ended.
    types: { bytes: 'BYTEA', key: 'TEXT COLLATE "C"', byKey: '' },
    read,
    async write(work) {
      for (let count = 1; ; count++) {
        try {
          return await transaction(work);
        } catch (error) {
          if (count >= tries.most || !isConflict(error)) throw error;
          await wait(env, count);
        }
      }
    },
    pause: async () => undefined,
    bytes: () =>
      sumOf(
        "SELECT CAST(coalesce(sum(pg_total_relation_size(oid)), 0) AS TEXT) AS bytes FROM pg_class WHERE relkind = 'r' AND relname LIKE 'pullwhy\\_%' AND pg_table_is_visible(oid)",
      ),
    // The tables themselves shrink when the server gets to it; what is in them falls at once.
    liveBytes: async () => {
      const investigations = sumOf(
        `SELECT CAST(coalesce(sum(bytes + ${rowBytes}), 0) AS TEXT) AS bytes FROM pullwhy_investigations`,
      );
      const events = sumOf('SELECT CAST(coalesce(sum(bytes + 64), 0) AS TEXT) AS bytes FROM pullwhy_events');
      const observations = sumOf(`SELECT CAST(count(*) * ${rowBytes} AS TEXT) AS bytes FROM pullwhy_observations`);
      return (await investigations) + (await events) + (await observations);
    },
    capacityBytes: () => Number.POSITIVE_INFINITY,
    shrink: async () => false,
    failureOf: (error) => failureOf(error, shown),
    close: async () => {
      if (!pool.ended && !pool.ending) await pool.end();
    },
  };
}

/** What a row of some texts takes with its entries in the indexes, about. */
const rowBytes = 1024;

function given(files: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).flatMap(([name, text]) => (text === null ? [] : [[name, text]])));
}

/** One text for any number of rows: each column is one array. */
function puttingText(upsert: Upsert): string {
  const { table, columns } = upsert;
  const places = columns.map(([, type], index) => `$${index + 1}::${arrays[type]}`).join(', ');
  return `INSERT INTO ${table} (${columns.map(([name]) => name).join(', ')}) SELECT * FROM unnest(${places}) ${onConflict(upsert)}`;
}

function columnsOf({ columns }: Upsert, rows: readonly (readonly Value[])[]): readonly unknown[] {
  return columns.map((_, index) => rows.map((row) => row[index] ?? null));
}
