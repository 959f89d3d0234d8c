import { readEvent } from '../../kube/event.ts';
import type { KubePod } from '../../kube/pod.ts';
import { podPulls } from '../../kube/pod-pulls.ts';
import type { Env } from '../../lib/env.ts';
import type { Log } from '../../lib/log.ts';
import { imageKey } from '../../signals/image-match.ts';
import type { KubeClient } from '../../wire/kube-client.ts';
import type { Book } from '../parts.ts';
import type { PodDirectory } from './known-pods.ts';
import { eventOf } from './pod-events.ts';

/** What reading the Events of pods that fail needs. */
export interface PodTriesNeeds {
  readonly env: Env;
  readonly log: Log;
  readonly client: Pick<KubeClient, 'list'>;
  readonly directory: Pick<PodDirectory, 'get' | 'all'>;
  readonly book: Pick<Book, 'notice' | 'counted'>;
  /** The journal is followed: it counts tries from the agent's start on, and tells of sandboxes. */
  readonly journalFollowed: () => boolean;
  readonly signal: AbortSignal;
}

/** Finds out how often the kubelet has tried already, from the Events that it wrote before anybody here listened. */
export interface PodTries {
  /** A pod whose image does not come. */
  readonly want: (pod: KubePod) => void;
  /** What lacks, in one sentence; null: nothing. */
  readonly lacks: () => string | null;
  readonly tick: () => void;
}

/** The row is in the book by then, and the journal's past is read. */
const delayMs = 2000;

/** Some requests at once, for what fails on a node that is well; then one in this time: a storm of pods is not to become theirs. */
const burst = 24;
const refillMs = 500;

/** A pod is asked about anew so often at most, and only where no journal counts. */
const againMs = 60_000;

/** Pods that wait for it, beyond which none is added: what they lack is a count. */
const most = 500;

/** Events of one pod that are read; a kubelet combines them long before. */
const answerMs = 5000;

const lacking =
  "Events may not be listed, so tries are counted from the agent's start on: let the agent's service account list events.";

/** Makes it. Nothing is asked but in `tick`, one pod at a time. */
export function openPodTries(needs: PodTriesNeeds): PodTries {
  const { env, log, client, directory, book, journalFollowed, signal } = needs;
  const openedAt = env.now();
  const wanted = new Map<string, { readonly pod: KubePod; readonly from: number }>();
  const readAt = new Map<string, number>();
  let reading = false;
  let refused = false;
  let used = 0;
  let usedAt = env.monotonic();
  let sweptAt = env.monotonic();

  const want = (pod: KubePod): void => {
    if (refused || wanted.has(pod.uid) || wanted.size >= most) return;
    const before = readAt.get(pod.uid);
    // The journal has had all of a pod that is younger than this agent, and goes on from what is counted once.
    if (journalFollowed() && (before !== undefined || (pod.createdAt ?? openedAt) >= openedAt)) return;
    wanted.set(pod.uid, {
      pod,
      from: Math.max(env.monotonic() + delayMs, (before ?? Number.NEGATIVE_INFINITY) + againMs),
    });
  };

  /** A sandbox that fails changes nothing of a pod's status: only Events tell of it. */
  const sweep = (now: number): void => {
    if (now - sweptAt < againMs) return;
    sweptAt = now;
    const there = directory.all();
    const known = new Set(there.map(({ uid }) => uid));
    for (const uid of readAt.keys()) if (!known.has(uid)) readAt.delete(uid);
    if (journalFollowed()) return;
    for (const pod of there) if (!pod.deleting && pod.phase === 'Pending' && pod.sandboxReady === false) want(pod);
  };

  const read = async ({ namespace, name, uid }: KubePod): Promise<void> => {
    const pod = directory.get(namespace, name);
    if (pod === null || pod.uid !== uid) return;
    readAt.set(uid, env.monotonic());
    const selector = encodeURIComponent(`involvedObject.uid=${pod.mirrorOf ?? uid}`);
    const path = `/api/v1/namespaces/${namespace}/events?fieldSelector=${selector}`;
    const listed = await client.list({ path, read: readEvent }, { timeoutMs: answerMs, signal });
    if (signal.aborted) return;
    if (!listed.ok) {
      if (listed.error.kind !== 'forbidden') {
        // What could not be read is not counted by anything else: it is asked again, also where a journal is followed.
        readAt.delete(uid);
        if (wanted.size < most)
          wanted.set(uid, { pod, from: env.monotonic() + Math.max(againMs, listed.error.retryAfterMs ?? 0) });
        return;
      }
      refused = true;
      wanted.clear();
      log.warn('the events of pods may not be read', { note: `${listed.error.message}. ${lacking}` });
      return;
    }
    const now = env.now();
    for (const row of podPulls(pod, listed.value.items, now)) {
      if (row.state !== 'failing') continue;
      if (row.kind === 'sandbox') {
        if (journalFollowed() || row.image === '') continue;
        book.notice(eventOf(row, null, row.tries.lastTryAt ?? now, 'sandbox-failed'));
      }
      const { attempts, backOff } = row.tries;
      if (attempts > 0) book.counted({ namespace, pod: name }, imageKey(row.image), { attempts, backOff });
    }
  };

  return {
    want,
    lacks: () => (refused ? lacking : null),
    tick() {
      const now = env.monotonic();
      if (reading || refused || signal.aborted) return;
      sweep(now);
      used = Math.max(0, used - (now - usedAt) / refillMs);
      usedAt = now;
      if (used + 1 > burst) return;
      const due = [...wanted].find(([, { from }]) => from <= now);
      if (due === undefined) return;
      const [uid, { pod }] = due;
      wanted.delete(uid);
      used++;
      reading = true;
      void read(pod).finally(() => {
        reading = false;
      });
    },
  };
}
