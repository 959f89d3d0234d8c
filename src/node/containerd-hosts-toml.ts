import { posix } from 'node:path';
import { fail, ok, type Result } from '../lib/result.ts';
import { Secret } from '../lib/secret.ts';
import { cleanPath } from './containerd-address.ts';
import { oddityOf } from './containerd-config-file.ts';
import type { ContainerdRules } from './containerd-rules.ts';
import { sourceAt } from './containerd-sourced.ts';
import { parseGoDuration } from './go-duration.ts';
import { parseGoUrl } from './go-url.ts';
import { asStrings, asTable, at, parseToml, type TomlDocument, type TomlPath, type TomlTable } from './toml.ts';

/** Everything that a host may be capable of, in containerd's order. `referrers` is known from 2.2 on. */
export const capabilityWords = ['pull', 'resolve', 'push', 'referrers'] as const;

/** One host of a hosts.toml, or the one made of its top level: the `server`. */
export interface HostEntry {
  /** Empty scheme and host: the registry itself, for want of a `server`. */
  readonly scheme: string;
  /** With its port as written. */
  readonly host: string;
  /** Path of the API root, decoded and cleaned; empty or beginning with `/`. */
  readonly path: string;
  /** Line of the `[host."…"]` header or of `server`; null for a server that is not set. */
  readonly source: string | null;
  /** As containerd names them; all when the file gives none. */
  readonly capabilities: readonly string[];
  /** Where `capabilities` stands; null when the file gives none. */
  readonly capabilitiesSource: string | null;
  /** Node paths. Null and an empty list differ: an empty list is a TLS setting too. */
  readonly ca: readonly string[] | null;
  readonly caSource: string | null;
  /** A null key: it lies in the certificate's file. */
  readonly client: readonly (readonly [cert: string, key: string | null])[] | null;
  readonly clientSource: string | null;
  readonly skipVerify: boolean | null;
  readonly headers: Readonly<Record<string, readonly Secret[]>>;
  readonly dialTimeoutMs: number | null;
  /** A path at which registries seldom are, in one sentence; it may be meant so. */
  readonly oddPath: { readonly source: string; readonly message: string } | null;
}

/** A registry without any configuration: containerd's own defaults. */
export const defaultEntry: HostEntry = {
  scheme: '',
  host: '',
  path: '',
  source: null,
  capabilities: [],
  capabilitiesSource: null,
  ca: null,
  caSource: null,
  client: null,
  clientSource: null,
  skipVerify: null,
  headers: {},
  dialTimeoutMs: null,
  oddPath: null,
};

/** A hosts.toml that containerd takes. The last host is the server. */
export interface HostsFile {
  readonly hosts: readonly HostEntry[];
  /** Mirrors that the file seems to name and containerd does not see. */
  readonly dropped: readonly { readonly name: string; readonly source: string }[];
  /** Something in its syntax for which releases of containerd ignore the file, and other builds take it. */
  readonly oddity: HostsFailure | null;
}

/** Why containerd ignores the whole of a hosts.toml; `why` is a clause without a full stop. */
export interface HostsFailure {
  readonly source: string;
  readonly why: string;
}

/**
 * Parses hosts.toml as `parseHostsFile` does (remotes/docker/config/hosts.go). One wrong value anywhere makes
 * containerd ignore all of the file. Relative certificate paths count from `directory`.
 */
