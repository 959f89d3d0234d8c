/** What `pullwhy explain` and `pullwhy journal` say of everything that real kubelets and runtimes said of a fault. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isRecord } from '../../src/lib/json.ts';
import { type CauseId, causeIds } from '../../src/model/cause-id.ts';
import { captures, disturbances, haveCaptures, isDisturbance } from '../kit/captures.ts';
import { crioCaptured, kubeletCaptured } from './coverage.ts';
import { honest, natures } from './natures.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const runs = { containerd: 'containerd-1.7.24-api', crio: 'cri-o-1.36.3-api' } as const;

/** One text of a scenario, and what the command made of it. */
interface Said {
  readonly scenario: string;
  readonly from: 'status' | 'event' | 'journal' | 'crictl';
  /** An event's reason, or the waiting container's. */
  readonly reason: string;
  readonly text: string;
}

/** The built command; its output, line by line as JSON. */
async function pullwhy(args: readonly string[], input: string): Promise<Record<string, unknown>[]> {
  const child = spawn(process.execPath, [`${root}bin/pullwhy.js`, ...args], { stdio: 'pipe' });
  let out = '';
  let err = '';
  child.stdout.on('data', (data) => (out += data));
  child.stderr.on('data', (data) => (err += data));
  child.stdin.end(input);
  const status = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(status, 0, err);
  return out
    .trim()
    .split('\n')
    .map((line) => {
      const value: unknown = JSON.parse(line);
      assert.ok(isRecord(value));
      return value;
    });
}

const oneLine = (text: string): string => text.replace(/\s*\n\s*/g, ' ');
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const scenariosOf = (run: string): string[] =>
  readdirSync(join(captures, run, 'api')).map((name) => basename(name, '.json'));

/** The message of a waiting container, as `kubectl get pod -o json` has it. */
function waiting(scenario: string, status: unknown): Said[] {
  const containers = isRecord(status) && Array.isArray(status.containerStatuses) ? status.containerStatuses : [];
  return containers.filter(isRecord).flatMap(({ state }): Said[] => {
    const found = isRecord(state) && isRecord(state.waiting) ? state.waiting : {};
    const message = text(found.message);
    return message === '' ? [] : [{ scenario, from: 'status', reason: text(found.reason), text: message }];
  });
}

/** Everything that was said of the pods of one run. */
function saidIn(run: string): Said[] {
  return scenariosOf(run).flatMap((scenario) => {
    const api: unknown = JSON.parse(readFileSync(join(captures, run, 'api', `${scenario}.json`), 'utf8'));
    assert.ok(isRecord(api) && isRecord(api.pod) && Array.isArray(api.events));
    const events = api.events.filter(isRecord).map((event): Said => {
      const message = text(event.message) || text(event.note);
      return { scenario, from: 'event', reason: text(event.reason), text: oneLine(message) };
    });
    const journal = readFileSync(join(captures, run, 'scenarios', `${scenario}.log`), 'utf8')
      .split('\n')
      .filter((line) => /^[IWEF]\d{4} /.test(line))
      .map((line): Said => ({ scenario, from: 'journal', reason: '', text: line }));
    return [...waiting(scenario, api.status_first), ...waiting(scenario, api.pod.status), ...events, ...journal];
  });
}

/** crictl's own standard error, of containerd 1.6 and 1.7. */
function saidByCrictl(): Said[] {
  return readdirSync(join(captures, 'crictl')).flatMap((name) => {
    let scenario = '';
    return readFileSync(join(captures, 'crictl', name), 'utf8')
      .split('\n')
      .flatMap((line): Said[] => {
        scenario = /^### (\S+)/.exec(line)?.[1] ?? scenario;
        return /^E\d{4} |^time=/.test(line) ? [{ scenario, from: 'crictl', reason: name, text: line }] : [];
      });
  });
}

async function explained(said: readonly Said[]): Promise<{ said: Said; cause: CauseId | null }[]> {
  const lines = said.map((one) => oneLine(one.text));
  const answers = await pullwhy(['explain', '-o', 'ndjson'], `${lines.join('\n')}\n`);
  assert.equal(answers.length, said.length);
  return said.map((one, at) => {
    assert.equal(answers[at]?.text, lines[at]?.replace(/\s+/g, ' ').trim());
    return { said: one, cause: causeIds.find((id) => id === answers[at]?.cause) ?? null };
  });
}

/** These pods share one image, and the kubelet's lines about an image name no pod. */
const shareImage = /^auth-(?:basic|secret)/;
/** The kubelet pulls with a secret; crictl pulled without any, whatever the pod's policy. */
const byHand: Readonly<Record<string, readonly CauseId[]>> = {
  'auth-secret-wrong': ['credentials-missing', 'credentials-rejected'],
  'never-absent': ['tag-not-found'],
};

/** What nobody would call a failing pull: the command says that it is none. */
const ordinary = (line: string): boolean =>
  !/PullImage from|[Ff]ailed to (?:pull|apply default|inspect)|ErrImage|ImagePullBackOff|Back-off pulling|InvalidImageName|RegistryUnavailable|SignatureValidationFailed|not present with|pull secret/.test(
    line,
  );

function allowed({ scenario, from, reason, text: line }: Said): readonly (CauseId | null)[] {
  if (from !== 'status' && from !== 'crictl' && ordinary(line)) return [null];
  if (isDisturbance(line)) return disturbances;
  const nature = (from === 'crictl' ? byHand[scenario] : undefined) ?? natures[scenario] ?? [];
  if (from === 'event') {
    if (reason === 'BackOff') return ['back-off-only'];
    if (reason === 'FailedToRetrieveImagePullSecret') return ['pull-secret-missing'];
    if (/^Error: (?:RegistryUnavailable|SignatureValidationFailed)$/.test(line)) return [...nature, 'registry-error'];
  }
  if (/[Uu]nable to retrieve (?:some image )?pull secret/.test(line)) return ['pull-secret-missing'];
  const anyOfThem = shareImage.test(scenario) && !line.includes(scenario);
  return [...(anyOfThem ? (['credentials-missing', 'credentials-rejected'] as const) : nature), ...honest];
}

