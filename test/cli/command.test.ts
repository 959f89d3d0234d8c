/** The built command, as a shell starts it. */
import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { closedPort } from '../kit/tcp-server.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const executable = `${root}bin/pullwhy.js`;

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(program: string, args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_NAME: 'worker-3' },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

const pullwhy = (...args: string[]): Promise<Outcome> => run(process.execPath, [executable, ...args]);

describe('cli: the built command', () => {
  let host = '';
  before(async function () {
    this.timeout(60_000);
    if (!existsSync(`${root}dist/main.js`)) await import('../../build/build.ts');
    host = await mkdtemp(`${tmpdir()}/pullwhy-cli-`);
    await mkdir(`${host}/etc`, { recursive: true });
    await writeFile(`${host}/etc/resolv.conf`, 'nameserver 127.0.0.1\n');
  });
  after(() => rm(host, { recursive: true, force: true }));

  it('shows help with examples, for itself and for each command, within 80 columns', async () => {
    const { stdout } = await pullwhy('--help');
    const names = [...stdout.matchAll(/^ {2}([a-z]+)(?: [A-Z]|\s{2})/gm)]
      .map((match) => match[1] ?? '')
      .filter((name) => name !== 'help' && name !== 'pullwhy');
    assert.ok(
      names.includes('diagnose') && names.includes('plan') && names.includes('pull') && names.includes('completion'),
      stdout,
    );
    const paths: string[][] = [[], ...names.map((name) => [name])];
    for (const path of paths) {
      const help = await pullwhy(...path, '--help');
      assert.equal(help.code, 0);
      assert.equal(help.stderr, '');
      assert.match(help.stdout, /^Examples:\n {2}\S/m, path.join(' '));
      for (const line of help.stdout.split('\n')) assert.ok(line.length <= 80, line);
      // The commands of a command: `node pods`.
      const below = /^Commands:\n((?: {2}.*\n)+)/m.exec(path.length === 0 ? '' : help.stdout)?.[1] ?? '';
      for (const [, name = ''] of below.matchAll(/^ {2}([a-z]+)/gm)) paths.push([...path, name]);
    }
    assert.ok(paths.some((path) => path.join(' ') === 'node pull'));
  });

  it('shows help and ends with 2 when nothing is asked', async () => {
    const { code, stdout, stderr } = await pullwhy();
    assert.equal(code, 2);
    assert.equal(stdout, '');
    assert.match(stderr, /^Usage: pullwhy /);
  });

  it('ends with 0 for the version', async () => {
    const { code, stdout } = await pullwhy('--version');
    assert.equal(code, 0);
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
  });

  const wrong: [string, string[], RegExp[]][] = [
    ['an unknown command', ['diagnos', 'nginx'], [/diagnos/, /Did you mean diagnose\?/]],
    ['an unknown flag', ['plan', '--host-rot', '/', 'nginx'], [/--host-rot/, /Did you mean --host-root\?/]],
    ['a missing image', ['plan'], [/IMAGE/]],
    ['two images', ['plan', 'a', 'b'], [/too many arguments/]],
    [
      'a nameserver that is a name',
      ['plan', 'nginx', '--nameserver', 'dns.corp'],
      [/--nameserver/, /dns\.corp/, /10\.0\.0\.2:53/],
    ],
    [
      'a nameserver with a port too high',
      ['plan', 'nginx', '--nameserver', '10.0.0.2:70000'],
      [/--nameserver/, /70000/],
    ],
    ['a platform that is none', ['plan', 'nginx', '--platform', 'a/b/c/d'], [/--platform/, /linux\/arm64/]],
    ['an unknown format', ['plan', 'nginx', '-o', 'yaml'], [/--output/, /yaml/, /json/]],
    [
      'a policy in lower case',
      ['plan', 'nginx', '--pull-policy', 'always'],
      [/--pull-policy/, /always/, /IfNotPresent/],
    ],
    ['a deadline of zero', ['plan', 'nginx', '--deadline', '0'], [/--deadline/, /'0'/, /more than 0/]],
    ['a version that is none', ['plan', 'nginx', '--runtime-version', 'new'], [/--runtime-version/, /new/, /1\.7\.24/]],
    ['a socket without its scheme', ['plan', 'nginx', '-r', '/run/x.sock'], [/-r/, /unix:\/\/\/run\/x\.sock/]],
    [
      'a host root that is not there',
      ['plan', 'nginx', '--host-root', '/nowhere/at/all'],
      [/--host-root/, /\/nowhere\/at\/all/],
    ],
    [
      'credentials that are not there',
      ['plan', 'nginx', '--auth-file', '/nowhere/auth.json'],
      [/--auth-file/, /\/nowhere\/auth\.json/],
    ],
    [
      'a proxy file that is not there',
      ['plan', 'nginx', '--proxy-env', '/nowhere/env'],
      [/--proxy-env/, /\/nowhere\/env/],
    ],
    ['an unknown shell', ['completion', 'tcsh'], [/tcsh/, /fish/]],
  ];
  for (const [what, args, says] of wrong) {
    it(`ends with 2 and says what to do: ${what}`, async () => {
      const { code, stdout, stderr } = await pullwhy(...args);
      assert.equal(code, 2, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, /^pullwhy: /);
      for (const word of says) assert.match(stderr, word);
    });
  }

  it('plans in text, and in one JSON document', async () => {
    const text = await pullwhy('plan', 'nginx', '--host-root', host);
    assert.equal(text.code, 0, text.stderr);
    assert.match(text.stdout, /^docker\.io\/library\/nginx:latest\n/);
    const json = await pullwhy('plan', 'nginx', '--host-root', host, '--output', 'json');
    assert.equal(JSON.parse(json.stdout).kind, 'Plan');
  });

  it('ends with 1 for a name that does not parse, and takes no flag behind --', async () => {
    for (const args of [['Nginx'], ['--', '-o']]) {
      const { code, stdout } = await pullwhy('plan', '--host-root', host, ...args);
      assert.equal(code, 1);
      assert.match(stdout, /^✗ .*\n[\s\S]*cause: invalid-image-name/);
    }
  });

  it('diagnoses a port where nothing listens, in every form, and ends with 1', async () => {
    const image = `127.0.0.1:${await closedPort()}/team/app:1.0`;
    const text = await pullwhy('diagnose', image, '--host-root', host);
    assert.equal(text.code, 1, text.stderr);
    assert.equal(text.stderr, '');
    assert.ok(text.stdout.startsWith(`✗ ${image} cannot be pulled on worker-3\n`), text.stdout);
    assert.match(text.stdout, /^ {2}✗ tcp .*failed/m);
    const json = await pullwhy('diagnose', image, '--host-root', host, '-o', 'json');
    assert.equal(JSON.parse(json.stdout).cause, 'tcp-refused');
    const markdown = await pullwhy('diagnose', image, '--host-root', host, '-o', 'markdown');
    assert.equal(markdown.code, 1);
    assert.ok(markdown.stdout.startsWith(`### ✗ ${image} cannot be pulled`), markdown.stdout);
  });

  it('ends with 3 when there is no runtime to pull with', async () => {
    const { code, stdout } = await pullwhy('pull', 'nginx', '--host-root', host);
    assert.equal(code, 3);
    assert.match(stdout, /no pull was tried/);
  });

  it('prints completions', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { code, stdout } = await pullwhy('completion', shell);
      assert.equal(code, 0);
      assert.match(stdout, /--host-root|-l host-root/);
    }
  });

  it('does not mind a reader that leaves', async () => {
    const script = '"$1" "$2" completion bash | head -1; echo "status $PIPESTATUS"';
    const { stdout, stderr } = await run('bash', ['-c', script, 'bash', process.execPath, executable]);
    assert.equal(stdout, '# bash completion for pullwhy; made by: pullwhy completion bash\nstatus 0\n');
    assert.equal(stderr, '');
    const closed = '"$1" "$2" plan nginx --host-root "$3" -o json > >(exec true); wait; echo "status $?"';
    const gone = await run('bash', ['-c', closed, 'bash', process.execPath, executable, host]);
    assert.equal(gone.stderr, '');
  });
});
