import { causeOf, causes } from '../causes/index.ts';
import { imagePresence } from '../causes/policy.ts';
import { remediesOf } from '../causes/remedies.ts';
import { requestsOf } from '../evidence/requests.ts';
import { probesOf, type View } from '../evidence/view.ts';
import { stateOf } from '../evidence/way-state.ts';
import { endpointWay } from '../evidence/ways.ts';
import { type CauseId, layers } from '../model/cause-id.ts';
import type { Finding, JudgedEndpoint, PullOutcome, Verdict } from '../model/investigation.ts';
import { carried, carryBy, findingOf, problemFindings, unexplained, withEvidence } from './findings.ts';
import { journalFindings } from './journal-finding.ts';
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
  const raw = [...known, ...unexplained(view, known)];
  const pull = pullOutcome(view);
  const local = withEvidence(
    problemFindings(view),
    raw.filter((finding) => finding.endpoint === null),
  );
  const judged = judgeEndpoints(view, raw);
  const way = wayFindings(view, judged, raw);
  const serving = judged.some(({ verdict }) => verdict === 'healthy');
  const outlived = local.filter(({ cause }) => serving && goesOnWithout.has(cause));
  const own = [...local.filter((finding) => !outlived.includes(finding)), ...way.faults];
  const faults = withPolicy(view, pull, withPull(view, pull, own, way));
  const degraded = [...outlived.map((finding) => ({ ...finding, severity: 'degraded' as const })), ...way.degraded];
  const told = faults.length === 0 ? journalFindings(view, judged) : [];
  const findings = unique([...faults.sort(byPrecedence(view)), ...told, ...degraded]);
  const verdict = verdictOf(view, findings, judged, pull);
  return {
    verdict,
    findings,
    endpoints: judged,
    ruledOut: ruledOutBy(view, findings),
    pull,
    summary: findings[0]?.summary ?? summaryOf(view, verdict, judged),
  };
}

/** Each endpoint by itself: it serves this image, it cannot, or that was not found out. */
function judgeEndpoints(view: View, findings: readonly Finding[]): JudgedEndpoint[] {
  return view.plan.endpoints.map((info, endpoint): JudgedEndpoint => {
    const faulty =
      info.blocked || findings.some((finding) => finding.endpoint === endpoint && finding.severity === 'fault');
    if (faulty) return { ...info, verdict: 'faulty' };
    return { ...info, verdict: servesImage(view, endpoint) ? 'healthy' : 'skipped' };
  });
}

/** Manifest and content came from here. */
function servesImage(view: View, endpoint: number): boolean {
  const { image, named } = requestsOf(view, endpoint);
  if (named === null || image === null) return false;
  const content = probesOf(view, 'blob').filter((probe) => probe.endpoint === endpoint && probe.facts.next === null);
  // A part that was not checked to its end is not known to come.
  const came = (part: 'config' | 'layer'): boolean => content.some(({ facts }) => facts.part === part);
  const { config, layers: parts } = image.facts;
  const all = (config === null || came('config')) && (parts.length === 0 || came('layer'));
  return all && content.every((probe) => probe.status === 'ok');
}

interface WayFindings {
  readonly faults: Finding[];
  readonly degraded: Finding[];
}

/** Findings of the endpoints: faults when none serves the image, else what a broken mirror costs. */
function wayFindings(view: View, judged: readonly JudgedEndpoint[], raw: readonly Finding[]): WayFindings {
  const degraded = raw.filter((finding) => finding.severity === 'degraded');
  const serving = judged.findIndex(({ verdict }) => verdict === 'healthy');
  const faults = raw.filter((finding) => finding.severity === 'fault' && finding.endpoint !== null);
  if (serving < 0) return { faults, degraded: [...degraded, ...warnings(view)] };
  const mirrors = judged.flatMap(({ role, source, verdict }, endpoint) => {
    // An upstream that cannot be reached behind a mirror that serves is how closed networks are meant to be.
    const first = faults.filter((finding) => finding.endpoint === endpoint).sort(byLayer)[0];
    if (verdict !== 'faulty' || first === undefined || (role === 'upstream' && endpoint > serving)) return [];
    // A mirror without this image says so at once, and the runtime goes on: many are meant to hold only a part.
    if (role === 'mirror' && notHeld.has(first.cause)) return [];
    return [{ ...carryBy('mirror-failed', first, { source }), severity: 'degraded' as const }];
  });
  return { faults: [], degraded: [...mirrors, ...degraded, ...warnings(view)] };
}

