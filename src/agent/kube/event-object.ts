import type { PodNotice } from './pod-notices.ts';

/** Who tells: the column From of `kubectl describe`. */
const component = 'pullwhy';

/**
 * An Event of core/v1, as the kubelet's own are: `kubectl describe pod` sorts by lastTimestamp, which events.k8s.io/v1 has
 * no other way to set than by deprecated fields, and finds Events by the pod's uid (kubectl, pkg/describe, DescribeEvents).
 * Without eventTime it is judged by the rules for such Events, which ask for no action.
 */
export function eventObject(notice: PodNotice, node: string): object {
  const { name, namespace, pod, uid, type, reason, message, firstAt, lastAt, count } = notice;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace },
    involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace, name: pod, ...(uid === null ? {} : { uid }) },
    type,
    reason,
    message,
    firstTimestamp: apiTime(firstAt),
    lastTimestamp: apiTime(lastAt),
    count,
    source: { component, host: node },
    reportingComponent: component,
    reportingInstance: node.slice(0, 128),
  };
}

/** What of it changes when it is said again. */
export function eventPatch({ message, lastAt, count }: PodNotice): object {
  return { message, lastTimestamp: apiTime(lastAt), count };
}

/** metav1.Time: RFC 3339 with whole seconds. */
export function apiTime(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}
