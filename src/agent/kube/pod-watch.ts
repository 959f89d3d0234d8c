import type { KubePod } from '../../kube/pod.ts';
import type { Log } from '../../lib/log.ts';
import { ok } from '../../lib/result.ts';
import type { KubeAccess } from '../../wire/kube-access.ts';
import type { KubeFailure } from '../../wire/kube-failure.ts';
import type { KubeFollowState } from '../../wire/kube-watch.ts';
import type { Book, SourceState } from '../parts.ts';
import { type ApiPlace, apiAccess } from './api-access.ts';
import { endOfRow, type PodDirectory } from './known-pods.ts';
import type { PodTries } from './pod-tries.ts';

/** What watching the pods needs. */
export interface PodWatchNeeds extends ApiPlace {
  readonly log: Log;
  /** As the API server calls it. */
  readonly node: string;
  readonly directory: PodDirectory;
  readonly book: Pick<Book, 'notice' | 'podsEnded' | 'counted'>;
  /** The journal is followed: it counts tries itself. */
  readonly journalFollowed: () => boolean;
  readonly signal: AbortSignal;
  /** For tests: the way to the API server instead of the one that the variables tell. */
  readonly access?: KubeAccess;
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** The watch over the pods of this node. */
export interface PodWatch {
  /** Null: there is no API server here, and none was asked for. */
  readonly state: () => SourceState | null;
  /** Does what is due; about four times a second. */
  readonly tick: () => void;
  readonly done: Promise<void>;
}

/** What the log tells of a pod that a list does not have yet: a server may answer from what it had a moment ago. */
const lagMs = 30_000;

/**
 * Follows the pods of this node at the API server until the signal. Nothing depends on it: without the API server the agent
 * works by journal and runtime. Everything that speaks Kubernetes is loaded here and only when there is a server to ask.
 */
export function watchPods(needs: PodWatchNeeds): PodWatch {
  const { env, log, node, directory, book, signal } = needs;
  let state: SourceState | null = null;
  let tries: PodTries | null = null;
  const become = (word: SourceState['state'], note: string): void => {
    if (state?.state === word && state.note === note) return;
    const before = state?.state;
    state = { source: 'kubernetes', state: word, note, since: env.now(), lastEventAt: state?.lastEventAt ?? null };
    if (word === 'following') log.info('the pods are watched', { note });
    else if (before !== undefined || word !== 'waiting') log.warn('the pods are not watched', { note });
  };

  const run = async (): Promise<void> => {
    const way = needs.access === undefined ? await apiAccess(needs) : ok(needs.access);
    if (!way.ok) {
      if (needs.enabled === 'on') become('absent', way.error);
      return;
    }
    become('waiting', 'The API server is being asked.');
    const [{ openKubeClient }, { followKube }, { readPod }, { openPodEvents }, { openPodTries }] = await Promise.all([
      import('../../wire/kube-client.ts'),
      import('../../wire/kube-watch.ts'),
      import('../../kube/pod.ts'),
      import('./pod-events.ts'),
      import('./pod-tries.ts'),
    ]);
    const client = openKubeClient(way.value, env);
    const events = openPodEvents();
    const counting = openPodTries({
      env,
      log,
      client,
      directory,
      book,
      journalFollowed: needs.journalFollowed,
      signal,
    });
    tries = counting;
    const tell = (pod: KubePod): void => {
      const told = events.of(pod, env.now(), needs.journalFollowed());
      for (const event of told) book.notice(event);
      if (told.length > 0) counting.want(pod);
      if (state !== null) state = { ...state, lastEventAt: env.now() };
    };
    const onState = (now: KubeFollowState): void => {
      directory.fresh(now.state === 'following');
      if (now.state === 'following') become('following', followingNote(node, client.server, now.objects));
      else if (now.state === 'failing') become(wordOf(now.failure), failingNote(now.failure));
    };
    await followKube({
      client,
      path: `/api/v1/pods?fieldSelector=${encodeURIComponent(`spec.nodeName=${node}`)}`,
      read: readPod,
      onList(pods) {
        directory.replace(pods);
        events.keep(new Set(pods.map(({ uid }) => uid)));
        const listedAt = env.now();
        book.podsEnded((row, key) => {
          const pod = directory.get(row.namespace ?? '', row.pod ?? '');
          if (pod !== null) return endOfRow(pod, row, key);
          return listedAt - row.lastSeenAt > lagMs ? 'gone' : null;
        });
        for (const pod of pods) tell(pod);
      },
      onChange(type, pod) {
        const { namespace, name, uid } = pod;
        if (type === 'deleted') {
          directory.remove(pod);
          events.forget(uid);
        } else directory.set(pod);
        book.podsEnded((row, key) => {
          if (row.namespace !== namespace || row.pod !== name) return null;
          return type === 'deleted' ? 'gone' : endOfRow(pod, row, key);
        });
        if (type !== 'deleted') tell(pod);
      },
      onDamaged: (sentence) => log.warn('a pod cannot be read', { note: sentence }),
      onState,
      env,
      signal,
      ...(needs.pause === undefined ? {} : { pause: needs.pause }),
    });
    directory.fresh(false);
    await client.close();
  };
  const told = (): SourceState | null => {
    const lacks = tries?.lacks() ?? null;
    return state === null || lacks === null ? state : { ...state, note: `${state.note} ${lacks}` };
  };
  return { state: told, tick: () => tries?.tick(), done: run() };
}

function wordOf({ kind }: KubeFailure): SourceState['state'] {
  return kind === 'forbidden' || kind === 'unauthorized' || kind === 'credentials' ? 'unreadable' : 'waiting';
}

function failingNote({ kind, message }: KubeFailure): string {
  const text = `${message.slice(0, 1).toUpperCase()}${message.slice(1)}${message.endsWith('.') ? '' : '.'}`;
  return kind === 'forbidden' ? `${text} Let the agent's service account list and watch pods.` : text;
}

function followingNote(node: string, server: string, pods: number): string {
  const watched = `The pods of the node ${node} are watched at ${server}`;
  // The agent's own pod would be among them.
  return pods > 0 ? `${watched}.` : `${watched}; there are none: is node.name the name that kubectl get nodes has?`;
}
