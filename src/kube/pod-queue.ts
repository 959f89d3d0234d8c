import { imageKey } from '../signals/image-match.ts';
import type { KubePod, PodImage } from './pod.ts';
import type { PullsAtOnce } from './pull-queue.ts';

/** A pull that the runtime has begun and not ended. */
export interface PullUnderWay {
  readonly image: string;
  /** What the image is compared by (imageKey). */
  readonly key: string;
  readonly since: number;
}

/** An image that the kubelet has not handed to the runtime, for it is busy with others. */
export interface QueuedImage {
  readonly pod: KubePod;
  readonly image: PodImage;
  /** It has waited behind that pull since then, at least. */
  readonly since: number;
  /** The pull that has been under way the longest. */
  readonly behind: PullUnderWay;
}

/** A queue shorter than this is how a node starts pods. */
export const queuedAfterMs = 60_000;

/** Words of a container that is not there yet. */
const creating: ReadonlySet<string> = new Set(['ContainerCreating', 'PodInitializing']);

/**
 * Images that wait for their turn, by the pods of one node and what its runtime pulls: a pod whose sandbox stands and whose next
 * container is still created, of an image that is not on the node and that nobody has asked the runtime for, while as many
 * others as the kubelet pulls at a time are under way for pods of this node. `present`: images on the node, by imageKey. Pure.
 */
export function queuedImages(
  pods: readonly KubePod[],
  underWay: readonly PullUnderWay[],
  { serialize, parallel }: PullsAtOnce,
  present: ReadonlySet<string>,
  now: number,
): readonly QueuedImage[] {
  const slots = serialize ? 1 : parallel;
  if (slots === null) return [];
  const waiting = pods.flatMap((pod) => nextImages(pod).map((image) => ({ pod, image, key: imageKey(image.image) })));
  const wanted = new Set(
    pods.flatMap(({ images }) => images.flatMap((one) => (isWaiting(one) ? imageKey(one.image) : []))),
  );
  // What a person pulls by hand takes no place in the kubelet's queue.
  const busy = underWay.filter(({ key }) => wanted.has(key)).sort((a, b) => a.since - b.since);
  const [front] = busy;
  const last = busy[slots - 1];
  if (front === undefined || last === undefined) return [];
  const begun = new Set(underWay.map(({ key }) => key));
  return waiting.flatMap(({ pod, image, key }): QueuedImage[] => {
    if (begun.has(key) || present.has(key) || image.policy === 'Never') return [];
    const since = Math.max(last.since, pod.createdAt ?? last.since);
    return now - since < queuedAfterMs ? [] : [{ pod, image, since, behind: front }];
  });
}

/** The images that the kubelet needs next for a pod: of its first init container that has not ended, else of all others. */
function nextImages(pod: KubePod): readonly PodImage[] {
  if (pod.deleting || pod.phase !== 'Pending' || pod.sandboxReady !== true) return [];
  const init = pod.images.find(({ kind, state }) => kind === 'init' && (state === 'waiting' || state === 'none'));
  const next = init === undefined ? pod.images.filter(({ kind }) => kind === 'container') : [init];
  return next.filter(({ state, reason }) => state === 'waiting' && creating.has(reason)).slice(0, 1);
}

function isWaiting({ state }: PodImage): boolean {
  return state === 'waiting' || state === 'none';
}
