import { stopsAt } from '../../engine/endpoints.ts';
import { requestsOf } from '../../evidence/requests.ts';
import type { View } from '../../evidence/view.ts';
import { needsTunnel, stateOf } from '../../evidence/way-state.ts';
import { endpointWay } from '../../evidence/ways.ts';
import { type CauseId, type Layer, layers } from '../../model/cause-id.ts';
import type { ProbeKind } from '../../model/facts.ts';
import type { Finding, Investigation, ProbeResult } from '../../model/investigation.ts';
import type { Conclusion, Recheck } from '../parts.ts';
import { quietUntil } from './conclusion.ts';

/** What of an investigation is made again. */
export interface RecheckPlan {
  readonly kinds: ReadonlySet<ProbeKind>;
  /** The longest wait for one answer, milliseconds. */
  readonly patienceMs: number;
  /** Whether the runtime's socket is asked something. */
  readonly asksRuntime: boolean;
  /** The manifest's being there is enough. */
  readonly headOnly: boolean;
  /** The layer that has to pass. */
  readonly upTo: Layer;
}

/** The probes of each network layer, beyond those of the layers before it. */
const ofLayer: readonly (readonly [Layer, readonly ProbeKind[]])[] = [
  ['dns', ['dns']],
  ['tcp', ['tcp']],
  ['proxy', ['proxy']],
  ['tls', ['tls', 'small', 'clock']],
  ['registry', ['registry']],
  // Whom a token is for shows at the manifest alone; that is asked for by HEAD, which no registry counts.
  ['auth', ['credentials', 'auth', 'manifest']],
  ['manifest', []],
  ['blob', ['blob', 'ingest']],
];

/** Causes that only a later layer's probes tell from others of theirs. */
const needs: Partial<Readonly<Record<CauseId, Layer>>> = {
  // Whether the addresses that nameservers disagree on work.
  'dns-inconsistent': 'tcp',
  // The port may open all the same, and TLS be what is cut or does not come.
  'tcp-reset': 'tls',
  'mtu-black-hole': 'tls',
  // Whether the other way works, up to the registry's own certificate.
  'proxy-required': 'tls',
  'proxy-bypass-missing': 'tls',
  // Of a registry without TLS the proxy's word is the answer to the request itself.
  'proxy-auth-required': 'registry',
  'proxy-denied': 'registry',
  'proxy-unreachable': 'registry',
  // What a port that is spoken to in the wrong protocol answers.
  'http-on-https': 'registry',
  // Certificates tell the time first; it has a layer before them.
  'clock-skew': 'registry',
  // A registry that answers the version check may fail at the image.
  'registry-error': 'manifest',
  'registry-timeout': 'manifest',
  'registry-invalid-response': 'manifest',
  'rate-limited': 'manifest',
  // A mirror is good when it serves.
  'mirror-failed': 'manifest',
  // Only content shows these again.
  'unpack-failed': 'blob',
  'filesystem-error': 'blob',
};

const ofNode: readonly ProbeKind[] = ['runtime', 'loaded', 'image', 'sandbox', 'snapshotter', 'disk', 'ingest'];

/** A lost SYN is sent again after a second: what is not there by now, is not there yet. */
const silentPatienceMs = 1400;
const patienceMs = 4000;

/** Causes that are silence: the whole patience at each look would be most of what a look takes. */
const silence: ReadonlySet<CauseId> = new Set<CauseId>(['tcp-timeout', 'dns-timeout', 'no-route', 'mtu-black-hole']);

/**
 * How long a first look at a failure waits for an answer, milliseconds; undefined: as long as each probe would by itself.
 * Where the runtime has just given up after half a minute of silence, a lost packet is not what is to be told from it.
 */
export function firstPatience(said: CauseId | null | undefined): number | undefined {
  return said === 'tcp-timeout' || said === 'dns-timeout' ? silentPatienceMs : undefined;
}

/** Which probes look at the hop of a cause again, and no further than it must be. */
export function recheckPlan(cause: CauseId | null, underlying: CauseId | null, upTo: Layer): RecheckPlan {
  const needed = cause === null ? undefined : needs[cause];
  const until = needed !== undefined && layers.indexOf(needed) > layers.indexOf(upTo) ? needed : upTo;
  const network = ofLayer.filter(([layer]) => layers.indexOf(layer) <= layers.indexOf(until));
  const local = network.length === 0 || (cause !== null && onNode.has(cause));
  const kinds = new Set<ProbeKind>([...network.flatMap(([, own]) => own), ...(local ? ofNode : [])]);
  const quiet = [cause, underlying].some((one) => one !== null && silence.has(one));
  return {
    kinds,
    patienceMs: quiet ? silentPatienceMs : patienceMs,
    asksRuntime: local,
    headOnly: until !== 'blob' && (cause === null || !inBody.has(cause)),
    upTo: until,
  };
}

