import { strict as assert } from 'node:assert';
import { type CaseOnLine, type LabCase, onLine, type Situation } from './case.ts';
import { allCases } from './cases/index.ts';
import type { RuntimeLine } from './containerd-versions.ts';
import { essentials, type Judged, readDocument } from './document.ts';
import { type Lab, users, wrongPassword } from './lab.ts';
import { useLabs } from './labs.ts';
import { selection } from './selection.ts';

/** Exit status by verdict (contract.md, section 2). */
const exitStatus = { healthy: 0, degraded: 0, faulty: 1, inconclusive: 3 };

const made = selection();

/** What a case came to: null when it holds. */
type Result = { readonly failure: unknown } | null;

/** Whether all cases are run: none is made ahead of its turn when mocha was asked for some of them only. */
const whole = !process.argv.some((arg) => /^(-[gf]|--f?grep)(=|$)/.test(arg));

describe('lab: real faults', function () {
  this.timeout(150_000); // three outputs of a case whose packets are dropped, on every runtime, on a busy machine
  const labs = useLabs('real faults in network namespaces, met by a real containerd');
  const lanes = new Map<string, Promise<unknown>>();
  const results = new Map<LabCase, Map<RuntimeLine, Promise<Result>>>();

  /** Makes a case on one lab, when the case before it has ended there; gives what failed. */
  const make = (labCase: LabCase, line: RuntimeLine): Promise<Result> => {
    const beside = labCase.beside === true && whole;
    const lane = `${line}${beside ? ' beside' : ''}`;
    const outcome = (lanes.get(lane) ?? Promise.resolve())
      .then(() => labs().on(line, beside))
      .then((lab) => judge(lab, onLine(labCase, line)).finally(() => lab.undoAll()))
      .then(
        () => null,
        (failure: unknown) => ({ failure }),
      );
    lanes.set(lane, outcome);
    return outcome;
  };

  /** All runtimes meet a fault at the same time; each has its own result. */
  const begin = (labCase: LabCase): ReadonlyMap<RuntimeLine, Promise<Result>> => {
    const begun = results.get(labCase);
    if (begun !== undefined) return begun;
    const lines = (made.get(labCase) ?? []).filter(
      (line) => labs().has(line) && onLine(labCase, line).notYet === undefined,
    );
    const outcomes = new Map(lines.map((line) => [line, make(labCase, line)] as const));
    results.set(labCase, outcomes);
    return outcomes;
  };

  before(() => {
    // Each lab takes its cases in order and at its own pace: one runtime's waiting leaves the processors to the others.
    if (whole) for (const labCase of Object.values(allCases).flat()) begin(labCase);
  });

  for (const [file, cases] of Object.entries(allCases)) {
    describe(file, () => {
      for (const labCase of cases) {
        for (const line of made.get(labCase) ?? []) {
          const { cause, verdict, notYet } = onLine(labCase, line);
          it(`${labCase.name}: ${cause ?? verdict} (containerd ${line})`, async function () {
            if (!labs().has(line)) this.skip();
            if (notYet !== undefined) {
              process.stdout.write(`      left out: ${notYet}\n`);
              this.skip();
            }
            const result = await begin(labCase).get(line);
            if (result != null) throw result.failure;
          });
        }
      }
    });
  }
});

describe('lab: the list of cases', () => {
  const cases = Object.values(allCases).flat();

  it('has a near miss for every cause that it makes', () => {
    const causes = new Set(cases.map(({ cause }) => cause).filter((cause) => cause !== null));
    const missed = new Set(cases.flatMap(({ nearMissOf }) => nearMissOf ?? []));
    const without = [...causes].filter((cause) => !missed.has(cause));
    assert.deepEqual(without, []);
  });

  it('has no near miss of its own cause', () => {
    for (const { name, cause, nearMissOf } of cases) {
      assert.ok(cause === null || !nearMissOf?.includes(cause), name);
    }
  });
});

