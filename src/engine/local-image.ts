import { imagePresence } from '../causes/policy.ts';
import { credentialDemand, pullQuestion } from '../evidence/credential-demand.ts';
import { pullDecision } from '../evidence/pull-decision.ts';
import type { View } from '../evidence/view.ts';
import type { Finding, PullOutcome } from '../model/investigation.ts';
import { carryBy } from './findings.ts';

/** The image is on the node, and the kubelet starts it without asking a registry. */
export function startsWithoutPull(view: View): boolean {
  return imagePresence(view)?.present === true && pullDecision(pullQuestion(view)) === 'start';
}

/**
 * What the pod's policy makes of faults: an image that is here starts without a registry, unless the policy is Always or
 * the kubelet wants credentials for it.
 */
export function withPolicy(
  view: View,
  pull: PullOutcome,
  faults: readonly Finding[],
  order: (a: Finding, b: Finding) => number,
): Finding[] {
  const presence = imagePresence(view);
  if (presence?.present !== true) return [...faults];
  if (startsWithoutPull(view)) return faults.map(asDegraded);
  const { policy } = view.plan.pullPolicy;
  // Nobody asks a registry then, whatever else the node wants.
  if (policy === 'Never') return faults.map((one) => (one.layer === 'policy' ? one : asDegraded(one)));
  const first = [...faults].sort(order)[0];
  // Only a registry that fails is one that another policy would not ask; and a pull that works shows that none does.
  if (first === undefined || ['runtime', 'reference', 'node'].includes(first.layer) || pull.ok === true)
    return [...faults];
  const { input: image } = view.plan.image;
  const demand = credentialDemand(view);
  if (demand === null) {
    const always = carryBy('pull-policy-always', first, { image });
    return [{ ...always, evidence: [presence.id, ...first.evidence] }, ...faults];
  }
  const wanted = carryBy('image-credentials-unverified', first, { image, detail: demand.why });
  const confidence = demand.certain || first.confidence !== 'proven' ? first.confidence : 'likely';
  return [{ ...wanted, confidence, endpoint: null, evidence: [...demand.evidence, ...first.evidence] }, ...faults];
}

function asDegraded(finding: Finding): Finding {
  return { ...finding, severity: 'degraded' };
}
