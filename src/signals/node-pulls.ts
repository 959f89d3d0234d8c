import { limits } from '../lib/limits.ts';
import type { OtherPull, WaitingPod } from '../model/journal-facts.ts';
import { timeText } from './attempt.ts';
import { afterFailure, type BackOff, nextTry } from './back-off.ts';
import { imageKey, matchImage } from './image-match.ts';
import type { PullEvent } from './pull-event.ts';
import type { SourceLine } from './pull-line.ts';
import { sourceOfUnit } from './units.ts';

/** What a node's journal tells of who waits for an image, and of what is pulled meanwhile. */
export interface NodePulls {
  /** A kubelet writes to this journal. */
  readonly kubelet: boolean;
  /** Pods that the kubelet pulls the image for again, in the order of their next tries. */
  readonly waiting: readonly WaitingPod[];
  /** Pulls of other images that have begun and not ended, oldest first. */
  readonly others: readonly OtherPull[];
  /** When the pull of the image that is under way began; null: none is. */
  readonly underWaySince: string | null;
}

/** Takes in a journal's lines and the events that were made of them, and says at the end how things stand. */
export interface NodePullsReader {
  readonly line: (line: SourceLine) => void;
  readonly event: (event: PullEvent) => void;
  readonly end: () => NodePulls;
}

/** A pod that the kubelet was told of, or was told to forget. */
const podsChange = /^"SyncLoop (ADD|DELETE|REMOVE)" source="\w+" pods=\[([^\]]{0,20000})\]/;

/** A runtime that starts has no pull under way (containerd's cmd/containerd/command/main.go; CRI-O's cmd/crio/main.go). */
const runtimeStarts = /msg="(?:starting containerd"|Starting CRI-O, version: )/;

type Happening =
  | { readonly atMs: number; readonly kind: 'pods'; readonly gone: boolean; readonly pods: readonly string[] }
  | { readonly atMs: number; readonly kind: 'runtime' }
  | { readonly atMs: number; readonly kind: 'pull'; readonly event: PullEvent };

interface Waits {
  backOff: BackOff;
  lastWordMs: number;
}

/** The line is a kubelet's: by its unit, or by its form where a unit speaks for several programs, as k3s does. */
export function isKubelets({ unit, message }: SourceLine): boolean {
  const source = sourceOfUnit(unit);
  return source === 'kubelet' || (source === null && klog.test(message));
}

/** A quick look that spares all other lines the work: what the kubelet's pods are, or that a runtime starts. */
export function tellsOfNode({ message }: SourceLine): boolean {
  return message.includes('"SyncLoop ') || (message.includes('tarting') && runtimeStarts.test(message));
}

/** Reads a journal for one image. */
export function nodePulls(image: string): NodePullsReader {
  const { is } = matchImage(image);
  const happenings: Happening[] = [];
  let kubelet = false;
  return {
    line(line) {
      const { message, timeUs } = line;
      const atMs = Math.floor(timeUs / 1000);
      if (!kubelet) kubelet = isKubelets(line);
      if (message.includes('"SyncLoop ')) {
        const [, what, list = ''] = podsChange.exec(message.replace(klog, '')) ?? [];
        const pods = [...list.matchAll(/"([^"]{1,400})"/g)].map(([, pod = '']) => pod);
        if (what !== undefined) happenings.push({ atMs, kind: 'pods', gone: what !== 'ADD', pods });
      } else if (message.includes('tarting') && runtimeStarts.test(message)) happenings.push({ atMs, kind: 'runtime' });
    },
    event(event) {
      if (event.image !== null) happenings.push({ atMs: Date.parse(event.at), kind: 'pull', event });
    },
    end() {
      const pods = new Map<string, Waits>();
      const pulls = new Map<string, OtherPull>();
      const causes = new Map<string, string>();
      let begunMs: number | null = null;
      // An event is complete only when its last line is written; it counts from its first.
      for (const one of happenings.toSorted((a, b) => a.atMs - b.atMs)) {
        if (one.kind === 'runtime') {
          pulls.clear();
          begunMs = null;
          continue;
        }
        if (one.kind === 'pods') {
          // A kubelet that starts is told of all pods, and has forgotten what it waited for.
          for (const pod of one.pods) pods.delete(pod);
          continue;
        }
        const { event, at, namespace, pod, cause, image: about } = one.event;
        if (about === null) continue;
        const own = is(about);
        const key = own ? image : imageKey(about);
        if (event === 'pull-started') {
          pulls.set(key, { image: about, since: at, cause: causes.get(key) ?? null });
          if (own) begunMs = one.atMs;
        } else if (event === 'pull-succeeded' || event === 'pull-failed') {
          pulls.delete(key);
          if (cause !== null && event === 'pull-failed') causes.set(key, cause);
        }
        if (!own || pod === null || namespace === null) continue;
        const name = `${namespace}/${pod}`;
        const known = pods.get(name);
        if (event === 'pull-failed') {
          const backOff = afterFailure(known?.backOff ?? null, one.atMs, begunMs ?? one.atMs);
          pods.set(name, { backOff, lastWordMs: one.atMs });
        } else if (event === 'back-off' && known !== undefined) known.lastWordMs = one.atMs;
      }
      const own = pulls.get(image) ?? null;
      pulls.delete(image);
      return {
        kubelet,
        waiting: [...pods]
          .map(([pod, { backOff, lastWordMs }]) => ({
            pod,
            lastFailureAt: timeText(backOff.since * 1000),
            lastWordAt: timeText(lastWordMs * 1000),
            backOffSeconds: backOff.ms / 1000,
            nextTryAt: timeText(nextTry(backOff) * 1000),
          }))
          .sort((a, b) => (a.nextTryAt < b.nextTryAt ? -1 : 1))
          .slice(0, limits.journalPulls),
        others: [...pulls.values()].slice(0, limits.journalPulls),
        underWaySince: own?.since ?? null,
      };
    },
  };
}

/** The head that klog writes before each line: `I1122 11:03:27.838424   16667 kubelet.go:2724] `. */
const klog = /^[IWEF][0-9]{4} [0-9:.]{8,15} +[0-9]+ [\w.-]+\.go:[0-9]+\] /;
