import { arrayMember, isRecord, numberMember, parseJson, stringMember } from '../lib/json.ts';
import { safeLine } from '../lib/redact.ts';
import type { Secret } from '../lib/secret.ts';
import type { ScopeParts } from './scope.ts';

/**
 * What a JSON web token says of itself, unverified: facts about what was asked for and granted, never a ground for
 * trust. Times in seconds since the epoch, as the token has them.
 */
export interface TokenClaims {
  /** Whom the token is for; empty or null for an anonymous one. */
  readonly subject: string | null;
  readonly issuer: string | null;
  readonly issuedAt: number | null;
  readonly notBefore: number | null;
  readonly expiresAt: number | null;
  /** What was granted; an empty list grants nothing, null means that the token does not say. */
  readonly access: readonly ScopeParts[] | null;
}

/** Entries of `access` that are kept; a pull asks for one. */
const maxAccess = 32;

/** The claims of a token; null when it is not a JSON web token (GitHub's and others' are opaque). */
export function readTokenClaims(token: Secret): TokenClaims | null {
  const parts = token.reveal().split('.');
  const payload = parts[1];
  if (parts.length !== 3 || payload === undefined || !/^[\w-]+=*$/u.test(payload)) return null;
  const claims = parseJson(Buffer.from(payload, 'base64url').toString('utf8'));
  if (!isRecord(claims)) return null;
  const access = arrayMember(claims, 'access');
  return {
    subject: named(stringMember(claims, 'sub')),
    issuer: named(stringMember(claims, 'iss')),
    issuedAt: numberMember(claims, 'iat'),
    notBefore: numberMember(claims, 'nbf'),
    expiresAt: numberMember(claims, 'exp'),
    access: access === null ? null : access.slice(0, maxAccess).flatMap((entry) => readAccess(entry) ?? []),
  };
}

/**
 * True when the token grants pulling `repository`; null when it does not say what it grants. Docker Hub and others
 * answer a request for too much with a token for nothing, and only the registry's 401 tells then.
 */
export function grantsPull(claims: TokenClaims, repository: string): boolean | null {
  if (claims.access === null) return null;
  return claims.access.some(
    (entry) =>
      entry.type.startsWith('repository') &&
      entry.name === repository &&
      (entry.actions.includes('pull') || entry.actions.includes('*')),
  );
}

function readAccess(value: unknown): ScopeParts | null {
  if (!isRecord(value)) return null;
  const type = stringMember(value, 'type');
  const name = stringMember(value, 'name');
  if (type === null || name === null) return null;
  const actions = (arrayMember(value, 'actions') ?? []).filter((action) => typeof action === 'string');
  return {
    type: safeLine(type, 64),
    name: safeLine(name, 300),
    actions: actions.slice(0, 16).map((a) => safeLine(a, 64)),
  };
}

function named(value: string | null): string | null {
  return value === null || value === '' ? null : safeLine(value, 200);
}