describe('captures: every text that was captured, by the public commands', () => {
  before(function () {
    if (!haveCaptures()) this.skip();
  });

  for (const [name, run] of Object.entries(runs)) {
    it(`${name}: explain gives each text its scenario's cause, or honestly less`, async function () {
      this.timeout(60_000);
      const told = await explained(saidIn(run));
      const wrong = told.filter(({ said, cause }) => !allowed(said).includes(cause));
      assert.deepEqual(
        wrong.map(({ said, cause }) => `${said.scenario} ${said.from} ${cause}: ${said.text}`),
        [],
      );
      // Nothing is hidden behind honesty: where the status message has the error, it is named.
      const unnamed = told.filter(
        ({ said, cause }) => said.from === 'status' && cause !== null && honest.includes(cause),
      );
      assert.deepEqual(
        unnamed.map(({ said }) => `${said.scenario}: ${said.text}`),
        [],
      );
      // Each scenario that failed is called by its name somewhere in each of its sources.
      for (const scenario of new Set(told.map(({ said }) => said.scenario))) {
        if (natures[scenario] === undefined) continue;
        const own = told.filter(({ said }) => said.scenario === scenario && !isDisturbance(said.text));
        for (const from of ['status', 'event', 'journal'] as const) {
          const errors = own.filter(
            ({ said }) =>
              said.from === from && /Failed to pull|Failed to apply|ErrImagePull: |not present with/.test(said.text),
          );
          if (errors.length === 0) continue;
          assert.ok(
            errors.some(({ cause }) => cause !== null && natures[scenario]?.includes(cause)),
            `${scenario} is not named by ${from}`,
          );
        }
      }
    });
  }

  it("explain gives each line of crictl's standard error its scenario's cause", async () => {
    const told = await explained(saidByCrictl());
    assert.ok(told.length > 60);
    const wrong = told.filter(({ said, cause }) => !allowed(said).includes(cause));
    assert.deepEqual(
      wrong.map(({ said, cause }) => `${said.reason} ${said.scenario} ${cause}: ${said.text}`),
      [],
    );
    const named = told.filter(({ cause }) => cause !== null && !honest.includes(cause));
    assert.equal(named.length, told.length);
  });

  for (const [name, run] of Object.entries(runs)) {
    it(`${name}: journal reads the same from the kubelet's log files`, async function () {
      this.timeout(60_000);
      const files = scenariosOf(run).map((scenario) => join(captures, run, 'scenarios', `${scenario}.log`));
      const events = await pullwhy(
        ['journal', ...files.flatMap((file) => ['--file', file]), '--since', '2000-01-01', '-o', 'ndjson'],
        '',
      );
      const failed = events.filter(({ event }) => event === 'pull-failed');
      assert.ok(failed.length > 40, `${failed.length}`);
      const wrong = failed.filter(({ unit, pod, cause, message }) => {
        const scenario = natures[text(pod)] === undefined ? basename(text(unit), '.log') : text(pod);
        const said: Said = { scenario, from: 'status', reason: '', text: `${text(pod)} ${text(message)}` };
        return !allowed(said).some((one) => one === cause);
      });
      assert.deepEqual(
        wrong.map(({ pod, cause, message }) => `${pod} ${cause}: ${message}`),
        [],
      );
      for (const scenario of scenariosOf(run)) {
        const own = failed.filter(({ pod }) => pod === scenario);
        if (own.length === 0) continue;
        assert.ok(
          own.some(({ cause }) => natures[scenario]?.some((one) => one === cause)),
          `${scenario} is not named in the journal`,
        );
      }
    });
  }

  it('has a nature for every scenario', () => {
    const all = Object.values(runs).flatMap(scenariosOf);
    assert.deepEqual(
      [...new Set(all)].filter(
        (scenario) => natures[scenario] === undefined && !/^(?:ok|auth-secret-ok)$/.test(scenario),
      ),
      [],
    );
  });

  for (const [column, table, run] of [
    ['crioCaptured', crioCaptured, runs.crio],
    ['kubeletCaptured', kubeletCaptured, runs.containerd],
  ] as const) {
    it(`${column}: each entry is proven by what its scenario's pod was told, and none is left out`, async function () {
      this.timeout(60_000);
      const told = await explained(saidIn(run));
      const causesIn = (scenario: string): Set<CauseId | null> =>
        new Set(
          told
            .filter(({ said }) => said.scenario === scenario && said.from !== 'journal' && !isDisturbance(said.text))
            .map(({ cause }) => cause),
        );
      for (const [cause, scenario] of Object.entries(table)) {
        assert.ok(
          [...causesIn(scenario)].some((one) => one === cause),
          `${cause} is not in ${scenario}`,
        );
        const kubelets = ['pull-secret-missing', 'back-off-only'].includes(cause);
        assert.ok(kubelets || natures[scenario]?.some((one) => one === cause), `${scenario} is not ${cause}`);
      }
      if (column === 'kubeletCaptured') return;
      // A cause that a CRI-O scenario proves and the table does not have would be a cell left empty for nothing.
      const proven = new Set(
        scenariosOf(run).flatMap((scenario) =>
          [...causesIn(scenario)].filter((cause) => cause !== null && natures[scenario]?.includes(cause)),
        ),
      );
      assert.deepEqual(
        [...proven].filter((cause) => cause !== null && table[cause] === undefined),
        [],
      );
    });
  }
});
