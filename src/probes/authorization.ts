import type { Secret } from '../lib/secret.ts';
import { basicAuthorization, bearerAuthorization } from '../registry/token.ts';
import type { ProbeContext } from './context.ts';

/** How a request of an identity is authorized. */
export interface Authorization {
  readonly endpoint: number | null;
  /** -1: nobody. */
  readonly identity: number;
  readonly authorization: 'none' | 'basic' | 'bearer';
}

/** Where the vault keeps the token of an identity at an endpoint. */
export function tokenKey(endpoint: number, identity: number): string {
  return `${endpoint} ${identity}`;
}

/**
 * True when a redirect leads to the endpoint's own host: there Go's client keeps its headers (net/http,
 * shouldCopyHeaderOnRedirect). Go also keeps them for another port and for subdomains, which nothing is shown to need.
 */
export function staysAt(endpoint: number, url: URL, context: ProbeContext): boolean {
  const info = context.plan.endpoints[endpoint];
  if (info === undefined || !URL.canParse(info.url)) return false;
  const own = new URL(info.url);
  // Never from HTTPS down to plain HTTP, unless the runtime itself falls back to that here.
  const down = own.protocol === 'https:' && url.protocol === 'http:' && !info.httpFallback;
  return own.host === url.host && !down;
}

/** The Authorization header's value; null: none is sent; undefined: what it needs is not there. */
export function authorizationOf(by: Authorization, context: ProbeContext): Secret | null | undefined {
  if (by.authorization === 'none') return null;
  if (by.authorization === 'bearer') {
    const token = context.vault.tokens.get(tokenKey(by.endpoint ?? 0, by.identity));
    return token === undefined ? undefined : bearerAuthorization(token);
  }
  const credential = context.credentials[by.identity];
  return credential === undefined
    ? undefined
    : basicAuthorization({ username: credential.username, secret: credential.password });
}
