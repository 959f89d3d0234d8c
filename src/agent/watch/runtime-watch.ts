import type { Env } from '../../lib/env.ts';
import type { Log } from '../../lib/log.ts';
import { pause } from '../../lib/pause.ts';
import type { Result } from '../../lib/result.ts';
import { imageKey } from '../../signals/image-match.ts';
import type { CriClient, CriFailure, CriImage } from '../../wire/cri.ts';
import type { SourceState, WatchSink } from '../parts.ts';

/** What watching the runtime needs. */
export interface RuntimeWatchNeeds {
  readonly env: Env;
  readonly log: Log;
  /** Connects; the failure says why the runtime does not answer. */
  readonly open: () => Promise<Result<CriClient, CriFailure>>;
  /** True while pods wait for images: then the list is asked more often where no events are served. */
  readonly eager: () => boolean;
  /** Other times than the usual ones between two lists, in milliseconds. */
  readonly listEach?: { readonly eagerMs: number; readonly lazyMs: number };
  readonly sink: WatchSink;
  readonly signal: AbortSignal;
}

/** What is known of the runtime now. */
export interface RuntimeWatch {
  readonly state: () => SourceState;
  /** Images by what they are compared by, as they were listed last; null before the first list. */
  readonly images: () => ReadonlySet<string> | null;
  readonly done: Promise<void>;
}

/** How often the images are listed: while pods wait and no event tells of a container that was created, and else. */
const usualMs = { eagerMs: 10_000, lazyMs: 300_000 };

/** Several containers are created at once: one list is enough for them. */
const settleMs = 300;

/** How long until a runtime that does not answer is asked again. */
const againMs = 2000;

/** Images of one node that are kept; the kubelet's garbage collection leaves some hundreds. */
const maxImages = 20_000;

/** Follows the runtime until the signal: which images are on the node, and whether it is there at all. */
export function watchRuntime(needs: RuntimeWatchNeeds): RuntimeWatch {
  const { env, log, open, eager, sink, signal } = needs;
  const { eagerMs, lazyMs } = needs.listEach ?? usualMs;
  let state: SourceState = {
    source: 'cri',
    state: 'waiting',
    note: 'The runtime is being asked.',
    since: env.now(),
    lastEventAt: null,
  };
  let images: ReadonlySet<string> | null = null;
  /** It has answered, and does not now. */
  let lost = false;
  const become = (word: SourceState['state'], note: string): void => {
    if (state.state === word && state.note === note) return;
    const followed = state.state === 'following';
    state = { ...state, state: word, note, since: env.now() };
    if (word === 'following') {
      log.info('the runtime answers', { note });
      if (lost) sink.runtime('back');
      lost = false;
    } else {
      log.warn('the runtime does not answer', { note });
      if (followed) sink.runtime('gone');
      lost = lost || followed;
    }
  };

  /** The time until the next list. In steps, for a pod may begin to wait at any time. */
  const untilDue = async (called: AbortSignal): Promise<void> => {
    const from = env.monotonic();
    do await pause(eagerMs, called);
    while (!called.aborted && !eager() && env.monotonic() - from < lazyMs);
  };

  const follow = async (client: CriClient): Promise<void> => {
    const ended = new AbortController();
    const both = AbortSignal.any([signal, ended.signal]);
    let wake = Promise.withResolvers<void>();
    let served = true;
    const stream = client
      .containerEvents(({ kind }) => {
        state = { ...state, lastEventAt: env.now() };
        if (kind === 'created' || kind === 'started') wake.resolve();
      }, both)
      .then((why) => {
        served = false;
        // An old runtime has no events: the list has to do. Any other end is the runtime's own.
        if (why.code !== 'Unimplemented') ended.abort();
        wake.resolve();
      });
    while (!both.aborted) {
      // Before the list is asked for: it may not have what comes meanwhile.
      wake = Promise.withResolvers<void>();
      const listed = await client.listImages(both);
      if (!listed.ok) break;
      images = namesOf(listed.value);
      sink.images(images);
      become(
        'following',
        served
          ? 'Images are listed when containers are created.'
          : 'Images are listed now and then: this runtime serves no container events.',
      );
      const idle = new AbortController();
      await Promise.race([untilDue(AbortSignal.any([both, idle.signal])), wake.promise]);
      idle.abort();
      if (!both.aborted) await pause(settleMs, both);
    }
    ended.abort();
    await stream;
  };

  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      const client = await open();
      if (client.ok) {
        await follow(client.value);
        client.value.close();
        if (!signal.aborted) become('waiting', 'The runtime ended the connection; it is asked again.');
      } else become(client.error.kind === 'socket-absent' ? 'absent' : 'unreadable', client.error.message);
      sink.images(null);
      await pause(againMs, signal);
    }
  };
  return { state: () => state, images: () => images, done: run() };
}

function namesOf(list: readonly CriImage[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { repoTags, repoDigests } of list) {
    for (const name of [...repoTags, ...repoDigests]) if (names.size < maxImages) names.add(imageKey(name));
  }
  return names;
}
