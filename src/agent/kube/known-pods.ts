import type { KubePod, PodImage } from '../../kube/pod.ts';
import { waitsForImage } from '../../kube/pod-pulls.ts';
import { imageKey } from '../../signals/image-match.ts';
import type { KnownPods, WaitingPod } from '../parts.ts';

/** What the API server says of this node's pods, kept for the book: small, for it has only what bears on images. */
export interface PodDirectory extends KnownPods {
  readonly set: (pod: KubePod) => void;
  /** Gone for good; one of the same name that came after it stays. */
  readonly remove: (pod: Pick<KubePod, 'namespace' | 'name' | 'uid'>) => void;
  /** These and no others. */
  readonly replace: (pods: readonly KubePod[]) => void;
  readonly get: (namespace: string, name: string) => KubePod | null;
  /** All that are known now; none while what is known may be old. */
  readonly all: () => readonly KubePod[];
  /** The pod is known, and names this image (by imageKey). */
  readonly names: (pod: Pick<KubePod, 'namespace' | 'name'>, key: string) => boolean;
  /** False: what is known may be old, and nothing is said of who waits. */
  readonly fresh: (fresh: boolean) => void;
}

/** Makes one, empty and not fresh. */
export function openPodDirectory(): PodDirectory {
  const pods = new Map<string, KubePod>();
  let isFresh = false;
  const nameOf = ({ namespace, name }: Pick<KubePod, 'namespace' | 'name'>): string => `${namespace}/${name}`;
  return {
    set: (pod) => void pods.set(nameOf(pod), pod),
    remove(pod) {
      if (pods.get(nameOf(pod))?.uid === pod.uid) pods.delete(nameOf(pod));
    },
    replace(list) {
      pods.clear();
      for (const pod of list) pods.set(nameOf(pod), pod);
    },
    get: (namespace, name) => pods.get(`${namespace}/${name}`) ?? null,
    all: () => (isFresh ? [...pods.values()] : []),
    names: (pod, key) => pods.get(nameOf(pod))?.images.some(({ image }) => imageKey(image) === key) ?? false,
    fresh(fresh) {
      isFresh = fresh;
    },
    policyOf({ namespace, pod, container }, key) {
      const known = pods.get(`${namespace}/${pod}`);
      if (known === undefined) return null;
      const images = imagesOf(known, container, key);
      const [first] = images;
      return first !== undefined && images.every(({ policy }) => policy === first.policy) ? first.policy : null;
    },
    waits({ namespace, pod, container }, key) {
      const known = pods.get(`${namespace}/${pod}`);
      if (!isFresh || known === undefined || known.deleting) return false;
      return imagesOf(known, container, key).some(waitsForImage);
    },
  };
}

/** A pod's images of one name: those of the container that is named, where it has one of them. */
function imagesOf(pod: KubePod, container: string | null, key: string): readonly PodImage[] {
  const images = pod.images.filter(({ image }) => imageKey(image) === key);
  const own = images.filter(({ name }) => name === container);
  return own.length > 0 ? own : images;
}

/** Times of the API have whole seconds. */
const secondMs = 1000;

/**
 * Whether a row of this pod is over, as the pod is now: `started`, because everything that needs the image runs since; `gone`,
 * because the pod is being deleted or needs the image no more. Null: it may go on. The log may be ahead of the API server,
 * so what started before the row's last failure ends nothing.
 */
export function endOfRow(pod: KubePod, row: WaitingPod, key: string): 'started' | 'gone' | null {
  if (pod.deleting || pod.phase === 'Succeeded' || pod.phase === 'Failed') return 'gone';
  const since = ({ startedAt }: PodImage): boolean => startedAt !== null && startedAt + secondMs >= row.lastSeenAt;
  // The pause image stands in no spec.
  if (row.reason === 'FailedCreatePodSandBox') return pod.images.some(since) ? 'started' : null;
  const images = imagesOf(pod, row.container, key);
  if (images.length === 0)
    return row.container !== null && pod.images.some(({ name }) => name === row.container) ? 'gone' : null;
  const users = images.flatMap((image) =>
    image.kind === 'volume' ? pod.images.filter(({ mounts }) => mounts.includes(image.name)) : [image],
  );
  return users.length > 0 && users.every(since) ? 'started' : null;
}
