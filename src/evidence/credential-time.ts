import { matchesOf } from './credential-matches.ts';
import type { Refusal } from './refusal.ts';
import { probesOf, type View } from './view.ts';

/** When a credential of the plan ends, seen from now. */
export interface CredentialTime {
  readonly username: string;
  readonly source: string;
  /** RFC 3339. */
  readonly expiresAt: string;
  /** What says so. */
  readonly by: string;
  /** Milliseconds; negative once it is over. */
  readonly leftMs: number;
  /** From its beginning to its end; null where it does not say when it began. */
  readonly lifetimeMs: number | null;
}

/** The time that a credential states of itself, against the registry's clock where an answer tells it, else this node's. */
export function credentialTime(view: View, endpoint: number, index: number): CredentialTime | null {
  const match = matchesOf(view)[index];
  const stated = match?.lifetime;
  if (match === undefined || stated === undefined || view.startedAtMs === null) return null;
  const expires = Date.parse(stated.expiresAt);
  const issued = stated.issuedAt === null ? Number.NaN : Date.parse(stated.issuedAt);
  if (Number.isNaN(expires)) return null;
  return {
    username: match.username,
    source: match.source,
    expiresAt: stated.expiresAt,
    by: stated.by,
    leftMs: expires - (view.startedAtMs - clockOffset(view, endpoint)),
    lifetimeMs: Number.isNaN(issued) || issued >= expires ? null : expires - issued,
  };
}

/** The node's clock minus that of the registry or its token service, ms; 0 where no answer of theirs is dated. */
function clockOffset(view: View, endpoint: number): number {
  const answers = [...probesOf(view, 'registry'), ...probesOf(view, 'auth'), ...probesOf(view, 'manifest')];
  const dated = answers.find((probe) => probe.endpoint === endpoint && probe.facts.clockOffsetMs !== null);
  return dated?.facts.clockOffsetMs ?? 0;
}

/**
 * The credentials that were refused are past the time that they state of themselves, and it is the login that was
 * refused: with a token that the service gave for them, they were accepted.
 */
export function lapsedByClaim(view: View, refusal: Refusal): CredentialTime | null {
  if (!refusal.withCredentials) return null;
  const login = refusal.at === 'token' || refusal.challenge !== 'bearer';
  if (!login || (refusal.status !== 401 && refusal.status !== 403)) return null;
  const time = credentialTime(view, refusal.endpoint, refusal.identity);
  return time !== null && time.leftMs < 0 ? time : null;
}
