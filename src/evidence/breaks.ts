import type { AnyDoneProbe, DoneProbe, Hop } from '../model/investigation.ts';
import { limitOf } from './limit.ts';
import { oncePerView } from './once.ts';
import { isForeignPage } from './page.ts';
import { requestsOf } from './requests.ts';
import type { HttpProbe } from './signed.ts';
import { unsignedAnswer } from './unsigned.ts';
import { probesOf, type View } from './view.ts';
import type { Way } from './way.ts';
import { stateOf, type WayState } from './way-state.ts';
import { isEndpointHop, ownWaysOf, waysOf } from './ways.ts';

/** A hop of the runtime's own way at which the pull cannot go on, for reasons other than the image or who asks. */
export interface Break {
  readonly endpoint: number;
  /** The party's part in the pull: an endpoint, the realm, or where the content lies. */
  readonly hop: Hop;
  readonly way: Way;
  readonly state: WayState;
  readonly layer: 'dns' | 'tcp' | 'proxy' | 'tls' | 'http';
  /** What shows it. */
  readonly probes: readonly AnyDoneProbe[];
  /** The exchange that failed, for layer `http`. */
  readonly exchange: HttpProbe | null;
  /** Nameservers that do not agree, where that is what breaks the way. */
  readonly inconsistent: boolean;
  /** Whether the proxy or the registry behind it gave the answer is not known. */
  readonly unsigned: boolean;
}

/** Every break, endpoints in order, each endpoint's hops in the order of a pull. */
export const breaksOf = oncePerView((view): readonly Break[] =>
  view.plan.endpoints.flatMap((_, endpoint) => endpointBreaks(view, endpoint)),
);

/** The ways that were tried instead of `way`, with what became of them. */
export function insteadOfWay(view: View, way: Way, instead: Way['instead']): { way: Way; state: WayState }[] {
  return waysOf(view)
    .filter(
      (other) =>
        other.endpoint === way.endpoint &&
        other.instead === instead &&
        other.host === way.host &&
        other.port === way.port,
    )
    .map((other) => ({ way: other, state: stateOf(view, other) }));
}

/** Handshakes that show TLS at a port that was spoken to in plain HTTP and gave no answer: done, or refused as TLS does. */
export function tlsInstead(view: View, hop: Break): readonly DoneProbe<'tls'>[] {
  return insteadOfWay(view, hop.way, 'https').flatMap(({ state }) =>
    state.tls.filter(
      ({ status, error }) =>
        status === 'ok' || (error?.code.startsWith('tls-') === true && error.code !== 'tls-plain-answer'),
    ),
  );
}

function endpointBreaks(view: View, endpoint: number): Break[] {
  const breaks: Break[] = [];
  const ways = ownWaysOf(view, endpoint);
  const fellBack = ways.filter((way) => isEndpointHop(way.hop)).length > 1;
  for (const way of ways) {
    const state = stateOf(view, way);
    const base = { endpoint, hop: way.hop, way, state, exchange: null, inconsistent: false, unsigned: false };
    if (state.broken !== null) {
      // HTTPS that gave way to plain HTTP, as the runtime does, is no break.
      if (fellBack && isEndpointHop(way.hop) && way.scheme === 'https') continue;
      breaks.push({ ...base, layer: state.broken.layer, probes: state.broken.probes });
      continue;
    }
    const disagreement = nameserversBreak(state);
    if (disagreement.length > 0) breaks.push({ ...base, layer: 'dns', probes: disagreement, inconsistent: true });
    const unsigned = unsignedAnswer(view, way);
    const failed = failedExchange(view, way, endpoint);
    const exchange = failed ?? (unsigned?.proxys === true ? unsigned.exchange : null);
    if (exchange !== null) {
      const squid = exchange.facts.proxyError;
      const marked =
        way.proxy !== null &&
        way.scheme === 'http' &&
        (squid !== null || exchange.error?.code.startsWith('proxy-') === true);
      // A proxy that nobody has set here, or the registry's own: its word is a sign.
      const hidden = way.proxy === null && squid !== null;
      const byProxy = marked || unsigned?.proxys === true || (hidden && squid.includes('ERR_ACCESS_DENIED'));
      const hop = exchange.kind === 'blob' ? 'blob' : way.hop;
      breaks.push({
        ...base,
        hop,
        layer: byProxy ? 'proxy' : 'http',
        probes: [exchange],
        exchange,
        unsigned: hidden || (!marked && unsigned?.by === 'unclear'),
      });
    }
  }
  return breaks;
}

/**
 * The resolver's own answer fails or leads nowhere while another nameserver's would do: the runtime fails although the
 * probes, which try all addresses, get through.
 */
function nameserversBreak(state: WayState): readonly DoneProbe<'dns'>[] {
  const { dns, open } = state;
  if (dns.pending || dns.effective === null || open.length === 0) return [];
  const all = dns.answers.flatMap((answer) => [...answer.probes]);
  if (dns.effective.outcome !== 'answered') return all;
  const { addresses } = dns.effective;
  return addresses.some((address) => open.includes(address)) ? [] : all;
}

/** The exchange on a way that failed for a reason that lies with the party, and stopped the pull. */
function failedExchange(view: View, way: Way, endpoint: number): HttpProbe | null {
  const requests = requestsOf(view, endpoint);
  const mine = (probe: HttpProbe): boolean => probe.facts.way === way.id && !probe.counterfactual;
  const blobs = probesOf(view, 'blob').filter((probe) => probe.endpoint === endpoint && mine(probe));
  const blob = blobs.find((probe) => probe.status === 'failed');
  if (way.hop === 'blob') {
    const manifest = probesOf(view, 'manifest').find(
      (probe) => probe.endpoint === endpoint && mine(probe) && probe.status === 'failed',
    );
    return blob ?? manifest ?? null;
  }
  if (way.hop === 'realm') {
    const own = requests.identities.flatMap(({ token }) => (token === null ? [] : [token]));
    return own.find((probe) => mine(probe) && !probe.facts.granted && isPartysFault(view, probe)) ?? null;
  }
  const { ping } = requests;
  // CRI-O takes 200 and 401 for a registry, and asks nothing more after any other answer (docker_client.go, detectProperties).
  const pinged = ping?.facts.status === 200 || ping?.facts.status === 401;
  if (view.runtime.name === 'cri-o' && ping?.status === 'failed' && !pinged && mine(ping)) return ping;
  if (requests.image !== null) return blob ?? null;
  const manifests = probesOf(view, 'manifest').filter((probe) => probe.endpoint === endpoint && mine(probe));
  const manifest = manifests.find((probe) => probe.status === 'failed' && isPartysFault(view, probe));
  if (manifest !== undefined) return manifest;
  if (requests.named !== null) return null;
  // The version check decides only where nothing behind it answered: some mirrors serve no /v2/ and work.
  const answered = manifests.some((probe) => probe.facts.status !== null);
  return ping !== null && ping.status === 'failed' && !answered && mine(ping) ? ping : null;
}

/** True unless the answer is about the image or about who asks (401, 403, 404). */
function isPartysFault(view: View, probe: HttpProbe): boolean {
  const { status } = probe.facts;
  if (probe.error?.code !== 'http-status' || status === null) return true;
  if (status >= 500 || limitOf(probe) !== null) return true;
  // An HTML page with 404 or 403 is what a portal, a gateway or the wrong server says.
  if (isForeignPage(view, probe)) return true;
  return ![401, 403, 404].includes(status);
}
