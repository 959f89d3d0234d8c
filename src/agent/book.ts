import type { Env } from '../lib/env.ts';
import { limits } from '../lib/limits.ts';
import { imageKey, registryHost } from '../signals/image-match.ts';
import type { PullEvent } from '../signals/pull-event.ts';
import { afterFailure, atEachLook, firstBackOffMs } from './back-off.ts';
import {
  failedLately,
  incidentOf,
  isEnough,
  isUnverified,
  moreOf,
  type PodState,
  rowOf,
  type State,
  secondsGained,
  shift,
  stateOf,
} from './book-rows.ts';
import { openClockJumps } from './clock-jump.ts';
import type { Book, Incident, IncidentChange, KnownPods } from './parts.ts';
import { reasonOf, withoutBackOff } from './waiting-reason.ts';

/**
 * The kubelet writes a line at each look at a pod that fails, every 10 to 15 s (captured journals). After this much
 * silence no pod waits any more: it was deleted, or its image name corrected.
 */
export const goneAfterMs = 180_000;

/** The same for a pull that has begun and has not ended: it writes nothing however long it takes. */
const goneWhilePullingMs = 3_600_000;

/**
 * An image that the agent pulled is found by the kubelet at its next look, which comes within 15 s; when nothing failed
 * for this long, it was.
 */
const startedAfterMs = 20_000;

/** A try of a pod that always pulls may have been under way when the agent's pull ended. */
const underWayMs = 5000;

/** How long an incident that is over is kept for reports. */
const keptMs = 7 * 86_400_000;

/** What a book begins with: what it knew when the agent stopped. */
export interface BookMemory {
  readonly open: readonly Incident[];
  readonly over: readonly Incident[];
}

