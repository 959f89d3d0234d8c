import { causeOf, causes } from '../causes/index.ts';
import { remediesOf } from '../causes/remedies.ts';
import { goesElsewhere } from '../evidence/difference.ts';
import { stoppingSecret } from '../evidence/pod-secrets.ts';
import { probesOf, type View } from '../evidence/view.ts';
import { stateOf } from '../evidence/way-state.ts';
import { endpointWay } from '../evidence/ways.ts';
import type { CauseId } from '../model/cause-id.ts';
import type { Finding, JudgedEndpoint, PullOutcome, Verdict } from '../model/investigation.ts';
import { hiddenFindings } from './behind.ts';
import { differenceFinding, notLoadedFindings } from './difference-finding.ts';
import { besidePull } from './disproved.ts';
import { judgeEndpoints, stopsAt, type WayFindings, wayFindings } from './endpoints.ts';
import { withEnvironment } from './environment-words.ts';
import { carried, findingOf, problemFindings, unexplained, withEvidence } from './findings.ts';
import { kubeletFindings } from './kubelet-finding.ts';
import { startsWithoutPull, withPolicy } from './local-image.ts';
import { asPause, isPauseFinding, withPause } from './pause-image.ts';
import { byPrecedence } from './precedence.ts';
import { ruledOutBy } from './ruled-out.ts';

/** Settings that cannot work as written, and without which the runtime goes on: no fault where the pull works all the same. */
const goesOnWithout: ReadonlySet<CauseId> = new Set<CauseId>(['proxy-misconfigured', 'pull-secret-invalid']);

/** What an investigation's evidence adds up to. */
export interface Conclusion {
  readonly verdict: Verdict;
  /** Primary first. */
  readonly findings: readonly Finding[];
  readonly endpoints: readonly JudgedEndpoint[];
  readonly ruledOut: ReturnType<typeof ruledOutBy>;
  readonly pull: PullOutcome;
  /** One sentence, also for a healthy image. */
  readonly summary: string;
}

/** Concludes from facts alone, so that a saved document gives the same verdict again. Pure. */
export function conclude(view: View): Conclusion {
  const known = causes.flatMap((cause) =>
    (cause.match?.(view) ?? []).flatMap((match) => carried(findingOf(cause, match), match)),
  );
  const pause = known.filter(isPauseFinding);
  const raw = [...known.filter((finding) => !isPauseFinding(finding)), ...unexplained(view, known)];
  const pull = pullOutcome(view);
  const local = withEvidence(
    problemFindings(view),
    raw.filter((finding) => finding.endpoint === null),
  );
  const judged = judgeEndpoints(view, raw);
  const stop = stopsAt(view, judged);
  const way = wayFindings(view, judged, stop, raw);
  const serving = judged.some(({ verdict }) => verdict === 'healthy');
  // A secret that the kubelet cannot decode stops it before it asks any registry.
  const stopped = stoppingSecret(view) !== null;
  const outlived = local.filter(
    ({ cause }) => serving && goesOnWithout.has(cause) && !(stopped && cause === 'pull-secret-invalid'),
  );
  const own = [...local.filter((finding) => !outlived.includes(finding)), ...way.faults];
  const order = byPrecedence(view, stop, own);
  const shown = besidePull(view, pull, withPull(view, pull, own, way, judged));
  const faults = withPolicy(view, pull, shown, order);
  const degraded = [...outlived.map((finding) => ({ ...finding, severity: 'degraded' as const })), ...way.degraded];
  const told = faults.length === 0 ? kubeletFindings(view, judged) : [];
  const hidden = pull.ok === true ? [] : hiddenFindings(view, faults);
  const stale = notLoadedFindings(view, pull);
  // It says which way the faults are on; what stops the node whatever the way comes before it.
  const sorted = asPause(view, faults.sort(order));
  const [first, second] = faults.every(isOfEndpoint) ? [stale, sorted] : [sorted, stale];
  const all = [...first, ...second, ...hidden, ...told, ...degraded];
  const ofImage = unique(all).map((finding) => withEnvironment(view, finding));
  const { verdict, findings } = withPause(view, verdictOf(view, ofImage, judged, stop, pull), ofImage, pause);
  return {
    verdict,
    findings,
    endpoints: judged,
    ruledOut: ruledOutBy(view, findings),
    pull,
    summary: unseen(view, pull, findings)
      ? inAnotherNetwork(view)
      : (findings[0]?.summary ?? summaryOf(view, verdict, judged)),
  };
}

/** The runtime's own words, where the probes found nothing; and its success, where they did. */
function withPull(
  view: View,
  pull: PullOutcome,
  own: readonly Finding[],
  way: WayFindings,
  judged: readonly JudgedEndpoint[],
): Finding[] {
  const faults = own.filter(({ severity }) => severity === 'fault');
  const probe = probesOf(view, 'pull')[0];
  // Where the probes know no name for it, the runtime's own words may, if they can mean one thing only.
  const named = faults.some(({ cause }) => cause !== 'unknown');
  const sure = probe?.facts.causeConfidence === 'proven';
  if (pull.ok !== false || probe === undefined) return faults;
  const id = pull.cause ?? 'unknown';
  // A node that cannot store the image stops the runtime before it asks the registry (pull-facts, section 17).
  const local = storesNothing.has(id) && !faults.some(({ cause }) => cause === id);
  if (!local && (named || (faults.length > 0 && !sure))) return faults;
  const difference = local ? null : differenceFinding(view, pull, judged);
  if (difference !== null) return [difference, ...faults];
  const hint = way.degraded.find(({ cause }) => cause === pull.cause);
  if (hint !== undefined) return [...faults, { ...hint, severity: 'fault' }];
  const cause = causeOf(id);
  const args = {
    image: view.plan.image.input,
    detail: pull.error ?? 'the runtime gives no reason',
    ...(probe.facts.host === null ? {} : { host: probe.facts.host }),
  };
  return [
    {
      cause: id,
      layer: cause.layer,
      // The runtime says so, and Pullwhy's own probes of the same way pass.
      confidence: id === 'unknown' ? 'possible' : 'likely',
      severity: 'fault',
      summary:
        id === 'unknown'
          ? cause.say(args)
          : named
            ? `${cause.title}, by the runtime's own words: ${args.detail}`
            : `The runtime fails although the probes pass. ${cause.title}, by its own words: ${args.detail}`,
      evidence: [probe.id],
      remedies: remediesOf(cause, args),
      underlying: null,
      host: probe.facts.host,
      endpoint: null,
      alternatives: [],
    },
    ...(local ? faults : []),
  ];
}

