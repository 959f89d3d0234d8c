import type { Env } from '../../lib/env.ts';
import type { Log } from '../../lib/log.ts';
import type { Result } from '../../lib/result.ts';
import { kubeDelay } from '../../wire/kube-back-off.ts';
import type { KubeClient } from '../../wire/kube-client.ts';
import type { KubeFailure } from '../../wire/kube-failure.ts';
import { eventObject, eventPatch } from './event-object.ts';
import type { PodNotice } from './pod-notices.ts';

/** What becomes of a notice: `refused`: the server takes it from nobody like us, or not like this; `dropped`: no room, or too old. */
export type NoticeEnd = 'sent' | 'refused' | 'dropped';

/** What sending needs. */
export interface EventSenderNeeds {
  readonly env: Env;
  readonly log: Log;
  readonly client: Pick<KubeClient, 'create' | 'mergePatch'>;
  /** Where the Events come from. */
  readonly node: string;
  readonly ended: (end: NoticeEnd) => void;
  /** How it stands: null after a success. */
  readonly stands: (failure: KubeFailure | null) => void;
  readonly signal: AbortSignal;
}

/** Sends notices one after another. Nobody waits for it. */
export interface EventSender {
  readonly push: (notices: readonly PodNotice[]) => void;
  /** Sends the next one if it is due. */
  readonly tick: () => void;
  readonly waiting: () => number;
  /** Resolves when nothing is under way any more; to be called after the signal. */
  readonly stop: () => Promise<void>;
}

/** Notices that wait; a node's pods are some hundreds. The oldest make room: what is so now counts more. */
const mostWaiting = 500;

/** What waited for longer is no news any more: the server would have forgotten it by now. */
const mostAgeMs = 3_600_000;

/** A storm: so many at once, and one each half second after that. */
const burst = 20;
const refillMs = 500;

/** Longest wait for one answer. */
const answerMs = 10_000;

/** Makes it. */
export function openEventSender(needs: EventSenderNeeds): EventSender {
  const { env, log, client, node, signal } = needs;
  let queue: PodNotice[] = [];
  let underWay: Promise<void> | null = null;
  let failures = 0;
  let nextAt = Number.NEGATIVE_INFINITY;
  let spent = { level: 0, at: env.monotonic() };
  let warned: string | null = null;

  const drop = (count: number): void => {
    for (let n = 0; n < count; n++) needs.ended('dropped');
  };
  const write = async (notice: PodNotice): Promise<Result<unknown, KubeFailure>> => {
    const { namespace, name, kind } = notice;
    const options = { timeoutMs: answerMs, signal };
    if (kind === 'again') {
      const patched = await client.mergePatch(
        `/api/v1/namespaces/${namespace}/events/${name}`,
        eventPatch(notice),
        options,
      );
      // Forgotten after its hour, or swept away: it is written anew under the same name.
      if (patched.ok || patched.error.kind !== 'not-found') return patched;
    }
    return client.create(`/api/v1/namespaces/${namespace}/events`, eventObject(notice, node), options);
  };
  const send = async (notice: PodNotice): Promise<void> => {
    const answer = await write(notice);
    if (signal.aborted) return;
    // A try whose answer was lost had come through: the name is there.
    const fate = answer.ok || answer.error.kind === 'conflict' ? 'sent' : fateOf(answer.error);
    if (fate !== 'again') {
      const at = queue.indexOf(notice);
      if (at >= 0) queue.splice(at, 1);
    }
    if (answer.ok || fate === 'sent' || fate === 'passed') {
      failures = 0;
      warned = null;
      needs.stands(null);
      needs.ended(fate === 'passed' ? 'dropped' : 'sent');
      return;
    }
    failures++;
    nextAt = env.monotonic() + kubeDelay(failures, env.random(), answer.error.retryAfterMs);
    needs.stands(answer.error);
    if (fate === 'refused') needs.ended('refused');
    // Said once, not at each try.
    if (warned === answer.error.kind) return;
    warned = answer.error.kind;
    log.warn('an Event cannot be written', { note: answer.error.message, waiting: queue.length });
  };

  return {
    push(notices) {
      queue.push(...notices);
      const over = queue.length - mostWaiting;
      if (over <= 0) return;
      queue.splice(0, over);
      drop(over);
    },
    tick() {
      const now = env.monotonic();
      if (underWay !== null || signal.aborted || now < nextAt || queue.length === 0) return;
      const before = queue.length;
      queue = queue.filter(({ lastAt }) => env.now() - lastAt <= mostAgeMs);
      drop(before - queue.length);
      const [notice] = queue;
      const level = Math.max(0, spent.level - (now - spent.at) / refillMs);
      spent = { level, at: now };
      if (notice === undefined || level + 1 > burst) return;
      spent = { level: level + 1, at: now };
      underWay = send(notice).finally(() => {
        underWay = null;
      });
    },
    waiting: () => queue.length,
    async stop() {
      await underWay;
    },
  };
}

/** `passed`: the pod's namespace is gone or going, and nobody would read it. */
function fateOf({ kind, message }: KubeFailure): 'again' | 'refused' | 'passed' {
  if (kind === 'not-found') return 'passed';
  // The word of the server's admission for a namespace that is being deleted (plugin NamespaceLifecycle).
  if (kind === 'forbidden') return /because it is being terminated/.test(message) ? 'passed' : 'refused';
  return kind === 'rejected' || kind === 'invalid' || kind === 'too-large' || kind === 'gone' ? 'refused' : 'again';
}
