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
