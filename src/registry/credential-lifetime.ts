import { isRecord, numberMember, parseJson } from '../lib/json.ts';
import type { Secret } from '../lib/secret.ts';
import { readTokenClaims } from './token-claims.ts';

/** When a credential ends, by what it says of itself; unverified, so a ground for nothing where the registry decides otherwise. */
export interface CredentialLifetime {
  /** Epoch milliseconds. */
  readonly expiresAtMs: number;
  /** Epoch milliseconds; null where it does not say when it began. */
  readonly issuedAtMs: number | null;
  /** What says so, for a sentence. */
  readonly by: string;
}

const hour = 3_600_000;

/** An ECR authorization token lasts 12 hours (Amazon ECR API reference, GetAuthorizationToken); it says only when it ends. */
const ecrLifetimeMs = 12 * hour;

/**
 * When a user name's password ends, where the password says it: a JSON web token (Azure's refresh tokens, GitLab's job
 * tokens, an OIDC token in a password's place) or ECR's authorization token (user AWS, base64 of JSON with
 * `expiration`). Null for everything else: Google's access tokens, GitHub's and plain passwords say nothing.
 */
export function credentialLifetime(username: string, password: Secret): CredentialLifetime | null {
  const claims = readTokenClaims(password);
  if (claims !== null) {
    const expiresAtMs = moment(claims.expiresAt);
    return expiresAtMs === null
      ? null
      : { expiresAtMs, issuedAtMs: moment(claims.issuedAt ?? claims.notBefore), by: 'the claim exp of the token' };
  }
  if (username !== 'AWS') return null;
  const text = password.reveal();
  if (!/^[A-Za-z0-9+/]{40,}={0,2}$/.test(text)) return null;
  const token = parseJson(Buffer.from(text, 'base64').toString('utf8'));
  const expiresAtMs = isRecord(token) ? moment(numberMember(token, 'expiration')) : null;
  return expiresAtMs === null
    ? null
    : { expiresAtMs, issuedAtMs: expiresAtMs - ecrLifetimeMs, by: 'the expiration in the ECR token' };
}

/** Seconds since the epoch as milliseconds; null for what is no date of this century or so. */
function moment(seconds: number | null): number | null {
  const from2000 = 946_684_800;
  const to2200 = 7_258_118_400;
  return seconds === null || seconds < from2000 || seconds > to2200 ? null : Math.round(seconds * 1000);
}
