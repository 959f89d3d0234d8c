import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { systemEnv } from '../../src/lib/env.ts';
import { fail, ok } from '../../src/lib/result.ts';
import { kubernetesReviewer } from '../../src/serve/kubernetes-reviewer.ts';
import { openReviews, type Reviewer } from '../../src/serve/reviews.ts';
import { clusterAccess, inCluster } from '../../src/wire/kube-access.ts';
import { openKubeClient } from '../../src/wire/kube-client.ts';
import { makePki } from '../kit/certificates.ts';
import { startHttpAgent } from '../kit/http-agent.ts';
import { closedPort } from '../kit/tcp-server.ts';

const pki = makePki();
const callerToken = 'eyJhbGciOiJSUzI1NiJ9.caller.signature-xyzzy';

/** As kube-apiserver 1.34 answers them (201, with metadata of nulls). */
const authenticated = {
  kind: 'TokenReview',
  apiVersion: 'authentication.k8s.io/v1',
  metadata: { creationTimestamp: null, managedFields: [{ manager: 'node', operation: 'Update' }] },
  spec: { token: callerToken },
  status: {
    authenticated: true,
    user: {
      username: 'system:serviceaccount:monitoring:prometheus',
      uid: '7c1e3a52-6c0f-4d39-9f4e-0a0c6d9d4a11',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:monitoring', 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/pod-name': ['prometheus-0'] },
    },
    audiences: ['https://kubernetes.default.svc.cluster.local'],
  },
};
const notAuthenticated = {
  kind: 'TokenReview',
  apiVersion: 'authentication.k8s.io/v1',
  metadata: { creationTimestamp: null },
  spec: { token: callerToken },
  status: { user: {}, error: `[invalid bearer token, ${callerToken} has expired]` },
};
const allowed = {
  kind: 'SubjectAccessReview',
  apiVersion: 'authorization.k8s.io/v1',
  metadata: { creationTimestamp: null },
  spec: { nonResourceAttributes: { path: '/v1/pods', verb: 'get' } },
  status: {
    allowed: true,
    reason:
      'RBAC: allowed by ClusterRoleBinding "pullwhy-view" of ClusterRole "pullwhy-view" to ServiceAccount "prometheus/monitoring"',
  },
};
const denied = { ...allowed, status: { allowed: false } };
const forbidden = {
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  message: 'tokenreviews.authentication.k8s.io is forbidden: User "system:serviceaccount:x:y" cannot create',
  reason: 'Forbidden',
  code: 403,
};

interface Asked {
  readonly path: string;
  readonly method: string;
  readonly token: string;
  readonly body: Record<string, unknown>;
}

