import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { fail, ok } from '../../src/lib/result.ts';
import { investigationOf } from '../kit/agent.ts';
import { servicesOf } from '../kit/agent-services.ts';
import { makePki, writeCertificate } from '../kit/certificates.ts';
import { type Outcome, pullwhy } from '../kit/command.ts';
import { type HttpAgent, startHttpAgent } from '../kit/http-agent.ts';
import { type ServedAgent, startServedAgent } from '../kit/served-agent.ts';
import { closedPort } from '../kit/tcp-server.ts';

const pki = makePki();

describe('e2e: pullwhy node', function () {
  this.timeout(60_000);
  let folder = '';
  const agents: HttpAgent[] = [];
  const servers: Server[] = [];
  before(async () => {
    folder = await mkdtemp(`${tmpdir()}/pullwhy-node-`);
  });
  after(() => rm(folder, { recursive: true }));
  afterEach(async () => {
    await Promise.all(agents.splice(0).map(({ server }) => server.stop()));
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  const node = (agent: string, ...args: string[]): Promise<Outcome> => pullwhy(['node', ...args, '--agent', agent]);

  async function start(options: Parameters<typeof startHttpAgent>[0]): Promise<HttpAgent> {
    const agent = await startHttpAgent(options);
    agents.push(agent);
    return agent;
  }

  /** A server that is no agent. */
  async function serve(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
    const server = createServer(handle);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  const answering =
    (status: number, type: string, body: string) =>
    (_: IncomingMessage, response: ServerResponse): void =>
      void response.writeHead(status, { 'content-type': type }).end(body);

  function fails(outcome: Outcome, code: number, words: RegExp): void {
    assert.equal(outcome.code, code, outcome.stderr + outcome.stdout);
    assert.equal(outcome.stdout, '');
    assert.match(outcome.stderr, words);
    assert.match(outcome.stderr, /^pullwhy: [^\n]*\n$/, 'one line');
  }

  describe('of a real agent', () => {
    let served: ServedAgent;
    before(async () => {
      served = await startServedAgent(['--set', 'http.maxPerCaller=50']);
    });
    after(() => served.close());

    it('shows the pods that wait', async function () {
      if (!served.hasPods) return this.skip();
      const text = await node(served.url, 'pods');
      assert.equal(text.code, 1);
      assert.match(text.stdout, /^1 container of node-1 waits for 1 image\.\n\n✗ /);
      assert.match(text.stdout, /cause: tag-not-found, proven/);
      assert.match(text.stdout, /- shop\/web-7d4b9c6f5-x2x8p, container app/);
      const json = await node(served.url, 'pods', '-o', 'json');
      assert.equal(json.code, 1);
      const document = JSON.parse(json.stdout);
      assert.equal(document.kind, 'Pods');
      assert.equal(document.pods[0].pod, 'web-7d4b9c6f5-x2x8p');
      assert.equal(text.stderr + json.stderr, '');
    });

    it('shows the registries', async () => {
      for (const limit = performance.now() + 15_000; ; ) {
        const { stdout, code } = await node(served.url, 'registries');
        if (/^✓ reg0\.registry\.test:\d+ {2}healthy\n/.test(stdout) && code === 0) break;
        assert.ok(performance.now() < limit, stdout);
      }
      const json = await node(served.url, 'registries', '-o', 'json');
      assert.equal(JSON.parse(json.stdout).kind, 'Registries');
    });

    it('gives the report in every format', async () => {
      const text = await node(served.url, 'report');
      assert.equal(text.code, 0);
      assert.match(text.stdout, /^# /);
      assert.doesNotMatch(text.stdout, /<details>|<summary>/);
      assert.match((await node(served.url, 'report', '-o', 'markdown')).stdout, /^# /);
      assert.match((await node(served.url, 'report', '-o', 'html')).stdout, /^<!doctype html>/i);
      assert.equal(JSON.parse((await node(served.url, 'report', '-o', 'json')).stdout).kind, 'NodeReport');
    });

    it('has an image investigated there', async () => {
      const faulty = await node(served.url, 'diagnose', served.missing);
      assert.equal(faulty.code, 1);
      assert.match(faulty.stdout, /^✗ .*\/team\/app:9\.9 cannot be pulled on node-1\n/);
      assert.match(faulty.stdout, /cause: tag-not-found \(proven\)/);
      assert.equal(faulty.stderr, '');
      const healthy = await node(served.url, 'diagnose', served.present, '--pull', '-o', 'json');
      assert.equal(healthy.code, 0, healthy.stderr);
      const document = JSON.parse(healthy.stdout);
      assert.equal(document.verdict, 'healthy');
      assert.equal(document.pull.attempted, true);
      assert.match((await node(served.url, 'diagnose', served.missing, '-o', 'markdown')).stdout, /^### /);
      const other = await node(served.url, 'diagnose', served.present, '--platform', 'linux/s390x');
      assert.match(other.stdout, /platform-mismatch/);
    });

    it('has an image pulled there', async () => {
      const good = await node(served.url, 'pull', served.present);
      assert.equal(good.code, 0, good.stderr);
      assert.match(good.stdout, /^✓ .* was pulled on node-1 in /);
      const bad = await node(served.url, 'pull', served.missing);
      assert.equal(bad.code, 1);
      assert.match(bad.stdout, /^✗ .* was not pulled on node-1\n/);
      assert.match(bad.stdout, /The runtime's own words:\n/);
      const json = await node(served.url, 'pull', served.present, '-o', 'json');
      assert.equal(JSON.parse(json.stdout).state, 'done');
    });

    it('says what the agent does not do', async () => {
      fails(await node(served.url, 'diagnose', '169.254.169.254/x'), 3, /metadata address .* http\.allowTargets/);
      fails(await node(served.url, 'diagnose', 'x', '--platform', 'a/b/c/d'), 3, /platform/i);
    });
  });

  describe('when it cannot be asked', () => {
    it('names what is wrong with the command line: exit status 2', async () => {
      const cases: readonly (readonly [readonly string[], RegExp])[] = [
        [['--agent', 'worker-3:9440'], /--agent: worker-3:9440 is no address such as http:/],
        [['--agent', 'ftp://x'], /--agent: ftp:\/\/x\/? is no address/],
        [['--agent', 'http://u:hunter22@127.0.0.1'], /--agent: .*no user and password.*--token-file/],
        [['--token-file', `${folder}/none`], /--token-file: .*\/none is not there/],
        [['--token-file', folder], /--token-file: .* is a directory/],
        [['--ca-file', `${folder}/none`, '--agent', 'https://127.0.0.1'], /--ca-file: .*\/none is not there/],
        [['--ca-file', '/dev/null'], /--ca-file is for an agent that speaks TLS: use https:/],
        [['--ca-file', '/dev/null', '--agent', 'https://127.0.0.1'], /--ca-file: \/dev\/null holds no certificate/],
        [['--cert-file', '/dev/null', '--agent', 'https://127.0.0.1'], /--cert-file and --key-file belong together/],
        [['--cert-file', '/dev/null', '--key-file', '/dev/null', '--agent', 'https://127.0.0.1'], /no pair in PEM/],
        [['--token-file', '/dev/zero'], /--token-file: \/dev\/zero is longer than/],
        [['-o', 'html'], /html/],
      ];
      for (const [args, words] of cases) {
        const { code, stdout, stderr } = await pullwhy(['node', 'pods', ...args]);
        assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
        assert.equal(stdout, '');
        assert.match(stderr, words);
        assert.doesNotMatch(stderr, /hunter22/);
      }
    });

    it('sends a token in clear to this machine only', async () => {
      await writeFile(`${folder}/token`, 'hunter22-token\n');
      await writeFile(`${folder}/lines`, 'hunter22\r\nX-Evil: 1\n');
      const token = ['--token-file', `${folder}/token`];
      const clear = await node('http://10.255.255.1:9440', 'pods', ...token);
      fails(clear, 2, /not sent to 10\.255\.255\.1:9440 in clear: use https:/);
      for (const host of ['127.0.0.1.evil.example', 'localhost.evil.example'])
        fails(await node(`http://${host}:1`, 'pods', ...token), 2, /in clear/);
      const lines = await node('http://127.0.0.1:1', 'pods', '--token-file', `${folder}/lines`);
      fails(lines, 2, /holds no token/);
      assert.doesNotMatch(clear.stderr + lines.stderr, /hunter22/);
      const { url } = await start({ gate: { mode: 'token', tokenFile: `${folder}/token` } });
      assert.equal((await node(url, 'pods', ...token)).code, 0);
      const env = { PULLWHY_AGENT: url, PULLWHY_TOKEN_FILE: `${folder}/token` };
      assert.equal((await pullwhy(['node', 'pods'], { env })).code, 0);
      fails(await node(url, 'pods'), 3, /answers 401: .*--token-file/);
    });

    it('says so when nothing listens, nothing answers, or somebody else does', async () => {
      fails(
        await node(`http://127.0.0.1:${await closedPort()}`, 'pods'),
        3,
        /Nothing listens at .*is the agent running/,
      );
      const html = await serve(answering(200, 'text/html', '<html>hello</html>'));
      fails(await node(html, 'pods'), 3, /answers text\/html, which Pullwhy's agent .* right address\?/);
      fails(await node(html, 'diagnose', 'x'), 3, /answers text\/html/);
      fails(await node(html, 'report'), 3, /answers text\/html/);
      const other = await serve(answering(200, 'application/json', '{"kind":"Pods","apiVersion":"pullwhy/v1"}'));
      fails(await node(other, 'pods'), 3, /a document in which .* right address\?/);
      fails(await node(await serve(answering(404, 'text/plain', 'no')), 'pods'), 3, /answers 404, and not as Pullwhy/);
      const moved = await serve((_, response) => void response.writeHead(302, { location: '/login' }).end());
      for (const command of ['pods', 'report']) fails(await node(moved, command), 3, /answers 302, and not as Pullwhy/);
      const broken = await serve((_, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 });
        response.write('{');
        setTimeout(() => response.destroy(), 20);
      });
      fails(await node(broken, 'pods'), 3, /closed the connection|cannot be asked/);
      const hangsUp = await serve((request) => void request.socket.destroy());
      fails(await node(hangsUp, 'pods'), 3, /closed the connection without an answer: if it speaks TLS/);
      const nowhere = await node('http://nowhere.invalid:1', 'pods');
      assert.equal(nowhere.code, 3);
      assert.match(nowhere.stderr, /nowhere\.invalid (is not known|could not be looked up)/);
    });

    it('waits so long and not longer, and ends at once when it is interrupted', async () => {
      const silent = await serve(() => undefined);
      const interrupted = await pullwhy(['node', 'pods', '--agent', silent], { interruptAfterMs: 1500 });
      fails(interrupted, 3, /interrupted/);
      fails(await node(silent, 'pods'), 3, /did not answer within 15 s/);
    });

    it('verifies the certificate, and says what is wrong with it', async () => {
      const files = await writeCertificate(folder, 'agent', pki.leaf);
      const ca = await writeCertificate(folder, 'root', pki.root);
      const strange = await writeCertificate(folder, 'strange', pki.strangeRoot);
      const agent = await start({ files: { cert: files.chain, key: files.key, clientCa: null } });
      assert.equal((await node(agent.url, 'pods', '--ca-file', ca.cert)).code, 0);
      fails(await node(agent.url, 'pods'), 3, /no authority that is known here: name its own by --ca-file/);
      fails(await node(agent.url, 'pods', '--ca-file', strange.cert), 3, /no authority that is known here/);
      const plain = await node(agent.url.replace('https:', 'http:'), 'pods');
      fails(plain, 3, /if it speaks TLS, use https:/);
      const clear = await start({});
      fails(await node(clear.url.replace('http:', 'https:'), 'pods'), 3, /does not speak TLS: use http:/);
      for (const [made, words] of [
        [pki.expired, /certificate of .* has expired/],
        [pki.notYetValid, /not valid yet/],
        [pki.wrongName, /not for 127\.0\.0\.1: ask by a name that it has \(.*other\.test/],
      ] as const) {
        const bad = await writeCertificate(folder, 'bad', made);
        const { url } = await start({ files: { cert: bad.chain, key: bad.key, clientCa: null } });
        fails(await node(url, 'pods', '--ca-file', ca.cert), 3, words);
      }
    });

    it('shows a client certificate where one is asked for', async () => {
      const files = await writeCertificate(folder, 'agent', pki.leaf);
      const ca = await writeCertificate(folder, 'root', pki.root);
      const own = await writeCertificate(folder, 'own', pki.client);
      const strange = await writeCertificate(folder, 'other', pki.strange);
      const tls = { cert: files.chain, key: files.key, clientCa: ca.cert };
      const { url } = await start({ files: tls, gate: { mode: 'mtls', clientNames: ['node-1'] } });
      const pods = (...args: string[]): Promise<Outcome> => node(url, 'pods', '--ca-file', ca.cert, ...args);
      assert.equal((await pods('--cert-file', own.cert, '--key-file', own.key)).code, 0);
      fails(await pods(), 3, /answers 401: .*--cert-file and --key-file/);
      fails(await pods('--cert-file', strange.cert, '--key-file', strange.key), 3, /answers 401/);
      fails(await pods('--cert-file', own.cert, '--key-file', strange.key), 2, /no pair/);
    });

    it('repeats the agent’s words when it declines', async () => {
      const { url } = await start({ services: { puller: { ...servicesOf().puller, pull: () => fail(busy) } } });
      fails(await node(url, 'pull', 'x'), 3, /answers 429: too many wait/);
      fails(await node(url, 'diagnose', 'busy'), 3, /The agent says: often enough/);
    });

    it('goes on asking after a pull although the agent is away for a moment', async () => {
      let asked = 0;
      const record = servicesOf().puller.pull({ image: 'x', reason: 'asked' });
      assert.ok(record.ok);
      const base = { ...record.value, id: 'a/../b' };
      const url = await serve((request, response) => {
        asked++;
        if (request.method === 'POST')
          return answering(202, 'application/json', JSON.stringify(base))(request, response);
        assert.equal(request.url, '/v1/pulls/a%2F..%2Fb');
        if (asked < 4) return void request.socket.destroy();
        answering(200, 'application/json', JSON.stringify({ ...base, state: 'done' }))(request, response);
      });
      assert.equal((await node(url, 'pull', 'x')).code, 0);
    });
  });

  describe('of a hostile agent', () => {
    const acting = '\u001b[2J\u001b]0;owned\u0007\r\u202e\u009b31m\u200b';

    function harmless({ stdout, stderr }: Outcome): void {
      assert.doesNotMatch(stdout + stderr, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e]/);
    }

    it('nothing acts on the terminal, whatever is answered', async () => {
      const problem = { type: acting, title: acting, status: 403, detail: `no${acting}`, instance: acting };
      const refuses = await serve(answering(403, 'application/problem+json', JSON.stringify(problem)));
      const wrong = await serve(answering(200, 'application/json', JSON.stringify({ [acting]: acting })));
      const type = await serve(answering(200, 'application/json; x', `"${acting}`));
      const page = await serve(answering(200, 'text/markdown', `# ${acting}`));
      for (const url of [refuses, wrong, type, page])
        for (const command of ['pods', 'registries', 'report'])
          for (const format of command === 'report' ? ['text', 'json', 'markdown'] : ['text', 'json'])
            harmless(await node(url, command, '-o', format));
      harmless(await node(refuses, 'diagnose', 'x'));
      harmless(await node(refuses, 'pull', 'x'));
    });

    it('nor in an investigation, as text, Markdown or JSON', async () => {
      const document = investigationOf('x', {
        node: acting,
        summary: acting,
        runtime: { name: acting, version: acting, ready: true, imagePresent: false, endpoint: acting },
      });
      const { investigator } = servicesOf();
      const { url } = await start({
        services: { investigator: { ...investigator, investigate: async () => ok(document) } },
      });
      for (const format of ['text', 'json', 'markdown']) {
        const outcome = await node(url, 'diagnose', 'x', '-o', format);
        harmless(outcome);
        assert.notEqual(outcome.stdout, '', outcome.stderr);
      }
    });

    it('that never ends its answer costs bounded memory', async () => {
      const url = await serve((_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        const block = Buffer.alloc(1024 * 1024, 0x20);
        const pour = (): void => {
          while (!response.destroyed && response.write(block));
        };
        response.on('drain', pour);
        pour();
      });
      fails(await node(url, 'pods'), 3, /answers more than an agent does/);
    });

    it('that streams without an end, or ends without a document, is told apart from one that works', async () => {
      const stream = { 'content-type': 'text/event-stream' };
      const empty = await serve((_, response) => void response.writeHead(200, stream).end(': nothing\n\n'));
      fails(await node(empty, 'diagnose', 'x'), 3, /ended its answer before the investigation/);
      const junk = await serve(
        (_, response) => void response.writeHead(200, stream).end('event: investigation\ndata: {}\n\n'),
      );
      fails(await node(junk, 'diagnose', 'x'), 3, /answer has no "apiVersion"/);
    });
  });
});

const busy = { reason: 'busy', message: 'too many wait', retryAfterMs: 1000 } as const;
