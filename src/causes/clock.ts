import type { Break } from '../evidence/breaks.ts';
import { originOf } from '../evidence/origin.ts';
import { probesOf, type View } from '../evidence/view.ts';
import type { CertificateFacts } from '../model/facts.ts';
import type { DoneProbe } from '../model/investigation.ts';

/** The handshake that speaks for the way: the first that failed by a check, else the first. */
export function telling(hop: Break): DoneProbe<'tls'> | null {
  const { tls } = hop.state;
  return tls.find((probe) => probe.error?.code.startsWith('tls-') === true) ?? tls[0] ?? null;
}

/** The certificate of a handshake's chain that failed the check. */
export function failedCertificate(handshake: DoneProbe<'tls'>): CertificateFacts | null {
  const { chain, failedCertificate: at } = handshake.facts;
  return chain[at ?? 0] ?? null;
}

/** Below this a difference is the network's delay and the Date header's resolution of a second. */
const toleranceMs = 60_000;

/** A node's clock that is wrong by the word of every answer with a date, so that a valid certificate looks invalid. */
export interface ClockSkew {
  /** The node's clock minus the answers', milliseconds. */
  readonly offsetMs: number;
  readonly evidence: readonly string[];
  /** How many hosts say so: a single one may be the one whose clock is wrong. */
  readonly witnesses: number;
}

/**
 * The certificate's time has passed or has not come by this node's clock, and holds by the clock of those who answered.
 * Null: it is the certificate, or nobody told the time, or those who told it do not agree.
 *
 * The word of the accused host alone is not enough to clear a certificate that has expired: a host whose own clock has
 * stopped also fails to renew it. A certificate whose time has not come has a second witness in the authority that
 * signed it.
 */
export function clockSkew(hop: Break, view: View): ClockSkew | null {
  const skew = toldSkew(hop, view);
  return skew === null || skew.accusedAlone ? null : skew;
}

/** An expired certificate that holds by the clock of the very host that presents it, and of no other. */
export function clearsItself(hop: Break, view: View): ClockSkew | null {
  const skew = toldSkew(hop, view);
  return skew?.accusedAlone === true ? skew : null;
}

/** Answers by whose Date this node's clock is right, one for each host. */
export function clockWitnesses(view: View): readonly string[] {
  return byHost(datesOf(view).filter(({ offsetMs }) => Math.abs(offsetMs) <= toleranceMs)).map(({ id }) => id);
}

function toldSkew(hop: Break, view: View): (ClockSkew & { readonly accusedAlone: boolean }) | null {
  const handshake = telling(hop);
  const code = handshake?.error?.code;
  if (handshake === null || view.startedAtMs === null) return null;
  if (code !== 'tls-expired' && code !== 'tls-not-yet-valid') return null;
  const certificate = failedCertificate(handshake);
  const dated = datesOf(view);
  const [first] = dated;
  if (first === undefined || certificate === null || Math.abs(first.offsetMs) <= toleranceMs) return null;
  if (dated.some(({ offsetMs }) => Math.abs(offsetMs - first.offsetMs) > toleranceMs)) return null;
  const right = view.startedAtMs - first.offsetMs;
  const valid = Date.parse(certificate.notBefore) <= right && right <= Date.parse(certificate.notAfter);
  if (!valid) return null;
  const witnesses = byHost(dated);
  return {
    offsetMs: first.offsetMs,
    evidence: [handshake.id, ...witnesses.map(({ id }) => id)],
    witnesses: witnesses.length,
    accusedAlone: code === 'tls-expired' && witnesses.every(({ host }) => host === hop.way.host),
  };
}

interface ToldDate {
  readonly id: string;
  readonly offsetMs: number;
  readonly host: string | undefined;
}

/** Every answer that told the time. */
function datesOf(view: View): ToldDate[] {
  const answers = [
    ...probesOf(view, 'registry'),
    ...probesOf(view, 'manifest'),
    ...probesOf(view, 'auth'),
    ...probesOf(view, 'blob'),
  ].map(({ id, facts }) => ({ id, offsetMs: facts.clockOffsetMs, host: originOf(facts.url)?.host }));
  const asked = probesOf(view, 'clock').map(({ id, facts }) => ({ id, offsetMs: facts.offsetMs, host: facts.host }));
  return [...answers, ...asked].flatMap(({ offsetMs, ...rest }) => (offsetMs === null ? [] : [{ ...rest, offsetMs }]));
}

/** The first of each host. */
function byHost(dates: readonly ToldDate[]): ToldDate[] {
  return dates.filter(({ host }, index) => dates.findIndex((other) => other.host === host) === index);
}

/** `2 days behind`, `5 min ahead`. */
export function skewWords(offsetMs: number): string {
  const minutes = Math.round(Math.abs(offsetMs) / 60_000);
  const hours = Math.round(minutes / 60);
  const size = minutes < 120 ? `${minutes} min` : hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
  return `${size} ${offsetMs < 0 ? 'behind' : 'ahead'}`;
}
