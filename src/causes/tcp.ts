import type { Break } from '../evidence/breaks.ts';
import { isLoopback, isPublicName } from '../evidence/dns-block.ts';
import { smallExchange, whySilent } from '../evidence/silent-handshake.ts';
import { idsOf, probesOf, type View } from '../evidence/view.ts';
import { stateOf } from '../evidence/way-state.ts';
import { isEndpointHop, waysOf } from '../evidence/ways.ts';
import { bracketed } from '../lib/url-text.ts';
import type { CauseId } from '../model/cause-id.ts';
import type { DoneProbe, Remedy } from '../model/investigation.ts';
import type { NetworkFailure } from '../model/network-failure.ts';
import { matchBreaks } from './break-match.ts';
import { type Cause, type CauseArgs, type Match, remedy } from './cause.ts';
import { byWhat, foundBy, foundByAdvice } from './found-by.ts';
import { answerOf, answersInstead, byProxyOpen, onwardCause, said } from './proxy-answer.ts';
import { tcpFailure } from './tcp-failure.ts';

/** Directly connected to, and no proxy known here would do: the plain TCP causes. */
function directFailure(hop: Break, view: View): NetworkFailure | 'rpc' | null {
  if (hop.way.proxy !== null || byProxyOpen(hop, view) !== null) return null;
  return tcpFailure(hop.state.tcp);
}

function where(hop: Break): CauseArgs {
  const addresses = hop.state.tcp.map((probe) => bracketed(probe.facts.address));
  return {
    detail: addresses.join(', '),
    port: String(hop.state.connectPort),
    ...foundBy(hop.state.dns, hop.state.connectHost),
    ...ledToSelf(hop),
  };
}

/** A public name that leads to this node itself, and who says so. */
function ledToSelf({ state }: Break): CauseArgs {
  const { effective } = state.dns;
  const onlySelf = state.tcp.every(({ facts }) => isLoopback(facts.address));
  if (effective?.outcome !== 'answered' || !onlySelf || !isPublicName(state.connectHost)) return {};
  return { self: 'yes', ...(effective.order < 0 ? {} : { nameserver: effective.nameserver }) };
}

function when(codes: readonly NetworkFailure[], cause: CauseId) {
  return (view: View): Match[] => [
    ...matchBreaks(['tcp'], (hop) => {
      const code = directFailure(hop, view);
      return code !== null && codes.some((one) => one === code) ? { args: where(hop) } : null;
    })(view),
    ...byProxy(cause)(view),
  ];
}

/** The proxy says that it meets this failure at the registry. */
export function byProxy(cause: CauseId) {
  return matchBreaks(['proxy'], (hop, view) =>
    onwardCause(hop, view) === cause
      ? {
          confidence: 'likely',
          args: {
            host: hop.way.host,
            port: String(hop.way.port),
            detail: `so says the proxy ${hop.way.proxy}: ${said(answerOf(hop))}`,
          },
        }
      : null,
  );
}

const hostPort = ({ host, port }: CauseArgs): string =>
  host === undefined ? 'the registry' : port === undefined ? host : `${bracketed(host)}:${port}`;
const at = (args: CauseArgs): string =>
  `${hostPort(args)}${args.detail === undefined || args.detail === args.host ? '' : ` (${args.detail}${byWhat(args)})`}`;
/** `127.0.0.1, by nameserver 10.0.0.2`. */
const selfBy = (args: CauseArgs): string =>
  `${args.detail ?? 'its own address'}${byWhat(args)}${args.nameserver === undefined ? '' : `, by nameserver ${args.nameserver}`}`;
/** Before any other advice: the address itself may be wrong. */
const wrongAddress = (args: CauseArgs): Remedy[] => {
  if (args.self === 'yes' && args.nameserver !== undefined) {
    const { host, nameserver } = args;
    return [
      remedy(
        `If ${host ?? 'the registry'} is not meant to be on this node, nameserver ${nameserver} blocks it, as filters do: ask whoever runs it to allow the name, or let this node ask another nameserver.`,
        `dig ${host ?? 'HOST'} @${nameserver}`,
      ),
    ];
  }
  const advice = foundByAdvice(args);
  return advice === null ? [] : [remedy(advice, `getent ahosts ${args.host ?? 'HOST'}`)];
};
const connect = ({ host, port }: CauseArgs): string =>
  `curl -sv --connect-timeout 5 telnet://${bracketed(host ?? 'HOST')}:${port ?? '443'} </dev/null`;

