import { type Break, insteadOfWay } from '../evidence/breaks.ts';
import { reachOf, requestsOn, type Sign, signOf } from '../evidence/signed.ts';
import { isUnanswered, smallExchange, whySilent } from '../evidence/silent-handshake.ts';
import { idsOf, type View } from '../evidence/view.ts';
import type { Way } from '../evidence/way.ts';
import type { WayState } from '../evidence/way-state.ts';
import type { CauseId } from '../model/cause-id.ts';
import { tcpFailure } from './tcp-failure.ts';

/** What the proxy answered to the request for this host, over CONNECT or, for a plain-HTTP registry, to the request itself. */
export interface ProxyAnswer {
  readonly status: number | null;
  readonly error: string | null;
  readonly code: string | null;
  /** An https proxy with which TLS cannot be set up: it was never asked for anything. */
  readonly unasked: boolean;
}

export function answerOf(hop: Break): ProxyAnswer {
  const connect = hop.state.connect.at(-1);
  if (hop.layer === 'proxy' && hop.exchange !== null) {
    const { status, proxyError } = hop.exchange.facts;
    return { status, error: proxyError, code: hop.exchange.error?.code ?? null, unasked: false };
  }
  return {
    status: connect?.facts.status ?? null,
    error: connect?.facts.headers['x-squid-error'] ?? null,
    code: connect?.error?.code ?? null,
    // The words of a request that was made name what was asked for (src/wire/proxy.ts).
    unasked:
      connect?.error != null &&
      connect.facts.proxy.startsWith('https:') &&
      connect.facts.status === null &&
      !connect.error.message.includes(', asked for '),
  };
}

/** A way that was tried instead and leads to the party, and what shows it. */
export interface Instead {
  readonly way: Way;
  readonly state: WayState;
  /** `weak`: by what others than a registry may say as well. */
  readonly sign: Sign;
  /** The probes that show it. */
  readonly evidence: readonly string[];
}

/** The registry answers without the proxy: at least a handshake was made, or in plain HTTP a registry's answer came. */
export function directOpen(hop: Break, view: View): Instead | null {
  return openInstead(hop, view, 'direct');
}

/** The same by a proxy that is known here and that the runtime does not use. */
export function byProxyOpen(hop: Break, view: View): Instead | null {
  return openInstead(hop, view, 'by-proxy');
}

function openInstead(hop: Break, view: View, how: 'direct' | 'by-proxy'): Instead | null {
  const others = insteadOfWay(view, hop.way, how).flatMap(({ way, state }): Instead[] => {
    const sign = reachOf(view, way, state);
    if (sign === null) return [];
    const answers = way.scheme === 'https' ? [] : requestsOn(view, way.endpoint, way.id, true);
    const shown = [...state.tcp, ...state.connect, ...state.tls].filter(({ status }) => status === 'ok');
    return [{ way, state, sign, evidence: idsOf([...shown, ...answers.filter((probe) => signOf(probe) === sign)]) }];
  });
  return others.find(({ sign }) => sign === 'sure') ?? others[0] ?? null;
}

/**
 * The way without the runtime's proxy, or by a proxy that it does not use, on which the host answers a handshake that gets
 * no answer on the runtime's own; null: there is none, or large packets vanish on its own, which is a cause by itself.
 */
export function answersInstead(hop: Break, view: View): Instead | null {
  const small = smallExchange(hop.way, view);
  if (!isUnanswered(hop.state) || (small?.status === 'ok' && whySilent(small) === 'size')) return null;
  return openInstead(hop, view, hop.way.proxy === null ? 'by-proxy' : 'direct');
}

/** Refused by the proxy for reasons of its own rules, as against failing to reach the host. */
export function isDenial({ status, error }: ProxyAnswer): boolean {
  if (error?.includes('ERR_ACCESS_DENIED') === true) return true;
  // To Go's client everything but 200 is a refusal; a redirect leads to the page that says why.
  return status !== null && status >= 300 && status < 500 && status !== 407 && status !== 408;
}

/** The proxy could not reach the host itself. */
export function isOnwardFailure({ status, error, code, unasked }: ProxyAnswer): boolean {
  if (unasked) return false;
  if (
    error !== null &&
    /ERR_(CONNECT_FAIL|DNS_FAIL|CANNOT_FORWARD|READ_TIMEOUT|LIFETIME_EXP|SECURE_CONNECT_FAIL)/.test(error)
  )
    return true;
  return (status !== null && (status >= 500 || status === 408)) || code === 'timeout';
}

export const said = ({ status, error }: ProxyAnswer): string =>
  [status === null ? null : `it answers ${status}`, error?.replace(/ 0$/, '') ?? null]
    .filter((part) => part !== null)
    .join(', ');

/**
 * What keeps a proxy from reaching a host that this node cannot reach either: the proxy's own words (squid names its
 * errno), or the same failure seen from here. Null: it cannot be told.
 */
export function onwardCause(hop: Break, view: View): CauseId | null {
  const answer = answerOf(hop);
  // A proxy that says nothing gives no reason; that this node's own nameservers lack the name is usual behind a proxy.
  if (hop.layer !== 'proxy' || answer.status === 407 || answer.code === 'timeout') return null;
  if (isDenial(answer) || !isOnwardFailure(answer) || directOpen(hop, view) !== null) return null;
  const errno = /ERR_CONNECT_FAIL\s+(\d+)/.exec(answer.error ?? '')?.[1];
  const byErrno: Readonly<Record<string, CauseId>> = {
    '111': 'tcp-refused',
    '110': 'tcp-timeout',
    '113': 'no-route',
    '101': 'no-route',
  };
  if (errno !== undefined) return byErrno[errno] ?? null;
  if (answer.error?.includes('ERR_DNS_FAIL') === true) return 'dns-name-not-found';
  const direct = insteadOfWay(view, hop.way, 'direct')[0]?.state;
  if (direct?.broken?.layer === 'dns' && direct.dns.effective?.outcome === 'name-not-found')
    return 'dns-name-not-found';
  if (direct?.broken?.layer === 'tcp' && tcpFailure(direct.tcp) === 'refused') return 'tcp-refused';
  return null;
}
