import { readFile } from 'node:fs/promises';
import { limits } from '../../lib/limits.ts';
import { fail, ok, type Result } from '../../lib/result.ts';
import { Secret } from '../../lib/secret.ts';

/** Where a PostgreSQL is and who asks; files are read. */
export interface PostgresAddress {
  /** A name, an address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: Secret | null;
  /** Null: without TLS. The server's certificate and name are always checked. */
  readonly tls: { readonly ca: string | null; readonly cert: string | null; readonly key: Secret | null } | null;
  readonly applicationName: string;
  /** For sentences: host, port and database, and nothing else. */
  readonly shown: string;
}

/** Parameters that are understood; any other is refused, for a setting that is passed over in silence misleads. */
const known: ReadonlySet<string> = new Set([
  'host',
  'port',
  'user',
  'password',
  'dbname',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'application_name',
]);

const fileParameters = ['sslrootcert', 'sslcert', 'sslkey'] as const;

/** Reads `postgres://user:password@host:port/database?…` (libpq's form) with the files that it names. */
export async function readAddress(url: string): Promise<Result<PostgresAddress, string>> {
  const parsed = URL.parse(url);
  if (parsed === null) {
    // libpq takes several hosts, which no URL has.
    const why = /@[^/]*,/.test(url)
      ? 'it names more than one host'
      : 'special characters of the password are written as %XX';
    return fail(`The store is no URL of the form postgres://user:password@host:5432/database (${why}).`);
  }
  const parameters = new Map(parsed.searchParams);
  const unknown = [...parameters.keys()].find((name) => !known.has(name));
  if (unknown !== undefined)
    return fail(`The store's URL has a parameter that is not understood: ${unknown.slice(0, 40)}.`);
  const part = (name: string, own: string): string => parameters.get(name) ?? decode(own);
  const host = part('host', parsed.hostname.replace(/^\[|\]$/g, '')) || 'localhost';
  const port = Number(part('port', parsed.port) || 5432);
  const database = part('dbname', parsed.pathname.slice(1));
  const user = part('user', parsed.username);
  const password = part('password', parsed.password);
  if (host.includes(','))
    return fail("The store's URL names more than one host: name one, or a load balancer before them.");
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    return fail("The store's URL has no port that can be used.");
  if (database === '' || user === '') return fail("The store's URL must name a user and a database.");
  const shown = `PostgreSQL at ${host.startsWith('/') ? `${host} port ${port}` : `${host}:${port}`}, database ${database}`;

  const wanted = tlsWanted(parameters.get('sslmode') ?? null, host);
  if (!wanted.ok) return wanted;
  const files = new Map<string, string>();
  for (const name of fileParameters) {
    const path = parameters.get(name);
    if (path === undefined || (name === 'sslrootcert' && path === 'system')) continue;
    const text = await readNamed(path);
    if (text === null) return fail(`${path}, the store's ${name}, cannot be read.`);
    files.set(name, text);
  }
  const key = files.get('sslkey');
  return ok({
    host,
    port,
    database,
    user,
    password: password === '' ? null : new Secret(password),
    tls: wanted.value
      ? {
          ca: files.get('sslrootcert') ?? null,
          cert: files.get('sslcert') ?? null,
          key: key === undefined ? null : new Secret(key),
        }
      : null,
    applicationName: parameters.get('application_name') ?? 'pullwhy',
    shown,
  });
}

/** Whether TLS is used. What libpq does without a check of the server, or only as far as it can, is not done. */
function tlsWanted(mode: string | null, host: string): Result<boolean, string> {
  const near = host.startsWith('/') || host === 'localhost' || host === '::1' || /^127\./.test(host);
  switch (mode) {
    case null:
      return ok(!near);
    case 'disable':
      return ok(false);
    case 'require':
    case 'verify-ca':
    case 'verify-full':
      if (host.startsWith('/'))
        return fail(`The store's URL demands TLS (sslmode=${mode}) on a Unix socket, which has none.`);
      return ok(true);
    case 'allow':
    case 'prefer':
      return fail(
        `The store's URL has sslmode=${mode}, which goes on without encryption or a check of the server: say verify-full, or disable where that is meant.`,
      );
    default:
      return fail("The store's URL has an sslmode that is none of disable, require, verify-ca and verify-full.");
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function readNamed(path: string): Promise<string | null> {
  const text = await readFile(path, 'utf8').catch(() => null);
  return text === null || text.length > limits.namedFileBytes ? null : text;
}
