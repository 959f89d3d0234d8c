import type { PodRow, PodsDocument } from '../api/node.ts';
import { causeOf } from '../causes/index.ts';
import type { KubePod } from '../kube/pod.ts';
import { timeOf } from '../lib/time.ts';
import type { Diagnoser } from './diagnoser.ts';
import { concernOf } from './incident-pod.ts';
import type { Incident, Recovery } from './parts.ts';

/** What rows are made of besides the incidents. */
export interface RowNeeds {
  readonly node: string;
  readonly now: number;
  readonly retryOf: Recovery['retryOf'];
  readonly busy: Diagnoser['busy'];
  /** What the API server says of a pod of this node; null: nothing. */
  readonly podOf: (namespace: string, name: string) => KnownPod | null;
  /** Rows of pods that wait behind another image's pull. */
  readonly queued?: () => readonly PodRow[];
}

/** Of a pod what rows tell. */
export type KnownPod = Pick<KubePod, 'uid' | 'owner' | 'namespace' | 'pullSecrets'>;

/** `GET /v1/pods`: one row for each container that waits, the longest waiting first. */
export function podsDocument(incidents: readonly Incident[], needs: RowNeeds): PodsDocument {
  const failing = incidents.flatMap((incident) => podRows(incident, needs));
  const rows = [...failing, ...(needs.queued?.() ?? [])];
  rows.sort((a, b) => (a.firstSeenAt < b.firstSeenAt ? -1 : a.firstSeenAt > b.firstSeenAt ? 1 : 0));
  return { apiVersion: 'pullwhy/v1', kind: 'Pods', node: needs.node, at: timeOf(needs.now), pods: rows };
}

/** The rows of one incident. */
export function podRows(incident: Incident, { now, retryOf, busy, podOf }: RowNeeds): PodRow[] {
  const told = toldOf(incident);
  const toldOfOthers = toldOf({ ...incident, conclusion: null });
  const toldOfNever = toldOf({ ...incident, conclusion: null, saidCause: 'image-never-pull' });
  const concern = concernOf(incident, podOf);
  const retry = retryOf(incident);
  const investigating = busy(incident.key);
  return incident.pods.map((pod) => {
    const known = pod.namespace === null || pod.pod === null ? null : podOf(pod.namespace, pod.pod);
    const whose = concern(pod);
    return {
      namespace: pod.namespace,
      pod: pod.pod,
      container: pod.container,
      image: incident.image,
      normalized: incident.key === '' ? null : incident.key,
      reason: pod.reason,
      ...(whose === 'never' ? toldOfNever : whose === 'other-secrets' ? toldOfOthers : told),
      message: pod.message,
      firstSeenAt: timeOf(pod.firstSeenAt),
      lastSeenAt: timeOf(pod.lastSeenAt),
      attempts: pod.attempts,
      nextTryAt: pod.nextTryAt === null ? null : timeOf(pod.nextTryAt),
      nextTryInSeconds: pod.nextTryAt === null ? null : Math.max(0, Math.round((pod.nextTryAt - now) / 1000)),
      backOffSeconds: pod.backOffMs === null ? null : pod.backOffMs / 1000,
      incident: incident.id,
      investigation: whose === 'other-secrets' ? null : (incident.conclusion?.investigation ?? null),
      investigating,
      retry,
      policy: pod.policy,
      uid: known?.uid ?? null,
      owner: known?.owner ?? null,
    };
  });
}

/** What is known of the cause: what was proven here counts more than what the log's words say. */
function toldOf({
  conclusion,
  saidCause,
  pods,
}: Incident): Pick<PodRow, 'cause' | 'confidence' | 'layer' | 'underlying' | 'host' | 'summary'> {
  if (conclusion !== null && (conclusion.verdict === 'healthy' || conclusion.verdict === 'degraded')) {
    const next = pods.map(({ nextTryAt }) => nextTryAt).filter((at) => at !== null);
    const when = next.length === 0 ? '' : ` The kubelet tries next at ${timeOf(Math.min(...next))}.`;
    return {
      cause: 'back-off-only',
      confidence: 'likely',
      layer: causeOf('back-off-only').layer,
      underlying: null,
      host: null,
      summary: `Nothing stands in the way of the pull any more: ${conclusion.summary}${when}`,
    };
  }
  if (conclusion !== null && conclusion.cause !== null) {
    const { cause, confidence, layer, underlying, host, summary } = conclusion;
    return { cause, confidence, layer, underlying, host, summary };
  }
  if (saidCause === null || saidCause === 'unknown') {
    return {
      cause: saidCause,
      confidence: null,
      layer: null,
      underlying: null,
      host: null,
      summary: conclusion?.summary ?? 'The cause is not known yet.',
    };
  }
  const cause = causeOf(saidCause);
  const summary = `${cause.title}, by the words of kubelet and runtime; it is not proven yet.`;
  return { cause: saidCause, confidence: 'likely', layer: cause.layer, underlying: null, host: null, summary };
}
