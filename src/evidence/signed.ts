import type { DoneProbe } from '../model/investigation.ts';
import { probesOf, type View } from './view.ts';
import type { Way } from './way.ts';
import type { WayState } from './way-state.ts';

/** The probes whose answer comes over HTTP. */
export type HttpProbe = DoneProbe<'registry'> | DoneProbe<'auth'> | DoneProbe<'manifest'> | DoneProbe<'blob'>;

/** What says that an answer is a registry's: `sure`, or `weak` for what others say as well. */
export type Sign = 'sure' | 'weak';

/**
 * Whether an answer is a registry's (a token service's, a content host's), by what the distribution protocol has and what
 * others' pages lack: `sure` for its error body, a Bearer challenge, its version header, a manifest, a token, content that
 * fits its digest; `weak` for what registries may say and others say as well: a Basic challenge, which nginx before a
 * registry puts, and so does a filter's login, or a version check answered 200 without the header; null: none of these.
 */
export function signOf(probe: HttpProbe): Sign | null {
  const { facts } = probe;
  if (facts.bodyFormat === 'oci' && facts.errors.some(({ code }) => code !== null)) return 'sure';
  switch (probe.kind) {
    case 'auth':
      return probe.facts.granted ? 'sure' : null;
    case 'blob':
      return contentSign(probe);
    case 'manifest':
      if (probe.facts.kind !== null || probe.facts.digest !== null) return 'sure';
      return challengeSign(probe.facts.challenges);
    case 'registry': {
      const { apiVersion, challenges, status } = probe.facts;
      if (apiVersion !== null) return 'sure';
      return challengeSign(challenges) ?? (probe.status === 'ok' && status === 200 ? 'weak' : null);
    }
  }
}

/** True where only a registry answers so. */
export function isSigned(probe: HttpProbe): boolean {
  return signOf(probe) === 'sure';
}

/** The requests that were made on a way: the runtime's own, or those that were tried instead. */
export function requestsOn(view: View, endpoint: number, way: string, counterfactual: boolean): HttpProbe[] {
  return [
    ...probesOf(view, 'registry'),
    ...probesOf(view, 'manifest'),
    ...probesOf(view, 'auth'),
    ...probesOf(view, 'blob'),
  ].filter(
    (probe) => probe.endpoint === endpoint && probe.counterfactual === counterfactual && probe.facts.way === way,
  );
}

/** The best sign of several answers. */
export function bestSign(probes: readonly HttpProbe[]): Sign | null {
  const signs = probes.map(signOf);
  return signs.includes('sure') ? 'sure' : signs.includes('weak') ? 'weak' : null;
}

/**
 * Whether a way that was tried instead leads to the party: a handshake shows it over HTTPS, for its certificate was
 * checked. In plain HTTP a connection shows no more than that somebody takes it (a proxy that lives, a portal), and only
 * an answer that is a registry's counts.
 */
export function reachOf(view: View, way: Way, state: WayState): Sign | null {
  if (state.open.length === 0) return null;
  return way.scheme === 'https' ? 'sure' : bestSign(requestsOn(view, way.endpoint, way.id, true));
}

/** Content that came: by its digest, or by the form of a packed layer; else anybody may have sent it. */
function contentSign({ status, facts }: DoneProbe<'blob'>): Sign | null {
  const { digestMatches, archive, next } = facts;
  if (digestMatches === true) return 'sure';
  if (status !== 'ok' || next !== null) return null;
  return archive !== undefined && archive.problem === null && archive.compression !== 'none' ? 'sure' : 'weak';
}

function challengeSign(challenges: readonly { readonly scheme: string }[]): Sign | null {
  if (challenges.length === 0) return null;
  return challenges.some(({ scheme }) => scheme === 'bearer') ? 'sure' : 'weak';
}
