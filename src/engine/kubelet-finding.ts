import { causeOf } from '../causes/index.ts';
import { remediesOf } from '../causes/remedies.ts';
import { stallWords } from '../causes/transfer.ts';
import { stallOf } from '../evidence/transfers.ts';
import { probesOf, type View } from '../evidence/view.ts';
import { spanWords } from '../lib/sizes.ts';
import { causeIds } from '../model/cause-id.ts';
import type { JournalFacts, WaitingPod } from '../model/facts.ts';
import type { Finding, JudgedEndpoint } from '../model/investigation.ts';
import { journalFindings, lastFailure, timeOfDay } from './journal-finding.ts';
import { startsWithoutPull } from './local-image.ts';

/**
 * A kubelet looks at a pod that waits every 10 to 15 s (pkg/kubelet/pod_workers.go), so that it tries again this much
 * after the back-off has ended at the latest; later than that it does something else.
 */
const lateMs = 30_000;

/** It writes a line about such a pod at each look. After this much silence the pod is gone (captured journals). */
const goneMs = 180_000;

/** A pull of another image that takes this long is worth a word, whether anybody waits for it or not. */
const longMs = 60_000;

/**
 * What is left to say where everything works that was probed: that the kubelet is busy with another image, what it and the
 * runtime said last of this one, or that it only waits for its next try.
 */
export function kubeletFindings(view: View, judged: readonly JudgedEndpoint[]): Finding[] {
  const served = judged.some(({ verdict }) => verdict === 'healthy');
  if (!served || startsWithoutPull(view)) return [];
  const queued = queuedFinding(view);
  if (queued?.severity === 'fault') return [queued];
  const told = journalFindings(view, judged);
  const waits = told.length > 0 ? null : backOffFinding(view);
  return [...told, ...[waits, queued].filter((one) => one !== null)];
}

/** The kubelet pulls no more images at a time than it does now, and this is not among them. */
function queuedFinding(view: View): Finding | null {
  const journal = probesOf(view, 'journal')[0];
  const stall = stallOf(view, 'others');
  const { kubelet, others = [] } = journal?.facts ?? {};
  const { serializeImagePulls: serialize, maxParallelImagePulls: parallel } = view.plan.kubelet;
  // Where nothing of a kubelet is known, nobody queues.
  if (kubelet !== true && serialize.source === 'default') return null;
  const limit = serialize.value ? 1 : (parallel.value ?? Number.POSITIVE_INFINITY);
  if (Math.max(others.length, stall === null ? 0 : 1) < limit || isPulled(view, journal?.facts)) return null;
  const [first] = others;
  const nowMs = view.startedAtMs ?? Date.parse(stall?.probe.facts.lookedAt ?? '');
  if (Number.isNaN(nowMs)) return null;
  const sinceMs = first === undefined ? null : nowMs - Date.parse(first.since);
  const overdue = overdueOf(journal?.facts, nowMs);
  const stuck = stall?.sure === true;
  if (overdue === null && !stuck && (sinceMs === null || sinceMs < longMs)) return null;
  const cause = causeOf('pull-queued');
  const behind = [
    first === undefined ? 'the pull of another image' : first.image,
    sinceMs === null ? '' : `, whose pull is under way for ${spanWords(sinceMs)}`,
    stall === null
      ? ''
      : `${first === undefined ? ', which' : ' and'} moves no bytes (${stallWords(stall.transfer, stall.quietMs, stall.count, stall.sure)})`,
    stall === null && first?.cause ? ` and failed before (${first.cause})` : '',
  ].join('');
  const setting = serialize.value
    ? `serializeImagePulls is true (${serialize.source})`
    : `maxParallelImagePulls is ${limit} (${parallel.source})`;
  const detail =
    overdue === null
      ? ''
      : ` The pod ${overdue.pod} was to be tried again at ${timeOfDay({ at: overdue.nextTryAt })}, and was not.`;
  const { input } = view.plan.image;
  const args = { image: overdue === null ? `A pod with ${input}` : input, detail: behind, source: setting };
  const sure = overdue !== null || stuck;
  const underlying = stall !== null ? 'pull-stalled' : (causeIds.find((id) => id === first?.cause) ?? null);
  return {
    ...base(view, 'pull-queued', args),
    // That a pull goes on is seen; that it is the kubelet's own follows from its being there.
    confidence: sure ? 'likely' : 'possible',
    severity: sure ? 'fault' : 'degraded',
    summary: `${cause.say(args)}${detail}`,
    evidence: [journal, stall?.probe].flatMap((probe) => (probe === undefined ? [] : [probe.id])),
    underlying,
  };
}

