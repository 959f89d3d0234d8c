import type { Env } from '../../lib/env.ts';
import { arrayMember, isRecord, type JsonRecord, recordMember, stringMember } from '../../lib/json.ts';
import type { Log } from '../../lib/log.ts';
import { kubeDelay } from '../../wire/kube-back-off.ts';
import type { KubeClient } from '../../wire/kube-client.ts';
import type { KubeFailure } from '../../wire/kube-failure.ts';
import { apiTime } from './event-object.ts';
import {
  type ConditionState,
  conditionDue,
  conditionType,
  firstState,
  heartbeatMs,
  seen,
  type WrittenCondition,
} from './node-condition.ts';
import type { NodeProblem } from './node-problem.ts';

/** What writing needs. */
export interface ConditionWriterNeeds {
  readonly env: Env;
  readonly log: Log;
  readonly client: Pick<KubeClient, 'strategicPatch'>;
  /** As the API server calls it. */
  readonly node: string;
  /** What is wrong now; asked every few seconds. */
  readonly problem: () => NodeProblem | null;
  /** How it stands: null after a success. */
  readonly stands: (failure: KubeFailure | null) => void;
  readonly signal: AbortSignal;
}

/** Keeps the node's condition. It is left as it is at the end: the next agent goes on from it. */
export interface ConditionWriter {
  readonly tick: () => void;
  /** As it stands at the API server, as far as is known. */
  readonly status: () => 'True' | 'False' | null;
  /** Resolves when nothing is under way any more; to be called after the signal. */
  readonly stop: () => Promise<void>;
}

/** Between two looks at what is wrong. */
const lookMs = 2000;

/** Longest wait for one answer. */
const answerMs = 10_000;

/** Makes it. */
export function openConditionWriter(needs: ConditionWriterNeeds): ConditionWriter {
  const { env, log, client, node, signal } = needs;
  // What a person typed as the node's name goes into a path.
  const path = `/api/v1/nodes/${encodeURIComponent(node)}/status`;
  let state: ConditionState = firstState(env.monotonic());
  /** Undefined: not asked yet. */
  let there: WrittenCondition | null | undefined;
  let writtenAt: number | null = null;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let nextAt = Number.NEGATIVE_INFINITY;
  let failures = 0;
  let warned: string | null = null;
  let underWay: Promise<void> | null = null;

  const patch = async (wanted: WrittenCondition | null): Promise<void> => {
    // An empty patch changes nothing and tells how the node is: so the right to read nodes is not needed.
    const body = wanted === null ? {} : { status: { conditions: [conditionObject(wanted, env.now())] } };
    const answer = await client.strategicPatch(path, body, { timeoutMs: answerMs, signal });
    if (signal.aborted) return;
    if (answer.ok) {
      failures = 0;
      warned = null;
      const before = there?.status ?? null;
      there = conditionOf(answer.value) ?? wanted;
      // A fleet that was started in one moment does not write in one for ever.
      if (wanted !== null) writtenAt = env.monotonic() + env.random() * heartbeatMs * 0.1;
      if (wanted !== null && before !== wanted.status)
        log.info('the node condition is set', {
          type: conditionType,
          status: wanted.status,
          reason: wanted.reason,
          summary: wanted.message,
        });
      needs.stands(null);
      return;
    }
    failures++;
    nextAt = env.monotonic() + kubeDelay(failures, env.random(), answer.error.retryAfterMs);
    needs.stands(answer.error);
    if (warned === answer.error.kind) return;
    warned = answer.error.kind;
    log.warn('the node condition cannot be set', { note: answer.error.message });
  };

  return {
    tick() {
      const now = env.monotonic();
      if (now - lookedAt >= lookMs) {
        lookedAt = now;
        state = seen(state, needs.problem(), now);
      }
      if (underWay !== null || signal.aborted || now < nextAt) return;
      const wanted = there === undefined ? null : conditionDue(state, there, { now, wall: env.now(), writtenAt });
      if (there !== undefined && wanted === null) return;
      underWay = patch(wanted).finally(() => {
        underWay = null;
      });
    },
    status: () => there?.status ?? null,
    async stop() {
      await underWay;
    },
  };
}

function conditionObject({ status, reason, message, lastTransitionAt }: WrittenCondition, now: number): object {
  const times = { lastHeartbeatTime: apiTime(now), lastTransitionTime: apiTime(lastTransitionAt) };
  return { type: conditionType, status, reason, message, ...times };
}

/** Ours among the conditions of a node; null: there is none, or none that says anything. */
function conditionOf(node: JsonRecord): WrittenCondition | null {
  const status = recordMember(node, 'status');
  const all = status === null ? [] : (arrayMember(status, 'conditions') ?? []);
  const own = all.filter(isRecord).find(({ type }) => type === conditionType);
  if (own === undefined || (own.status !== 'True' && own.status !== 'False')) return null;
  const at = Date.parse(stringMember(own, 'lastTransitionTime') ?? '');
  return {
    status: own.status,
    reason: stringMember(own, 'reason') ?? '',
    message: stringMember(own, 'message') ?? '',
    lastTransitionAt: Number.isNaN(at) ? 0 : at,
  };
}
