import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { limits } from '../../src/lib/limits.ts';
import type { KubeContext, KubeExec } from '../../src/wire/kube-config.ts';
import { type ExecNeeds, execRunner } from '../../src/wire/kube-exec.ts';
import { hasEnded } from '../kit/running-process.ts';

const variables = { PATH: '/usr/bin:/bin' };
const given =
  '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"one","expirationTimestamp":"2026-01-02T03:04:05Z"}}';

describe('wire: the credential plugin of a kubeconfig', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(`${tmpdir()}/pullwhy-exec-`);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  /** Runs a shell script as the plugin. */
  const run = (
    script: string,
    { signal = new AbortController().signal, ...needs }: Partial<ExecNeeds> & { readonly signal?: AbortSignal } = {},
    exec: Partial<KubeExec> = {},
  ) => {
    writeFileSync(`${folder}/plugin`, `#!/bin/sh\n${script}\n`, { mode: 0o700 });
    return execRunner({ variables, terminal: false, ...needs })({ ...plugin(folder), ...exec }, context, signal);
  };
  const pidOf = (name: string): number => Number(readFileSync(`${folder}/${name}`, 'utf8'));

  it('gives a token and its end', async () => {
    const answer = await run(`echo '${given}'`);
    assert.ok(answer.ok);
    assert.equal(answer.value.token?.reveal(), 'one');
    assert.equal(answer.value.expiresAt, Date.UTC(2026, 0, 2, 3, 4, 5));
  });

  const another = 'sleep 60 & echo $! > "$0.pid"';
  const tooMuch = `head -c ${limits.namedFileBytes + 1} /dev/zero`;
  for (const [how, script, words] of [
    ['waits for it', `${another}; wait`, /did not end in time$/],
    ['ends before it', another, /did not end in time$/],
    ['ends well before it', `${another}; echo '${given}'`, /did not end in time$/],
    ['writes too much', `${another}; ${tooMuch}; wait`, /wrote more than \d+ bytes$/],
  ] as const)
    it(`is ended with what it has started, where it ${how}`, async () => {
      const begun = performance.now();
      const answer = await run(script, { timeoutMs: 500 });
      assert.ok(!answer.ok);
      assert.match(answer.error, words);
      assert.ok(performance.now() - begun < 4000);
      assert.ok(await hasEnded(pidOf('plugin.pid')), 'what it started still runs');
    });

  it('is ended with what it has started when the caller ends', async () => {
    const ending = new AbortController();
    const asked = run(`${another}; echo ready > "$0.ready"; wait`, { signal: ending.signal });
    for (let at = 0; at < 200 && !isThere(`${folder}/plugin.ready`); at++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    ending.abort();
    assert.ok(!(await asked).ok);
    assert.ok(await hasEnded(pidOf('plugin.pid')), 'what it started still runs');
  });

  it('is not run for a caller that has ended', async () => {
    const answer = await run(`sleep 5; echo '${given}'`, { signal: AbortSignal.abort() });
    assert.ok(!answer.ok);
    assert.match(answer.error, /did not end in time$/);
  });

  it('cannot be run with arguments that no program can be handed', async () => {
    const answer = await run(`echo '${given}'`, {}, { args: ['a\0b'] });
    assert.ok(!answer.ok);
    assert.match(answer.error, /plugin cannot be run with its arguments$/);
  });

  it('leaves the group of the terminal only where it has nobody to ask', async () => {
    const groups = async (interactive: boolean, terminal: boolean): Promise<[string, boolean]> => {
      const script = `cut -d ' ' -f 5 /proc/$$/stat > "$0.group"; printf %s "$KUBERNETES_EXEC_INFO" > "$0.info"; echo '${given}'`;
      assert.ok((await run(script, { terminal }, { interactive })).ok);
      const info: unknown = JSON.parse(readFileSync(`${folder}/plugin.info`, 'utf8'));
      return [JSON.stringify(info), pidOf('plugin.group') === ownGroup()];
    };
    for (const [interactive, terminal, together] of [
      [true, true, true],
      [true, false, false],
      [false, true, false],
    ] as const) {
      const [info, same] = await groups(interactive, terminal);
      assert.equal(same, together, `${interactive} ${terminal}`);
      assert.match(info, new RegExp(`"interactive":${together}`));
    }
  });
});

function isThere(path: string): boolean {
  try {
    return readFileSync(path, 'utf8') !== '';
  } catch {
    return false;
  }
}

/** The fifth field of proc_pid_stat(5), counted from behind the name. */
function ownGroup(): number {
  return Number(
    readFileSync('/proc/self/stat', 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ')[2],
  );
}

function plugin(folder: string): KubeExec {
  return {
    apiVersion: 'client.authentication.k8s.io/v1',
    command: `${folder}/plugin`,
    args: [],
    env: [],
    installHint: null,
    interactive: false,
    provideClusterInfo: false,
  };
}

const context: KubeContext = {
  context: 'main',
  source: '/config',
  namespace: null,
  server: new URL('https://127.0.0.1:6443'),
  tlsServerName: null,
  ca: null,
  proxyUrl: null,
  tokenFile: null,
  token: null,
  clientCert: null,
  clientKey: null,
  exec: null,
};
