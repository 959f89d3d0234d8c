import { type Cause, sentence } from '../causes/cause.ts';
import { causeOf } from '../causes/index.ts';
import { remediesOf } from '../causes/remedies.ts';
import { type Difference, differenceOf, goesElsewhere, loadedOf } from '../evidence/difference.ts';
import { probesOf, type View } from '../evidence/view.ts';
import type { CauseId } from '../model/cause-id.ts';
import type { LoadedFacts, StartFile } from '../model/facts.ts';
import type { Finding, JudgedEndpoint, PullOutcome } from '../model/investigation.ts';
import { restart, runtimeWords, timeWords } from './runtime-words.ts';

/**
 * The pull fails and the probes find nothing in its way: what the running runtime has otherwise than the node's files,
 * which the probes go by, is named, with what the runtime's own words say beneath it. Null: no difference is known that
 * could make this failure.
 */
export function differenceFinding(view: View, pull: PullOutcome, judged: readonly JudgedEndpoint[]): Finding | null {
  const probe = probesOf(view, 'pull')[0];
  if (pull.ok !== false || probe === undefined) return null;
  const words = pull.cause === null || pull.cause === 'unknown' ? null : pull.cause;
  const layer = words === null ? null : causeOf(words).layer;
  const serves = judged.some(({ verdict }) => verdict === 'healthy');
  const difference = differenceOf(view, { cause: words, layer, serves });
  if (difference === null) return null;
  // The authority is what the runtime lacks, whichever file it should have it from; anything else is its configuration.
  const id: CauseId =
    words === 'tls-unknown-authority' && difference.files?.some(({ of }) => of === 'trust') === true
      ? words
      : 'runtime-misconfigured';
  const says =
    words === null
      ? ` So it fails: ${sentence(pull.error ?? 'it gives no reason')}`
      : id === words
        ? ''
        : ` So it fails: ${lower(causeOf(words).title)}.`;
  const host = probe.facts.host;
  return {
    ...base(causeOf(id), view, difference.facts),
    confidence: difference.confidence,
    severity: 'fault',
    summary: `${differenceWords(view, difference, host)}${says}`,
    evidence: [probe.id, ...difference.evidence],
    underlying: id === words ? null : words,
    host,
    alternatives: difference.confidence === 'proven' || words === null || id === words ? [] : [words],
  };
}

/**
 * Without a pull: the running runtime asks other endpoints than the files name, so that the probes, which go by the
 * files, show what is after its next start.
 */
export function notLoadedFindings(view: View, pull: PullOutcome): Finding[] {
  const probe = loadedOf(view);
  if (pull.ok === false || probe === null || goesElsewhere(view) !== 'endpoints') return [];
  const { facts } = probe;
  const settings = (facts.settings ?? []).filter(({ name }) => name.startsWith('registry.'));
  const words = settingWords(view, facts, settings);
  return [
    {
      ...base(causeOf('runtime-misconfigured'), view, facts),
      confidence: 'proven',
      severity: 'degraded',
      summary: `${words} The probes went by the files${pull.ok === true ? '; the pull works by what is loaded' : ', so they do not show what it meets now (--pull does)'}.`,
      evidence: [probe.id],
    },
  ];
}

function base(
  cause: Cause,
  view: View,
  facts: LoadedFacts,
): Pick<Finding, 'cause' | 'layer' | 'remedies' | 'underlying' | 'host' | 'endpoint' | 'alternatives'> {
  return {
    cause: cause.id,
    layer: cause.layer,
    remedies: [restart(view, facts), ...(cause.id === 'runtime-misconfigured' ? [] : remediesOf(cause, {}))].slice(
      0,
      3,
    ),
    underlying: null,
    host: null,
    endpoint: null,
    alternatives: [],
  };
}

function differenceWords(view: View, difference: Difference, host: string | null): string {
  const { facts } = difference;
  const who = runtimeWords(view, facts);
  if (difference.kind === 'settings') return settingWords(view, facts, difference.settings);
  const files = namesOf(difference.files);
  if (difference.kind === 'trust') {
    const of = difference.anchor === null ? 'the authority' : `the authority ${difference.anchor}`;
    return `${who} does not trust the certificate of ${host ?? 'the registry'}, although the node does by now: ${of} is in its trust store, and ${files}; a process loads its trust store once.`;
  }
  if (difference.kind === 'changed') {
    return `The pull fails although the probes, which go by the node's files, find nothing in its way: ${files}, and ${lower(who)} still has what it loaded before.`;
  }
  return `The pull fails although the probes find nothing in its way: ${lower(who)} sees other files than these under the names ${difference.files.map(({ path }) => path).join(', ')} (it lives in another mount namespace).`;
}

function settingWords(view: View, facts: LoadedFacts, settings: NonNullable<LoadedFacts['settings']>): string {
  const told = settings
    .slice(0, 3)
    .map(({ name, loaded, configured, source }) => `${name} is ${loaded} there, and ${configured} in ${source}`);
  const now = (facts.endpoints ?? []).join(', then ');
  return `${runtimeWords(view, facts)} has not loaded what its configuration says by now: ${told.join('; ')}.${now === '' ? '' : ` It goes to ${now}.`}`;
}

function namesOf(files: readonly StartFile[]): string {
  const [first] = files;
  const more = files.length > 1 ? ` and ${files.length - 1} more` : '';
  if (first === undefined) return 'its files changed';
  return `${first.path}${more} changed ${first.changedAt === null ? 'since it started' : timeWords(first.changedAt)}`;
}

function lower(text: string): string {
  return `${text.slice(0, 1).toLowerCase()}${text.slice(1)}`;
}
