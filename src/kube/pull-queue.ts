import type { PodPull } from './pod-pulls.ts';

/** How many images the kubelet of a node pulls at a time (serializeImagePulls, maxParallelImagePulls). */
export interface PullsAtOnce {
  readonly serialize: boolean;
  /** Null: as many as there are. Without meaning while `serialize` is true. */
  readonly parallel: number | null;
}

/** A pull in the kubelet's queue. */
export interface QueuedPull {
  readonly pull: PodPull;
  /** The pull that has been in front the longest, and whose end would let the next one begin. */
  readonly behind: PodPull;
  /** How many wait before this one, those that are under way left out. */
  readonly place: number;
}

/**
 * Pulls that have begun by the kubelet's events and wait for their turn all the same: it writes `Pulling` before it queues
 * (image_manager.go, pullImage; puller.go), and goes in that order. `rows` are those of one node.
 *
 * With one image at a time, all but the oldest wait. Events have whole seconds: of two pulls that began in one second either
 * may be in front, so only what is younger than that second counts as waiting.
 */
export function queuedPulls(rows: readonly PodPull[], { serialize, parallel }: PullsAtOnce): readonly QueuedPull[] {
  const slots = serialize ? 1 : parallel;
  if (slots === null) return [];
  const underWay = rows
    .filter(({ tries }) => tries.pullingSince !== null)
    .map((pull) => ({ pull, since: pull.tries.pullingSince ?? 0 }))
    .sort((a, b) => a.since - b.since);
  const [front] = underWay;
  const last = underWay[slots - 1];
  if (front === undefined || last === undefined) return [];
  return underWay
    .slice(slots)
    .filter(({ since }) => since > last.since)
    .map(({ pull }, place) => ({ pull, behind: front.pull, place }));
}
