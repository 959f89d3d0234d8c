import type { CredentialTry } from '../model/credential-try.ts';
import { type CredentialMatch, matchesOf } from './credential-matches.ts';
import { type IdentityTrack, requestsOf } from './requests.ts';
import { idsOf, type View } from './view.ts';

/** Identities that are told of at one endpoint. */
const maxTries = 16;

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
    if (tracks.every(({ token, manifest }) => token === null && manifest === null)) return [];
    const accepted = named === null ? null : named.facts.identity.index;
    return tracks
      .slice(0, maxTries)
      .map((track) => ({ endpoint, ...whoOf(matches, track.index), ...outcomeOf(track, accepted, matches) }));
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

function outcomeOf(
  track: IdentityTrack,
  accepted: number | null,
  matches: readonly CredentialMatch[],
): Omit<CredentialTry, 'endpoint' | 'source' | 'key' | 'username' | 'ofPod'> {
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
      words: `${status ?? 'refused'}${at}: ${decisive.error?.message ?? 'refused'}`,
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
    words: `${status ?? 'no answer'}${at}: ${decisive.error?.message ?? 'no manifest'}`,
    evidence,
  };
}

function whoIs(matches: readonly CredentialMatch[], index: number): string {
  const match = matches[index];
  return match === undefined ? '' : ` (${match.source})`;
}
