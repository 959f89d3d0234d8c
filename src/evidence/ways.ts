import type { HttpFacts, NextParty } from '../model/facts.ts';
import type { Hop } from '../model/investigation.ts';
import { originOf, wayId } from './origin.ts';
import { probesOf, type View } from './view.ts';
import type { Way } from './way.ts';
import { stateOf } from './way-state.ts';

/** Endpoints looked at: a node with more mirrors than this for one registry is not known. */
const maxEndpoints = 8;

/** Known proxies tried as counterfactuals. */
const maxKnownProxies = 3;

/** Every way that the plan and the facts so far lead to: the runtime's own first, then what would work instead. */
export function waysOf(view: View): Way[] {
  const ways = new Map<string, Way>();
  const add = (way: Way): void => {
    const key = `${way.endpoint} ${way.id} ${way.hop}`;
    if (!ways.has(key)) ways.set(key, way);
  };
  for (const way of ownWays(view)) add(way);
  for (const way of [...ways.values()]) for (const other of insteadOf(view, way)) add(other);
  return [...ways.values()];
}

/** The ways of one endpoint that are the runtime's own, in the order of a pull. */
export function ownWaysOf(view: View, endpoint: number): Way[] {
  return ownWays(view).filter((way) => way.endpoint === endpoint);
}

/** The way to the endpoint itself that counts: plain HTTP where the runtime falls back to it. */
export function endpointWay(view: View, endpoint: number): Way | null {
  return ownWays(view).findLast((way) => way.endpoint === endpoint && isEndpointHop(way.hop)) ?? null;
}

/** True for the hop of an endpoint itself, as against a realm or blob host. */
export function isEndpointHop(hop: Hop): boolean {
  return hop === 'registry' || hop === 'mirror';
}

function ownWays(view: View): Way[] {
  const ways: Way[] = [];
  view.plan.endpoints.slice(0, maxEndpoints).forEach((endpoint, index) => {
    const origin = originOf(endpoint.url);
    if (origin === null || endpoint.blocked) return;
    const hop: Hop = endpoint.role === 'mirror' ? 'mirror' : 'registry';
    const base = { hop, endpoint: index, proxy: endpoint.proxy, proxyReason: endpoint.proxyReason, instead: null };
    const first: Way = { ...base, ...origin, id: wayId(origin.scheme, origin.host, origin.port, endpoint.proxy) };
    ways.push(first);
    if (endpoint.httpFallback && origin.scheme === 'https') {
      const state = stateOf(view, first);
      if (state.broken?.layer === 'tls' && speaksPlain(state.broken.probes)) {
        ways.push({ ...base, ...origin, scheme: 'http', id: wayId('http', origin.host, origin.port, endpoint.proxy) });
      }
    }
    for (const { party, hop: role } of partiesOf(view, index)) {
      ways.push({
        id: wayId(party.scheme, party.host, party.port, party.proxy),
        hop: role,
        endpoint: index,
        scheme: party.scheme,
        host: party.host,
        port: party.port,
        proxy: party.proxy,
        proxyReason: party.proxyReason,
        instead: null,
      });
    }
  });
  return ways;
}

/** The realm and the redirect targets that answers of this endpoint name. */
function partiesOf(view: View, endpoint: number): { party: NextParty; hop: Hop }[] {
  const found: { party: NextParty; hop: Hop }[] = [];
  const challenges = [...probesOf(view, 'registry'), ...probesOf(view, 'manifest')]
    .filter((probe) => probe.endpoint === endpoint && probe.facts.status === 401)
    .flatMap((probe) => probe.facts.challenges);
  for (const { scheme, party } of challenges) {
    if (scheme === 'bearer' && party !== null) found.push({ party, hop: 'realm' });
  }
  const redirects: { readonly endpoint: number | null; readonly facts: HttpFacts }[] = [
    ...probesOf(view, 'auth'),
    ...probesOf(view, 'manifest'),
    ...probesOf(view, 'blob'),
  ];
  for (const { endpoint: of, facts } of redirects) {
    if (of === endpoint && facts.next !== null) found.push({ party: facts.next, hop: 'blob' });
  }
  return found;
}

/** What would work instead of a way that is broken. */
function insteadOf(view: View, way: Way): Way[] {
  const { broken } = stateOf(view, way);
  if (broken === null) return [];
  const others: Way[] = [];
  const beforeTls = broken.layer === 'dns' || broken.layer === 'tcp' || broken.layer === 'proxy';
  if (way.proxy !== null && beforeTls) {
    others.push({ ...way, id: wayId(way.scheme, way.host, way.port, null), proxy: null, instead: 'direct' });
  }
  if (way.proxy === null && beforeTls) {
    for (const { url } of view.plan.knownProxies.slice(0, maxKnownProxies)) {
      if (originOf(url)?.host === way.host) continue;
      others.push({ ...way, id: wayId(way.scheme, way.host, way.port, url), proxy: url, instead: 'by-proxy' });
    }
  }
  if (broken.layer === 'tls' && way.scheme === 'https' && speaksPlain(broken.probes) && isEndpointHop(way.hop)) {
    others.push({ ...way, id: wayId('http', way.host, way.port, way.proxy), scheme: 'http', instead: 'plain-http' });
  }
  return others;
}

function speaksPlain(probes: readonly { readonly error: { readonly code: string } | null }[]): boolean {
  return probes.some((probe) => probe.error?.code === 'tls-plain-answer');
}
