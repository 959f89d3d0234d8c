import { createHash } from 'node:crypto';
import type { PodRow } from '../../api/node.ts';
import { causeOf } from '../../causes/index.ts';
import type { KubePod } from '../../kube/pod.ts';
import type { PullUnderWay, QueuedImage } from '../../kube/pod-queue.ts';
import { queuedImages } from '../../kube/pod-queue.ts';
import type { Env } from '../../lib/env.ts';
import { limits } from '../../lib/limits.ts';
import { spanWords } from '../../lib/sizes.ts';
import { timeOf } from '../../lib/time.ts';
import type { KubeletInfo } from '../../model/plan.ts';
import { imageKey } from '../../signals/image-match.ts';
import type { PullEvent } from '../../signals/pull-event.ts';
import type { Incident } from '../parts.ts';

/** What of the kubelet's settings says how many images it pulls at a time. */
export type PullSettings = Pick<KubeletInfo, 'serializeImagePulls' | 'maxParallelImagePulls'>;

/** What the queue needs. */
export interface PullQueueNeeds {
  readonly env: Env;
  readonly pods: () => readonly KubePod[];
  /** Images on the node, by imageKey; null: not listed yet. */
  readonly images: () => ReadonlySet<string> | null;
  readonly incidents: () => readonly Incident[];
  /** The kubelet's settings; null: they cannot be read. */
  readonly settings: () => Promise<PullSettings | null>;
}

/** Pods that wait behind the pull of another image. */
export interface PullQueue {
  /** Everything that kubelet and runtime say of pulls. */
  readonly notice: (event: PullEvent) => void;
  /** The runtime starts anew: it pulls nothing. */
  readonly forget: () => void;
  /** Rows of `GET /v1/pods`: for these images nothing has failed. */
  readonly rows: () => readonly PodRow[];
  readonly tick: () => void;
}

/** A pull whose end no line told is not believed to last longer. */
const longestMs = 3_600_000;

/** How often the kubelet's settings are read again. */
const settingsMs = 60_000;

/** Makes it. */
export function openPullQueue({ env, pods, images, incidents, settings }: PullQueueNeeds): PullQueue {
  const underWay = new Map<string, PullUnderWay>();
  let known: { readonly at: number; readonly value: PullSettings | null } | null = null;
  let reading = false;

  const queued = (): { readonly list: readonly QueuedImage[]; readonly by: PullSettings } | null => {
    const present = images();
    if (underWay.size === 0 || present === null || known?.value == null) return null;
    const { serializeImagePulls: serialize, maxParallelImagePulls: parallel } = known.value;
    const atOnce = { serialize: serialize.value, parallel: parallel.value };
    return { list: queuedImages(pods(), [...underWay.values()], atOnce, present, env.now()), by: known.value };
  };

  return {
    notice({ event, image, at }) {
      if (image === null) return;
      const key = imageKey(image);
      if (event === 'pull-started') {
        const since = Date.parse(at);
        if (Number.isNaN(since) || underWay.has(key) || underWay.size >= limits.openPulls) return;
        underWay.set(key, { image, key, since });
      } else if (event === 'pull-succeeded' || event === 'pull-failed') underWay.delete(key);
    },
    forget: () => underWay.clear(),
    rows() {
      const found = queued();
      return found === null ? [] : found.list.map((one) => rowOf(one, found.by, incidents(), env.now()));
    },
    tick() {
      const now = env.monotonic();
      for (const [key, { since }] of underWay) if (env.now() - since > longestMs) underWay.delete(key);
      if (underWay.size === 0 || reading || (known !== null && now - known.at < settingsMs)) return;
      reading = true;
      void settings().then((value) => {
        known = { at: now, value };
        reading = false;
      });
    },
  };
}

function rowOf(
  { pod, image, since, behind }: QueuedImage,
  by: PullSettings,
  incidents: readonly Incident[],
  now: number,
): PodRow {
  const { serializeImagePulls: serialize, maxParallelImagePulls: parallel } = by;
  const front = incidents.find(({ key }) => key === behind.key);
  const told = front?.conclusion?.cause ?? front?.saidCause ?? null;
  const failed = told === null || told === 'unknown' ? '' : ` and failed before (${told})`;
  const cause = causeOf('pull-queued');
  const setting = serialize.value
    ? `serializeImagePulls is true (${serialize.source})`
    : `maxParallelImagePulls is ${parallel.value} (${parallel.source})`;
  const detail = `${behind.image}, whose pull is under way for ${spanWords(now - behind.since)}${failed}`;
  return {
    namespace: pod.namespace,
    pod: pod.name,
    container: image.name,
    image: image.image,
    normalized: imageKey(image.image),
    reason: image.reason,
    cause: 'pull-queued',
    // Where the kubelet's own settings are not at hand its default is assumed.
    confidence: serialize.source === 'default' && serialize.value ? 'possible' : 'likely',
    layer: cause.layer,
    underlying: told === 'unknown' ? null : told,
    host: null,
    summary: cause.say({ image: image.image, detail, source: setting }),
    message: image.message,
    firstSeenAt: timeOf(since),
    lastSeenAt: timeOf(now),
    attempts: 0,
    nextTryAt: null,
    nextTryInSeconds: null,
    backOffSeconds: null,
    incident: front?.id ?? `queued-${createHash('sha256').update(behind.key).digest('hex').slice(0, 12)}`,
    investigation: null,
    investigating: false,
    retry: {
      state: 'not-possible',
      note: 'Another image is being pulled; this one follows by itself.',
      nextCheckAt: null,
    },
    policy: image.policy,
    uid: pod.uid,
    owner: pod.owner,
  };
}
