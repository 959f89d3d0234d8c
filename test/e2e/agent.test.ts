import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type AgentNode, makeAgentNode } from '../kit/agent-node.ts';
import { type AgentProcess, startAgentProcess } from '../kit/agent-process.ts';
import { makePki, writeCertificate } from '../kit/certificates.ts';
import { type Outcome, pullwhy } from '../kit/command.ts';

const pki = makePki();
const executable = fileURLToPath(new URL('../../bin/pullwhy.js', import.meta.url));

async function until(holds: () => boolean | Promise<boolean>, what: () => string): Promise<void> {
  for (const limit = performance.now() + 10_000; !(await holds()); ) {
    assert.ok(performance.now() < limit, what());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('e2e: pullwhy agent', function () {
  this.timeout(60_000);
  let folder = '';
  let file = '';
  before(async () => {
    folder = await mkdtemp(`${tmpdir()}/pullwhy-agent-e2e-`);
    file = `${folder}/agent.yaml`;
    await mkdir(`${folder}/root/etc`, { recursive: true });
  });
  after(() => rm(folder, { recursive: true }));

  const agent = (args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> =>
    pullwhy(['agent', ...args], { env });

  describe('its settings', () => {
    it('printed as a file are taken as they are, within 80 columns', async () => {
      const printed = await agent(['--print-config']);
      assert.equal(printed.code, 0, printed.stderr);
      for (const line of printed.stdout.split('\n')) assert.ok(line.length <= 80, line);
      await writeFile(file, printed.stdout);
      const checked = await agent(['--config', file, '--check-config', '-o', 'json']);
      assert.equal(checked.code, 0, checked.stderr);
      const bare = await agent(['--check-config', '-o', 'json']);
      const values = (outcome: Outcome): unknown =>
        JSON.parse(outcome.stdout).settings.map(({ name, value }: { name: string; value: unknown }) => [name, value]);
      assert.deepEqual(values(checked), values(bare));
      assert.match((await agent(['--print-config', '--config', `${folder}/none`])).stdout, /^node:\n/);
    });

    it('are shown with where each came from: flag, environment, file, default', async () => {
      await writeFile(
        file,
        'http:\n  listen: 127.0.0.1:1\n  maxConcurrent: 10\nlog:\n  level: warn\nretry:\n  mode: eager\n',
      );
      const { code, stdout, stderr } = await agent(
        ['--config', file, '--check-config', '--listen', '127.0.0.1:3', '--set', 'health.registries=a.corp,b.corp'],
        { PULLWHY_HTTP_LISTEN: '127.0.0.1:2', PULLWHY_LOG_LEVEL: 'debug', PULLWHY_STATE_DIRECTORY: '' },
      );
      assert.equal(code, 0, stderr);
      const rows = new Map(stdout.split('\n').map((line) => [line.split(':')[0], line]));
      assert.match(rows.get('http.listen') ?? '', /127\.0\.0\.1:3 +# --listen$/);
      assert.match(rows.get('log.level') ?? '', /debug +# PULLWHY_LOG_LEVEL$/);
      assert.match(rows.get('http.maxConcurrent') ?? '', /10 +# .*agent\.yaml:3$/);
      assert.match(rows.get('retry.mode') ?? '', /eager +# .*agent\.yaml:7$/);
      assert.match(rows.get('health.registries') ?? '', /\["a\.corp","b\.corp"\] +# --set health\.registries$/);
      assert.match(rows.get('state.directory') ?? '', /null +# default$/);
      assert.equal(stderr, '');
    });

    it('that cannot be are all told, each with its place and what to do: exit status 2', async () => {
      await writeFile(
        file,
        'http:\n  listen: 0.0.0.0:9440\n  maxConcurrent: many\n  tsl: {}\nretry:\n  deadline: 5 minutes\nlog: loud\n',
      );
      const wrong = await agent(['--config', file, '--check-config'], {
        PULLWHY_RETRY_MODE: 'always',
        PULLWHY_RETRI: '1',
      });
      assert.equal(wrong.code, 2);
      assert.equal(wrong.stdout, '');
      for (const words of [
        /agent\.yaml:3: http\.maxConcurrent must be a whole number from 1 to 10000/,
        /agent\.yaml:4: http\.tsl is no setting\. Did you mean http\.tls\?/,
        /agent\.yaml:6: retry\.deadline must be a duration such as/,
        /agent\.yaml:7: log is a section/,
        /PULLWHY_RETRY_MODE: retry\.mode must be one of off, on-recovery, eager/,
        /PULLWHY_RETRI: It is no setting/,
      ])
        assert.match(wrong.stderr, words);
      const cases: readonly (readonly [string | null, readonly string[], RegExp])[] = [
        ['http:\n  listen: 0.0.0.0:9440\n', [], /agent\.yaml:2: http\.listen: Without authentication .* loopback only/],
        ['http:\n  tls:\n    cert: x\n', [], /agent\.yaml:3: http\.tls\.cert: It needs http\.tls\.key/],
        [
          'http:\n  auth:\n    mode: mtls\n',
          [],
          /agent\.yaml:3: .*mtls needs http\.tls\.cert and .* and http\.tls\.clientCa/,
        ],
        ['http:\n  auth:\n    mode: token\n', [], /agent\.yaml:3: .*token needs http\.auth\.tokenFile/],
        ['http:\n  auth:\n    tokenFile: x\n', [], /Nothing looks at it unless http\.auth\.mode is token/],
        ['http:\n\tlisten: x\n', [], /agent\.yaml:2: .*a tab is used for indentation/],
        ['- a\n', [], /agent\.yaml/],
        [null, ['--listen', '[::]:9440'], /--listen: http\.listen: Without authentication/],
        [null, ['--listen', 'localhost:9440'], /--listen: http\.listen must be an address and a port/],
        [null, ['--set', 'http.listen'], /--set: http\.listen is no NAME=VALUE/],
        [null, ['--set', 'http.lisen=x'], /--set http\.lisen: http\.lisen is no setting/],
        [null, ['--set', 'log.level=loud'], /--set log\.level: log\.level must be one of/],
        [null, ['--config', `${folder}/none.yaml`], /none\.yaml: The file is not there/],
        [null, ['--config', folder], /The file is a directory/],
      ];
      for (const [text, args, words] of cases) {
        if (text !== null) await writeFile(file, text);
        for (const check of [['--check-config'], []]) {
          const outcome = await agent([...(text === null ? [] : ['--config', file]), ...args, ...check]);
          assert.equal(outcome.code, 2, `${text} ${args.join(' ')}: ${outcome.stderr}`);
          assert.match(outcome.stderr, words);
          assert.equal(outcome.stdout, '');
        }
      }
    });

    it('are not taken from variables that Kubernetes makes of Services', async () => {
      const env = { PULLWHY_AGENT_SERVICE_HOST: '10.0.0.1', PULLWHY_AGENT_PORT_9440_TCP: 'tcp://10.0.0.1:9440' };
      assert.equal((await agent(['--check-config'], env)).code, 0);
    });
  });

  describe('when it cannot start', () => {
    const start = (...args: string[]): Promise<Outcome> =>
      agent(['--host-root', `${folder}/root`, '--listen', '127.0.0.1:0', ...args.flatMap((arg) => ['--set', arg])]);

    it('names the file that is missing or wrong: exit status 2', async () => {
      const files = await writeCertificate(folder, 'agent', pki.leaf);
      const other = await writeCertificate(folder, 'other', pki.strange);
      await writeFile(`${folder}/empty`, '\n');
      await writeFile(`${folder}/odd`, 'two words\n');
      const tls = [`http.tls.cert=${files.cert}`, `http.tls.key=${files.key}`];
      const cases = [
        [
          ['http.auth.mode=token', `http.auth.tokenFile=${folder}/none`],
          /http\.auth\.tokenFile: .*\/none is not there/,
        ],
        [['http.auth.mode=token', `http.auth.tokenFile=${folder}/empty`], /http\.auth\.tokenFile: .* is empty/],
        [['http.auth.mode=token', `http.auth.tokenFile=${folder}/odd`], /http\.auth\.tokenFile: .* holds no token/],
        [[tls[0] ?? '', `http.tls.key=${folder}/none`], /http\.tls\.key: .*\/none is not there/],
        [[tls[0] ?? '', `http.tls.key=${other.key}`], /http\.tls\.key: .* is not the key of the certificate in/],
        [['http.auth.mode=mtls', ...tls, `http.tls.clientCa=${folder}/empty`], /http\.tls\.clientCa: .* holds no cert/],
        [['http.auth.mode=kubernetes'], /http\.auth\.mode: kubernetes needs a pod in a cluster/],
      ] as const;
      for (const [settings, words] of cases) {
        const outcome = await start(...settings);
        assert.equal(outcome.code, 2, `${settings.join(' ')}: ${outcome.stderr}`);
        assert.match(outcome.stderr, words);
        assert.doesNotMatch(outcome.stderr, /two words|PRIVATE/);
      }
    });

    it('says why it cannot listen: exit status 3', async () => {
      const taken = createServer();
      await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
      const address = taken.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const busy = await agent(['--host-root', `${folder}/root`, '--listen', `127.0.0.1:${port}`]);
      await new Promise((resolve) => taken.close(resolve));
      assert.equal(busy.code, 3, busy.stderr);
      assert.match(busy.stderr, /cannot listen at 127\.0\.0\.1:\d+ \(http\.listen\): something listens there already/);
      await writeFile(`${folder}/token`, 'a-good-token\n');
      const auth = ['--set', 'http.auth.mode=token', '--set', `http.auth.tokenFile=${folder}/token`];
      const elsewhere = await agent(['--host-root', `${folder}/root`, '--listen', '192.0.2.1:9440', ...auth]);
      assert.equal(elsewhere.code, 3);
      assert.match(elsewhere.stderr, /this machine has no such address/);
      assert.match(elsewhere.stderr, /tokens come over the network in clear/);
    });
  });

  describe('while it runs', () => {
    let node: AgentNode;
    let running: AgentProcess | null = null;
    before(async () => {
      node = await makeAgentNode({ images: 1 });
    });
    after(() => node.close());
    afterEach(async () => {
      await running?.stop();
      running = null;
    });

    const hangUp = (one: AgentProcess): boolean => process.kill(one.pid, 'SIGHUP');
    const said = (one: AgentProcess, msg: string): Record<string, unknown>[] =>
      one.log().filter((line) => line.msg === msg);

    it('takes settings over at SIGHUP that are live, names the others, and goes on with wrong ones', async () => {
      await writeFile(file, 'log:\n  level: info\nhttp:\n  maxConcurrent: 5\n  maxPerCaller: 4\n');
      const one = await startAgentProcess([...node.flags, '--config', file]);
      running = one;
      hangUp(one);
      await until(() => said(one, 'the settings were read again').length === 1, one.logText);
      assert.equal(said(one, 'the settings were read again')[0]?.changed, 'nothing');

      await writeFile(
        file,
        'log:\n  level: debug\nhttp:\n  maxConcurrent: 6\n  maxPerCaller: 9\nretry:\n  mode: eager\n',
      );
      hangUp(one);
      await until(() => said(one, 'the settings were read again').length === 2, one.logText);
      assert.equal(said(one, 'the settings were read again')[1]?.changed, 'http.maxPerCaller, retry.mode, log.level');
      const frozen = said(one, 'these settings are taken over at the next start only');
      assert.deepEqual(
        frozen.map(({ settings }) => settings),
        ['http.maxConcurrent'],
      );
      hangUp(one);
      await until(() => said(one, 'the settings were read again').length === 3, one.logText);
      assert.equal(
        said(one, 'these settings are taken over at the next start only').length,
        2,
        'it is still not in force',
      );

      await writeFile(file, 'log:\n  level: loud\nhttp:\n  maxPerCaller: 1\n');
      hangUp(one);
      await until(() => said(one, 'the settings were not taken over').length === 1, one.logText);
      const [refused] = said(one, 'the settings were not taken over');
      assert.match(String(refused?.place), /agent\.yaml:2$/);
      assert.match(String(refused?.message), /log\.level must be one of/);
      await rm(file);
      hangUp(one);
      await until(() => said(one, 'the settings were not taken over').length === 2, one.logText);
      assert.equal((await one.ask('/healthz')).status, 200);
    });

    it('refuses at SIGHUP what would let everybody in, and takes a new certificate', async () => {
      const files = await writeCertificate(folder, 'agent', pki.leaf);
      await writeFile(`${folder}/token`, 'a-good-token\n');
      const safe = `http:\n  auth: { mode: token, tokenFile: ${folder}/token }\n  tls: { cert: ${files.chain}, key: ${files.key} }\n`;
      await writeFile(file, safe);
      const child = spawn(
        process.execPath,
        [executable, 'agent', '--config', file, '--listen', '127.0.0.1:0', ...node.flags],
        { env: { PATH: '/usr/bin:/bin', NODE_NAME: 'node-1' }, stdio: ['ignore', 'ignore', 'pipe'] },
      );
      const text = logOf(child);
      try {
        await until(() => text().includes('the agent answers'), text);
        await writeFile(
          file,
          safe.replace(/auth: .*/, 'auth: { mode: none }').replace('http:', 'http:\n  listen: 0.0.0.0:1'),
        );
        child.kill('SIGHUP');
        await until(() => text().includes('the settings were'), text);
        // --listen stands over the file: the file alone would be refused.
        assert.match(text(), /taken over at the next start only.*http\.auth\.mode/);
        const next = await writeCertificate(folder, 'next', pki.strange);
        await writeFile(files.chain, await readFile(next.chain));
        await writeFile(files.key, await readFile(next.key));
        child.kill('SIGHUP');
        await until(() => text().includes('the server certificate was renewed'), text);
        assert.doesNotMatch(text(), /a-good-token/);
      } finally {
        child.kill('SIGTERM');
        await new Promise((resolve) => child.once('exit', resolve));
      }
    });

    it('stops at SIGTERM and SIGINT with exit status 0, soon, whatever is asked of it', async () => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) {
        const one = await startAgentProcess([...node.flags]);
        const stream = await fetch(`http://127.0.0.1:${one.port}/v1/investigations`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
          body: JSON.stringify({ image: 'registry.invalid/x:1' }),
        });
        const end = await one.stop(signal);
        assert.deepEqual({ code: end.code, signal: end.signal }, { code: 0, signal: null }, one.logText());
        assert.ok(end.ms < 5000, `${end.ms} ms`);
        await stream.text().catch(() => null);
        assert.equal(said(one, 'the agent has stopped').length, 1);
      }
    });

    it('stops when it is told to while it starts', async () => {
      const child = spawn(process.execPath, [executable, 'agent', '--listen', '127.0.0.1:0', ...node.flags], {
        env: { PATH: '/usr/bin:/bin', NODE_NAME: 'node-1' },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      const text = logOf(child);
      const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
      await until(() => text().includes('{'), text);
      child.kill('SIGHUP');
      child.kill('SIGTERM');
      assert.equal(await ended, 0, text());
    });

    it('writes its log as JSON or text, and nothing on standard output', async () => {
      const child = spawn(
        process.execPath,
        [executable, 'agent', '--listen', '127.0.0.1:0', '--log-format', 'text', '--log-level', 'debug', ...node.flags],
        { env: { PATH: '/usr/bin:/bin', NODE_NAME: 'node-1' }, stdio: ['ignore', 'pipe', 'pipe'] },
      );
      let out = '';
      child.stdout?.on('data', (data) => {
        out += String(data);
      });
      const text = logOf(child);
      await until(() => text().includes('the agent answers'), text);
      child.kill('SIGTERM');
      await new Promise((resolve) => child.once('exit', resolve));
      assert.equal(out, '');
      for (const line of text().trim().split('\n'))
        assert.match(line, /^\d{4}-\d\d-\d\dT[\d:.]+Z (DEBUG|INFO|WARN|ERROR) /);
    });
  });
});

function logOf(child: ChildProcess): () => string {
  let text = '';
  child.stderr?.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  return () => text;
}
