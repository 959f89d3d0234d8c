import { strict as assert } from 'node:assert';
import { type CaseOnLine, onLine, type Situation } from './case.ts';
import { allCases } from './cases/index.ts';
import { essentials, type Judged, readDocument } from './document.ts';
import { type Lab, useLab, users, wrongPassword } from './lab.ts';

/** Exit status by verdict (contract.md, section 2). */
const exitStatus = { healthy: 0, degraded: 0, faulty: 1, inconclusive: 3 };

describe('lab: real faults', function () {
  this.timeout(60_000); // three outputs of a case whose packets are dropped, on a busy machine
  const lab = useLab('real faults in network namespaces, met by a real containerd');
  afterEach(() => lab().undoAll());

  for (const [file, cases] of Object.entries(allCases)) {
    describe(file, () => {
      for (const labCase of cases) {
        it(`${labCase.name}: ${labCase.cause ?? labCase.verdict}`, async function () {
          if (labCase.notYet !== undefined) {
            process.stdout.write(`      left out: ${labCase.notYet}\n`);
            this.skip();
          }
          await judge(lab(), onLine(labCase, '1.6'));
        });
      }
    });
  }
});

describe('lab: the list of cases', () => {
  const cases = Object.values(allCases).flat();

  it('has a near miss for every cause that it makes', () => {
    const made = new Set(cases.map(({ cause }) => cause).filter((cause) => cause !== null));
    const missed = new Set(cases.flatMap(({ nearMissOf }) => nearMissOf ?? []));
    const without = [...made].filter((cause) => !missed.has(cause) && !withoutNearMiss.has(cause));
    assert.deepEqual(without, []);
  });

  it('has no near miss of its own cause', () => {
    for (const { name, cause, nearMissOf } of cases) {
      assert.ok(cause === null || !nearMissOf?.includes(cause), name);
    }
  });
});

/** Made only as another cause's near miss. */
const withoutNearMiss = new Set([
  'dns-inconsistent',
  'mtu-black-hole',
  'proxy-required',
  'some-addresses-unreachable',
  'tls-certificate-expiring',
]);

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
