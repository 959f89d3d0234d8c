/** What the kubelet waits after the first failed pull of an image by a pod (pkg/kubelet/kubelet.go, imageBackOffPeriod). */
export const firstBackOffMs = 10_000;

/** The most that it waits (MaxImageBackOff). */
export const maxBackOffMs = 300_000;

/** An entry that was not renewed for twice the maximum starts anew (client-go/util/flowcontrol, hasExpired). */
const expiryMs = 2 * maxBackOffMs;

/**
 * A pod is looked at every 10 to 15 s while it fails (pkg/kubelet/pod_workers.go: backOffPeriod with half of it as
 * jitter), so a try comes up to that much after the back-off has ended.
 */
export const syncMs = { least: 10_000, most: 15_000 } as const;

/** The kubelet's back-off of one pod and image, as far as failed tries tell it. */
export interface BackOff {
  /** What is waited now. */
  readonly ms: number;
  /** Since the last failed try. */
  readonly since: number;
}

/**
 * The back-off after a try that began at `began` and failed at `failedAt`, given the one before. It doubles with each
 * failure; for one of which the first failures were not seen, the time until the next try tells how far it is.
 */
export function afterFailure(before: BackOff | null, failedAt: number, began = failedAt): BackOff {
  if (before === null || failedAt - before.since > expiryMs + syncMs.most)
    return { ms: firstBackOffMs, since: failedAt };
  const waited = began - before.since;
  const fitting = steps.filter((step) => waited >= step - toleranceMs && waited <= step + syncMs.most + toleranceMs);
  // A pull that is slow to fail and whose beginning was not seen fits no step, and says nothing of it.
  const ended = fitting.includes(before.ms) ? before.ms : (fitting.at(-1) ?? before.ms);
  return { ms: Math.min(maxBackOffMs, Math.max(before.ms, ended) * 2), since: failedAt };
}

const steps: readonly number[] = [10_000, 20_000, 40_000, 80_000, 160_000, 300_000];

/** Times are those of log lines, which are written a moment after the fact. */
const toleranceMs = 1000;

/** For what the kubelet decides by itself (a name that does not parse, `Never`): no back-off, a try at each look. */
export function atEachLook(failedAt: number): BackOff {
  return { ms: syncMs.least, since: failedAt };
}

/** When the kubelet tries next at the earliest. */
export function nextTry(backOff: BackOff): number {
  return backOff.since + backOff.ms;
}