/** Causes between a known address and an open connection. */
export const tcpCauses: readonly Cause[] = [
  {
    id: 'no-route',
    layer: 'tcp',
    scenario: 3,
    title: 'No route to the registry',
    fixedBy: 'network',
    proof: 'The kernel or a router answers "network unreachable" or "host unreachable" to the connection.',
    say: (args) =>
      `From this node ${at(args)} cannot be reached: its kernel or a router says "unreachable", for want of a route or by a firewall's rule.`,
    remedies: (args) => [
      ...wrongAddress(args),
      remedy(
        "Look at the node's routes to that address:",
        `ip route get ${args.detail?.split(',')[0]?.replace(/^\[|\]$/g, '') ?? 'ADDRESS'}`,
      ),
      remedy(
        'A missing default route, a VPN or tunnel that is down, or a firewall that rejects, here (nft list ruleset) or on the way, gives this answer.',
      ),
    ],
    match: (view) => [...when(['unreachable'], 'no-route')(view), ...unreachableNameservers(view)],
  },
  {
    id: 'tcp-refused',
    layer: 'tcp',
    scenario: 3,
    title: "The registry's port refuses",
    fixedBy: 'registry',
    proof: 'The connection is answered with a reset at once, on every address.',
    say: (args) =>
      args.self === 'yes'
        ? `${hostPort(args)} leads to this node itself (${selfBy(args)}), and nothing listens there: the registry is not asked at all.`
        : `${args.host === undefined ? 'The registry' : at(args)} refuses the connection: nothing listens there, or a firewall rejects it.`,
    remedies: (args) => [
      ...wrongAddress(args),
      remedy(`Check that something listens at ${at(args)}, and that host and port are the right ones:`, connect(args)),
      remedy('If it listens there, look for a firewall rule that rejects with a reset.'),
    ],
    match: when(['refused'], 'tcp-refused'),
  },
  {
    id: 'tcp-timeout',
    layer: 'tcp',
    scenario: 3,
    title: 'Packets to the registry vanish',
    fixedBy: 'network',
    proof:
      'Three connection requests in over three seconds get no answer on any address, not even a refusal; or two, where the runtime has just given up on it.',
    say: (args) => `Nothing comes back from ${at(args)}: packets vanish on the way, as when a firewall drops them.`,
    remedies: (args) => [
      ...wrongAddress(args),
      remedy(
        `Open ${at(args)} for this node's address in the firewall, security group or network policy between them.`,
      ),
      remedy(
        'If this network wants a proxy for the outside, set it for the container runtime.',
        `systemctl edit ${args.unit ?? 'containerd'}   # [Service] Environment=HTTPS_PROXY=http://PROXY:3128`,
      ),
      remedy('See where the packets end:', `traceroute -T -p ${args.port ?? '443'} ${args.host ?? 'HOST'}`),
    ],
    match: when(['timeout', 'not-permitted'], 'tcp-timeout'),
  },
  {
    id: 'tcp-reset',
    layer: 'tcp',
    scenario: 3,
    title: 'The connection is reset',
    fixedBy: 'network',
    proof:
      'The peer, or something in its name, sends a reset during the handshake or right after it, on every address.',
    say: (args) =>
      `The connection to ${at(args)} is reset as soon as it is used: a firewall or load balancer between cuts it.`,
    remedies: (args) => [
      remedy(
        'A middlebox that filters by name or a load balancer without a healthy backend does this. Compare from another network:',
        connect(args),
      ),
    ],
    match: (view) => [
      ...when(['reset', 'closed'], 'tcp-reset')(view),
      ...matchBreaks(['tls'], (hop, all) =>
        hop.state.tls.every((probe) => probe.error?.code === 'reset') && answersInstead(hop, all) === null
          ? { args: where(hop) }
          : null,
      )(view),
    ],
  },
  {
    id: 'some-addresses-unreachable',
    layer: 'tcp',
    scenario: 3,
    title: "Some of the registry's addresses are dead",
    fixedBy: 'network',
    proof: 'Every address that the nameservers give is connected to; some answer and some do not.',
    say: ({ host, detail }) =>
      `Some addresses of ${host ?? 'the registry'} do not work${detail === undefined ? '' : ` (${detail})`}: pulls work, and are slow or fail now and then.`,
    remedies: ({ host }) => [
      remedy(
        `Take the dead addresses out of the DNS records of ${host ?? 'the registry'}, or repair the way to them (IPv6 that is announced and not routed, for one).`,
      ),
    ],
    match: deadAddresses,
  },
  {
    id: 'mtu-black-hole',
    layer: 'tcp',
    scenario: 3,
    title: 'Large packets vanish',
    fixedBy: 'network',
    proof: 'A small exchange passes on the connection, and the large one after it does not.',
    say: (args) =>
      `Small packets reach ${at(args)} and large ones vanish: the path's MTU is smaller than the node believes, and the message that says so is dropped.`,
    remedies: ({ host }) => [
      remedy(
        'Lower the MTU of the node\'s interface (tunnels and VPNs need 1400 or less), or let ICMP "fragmentation needed" through.',
        `ping -M do -s 1400 ${host ?? 'HOST'}`,
      ),
    ],
    match: (all) => [
      ...matchBreaks(['tls'], (hop, view) => {
        const silent = hop.state.tls.find((probe) => probe.error?.code === 'timeout');
        const small = smallExchange(hop.way, view);
        if (silent === undefined || small?.status !== 'ok') return null;
        const why = whySilent(small);
        if (why === 'name' || answersInstead(hop, view) !== null) return null;
        return {
          ...(why === 'size' ? {} : { confidence: 'likely', alternatives: ['tls-handshake-failed'] }),
          evidence: [...idsOf(hop.probes), small.id],
          args: { host: hop.way.host, port: String(hop.way.port) },
        };
      })(all),
      ...matchBreaks(['http'], (hop, view) => {
        const small = firstBytesCame(hop, view);
        if (small === null) return null;
        const args = { host: hop.way.host, port: String(hop.way.port) };
        // A store that gives a few bytes and holds back more than that is not known; nor is it impossible.
        return {
          confidence: 'likely',
          alternatives: ['registry-timeout'],
          evidence: [...idsOf(hop.probes), small.id],
          args,
        };
      })(all),
    ],
  },
];

