import type { HttpFacts, NextParty } from '../model/facts.ts';
import type { Hop } from '../model/investigation.ts';
import type { EndpointInfo } from '../model/plan.ts';
import { oncePerView } from './once.ts';
import { suspectOf } from './opened-by-proxy.ts';
import { originOf, wayId } from './origin.ts';
import { unsignedOf } from './plain-by-proxy.ts';
import { isUnanswered } from './silent-handshake.ts';
import { probesOf, type View } from './view.ts';
import type { Way } from './way.ts';
import { stateOf } from './way-state.ts';

/** Endpoints looked at: a node with more mirrors than this for one registry is not known. */
const maxEndpoints = 8;

/** Known proxies tried as counterfactuals. */
const maxKnownProxies = 3;

/** Every way that the plan and the facts so far lead to: the runtime's own first, then what would work instead. */
export const waysOf = oncePerView((view): readonly Way[] => {
  const ways = new Map<string, Way>();
  const add = (way: Way): void => {
    const key = `${way.endpoint} ${way.id} ${way.hop}`;
    if (!ways.has(key)) ways.set(key, way);
  };
  for (const way of ownWays(view)) add(way);
  for (const way of [...ways.values()]) for (const other of insteadOf(view, way)) add(other);
  return [...ways.values()];
});

/** The ways of one endpoint that are the runtime's own, in the order of a pull. */
export function ownWaysOf(view: View, endpoint: number): Way[] {
  return ownWays(view).filter((way) => way.endpoint === endpoint);
}

/** The way to the endpoint itself that counts: plain HTTP where the runtime falls back to it. */
export function endpointWay(view: View, endpoint: number): Way | null {
  return ownWays(view).findLast((way) => way.endpoint === endpoint && isEndpointHop(way.hop)) ?? null;
}

/** The runtime's own way to a party that an answer of this endpoint named; null while it is not known. */
export function wayTo(view: View, endpoint: number, party: NextParty, hop: Hop): Way | null {
  const { scheme, host, port, proxy } = party;
  const fits = (way: Way): boolean =>
    way.hop === hop && way.scheme === scheme && way.host === host && way.port === port && way.proxy === proxy;
  return ownWaysOf(view, endpoint).find(fits) ?? null;
}

/** The ways in plain HTTP, with and without a proxy, that are tried instead of one and take a request. */
export function plainInstead(view: View, { endpoint, hop, host, port }: Way): { way: Way; address: string }[] {
  return waysOf(view).flatMap((way) => {
    const other = way.scheme === 'http' && (way.instead === 'direct' || way.instead === 'by-proxy');
    if (!other || way.endpoint !== endpoint || way.hop !== hop || way.host !== host || way.port !== port) return [];
    const address = stateOf(view, way).open[0];
    return address === undefined ? [] : [{ way, address }];
  });
}

/** True for the hop of an endpoint itself, as against a realm or blob host. */
export function isEndpointHop(hop: Hop): boolean {
  return hop === 'registry' || hop === 'mirror';
}

/** A way with its name made of the other members; `tls` tells endpoints apart that check the same host differently. */
function named(way: Omit<Way, 'id'>, endpoint: EndpointInfo | undefined): Way {
  const id = wayId(way.scheme, way.host, way.port, way.proxy);
  const own = endpoint === undefined || way.scheme === 'http' ? '' : tlsSettings(endpoint);
  return { ...way, id: own === '' ? id : `${id}, TLS as set by ${own}` };
}

/** Where an endpoint's own CA, client certificate or `skip_verify` is set; empty when it has none. */
function tlsSettings({ ca, client, skipVerify, insecure, source }: EndpointInfo): string {
  return ca.length > 0 || client.length > 0 || skipVerify || insecure ? source : '';
}

const ownWays = oncePerView((view): readonly Way[] => {
  const ways: Way[] = [];
  view.plan.endpoints.slice(0, maxEndpoints).forEach((endpoint, index) => {
    const origin = originOf(endpoint.url);
    if (origin === null || endpoint.blocked) return;
    const hop: Hop = endpoint.role === 'mirror' ? 'mirror' : 'registry';
    const base = { hop, endpoint: index, proxy: endpoint.proxy, proxyReason: endpoint.proxyReason, instead: null };
    const first = named({ ...base, ...origin }, endpoint);
    ways.push(first);
    if (endpoint.httpFallback && origin.scheme === 'https') {
      const state = stateOf(view, first);
      if (state.broken?.layer === 'tls' && speaksPlain(state.broken.probes)) {
        ways.push(named({ ...base, ...origin, scheme: 'http' }, endpoint));
      }
    }
    for (const { party, hop: role, from } of partiesOf(view, index)) {
      // Where an answer leads that was not asked for by the runtime's own way (a portal's page), the runtime does not go.
      if (from !== null && !ways.some((way) => way.endpoint === index && way.id === from)) continue;
      const { scheme, host, port, proxy, proxyReason } = party;
      ways.push(named({ hop: role, endpoint: index, scheme, host, port, proxy, proxyReason, instead: null }, endpoint));
    }
  });
  return ways;
});

