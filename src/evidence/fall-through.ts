import { type Break, breaksOf } from './breaks.ts';
import { refusalsOf } from './refusal.ts';
import { requestsOf } from './requests.ts';
import type { View } from './view.ts';

/** What the runtime does when an endpoint fails as this one does. */
export interface FallThrough {
  /** It asks the next endpoint; false: the pull ends here, whatever the others would give. */
  readonly goesOn: boolean;
  /** How long it waits before, milliseconds: its own limit where it meets silence, else what the probe took. */
  readonly afterMs: number;
  /** How often in one pull: containerd begins with the first endpoint again at every request, CRI-O asks it once. */
  readonly times: number;
}

/** The runtimes' limit for a connection, containerd's and containers/image's default alike (pull-facts, sections 4, 7). */
const dialMs = 30_000;

/** Their limit for a TLS handshake. */
const handshakeMs = 10_000;

/** containerd 2.3 and newer end the wait for an answer (pull-facts, section 4); all others wait without a limit. */
const headerMs = 30_000;

/** Layers that are fetched at once, containerd's default (pull-facts, section 5). */
const layersAtOnce = 3;

/**
 * What the runtime does after this endpoint. Null: nothing is known to be wrong with it.
 *
 * containerd goes on after any failure to ask (resolver.go, fetcher.go: `continue // try another host`, 1.6 to 2.4), for
 * each request anew; it stops where an answer came and its content is useless, and where none comes at all. CRI-O chooses
 * its place by the manifest that the reference names (containers/image, docker_image_src.go, newImageSource), and has no
 * other for what comes after.
 */
export function fallThrough(view: View, endpoint: number): FallThrough | null {
  const [first] = breaksOf(view).filter((hop) => hop.endpoint === endpoint);
  if (first !== undefined) {
    const times = timesAsked(view, endpoint, first);
    return { goesOn: goesOnAfter(first, view), afterMs: waitOf(first, view), times };
  }
  const refusal = refusalsOf(view).find((one) => one.endpoint === endpoint);
  const asked = refusal?.probes.at(-1);
  if (asked !== undefined) return { goesOn: true, afterMs: asked.durationMs, times: timesAsked(view, endpoint, null) };
  // What is wrong then is the image that it gives: it was resolved here.
  return requestsOf(view, endpoint).named === null ? null : { goesOn: false, afterMs: 0, times: 1 };
}

function goesOnAfter(hop: Break, view: View): boolean {
  const resolved = requestsOf(view, hop.endpoint).named !== null;
  if (isCrio(view) && resolved) return false;
  const { exchange } = hop;
  // No way to the party: the request could not be made, at whichever layer.
  if (exchange === null) return true;
  const { status } = exchange.facts;
  switch (exchange.error?.code) {
    case 'timeout':
      return status === null && endsWaiting(view);
    case 'body-cut':
    case 'digest-mismatch':
      return exchange.kind === 'auth';
    case 'body-invalid':
    case 'body-too-large': {
      if (exchange.kind === 'auth') return true;
      // A manifest beyond containerd's limit counts as "not there" (resolver.go, MaxManifestSize).
      if (exchange.error.code === 'body-too-large') return exchange.kind === 'manifest' && !isCrio(view);
      const head = exchange.kind === 'manifest' ? exchange.facts.headStatus : null;
      return (head !== null && head >= 400) || (status !== null && status >= 400);
    }
    default:
      return true;
  }
}

function isCrio(view: View): boolean {
  return view.runtime.name === 'cri-o';
}

/** Since 2.3.0 containerd waits 30 s for an answer's header. A version that is not known is taken for the newest. */
function endsWaiting(view: View): boolean {
  if (isCrio(view)) return false;
  const version = /^v?(\d+)\.(\d+)/.exec(view.runtime.version ?? '');
  if (version === null) return true;
  const [major, minor] = [Number(version[1]), Number(version[2])];
  return major > 2 || (major === 2 && minor >= 3);
}

/** The runtime's own limit where there is silence, else the time that was measured. */
function waitOf(hop: Break, view: View): number {
  const measured = Math.max(0, ...hop.probes.map(({ durationMs }) => durationMs));
  const silent = hop.probes.some(({ error }) => error?.code === 'timeout');
  if (!silent) return measured;
  const limit = view.plan.endpoints[hop.endpoint]?.dialTimeoutMs ?? dialMs;
  if (hop.layer === 'tls') return handshakeMs;
  if (hop.layer === 'http') return headerMs;
  // The lookup is part of the dial: the resolver's own patience ends before the dial's, or with it.
  return hop.layer === 'dns' ? Math.min(limit, lookupMs(view, measured)) : limit;
}

/** Each nameserver in turn, and all of them again, as often as the resolver is set to. */
function lookupMs({ plan }: View, measured: number): number {
  const { timeoutMs, attempts } = plan.resolver;
  return Math.max(measured, timeoutMs * attempts * Math.max(1, plan.nameservers.length));
}

/**
 * How often containerd comes by in one pull: resolving, the index and the manifest, the config, and the layers, some at
 * once. Counted where the image is known, by any endpoint; measured behind a mirror that
 * drops packets: 120 s for one manifest with one layer, 150 s for an index (pull-facts, section 17).
 */
function timesAsked(view: View, endpoint: number, hop: Break | null): number {
  if (isCrio(view)) return 1;
  const known = view.plan.endpoints.map((_, index) => requestsOf(view, index));
  const { named, image } = known.find(({ image: one }) => one !== null) ?? { named: null, image: null };
  if (named === null || image === null) return 1;
  const contents = (image.facts.config === null ? 0 : 1) + Math.ceil(image.facts.layers.length / layersAtOnce);
  // An endpoint that gives the manifests and not the content is waited for at the content alone.
  if (hop !== null && hop.hop === 'blob' && requestsOf(view, endpoint).image !== null) return contents;
  return 1 + (named === image ? 1 : 2) + contents;
}