/** Causes that the manifest's own bytes show. */
const inBody: ReadonlySet<CauseId> = new Set<CauseId>([
  'platform-mismatch',
  'manifest-unsupported',
  'digest-mismatch',
  'registry-invalid-response',
]);

/** Faults of the node that the way shows, too. */
const onNode: ReadonlySet<CauseId> = new Set<CauseId>(['unpack-failed', 'filesystem-error']);

/** Causes that the words of an answer tell apart, which a look by HEAD does not have: one stands for the other. */
const twins: readonly (readonly CauseId[])[] = [
  ['tag-not-found', 'repository-not-found', 'repository-not-found-or-private'],
  [
    'credentials-rejected',
    'credentials-expired',
    'access-denied',
    'source-address-blocked',
    'pull-secret-invalid',
    'repository-not-found-or-private',
  ],
  ['repository-not-found-or-private', 'credentials-missing', 'access-denied'],
  ['tls-handshake-failed', 'mtu-black-hole'],
];

/** What the look came to, beside what the cause was. */
export function recheckOf(
  view: View,
  document: Investigation,
  before: Pick<Conclusion, 'cause' | 'underlying'>,
  { upTo, headOnly }: Pick<RecheckPlan, 'upTo' | 'headOnly'>,
): Recheck {
  const notBefore = quietUntil(document.probes, Date.parse(document.startedAt));
  const faults = document.findings.filter(({ severity }) => severity === 'fault');
  const stop = stopsAt(view, document.endpoints);
  const passes = view.plan.endpoints.some(
    ({ blocked }, endpoint) =>
      !blocked &&
      (stop === null || endpoint <= stop) &&
      !faults.some((fault) => fault.endpoint === endpoint || fault.endpoint === null) &&
      passesAt(view, document, endpoint, upTo),
  );
  // Asked by HEAD, Docker Hub answers those whose quota is used up as it does everybody.
  if (before.cause === 'rate-limited' && document.probes.some(isUsedUp)) {
    return { state: 'same', cause: 'rate-limited', notBefore };
  }
  if (passes) return { state: 'clear', cause: null, notBefore: null };
  const same = faults.find((fault) => isSame(fault, before, headOnly));
  if (same !== undefined) return { state: 'same', cause: before.cause, notBefore };
  const [other] = faults;
  if (other !== undefined) return { state: 'other', cause: other.cause, notBefore };
  if (isLocal(upTo) && localPasses(document)) return { state: 'clear', cause: null, notBefore: null };
  return { state: 'unknown', cause: null, notBefore };
}

function isUsedUp(probe: ProbeResult): boolean {
  return probe.status !== 'skipped' && 'rateLimit' in probe.facts && probe.facts.rateLimit?.remaining === 0;
}

function isSame(
  fault: Finding,
  { cause, underlying }: Pick<Conclusion, 'cause' | 'underlying'>,
  headOnly: boolean,
): boolean {
  if (cause === null) return false;
  const now = [fault.cause, fault.underlying];
  if (now.includes(cause) || (underlying !== null && now.includes(underlying))) return true;
  const groups = twins.filter((group) => group.includes(cause));
  // A refusal without words fits no cause.
  if (headOnly && fault.cause === 'unknown') return groups.length > 0;
  return groups.some((group) => group.includes(fault.cause));
}

/** The layers before the network's: the runtime and the node. */
function isLocal(layer: Layer): boolean {
  return layers.indexOf(layer) < layers.indexOf('dns');
}

/** Something of the node was looked at, and nothing of it fails. */
function localPasses({ probes }: Investigation): boolean {
  const looked = probes.filter(({ kind, status }) => kind !== 'image' && kind !== 'loaded' && status !== 'skipped');
  return looked.length > 0 && looked.every(({ status }) => status === 'ok');
}

/** An endpoint's own way carries as far as this layer. */
function passesAt(view: View, document: Investigation, endpoint: number, upTo: Layer): boolean {
  const way = endpointWay(view, endpoint);
  if (way === null || isLocal(upTo)) return false;
  const state = stateOf(view, way);
  const { ping, identities } = requestsOf(view, endpoint);
  switch (upTo) {
    case 'dns':
      return state.dns.addresses.length > 0;
    case 'tcp':
      return state.tcp.some(({ status }) => status === 'ok');
    case 'proxy':
      return needsTunnel(way) ? state.connect.some(({ status }) => status === 'ok') : state.open.length > 0;
    case 'tls':
      return state.open.length > 0;
    case 'registry':
      return ping?.status === 'ok';
    case 'blob':
      return document.endpoints[endpoint]?.verdict === 'healthy';
    default:
      return identities.some(
        ({ manifest }) =>
          manifest?.status === 'ok' &&
          manifest.facts.next === null &&
          manifest.facts.status !== null &&
          manifest.facts.status < 300,
      );
  }
}
