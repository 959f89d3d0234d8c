import type { PodRow, PodsDocument } from '../api/node.ts';
import { causeOf } from '../causes/index.ts';
import type { Diagnoser } from './diagnoser.ts';
import type { Incident, Recovery } from './parts.ts';

/** What rows are made of besides the incidents. */
export interface RowNeeds {
  readonly node: string;
  readonly now: number;
  readonly retryOf: Recovery['retryOf'];
  readonly busy: Diagnoser['busy'];
}

/** `GET /v1/pods`: one row for each container that waits, the longest waiting first. */
export function podsDocument(incidents: readonly Incident[], needs: RowNeeds): PodsDocument {
  const rows = incidents.flatMap((incident) => podRows(incident, needs));
  rows.sort((a, b) => (a.firstSeenAt < b.firstSeenAt ? -1 : a.firstSeenAt > b.firstSeenAt ? 1 : 0));
  return { apiVersion: 'pullwhy/v1', kind: 'Pods', node: needs.node, at: timeOf(needs.now), pods: rows };
}

/** The rows of one incident. */
export function podRows(incident: Incident, { now, retryOf, busy }: RowNeeds): PodRow[] {
  const told = toldOf(incident);
  const retry = retryOf(incident);
  const investigating = busy(incident.key);
  return incident.pods.map((pod) => ({
    namespace: pod.namespace,
    pod: pod.pod,
    container: pod.container,
    image: incident.image,
    normalized: incident.key === '' ? null : incident.key,
    reason: pod.reason,
    ...told,
    message: pod.message,
    firstSeenAt: timeOf(pod.firstSeenAt),
    lastSeenAt: timeOf(pod.lastSeenAt),
    attempts: pod.attempts,
    nextTryAt: pod.nextTryAt === null ? null : timeOf(pod.nextTryAt),
    nextTryInSeconds: pod.nextTryAt === null ? null : Math.max(0, Math.round((pod.nextTryAt - now) / 1000)),
    backOffSeconds: pod.backOffMs === null ? null : pod.backOffMs / 1000,
    incident: incident.id,
    investigation: incident.conclusion?.investigation ?? null,
    investigating,
    retry,
  }));
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

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
