import { type Break, breaksOf } from '../evidence/breaks.ts';
import { partyName } from '../evidence/origin.ts';
import { requestsOf } from '../evidence/requests.ts';
import { idsOf, probesOf, type View } from '../evidence/view.ts';
import { endpointWay, isEndpointHop } from '../evidence/ways.ts';
import type { Match } from './cause.ts';

/** What a break's cause adds to the match that every break gives. `null`: not this cause. */
export type BreakReading = (
  hop: Break,
  view: View,
) => (Partial<Match> & { readonly confidence?: Match['confidence'] }) | null;

/** Matches of one cause over all breaks. The break's own host and image fill the words. */
export function matchBreaks(layers: readonly Break['layer'][], reading: BreakReading): (view: View) => Match[] {
  return (view) =>
    breaksOf(view).flatMap((hop) => {
      if (!layers.includes(hop.layer)) return [];
      const read = reading(hop, view);
      if (read === null) return [];
      const base: Match = {
        confidence: 'proven',
        severity: 'fault',
        evidence: idsOf(hop.probes),
        endpoint: hop.endpoint,
        host: hop.way.host,
        party: partyName(hop.way),
        args: {},
      };
      const args = {
        image: view.plan.image.input,
        host: hop.state.connectHost,
        port: String(hop.state.connectPort),
        unit: view.runtime.name === 'cri-o' ? 'crio' : 'containerd',
        ...(hop.way.scheme === 'http' ? { scheme: 'http' as const } : {}),
        ...(hop.hop === 'realm'
          ? { serves: 'token' as const }
          : hop.hop === 'blob'
            ? { serves: 'content' as const }
            : {}),
        ...(hop.hop === 'blob' && atEndpoint(hop, view) ? { own: 'yes' as const } : {}),
        ...(hop.way.proxy === null ? {} : { proxy: hop.way.proxy }),
        ...read.args,
      };
      const confidence =
        (hop.unsigned || shortWait(hop, view)) && (read.confidence ?? 'proven') === 'proven'
          ? 'likely'
          : (read.confidence ?? 'proven');
      // What may be the proxy's own answer always has that as an alternative.
      const doubt = hop.unsigned && hop.layer === 'http' ? { alternatives: ['proxy-denied' as const] } : {};
      return [{ ...base, ...doubt, ...read, confidence, args, carrier: carrierOf(hop, view) }];
    });
}

/** At the registry itself, be it by a redirect to another of its paths. */
function atEndpoint({ way, endpoint }: Break, view: View): boolean {
  const own = endpointWay(view, endpoint);
  return isEndpointHop(way.hop) || (own !== null && own.host === way.host && own.port === way.port);
}

/** Silence shorter than this is no proof: a packet that was lost is sent again after one and three seconds (RFC 6298). */
const provingMs = 2900;

/**
 * Where the runtime has just given up on the same host in its own time (containerd's dial takes 30 s), its words are most
 * of the proof: what is left to show is that it is silent still, to a packet and to its first repetition.
 */
const afterWordsMs = 1400;
const justNowMs = 60_000;

/** What a runtime says of silence, by the layer at which it is met. */
const silenceOf: Partial<Readonly<Record<Break['layer'], string>>> = { dns: 'dns-timeout', tcp: 'tcp-timeout' };

/** There was less time than silence needs to prove something. */
function shortWait(hop: Break, view: View): boolean {
  const { probes, layer } = hop;
  const silent = probes.filter((probe) => probe.error?.code === 'timeout');
  // The node's own resolver may be set to wait less (resolv.conf): then its silence is over sooner, too.
  const { timeoutMs, attempts } = view.plan.resolver;
  const enough = layer === 'dns' ? Math.min(provingMs, timeoutMs * attempts) : provingMs;
  const least = saidSilent(hop, view) ? Math.min(afterWordsMs, enough) : enough;
  return silent.length > 0 && silent.every((probe) => probe.durationMs < least * 0.95);
}

/** The last words about this image are that nobody answers there, a moment ago. */
function saidSilent({ way, layer }: Break, view: View): boolean {
  const facts = probesOf(view, 'journal')[0]?.facts;
  const last = facts?.matching.findLast(({ at, event }) => event === 'pull-failed' && at === facts.lastFailureAt);
  if (last === undefined || last.cause !== silenceOf[layer] || !last.message.includes(way.host)) return false;
  return view.startedAtMs === null || view.startedAtMs - Date.parse(last.at) < justNowMs;
}

/**
 * The role in which a broken party is named, where it is not the endpoint itself. A host to which the registry sends
 * already for the manifest (registry.k8s.io does) is the first broken hop by itself: nothing of the image has come.
 */
function carrierOf(hop: Break, view: View): 'auth-service-unreachable' | 'blob-unreachable' | null {
  if (hop.hop === 'realm') return 'auth-service-unreachable';
  return hop.hop === 'blob' && requestsOf(view, hop.endpoint).image !== null ? 'blob-unreachable' : null;
}
