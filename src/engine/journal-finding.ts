import { causeOf } from '../causes/index.ts';
import { imagePresence } from '../causes/policy.ts';
import { remediesOf } from '../causes/remedies.ts';
import { probesOf, type View } from '../evidence/view.ts';
import { type CauseId, causeIds } from '../model/cause-id.ts';
import type { JournalFacts, JournalMention } from '../model/facts.ts';
import type { Finding, JudgedEndpoint } from '../model/investigation.ts';
import { startsWithoutPull } from './local-image.ts';

/**
 * Causes that lie behind everything that probes look at: a registry that serves the image says nothing against them.
 * What a probe can see (a network, a registry's answer) and does not see now is over, whatever was written of it.
 */
const behindProbes: ReadonlySet<CauseId> = new Set<CauseId>([
  'pull-qps-exceeded',
  'unpack-failed',
  'filesystem-error',
  'disk-full',
  'snapshotter-unavailable',
  'credential-provider-failed',
  'pull-secret-missing',
  'image-credentials-unverified',
  'image-never-pull',
  'signature-rejected',
  'pull-timeout',
]);

/**
 * The failure that the journal ends with for this image: a failed attempt with no success, and no pull under way, behind
 * it. Null: there is none, or its success came later.
 */
export function lastFailure({ matching, lastFailureAt, lastSuccessAt, underWay }: JournalFacts): JournalMention | null {
  if (lastFailureAt === null || underWay || (lastSuccessAt !== null && lastSuccessAt >= lastFailureAt)) return null;
  return matching.findLast(({ at, event }) => at === lastFailureAt && event !== 'pull-succeeded') ?? null;
}

/**
 * What kubelet and runtime said last, where all that was probed works and nobody asked for a real pull: the one thing
 * that is left to explain why the image is not here. Never against what a probe shows.
 */
export function journalFindings(view: View, judged: readonly JudgedEndpoint[]): Finding[] {
  const probe = probesOf(view, 'journal')[0];
  const served = judged.some(({ verdict }) => verdict === 'healthy');
  if (probe === undefined || !served || view.pullAsked) return [];
  // An image that is here was pulled in the end, unless the policy pulls it all the same.
  const here = imagePresence(view)?.present === true;
  if (startsWithoutPull(view)) return [];
  const said = lastFailure(probe.facts);
  const id = causeIds.find((one) => one === said?.cause);
  if (said === null || id === undefined || contradicted(view, id, here)) return [];
  // What carries another cause is as much behind the probes as that one is.
  const underlying = causeIds.find((one) => one === said.underlying) ?? null;
  const bottom = id === 'sandbox-image-unavailable' ? underlying : id;
  if (bottom === null || !behindProbes.has(bottom)) return [];
  // A timeout's words often fit what has passed; only those that can mean nothing else count.
  const sure = said.confidence === 'proven' || (said.confidence === 'likely' && id !== 'pull-timeout');
  if (!sure) return [];
  const cause = causeOf(id);
  const args = { image: view.plan.image.input, detail: said.message };
  return [
    {
      cause: id,
      layer: cause.layer,
      confidence: 'likely',
      severity: 'fault',
      summary: `All that was probed works. ${cause.title}, by the words of ${speaker(said)} at ${timeOfDay(said)}: ${said.message}`,
      evidence: [probe.id],
      remedies: remediesOf(cause, args),
      underlying,
      host: null,
      endpoint: null,
      alternatives: [],
    },
  ];
}

/** What a probe or the plan shows to be otherwise now. */
function contradicted(view: View, id: CauseId, here: boolean): boolean {
  if (id === 'disk-full') return probesOf(view, 'disk').some(({ status }) => status === 'ok');
  if (id === 'image-never-pull') return here;
  return false;
}

/** `kubelet` of `kubelet.service`. */
export function speaker({ unit }: JournalMention): string {
  return unit.replace(/\.service$/, '');
}

/** `17:03:12 UTC`. */
export function timeOfDay({ at }: Pick<JournalMention, 'at'>): string {
  return /^\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d)/.exec(at)?.[1]?.concat(' UTC') ?? at;
}
