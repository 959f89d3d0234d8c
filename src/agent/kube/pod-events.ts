import type { KubePod } from '../../kube/pod.ts';
import { type PodPull, podPulls } from '../../kube/pod-pulls.ts';
import type { PullEvent } from '../../signals/pull-event.ts';

/** Tries that the kubelet tells of in a pod's status: each comes with one of these words, the wait after it with another. */
const tryReasons: ReadonlySet<string> = new Set(['ErrImagePull', 'RegistryUnavailable', 'SignatureValidationFailed']);

/** Turns pods as they come into the events that the journal would have given. */
export interface PodEvents {
  /** What is new in a pod since it came last. `counted`: the journal is read, and counts tries itself. */
  readonly of: (pod: KubePod, now: number, counted: boolean) => PullEvent[];
  readonly forget: (uid: string) => void;
  /** Forgets all others. */
  readonly keep: (uids: ReadonlySet<string>) => void;
}

/** Makes it. It remembers the last words of each container that fails. */
export function openPodEvents(): PodEvents {
  const said = new Map<string, ReadonlyMap<string, string>>();
  return {
    of(pod, now, counted) {
      const before = said.get(pod.uid);
      const words = new Map<string, string>();
      const events: PullEvent[] = [];
      for (const row of podPulls(pod, [], now)) {
        const container = containerOf(row);
        const place = `${container}/${row.image}`;
        const word = `${row.reason} ${row.message}`;
        words.set(place, word);
        if (before?.get(place) === word) continue;
        const tried = !counted && tryReasons.has(row.reason);
        events.push(eventOf(row, container, now, tried ? 'pull-failed' : 'back-off'));
      }
      if (words.size > 0) said.set(pod.uid, words);
      else said.delete(pod.uid);
      return events;
    },
    forget: (uid) => void said.delete(uid),
    keep(uids) {
      for (const uid of said.keys()) if (!uids.has(uid)) said.delete(uid);
    },
  };
}

/** The journal names the container that mounts an image volume, not the volume. */
function containerOf({ kind, name, pod }: PodPull): string | null {
  if (kind !== 'volume' || name === null) return name;
  return pod.images.find(({ mounts }) => mounts.includes(name))?.name ?? null;
}

/** The event that the journal would have given of a row. */
export function eventOf(
  row: PodPull,
  container: string | null,
  now: number,
  event: 'pull-failed' | 'back-off' | 'sandbox-failed',
): PullEvent {
  const { pod, image, reason, message, cause, confidence, underlying } = row;
  return {
    at: new Date(now).toISOString(),
    cursor: null,
    unit: 'kubernetes',
    source: 'kubelet',
    event,
    image,
    pod: pod.name,
    namespace: pod.namespace,
    container,
    cause,
    confidence,
    underlying,
    // The book finds the kubelet's word in the message.
    message: message.includes(reason) || message === '' ? message || reason : `${reason}: ${message}`,
  };
}
