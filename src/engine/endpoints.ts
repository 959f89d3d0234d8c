import { fallThrough } from '../evidence/fall-through.ts';
import { originOf, partyName } from '../evidence/origin.ts';
import { requestsOf } from '../evidence/requests.ts';
import { probesOf, type View } from '../evidence/view.ts';
import type { CauseId } from '../model/cause-id.ts';
import type { Finding, JudgedEndpoint } from '../model/investigation.ts';
import { carryBy, problemFindings } from './findings.ts';
import { byLayer } from './precedence.ts';

/** Each endpoint by itself: it serves this image, it cannot, or that was not found out. */
export function judgeEndpoints(view: View, findings: readonly Finding[]): JudgedEndpoint[] {
  return view.plan.endpoints.map((info, endpoint): JudgedEndpoint => {
    const faulty =
      info.blocked || findings.some((finding) => finding.endpoint === endpoint && finding.severity === 'fault');
    if (faulty) return { ...info, verdict: 'faulty' };
    return { ...info, verdict: servesImage(view, endpoint) ? 'healthy' : 'skipped' };
  });
}

/** Manifest and content came from here. */
function servesImage(view: View, endpoint: number): boolean {
  const { image, named } = requestsOf(view, endpoint);
  if (named === null || image === null) return false;
  const content = probesOf(view, 'blob').filter(
    (probe) => probe.endpoint === endpoint && probe.facts.next === null && !probe.counterfactual,
  );
  // A part that was not checked to its end is not known to come.
  const came = (part: 'config' | 'layer'): boolean => content.some(({ facts }) => facts.part === part);
  const { config, layers: parts } = image.facts;
  const all = (config === null || came('config')) && (parts.length === 0 || came('layer'));
  return all && content.every((probe) => probe.status === 'ok');
}

/**
 * The first endpoint at which the runtime ends, because it does not go on from such a failure; null: it asks them all.
 * The places of one image end with its upstream. Behind that may stand another image that a short name can mean, and
 * CRI-O goes on to that one whatever failed (cri-o server/image_pull.go, pullImage).
 */
export function stopsAt(view: View, judged: readonly JudgedEndpoint[]): number | null {
  let stop: number | null = null;
  for (let endpoint = 0; endpoint < judged.length; endpoint++) {
    const { verdict, blocked } = judged[endpoint] ?? {};
    if (verdict === 'healthy') return null;
    if (verdict !== 'faulty' || blocked || fallThrough(view, endpoint)?.goesOn !== false) continue;
    stop ??= endpoint;
    while (judged[endpoint]?.role === 'mirror') endpoint++;
  }
  return stop;
}

/** What the endpoints' findings amount to. */
export interface WayFindings {
  readonly faults: Finding[];
  readonly degraded: Finding[];
}

/** Findings of the endpoints: faults when the runtime gets the image from none, else what a broken mirror costs. */
export function wayFindings(
  view: View,
  judged: readonly JudgedEndpoint[],
  stop: number | null,
  raw: readonly Finding[],
): WayFindings {
  const degraded = [...raw.filter((finding) => finding.severity === 'degraded'), ...warnings(view)];
  const serving = judged.findIndex(({ verdict }) => verdict === 'healthy');
  const faults = raw.filter((finding) => finding.severity === 'fault' && finding.endpoint !== null);
  if (serving < 0) return { faults, degraded };
  if (stop !== null) {
    const words = ` ${runtimeName(view)} goes no further after that, although ${nameOf(judged, serving)} serves the image.`;
    const told = faults.map((one) => (one.endpoint === stop ? { ...one, summary: `${one.summary}${words}` } : one));
    return { faults: told, degraded };
  }
  const mirrors = judged.flatMap(({ role, source, verdict }, endpoint) => {
    // An upstream that cannot be reached behind a mirror that serves is how closed networks are meant to be.
    const first = faults.filter((finding) => finding.endpoint === endpoint).sort(byLayer)[0];
    if (verdict !== 'faulty' || first === undefined || (role === 'upstream' && endpoint > serving)) return [];
    // A mirror without this image says so at once, and the runtime goes on: many are meant to hold only a part.
    if (role === 'mirror' && notHeld.has(first.cause)) return [];
    // So does a registry that a short name is searched in, which may not tell what it has to everybody.
    if (role === 'upstream' && notFound.has(first.cause)) return [];
    const args = { host: nameOf(judged, endpoint), source, detail: detour(view, judged, endpoint, serving) };
    return [{ ...carryBy('mirror-failed', first, args), severity: 'degraded' as const }];
  });
  return { faults: [], degraded: [...mirrors, ...degraded] };
}

/** What a mirror without this image answers. */
const notHeld: ReadonlySet<CauseId> = new Set<CauseId>(['tag-not-found', 'repository-not-found']);

/** What a registry that is only searched answers about an image that is elsewhere. */
const notFound: ReadonlySet<CauseId> = new Set<CauseId>([...notHeld, 'repository-not-found-or-private']);

function warnings(view: View): Finding[] {
  return problemFindings(view).filter(({ severity }) => severity === 'degraded');
}

/** `containerd goes on to registry.corp after 30 s at each request, about 150 s in one pull`. */
function detour(view: View, judged: readonly JudgedEndpoint[], endpoint: number, serving: number): string {
  const next = nameOf(judged, serving);
  if (endpoint > serving) return `it is asked only where ${next} before it fails, too`;
  const fall = fallThrough(view, endpoint);
  const goesOn = `${runtimeName(view)} goes on to ${next}`;
  if (fall === null) return goesOn;
  const { afterMs, times } = fall;
  if (afterMs < noticeableMs) return `${goesOn} at once`;
  if (times === 1) return `${goesOn} after ${seconds(afterMs)}`;
  return `${goesOn} after ${seconds(afterMs)} at each request, about ${seconds(afterMs * times)} in one pull`;
}

/** Less than this is nobody's complaint, and may be the busy node itself. */
const noticeableMs = 500;

function runtimeName({ runtime: { name } }: View): string {
  if (name === 'cri-o') return 'CRI-O';
  return name ?? 'the runtime';
}

function seconds(ms: number): string {
  return ms < 9950 ? `${Number((ms / 1000).toFixed(1))} s` : `${Math.round(ms / 1000)} s`;
}

function nameOf(judged: readonly JudgedEndpoint[], endpoint: number): string {
  const url = judged[endpoint]?.url ?? '';
  const origin = originOf(url);
  return origin === null ? url : partyName(origin);
}
