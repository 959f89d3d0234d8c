import type { DoneProbe } from '../model/investigation.ts';
import { leavesOf } from './leaves.ts';
import { wayId } from './origin.ts';
import type { Unsigned } from './plain-by-proxy.ts';
import { signOf } from './signed.ts';
import { probesOf, type View } from './view.ts';
import type { Way } from './way.ts';

/**
 * A proxy that opens TLS, with an authority that the node trusts, can answer in the registry's place as it can in plain
 * HTTP. It has to present a certificate of its own then: where the same one comes without the proxy, or one that the public
 * trusts, TLS was passed on, and the answer is the registry's. Null: that is so, or the answer has marks of a registry, or
 * the same is answered without the proxy.
 */
export function openedOf(view: View, way: Way): Unsigned | null {
  const exchange = suspectOf(view, way);
  if (exchange === null) return null;
  const own = handshakes(view, way.id);
  const direct = handshakes(view, directId(way));
  const leaves = leavesOf(own);
  if (direct.some(({ facts }) => leaves.has(facts.chain[0]?.sha256 ?? ''))) return null;
  const marked = exchange.facts.proxyError !== null;
  if (marked) return { by: 'proxy', exchange, proxys: true };
  const answers = answersOn(view, way.endpoint, directId(way), true);
  const same = answers.some(
    ({ facts, error }) => facts.status === exchange.facts.status && error?.code === exchange.error?.code,
  );
  if (same) return null;
  if (!answers.some((answer) => signOf(answer) !== null)) return { by: 'unclear', exchange, proxys: false };
  // Servers of one registry may have certificates of their own, and of one authority.
  const issuers = new Set(own.map(({ facts }) => facts.chain[0]?.issuer));
  const another = direct.every(({ facts }) => !issuers.has(facts.chain[0]?.issuer));
  return { by: another ? 'proxy' : 'unclear', exchange, proxys: true };
}

/** An answer over HTTPS by a proxy that any proxy could have given; the way without the proxy is worth a try then. */
export function suspectOf(view: View, way: Way): DoneProbe<'registry'> | DoneProbe<'manifest'> | null {
  if (way.proxy === null || way.scheme !== 'https') return null;
  const own = answersOn(view, way.endpoint, way.id, false);
  if (own.some((answer) => signOf(answer) !== null)) return null;
  // Nobody gets a certificate from an authority that the public trusts for a host that is not their own.
  if (handshakes(view, way.id).some(({ facts }) => facts.publicAuthority === true)) return null;
  return (
    own.find(({ status, facts }) => status === 'failed' && facts.status !== null && facts.status !== 429) ??
    own.find(({ facts }) => facts.status !== null && facts.status >= 300 && facts.status < 400) ??
    null
  );
}

function answersOn(
  view: View,
  endpoint: number,
  way: string,
  counterfactual: boolean,
): (DoneProbe<'registry'> | DoneProbe<'manifest'>)[] {
  return [...probesOf(view, 'registry'), ...probesOf(view, 'manifest')].filter(
    (probe) => probe.endpoint === endpoint && probe.facts.way === way && probe.counterfactual === counterfactual,
  );
}

function handshakes(view: View, way: string): DoneProbe<'tls'>[] {
  return probesOf(view, 'tls').filter(({ status, facts }) => status === 'ok' && facts.way === way);
}

/** The same way without the proxy; what is set for TLS at the endpoint goes with it. */
function directId({ id, scheme, host, port, proxy }: Way): string {
  return wayId(scheme, host, port, null) + id.slice(wayId(scheme, host, port, proxy).length);
}
