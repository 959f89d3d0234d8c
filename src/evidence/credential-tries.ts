import type { CredentialTry } from '../model/credential-try.ts';
import { type CredentialMatch, matchesOf } from './credential-matches.ts';
import { credentialTime } from './credential-time.ts';
import { type IdentityTrack, maxCredentials, requestsOf, untried } from './requests.ts';
import { idsOf, type View } from './view.ts';

/** Credentials that are told of at one endpoint although they were not tried. */
const maxUntried = 12;

type Outcome = Omit<CredentialTry, 'endpoint' | 'source' | 'key' | 'username' | 'ofPod'>;

/**
 * What became of each credential at each endpoint that was asked, in the kubelet's order, and of nobody beside them. Empty where
 * no credentials are known and no pod is: then there is nobody but nobody.
 */
export function credentialTries(view: View): readonly CredentialTry[] {
  const matches = matchesOf(view);
  if (matches.length === 0 && view.plan.pod === undefined) return [];
  return view.plan.endpoints.flatMap((_, endpoint) => {
    const { identities, anonymousInstead, named } = requestsOf(view, endpoint);
    const tracks = [...identities, ...(anonymousInstead === null ? [] : [anonymousInstead])];
    const more = untried(view, endpoint);
    if (tracks.every(({ token, manifest }) => token === null && manifest === null)) return [];
    const accepted = named === null ? null : named.facts.identity.index;
    const told = tracks.map((track) => ({
      endpoint,
      ...whoOf(matches, track.index),
      ...withTime(view, endpoint, track.index, outcomeOf(track, accepted, matches)),
    }));
    const left = more.slice(0, maxUntried).map((index) => ({
      endpoint,
      ...whoOf(matches, index),
      outcome: 'not-tried' as const,
      status: null,
      words: `not tried: Pullwhy tries the first ${maxCredentials}`,
      evidence: [],
    }));
    return [...told, ...left];
  });
}

function whoOf(
  matches: readonly CredentialMatch[],
  index: number,
): Pick<CredentialTry, 'source' | 'key' | 'username' | 'ofPod'> {
  const match = matches[index];
  return match === undefined
    ? { source: null, key: null, username: null, ofPod: false }
    : { source: match.source, key: match.key, username: match.username, ofPod: match.ofPod === true };
}

function outcomeOf(track: IdentityTrack, accepted: number | null, matches: readonly CredentialMatch[]): Outcome {
  const { token, manifest, refused, index } = track;
  const evidence = idsOf([token, manifest].filter((probe) => probe !== null));
  const decisive = token !== null && !token.facts.granted && token.facts.next === null ? token : manifest;
  if (decisive === null || decisive === undefined) {
    const why =
      accepted === null
        ? token === null
          ? 'not tried: the registry was not asked that far'
          : 'a token was given, and the manifest was not asked for with it'
        : index < 0
          ? 'not tried: credentials are accepted'
          : `not tried: the kubelet stops at the first that is accepted${whoIs(matches, accepted)}`;
    return { outcome: 'not-tried', status: null, words: why, evidence };
  }
  const { status } = decisive.facts;
  const at = decisive.kind === 'auth' ? ' at the token service' : '';
  if (refused)
    return {
      outcome: 'refused',
      status,
      words: `${decisive.error?.message ?? status ?? 'refused'}${at}`,
      evidence,
    };
  if (decisive.kind === 'manifest' && decisive.status === 'ok' && status !== null && status < 300) {
    // A registry that asks nobody for credentials is sent none.
    return index >= 0 && decisive.facts.authorization === 'none'
      ? { outcome: 'not-needed', status, words: `${status}: the manifest is given without asking for them`, evidence }
      : { outcome: 'accepted', status, words: `${status}: the manifest is given`, evidence };
  }
  return {
    outcome: 'failed',
    status,
    words: `${decisive.error?.message ?? `${status ?? 'no answer'}: no manifest`}${at}`,
    evidence,
  };
}

/** What is refused may say itself that its time is over. */
function withTime(view: View, endpoint: number, index: number, outcome: Outcome): Outcome {
  const time = outcome.outcome === 'refused' ? credentialTime(view, endpoint, index) : null;
  if (time === null || time.leftMs >= 0) return outcome;
  return { ...outcome, words: `${outcome.words}; expired at ${time.expiresAt} (${time.by})` };
}

function whoIs(matches: readonly CredentialMatch[], index: number): string {
  const match = matches[index];
  return match === undefined ? '' : ` (${match.source})`;
}
