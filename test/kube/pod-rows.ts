import assert from 'node:assert/strict';
import { readEvent } from '../../src/kube/event.ts';
import { readPod } from '../../src/kube/pod.ts';
import { type PodPull, podPulls } from '../../src/kube/pod-pulls.ts';

/** When the clocks of these tests begin. */
export const start = Date.parse('2026-11-22T10:00:00Z');
/** So many seconds later, as Kubernetes writes it. */
export const iso = (seconds: number): string => new Date(start + seconds * 1000).toISOString().replace('.000Z', 'Z');

/** shop/web-0 with one container; `more` in place of its own members. */
export function podOf(more: { readonly [name: string]: unknown } = {}, metadata: object = {}): unknown {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-0', namespace: 'shop', uid: 'u1', ...metadata },
    spec: {
      nodeName: 'worker-3',
      containers: [{ name: 'app', image: 'reg.corp/app:1', imagePullPolicy: 'IfNotPresent' }],
    },
    status: { phase: 'Pending' },
    ...more,
  };
}

/** The status of a container that waits. */
export function waiting(name: string, reason: string, message = ''): object {
  return { name, state: { waiting: { reason, ...(message === '' ? {} : { message }) } } };
}

/** An event of that container, so many seconds after the start. */
export function eventOf(reason: string, message: string, at: number, more: object = {}): unknown {
  return {
    metadata: { name: 'e' },
    involvedObject: { kind: 'Pod', namespace: 'shop', name: 'web-0', uid: 'u1', fieldPath: 'spec.containers{app}' },
    reason,
    message,
    type: 'Warning',
    count: 1,
    firstTimestamp: iso(at),
    lastTimestamp: iso(at),
    eventTime: null,
    ...more,
  };
}

/** The pulls of a pod, looked at so many seconds after the start. */
export function rowsOf(pod: unknown, events: readonly unknown[] = [], at = 100): PodPull[] {
  const read = readPod(pod);
  assert.ok(read.ok);
  return podPulls(
    read.value,
    events.map((one) => {
      const event = readEvent(one);
      assert.ok(event.ok);
      return event.value;
    }),
    start + at * 1000,
  );
}
