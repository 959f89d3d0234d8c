import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import type { CollectorGateSettings } from '../../../src/collector/http/gates.ts';
import { fail, ok } from '../../../src/lib/result.ts';
import type { Reviewer } from '../../../src/serve/reviews.ts';
import { makeCertificate, makePki, usages } from '../../kit/certificates.ts';
import { batchOf, type HttpCollector, heartbeat, startHttpCollector } from '../../kit/http-collector.ts';

const pki = makePki();

describe('collector: who is let in', () => {
  const collectors: HttpCollector[] = [];
  let folder = '';
  before(async () => {
    folder = await mkdtemp(`${tmpdir()}/pullwhy-gates-`);
  });
  after(() => rm(folder, { recursive: true }));
  afterEach(async () => {
    await Promise.all(collectors.splice(0).map(({ server }) => server.stop()));
  });
  async function start(options: Parameters<typeof startHttpCollector>[0] = {}): Promise<HttpCollector> {
    const collector = await startHttpCollector(options);
    collectors.push(collector);
    return collector;
  }

  interface As {
    readonly token?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly host?: string;
  }

  /** One request of any route, with the body that it wants. */
  function ask(
    { port, tls }: HttpCollector,
    method: string,
    path: string,
    { token, cert, key, host }: As = {},
    node = 'node-1',
  ): Promise<{ readonly status: number; readonly body: ReturnType<typeof Object> }> {
    return new Promise((resolve, reject) => {
      const options = {
        host: '127.0.0.1',
        port,
        path: path.replace(/\{\w+\}/g, 'x').replace('/v1/compare', '/v1/compare?a=x&b=y'),
        method,
        agent: false,
        ...(tls === null ? {} : { ca: pki.root.pem, ...(cert === undefined ? {} : { cert, key }) }),
        headers: {
          ...(host === undefined ? {} : { host }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
        },
      };
      const asked = (tls === null ? plainRequest : tlsRequest)(options);
      asked.on('error', reject);
      asked.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => {
          resolve({
            status: response.statusCode ?? 0,
            body: Object(text.startsWith('{') ? JSON.parse(text) : {}),
          });
        });
      });
      asked.end(method === 'POST' ? JSON.stringify(batchOf([heartbeat(1)], { node })) : undefined);
    });
  }
  const report = (collector: HttpCollector, as: As, node = 'node-1') => ask(collector, 'POST', '/v1/reports', as, node);

  /** Statuses of every route by who may ask; each must be one of those. */
  async function everyRoute(collector: HttpCollector, as: As, wanted: Readonly<Record<string, readonly number[]>>) {
    assert.ok(collector.routes.length >= 14);
    for (const { method, path, access } of collector.routes) {
      const { status } = await ask(collector, method, path, as);
      assert.ok(wanted[access]?.includes(status), `${method} ${path} (${access}): ${status}`);
    }
  }
  /** What a route gives to whom it lets in: this collector's store only takes reports. */
  const letIn = { open: [200], read: [200, 503], report: [202] };

  it('without authentication: everybody at this machine, not a web page that has a name for it', async () => {
    const collector = await start();
    await everyRoute(collector, {}, letIn);
    assert.equal((await report(collector, {}, 'whatever-node')).status, 202, 'as claimed');
    assert.equal((await report(collector, { host: `evil.example:${collector.port}` })).status, 403);
    assert.equal((await ask(collector, 'GET', '/', { host: `evil.example:${collector.port}` })).status, 403);
  });

  describe('by tokens', () => {
    async function withTokens(text: string): Promise<HttpCollector & { readonly file: string }> {
      const file = `${folder}/tokens-${collectors.length}-${Math.floor(performance.now() * 1000)}`;
      await writeFile(file, text);
      return { ...(await start({ gate: { mode: 'token', tokenFile: file } })), file };
    }
    const tokens = 'all-token\nreader reader-token\nnode/node-1 token-1\nnode/node-2 token-2\n';

    it('each only as far as it goes, on every route', async () => {
      const collector = await withTokens(tokens);
      const nobody = { open: [200], read: [401], report: [401] };
      await everyRoute(collector, {}, nobody);
      for (const token of ['wrong', 'all-toke', 'all-token2', 'reader', 'node/node-1'])
        await everyRoute(collector, { token }, nobody);
      await everyRoute(collector, { token: 'all-token' }, letIn);
      await everyRoute(collector, { token: 'reader-token' }, { ...letIn, report: [403] });
      await everyRoute(collector, { token: 'token-1' }, { ...letIn, read: [403] });
    });

    it('a node only as itself, which the refusal names with the other', async () => {
      const collector = await withTokens(tokens);
      assert.equal((await report(collector, { token: 'token-1' }, 'node-1')).status, 202);
      assert.equal((await report(collector, { token: 'all-token' }, 'node-7')).status, 202);
      const { status, body } = await report(collector, { token: 'token-1' }, 'node-2');
      assert.deepEqual([status, body.type], [403, 'urn:pullwhy:problem:foreign-node']);
      assert.match(body.detail, /node-1\b.*node-2\b/);
      assert.deepEqual(
        collector.batches.map(({ node }) => node),
        ['node-1', 'node-7'],
      );
      assert.equal(collector.ingested.filter(({ result }) => result === 'foreign-node').length, 1);
    });

    it('of a file that rotates; one that is broken lets nobody in and is told of once', async function () {
      this.timeout(15_000);
      const collector = await withTokens('first\n');
      const get = async (token: string): Promise<number> => (await ask(collector, 'GET', '/metrics', { token })).status;
      assert.equal(await get('first'), 200);
      await writeFile(collector.file, 'second\n');
      await new Promise((resolve) => setTimeout(resolve, 1100));
      assert.deepEqual([await get('first'), await get('second')], [401, 200]);
      await writeFile(collector.file, 'second\nwriter hunter2\n');
      await new Promise((resolve) => setTimeout(resolve, 1100));
      assert.equal(await get('second'), 503);
      await new Promise((resolve) => setTimeout(resolve, 1100));
      assert.equal(await get('second'), 503);
      const told = collector.logged.filter((line) => line.includes('nobody is let in'));
      assert.equal(told.length, 1);
      assert.match(told[0] ?? '', /line 2/);
      assert.doesNotMatch(collector.logged.join(''), /hunter2|second/);
      assert.equal((await ask(collector, 'GET', '/healthz')).status, 200);
    });
  });

  describe('by Kubernetes', () => {
    const asked: string[] = [];
    const reviewer: Reviewer = {
      async review(token, path, verb) {
        asked.push(`${verb} ${path}`);
        const [user = '', node] = token.split('~');
        if (user === 'down') return fail('connection refused');
        if (user === 'nobody') return ok({ user: '', allowed: false, reason: '' });
        const allowed = user === 'admin' || (user === 'viewer' ? verb === 'get' : path === '/v1/reports');
        return ok({ user, allowed, reason: 'no rule matched.', ...(node === undefined ? {} : { node }) });
      },
    };
    const gate: CollectorGateSettings = { mode: 'kubernetes', reviewer, anyNode: ['legacy'] };

    it('as the cluster says, on every route', async () => {
      const collector = await start({ gate });
      await everyRoute(collector, {}, { open: [200], read: [401], report: [401] });
      await everyRoute(collector, { token: 'nobody' }, { open: [200], read: [401], report: [401] });
      await everyRoute(collector, { token: 'down' }, { open: [200], read: [503], report: [503] });
      await everyRoute(collector, { token: 'viewer' }, { ...letIn, report: [403] });
      await everyRoute(collector, { token: 'agent~node-1' }, { ...letIn, read: [403] });
      assert.ok(asked.includes('post /v1/reports') && asked.includes('get /v1/nodes'));
    });

    it('a node by the node that its token names, and by no other', async () => {
      const collector = await start({ gate });
      assert.equal((await report(collector, { token: 'agent~node-1' })).status, 202);
      const foreign = await report(collector, { token: 'agent~node-1' }, 'node-2');
      assert.equal(foreign.status, 403);
      assert.match(foreign.body.detail, /node-1\b.*node-2\b/);
      const without = await report(collector, { token: 'agent' });
      assert.equal(without.status, 403);
      assert.match(without.body.detail, /agent names no node.*http\.auth\.anyNode/);
      assert.equal((await report(collector, { token: 'legacy' }, 'node-9')).status, 202, 'as claimed, by the settings');
      const named = await report(collector, { token: 'legacy~node-1' }, 'node-9');
      assert.equal(named.status, 403, 'where a token names a node, that is it');
      assert.equal((await report(collector, { token: 'admin' })).status, 403, 'not even whoever may do all is a node');
    });
  });

  describe('by client certificates', () => {
    const named = (commonName: string, more: object = {}) => {
      const made = makeCertificate({ commonName, issuer: pki.root, extendedUsages: [usages.clientAuth], ...more });
      return { cert: made.chainPem, key: made.keyPem };
    };
    async function withCertificates(clientNames: readonly string[]): Promise<HttpCollector> {
      await writeFile(`${folder}/cert.pem`, pki.leaf.chainPem);
      await writeFile(`${folder}/key.pem`, pki.leaf.keyPem);
      await writeFile(`${folder}/ca.pem`, pki.root.pem);
      return start({
        gate: { mode: 'mtls', clientNames },
        files: { cert: `${folder}/cert.pem`, key: `${folder}/key.pem`, clientCa: `${folder}/ca.pem` },
      });
    }

    it('of the right authority, on every route', async () => {
      const collector = await withCertificates(['grafana']);
      const nobody = { open: [200], read: [401], report: [401] };
      await everyRoute(collector, {}, nobody);
      const stranger = makeCertificate({ commonName: 'node-1', issuer: pki.strangeRoot });
      await everyRoute(collector, { cert: stranger.chainPem, key: stranger.keyPem }, nobody);
      await everyRoute(collector, named('grafana'), { ...letIn, report: [403] });
      await everyRoute(collector, named('node-1'), { ...letIn, read: [403] });
      await everyRoute(await withCertificates([]), named('node-1'), letIn);
    });

    it('a node by the name in its own', async () => {
      const collector = await withCertificates([]);
      for (const [as, node, status] of [
        [named('node-1'), 'node-1', 202],
        [named('system:node:node-1'), 'node-1', 202],
        [named('', { names: ['node-1', 'node-1.corp.example'] }), 'node-1.corp.example', 202],
        [named('node-1'), 'node-2', 403],
        [named('system:node:node-1'), 'node-2', 403],
        [named('x', { names: ['node-1, DNS:node-2'] }), 'node-2', 403],
        [named('prefix-system:node:node-2'), 'node-2', 403],
      ] as const) {
        const answer = await report(collector, as, node);
        assert.equal(answer.status, status, node);
        if (status === 403) assert.match(answer.body.detail, /node-2/);
      }
    });
  });
});
