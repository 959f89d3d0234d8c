import type { AnyDoneProbe, DoneProbe } from '../model/investigation.ts';
import { limitOf } from './limit.ts';
import { unsignedOf } from './plain-by-proxy.ts';
import { signOf } from './signed.ts';
import { unsignedAnswer } from './unsigned.ts';
import { probesOf, type View } from './view.ts';
import type { Way } from './way.ts';
import { stateOf } from './way-state.ts';
import { endpointWay, isEndpointHop, waysOf } from './ways.ts';

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

/**
 * The other ways that are open and by which the manifest is asked for once more, with the request that is repeated: what
 * is refused, for it may be the address that is not wanted; and in plain HTTP, where the version check leaves open whether
 * a registry answers there, or what it says of the manifest is to be compared. Null: the bare request.
 */
export function waysToCompare(
  view: View,
  endpoint: number,
): { way: Way; address: string; asked: DoneProbe<'manifest'> | null }[] {
  const refused = refusedManifest(view, endpoint);
  const own = endpointWay(view, endpoint);
  const doubtful = own === null ? null : (unsignedOf(view, own)?.exchange ?? null);
  const asked = refused ?? (doubtful?.kind === 'manifest' ? doubtful : null);
  return waysOf(view).flatMap((way) => {
    const address = stateOf(view, way).open[0];
    const other = way.instead === 'direct' || way.instead === 'by-proxy';
    if (way.endpoint !== endpoint || !other || !isEndpointHop(way.hop) || address === undefined) return [];
    const open = way.scheme === 'http' && isOpenQuestion(view, way, asked !== null);
    return refused !== null || open ? [{ way, address, asked }] : [];
  });
}

function isOpenQuestion(view: View, { endpoint, id }: Way, compared: boolean): boolean {
  const check = probesOf(view, 'registry').find((probe) => probe.endpoint === endpoint && probe.facts.way === id);
  const sign = check === undefined ? null : signOf(check);
  return sign === 'weak' || (compared && sign !== null);
}

/** A request to the endpoint itself, and not by the way `own`. */
function isOther(probe: AnyDoneProbe & { readonly kind: 'manifest' }, own: string | undefined): boolean {
  return probe.facts.redirects === 0 && probe.facts.way !== own;
}