/** The realm and the redirect targets that answers of this endpoint name; `from`: the way of one asked for in addition. */
function partiesOf(view: View, endpoint: number): { party: NextParty; hop: Hop; from: string | null }[] {
  const found: { party: NextParty; hop: Hop; from: string | null }[] = [];
  const challenges = [...probesOf(view, 'registry'), ...probesOf(view, 'manifest')]
    .filter((probe) => probe.endpoint === endpoint && probe.facts.status === 401)
    // Of several the runtimes answer the first (containerd authorizer.go, AddResponses; docker_client.go).
    .flatMap(({ facts }) => facts.challenges.filter(({ scheme }) => scheme === 'bearer').slice(0, 1));
  for (const { party } of challenges) {
    if (party !== null) found.push({ party, hop: 'realm', from: null });
  }
  const redirects: { readonly endpoint: number | null; readonly counterfactual: boolean; readonly facts: HttpFacts }[] =
    [...probesOf(view, 'manifest'), ...probesOf(view, 'blob')];
  for (const { endpoint: of, counterfactual, facts } of redirects) {
    if (of === endpoint && facts.next !== null)
      found.push({ party: facts.next, hop: 'blob', from: counterfactual ? facts.way : null });
  }
  for (const { endpoint: of, counterfactual, facts } of probesOf(view, 'auth')) {
    if (of === endpoint && facts.next !== null)
      found.push({ party: facts.next, hop: 'realm', from: counterfactual ? facts.way : null });
  }
  return found;
}

/** The proxy itself, not the party behind it, refused a plain request. */
function refusedByProxy(view: View, way: Way): boolean {
  return [
    ...probesOf(view, 'registry'),
    ...probesOf(view, 'manifest'),
    ...probesOf(view, 'auth'),
    ...probesOf(view, 'blob'),
  ].some(
    ({ facts, error }) =>
      facts.way === way.id && (facts.proxyError !== null || error?.code.startsWith('proxy-') === true),
  );
}

/** What would work instead of a way that is broken. */
function insteadOf(view: View, way: Way): Way[] {
  const state = stateOf(view, way);
  const { broken } = state;
  if (
    broken === null &&
    way.proxy !== null &&
    way.scheme === 'http' &&
    (refusedByProxy(view, way) || unsignedOf(view, way) !== null)
  ) {
    return [named({ ...way, proxy: null, instead: 'direct' }, view.plan.endpoints[way.endpoint])];
  }
  if (broken === null && isEndpointHop(way.hop) && suspectOf(view, way) !== null) {
    return [named({ ...way, proxy: null, instead: 'direct' }, view.plan.endpoints[way.endpoint])];
  }
  if (broken === null && refusedHere(view, way)) {
    // The same request from another address: by the proxy that the runtime does not use, or without its own.
    const others = way.proxy !== null ? [null] : knownProxiesFor(view, way);
    const instead = way.proxy !== null ? ('direct' as const) : ('by-proxy' as const);
    return others.map((proxy) => named({ ...way, proxy, instead }, view.plan.endpoints[way.endpoint]));
  }
  if (broken === null) {
    if (!isEndpointHop(way.hop) || !unansweredPlain(view, way)) return [];
    return [named({ ...way, scheme: 'https', instead: 'https' }, view.plan.endpoints[way.endpoint])];
  }
  const others: Way[] = [];
  const add = (other: Partial<Way>): void => {
    others.push(named({ ...way, ...other }, view.plan.endpoints[way.endpoint]));
  };
  const beforeTls = broken.layer === 'dns' || broken.layer === 'tcp' || broken.layer === 'proxy';
  // Whoever speaks TLS behind a proxy may not be the host: what it shows without the proxy tells.
  if (way.proxy !== null && (beforeTls || broken.layer === 'tls')) add({ proxy: null, instead: 'direct' });
  // By another way the same host may show another certificate: then this one is not its own. And it may answer at all.
  const other = beforeTls || strangerSigned(broken.probes) || isUnanswered(state);
  if (way.proxy === null && other) {
    for (const proxy of knownProxiesFor(view, way)) add({ proxy, instead: 'by-proxy' });
  }
  if (broken.layer === 'tls' && way.scheme === 'https' && speaksPlain(broken.probes) && isEndpointHop(way.hop)) {
    add({ scheme: 'http', instead: 'plain-http' });
  }
  return others;
}

/** Proxies that are set somewhere on this node, and could be tried for this way. */
function knownProxiesFor(view: View, way: Way): string[] {
  const urls = view.plan.knownProxies.slice(0, maxKnownProxies).map(({ url }) => url);
  return urls.filter((url) => originOf(url)?.host !== way.host);
}

/** The endpoint answers the runtime's request for the manifest with 403, which may be meant for where it comes from. */
function refusedHere(view: View, way: Way): boolean {
  return (
    isEndpointHop(way.hop) &&
    probesOf(view, 'manifest').some(
      ({ endpoint, counterfactual, facts }) =>
        endpoint === way.endpoint && !counterfactual && facts.way === way.id && facts.status === 403,
    )
  );
}

/** Plain HTTP that the other side ends without an answer, as many servers do at a TLS port. */
function unansweredPlain(view: View, way: Way): boolean {
  if (way.scheme !== 'http') return false;
  const pings = probesOf(view, 'registry').filter(
    ({ facts, counterfactual }) => facts.way === way.id && !counterfactual,
  );
  const ends = ['closed', 'reset', 'http-malformed'];
  return pings.some(({ facts, error }) => facts.status === null && error !== null && ends.includes(error.code));
}

function strangerSigned(probes: readonly { readonly error: { readonly code: string } | null }[]): boolean {
  return probes.some((probe) => probe.error?.code === 'tls-unknown-authority');
}

function speaksPlain(probes: readonly { readonly error: { readonly code: string } | null }[]): boolean {
  return probes.some((probe) => probe.error?.code === 'tls-plain-answer');
}
