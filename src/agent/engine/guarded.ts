import { isIP } from 'node:net';
import type { PullPlan } from '../../engine/plan.ts';
import { originOf } from '../../evidence/origin.ts';
import { requestsOf } from '../../evidence/requests.ts';
import type { View } from '../../evidence/view.ts';
import { stateOf } from '../../evidence/way-state.ts';
import { endpointWay } from '../../evidence/ways.ts';
import type { ProbeInput } from '../../probes/probe.ts';
import { type Allowed, type Guard, makeGuard, type NamedParty } from '../guard.ts';

/** The guard of one plan: the node's own mirrors and proxies may be talked to, wherever they are. */
export function guardOf(plan: PullPlan, allowed: Allowed): Guard {
  return makeGuard(allowed, namedParties(plan));
}

/** Hosts that this node's files name, each with its port; none whose name came with the image. */
export function namedParties(plan: Pick<PullPlan, 'endpoints' | 'proxies' | 'body'>): NamedParty[] {
  const urls = [
    ...plan.endpoints
      .filter(({ info, fromImage }) => info.source !== 'default' && fromImage !== true)
      .map(({ info }) => info.url),
    ...plan.body.endpoints.flatMap(({ proxy }) => (proxy === null ? [] : [proxy])),
    ...plan.proxies.known.map(({ address }) => address.url),
  ];
  return urls.flatMap((url) => originOf(url) ?? []);
}

/** What the plan shows before anything is looked up: why an endpoint must not be talked to; null: none is like that. */
export function refusedByPlan({ body }: Pick<PullPlan, 'body'>, guard: Guard): string | null {
  for (const { url, blocked } of body.endpoints) {
    const origin = blocked ? null : originOf(url);
    const refusal = origin === null ? null : guard.refuse({ ...origin, address: null });
    if (refusal !== null) return refusal;
  }
  return null;
}

/** The same with the addresses that the endpoints' names lead to now. */
export function refusedByLookup(view: View, guard: Guard): string | null {
  for (const endpoint of view.plan.endpoints.keys()) {
    const way = endpointWay(view, endpoint);
    if (way === null || way.proxy !== null) continue;
    for (const address of stateOf(view, way).dns.addresses) {
      const refusal = guard.refuse({ host: way.host, port: way.port, address });
      if (refusal !== null) return refusal;
    }
  }
  return null;
}

/**
 * Why what a pull leads to cannot be judged: a host whose address nobody tells now may have a forbidden one in a moment. An
 * endpoint that gives the image makes the others unneeded: a node behind a mirror has names that lead nowhere.
 */
export function unseenByLookup(view: View, guard: Guard): string | null {
  if ([...view.plan.endpoints.keys()].some((endpoint) => requestsOf(view, endpoint).named !== null)) return null;
  for (const endpoint of view.plan.endpoints.keys()) {
    const way = endpointWay(view, endpoint);
    if (way === null || way.proxy !== null || isIP(way.host) !== 0 || stateOf(view, way).dns.addresses.length > 0)
      continue;
    // Whom callers may have this node talk to wherever they are need not be judged.
    if (guard.refuse({ host: way.host, port: way.port, address: '127.0.0.1' }) === null) continue;
    return `${way.host} has no address now, so whether callers may have this node talk to it cannot be told; ask again when it has one (pullwhy node diagnose says why it has none).`;
  }
  return null;
}

/** Judges each probe before it is made, by the address that it connects to. What a proxy connects to is judged by its name. */
export function refuseInputs(guard: Guard): (input: ProbeInput) => string | null {
  return ({ way, address, host, port }) => {
    if (way !== undefined) {
      const direct = way.proxy === null ? (address ?? null) : null;
      return guard.refuse({ host: way.host, port: way.port, address: direct });
    }
    if (host === undefined || port === undefined) return null;
    return guard.refuse({ host, port, address: address ?? null });
  };
}
