import type { AnyDoneProbe, DoneProbe } from '../model/investigation.ts';
import { limitOf } from './limit.ts';
import { unsignedAnswer } from './unsigned.ts';
import { probesOf, type View } from './view.ts';
import { endpointWay } from './ways.ts';

/**
 * Requests for the manifest that were made once more by another way than the runtime's: with a proxy in place of
 * without, or the other way round. They show what another egress address is answered.
 */
export function askedElsewhere(view: View, endpoint: number): DoneProbe<'manifest'>[] {
  const own = endpointWay(view, endpoint)?.id;
  return probesOf(view, 'manifest').filter(
    (probe) => probe.endpoint === endpoint && probe.counterfactual && isOther(probe, own),
  );
}

/** The request that is refused here and served by another way: only where it comes from differs. */
export function servedElsewhere(view: View, endpoint: number): DoneProbe<'manifest'> | null {
  return (
    askedElsewhere(view, endpoint).find(
      ({ status, facts }) => status === 'ok' && (facts.kind !== null || facts.next !== null),
    ) ?? null
  );
}

/**
 * What was refused at an endpoint in a way that may be meant for the address: 403 to the runtime's own request, by the
 * registry and not by a proxy on the way, and no limit.
 */
export function refusedManifest(view: View, endpoint: number): DoneProbe<'manifest'> | null {
  const way = endpointWay(view, endpoint);
  const unsigned = way === null ? null : unsignedAnswer(view, way);
  if (unsigned?.by === 'proxy' || (way?.scheme === 'https' && unsigned?.proxys === true)) return null;
  return (
    probesOf(view, 'manifest').find(
      ({ endpoint: of, counterfactual, error, facts }) =>
        of === endpoint &&
        !counterfactual &&
        error?.code !== 'proxy-refused' &&
        facts.status === 403 &&
        limitOf({ facts, error }) === null &&
        facts.part === 'named' &&
        facts.redirects === 0,
    ) ?? null
  );
}

/** A request to the endpoint itself, and not by the way `own`. */
function isOther(probe: AnyDoneProbe & { readonly kind: 'manifest' }, own: string | undefined): boolean {
  return probe.facts.redirects === 0 && probe.facts.way !== own;
}
