import type { DoneProbe } from '../model/investigation.ts';
import { matchesOf } from './credential-matches.ts';
import { limitOf } from './limit.ts';
import { partyName } from './origin.ts';
import { isForeignPage } from './page.ts';
import { requestsOf } from './requests.ts';
import { unsignedAnswer } from './unsigned.ts';
import type { View } from './view.ts';
import { stateOf } from './way-state.ts';
import { endpointWay, ownWaysOf } from './ways.ts';

/** The registry's answer about the image or about who asks, at an endpoint that works. */
export interface Refusal {
  readonly endpoint: number;
  readonly host: string;
  /** Where it was refused: by the token service, or at the manifest itself. */
  readonly at: 'token' | 'manifest';
  readonly status: number;
  /** The registry's words in one line. */
  readonly words: string;
  /** The proxy that may have said so itself, for the answer has no mark of a registry; null: it is the registry's. */
  readonly unsigned: string | null;
  /** Error codes in upper case. */
  readonly codes: readonly string[];
  /** That this client may not is said as the protocol has it: by a code of its errors, or by its challenge. */
  readonly inProtocol: boolean;
  /** The place of the decisive credentials among the plan's; -1: nobody asked. */
  readonly identity: number;
  /** Null: nobody asked (no credentials apply). */
  readonly username: string | null;
  readonly withCredentials: boolean;
  /** Credentials apply, and the registry demands none in a way that a runtime can answer: they were never sent. */
  readonly unsent: boolean;
  readonly challenge: string | null;
  /** Whether the token that was sent allows the pull by its own words; null: it does not tell, or none was sent. */
  readonly claimsPull: boolean | null;
  /** Why the registry does not take the token (`error` of its challenge, RFC 6750, section 3.1); null: it does not tell. */
  readonly tokenError: string | null;
  /** Nobody gets the manifest, though the credentials do not. */
  readonly anonymousWorks: boolean;
  readonly probes: readonly (DoneProbe<'auth'> | DoneProbe<'manifest'> | DoneProbe<'registry'>)[];
  readonly manifest: DoneProbe<'manifest'> | null;
}

/** The refusals that end the pull at each endpoint that answers: 4xx about the image or the one who asks. */
export function refusalsOf(view: View): Refusal[] {
  return view.plan.endpoints.flatMap((_, endpoint) => {
    const refusal = refusalOf(view, endpoint);
    return refusal === null ? [] : [refusal];
  });
}

function refusalOf(view: View, endpoint: number): Refusal | null {
  const way = endpointWay(view, endpoint);
  if (way === null || stateOf(view, way).open.length === 0) return null;
  const { identities, named, challenge, anonymousInstead, ping } = requestsOf(view, endpoint);
  if (named !== null) return null;
  // They are tried in order until one is not refused; while that one has not been heard, nothing is decided.
  const track = identities.find(({ refused }) => !refused) ?? identities.at(-1);
  if (track === undefined) return null;
  const decisive = track.token !== null && !track.token.facts.granted ? track.token : track.manifest;
  const status = decisive?.facts.status ?? null;
  // Any other failure with a status is not the registry's answer: a proxy's refusal of a plain request, for one.
  if (
    decisive?.error?.code !== 'http-status' ||
    decisive.status !== 'failed' ||
    status === null ||
    status < 400 ||
    status >= 500
  )
    return null;
  // What a proxy that is not set here says by itself is no answer about the image either.
  if (way.proxy === null && decisive.facts.proxyError !== null) return null;
  // Nor are the words of one that is.
  const realm = ownWaysOf(view, endpoint).find(({ id, hop }) => hop === 'realm' && id === decisive.facts.way);
  const asked = decisive.kind === 'auth' ? (realm ?? way) : way;
  const unsigned = unsignedAnswer(view, asked);
  if (unsigned?.proxys === true) return null;
  // A limit is not about this image, whatever status it comes with; a page is not a registry's answer.
  const codes = decisive.facts.errors.flatMap(({ code }) => (code === null ? [] : [code.toUpperCase()]));
  if (limitOf(decisive) !== null || isForeignPage(view, decisive)) return null;
  const anonymous = anonymousInstead?.manifest;
  // An entry with nothing in it is taken for nobody (containerd, ParseAuth).
  const nobody = matchesOf(view)[track.index]?.empty === true;
  const sent = track.index >= 0 && !nobody && (decisive.kind === 'auth' || decisive.facts.authorization !== 'none');
  const bearer = decisive.kind === 'manifest' && decisive.facts.authorization === 'bearer';
  return {
    endpoint,
    host: partyName(way),
    at: decisive.kind === 'auth' ? 'token' : 'manifest',
    status,
    words: decisive.error?.message ?? String(status),
    unsigned: unsigned !== null && asked.scheme === 'http' ? asked.proxy : null,
    codes,
    inProtocol: isInProtocol(decisive, codes),
    identity: track.index,
    username: sent ? decisive.facts.identity.username : null,
    withCredentials: sent,
    unsent: track.index >= 0 && !nobody && !sent,
    challenge: challenge?.scheme ?? null,
    claimsPull: bearer ? (track.token?.facts.claimsPull ?? null) : null,
    tokenError: bearer
      ? (track.manifest?.facts.challenges.find(({ scheme }) => scheme === 'bearer')?.error ?? null)
      : null,
    anonymousWorks: anonymous?.status === 'ok' && anonymous.facts.kind !== null,
    probes: [...(ping === null ? [] : [ping]), ...(track.token === null ? [] : [track.token]), decisive].filter(
      (probe, index, all) => all.findIndex((other) => other.id === probe.id) === index,
    ),
    manifest: track.manifest,
  };
}

/**
 * The protocol's codes of a refusal (distribution-spec, error codes; Harbor has FORBIDDEN), and the challenge that says that the
 * token opens something else (RFC 6750, section 3.1).
 */
const refusalCodes: ReadonlySet<string> = new Set(['DENIED', 'UNAUTHORIZED', 'FORBIDDEN', 'INSUFFICIENT_SCOPE']);

function isInProtocol({ facts }: DoneProbe<'auth'> | DoneProbe<'manifest'>, codes: readonly string[]): boolean {
  const coded = facts.bodyFormat === 'oci' && codes.some((code) => refusalCodes.has(code));
  return coded || facts.challenges?.some(({ error }) => error === 'insufficient_scope') === true;
}
