import { causeOf } from '../../causes/index.ts';
import { timeOf } from '../../lib/time.ts';
import type { KubeReport, PodReport, WaitingImage } from './report.ts';

/** The report as one JSON document of the kind `PodPulls`. */
export function podPullsDocument({ at, scope, pods, notes }: KubeReport): unknown {
  return {
    apiVersion: 'pullwhy/v1',
    kind: 'PodPulls',
    at: timeOf(at),
    scope,
    pods: pods.map((report) => podDocument(report, at)),
    notes,
  };
}

function podDocument({ pod, images, agent, investigations, notes }: PodReport, at: number): unknown {
  const { namespace, name, uid, node, owner, phase } = pod;
  return {
    namespace,
    pod: name,
    uid,
    node,
    owner,
    phase,
    agent:
      agent === null
        ? null
        : {
            namespace: agent.pod?.namespace ?? null,
            pod: agent.pod?.name ?? null,
            reachedBy: agent.by,
            note: agent.why ?? (agent.pod === null ? 'no agent runs on this node' : null),
          },
    images: images.map((image) => imageDocument(image, at)),
    investigations,
    notes,
  };
}

function imageDocument(image: WaitingImage, at: number): unknown {
  const { kind, container, policy, state, reason, message, cause, confidence, underlying, by, explained } = image;
  const { nextTryAt, pullingSince } = image;
  return {
    kind,
    container,
    image: image.image,
    pullPolicy: policy,
    state,
    reason,
    message,
    cause,
    confidence,
    layer: cause === null ? null : causeOf(cause).layer,
    underlying,
    causeBy: cause === null ? null : by,
    summary: image.summary ?? explained?.summary ?? null,
    remedies: explained?.remedies ?? [],
    attempts: image.attempts,
    attemptsExact: image.attemptsExact,
    nextTryAt: nextTryAt === null ? null : timeOf(nextTryAt),
    nextTryInSeconds: nextTryAt === null ? null : Math.max(0, Math.round((nextTryAt - at) / 1000)),
    pullingSince: pullingSince === null ? null : timeOf(pullingSince),
    missingSecrets: image.missingSecrets,
  };
}