/** Makes a book. It is bounded: beyond `limits.agentIncidents` and `limits.agentPods` the oldest make room. */
export function openBook(
  env: Env,
  memory: BookMemory = { open: [], over: [] },
  known: KnownPods = { policyOf: () => null, waits: () => false },
): Book {
  const open = new Map<string, State>();
  let over: Incident[] = [...memory.over];
  let pods = 0;
  let more = 0;
  const jumps = openClockJumps(env);
  let setBackBy = 0;
  const openedAt = env.monotonic();
  const listeners: ((incident: Incident, change: IncidentChange) => void)[] = [];
  const tell = (state: State, change: IncidentChange): void => {
    state.untold = false;
    if (listeners.length === 0) return;
    const incident = incidentOf(state, known);
    for (const listener of listeners) listener(incident, change);
  };

  /** Before anything is compared: what is open goes with a clock that was set. */
  const settle = (): void => {
    const jump = jumps();
    if (jump === 0) return;
    setBackBy = Math.min(0, jump);
    for (const state of open.values()) shift(state, jump);
  };

  /** Nothing has happened yet that is to come: a line from the future was written before the clock was set back. */
  const timeOf = (event: PullEvent): number => {
    const [at, now] = [Date.parse(event.at), env.now()];
    return Number.isNaN(at) ? now : Math.min(at > now ? at + setBackBy : at, now);
  };

  for (const incident of memory.open) {
    const state = stateOf(incident);
    // The clock may have been set back meanwhile.
    const ahead = Math.max(state.lastSeenAt, state.pulledAt ?? 0) - env.now();
    if (ahead > 0) shift(state, -ahead);
    open.set(state.key, state);
    pods += state.pods.size;
  }

  const end = (state: State, by: 'agent' | 'kubelet' | 'gone', at: number): void => {
    state.end = { at, by, gained: by === 'agent' ? secondsGained(state) : null };
    open.delete(state.key);
    pods -= state.pods.size;
    more -= state.more.size;
    const incident = incidentOf(state, known);
    over.push(incident);
    if (over.length > limits.agentPastIncidents) over = over.slice(-limits.agentPastIncidents);
    for (const listener of listeners) listener(incident, 'ended');
  };

  /** Ends rows; with all that there are the incident, which is told of as it was. */
  const endRows = (state: State, isOver: (pod: PodState) => boolean, by: 'agent' | 'kubelet', at: number): void => {
    const gone = [...state.pods].filter(([, pod]) => isOver(pod)).map(([name]) => name);
    if (gone.length === state.pods.size && state.more.size === 0) {
      end(state, by, at);
      return;
    }
    for (const name of gone) state.pods.delete(name);
    pods -= gone.length;
    if (gone.length > 0) tell(state, 'pods');
  };

  const stateFor = (image: string, at: number): { state: State; opened: boolean } => {
    const key = imageKey(image);
    const known = open.get(key);
    if (known !== undefined) return { state: known, opened: false };
    if (open.size >= limits.agentIncidents) {
      const oldest = [...open.values()].reduce((a, b) => (a.lastSeenAt <= b.lastSeenAt ? a : b));
      end(oldest, 'gone', at);
    }
    const state: State = {
      id: `${Math.floor(at).toString(36)}-${Math.floor(env.random() * 36 ** 6)
        .toString(36)
        .padStart(6, '0')}`,
      image,
      key,
      registry: registryHost(image),
      firstSeenAt: at,
      lastSeenAt: at,
      saidCause: null,
      pods: new Map(),
      more: new Map(),
      moreBefore: 0,
      pullingSince: null,
      lastPull: null,
      conclusion: null,
      pulledAt: null,
      end: null,
      untold: false,
    };
    open.set(key, state);
    return { state, opened: true };
  };

  const podFor = (state: State, event: PullEvent, at: number): { pod: PodState | null; added: boolean } => {
    const name = `${event.namespace}/${event.pod}/${event.container}`;
    const known = state.pods.get(name);
    if (known !== undefined) return { pod: known, added: false };
    // A line of the runtime alone names no pod: whose try it was, where some are known, the kubelet's own line tells.
    if (event.pod === null && state.pods.size > 0) return { pod: null, added: false };
    const nameless = state.pods.get('null/null/null');
    if (event.pod !== null && nameless !== undefined) state.pods.delete('null/null/null');
    else if (pods >= limits.agentPods) {
      const isNew = !state.more.has(name);
      // Each image has one at least, or it would be over at once.
      if (isNew && more >= limits.agentMorePods && state.more.size > 0) return { pod: null, added: false };
      state.more.set(name, at);
      if (isNew) more++;
      return { pod: null, added: isNew };
    } else pods++;
    if (state.more.delete(name)) more--;
    const pod: PodState = {
      namespace: event.namespace,
      pod: event.pod,
      container: event.container,
      reason: '',
      policy: null,
      firstSeenAt: nameless?.firstSeenAt ?? at,
      lastSeenAt: at,
      attempts: nameless?.attempts ?? 0,
      backOff: nameless?.backOff ?? null,
      message: '',
    };
    state.pods.set(name, pod);
    return { pod, added: true };
  };

  /** What the agent pulled fails all the same: for whom it was enough waits no more, and the others are looked at anew. */
  const takeBack = (state: State, failing: PodState, pulledAt: number): void => {
    const unverified = isUnverified(state);
    for (const [name, pod] of state.pods) {
      const waits = pod === failing || !isEnough(pod, state, known) || pod.lastSeenAt - pulledAt > startedAfterMs;
      if (!waits) {
        state.pods.delete(name);
        pods--;
        // The kubelet asks the registry with the image there: that is `Always`, where nobody says otherwise.
      } else if (pod.policy === null && !unverified && pod.firstSeenAt <= pulledAt && !withoutBackOff.has(pod.reason))
        pod.policy = 'Always';
    }
    state.pulledAt = null;
    if (!unverified) state.conclusion = null;
  };

  const failed = (event: PullEvent, image: string, at: number): void => {
    const { state, opened } = stateFor(image, at);
    const { pod, added } = podFor(state, event, at);
    const before = state.saidCause;
    state.lastSeenAt = Math.max(state.lastSeenAt, at);
    state.untold = true;
    const { pullingSince, lastPull } = state;
    const justFailed = lastPull !== null && at - lastPull.failedAt <= 1000 ? lastPull.since : undefined;
    const began = pullingSince ?? justFailed;
    if (event.event !== 'back-off') {
      if (pullingSince !== null) state.lastPull = { since: pullingSince, failedAt: at };
      state.pullingSince = null;
    }
    if (event.cause !== null && event.cause !== 'back-off-only') {
      // What is known is not taken back by a line that says less, nor by one line of several about one failure.
      const whole = event.cursor !== null && event.cause !== 'unknown';
      if (state.saidCause === null || state.saidCause === 'unknown' || whole) state.saidCause = event.cause;
    }
    if (pod !== null) {
      pod.reason = reasonOf(event);
      pod.policy = known.policyOf(pod, state.key) ?? pod.policy;
      pod.lastSeenAt = Math.max(pod.lastSeenAt, at);
      if (event.event === 'back-off') pod.backOff ??= { ms: firstBackOffMs, since: at };
      else {
        // The same failure, told by kubelet and runtime apart, is one try.
        const again = pod.backOff === null || at - pod.backOff.since > 1000 || pod.attempts === 0;
        if (again) {
          const before = pod.attempts === 0 ? null : pod.backOff;
          pod.backOff = withoutBackOff.has(pod.reason) ? atEachLook(at) : afterFailure(before, at, began);
          pod.attempts++;
        }
      }
      if (event.event !== 'back-off' || pod.message === '') pod.message = event.message;
    }
    const { pulledAt } = state;
    const isTry = event.event !== 'back-off' && pod !== null && pulledAt !== null;
    const isPast = isTry && (began ?? at) - pulledAt > (isEnough(pod, state, known) ? startedAfterMs : underWayMs);
    if (isPast) {
      takeBack(state, pod, pulledAt);
      tell(state, 'signal');
      return;
    }
    const change = opened ? 'opened' : before !== state.saidCause && before !== null ? 'signal' : added ? 'pods' : null;
    if (change !== null) tell(state, change);
  };

  return {
    notice(event) {
      if (event.image === null) return;
      settle();
      const time = timeOf(event);
      switch (event.event) {
        case 'pull-failed':
        case 'back-off':
        case 'sandbox-failed':
          failed(event, event.image, time);
          return;
        case 'pull-started': {
          const state = open.get(imageKey(event.image));
          if (state === undefined) return;
          state.pullingSince = time;
          state.untold = true;
          state.lastSeenAt = Math.max(state.lastSeenAt, time);
          return;
        }
        case 'pull-succeeded': {
          const state = open.get(imageKey(event.image));
          if (state === undefined || (state.pulledAt !== null && event.source !== 'kubelet')) return;
          // A line that was read late says nothing of a failure that came after it.
          const before = (lastSeenAt: number): boolean => lastSeenAt <= time + 1000;
          const { pod: name, namespace, container } = event;
          if (name === null && !before(state.lastSeenAt)) return;
          const isOnly = state.pods.size + moreOf(state) === 1;
          const isOwn = (pod: PodState): boolean =>
            name === null
              ? isOnly
              : pod.pod === name && pod.namespace === namespace && (container === null || pod.container === container);
          const isOver = (pod: PodState): boolean =>
            before(pod.lastSeenAt) && (isOwn(pod) || isEnough(pod, state, known));
          endRows(state, isOver, state.pulledAt === null ? 'kubelet' : 'agent', time);
          return;
        }
        case 'mirror-tried':
        case 'image-removed':
        case 'other':
          return;
      }
    },
    podsEnded(endOf) {
      settle();
      for (const state of [...open.values()]) {
        let last: 'started' | 'gone' | null = null;
        for (const [name, pod] of state.pods) {
          const how = pod.pod === null ? null : endOf(rowOf(pod, state, known), state.key);
          if (how === null) continue;
          last = how;
          // The last row stays with the incident, which is told of as it was.
          if (state.pods.size === 1 && state.more.size === 0) break;
          state.pods.delete(name);
          pods--;
        }
        if (last === null) continue;
        const whole =
          state.more.size === 0 &&
          [...state.pods.values()].every(
            (pod) => pod.pod !== null && endOf(rowOf(pod, state, known), state.key) !== null,
          );
        if (whole) end(state, state.pulledAt !== null ? 'agent' : last === 'started' ? 'kubelet' : 'gone', env.now());
        else tell(state, 'pods');
      }
    },
    counted({ namespace, pod: name }, key, { attempts, backOff }) {
      settle();
      const state = open.get(key);
      if (state === undefined) return;
      let news = false;
      for (const pod of state.pods.values()) {
        if (pod.namespace !== namespace || pod.pod !== name) continue;
        const own = pod.attempts === 0 ? null : pod.backOff;
        if (backOff !== null && (own === null || backOff.ms > own.ms)) {
          // The last try may have been seen here since.
          pod.backOff = { ms: backOff.ms, since: Math.max(backOff.since, own?.since ?? 0) };
          news = true;
        }
        news ||= attempts > pod.attempts;
        pod.attempts = Math.max(pod.attempts, attempts);
      }
      if (news) tell(state, 'pods');
    },
    images(names) {
      if (names === null) return;
      settle();
      for (const state of [...open.values()]) {
        // `Always` fails beside an image that is here, and so does one whose credentials the kubelet wants to see.
        if (!names.has(state.key) || state.pulledAt !== null || failedLately(state, env.now())) continue;
        endRows(state, (pod) => isEnough(pod, state, known), 'kubelet', env.now());
      }
    },
    conclude(key, conclusion) {
      settle();
      const state = open.get(key);
      if (state === undefined) return;
      state.conclusion = conclusion;
      tell(state, 'concluded');
    },
    pulled(key, at) {
      settle();
      const state = open.get(key);
      if (state === undefined || state.pulledAt !== null) return;
      state.pulledAt = at;
      tell(state, 'pods');
    },
    open: () => [...open.values()].map((state) => incidentOf(state, known)),
    get(key) {
      const state = open.get(key);
      return state === undefined ? null : incidentOf(state, known);
    },
    over: (from) => over.filter(({ endedAt }) => endedAt !== null && endedAt >= from),
    untold() {
      const changed = [...open.values()].filter((state) => state.untold);
      for (const state of changed) state.untold = false;
      return changed.map((state) => incidentOf(state, known));
    },
    onChange: (listener) => void listeners.push(listener),
    tick() {
      settle();
      const now = env.now();
      // Nobody was heard while this book was closed: what that was is no silence.
      const silence = (since: number): number => Math.min(now - since, env.monotonic() - openedAt);
      over = over.filter(({ endedAt }) => endedAt !== null && now - endedAt < keptMs);
      for (const state of [...open.values()]) {
        const { pulledAt } = state;
        if (pulledAt !== null && silence(Math.max(pulledAt, state.lastSeenAt)) > startedAfterMs) {
          end(state, 'agent', now);
          continue;
        }
        const patience = state.pullingSince === null ? goneAfterMs : goneWhilePullingMs;
        for (const [name, pod] of state.pods) {
          if (silence(Math.max(pod.lastSeenAt, state.pullingSince ?? 0)) <= patience || known.waits(pod, state.key))
            continue;
          state.untold = true;
          state.pods.delete(name);
          pods--;
        }
        for (const [name, seenAt] of state.more) {
          if (silence(seenAt) <= goneAfterMs) continue;
          state.more.delete(name);
          more--;
        }
        if (env.monotonic() - openedAt > goneAfterMs) state.moreBefore = 0;
        if (state.pods.size + moreOf(state) > 0) continue;
        end(state, state.pulledAt === null ? 'gone' : 'agent', now);
      }
    },
  };
}
