import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isRecord } from '../../src/lib/json.ts';
import { type AgentNode, makeAgentNode } from '../kit/agent-node.ts';
import { type AgentProcess, startAgentProcess } from '../kit/agent-process.ts';
import { stateText } from '../kit/state-text.ts';
import { startTcpServer, type TcpServer } from '../kit/tcp-server.ts';

const token = 'open-sesame-4711-of-the-operator';
const username = 'app-user-0815';
const password = 'p4ss-w0rd-that-nobody-may-see';

/** Everything that would give the secrets away, as it stands and as it is encoded on the way. */
const secrets = [
  token,
  password,
  Buffer.from(`${username}:${password}`).toString('base64'),
  encodeURIComponent(password),
];

interface Operation {
  readonly method: string;
  readonly path: string;
}

describe('e2e: an attacker at the agent', function () {
  this.timeout(90_000);
  let node: AgentNode;
  let agent: AgentProcess;
  /** Stands for what a node must not be made to talk to; nobody may ever connect. */
  let canary: TcpServer;
  let operations: readonly Operation[];
  /** Every answer so far: no secret may stand in any. */
  const answers: string[] = [];

  const ask = async (
    { method, path }: Operation,
    headers: Readonly<Record<string, string>>,
    body?: unknown,
  ): Promise<{ readonly status: number; readonly text: string }> => {
    const answer = await fetch(`http://127.0.0.1:${agent.port}${path}`, {
      method,
      redirect: 'manual',
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    answers.push(`${JSON.stringify([...answer.headers])}\n${text}`);
    return { status: answer.status, text };
  };
  const right = { authorization: `Bearer ${token}` };
  /** A body that would do something, were it let in. */
  const bodyFor = (path: string): unknown => {
    const image = `${node.hosts[0]}/team/app:1.0`;
    return path.includes('/probes/') ? { target: node.hosts[0] } : { image, credentials: { username, password } };
  };
  const filled = ({ method, path }: Operation): Operation => ({
    method,
    path: path.replaceAll(/\{\w+\}/g, path.includes('/probes/') ? 'dns' : 'no-such-id'),
  });

  /** What became of a pull. */
  const ended = async (id: string): Promise<string> => {
    for (const limit = performance.now() + 10_000; ; ) {
      const { state, error } = JSON.parse((await ask({ method: 'GET', path: `/v1/pulls/${id}` }, right)).text);
      if (state === 'failed' || state === 'done') return `${state}: ${error}`;
      assert.ok(performance.now() < limit, 'the pull does not end');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  before(async () => {
    canary = await startTcpServer((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    node = await makeAgentNode({ registries: 2, images: 2 });
    await node.write('etc/hosts', `${await readFile(join(node.root, 'etc/hosts'), 'utf8')}127.0.0.1 sneaky.test\n`);
    const tokenFile = join(node.root, 'token');
    await writeFile(tokenFile, `${token}\n`, { mode: 0o600 });
    agent = await startAgentProcess([
      ...node.flags,
      ...['--log-level', 'debug', '--set', 'http.auth.mode=token', '--set', `http.auth.tokenFile=${tokenFile}`],
      ...['--set', `http.allowTargets=${node.hosts.join(',')}`, '--set', 'http.maxPerCaller=50'],
    ]);
    const document: unknown = JSON.parse((await ask({ method: 'GET', path: '/openapi.json' }, right)).text);
    assert.ok(isRecord(document) && isRecord(document.paths));
    operations = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(Object(item)).map((method) => ({ method: method.toUpperCase(), path })),
    );
    assert.ok(operations.length >= 15, `${operations.length} operations`);
  });
  after(async () => {
    await agent?.stop();
    await node?.close();
    await canary?.close();
  });

  it('gets nowhere without credentials or with wrong ones, but to liveness', async () => {
    const wrong: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
      ['none', {}],
      ['another token', { authorization: 'Bearer open-sesame-4711-of-the-operatos' }],
      ['its beginning', { authorization: `Bearer ${token.slice(0, -1)}` }],
      ['more than it', { authorization: `Bearer ${token}x` }],
      ['an empty one', { authorization: 'Bearer ' }],
      ['another scheme', { authorization: `Basic ${Buffer.from(`admin:${token}`).toString('base64')}` }],
      ['two of them', { authorization: `Bearer x, Bearer ${token}` }],
      [
        'another header',
        { 'x-authorization': `Bearer ${token}`, 'x-forwarded-for': '127.0.0.1', cookie: `token=${token}` },
      ],
    ];
    for (const operation of operations) {
      const { method, path } = filled(operation);
      const open = ['/healthz', '/readyz', '/openapi.json'].includes(path);
      for (const [what, headers] of wrong) {
        const { status, text } = await ask({ method, path }, headers, method === 'POST' ? bodyFor(path) : undefined);
        if (open) assert.equal(status, 200, `${path} with ${what}`);
        else {
          assert.equal(status, 401, `${method} ${path} with ${what}: ${text.slice(0, 200)}`);
          const problem: unknown = JSON.parse(text);
          assert.ok(isRecord(problem) && problem.status === 401);
        }
      }
      // In the address it would stand in every proxy's log.
      if (!open)
        assert.equal((await ask({ method, path: `${path}?token=${token}&access_token=${token}` }, {})).status, 401);
    }
  });

  it('gets in with the right ones', async () => {
    for (const operation of operations) {
      const { method, path } = filled(operation);
      const { status, text } = await ask({ method, path }, right, method === 'POST' ? bodyFor(path) : undefined);
      const expected = path.endsWith('/no-such-id')
        ? [404]
        : // This node has a folder of journals and none in it.
          path === '/v1/journal'
          ? [503]
          : [200, 201, 202];
      assert.ok(expected.includes(status), `${method} ${path}: ${status} ${text.slice(0, 300)}`);
    }
  });

  it('does not make the node talk to itself, its neighbours or its cloud', async () => {
    const port = canary.port;
    const targets = [
      `127.0.0.1:${port}`,
      `localhost:${port}`,
      `127.1.2.3:${port}`,
      `[::1]:${port}`,
      `[::ffff:127.0.0.1]:${port}`,
      `[::ffff:7f00:1]:${port}`,
      `[64:ff9b::7f00:1]:${port}`,
      `0.0.0.0:${port}`,
      `[::]:${port}`,
      `sneaky.test:${port}`,
      '169.254.169.254',
      '169.254.169.254:80',
      '[fd00:ec2::254]:80',
      '[fe80::1]:443',
      '100.100.100.200',
      // The registry's own host, at a port that nobody allowed.
      `${node.hosts[0]?.split(':')[0]}:${port}`,
    ];
    for (const target of targets) {
      for (const kind of ['dns', 'tcp', 'tls', 'proxy', 'registry']) {
        const { status, text } = await ask({ method: 'POST', path: `/v1/probes/${kind}` }, right, { target });
        // A name may be looked up, and what it leads to is then left alone.
        if (status === 200 && kind !== 'dns') assert.equal(JSON.parse(text).status, 'skipped', `${kind} ${target}`);
        else if (status !== 200) assert.ok([400, 403, 422].includes(status), `${kind} ${target}: ${status} ${text}`);
      }
      const image = `${target}/team/app:1.0`;
      const { status, text } = await ask({ method: 'POST', path: '/v1/investigations' }, right, { image });
      // What no reference can have in it is told as such, and nothing is looked at.
      if (status === 200) {
        const { cause, verdict } = JSON.parse(text);
        assert.ok(cause === 'invalid-image-name' || verdict === 'inconclusive', `${target}: ${verdict} ${cause}`);
      } else assert.ok([400, 403, 422].includes(status), `${target}: ${status} ${text.slice(0, 500)}`);
      const pull = await ask({ method: 'POST', path: '/v1/pulls' }, right, { image });
      if (pull.status === 202) assert.match(await ended(JSON.parse(pull.text).id), /^failed: /);
      else assert.ok([400, 403, 422].includes(pull.status), `${target}: ${pull.status} ${pull.text.slice(0, 500)}`);
    }
    assert.deepEqual(
      node.cri.calls.filter(
        ({ method, request }) => method === 'PullImage' && JSON.stringify(request).includes(`:${canary.port}/`),
      ),
      [],
    );
    assert.equal(canary.connections(), 0);
  });

  it('does not get there by a registry that sends the node on', async () => {
    const [registry] = node.registries;
    assert.ok(registry);
    const inside = `http://127.0.0.1:${canary.port}/latest/meta-data`;
    const places = {
      'a redirect of everything': { status: 307, headers: { location: inside } },
      'a redirect by name': { status: 302, headers: { location: `http://sneaky.test:${canary.port}/` } },
      'a realm': { status: 401, headers: { 'www-authenticate': `Bearer realm="${inside}",service="x"` } },
    };
    for (const [what, answer] of Object.entries(places)) {
      registry.override = answer;
      for (const credentials of [undefined, { username, password }]) {
        const image = `${node.hosts[0]}/team/app:1.0`;
        const body = credentials === undefined ? { image } : { image, credentials };
        const { status, text } = await ask({ method: 'POST', path: '/v1/investigations' }, right, body);
        assert.ok([200, 201, 403].includes(status), `${what}: ${status} ${text.slice(0, 300)}`);
        if (status !== 403) assert.notEqual(JSON.parse(text).verdict, 'healthy', what);
      }
    }
    registry.override = (_method, path) =>
      path.includes('/blobs/') ? { status: 307, headers: { location: inside } } : null;
    const { status } = await ask({ method: 'POST', path: '/v1/investigations' }, right, {
      image: `${node.hosts[0]}/team/app:1.0`,
    });
    assert.ok([200, 201].includes(status));
    registry.override = null;
    assert.equal(canary.connections(), 0);
  });

  it('sends credentials nowhere but to the registry that they are for', () => {
    const [one, two] = node.registries.map(({ authorizations }) => authorizations.filter((value) => value !== null));
    assert.deepEqual(two, []);
    for (const sent of one ?? []) assert.ok(!sent.includes(token), 'the token of the agent itself left the node');
  });

  it('finds no secret in any answer, in the log, or on the disk', async () => {
    const files: string[] = [];
    const collect = async (folder: string): Promise<void> => {
      for (const entry of await readdir(folder, { withFileTypes: true })) {
        const path = join(folder, entry.name);
        if (entry.isDirectory()) await collect(path);
        else if (entry.isFile() && entry.name !== 'token') files.push(path);
      }
    };
    await agent.stop();
    await collect(node.root);
    assert.ok(
      files.some((path) => path.includes('/state/')),
      'the agent kept nothing: this test would see nothing',
    );
    const state = await stateText(join(node.root, 'state'));
    assert.ok(state.documents > 0, 'the investigations are not among what is searched');
    const texts = await Promise.all(files.map(async (path) => [path, await readFile(path, 'latin1')] as const));
    assert.ok(agent.logText().length > 1000);
    for (const secret of secrets) {
      for (const [path, text] of texts) assert.ok(!text.includes(secret), `${path} has ${secret}`);
      assert.ok(!state.text.includes(secret), `the state has ${secret}`);
      assert.ok(!agent.logText().includes(secret), `the log has ${secret}`);
      assert.ok(!answers.some((text) => text.includes(secret)), `an answer has ${secret}`);
    }
  });
});