/** This image is being pulled itself; a pull of our own does not count. */
function isPulled(view: View, facts: JournalFacts | undefined): boolean {
  if (facts?.underWay !== true) return false;
  const own = view.pullAsked && Date.parse(facts.underWaySince ?? '') >= (view.startedAtMs ?? Number.POSITIVE_INFINITY);
  return !own;
}

/** A pod whose time has come, and of which nothing was said since. */
function overdueOf(facts: JournalFacts | undefined, nowMs: number): WaitingPod | null {
  const overdue = facts?.waiting?.find(({ nextTryAt, lastWordAt }) => {
    const due = Date.parse(nextTryAt);
    return nowMs > due + lateMs && Date.parse(lastWordAt) <= due + lateMs;
  });
  return overdue ?? null;
}

/** The last try failed for what is over, and the next has not come. */
function backOffFinding(view: View): Finding | null {
  const journal = probesOf(view, 'journal')[0];
  const nowMs = view.startedAtMs;
  if (journal === undefined || nowMs === null || journal.facts.underWay) return null;
  const { waiting = [], lastSuccessAt } = journal.facts;
  const always = view.plan.pullPolicy.policy === 'Always';
  // An image that came meanwhile is found at the next look, but for a policy that pulls it all the same.
  const came = probesOf(view, 'pull').some(({ status }) => status === 'ok');
  const next = waiting.find(
    ({ nextTryAt, lastWordAt, lastFailureAt }) =>
      nowMs <= Date.parse(nextTryAt) + lateMs &&
      nowMs - Date.parse(lastWordAt) <= goneMs &&
      (always || (!came && (lastSuccessAt === null || lastSuccessAt < lastFailureAt))),
  );
  if (next === undefined) return null;
  const left = Math.max(0, Math.ceil((Date.parse(next.nextTryAt) - nowMs) / 1000));
  const args = {
    image: view.plan.image.input,
    date: timeOfDay({ at: next.nextTryAt }),
    ...(left === 0 ? {} : { seconds: `${left}` }),
    ...(always ? { detail: 'always' } : {}),
  };
  const said = lastFailure(journal.facts);
  const last =
    said === null
      ? ''
      : ` Its last try failed at ${timeOfDay(said)}${said.cause === null ? '' : ` (${said.cause})`}: ${said.message}`;
  const cause = causeOf('back-off-only');
  return {
    ...base(view, 'back-off-only', args),
    confidence: 'likely',
    severity: 'degraded',
    summary: `${cause.say(args)} The pod ${next.pod} waits.${last}`,
    evidence: [journal.id],
    nextTryAt: next.nextTryAt,
  };
}

function base(
  view: View,
  id: 'pull-queued' | 'back-off-only',
  args: Parameters<typeof remediesOf>[1],
): Omit<Finding, 'confidence' | 'severity' | 'summary' | 'evidence'> {
  const cause = causeOf(id);
  return {
    cause: id,
    layer: cause.layer,
    remedies: remediesOf(cause, { ...args, image: view.plan.image.input }),
    underlying: null,
    host: null,
    endpoint: null,
    alternatives: [],
  };
}