export function parseHostsToml(
  text: string,
  name: string,
  directory: string,
  rules: ContainerdRules,
): Result<HostsFile, HostsFailure> {
  const parsed = parseToml(text, name);
  if (!parsed.ok) {
    const { source, column, message } = parsed.error;
    return fail({ source, why: `it is not valid TOML (column ${column}: ${message})` });
  }
  const document = parsed.value;
  const oddity = oddityOf(document, rules);
  if (oddity?.refused) return fail({ source: `${name}:${oddity.line}`, why: oddity.why.replace(/^It/, 'it') });
  const hostValue = at(document.value, 'host');
  const hostTable = asTable(hostValue);
  if (hostValue !== undefined && hostTable === null) {
    return fail({ source: sourceAt(document, name, ['host']), why: '"host" is not a table' });
  }
  if (hostTable === null && rules.hostTableRequired) {
    return fail({ source: name, why: `it has no [host."…"] table, which containerd ${rules.label} demands` });
  }
  const reader: Reader = { document, name, directory, rules };
  const seen = orderedHosts(document, hostTable, rules);
  const hosts: HostEntry[] = [];
  for (const host of seen) {
    const entry = readHost(reader, host, ['host', host], asTable(at(hostTable, host)));
    if (!entry.ok) return entry;
    hosts.push(entry.value);
  }
  const server = at(document.value, 'server') ?? '';
  if (typeof server !== 'string') {
    return fail({ source: sourceAt(document, name, ['server']), why: '"server" is not a string' });
  }
  const last = readHost(reader, server, [], document.value);
  if (!last.ok) return last;
  hosts.push({ ...last.value, source: server === '' ? null : sourceAt(document, name, ['server']) });
  for (const host of Object.keys(hostTable ?? {})) {
    if (asTable(at(hostTable, host)) !== null) continue;
    return fail({ source: sourceAt(document, name, ['host', host]), why: `"host.${host}" is not a table` });
  }
  const taken = new Set(seen);
  const dropped = Object.keys(hostTable ?? {})
    .filter((host) => !taken.has(host))
    .map((host) => ({ name: host, source: sourceAt(document, name, ['host', host]) }));
  return ok({
    hosts,
    dropped,
    oddity: oddity === null ? null : { source: `${name}:${oddity.line}`, why: oddity.why },
  });
}

interface Reader {
  readonly document: TomlDocument;
  readonly name: string;
  readonly directory: string;
  readonly rules: ContainerdRules;
}

/**
 * The mirrors in the order in which they are tried. 2.x looks at `[host."x"]` and `[host."x".header]` lines and takes
 * a name anew whenever another one came between; 1.x takes every key of `host`, by its line.
 */
function orderedHosts(document: TomlDocument, hostTable: TomlTable | null, rules: ContainerdRules): string[] {
  if (!rules.hostHeadersOnly) {
    const line = (host: string): number => document.lineOf(['host', host]) ?? 0;
    return Object.keys(hostTable ?? {}).sort((a, b) => line(a) - line(b));
  }
  const order: string[] = [];
  for (const { names, array } of document.headers) {
    const host = names[1];
    if (array || names[0] !== 'host' || host === undefined || host === order.at(-1)) continue;
    order.push(host);
  }
  return order;
}

function readHost(
  reader: Reader,
  server: string,
  path: TomlPath,
  table: TomlTable | null,
): Result<HostEntry, HostsFailure> {
  const { document, name, directory, rules } = reader;
  const place = (key: string): string => sourceAt(document, name, [...path, key]);
  const wrong = (key: string, why: string) => fail({ source: place(key), why: `"${key}" ${why}` });
  const absolute = (file: string): string => (file.startsWith('/') ? file : posix.join(directory, file));

  if (table === null) return fail({ source: sourceAt(document, name, path), why: `host "${server}" is not a table` });
  const override = at(table, 'override_path') ?? false;
  if (typeof override !== 'boolean') return wrong('override_path', 'is neither true nor false');
  const ownPlace = path.length === 0 ? place('server') : sourceAt(document, name, path);
  const address = readServer(server, override);
  if (!address.ok) {
    return fail({ source: ownPlace, why: `the address cannot be parsed: ${address.error}` });
  }

  const skipVerify = at(table, 'skip_verify') ?? null;
  if (skipVerify !== null && typeof skipVerify !== 'boolean') return wrong('skip_verify', 'is neither true nor false');

  const given = at(table, 'capabilities');
  const words = given === undefined ? [] : asStrings(given);
  if (words === null) return wrong('capabilities', 'is not a list of strings');
  const known = capabilityWords.filter((word) => rules.referrers || word !== 'referrers');
  const lower = words.map((word) => word.toLowerCase());
  const stranger = words.find((word) => !known.some((item) => item === word.toLowerCase()));
  if (stranger !== undefined) {
    const later = stranger.toLowerCase() === 'referrers' ? ', which came with 2.2' : '';
    return wrong('capabilities', `has a word that containerd ${rules.label} does not know: "${stranger}"${later}`);
  }

  const caValue = at(table, 'ca');
  const ca = caValue === undefined ? null : typeof caValue === 'string' ? [caValue] : asStrings(caValue);
  if (caValue !== undefined && ca === null) return wrong('ca', 'is neither a string nor a list of strings');

  const clientValue = at(table, 'client');
  const client = clientValue === undefined ? null : clientPairs(clientValue, absolute);
  if (clientValue !== undefined && client === null) {
    return wrong('client', 'is neither a string, nor a list of strings, nor a list of pairs of strings');
  }

  const headerValue = at(table, 'header');
  const headerTable = headerValue === undefined ? {} : asTable(headerValue);
  if (headerTable === null) return wrong('header', 'is not a table');
  const headers = new Map<string, readonly Secret[]>();
  for (const key of Object.keys(headerTable)) {
    const value = at(headerTable, key);
    const values = typeof value === 'string' ? [value] : asStrings(value);
    if (values === null) {
      return fail({
        source: sourceAt(document, name, [...path, 'header', key]),
        why: `header "${key}" is neither a string nor a list of strings`,
      });
    }
    headers.set(
      key,
      values.map((item) => new Secret(item)),
    );
  }

  let dialTimeoutMs: number | null = null;
  const dial = at(table, 'dial_timeout');
  if (dial !== undefined && rules.dialTimeout !== 'unknown') {
    if (typeof dial !== 'string') return wrong('dial_timeout', 'is not a string');
    dialTimeoutMs = dial === '' ? null : parseGoDuration(dial);
    if (dial !== '' && dialTimeoutMs === null) return wrong('dial_timeout', 'is no duration such as "3s"');
  }

  const source = (value: unknown, key: string): string | null => (value === undefined ? null : place(key));
  const doubt = pathDoubt(address.value, override);
  return ok({
    ...address.value,
    oddPath: doubt === null ? null : { source: override ? place('override_path') : ownPlace, message: doubt },
    source: sourceAt(document, name, path),
    capabilities: words.length === 0 ? known : known.filter((word) => lower.includes(word)),
    capabilitiesSource: words.length === 0 ? null : place('capabilities'),
    ca: ca?.map(absolute) ?? null,
    caSource: source(caValue, 'ca'),
    client,
    clientSource: source(clientValue, 'client'),
    skipVerify,
    headers: Object.fromEntries(headers),
    dialTimeoutMs,
  });
}

