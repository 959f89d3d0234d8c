import assert from 'node:assert/strict';
import type { CauseId, Layer } from '../../src/model/cause-id.ts';
import type { Confidence, Verdict } from '../../src/model/investigation.ts';
import type { Ran, Situation, Stage } from './diagnose-stage.ts';

/** One situation, and what has to be said of it. */
export interface DiagnoseCase {
  readonly name: string;
  readonly prepare: (stage: Stage) => Promise<Situation>;
  /** Several where the contract leaves it open. */
  readonly verdict: Verdict | readonly Verdict[];
  /** Null: healthy or inconclusive. A list where the contract leaves it open. */
  readonly cause: CauseId | null | readonly (CauseId | null)[];
  readonly confidence?: Confidence;
  readonly underlying?: CauseId | null;
  /** The summary. */
  readonly says?: RegExp;
  readonly saysNot?: RegExp;
  /** Causes that have to be among the findings too. */
  readonly also?: readonly CauseId[];
  /** Causes that must not be. */
  readonly never?: readonly CauseId[];
  readonly endpoints?: readonly ('healthy' | 'faulty' | 'skipped')[];
  readonly ruledOut?: readonly Layer[];
  readonly notRuledOut?: readonly Layer[];
  /** The pull: not attempted when absent. */
  readonly pull?: { readonly ok: boolean; readonly cause?: CauseId | null };
  /** Texts that must be nowhere in the output. */
  readonly secrets?: readonly string[];
  /** Anything else. */
  readonly check?: (ran: Ran) => void;
}

/** Seconds of `--deadline` in the arguments, its default where there is none. */
function deadlineOf({ args = [] }: Situation): number {
  const at = args.indexOf('--deadline');
  return at < 0 ? 10 : Number(args[at + 1]);
}

/** Holds a run against its case, and against what is true of every document. */
export function judge(one: DiagnoseCase, situation: Situation, ran: Ran): void {
  const { document, code, stdout, stderr, wallMs } = ran;
  const shown = `\n${essentials(ran)}`;
  const any = <T>(given: T | readonly T[]): readonly T[] => (Array.isArray(given) ? given : [given]) as readonly T[];
  assert.ok(any(one.verdict).includes(document.verdict), `verdict ${document.verdict}${shown}`);
  assert.ok(any(one.cause).includes(document.cause), `cause ${document.cause}${shown}`);
  if (one.confidence !== undefined) assert.equal(document.confidence, one.confidence, `confidence${shown}`);
  if (one.underlying !== undefined) assert.equal(document.underlying, one.underlying, `underlying${shown}`);
  if (one.says !== undefined) assert.match(document.summary, one.says, shown);
  if (one.saysNot !== undefined) assert.doesNotMatch(document.summary, one.saysNot, shown);
  const causes = document.findings.map(({ cause }) => cause);
  for (const cause of one.also ?? []) assert.ok(causes.includes(cause), `no finding ${cause}${shown}`);
  for (const cause of one.never ?? []) assert.ok(!causes.includes(cause), `finding ${cause}${shown}`);
  if (one.endpoints !== undefined)
    assert.deepEqual(
      document.endpoints.map(({ verdict }) => verdict),
      one.endpoints,
      shown,
    );
  const out = document.ruledOut.map(({ layer }) => layer);
  for (const layer of one.ruledOut ?? []) assert.ok(out.includes(layer), `${layer} is not ruled out${shown}`);
  for (const layer of one.notRuledOut ?? []) assert.ok(!out.includes(layer), `${layer} is ruled out${shown}`);
  assert.equal(document.pull.attempted, one.pull !== undefined, `pull attempted${shown}`);
  if (one.pull !== undefined) {
    assert.equal(document.pull.ok, one.pull.ok, `pull${shown}`);
    if (one.pull.cause !== undefined) assert.equal(document.pull.cause, one.pull.cause, `the pull's cause${shown}`);
  }
  for (const secret of one.secrets ?? []) assert.ok(!(stdout + stderr).includes(secret), 'a secret is shown');

  holdsTogether(ran, shown);
  assert.equal(code, { healthy: 0, degraded: 0, faulty: 1, inconclusive: 3 }[document.verdict], `exit status${shown}`);
  assert.doesNotMatch(stderr, /^\s+at .*:\d+:\d+/m, stderr);
  const limit = deadlineOf(situation) * 1000;
  if (one.pull === undefined) assert.ok(document.durationMs <= limit + 600, `${document.durationMs} ms${shown}`);
  assert.ok(wallMs < limit + 4000, `${Math.round(wallMs)} ms on the clock${shown}`);
  one.check?.(ran);
}

