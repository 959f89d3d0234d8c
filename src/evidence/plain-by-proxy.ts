import { wayId } from './origin.ts';
import { bestSign, type HttpProbe, requestsOn } from './signed.ts';
import type { View } from './view.ts';
import type { Way } from './way.ts';
import { stateOf } from './way-state.ts';

/** An answer to the runtime's own request that bears no mark of a registry, on a way where a proxy may have given it. */
export interface Unsigned {
  /** `proxy`: directly a registry answers; `unclear`: directly nobody does, so it may be the proxy or what is behind it. */
  readonly by: 'proxy' | 'unclear';
  readonly exchange: HttpProbe;
  /** Taken for the proxy's own: proven, or a refusal without a word, as no registry gives one to its version check. */
  readonly proxys: boolean;
}

/**
 * Plain HTTP goes to a proxy as a request and not as a tunnel (RFC 9112, section 3.2.2), so that the proxy's own answer
 * comes in the registry's place. Squid marks its own; most others only send a page, JSON or a bare status. Null: there is
 * no such answer, or it is the registry's, for it has marks of one on this way or says the same without the proxy.
 */
export function unsignedOf(view: View, way: Way): Unsigned | null {
  if (way.proxy === null || way.scheme !== 'http') return null;
  const own = requestsOn(view, way.endpoint, way.id, false);
  const sign = bestSign(own);
  if (sign === 'sure') return null;
  const asked = own.filter(({ kind }) => (kindsOf[way.hop] ?? ofEndpoint).has(kind));
  const exchange = asked.find(failsThere) ?? (sign === null ? asked.find(leadsAway) : undefined);
  if (exchange === undefined) return null;
  const bare: Way = { ...way, id: wayId(way.scheme, way.host, way.port, null), proxy: null };
  const direct = requestsOn(view, way.endpoint, bare.id, true);
  if (direct.some((probe) => saysSame(probe, exchange))) return null;
  // Registries without their header, or behind a server that asks for a password, say different things to different
  // requests; a filter says the same to all.
  const varied = sign === 'weak' && new Set(asked.map(({ facts }) => facts.status)).size > 1;
  const instead = bestSign(direct);
  if (!varied && (instead === 'sure' || (instead === 'weak' && sign === null)))
    return { by: 'proxy', exchange, proxys: true };
  if (varied && instead === null && isDecided(view, bare, direct)) return null;
  const wordless = sign === null && exchange.facts.status === 403 && ofEndpoint.has(exchange.kind);
  return { by: 'unclear', exchange, proxys: wordless };
}

type Kind = HttpProbe['kind'];

/** What a party is asked for, by its part in the pull. */
const ofEndpoint: ReadonlySet<Kind> = new Set(['registry', 'manifest']);
const kindsOf: Readonly<Partial<Record<Way['hop'], ReadonlySet<Kind>>>> = {
  realm: new Set(['auth']),
  blob: new Set(['manifest', 'blob']),
};

/** It failed by an answer, or by none in time. */
function failsThere({ status, facts, error }: HttpProbe): boolean {
  return status === 'failed' && (facts.status !== null || error?.code === 'timeout');
}

/** A redirect, as web filters send to the page that says why. */
function leadsAway({ facts }: HttpProbe): boolean {
  return facts.status !== null && facts.status >= 300 && facts.status < 400;
}

function saysSame(one: HttpProbe, other: HttpProbe): boolean {
  return one.kind === other.kind && one.facts.status === other.facts.status && one.error?.code === other.error?.code;
}

/** Without the proxy nobody is reached, or nobody who says what a registry says. */
function isDecided(view: View, bare: Way, answers: readonly HttpProbe[]): boolean {
  return stateOf(view, bare).broken !== null || answers.length > 0;
}
