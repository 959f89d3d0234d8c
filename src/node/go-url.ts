import { fail, ok, type Result } from '../lib/result.ts';
import { parseAddress } from './go-address.ts';

/** The parts of a URL as Go's `net/url.Parse` splits it, as far as a proxy setting needs them. */
export interface GoUrl {
  /** Lower case; empty when the text has none. */
  readonly scheme: string;
  readonly user: GoUserinfo | null;
  /** Host with its port as written, IPv6 in brackets; empty for `scheme:opaque` and for paths. */
  readonly host: string;
  /** Everything behind the authority, still encoded: path, query and fragment. */
  readonly rest: string;
}

/** Userinfo, percent-decoded. The password is null when there is no colon. */
export interface GoUserinfo {
  readonly name: Buffer;
  readonly password: Buffer | null;
}

/**
 * Splits `text` as Go 1.26 does (net/url/url.go, with `urlstrictcolons` at its default). Node's own URL class mends
 * what Go refuses and refuses what Go takes, so it cannot stand in. The failure is Go's complaint in short; it never
 * quotes the text, which may hold a password.
 */
export function parseGoUrl(text: string): Result<GoUrl, string> {
  const cut = text.indexOf('#');
  const body = cut < 0 ? text : text.slice(0, cut);
  const fragment = cut < 0 ? '' : text.slice(cut);
  if (/[\u0000-\u001f\u007f]/.test(body)) return fail('it has a control character');
  if (!validEscapes(fragment)) return fail('it has an invalid percent escape');
  if (body === '*') return ok({ scheme: '', user: null, host: '', rest: text });

  if (body.startsWith(':')) return fail('its scheme is missing');
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(body);
  const scheme = (match?.[1] ?? '').toLowerCase();
  const question = body.indexOf('?');
  const query = question < 0 ? '' : body.slice(question);
  const path = body.slice(
    match?.[0].length ?? 0,
    question < 0 ? undefined : Math.max(question, match?.[0].length ?? 0),
  );

  if (!path.startsWith('/')) {
    if (scheme !== '') return ok({ scheme, user: null, host: '', rest: path + query + fragment });
    if ((path.split('/', 1)[0] ?? '').includes(':')) return fail('it has a colon and no scheme before it');
  }
  if (!path.startsWith('//') || (scheme === '' && path.startsWith('///'))) {
    if (!validEscapes(path)) return fail('it has an invalid percent escape');
    return ok({ scheme, user: null, host: '', rest: path + query + fragment });
  }

  const slash = path.indexOf('/', 2);
  const authority = path.slice(2, slash < 0 ? undefined : slash);
  const rest = slash < 0 ? '' : path.slice(slash);
  if (!validEscapes(rest)) return fail('it has an invalid percent escape');
  const at = authority.lastIndexOf('@');
  const host = parseHost(scheme, authority.slice(at + 1));
  if (!host.ok) return host;
  if (at < 0) return ok({ scheme, user: null, host: host.value, rest: rest + query + fragment });
  const user = parseUserinfo(authority.slice(0, at));
  if (!user.ok) return user;
  return ok({ scheme, user: user.value, host: host.value, rest: rest + query + fragment });
}

/** Host without brackets, and the port's digits (empty when there is none), of `GoUrl.host`. */
export function splitGoHost(hostPort: string): { readonly host: string; readonly port: string } {
  const match = /^(.*):([0-9]*)$/s.exec(hostPort);
  const host = match?.[1] ?? hostPort;
  return {
    host: host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host,
    port: match?.[2] ?? '',
  };
}

function parseHost(scheme: string, host: string): Result<string, string> {
  const bracket = host.lastIndexOf('[');
  if (bracket > 0) return fail('its host has a bracket in the middle');
  if (bracket === 0) {
    const close = host.lastIndexOf(']');
    if (close < 0) return fail('its host lacks a closing bracket');
    const port = host.slice(close + 1);
    if (!/^(:[0-9]*)?$/.test(port)) return fail('its port is not a number');
    // RFC 6874: %25 begins the zone, the one place where an encoded percent sign may stand.
    const [address = '', ...zone] = host.slice(1, close).split('%25');
    const literal = zone.length === 0 ? address : `${address}%${decode(zone.join('%25'))?.toString('utf8') ?? ''}`;
    const parsed = parseAddress(literal);
    if (parsed === null || parsed.bytes.length === 4) return fail('the brackets do not hold an IPv6 address');
    return ok(`[${literal}]${port}`);
  }
  const first = host.indexOf(':');
  // Go 1.26 takes one colon only for http and https; other schemes keep the old reading, the last colon.
  const colon = scheme === 'http' || scheme === 'https' ? first : host.lastIndexOf(':');
  if (colon >= 0 && !/^:[0-9]*$/.test(host.slice(colon))) return fail('its port is not a number');
  return decodeHost(host);
}

function decodeHost(host: string): Result<string, string> {
  if (/[^A-Za-z0-9\-_.~!$&'()*+,;=:[\]<>"%\u0080-\u{10ffff}]/u.test(host)) {
    return fail('its host has a character that no host name has');
  }
  // Only bytes above ASCII may be encoded in a host name.
  if (/%(?!25|[89A-Fa-f][0-9A-Fa-f])/.test(host) || !validEscapes(host)) {
    return fail('its host has an invalid percent escape');
  }
  return ok(decode(host)?.toString('utf8') ?? host);
}

function parseUserinfo(text: string): Result<GoUserinfo, string> {
  if (/[^A-Za-z0-9\-._:~!$&'()*+,;=%@]/u.test(text)) {
    return fail('its user name or password has a character that must be percent-encoded');
  }
  const colon = text.indexOf(':');
  const name = decode(colon < 0 ? text : text.slice(0, colon));
  const password = colon < 0 ? null : decode(text.slice(colon + 1));
  if (name === null || (colon >= 0 && password === null)) {
    return fail('its user name or password has an invalid percent escape (a percent sign is written %25)');
  }
  return ok({ name, password });
}

function validEscapes(text: string): boolean {
  return !/%(?![0-9A-Fa-f]{2})/.test(text);
}

/** Percent-decoded bytes, or null for a bad escape. */
function decode(text: string): Buffer | null {
  if (!validEscapes(text)) return null;
  const parts = text.split(/(%[0-9A-Fa-f]{2})/);
  return Buffer.concat(
    parts.map((part, index) =>
      index % 2 === 1 ? Buffer.from([Number.parseInt(part.slice(1), 16)]) : Buffer.from(part, 'utf8'),
    ),
  );
}