async function judge(lab: Lab, labCase: CaseOnLine): Promise<void> {
  const situation = await labCase.prepare(lab);
  const args = await argumentsOf(lab, labCase, situation);
  const outcome = await lab.pullwhy(['diagnose', ...args, '-o', 'json', '--', situation.image]);
  noSecrets(outcome.stdout, situation, 'document');
  noSecrets(outcome.stderr, situation, 'standard error');
  let judged: Judged;
  try {
    judged = readDocument(outcome.stdout);
  } catch (error) {
    assert.fail(`${String(error)}: status ${outcome.code}\n${outcome.stderr}${outcome.stdout.slice(0, 2000)}`);
  }
  const shown = `${essentials(judged)}\n${outcome.stderr}`;
  for (const wrong of labCase.nearMissOf ?? []) assert.notEqual(judged.cause, wrong, shown);
  const expected = { verdict: labCase.verdict, cause: labCase.cause };
  assert.deepEqual({ verdict: judged.verdict, cause: judged.cause }, expected, shown);
  if (labCase.confidence !== undefined) assert.equal(judged.confidence, labCase.confidence, shown);
  if (labCase.underlying !== undefined) assert.equal(judged.findings[0]?.underlying, labCase.underlying, shown);
  namesIt(judged, labCase, shown);
  for (const cause of labCase.alsoFound ?? []) {
    assert.ok(
      judged.findings.some((finding) => finding.cause === cause || finding.underlying === cause),
      `no finding ${cause}\n${shown}`,
    );
  }
  assert.equal(outcome.code, exitStatus[labCase.verdict], shown);
  // The runtime that was asked is the one of this lab.
  if (situation.runtime === undefined) assert.equal(judged.runtimeVersion, lab.containerd.version, shown);
  evidenceHolds(judged, shown);
  if (labCase.pull !== 'not-tried') {
    assert.equal(judged.pull.attempted, true, shown);
    assert.equal(judged.pull.ok, labCase.pull === 'works', shown);
    if (labCase.runtimeSays !== undefined) assert.match(judged.pull.error ?? '', labCase.runtimeSays, shown);
  }
  if (situation.secrets !== undefined) await otherOutputs(lab, situation, args);
}

/** The primary finding names the party at fault, as data and in words. */
function namesIt({ findings: [primary], summary }: Judged, { names, alsoNames = [] }: LabCase, shown: string): void {
  const fits = (text: string, wanted: string | RegExp): boolean =>
    typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text);
  if (names !== undefined) assert.ok(fits(primary?.host ?? '', names), `the host is not ${names}\n${shown}`);
  for (const word of [...(names === undefined ? [] : [names]), ...alsoNames]) {
    assert.ok(fits(summary, word), `the summary does not tell ${word}\n${shown}`);
  }
}

async function argumentsOf(lab: Lab, labCase: CaseOnLine, situation: Situation): Promise<string[]> {
  const args = [...(situation.args ?? [])];
  if (situation.runtime !== null) args.push('-r', (situation.runtime ?? (await lab.runtime())).endpoint);
  if (labCase.pull !== 'not-tried') args.push('--pull');
  return args;
}

/** A fault needs evidence: probes of the document, a place in the node's files, or the name itself. */
function evidenceHolds(judged: Judged, shown: string): void {
  const known = new Set(judged.probes.map(({ id }) => id));
  const withoutProbe = new Set<string>(['invalid-image-name', ...judged.problems]);
  for (const { cause, evidence } of judged.findings) {
    for (const id of evidence) assert.ok(known.has(id), `${cause}: evidence ${id} is no probe\n${shown}`);
    assert.ok(evidence.length > 0 || withoutProbe.has(cause), `${cause} has no evidence\n${shown}`);
  }
}

/** Text and markdown must not tell a secret either. */
async function otherOutputs(lab: Lab, situation: Situation, args: readonly string[]): Promise<void> {
  for (const form of ['text', 'markdown']) {
    const outcome = await lab.pullwhy(['diagnose', ...args, '-o', form, '--', situation.image]);
    noSecrets(outcome.stdout, situation, form);
    noSecrets(outcome.stderr, situation, `standard error of ${form}`);
  }
}

function noSecrets(text: string, situation: Situation, where: string): void {
  const known = [...Object.values(users).map(({ password }) => password), wrongPassword, ...(situation.secrets ?? [])];
  for (const secret of known) {
    assert.ok(!text.includes(secret), `the ${where} tells a secret`);
    for (const { name } of Object.values(users)) {
      const pair = Buffer.from(`${name}:${secret}`).toString('base64');
      assert.ok(!text.includes(pair), `the ${where} tells a secret, encoded`);
    }
  }
  assert.doesNotMatch(text, /\beyJ[\w-]+\.[\w-]+\.[\w-]+/, `the ${where} tells a token`);
}
