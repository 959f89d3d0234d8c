import type { HttpProbe } from './breaks.ts';

/**
 * Whether an answer is a registry's (a token service's, a content host's), by what the distribution protocol has and what
 * others' pages lack: `sure` for its error body, a Bearer challenge, its version header, a manifest, a token, content that
 * fits its digest; `weak` for what registries may say and others say as well: a Basic challenge, which nginx before a
 * registry puts, and so does a filter's login, or a version check answered 200 without the header; null: none of these.
 */
export function signOf(probe: HttpProbe): 'sure' | 'weak' | null {
  const { facts } = probe;
  if (facts.bodyFormat === 'oci' && facts.errors.some(({ code }) => code !== null)) return 'sure';
  switch (probe.kind) {
    case 'auth':
      return probe.facts.granted ? 'sure' : null;
    case 'blob':
      return probe.facts.digestMatches === true ? 'sure' : null;
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

function challengeSign(challenges: readonly { readonly scheme: string }[]): 'sure' | 'weak' | null {
  if (challenges.length === 0) return null;
  return challenges.some(({ scheme }) => scheme === 'bearer') ? 'sure' : 'weak';
}
