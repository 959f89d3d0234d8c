import { isRecord, numberMember, parseJson, stringMember } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import { safeLine } from '../lib/redact.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { Secret } from '../lib/secret.ts';
import type { Challenge } from './challenge.ts';
import type { RegistryRequest } from './exchange.ts';
import { tokenScopes } from './scope.ts';
import { readTokenClaims, type TokenClaims } from './token-claims.ts';

/** Credentials for one registry host. An empty user name makes the secret an identity (refresh) token. */
export interface RegistryCredential {
  readonly username: string;
  readonly secret: Secret;
}

/** Whose way of asking for a token is followed; they differ when there are credentials. */
export type TokenStyle = 'containerd' | 'cri-o';

/** One request for a token, and after which answers the next one of the list is tried. */
export interface TokenRequest {
  readonly request: RegistryRequest;
  readonly fallbackOn: readonly number[];
}

/** A realm that cannot be asked. */
export interface RealmProblem {
  readonly code: 'http-malformed';
  readonly message: string;
}

/** A token that a service gave. */
export interface RegistryToken {
  readonly token: Secret;
  /** Seconds; 60 when the service does not say (the token specification's default). */
  readonly expiresInSeconds: number;
  /** As sent; null when it is not. */
  readonly issuedAt: string | null;
  /** What a JSON web token says of itself; null for opaque tokens. Read, not verified. */
  readonly claims: TokenClaims | null;
  /** Why Go's decoder, so the runtime, refuses this answer although a token is in it; null when it takes it. */
  readonly refusedBecause: string | null;
}

/** The URL of a bearer challenge's token service. */
export function tokenRealm(challenge: Challenge): Result<URL, RealmProblem> {
  const problem = (message: string) => fail<RealmProblem>({ code: 'http-malformed', message });
  if (challenge.realm === null || challenge.realm === '') {
    return problem('the registry asks for a token and does not say where to get one: its challenge has no realm');
  }
  const url = URL.parse(challenge.realm);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    return problem(`the realm of the registry's challenge is not a URL: ${safeLine(challenge.realm, 200)}`);
  }
  url.username = '';
  url.password = '';
  url.hash = '';
  return ok(url);
}

/**
 * The requests that get a token, in the order of trying. Anonymous: one GET. With credentials containerd posts an
 * OAuth form first and falls back to GET with basic authentication after 400, 401, 404, and 405 with a user name
 * (core/remotes/docker/authorizer.go); CRI-O asks by GET and posts identity tokens only (containers/image
 * docker/docker_client.go).
 */
export function tokenRequests(
  realm: URL,
  challenge: Challenge,
  options: {
    /** Null asks for the challenge's own scope alone. */
    readonly repository: string | null;
    readonly credential: RegistryCredential | null;
    readonly style: TokenStyle;
    readonly userAgent: string;
  },
): readonly TokenRequest[] {
  const { credential, style } = options;
  const scopes = tokenScopes(options.repository, challenge.scope);
  const headers = { accept: 'application/json', 'user-agent': options.userAgent };
  const bounds = { maxBytes: limits.tokenBytes };

  const url = new URL(realm);
  if (style === 'cri-o' && credential !== null && credential.username !== '') {
    url.searchParams.append('account', credential.username);
  }
  if (challenge.service !== null && challenge.service !== '') url.searchParams.append('service', challenge.service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  const get: RegistryRequest = { ...bounds, method: 'GET', url, headers };
  if (credential === null) return [{ request: get, fallbackOn: [] }];

  const getWithBasic: RegistryRequest = {
    ...get,
    headers: { ...headers, authorization: basicAuthorization(credential) },
  };
  const identity = credential.username === '';
  if (style === 'cri-o' && !identity) return [{ request: getWithBasic, fallbackOn: [] }];

  const form = new URLSearchParams();
  if (scopes.length > 0) form.set('scope', scopes.join(' '));
  form.set('service', challenge.service ?? '');
  form.set('client_id', style === 'containerd' ? 'containerd-client' : 'containers/image');
  if (identity) {
    form.set('grant_type', 'refresh_token');
    form.set('refresh_token', credential.secret.reveal());
  } else {
    form.set('grant_type', 'password');
    form.set('username', credential.username);
    form.set('password', credential.secret.reveal());
  }
  const post: RegistryRequest = {
    ...bounds,
    method: 'POST',
    url: new URL(realm),
    headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body: new Secret(form.toString()),
  };
  if (style === 'cri-o') return [{ request: post, fallbackOn: [] }];
  return [
    { request: post, fallbackOn: identity ? [400, 401, 404] : [400, 401, 404, 405] },
    { request: getWithBasic, fallbackOn: [] },
  ];
}

/** The value of an Authorization header for basic authentication (RFC 7617, UTF-8). */
export function basicAuthorization(credential: RegistryCredential): Secret {
  const pair = `${credential.username}:${credential.secret.reveal()}`;
  return new Secret(`Basic ${Buffer.from(pair, 'utf8').toString('base64')}`);
}

/** The value of an Authorization header for a token. */
export function bearerAuthorization(token: Secret): Secret {
  return new Secret(`Bearer ${token.reveal()}`);
}

/**
 * The token in a token service's answer of status 200. `access_token` wins over `token`, as in containerd. The
 * failure is one sentence; it never holds a part of the body, which may be a token in an unknown place.
 */
export function readToken(body: Uint8Array): Result<RegistryToken, string> {
  if (body.length === 0) return fail('the token service answers with an empty body');
  const value = parseJson(new TextDecoder().decode(body));
  if (value === undefined) return fail('the token service does not answer with JSON');
  if (!isRecord(value)) return fail('the token service answers with JSON that is not an object');
  const token = nonEmpty(stringMember(value, 'access_token')) ?? nonEmpty(stringMember(value, 'token'));
  if (token === null) return fail("the token service's answer holds no token");
  if (/[^\u0021-\u007e]/u.test(token)) return fail("the token service's answer holds a token that no header can carry");
  const secret = new Secret(token);
  const expiresIn = numberMember(value, 'expires_in');
  return ok({
    token: secret,
    expiresInSeconds: expiresIn !== null && expiresIn > 0 ? expiresIn : 60,
    issuedAt: clipped(stringMember(value, 'issued_at')),
    claims: readTokenClaims(secret),
    refusedBecause: strictness(value),
  });
}

/** Members that Go decodes into typed fields: a wrong type fails the whole answer. */
function strictness(value: Readonly<Record<string, unknown>>): string | null {
  const expires = value.expires_in;
  if (expires !== undefined && expires !== null && !(typeof expires === 'number' && Number.isInteger(expires))) {
    return 'expires_in is not a whole number';
  }
  const issued = value.issued_at;
  if (issued !== undefined && issued !== null && !isRfc3339(issued)) return 'issued_at is not an RFC 3339 time';
  for (const name of ['token', 'access_token', 'refresh_token']) {
    const member = value[name];
    if (member !== undefined && member !== null && typeof member !== 'string') return `${name} is not a string`;
  }
  return null;
}

function isRfc3339(value: unknown): boolean {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/u.test(value);
}

function nonEmpty(value: string | null): string | null {
  return value === '' ? null : value;
}

function clipped(value: string | null): string | null {
  return value === null ? null : safeLine(value, 64);
}
