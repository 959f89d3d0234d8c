import { causeOf } from '../causes/index.ts';
import { remediesOf } from '../causes/remedies.ts';
import { defaultPullPolicy } from '../image/pull-policy.ts';
import { parseReference } from '../image/reference.ts';
import type { KubePod } from '../kube/pod.ts';
import type { Conclusion, Incident, PodName, WaitingPod } from './parts.ts';

/**
 * The pod whose credentials an incident's investigations try: the one that they were about before, while it waits, else the
 * first that waits; undefined: none is known by name.
 */
export function podOf({ pods, conclusion }: Pick<Incident, 'pods' | 'conclusion'>): PodName | undefined {
  const named = pods.flatMap(({ namespace, pod }) =>
    namespace === null || pod === null ? [] : [{ namespace, name: pod }],
  );
  const before = conclusion?.pod;
  return named.find((one) => one.namespace === before?.namespace && one.name === before.name) ?? named[0];
}

/**
 * The imagePullPolicy by which an incident is investigated; null: none is known. Rows with `Never` wait for no registry, so they
 * decide only where there are no others; of `Always` and `IfNotPresent` together the latter, whose rows end by themselves once
 * the image is here.
 */
export function policyOf({ pods }: Pick<Incident, 'pods'>): WaitingPod['policy'] {
  const policies = new Set(pods.map(({ policy }) => policy));
  return (['IfNotPresent', 'Always', 'Never'] as const).find((policy) => policies.has(policy)) ?? null;
}

/** The same, and where none is known what the kubelet goes by for such a name. */
export function effectivePolicyOf(incident: Pick<Incident, 'pods' | 'image'>): NonNullable<WaitingPod['policy']> {
  const parsed = parseReference(incident.image);
  return policyOf(incident) ?? defaultPullPolicy(parsed.ok ? parsed.value : null);
}

/**
 * What an investigation comes to for those who wait. Under `Never` the kubelet asks no registry (image_manager.go), so what is
 * wrong with one stops nobody; where the runtime could not say whether the image is here, the kubelet's own word is what is left.
 */
export function conclusionFor(incident: Incident, conclusion: Conclusion): Conclusion {
  const refused = policyOf(incident) === 'Never' && incident.pods.some(({ reason }) => reason === 'ErrImageNeverPull');
  const ofRegistry = conclusion.verdict === 'faulty' || conclusion.verdict === 'inconclusive';
  if (!refused || !ofRegistry || conclusion.layer === 'policy' || conclusion.layer === 'reference') return conclusion;
  return underNever(incident.image, conclusion);
}

/** What keeps those waiting who may not pull. */
export function underNever(image: string, conclusion: Conclusion): Conclusion {
  const cause = causeOf('image-never-pull');
  const args = { image };
  return {
    ...conclusion,
    verdict: 'faulty',
    cause: cause.id,
    confidence: 'likely',
    underlying: null,
    layer: cause.layer,
    host: null,
    summary: cause.say(args),
    remedies: remediesOf(cause, args),
    notBefore: null,
  };
}

/** What the API server says of a pod's secrets; null: nothing is known of it. */
export type SecretsOf = (namespace: string, pod: string) => Pick<KubePod, 'namespace' | 'pullSecrets'> | null;

/** Whether an incident's conclusion is one of its pod's: it is; that pod may not pull at all; or it has other secrets. */
export type Concern = 'own' | 'never' | 'other-secrets';

/**
 * Which of an incident's pods its conclusion holds for. Who may not pull waits for no registry, whatever keeps those from it
 * who wait for the same image; and what was found out with one pod's secrets says nothing of a pod that has others.
 */
export function concernOf(
  { conclusion }: Pick<Incident, 'conclusion'>,
  secretsOf: SecretsOf,
): (pod: Pick<WaitingPod, 'namespace' | 'pod' | 'reason'>) => Concern {
  const ofRegistry = conclusion?.verdict === 'faulty' && conclusion.layer !== 'policy';
  const about = conclusion?.pod;
  const aboutSecrets = about === undefined ? null : secretsOf(about.namespace, about.name);
  return ({ namespace, pod, reason }) => {
    if (ofRegistry && reason === 'ErrImageNeverPull') return 'never';
    if (about === undefined || (namespace === about.namespace && pod === about.name)) return 'own';
    const secrets = namespace === null || pod === null ? null : secretsOf(namespace, pod);
    return haveSame(secrets, aboutSecrets) ? 'own' : 'other-secrets';
  };
}

/** The kubelet tries the same for both. */
function haveSame(one: ReturnType<SecretsOf>, other: ReturnType<SecretsOf>): boolean {
  if (one === null || other === null) return false;
  return one.namespace === other.namespace && one.pullSecrets.join('\n') === other.pullSecrets.join('\n');
}
