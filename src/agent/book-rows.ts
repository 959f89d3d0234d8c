import { type BackOff, nextTry } from './back-off.ts';
import type { Conclusion, Incident, KnownPods, WaitingPod } from './parts.ts';

/** A row, as the book keeps it. */
export interface PodState {
  readonly namespace: string | null;
  readonly pod: string | null;
  readonly container: string | null;
  reason: string;
  policy: WaitingPod['policy'];
  firstSeenAt: number;
  lastSeenAt: number;
  attempts: number;
  backOff: BackOff | null;
  message: string;
}

/** An incident, as the book keeps it. */
export interface State {
  readonly id: string;
  readonly image: string;
  readonly key: string;
  readonly registry: string | null;
  firstSeenAt: number;
  lastSeenAt: number;
  saidCause: Incident['saidCause'];
  readonly pods: Map<string, PodState>;
  /** Pods beyond those that are kept one by one: when each was last seen, by its name. */
  readonly more: Map<string, number>;
  /** How many they were before a restart, until they have had time to be seen again. */
  moreBefore: number;
  /** A pull is under way since then; no line said how it ended. */
  pullingSince: number | null;
  /** The pull that failed last: the runtime says so first, and the kubelet a moment later for which pod it was. */
  lastPull: { readonly since: number; readonly failedAt: number } | null;
  conclusion: Conclusion | null;
  pulledAt: number | null;
  end: { at: number; by: 'agent' | 'kubelet' | 'gone'; gained: number | null } | null;
  /** Something is not as it was when the incident was last told of. */
  untold: boolean;
}

/** Sets what happened on the clock as it is now: else one set forward would end what lasts, one set back keep what is over. */
export function shift(state: State, by: number): void {
  state.untold = true;
  state.firstSeenAt += by;
  state.lastSeenAt += by;
  if (state.pullingSince !== null) state.pullingSince += by;
  state.lastPull = null;
  for (const [name, seenAt] of state.more) state.more.set(name, seenAt + by);
  if (state.pulledAt !== null) state.pulledAt += by;
  const { conclusion } = state;
  if (conclusion !== null) {
    const notBefore = conclusion.notBefore === null ? null : conclusion.notBefore + by;
    state.conclusion = { ...conclusion, at: conclusion.at + by, notBefore };
  }
  for (const pod of state.pods.values()) {
    pod.firstSeenAt += by;
    pod.lastSeenAt += by;
    if (pod.backOff !== null) pod.backOff = { ...pod.backOff, since: pod.backOff.since + by };
  }
}

/** A failure that is newer than an image's presence could explain. */
export function failedLately(state: State, now: number): boolean {
  return [...state.pods.values()].some(({ backOff }) => backOff !== null && now - backOff.since < 2000);
}

/** The image is here, and the kubelet wants to see who may have it. */
export function isUnverified({ conclusion }: State): boolean {
  return conclusion?.cause === 'image-credentials-unverified';
}

/** The image's being here is enough for a row: the kubelet does not ask the registry all the same. */
export function isEnough(pod: PodState, state: State, known: KnownPods): boolean {
  return rowOf(pod, state, known).policy !== 'Always' && !isUnverified(state);
}

/** Pods beyond those that are kept one by one. */
export function moreOf({ more, moreBefore }: State): number {
  return Math.max(more.size, moreBefore);
}

/** How much sooner the agent's pull was than the kubelet's own next try, for the pod that would have waited longest. */
export function secondsGained(state: State): number | null {
  const { pulledAt } = state;
  if (pulledAt === null) return null;
  const waits = [...state.pods.values()].flatMap(({ backOff, policy }) =>
    backOff === null || policy === 'Always' ? [] : [nextTry(backOff) - pulledAt],
  );
  return waits.length === 0 ? null : Math.max(0, Math.round(Math.max(...waits) / 1000));
}

/** The incident as it is told of. */
export function incidentOf(state: State, known: KnownPods): Incident {
  return {
    id: state.id,
    image: state.image,
    key: state.key,
    registry: state.registry,
    state: state.end === null ? 'open' : 'over',
    firstSeenAt: state.firstSeenAt,
    lastSeenAt: state.lastSeenAt,
    saidCause: state.saidCause,
    pods: [...state.pods.values()].map((pod) => rowOf(pod, state, known)),
    morePods: moreOf(state),
    conclusion: state.conclusion,
    pulledAt: state.pulledAt,
    endedAt: state.end?.at ?? null,
    endedBy: state.end?.by ?? null,
    secondsGained: state.end?.gained ?? null,
  };
}

/** A row as it is told of. */
export function rowOf(pod: PodState, state: State, known: KnownPods): WaitingPod {
  return {
    namespace: pod.namespace,
    pod: pod.pod,
    container: pod.container,
    reason: pod.reason,
    policy: pod.policy ?? known.policyOf(pod, state.key),
    firstSeenAt: pod.firstSeenAt,
    lastSeenAt: pod.lastSeenAt,
    attempts: pod.attempts,
    lastTryAt: pod.attempts === 0 ? null : (pod.backOff?.since ?? null),
    backOffMs: pod.backOff?.ms ?? null,
    nextTryAt: pod.backOff === null ? null : nextTry(pod.backOff),
    message: pod.message,
  };
}

/** An incident that was told of before a restart, to go on with. */
export function stateOf(incident: Incident): State {
  return {
    id: incident.id,
    image: incident.image,
    key: incident.key,
    registry: incident.registry,
    firstSeenAt: incident.firstSeenAt,
    lastSeenAt: incident.lastSeenAt,
    saidCause: incident.saidCause,
    pods: new Map(
      incident.pods.map((pod) => [
        `${pod.namespace}/${pod.pod}/${pod.container}`,
        {
          namespace: pod.namespace,
          pod: pod.pod,
          container: pod.container,
          reason: pod.reason,
          policy: pod.policy,
          firstSeenAt: pod.firstSeenAt,
          lastSeenAt: pod.lastSeenAt,
          attempts: pod.attempts,
          backOff:
            pod.backOffMs === null || pod.nextTryAt === null
              ? null
              : { ms: pod.backOffMs, since: pod.nextTryAt - pod.backOffMs },
          message: pod.message,
        },
      ]),
    ),
    more: new Map(),
    moreBefore: incident.morePods,
    pullingSince: null,
    lastPull: null,
    conclusion: incident.conclusion,
    pulledAt: incident.pulledAt,
    end: null,
    untold: false,
  };
}
