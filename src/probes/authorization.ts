import type { Secret } from '../lib/secret.ts';
import { basicAuthorization, bearerAuthorization } from '../registry/token.ts';
import type { ProbeContext, ProbeCredential } from './context.ts';
import { shownUsername } from './credential-info.ts';

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

/** The credential of an identity: the plan's, then those that plugins gave. */
export function credentialAt(context: ProbeContext, identity: number): ProbeCredential | undefined {
  return context.credentials[identity] ?? context.vault.plugins[identity - context.credentials.length];
}

/** Whose request it was, as documents show it; null: nobody's. */
export function shownNameAt(context: ProbeContext, identity: number): string | null {
  const credential = identity < 0 ? undefined : credentialAt(context, identity);
  return credential === undefined ? null : shownUsername(credential.username, credential.password);
}

/** What a pull is handed, in the kubelet's order. What the runtime has itself it would then offer to every host that asks. */
export function handedOver({ credentials, vault }: ProbeContext): readonly ProbeCredential[] {
  return [...credentials.filter(({ sentTo }) => sentTo === null), ...vault.plugins];
}

/** The Authorization header's value; null: none is sent; undefined: what it needs is not there. */
export function authorizationOf(by: Authorization, context: ProbeContext): Secret | null | undefined {
  if (by.authorization === 'none') return null;
  if (by.authorization === 'bearer') {
    const token = context.vault.tokens.get(tokenKey(by.endpoint ?? 0, by.identity));
    return token === undefined ? undefined : bearerAuthorization(token);
  }
  const credential = credentialAt(context, by.identity);
  return credential === undefined
    ? undefined
    : basicAuthorization({ username: credential.username, secret: credential.password });
}
