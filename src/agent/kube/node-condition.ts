import type { NodeProblem } from './node-problem.ts';

/** The condition's type: True is a problem, as with the kubelet's own MemoryPressure. */
export const conditionType = 'ImagePullProblem';

/** What stands in its place while nothing is wrong. */
const fineReason = 'ImagesCanBePulled';
const fineMessage = 'Nothing of the node, its network or its registries is known to stop pulls.';

/** A problem has to stand for this long before it is told: registries hiccup, runtimes restart. */
export const onAfterMs = 30_000;

/** Nothing of the kind for this long, and it is over: what comes and goes is one problem. */
export const offAfterMs = 300_000;

/** The kubelet's own period for a status that has not changed (nodeStatusReportFrequency), and what a change of words waits. */
export const heartbeatMs = 300_000;
const wordsMs = 60_000;

/** As it stands at the API server. Times are milliseconds since the epoch. */
export interface WrittenCondition {
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionAt: number;
}

/** What the decider goes by from step to step. Times are of a clock that does not jump. */
export interface ConditionState {
  readonly startedAt: number;
  /** Since when a problem has been seen without a break. */
  readonly seenSince: number | null;
  /** When one was seen last. */
  readonly seenAt: number | null;
  readonly problem: NodeProblem | null;
}

/** At the start nothing is known. */
export function firstState(now: number): ConditionState {
  return { startedAt: now, seenSince: null, seenAt: null, problem: null };
}

/** Takes in what is found now. Pure. */
export function seen(before: ConditionState, problem: NodeProblem | null, now: number): ConditionState {
  if (problem === null) return { ...before, seenSince: null };
  return { ...before, seenSince: before.seenSince ?? now, seenAt: now, problem };
}

/**
 * What is to be written now; null: nothing. `there`: as it stands; null: there is none. `writtenAt`: when we wrote last, by
 * the clock of the state; null: not since the start. Pure.
 */
export function conditionDue(
  state: ConditionState,
  there: WrittenCondition | null,
  times: { readonly now: number; readonly wall: number; readonly writtenAt: number | null },
): WrittenCondition | null {
  const { now, wall, writtenAt } = times;
  const wanted = wantedOf(state, there, now);
  if (wanted === null) return null;
  const ago = writtenAt === null ? Number.POSITIVE_INFINITY : now - writtenAt;
  const lastTransitionAt = there !== null && there.status === wanted.status ? there.lastTransitionAt : wall;
  const due =
    there?.status !== wanted.status ||
    ago >= heartbeatMs ||
    (ago >= wordsMs && (there.reason !== wanted.reason || there.message !== wanted.message));
  return due ? { ...wanted, lastTransitionAt } : null;
}

function wantedOf(
  { startedAt, seenSince, seenAt, problem }: ConditionState,
  there: WrittenCondition | null,
  now: number,
): Omit<WrittenCondition, 'lastTransitionAt'> | null {
  if (there?.status === 'True') {
    // After a restart what was seen before is not known: it is given as long as if it had been seen just then.
    if (now - (seenAt ?? startedAt) >= offAfterMs) return { status: 'False', reason: fineReason, message: fineMessage };
    return problem === null ? { ...there, status: 'True' } : wordsOf(problem);
  }
  if (problem !== null && seenSince !== null && now - seenSince >= onAfterMs) return wordsOf(problem);
  // Not at once: nothing has been looked at yet.
  if (there === null && now - startedAt < onAfterMs) return null;
  return { status: 'False', reason: fineReason, message: fineMessage };
}

/** The reason is the cause in the form that conditions have: `tcp-refused` as `TcpRefused`. */
function wordsOf({ cause, summary }: NodeProblem): Omit<WrittenCondition, 'lastTransitionAt'> {
  const reason = cause
    .split('-')
    .map((word) => `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`)
    .join('');
  return { status: 'True', reason, message: summary };
}