/** Scheme, host and path of a server's address: `parseHostConfig`. An empty one has neither. */
function readServer(
  server: string,
  override: boolean,
): Result<{ readonly scheme: string; readonly host: string; readonly path: string }, string> {
  if (server === '') return ok({ scheme: '', host: '', path: '' });
  const url = parseGoUrl(server.startsWith('http') ? server : `https://${server}`);
  if (!url.ok) return url;
  // `httpd.corp` begins like a URL and is taken for one: a path without a host.
  if (url.value.host === '') return ok({ scheme: url.value.scheme, host: '', path: '' });
  const path = cleanPath(url.value.rest);
  const complete = override || path.endsWith('/v2') ? path : `${path}/v2`;
  return ok({ scheme: url.value.scheme, host: url.value.host, path: complete });
}

/**
 * What a path leads to that was written with the other half of `override_path` in mind: `/v2` twice, or not at all. A proxy
 * cache's project goes between `/v2` and the repository (Harbor, Artifactory), which takes `override_path = true`.
 */
function pathDoubt(
  { scheme, host, path }: { readonly scheme: string; readonly host: string; readonly path: string },
  override: boolean,
): string | null {
  if (host === '') return null;
  const at = `${scheme}://${host}${path}`;
  if (!override && /\/v2\/(?:.+\/)?v2$/.test(path))
    return `containerd appends /v2 to this path and asks for images below ${at}/, where registries seldom have any; if they lie below ${at.replace(/\/v2$/, '')}/, set override_path = true.`;
  if (override && !path.split('/').includes('v2'))
    return `With override_path = true containerd appends no /v2 and asks for images below ${at}/, where registries seldom have any; if they lie below ${at}/v2/, take override_path out.`;
  return null;
}

function clientPairs(value: unknown, absolute: (file: string) => string): (readonly [string, string | null])[] | null {
  if (typeof value === 'string') return [[absolute(value), null]];
  if (!Array.isArray(value)) return null;
  const items: unknown[] = value;
  const pairs: (readonly [string, string | null])[] = [];
  for (const item of items) {
    if (typeof item === 'string') pairs.push([absolute(item), null]);
    else {
      const [cert, key, more] = asStrings(item) ?? [];
      if (cert === undefined || key === undefined || more !== undefined) return null;
      // An empty name becomes the directory itself, which then cannot be read as a file.
      pairs.push([absolute(cert), absolute(key)]);
    }
  }
  return pairs;
}
