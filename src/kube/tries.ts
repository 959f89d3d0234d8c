import { type BackOff, firstBackOffMs, maxBackOffMs, nextTry, syncMs } from '../signals/back-off.ts';
import type { KubeEvent } from './event.ts';

/** The kubelet's tries of one image for one pod, as its events tell them. */
export interface PodTries {
  /** Failed pulls: those that events count, and those that must have followed by the kubelet's rhythm. */
  readonly attempts: number;
  /** False: some of them are reckoned, for the kubelet writes at most one event in five minutes after the first 25. */
  readonly exact: boolean;
  /** When the last of them failed, as far as it is known. */
  readonly lastTryAt: number | null;
  readonly backOff: BackOff | null;
  /** When the kubelet tries next at the earliest; null: it pulls now, or that is not known. */
  readonly nextTryAt: number | null;
  /** A pull has begun then, and nothing tells of its end. */
  readonly pullingSince: number | null;
}

/** What is asked of a pod's events. */
export interface TriesQuestion {
  /** Of this pod alone. */
  readonly events: readonly KubeEvent[];
  readonly image: string;
  /** The container waits with a failure of its image now; false: it is created (`ContainerCreating`), or that is not known. */
  readonly failing: boolean;
  readonly now: number;
}

/** client-go writes 25 events of one object at once and one in 300 s after that (events_cache.go): longer silence is real. */
const filteredMs = 330_000;

/** A pull of which nothing is known takes up to this, most of the time. */
const usualMs = 30_000;

/** Between the end of a back-off and the look that finds it ended, on average (measured: 0 to 15 s). */
const lookMs = 6000;

/** No tries: nothing tells of any. */
export const noTries: PodTries = {
  attempts: 0,
  exact: true,
  lastTryAt: null,
  backOff: null,
  nextTryAt: null,
  pullingSince: null,
};

/**
 * Counts the tries. A count is right at its event's last time, whatever was not written before; what happened after it is
 * reckoned by the kubelet's back-off, which goes by pod and image (image_manager.go), so that containers with one image
 * share it. A kubelet that starts anew begins a new event and a new back-off.
 */
export function triesOf({ events, image, failing, now }: TriesQuestion): PodTries {
  const about = events.filter(({ message }) => quotedImage(message) === image);
  const begun = about.filter(({ reason }) => reason === 'Pulling');
  const failed = about.filter(
    ({ reason, message }) => reason === 'Failed' && message.startsWith('Failed to pull image '),
  );
  const waited = about.filter(({ reason }) => reason === 'BackOff');
  const pulled = about.filter(({ reason }) => reason === 'Pulled');
  const succeededAt = latest(pulled);
  const begunAt = latest(begun);
  const endedAt = Math.max(latest(failed), latest(waited), succeededAt);
  if (begun.length === 0 && failed.length === 0) return noTries;
  const first = Math.min(...begun.map(({ firstAt }) => firstAt));
  const firstFailed = Math.min(...failed.map(({ firstAt }) => firstAt));
  const usual = Number.isFinite(firstFailed - first) ? Math.max(0, firstFailed - first) : 0;
  const quiet = events.every(({ lastAt }) => lastAt <= begunAt);
  const underWay =
    begunAt > endedAt &&
    (!failing || now - begunAt < Math.max(2 * usual, usualMs) || (quiet && now - begunAt > filteredMs));

  const successes = sum(pulled.filter(({ message }) => message.startsWith('Successfully pulled ')));
  const newest = begun.filter(({ firstAt }) => firstAt >= restartedAt(begun));
  const all = Math.max(sum(begun) - (underWay ? 1 : 0) - successes, sum(failed.filter(after(succeededAt))));
  const current = successes > 0 ? sum(failed.filter(after(succeededAt))) : sum(newest) - (underWay ? 1 : 0);
  if (all <= 0 || begunAt < succeededAt) return { ...noTries, pullingSince: underWay ? begunAt : null };

  // The end of the last try that is counted: by its own event, or as long after its beginning as the first one took.
  let failedAt = latest(failed) >= begunAt || underWay ? latest(failed) : begunAt + usual;
  let steps = Math.max(1, current);
  let attempts = Math.max(1, all);
  let exact = true;
  const known = failing ? now : latest(waited);
  if (!underWay) {
    // It has been tried again for certain once the latest time for that is past.
    while (known > failedAt + stepMs(steps) + syncMs.most + usual) {
      failedAt += stepMs(steps) + lookMs + usual;
      steps++;
      attempts++;
      exact = false;
    }
  }
  const backOff: BackOff = { ms: stepMs(steps), since: failedAt };
  return {
    attempts,
    exact,
    lastTryAt: Number.isFinite(failedAt) ? failedAt : null,
    backOff: Number.isFinite(failedAt) ? backOff : null,
    nextTryAt: underWay || !Number.isFinite(failedAt) ? null : nextTry(backOff),
    pullingSince: underWay ? begunAt : null,
  };
}

/** The image that a message of the kubelet names first, in its quotation marks. */
export function quotedImage(message: string): string | null {
  return /^[A-Z][\w-]*(?: [\w-]+)* "([^"]{1,4096})"/.exec(message)?.[1] ?? null;
}

/** What is waited after the n-th failure in a row. */
function stepMs(failures: number): number {
  return Math.min(maxBackOffMs, firstBackOffMs * 2 ** Math.min(10, failures - 1));
}

/** The beginning of the newest event of a container that has an older one of the same words: a kubelet that started anew. */
function restartedAt(begun: readonly KubeEvent[]): number {
  let at = Number.NEGATIVE_INFINITY;
  for (const one of begun) {
    const older = begun.some(({ container, lastAt }) => container === one.container && lastAt < one.firstAt);
    if (older) at = Math.max(at, one.firstAt);
  }
  return at;
}

function after(at: number): (event: KubeEvent) => boolean {
  return ({ firstAt, lastAt }) => firstAt > at || (at === Number.NEGATIVE_INFINITY && lastAt > at);
}

function latest(events: readonly KubeEvent[]): number {
  return Math.max(Number.NEGATIVE_INFINITY, ...events.map(({ lastAt }) => lastAt));
}

function sum(events: readonly KubeEvent[]): number {
  return events.reduce((total, { count }) => total + count, 0);
}
