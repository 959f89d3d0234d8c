import type { AnyDoneProbe, DoneProbe } from '../model/investigation.ts';
import { leadsNowhere } from './dns-block.ts';
import { type DnsState, dnsState } from './dns-state.ts';
import { oncePerPart } from './once.ts';
import { originOf } from './origin.ts';
import { probesOf, type View } from './view.ts';
import type { Way } from './way.ts';

/** How far a way carries, from the probes so far. */
export interface WayState {
  /** The party that is connected to: the proxy, or the origin itself. */
  readonly connectHost: string;
  readonly connectPort: number;
  readonly dns: DnsState;
  readonly tcp: readonly DoneProbe<'tcp'>[];
  readonly connect: readonly DoneProbe<'proxy'>[];
  readonly tls: readonly DoneProbe<'tls'>[];
  /** Addresses on which a request can be sent, the runtime's order. */
  readonly open: readonly string[];
  /** The first layer at which nothing goes on, with the probes that show it; null while open or undecided. */
  readonly broken: { readonly layer: 'dns' | 'tcp' | 'proxy' | 'tls'; readonly probes: readonly AnyDoneProbe[] } | null;
}

/** Addresses on which a handshake is tried: more would tell nothing new. */
export const maxHandshakes = 4;

/** True when the proxy is asked for a tunnel: HTTPS origins. Plain HTTP goes to the proxy as it is. */
export function needsTunnel(way: Way): boolean {
  return way.proxy !== null && way.scheme === 'https';
}

/** What the probes so far say about a way. */
export const stateOf = oncePerPart((view, way: Way): WayState => {
  const state = carriedTo(view, way);
  const { dns, open, tcp } = state;
  // 0.0.0.0 is no address. It is connected to all the same, as the runtime does: this node itself may serve there.
  const nowhere = dns.effective !== null && leadsNowhere(dns.effective) && open.length === 0;
  if (!nowhere || (way.proxy !== null && tcp.some(({ status }) => status === 'ok'))) return state;
  return { ...state, broken: { layer: 'dns', probes: dns.answers.flatMap((answer) => [...answer.probes]) } };
});

function carriedTo(view: View, way: Way): WayState {
  const proxyOrigin = way.proxy === null ? null : originOf(way.proxy);
  const connectHost = proxyOrigin?.host ?? way.host;
  const connectPort = proxyOrigin?.port ?? way.port;
  const dns = dnsState(view, connectHost);
  const tcp = probesOf(view, 'tcp').filter(
    ({ facts }) => facts.host === connectHost && facts.port === connectPort && dns.addresses.includes(facts.address),
  );
  const connect = probesOf(view, 'proxy').filter(({ facts }) => facts.way === way.id);
  const tls = probesOf(view, 'tls').filter(({ facts }) => facts.way === way.id);
  const base = { connectHost, connectPort, dns, tcp, connect, tls };
  const undecided = { ...base, open: [], broken: null };

  if (dns.addresses.length === 0) {
    if (dns.pending) return undecided;
    return { ...base, open: [], broken: { layer: 'dns', probes: dns.answers.flatMap((answer) => [...answer.probes]) } };
  }
  const connected = dns.addresses.filter((address) =>
    tcp.some((probe) => probe.status === 'ok' && probe.facts.address === address),
  );
  if (connected.length === 0) {
    const all = !dns.pending && tcp.length >= dns.addresses.length;
    return all ? { ...base, open: [], broken: { layer: 'tcp', probes: tcp } } : undecided;
  }
  if (needsTunnel(way)) {
    if (connect.length === 0) return undecided;
    if (!connect.some((probe) => probe.status === 'ok'))
      return { ...base, open: [], broken: { layer: 'proxy', probes: connect } };
  }
  if (way.scheme === 'http') return { ...base, open: connected, broken: null };
  const shaken = connected.filter((address) =>
    tls.some((probe) => probe.status === 'ok' && probe.facts.address === address),
  );
  if (shaken.length > 0) return { ...base, open: shaken, broken: null };
  const wanted = needsTunnel(way) ? 1 : Math.min(connected.length, maxHandshakes);
  const decided = tls.length >= wanted && tcp.length >= dns.addresses.length;
  return decided ? { ...base, open: [], broken: { layer: 'tls', probes: tls } } : undecided;
}