/** What a mirror without this image answers. */
const notHeld: ReadonlySet<CauseId> = new Set<CauseId>(['tag-not-found', 'repository-not-found']);

function warnings(view: View): Finding[] {
  return problemFindings(view).filter(({ severity }) => severity === 'degraded');
}

/** The runtime's own words, where the probes found nothing; and its success, where they did. */
function withPull(view: View, pull: PullOutcome, own: readonly Finding[], way: WayFindings): Finding[] {
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

/** What the pod's policy makes of it: an image that is here starts without a registry, unless the policy is Always. */
function withPolicy(view: View, pull: PullOutcome, faults: readonly Finding[]): Finding[] {
  const presence = imagePresence(view);
  if (presence?.present !== true) return [...faults];
  if (view.plan.pullPolicy.policy !== 'Always')
    return faults.map((finding) => ({ ...finding, severity: 'degraded' as const }));
  const first = [...faults].sort(byPrecedence(view))[0];
  // Only a registry that fails is one that another policy would not ask; and a pull that works shows that none does.
  if (first === undefined || ['runtime', 'reference', 'node'].includes(first.layer) || pull.ok === true)
    return [...faults];
  const always = carryBy('pull-policy-always', first, { image: view.plan.image.input });
  return [{ ...always, evidence: [presence.id, ...first.evidence] }, ...faults];
}

/**
 * The order of findings, primary first: what stops the runtime before it asks anybody; then the endpoints. When every
 * endpoint fails, the upstream's answer about the image decides, for no mirror would change it; else the first
 * endpoint's own cause does (contract.md, rules of the verdict).
 */
function byPrecedence(view: View): (a: Finding, b: Finding) => number {
  const aboutImage = (finding: Finding): boolean =>
    finding.endpoint !== null &&
    view.plan.endpoints[finding.endpoint]?.role === 'upstream' &&
    (imageAnswers.has(finding.cause) || finding.cause === 'rate-limited');
  const rank = (finding: Finding): number => {
    if (finding.cause === 'pull-policy-always') return 0;
    if (finding.endpoint === null) return 1;
    return aboutImage(finding) ? 2 : 3 + finding.endpoint;
  };
  return (a, b) => rank(a) - rank(b) || byLayer(a, b);
}

/** Answers about the image or the one who asks, from a registry that works. */
const imageAnswers: ReadonlySet<CauseId> = new Set<CauseId>([
  'credentials-missing',
  'credentials-rejected',
  'credentials-expired',
  'access-denied',
  'source-address-blocked',
  'repository-not-found',
  'repository-not-found-or-private',
  'tag-not-found',
  'platform-mismatch',
  'manifest-unsupported',
]);

function byLayer(a: Finding, b: Finding): number {
  return layers.indexOf(a.layer) - layers.indexOf(b.layer);
}

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
  pull: PullOutcome,
): Verdict {
  const present = imagePresence(view)?.present === true && view.plan.pullPolicy.policy !== 'Always';
  if (findings.some(({ severity }) => severity === 'fault')) {
    // A pull that works proves more than a probe that fails.
    if (pull.ok === true || present) return 'degraded';
    // What is broken is one endpoint's, and another to which the runtime would go on was not checked to its end.
    const ofEndpoints = findings.every(({ endpoint, severity }) => endpoint !== null || severity === 'degraded');
    const open = judged.some(({ verdict }) => verdict === 'skipped');
    return ofEndpoints && open && pull.ok === null ? 'inconclusive' : 'faulty';
  }
  if (findings.length > 0) return 'degraded';
  if (present || pull.ok === true || judged.some(({ verdict }) => verdict === 'healthy')) return 'healthy';
  return 'inconclusive';
}

function summaryOf(view: View, verdict: Verdict, judged: readonly JudgedEndpoint[]): string {
  const { input } = view.plan.image;
  if (verdict === 'inconclusive') {
    const open = judged.findIndex((_, endpoint) => {
      const way = endpointWay(view, endpoint);
      return way !== null && stateOf(view, way).open.length > 0;
    });
    return open < 0
      ? `It could not be found out whether ${input} can be pulled: no endpoint was checked to its end.`
      : `${judged[open]?.url} answers, and whether it gives ${input} was not found out.`;
  }
  const presence = imagePresence(view);
  if (presence?.present === true && view.plan.pullPolicy.policy !== 'Always') {
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
