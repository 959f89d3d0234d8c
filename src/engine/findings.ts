import type { Cause, CauseArgs, Match } from '../causes/cause.ts';
import { causeOf } from '../causes/index.ts';
import { remediesOf } from '../causes/remedies.ts';
import { breaksOf } from '../evidence/breaks.ts';
import { originOf, partyName } from '../evidence/origin.ts';
import { refusalsOf } from '../evidence/refusal.ts';
import { idsOf, probesOf, type View } from '../evidence/view.ts';
import { endpointWay } from '../evidence/ways.ts';
import type { CauseId } from '../model/cause-id.ts';
import type { AnyDoneProbe, Finding } from '../model/investigation.ts';
import type { Problem } from '../model/problem.ts';

/** A match with its cause's words, as the document shows it. */
export function findingOf(cause: Cause, match: Match): Finding {
  return {
    cause: cause.id,
    layer: cause.layer,
    confidence: match.confidence,
    severity: match.severity,
    summary: match.summary ?? cause.say(match.args),
    evidence: match.evidence,
    remedies: remediesOf(cause, match.args),
    underlying: match.underlying ?? null,
    host: match.host,
    endpoint: match.endpoint,
    alternatives: match.alternatives ?? [],
  };
}

/** A broken realm or content host is named for its part in the pull, and carries what is wrong with it. */
export function carried(finding: Finding, { carrier, party, args }: Match): Finding[] {
  // A rate limit is its own cause wherever it is met, and so is content that is not what it should be.
  if (carrier === null || carrier === undefined || finding.severity === 'degraded') return [finding];
  if (finding.cause === carrier || finding.cause === 'rate-limited' || finding.cause === 'digest-mismatch')
    return [finding];
  const { scheme, own, proxy } = args;
  const kept = {
    ...(scheme === undefined ? {} : { scheme }),
    ...(own === undefined ? {} : { own }),
    ...(proxy === undefined ? {} : { proxy }),
  };
  return [carryBy(carrier, finding, { ...kept, ...(party === undefined ? {} : { host: party }) })];
}

/** `finding` under the cause that carries it, at the party that does not do its part: `host`, the finding's own where absent. */
export function carryBy(
  id: CauseId,
  finding: Finding,
  args: Pick<CauseArgs, 'host' | 'image' | 'source' | 'detail' | 'scheme' | 'own' | 'proxy'>,
): Finding {
  const cause = causeOf(id);
  const host = args.host ?? finding.host ?? '';
  const words = { ...args, ...(host === '' ? {} : { host }), underlying: finding.summary };
  return {
    ...finding,
    cause: id,
    layer: cause.layer,
    summary: cause.say(words),
    remedies: [...remediesOf(cause, words), ...finding.remedies].slice(0, 4),
    underlying: finding.cause,
    host: host === '' ? null : host,
  };
}

/** Endpoints that fail in a way that no cause fits: `unknown`, with the evidence, never a guess. */
export function unexplained(view: View, known: readonly Finding[]): Finding[] {
  const explained = new Set(known.filter(({ severity }) => severity === 'fault').map(({ endpoint }) => endpoint));
  const loose = [
    ...breaksOf(view).map(({ endpoint, probes, way, layer }) => {
      const proxy = layer === 'proxy' && way.proxy !== null ? originOf(way.proxy) : null;
      return { endpoint, probes, host: partyName(proxy ?? way) };
    }),
    ...refusalsOf(view),
    ...missingParts(view),
  ].filter(({ endpoint }) => !explained.has(endpoint));
  const cause = causeOf('unknown');
  return loose
    .filter(({ endpoint }, index) => loose.findIndex((other) => other.endpoint === endpoint) === index)
    .map(({ endpoint, probes, host }): Finding => {
      const failed = probes.filter(({ status }) => status === 'failed');
      const words = failed.at(-1)?.error?.message ?? 'it fails';
      const args = { image: view.plan.image.input, host, detail: `${host}: ${words}` };
      return {
        cause: 'unknown',
        layer: cause.layer,
        confidence: 'possible',
        severity: 'fault',
        // Beneath a mirror's failure: that the image cannot be pulled is not said with it.
        summary:
          view.plan.endpoints[endpoint]?.role === 'mirror'
            ? `What ${host} answers fits no cause that Pullwhy knows: ${words}.`
            : cause.say(args),
        evidence: idsOf(failed.length === 0 ? probes : failed),
        remedies: remediesOf(cause, args),
        underlying: null,
        host,
        endpoint,
        alternatives: [],
      };
    });
}

/** What is wrong in the node's files. A warning is what the runtime ignores and goes on from. */
export function problemFindings(view: View): Finding[] {
  return view.plan.problems
    .filter(
      ({ severity, cause, harmless }) =>
        severity === 'error' || (cause === 'runtime-misconfigured' && harmless !== true),
    )
    .map((problem) =>
      problem.atStart === true && serves(view) ? latent(problem) : problemFinding(problem, view.plan.image.input),
    );
}

/** The runtime serves CRI, so it did not start with a file that keeps it from that. */
function serves(view: View): boolean {
  return probesOf(view, 'runtime').some(({ status }) => status === 'ok');
}

/** What waits for the next start of a runtime that runs. */
function latent(problem: Problem): Finding {
  const finding = problemFinding(problem);
  const now = 'The one that runs was started before the file was so; what it has loaded then is not known from it.';
  return { ...finding, severity: 'degraded', summary: `${finding.summary} ${now}` };
}

/** One problem as a finding. */
export function problemFinding(problem: Problem, image?: string): Finding {
  const cause = causeOf(problem.cause);
  // A secret is made for the registry that the image names.
  const named = image === undefined || problem.cause !== 'pull-secret-invalid' ? {} : { image };
  const args = { source: problem.source, detail: problem.message, ...named };
  return {
    cause: problem.cause,
    layer: cause.layer,
    confidence: 'proven',
    severity: problem.severity === 'error' ? 'fault' : 'degraded',
    // Messages about a whole file begin with its name themselves.
    summary:
      cause.layer === 'reference' || problem.message.startsWith(problem.source)
        ? problem.message
        : `${problem.source}: ${problem.message}`,
    evidence: [],
    remedies: remediesOf(cause, args),
    underlying: null,
    host: null,
    endpoint: null,
    alternatives: [],
  };
}

/** A file's problem and the runtime's own state can be the same thing: then the file is named, and the probe shows it. */
export function withEvidence(problems: readonly Finding[], shown: readonly Finding[]): Finding[] {
  const same = (a: Finding, b: Finding): boolean => a.cause === b.cause && a.severity === 'fault';
  const named = problems.map((problem) => {
    const seen = shown.filter((finding) => same(problem, finding));
    return { ...problem, evidence: seen.flatMap(({ evidence }) => [...evidence]) };
  });
  return [...named, ...shown.filter((finding) => !problems.some((problem) => same(problem, finding)))];
}

/** The index is there, and the manifest that it names for this platform is not. */
function missingParts(view: View): { endpoint: number; probes: readonly AnyDoneProbe[]; host: string }[] {
  return probesOf(view, 'manifest').flatMap((probe) => {
    const way = probe.endpoint === null ? null : endpointWay(view, probe.endpoint);
    if (probe.facts.part !== 'platform' || probe.status !== 'failed' || way === null) return [];
    return [{ endpoint: way.endpoint, probes: [probe], host: partyName(way) }];
  });
}
