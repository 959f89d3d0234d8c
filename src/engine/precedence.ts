import type { View } from '../evidence/view.ts';
import { type CauseId, layers } from '../model/cause-id.ts';
import type { Finding } from '../model/investigation.ts';

/**
 * The order of findings, primary first: what stops the runtime before it asks anybody; then the endpoint at which it ends
 * (`stop`, an index; null: it asks them all). When every endpoint fails, the upstream's answer about the image decides,
 * for no mirror would change it; else the first endpoint's own cause does (contract.md, rules of the verdict).
 */
export function byPrecedence(
  view: View,
  stop: number | null,
  all: readonly Finding[],
): (a: Finding, b: Finding) => number {
  const { endpoints } = view.plan;
  const isUpstream = ({ endpoint }: Finding): boolean =>
    endpoint !== null && endpoints[endpoint]?.role === 'upstream' && (stop === null || endpoint <= stop);
  const upstream = all.filter((finding) => finding.severity === 'fault' && isUpstream(finding)).sort(byLayer)[0];
  const rank = (finding: Finding): number => {
    if (finding.cause === 'pull-policy-always' || finding.cause === 'image-credentials-unverified') return 0;
    // That a pull stands still is what a broken hop looks like from behind, where a probe finds one.
    if (finding.endpoint === null) return finding.layer === 'blob' ? 5 + 2 * endpoints.length : 1;
    if (finding.endpoint === stop && stop !== endpoints.length - 1) return 2;
    if (isUpstream(finding) && (imageAnswers.has(finding.cause) || finding.cause === 'rate-limited')) return 3;
    const late = !isUpstream(finding) && upstream !== undefined && isOnlyWithout(finding, upstream);
    return 4 + finding.endpoint + (late ? endpoints.length : 0);
  };
  return (a, b) => rank(a) - rank(b) || byLayer(a, b);
}

/** In the order of a pull. */
export function byLayer(a: Finding, b: Finding): number {
  return layers.indexOf(a.layer) - layers.indexOf(b.layer);
}

/**
 * A mirror that says it has no such image is not broken; then the upstream behind it is what fails. Unless it has the
 * repository without the tag and the upstream is out of this network's reach: so it is in closed networks, whose mirror
 * is all there is.
 */
function isOnlyWithout({ cause }: Finding, upstream: Finding): boolean {
  if (cause === 'repository-not-found' || cause === 'repository-not-found-or-private') return true;
  return cause === 'tag-not-found' && !outOfReach.has(upstream.cause);
}

/** How a network that is closed meets what lies outside. */
export const outOfReach: ReadonlySet<CauseId> = new Set<CauseId>([
  'dns-name-not-found',
  'dns-server-failure',
  'dns-timeout',
  'dns-refused',
  'no-route',
  'tcp-timeout',
  'proxy-denied',
]);

/** Answers about the image or the one who asks, from a registry that works. */
const imageAnswers: ReadonlySet<CauseId> = new Set<CauseId>([
  'pull-secret-missing',
  'pull-secret-invalid',
  'credential-provider-failed',
  'credentials-missing',
  'credentials-rejected',
  'credentials-expired',
  'access-denied',
  'source-address-blocked',
  'repository-not-found',
  'repository-not-found-or-private',
  'tag-not-found',
  'platform-mismatch',
  'manifest-unsupported',
]);