describe('serve: Kubernetes says who asks', () => {
  let folder = '';
  let server: Server;
  let asked: Asked[] = [];
  let answer: (request: Asked, response: ServerResponse) => void = () => undefined;

  const json = (response: ServerResponse, status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  const usual = (request: Asked, response: ServerResponse): void =>
    json(response, 201, request.path.endsWith('tokenreviews') ? authenticated : allowed);

  before(async () => {
    server = createServer({ cert: pki.leaf.chainPem, key: pki.leaf.keyPem }, (request: IncomingMessage, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const one = {
          path: request.url ?? '',
          method: request.method ?? '',
          token: request.headers.authorization ?? '',
          body: JSON.parse(Buffer.concat(chunks).toString()),
        };
        asked.push(one);
        answer(one, response);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(async () => {
    folder = await mkdtemp(`${tmpdir()}/pullwhy-kube-`);
    await writeFile(`${folder}/token`, 'agent-token-1\n');
    await writeFile(`${folder}/ca.crt`, pki.root.pem);
    asked = [];
    answer = usual;
  });
  afterEach(() => rm(folder, { recursive: true }));

  const cluster = () => {
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const found = inCluster({ KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(port) }, folder);
    assert.ok(found !== null);
    return found;
  };
  const review = (waitMs = 20_000) =>
    kubernetesReviewer(clusterAccess(cluster()), { env: systemEnv, waitMs }).review(callerToken, '/v1/pods', 'get');

  it('asks both reviews, with exactly what the API server told of the user', async () => {
    const said = await review();
    assert.ok(said.ok);
    assert.equal(said.value.allowed, true);
    assert.equal(said.value.user, 'system:serviceaccount:monitoring:prometheus');
    assert.deepEqual(asked, [
      {
        path: '/apis/authentication.k8s.io/v1/tokenreviews',
        method: 'POST',
        token: 'Bearer agent-token-1',
        body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: callerToken } },
      },
      {
        path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
        method: 'POST',
        token: 'Bearer agent-token-1',
        body: {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SubjectAccessReview',
          spec: {
            user: 'system:serviceaccount:monitoring:prometheus',
            uid: '7c1e3a52-6c0f-4d39-9f4e-0a0c6d9d4a11',
            groups: ['system:serviceaccounts', 'system:serviceaccounts:monitoring', 'system:authenticated'],
            extra: { 'authentication.kubernetes.io/pod-name': ['prometheus-0'] },
            nonResourceAttributes: { path: '/v1/pods', verb: 'get' },
          },
        },
      },
    ]);
  });

  it('lets nobody in who is not authenticated, nor who is not allowed', async () => {
    answer = (_, response) => json(response, 201, notAuthenticated);
    assert.deepEqual(await review(), ok({ user: '', allowed: false, reason: '' }));
    assert.equal(asked.length, 1, 'nobody’s rights are not asked about');
    const nameless = { ...authenticated, status: { authenticated: true, user: {} } };
    answer = (_, response) => json(response, 201, nameless);
    assert.deepEqual(await review(), ok({ user: '', allowed: false, reason: '' }));
    answer = (request, response) => json(response, 201, request.path.endsWith('tokenreviews') ? authenticated : denied);
    const said = await review();
    assert.ok(said.ok && !said.value.allowed);
    assert.equal(said.value.reason, 'no rule allows it.');
  });

  it('knows the node of a token that names one', async () => {
    const { status } = authenticated;
    const extra = { ...status.user.extra, 'authentication.kubernetes.io/node-name': ['worker-3'] };
    const bound = { ...authenticated, status: { ...status, user: { ...status.user, extra } } };
    answer = (request, response) => json(response, 201, request.path.endsWith('tokenreviews') ? bound : allowed);
    const said = await review();
    assert.equal(said.ok && said.value.node, 'worker-3');
    answer = usual;
    const without = await review();
    assert.ok(without.ok && !('node' in without.value));
  });

  it('lets in only tokens for the audiences that are set, by the API server’s own word', async () => {
    const audiences = ['pullwhy-collector'];
    const asFor = () =>
      kubernetesReviewer(clusterAccess(cluster()), { env: systemEnv, audiences, waitMs: 20_000 }).review(
        callerToken,
        '/v1/reports',
        'post',
      );
    for (const [given, user] of [
      [['pullwhy-collector'], 'system:serviceaccount:monitoring:prometheus'],
      [['other', 'pullwhy-collector'], 'system:serviceaccount:monitoring:prometheus'],
      [['https://kubernetes.default.svc.cluster.local'], ''],
      [[], ''],
      [undefined, ''],
    ] as const) {
      const meant = { ...authenticated, status: { ...authenticated.status, audiences: given } };
      answer = (request, response) => json(response, 201, request.path.endsWith('tokenreviews') ? meant : allowed);
      asked = [];
      const said = await asFor();
      assert.equal(said.ok && said.value.user, user, String(given));
      assert.deepEqual(asked[0]?.body.spec, { token: callerToken, audiences });
    }
  });

  it('says what is wrong when the API server cannot be asked, and never shows a token', async () => {
    const garbage = (response: ServerResponse): void => {
      response.writeHead(201, { 'content-type': 'text/html' });
      response.end('<html>hello');
    };
    const cases: readonly (readonly [typeof answer, RegExp])[] = [
      [(_, response) => json(response, 403, forbidden), /answers 403.*system:auth-delegator/],
      [(_, response) => json(response, 401, { message: callerToken }), /answers 401 \(it does not know the token/],
      [(_, response) => json(response, 500, { message: `Internal error: ${callerToken}` }), /answers 500/],
      [(_, response) => garbage(response), /answers 201, and no JSON object/],
      [(_, response) => json(response, 201, { status: { authenticated: 'yes' } }), /with something else/],
      [(_, response) => json(response, 201, []), /no JSON object/],
      [(_, response) => void response.writeHead(302, { location: 'https://evil.example/' }).end(), /answers 302/],
      [
        (_, response) => json(response, 201, { ...authenticated, more: 'x'.repeat(1024 * 1024) }),
        /more than the 131072 bytes/,
      ],
      [() => undefined, /did not answer within 0\.3 s/],
      [(_, response) => void response.writeHead(201).write('{"status"'), /did not answer within 0\.3 s/],
      [
        (_, response) => {
          response.writeHead(201, { 'content-length': 100 });
          response.write('{"status"');
          setTimeout(() => response.destroy(), 20);
        },
        /cannot be asked: POST .*before the body was complete/,
      ],
      [(_, response) => void response.destroy(), /cannot be asked: POST .*closed/],
    ];
    for (const [does, words] of cases) {
      answer = does;
      const said = await review(words.source.includes('did not answer') ? 300 : undefined);
      assert.ok(!said.ok, String(words));
      assert.match(said.error, words);
      assert.doesNotMatch(said.error, /xyzzy|agent-token/);
    }
  });

  it('reads its own token and authority anew each time, and says when they cannot be used', async () => {
    assert.ok((await review()).ok);
    await writeFile(`${folder}/next`, 'agent-token-2');
    await symlink(`${folder}/next`, `${folder}/link`);
    await rename(`${folder}/link`, `${folder}/token`);
    assert.ok((await review()).ok);
    assert.deepEqual(
      asked.map(({ token }) => token),
      ['Bearer agent-token-1', 'Bearer agent-token-1', 'Bearer agent-token-2', 'Bearer agent-token-2'],
    );
    const wrong = async (words: RegExp): Promise<void> => {
      const said = await review();
      assert.ok(!said.ok, String(words));
      assert.match(said.error, words);
      assert.doesNotMatch(said.error, /agent-token|xyzzy/);
    };
    await writeFile(`${folder}/next`, 'agent-token\r\nX-Evil: 1');
    await wrong(/is no token/);
    await rm(`${folder}/token`);
    await wrong(/token .* is not there/);
    await writeFile(`${folder}/token`, 'agent-token-3');
    await writeFile(`${folder}/ca.crt`, pki.strangeRoot.pem);
    await wrong(/cannot be asked: .*(certificate|issuer)/);
    await writeFile(`${folder}/ca.crt`, '');
    await wrong(/holds no certificate/);
    await rm(`${folder}/ca.crt`);
    await wrong(/authority .* is not there/);
    await writeFile(`${folder}/ca.crt`, pki.root.pem);
    const nobody = openKubeClient(clusterAccess({ ...cluster(), port: await closedPort() }), systemEnv);
    const none = await nobody.create('/x', {});
    assert.ok(!none.ok);
    assert.equal(none.error.kind, 'unreachable');
    await nobody.close();
  });

  it('is in a cluster only where Kubernetes says so', () => {
    assert.equal(inCluster({}), null);
    assert.equal(inCluster({ KUBERNETES_SERVICE_HOST: '', KUBERNETES_SERVICE_PORT: '443' }), null);
    assert.equal(inCluster({ KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: 'tcp://x' }), null);
    assert.equal(inCluster({ KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' })?.port, 443);
  });

  it('guards a served agent: 401, 403, 503 and 200, and no token in any answer or log', async () => {
    const reviewer = kubernetesReviewer(clusterAccess(cluster()), { env: systemEnv, waitMs: 20_000 });
    const agent = await startHttpAgent({ gate: { mode: 'kubernetes', reviewer } });
    const get = async (path: string, token: string | null): Promise<readonly [number, string]> => {
      const headers = token === null ? {} : { authorization: `Bearer ${token}` };
      const answered = await fetch(agent.url + path, { headers });
      return [answered.status, await answered.text()];
    };
    try {
      assert.equal((await get('/v1/pods', callerToken))[0], 200);
      assert.equal((await get('/v1/pods', null))[0], 401);
      assert.equal((await get('/v1/pods', 'two words'))[0], 401);
      assert.equal((await get('/healthz', null))[0], 200);
      assert.equal(asked.length, 2);
      answer = (request, response) =>
        json(response, 201, request.path.endsWith('tokenreviews') ? authenticated : denied);
      const [status, text] = await get('/v1/registries', callerToken);
      assert.equal(status, 403);
      assert.match(text, /system:serviceaccount:monitoring:prometheus may not get \/v1\/registries: no rule allows it/);
      answer = (_, response) => json(response, 500, {});
      const [busy, words] = await get('/v1/runtime', callerToken);
      assert.equal(busy, 503);
      answer = (_, response) => json(response, 201, notAuthenticated);
      const [unknown, nobody] = await get('/v1/report', callerToken);
      assert.equal(unknown, 401);
      assert.doesNotMatch([text, words, nobody, ...agent.logged].join(''), /xyzzy|agent-token/);
      assert.equal(asked.at(-1)?.body.kind, 'TokenReview');
    } finally {
      await agent.server.stop();
    }
  });
});

describe('agent: reviews', () => {
  const stage = () => {
    const time = { at: 0 };
    const asked: string[] = [];
    const says = { allowed: true, fails: false };
    const reviewer: Reviewer = {
      async review(token, path, verb) {
        asked.push(`${token} ${verb} ${path}`);
        await Promise.resolve();
        return says.fails ? fail('down') : ok({ user: 'u', allowed: says.allowed, reason: '' });
      },
    };
    const reviews = openReviews(reviewer, { now: () => 0, monotonic: () => time.at, random: () => 0 });
    return { reviews, asked, time, says };
  };

  it('are remembered for a minute, refusals for five seconds, failures not at all', async () => {
    const { reviews, asked, time, says } = stage();
    const ask = () => reviews.review('t', '/v1/pods', 'get');
    for (const at of [0, 59_999, 60_000]) {
      time.at = at;
      await ask();
    }
    assert.equal(asked.length, 2);
    says.allowed = false;
    for (const at of [120_000, 124_999, 125_000]) {
      time.at = at;
      await ask();
    }
    assert.equal(asked.length, 4);
    says.fails = true;
    time.at = 200_000;
    await ask();
    await ask();
    assert.equal(asked.length, 6);
    says.fails = false;
    says.allowed = true;
    assert.ok((await ask()).ok);
  });

  it('hold for one token, one path and one verb', async () => {
    const { reviews, asked } = stage();
    for (let n = 0; n < 2; n++) {
      await reviews.review('t', '/v1/pods', 'get');
      await reviews.review('t', '/v1/pulls', 'post');
      await reviews.review('t', '/v1/pods', 'post');
      await reviews.review('u', '/v1/pods', 'get');
    }
    assert.equal(asked.length, 4);
  });

  it('are asked for once for all who wait, so many at a time', async () => {
    const { reviews, asked } = stage();
    await Promise.all(Array.from({ length: 50 }, () => reviews.review('t', '/v1/pods', 'get')));
    assert.equal(asked.length, 1);
    const many = await Promise.all(Array.from({ length: 50 }, (_, n) => reviews.review(`t${n}`, '/v1/pods', 'get')));
    assert.equal(many.filter(({ ok: done }) => done).length, 16);
  });

  it('of made-up tokens do not push out those of callers who are let in', async () => {
    const { reviews, asked, says } = stage();
    await reviews.review('good', '/v1/pods', 'get');
    says.allowed = false;
    for (let n = 0; n < 1000; n++) await reviews.review(`bad${n}`, '/v1/pods', 'get');
    asked.length = 0;
    await reviews.review('good', '/v1/pods', 'get');
    assert.equal(asked.length, 0);
  });
});