/** Bytes that every way carries in one packet (RFC 8200, section 5, less its headers). */
const smallestMtu = 1200;

/** Of content whose transfer stands still, the first bytes come when no more than those are asked for. */
export function firstBytesCame(hop: Break, view: View): DoneProbe<'small'> | null {
  if (hop.exchange?.kind !== 'blob' || hop.exchange.error?.code !== 'timeout') return null;
  // What is missing would fit into a small packet, so its size is not why it does not come.
  const { size, bytes } = hop.exchange.facts;
  if (size - bytes < smallestMtu) return null;
  const small = probesOf(view, 'small').find(({ facts }) => facts.way === hop.way.id);
  return small?.status === 'ok' ? small : null;
}

const unreachableNameservers = matchBreaks(['dns'], (hop, view) => {
  if (hop.inconsistent || hop.way.proxy !== null || hop.state.dns.effective?.outcome !== 'other') return null;
  if (byProxyOpen(hop, view) !== null) return null;
  if (!hop.probes.some((probe) => probe.error?.code === 'unreachable')) return null;
  const nameservers = [...new Set(hop.state.dns.answers.map((answer) => answer.nameserver))];
  return {
    host: nameservers[0] ?? hop.way.host,
    args: { host: `nameserver ${nameservers.join(' and ')}`, port: '53', detail: nameservers[0] ?? '' },
  };
});

/** What a node without any route of that family says at once: it costs nothing, and Go goes on to the other family. */
const withoutFamily: ReadonlySet<string | null> = new Set([null, 'ENETUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT']);

/** Dead addresses beside live ones. A family that the node does not have at all is not dead. */
function deadAddresses(view: View): Match[] {
  const seen = new Set<string>();
  return waysOf(view).flatMap((way) => {
    const { tcp, tls, open, connectHost, connectPort, dns } = stateOf(view, way);
    if (way.instead !== null || !isEndpointHop(way.hop) || open.length === 0 || seen.has(connectHost)) return [];
    seen.add(connectHost);
    const dead = tcp.filter(
      ({ status, error, facts }) =>
        status === 'failed' && !(error?.code === 'unreachable' && withoutFamily.has(facts.errno)),
    );
    // One that takes the connection and cannot show a certificate that holds serves nobody, either.
    const unserving = way.proxy === null ? tls.filter(({ status }) => status === 'failed') : [];
    const effective = [...dead, ...unserving].filter(
      (probe) => dns.effective?.addresses.includes(probe.facts.address) ?? dns.literal,
    );
    if (effective.length === 0) return [];
    return [
      {
        confidence: 'proven' as const,
        severity: 'degraded' as const,
        evidence: idsOf(effective),
        endpoint: way.endpoint,
        host: connectHost,
        args: {
          host: connectHost,
          port: String(connectPort),
          detail: effective.map((probe) => `${probe.facts.address}: ${probe.error?.code ?? 'failed'}`).join(', '),
        },
      },
    ];
  });
}
