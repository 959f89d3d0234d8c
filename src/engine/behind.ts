import { causes } from '../causes/index.ts';
import { breaksOf } from '../evidence/breaks.ts';
import { originOf, partyName } from '../evidence/origin.ts';
import type { View } from '../evidence/view.ts';
import type { Way } from '../evidence/way.ts';
import { isEndpointHop, waysOf } from '../evidence/ways.ts';
import type { CauseId } from '../model/cause-id.ts';
import type { Confidence, Finding, ProbeResult } from '../model/investigation.ts';
import { findingOf } from './findings.ts';

/**
 * What may be told of a party that was reached by another way than the runtime's, and how surely it waits behind the
 * first fault. What a server presents and answers is likely to be the same for everybody. A port that refuses may be a
 * firewall on this way alone. Silence, names that are missing and authorities that are not known are how networks
 * with a proxy meet whatever goes past it: they say nothing.
 */
const tellable: ReadonlyMap<CauseId, Confidence> = new Map<CauseId, Confidence>([
  ['tcp-refused', 'possible'],
  ['tls-certificate-expired', 'likely'],
  ['tls-certificate-not-yet-valid', 'likely'],
  ['tls-hostname-mismatch', 'likely'],
  ['registry-error', 'likely'],
]);

/**
 * The faults that the first one hides: an endpoint behind a proxy that does not let through, or one that only a proxy
 * reaches, as it was found by the way that was tried instead. `known` are the findings so far.
 */
export function hiddenFindings(view: View, known: readonly Finding[]): Finding[] {
  const hops = breaksOf(view).filter(({ hop, layer }) => isEndpointHop(hop) && layer !== 'tls' && layer !== 'http');
  return hops.flatMap((hop) => {
    const others = waysOf(view).filter(
      ({ endpoint, host, port, instead }) =>
        (instead === 'direct' || instead === 'by-proxy') &&
        endpoint === hop.endpoint &&
        host === hop.way.host &&
        port === hop.way.port,
    );
    return others.flatMap((other) => seenBy(view, hop.way, other)).filter((found) => !isKnown(found, known));
  });
}

function isKnown({ cause, endpoint }: Finding, known: readonly Finding[]): boolean {
  return known.some((one) => one.endpoint === endpoint && (one.cause === cause || one.underlying === cause));
}

/** What would be found if the runtime went the other way. */
function seenBy(view: View, own: Way, other: Way): Finding[] {
  const endpoints = view.plan.endpoints.map((info, index) =>
    index === other.endpoint ? { ...info, proxy: other.proxy } : info,
  );
  const probes = view.probes.map((probe) => (wayOf(probe) === other.id ? { ...probe, counterfactual: false } : probe));
  const there: View = { ...view, plan: { ...view.plan, endpoints }, probes };
  const past = other.proxy === null ? `Past the proxy ${nameOf(own.proxy)}` : `By the proxy ${nameOf(other.proxy)}`;
  return causes.flatMap((cause) => {
    const confidence = tellable.get(cause.id);
    if (confidence === undefined) return [];
    return (cause.match?.(there) ?? [])
      .filter(({ endpoint, severity, carrier }) => endpoint === other.endpoint && severity === 'fault' && !carrier)
      .map((match) => {
        const finding = findingOf(cause, match);
        return { ...finding, confidence, summary: `${past}: ${finding.summary}` };
      });
  });
}

function wayOf({ facts }: ProbeResult): string | null {
  return 'way' in facts && typeof facts.way === 'string' ? facts.way : null;
}

function nameOf(proxy: string | null): string {
  const origin = proxy === null ? null : originOf(proxy);
  return origin === null ? '' : partyName(origin);
}
