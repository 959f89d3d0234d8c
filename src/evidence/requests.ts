import type { ChallengeFacts } from '../model/facts.ts';
import type { DoneProbe } from '../model/investigation.ts';
import { matchesOf, pluginMatches } from './credential-matches.ts';
import { askedElsewhere } from './elsewhere.ts';
import { oncePerPart } from './once.ts';
import { probesOf, type View } from './view.ts';
import { endpointWay, ownWaysOf } from './ways.ts';

/** How far the registry's own protocol got at one endpoint. */
export interface Requests {
  readonly ping: DoneProbe<'registry'> | null;
  /** The challenge that the registry puts, bearer before basic; null while it has put none. */
  readonly challenge: ChallengeFacts | null;
  /** Identities in the order in which they are tried: the node's credentials, or nobody. */
  readonly identities: readonly IdentityTrack[];
  /** The identity that is not the runtime's own: nobody, after credentials were refused. */
  readonly anonymousInstead: IdentityTrack | null;
  /** The manifest that the image reference names, once one identity got it; else null. */
  readonly named: DoneProbe<'manifest'> | null;
  /** The manifest with the layers: the named one, or the index's entry for this platform. */
  readonly image: DoneProbe<'manifest'> | null;
}

/** One identity's token and manifest at one endpoint. */
export interface IdentityTrack {
  /** -1: nobody. */
  readonly index: number;
  readonly token: DoneProbe<'auth'> | null;
  readonly manifest: DoneProbe<'manifest'> | null;
  /** The registry or its realm refuses this identity, or says that what it asks for is not there for it. */
  readonly refused: boolean;
}

/** Credentials tried at most: the kubelet has no bound, but a secret with more fitting entries is not known. */
export const maxCredentials = 4;

/** What the probes so far say about the requests at an endpoint. */
export const requestsOf = oncePerPart((view, endpoint: number): Requests => {
  const way = endpointWay(view, endpoint);
  const ping = probesOf(view, 'registry').findLast(
    (probe) => probe.endpoint === endpoint && !probe.counterfactual && probe.facts.way === way?.id,
  );
  const elsewhere = askedElsewhere(view, endpoint).map(({ id }) => id);
  const manifests = probesOf(view, 'manifest').filter(
    (probe) => probe.endpoint === endpoint && !elsewhere.includes(probe.id),
  );
  // What is asked by another way only shows who answers there.
  const own = new Set(ownWaysOf(view, endpoint).map(({ id }) => id));
  const tokens = probesOf(view, 'auth').filter(
    (probe) => probe.endpoint === endpoint && (!probe.counterfactual || own.has(probe.facts.way)),
  );
  const challenge = chosen([
    ...(ping?.facts.status === 401 ? ping.facts.challenges : []),
    ...manifests.filter(({ facts }) => facts.status === 401).flatMap(({ facts }) => facts.challenges),
  ]);

  const track = (index: number): IdentityTrack => {
    const token = tokens.findLast(({ facts }) => facts.identity.index === index && facts.next === null) ?? null;
    const named = manifests.filter(({ facts }) => facts.identity.index === index && facts.part === 'named');
    const manifest = named.findLast(({ facts }) => facts.next === null) ?? null;
    const denied = (status: number | null | undefined): boolean => status === 401 || status === 403;
    const tokenDenied = token !== null && !token.facts.granted && denied(token.facts.status);
    return {
      index,
      token,
      manifest,
      refused: tokenDenied || (denied(manifest?.facts.status) && !awaitsAuthorization(manifest)),
    };
  };
  /** The first, bare request was challenged, and there is an answer to the challenge that has not been tried. */
  const awaitsAuthorization = (manifest: DoneProbe<'manifest'> | null): boolean =>
    manifest?.facts.authorization === 'none' &&
    manifest.facts.status === 401 &&
    (challenge?.scheme === 'bearer' || (challenge?.scheme === 'basic' && manifest.facts.identity.index >= 0));

  const matches = credentialsAt(view, endpoint).slice(0, maxCredentials);
  const offered = matches.length === 0 ? [track(-1)] : matches.map(track);
  const got =
    offered.find(({ manifest }) => manifest?.status === 'ok' && manifest.facts.kind !== null)?.manifest ?? null;
  const platform =
    manifests.find(({ facts, status }) => status === 'ok' && facts.part === 'platform' && facts.kind === 'image') ??
    null;
  return {
    ping: ping ?? null,
    challenge,
    identities: offered,
    anonymousInstead: matches.length === 0 ? null : track(-1),
    named: got,
    image: got === null ? null : got.facts.kind === 'image' ? got : platform,
  };
});

/**
 * Which credentials the runtime offers at an endpoint, by index. Its own files' go to the host that they are for, and to
 * no other (ParseAuth in containerd's image_pull.go; containers/image pkg/docker/config). Of the kubelet's: containerd offers the kubelet's to every host that asks,
 * mirrors included; CRI-O only to the image's own host (pull-facts, section 5; containers/image docker_client.go).
 */
function credentialsAt(view: View, endpoint: number): number[] {
  // The runtime's own count only where the kubelet hands none over.
  const handed = pluginMatches(view).length > 0;
  const info = view.plan.endpoints[endpoint];
  const own = info === undefined || info.reference.startsWith(`${view.plan.image.registry}/`);
  const crio = view.runtime.name === 'cri-o';
  const url = info !== undefined && URL.canParse(info.url) ? new URL(info.url).host : '';
  const host = crio ? (info?.reference.split('/', 1)[0] ?? '') : url;
  return matchesOf(view).flatMap(({ sentTo }, index) => {
    const offered = sentTo === undefined ? own || !crio : sentTo === host && !handed;
    return offered ? [index] : [];
  });
}

/** Credentials that the runtime would offer at an endpoint behind those that are tried here, by index. */
export function untried(view: View, endpoint: number): readonly number[] {
  return credentialsAt(view, endpoint).slice(maxCredentials);
}

/** Bearer before basic, as the runtimes choose. */
function chosen(challenges: readonly ChallengeFacts[]): ChallengeFacts | null {
  return (
    challenges.find(({ scheme }) => scheme === 'bearer') ?? challenges.find(({ scheme }) => scheme === 'basic') ?? null
  );
}