/** What is true of every document. */
function holdsTogether({ document }: Ran, shown: string): void {
  assert.equal(document.apiVersion, 'pullwhy/v1');
  assert.equal(document.kind, 'Investigation');
  const probes = new Map(document.probes.map((probe) => [probe.id, probe]));
  const first = document.findings[0];
  if (document.verdict === 'healthy') assert.equal(document.cause, null, shown);
  else if (document.verdict !== 'inconclusive') assert.ok(first !== undefined, shown);
  if (document.cause !== null) {
    assert.equal(first?.cause, document.cause, shown);
    assert.equal(document.cause === 'unknown' ? null : first?.layer, document.layer, shown);
    assert.equal(first?.confidence, document.confidence, shown);
    assert.equal(first?.underlying, document.underlying, shown);
    assert.equal(first?.summary, document.summary, shown);
  }
  for (const finding of document.findings) {
    for (const id of finding.evidence) assert.ok(probes.has(id), `${finding.cause} names ${id}${shown}`);
    // What a probe shows names its probe; what stands in a file names the file.
    if (finding.endpoint !== null) assert.ok(finding.evidence.length > 0, `${finding.cause} has no evidence${shown}`);
    assert.ok(finding.summary.length > 10 && !/undefined|null|\[object/.test(finding.summary), finding.summary);
    assert.ok(
      carriers.has(finding.cause) ? finding.underlying !== null : true,
      `${finding.cause} carries nothing${shown}`,
    );
  }
  const layers = new Set(document.findings.map(({ layer }) => layer));
  for (const { layer, evidence } of document.ruledOut) {
    assert.ok(!layers.has(layer), `${layer} is ruled out and has a finding${shown}`);
    assert.ok(evidence.length > 0, `${layer} is ruled out by nothing${shown}`);
    for (const id of evidence) assert.equal(probes.get(id)?.status, 'ok', `${layer} is ruled out by ${id}${shown}`);
  }
  for (const probe of document.probes) {
    if (probe.status === 'skipped') assert.equal(probe.error.code, 'not-checked', shown);
  }
}

const carriers: ReadonlySet<string> = new Set(['auth-service-unreachable', 'mirror-failed', 'pull-policy-always']);

/** A run in some lines. */
export function essentials({ document, code }: Ran): string {
  const { verdict, cause, confidence, underlying, summary, pull } = document;
  return [
    `exit ${code}: ${verdict} ${cause}/${underlying} ${confidence}: ${summary}`,
    ...document.findings.map(
      (one) =>
        `  ${one.cause}/${one.underlying} ${one.severity} ${one.confidence} @${one.endpoint} [${one.evidence.join(' ')}] ${one.summary}`,
    ),
    `  ruled out: ${document.ruledOut.map(({ layer, evidence }) => `${layer} [${evidence.join(' ')}]`).join(', ')}`,
    `  endpoints: ${document.endpoints.map(({ url, role, verdict: one }) => `${url} ${role} ${one}`).join(', ')}`,
    `  pull: ${JSON.stringify(pull)}`,
    ...document.problems.map(({ severity, cause: of, message }) => `  problem ${severity} ${of}: ${message}`),
    ...document.probes.map(
      (one) =>
        `    ${one.id} ${one.kind}${one.counterfactual ? ' (instead)' : ''} ${one.target}: ${one.status} ${Math.round(one.startedMs)}+${Math.round(one.durationMs)} ${one.error === null ? '' : `${one.error.code}: ${one.error.message}`}`,
    ),
  ].join('\n');
}
