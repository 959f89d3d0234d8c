import type { DoneProbe } from '../model/investigation.ts';
import { wayId } from './origin.ts';
import { signOf } from './signed.ts';
import { probesOf, type View } from './view.ts';
import type { Way } from './way.ts';

/** An answer to the runtime's own request that bears no mark of a registry, on a way where a proxy may have given it. */
export interface Unsigned {
  /** `proxy`: directly a registry answers; `unclear`: directly nobody does, so it may be the proxy or what is behind it. */
  readonly by: 'proxy' | 'unclear';
  readonly exchange: DoneProbe<'registry'> | DoneProbe<'manifest'>;
}

/**
 * Plain HTTP goes to a proxy as a request and not as a tunnel (RFC 9112, section 3.2.2), so that the proxy's own answer
 * comes in the registry's place. Squid marks its own; most others only send a page or a bare status. Null: there is no such
 * answer, or it is the registry's, for it has marks of one on this way or says the same without the proxy.
 */
export function unsignedOf(view: View, way: Way): Unsigned | null {
  const own = answersOn(view, way, false);
  const exchange = own.find((probe) => probe.status === 'failed') ?? own.find(leadsAway);
  if (exchange === undefined || own.some((probe) => signOf(probe) !== null)) return null;
  const direct = answersOn(view, { ...way, id: wayId(way.scheme, way.host, way.port, null) }, true);
  if (direct.some((probe) => signOf(probe) !== null)) return { by: 'proxy', exchange };
  const same = direct.some(
    ({ facts, error }) => facts.status === exchange.facts.status && error?.code === exchange.error?.code,
  );
  return same ? null : { by: 'unclear', exchange };
}

/** What was answered, or not in time, on a way that has a proxy for requests in plain HTTP; else nothing. */
function answersOn(view: View, way: Way, instead: boolean): (DoneProbe<'registry'> | DoneProbe<'manifest'>)[] {
  if (way.proxy === null || way.scheme !== 'http') return [];
  const here = [...probesOf(view, 'registry'), ...probesOf(view, 'manifest')].filter(
    ({ endpoint, counterfactual, facts }) =>
      endpoint === way.endpoint && counterfactual === instead && facts.way === way.id,
  );
  return here.filter(
    ({ facts, error }) => (facts.status !== null && facts.status !== 429) || error?.code === 'timeout' || instead,
  );
}

/** A redirect, as web filters send to the page that says why. */
function leadsAway({ facts }: DoneProbe<'registry'> | DoneProbe<'manifest'>): boolean {
  return facts.status !== null && facts.status >= 300 && facts.status < 400;
}

/** Taken for the proxy's own: proven, or a refusal without a word, as no registry gives one to its version check. */
export function isProxysOwn({ by, exchange }: Unsigned): boolean {
  return by === 'proxy' || exchange.facts.status === 403;
}