/** What keeps a node from storing any image, whatever the registry does. */
const storesNothing: ReadonlySet<CauseId> = new Set<CauseId>(['disk-full', 'filesystem-error']);

function unique(findings: readonly Finding[]): Finding[] {
  const seen = new Set<string>();
  return findings.filter((finding) => {
    const key = `${finding.cause} ${finding.endpoint} ${finding.host} ${finding.summary}`;
    return seen.has(key) ? false : Boolean(seen.add(key));
  });
}

function verdictOf(
  view: View,
  findings: readonly Finding[],
  judged: readonly JudgedEndpoint[],
  stop: number | null,
  pull: PullOutcome,
): Verdict {
  const present = startsWithoutPull(view);
  if (findings.some(({ severity }) => severity === 'fault')) {
    // A pull that works proves more than a probe that fails.
    if (pull.ok === true || present) return 'degraded';
    // The probes did not go where the runtime goes: what they met is not what it meets.
    if (pull.ok === null && goesElsewhere(view) !== null && findings.every(isOfEndpoint)) return 'inconclusive';
    // Who would be asked for credentials was not.
    if (pull.ok === null && findings.every(isUnasked)) return 'inconclusive';
    // What is broken is one endpoint's, and another to which the runtime would go on was not checked to its end.
    const ofEndpoints = findings.every(isOfEndpoint);
    const open = stop === null && judged.some(({ verdict }) => verdict === 'skipped');
    return ofEndpoints && open && pull.ok === null ? 'inconclusive' : 'faulty';
  }
  // A runtime that runs by other settings than its files have: nothing was asked of where it would go.
  const unplanned = judged.length === 0 && pull.ok === null && !present;
  if (unplanned && findings.length > 0) return 'inconclusive';
  if (unseen(view, pull, findings)) return 'inconclusive';
  if (findings.length > 0) return 'degraded';
  if (present || pull.ok === true || judged.some(({ verdict }) => verdict === 'healthy')) return 'healthy';
  return 'inconclusive';
}

/** What is wrong at an endpoint, or stops nothing. */
function isOfEndpoint({ endpoint, severity }: Finding): boolean {
  return endpoint !== null || severity === 'degraded';
}

/** A registry that wants credentials, and a plugin of the kubelet's that may have them: it is not run here. */
function isUnasked({ cause, confidence, severity }: Finding): boolean {
  return severity === 'degraded' || (confidence === 'possible' && cause !== 'unknown' && wantsLogin.has(cause));
}

const wantsLogin: ReadonlySet<CauseId> = new Set<CauseId>(['credentials-missing', 'repository-not-found-or-private']);

/** The probes found no fault, in a network that is not the runtime's, and no pull was made. */
function unseen(view: View, pull: PullOutcome, findings: readonly Finding[]): boolean {
  const faulty = findings.some(({ severity }) => severity === 'fault');
  return pull.ok === null && !faulty && !startsWithoutPull(view) && goesElsewhere(view) === 'network';
}

function inAnotherNetwork({ plan }: View): string {
  return `The probes ran in another network than the runtime, so they do not show whether it can pull ${plan.image.input}: run this in the network namespace of the node.`;
}

/** A proxy of a kind that is not spoken here is why nothing behind it was asked. */
function unspoken(view: View): string {
  const skipped = view.probes.find(
    ({ kind, status, counterfactual }) => kind === 'proxy' && status === 'skipped' && !counterfactual,
  );
  return skipped?.error == null ? '' : ` ${skipped.error.message}`;
}

function summaryOf(view: View, verdict: Verdict, judged: readonly JudgedEndpoint[]): string {
  const { input } = view.plan.image;
  if (verdict === 'inconclusive') {
    const open = judged.findIndex((_, endpoint) => {
      const way = endpointWay(view, endpoint);
      return way !== null && stateOf(view, way).open.length > 0;
    });
    return open < 0
      ? `It could not be found out whether ${input} can be pulled: no endpoint was checked to its end.${unspoken(view)}`
      : `${judged[open]?.url} answers, and whether it gives ${input} was not found out.`;
  }
  if (startsWithoutPull(view)) {
    return `${input} is on this node, and imagePullPolicy ${view.plan.pullPolicy.policy} starts it without a registry.`;
  }
  const serving = judged.find(({ verdict: one }) => one === 'healthy');
  return serving === undefined
    ? `${input} can be pulled on this node.`
    : `${input} can be pulled on this node, from ${new URL(serving.url).host}.`;
}

function pullOutcome(view: View): PullOutcome {
  const probe = probesOf(view, 'pull')[0];
  if (probe === undefined) return { attempted: false, ok: null, durationMs: null, error: null, cause: null };
  const cause = causes.find(({ id }) => id === probe.facts.cause)?.id ?? null;
  return {
    attempted: true,
    ok: probe.status === 'ok',
    durationMs: Math.round(probe.durationMs),
    error: probe.facts.runtimeError,
    cause,
  };
}
