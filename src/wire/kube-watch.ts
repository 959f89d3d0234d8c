import type { Env } from '../lib/env.ts';
import { pause } from '../lib/pause.ts';
import type { Result } from '../lib/result.ts';
import { duration } from '../lib/words.ts';
import { kubeDelay } from './kube-back-off.ts';
import type { KubeClient, KubeWatchEnd } from './kube-client.ts';
import type { KubeFailure } from './kube-failure.ts';

/** How it stands with following objects of the API server. */
export type KubeFollowState =
  /** The first list is not here yet. */
  | { readonly state: 'starting' }
  /** All is known, and changes come as they happen. */
  | { readonly state: 'following'; readonly objects: number }
  /** Nothing comes now; what was known before may be old. */
  | { readonly state: 'failing'; readonly failure: KubeFailure; readonly nextTryMs: number };

/** What following needs. */
export interface KubeFollowing<T> {
  readonly client: Pick<KubeClient, 'list' | 'watch'>;
  /** Path and query: `/api/v1/pods?fieldSelector=spec.nodeName%3Dworker-3`. */
  readonly path: string;
  /** What is wanted of an object; a failure is a sentence about it. */
  readonly read: (object: unknown) => Result<T, string>;
  /** Everything that is there now; what is not in it is gone. */
  readonly onList: (items: readonly T[]) => void;
  readonly onChange: (type: 'added' | 'modified' | 'deleted', item: T) => void;
  /** An object that cannot be read and is left out. */
  readonly onDamaged: (sentence: string) => void;
  readonly onState: (state: KubeFollowState) => void;
  readonly env: Env;
  readonly signal: AbortSignal;
  /** For tests: waits, or until the signal. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/**
 * How long one watch lasts: as the clients of Kubernetes have it, five to ten minutes by chance, so that a fleet's watches do
 * not end in one moment (client-go, reflector.go: minWatchTimeout).
 */
const leastMs = 300_000;

/** A watch that ends sooner and brought nothing counts as a failure: a server that closes at once is not asked in a loop. */
const shortMs = 5000;

/**
 * Lists, then watches, until the signal: from the last version seen after each end, from a new list only when the server
 * has forgotten that version (410). So an API server that was away for an hour is asked for a list once, after a wait by
 * chance. Never rejects.
 */
export async function followKube<T>(following: KubeFollowing<T>): Promise<void> {
  const { client, path, read, env, signal, onState, onDamaged } = following;
  const wait = following.pause ?? pause;
  let version: string | null = null;
  let failures = 0;
  let objects = 0;

  const failed = async (failure: KubeFailure): Promise<void> => {
    if (signal.aborted) return;
    failures++;
    const nextTryMs = kubeDelay(failures, env.random(), failure.retryAfterMs);
    onState({ state: 'failing', failure, nextTryMs });
    await wait(nextTryMs, signal);
  };

  onState({ state: 'starting' });
  while (!signal.aborted) {
    if (version === null) {
      const listed = await client.list({ path, read }, { signal });
      if (signal.aborted) return;
      if (!listed.ok) {
        await failed(listed.error);
        continue;
      }
      const { items, damaged, resourceVersion } = listed.value;
      for (const sentence of damaged.some) onDamaged(sentence);
      objects = items.length;
      following.onList(items);
      version = resourceVersion;
    }
    const lastsMs = leastMs * (1 + env.random());
    const begun = env.monotonic();
    let unread = false;
    const end: KubeWatchEnd = await client.watch({
      path,
      resourceVersion: version,
      lastsMs,
      signal,
      onOpen: () => onState({ state: 'following', objects }),
      onChange({ type, object }) {
        const taken = read(object);
        if (!taken.ok) {
          onDamaged(taken.error);
          // Which one is gone cannot be told: a list can.
          if (type === 'DELETED') unread = true;
          return;
        }
        if (type === 'ADDED') objects++;
        else if (type === 'DELETED') objects--;
        following.onChange(type === 'ADDED' ? 'added' : type === 'DELETED' ? 'deleted' : 'modified', taken.value);
      },
    });
    if (signal.aborted) return;
    version = unread ? null : end.resourceVersion;
    const { failure, lines } = end;
    const lasted = env.monotonic() - begun;
    if (lines > 0 || (failure === null && lasted >= shortMs)) failures = 0;
    if (failure?.kind === 'gone') {
      version = null;
      // The first time it is only that the server went on without us.
      if (failures > 0 || lasted < shortMs) await failed(failure);
    } else if (failure !== null) await failed(failure);
    else if (lines === 0 && lasted < shortMs) {
      const message = `the watch ended after ${duration(lasted)} without a word`;
      await failed({ kind: 'unreachable', status: null, message, retryAfterMs: null });
    }
  }
}
