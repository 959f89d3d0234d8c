import assert from 'node:assert/strict';
import { systemEnv } from '../../src/lib/env.ts';
import { limits } from '../../src/lib/limits.ts';
import { ok } from '../../src/lib/result.ts';
import { Secret } from '../../src/lib/secret.ts';
import { challengesOf, chosenChallenge } from '../../src/registry/challenge.ts';
import { checkDigest } from '../../src/registry/digest.ts';
import { readRegistryErrors } from '../../src/registry/errors.ts';
import { headerOf, type RegistryAnswer, type RegistryRequest, type RegistrySend } from '../../src/registry/exchange.ts';
import { fetchToken } from '../../src/registry/fetch-token.ts';
import { parseManifest } from '../../src/registry/manifest.ts';
import { containerdAccept } from '../../src/registry/media-types.ts';
import { readRateLimit } from '../../src/registry/rate-limit.ts';
import { sendFollowing } from '../../src/registry/redirect.ts';
import { listNames } from '../../src/registry/tags.ts';
import { basicAuthorization, bearerAuthorization } from '../../src/registry/token.ts';
import { grantsPull } from '../../src/registry/token-claims.ts';
import { repositoryUrls } from '../../src/registry/urls.ts';
import { type HttpClient, type HttpFailure, openHttpClient } from '../../src/wire/http.ts';
import {
  type FakeRegistry,
  type FakeRegistryOptions,
  fakeAnswers,
  makeImage,
  makeIndex,
  startFakeRegistry,
} from '../kit/fake-registry.ts';

/** The parsers and flows of this folder over real sockets, the way that the probes join them. */
describe('the distribution protocol over HTTP', () => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });
  const amd64 = makeImage({ os: 'linux', architecture: 'amd64' }, 100_000);
  const arm64 = makeImage({ os: 'linux', architecture: 'arm64', variant: 'v8' });
  const index = makeIndex([amd64, arm64]);
  const repositories = { 'team/app': { '1.0': index, '1.1': amd64 } };
  const layer = amd64.content[1];
  assert.ok(layer !== undefined);

  const start = async (options: FakeRegistryOptions): Promise<FakeRegistry> => {
    const registry = await startFakeRegistry(options);
    closing.push(() => registry.close());
    return registry;
  };
  /** One client per origin, as the probes have it. */
  const sender = (): RegistrySend<HttpFailure> => {
    const clients = new Map<string, HttpClient>();
    closing.push(async () => {
      for (const client of clients.values()) await client.close();
    });
    return async (request) => {
      const { origin, hostname, port, pathname, search } = request.url;
      let client = clients.get(origin);
      if (client === undefined) {
        const route = {
          scheme: 'http',
          host: hostname,
          port: Number(port),
          address: '127.0.0.1',
          proxy: null,
          tls: null,
        } as const;
        client = openHttpClient(route, systemEnv);
        clients.set(origin, client);
      }
      return await client.request({
        ...request,
        path: pathname + search,
        timeoutMs: 3000,
        signal: new AbortController().signal,
      });
    };
  };
  const answerOf = async (
    send: RegistrySend<HttpFailure>,
    url: URL,
    more: Partial<RegistryRequest> = {},
  ): Promise<RegistryAnswer> => {
    const result = await sendFollowing(send, {
      method: 'GET',
      url,
      headers: {},
      maxBytes: limits.manifestBytes,
      ...more,
    });
    assert.ok(result.ok, result.ok ? '' : result.error.error.message);
    return result.value.last.answer;
  };
  const urlsOf = (registry: FakeRegistry, repository = 'team/app') => {
    const urls = repositoryUrls({ base: registry.base, repository, namespace: null });
    assert.ok(urls !== null);
    return urls;
  };

  it('goes from the challenge over the token to the layer, and takes no token to the other host', async () => {
    const cdn = await start({ repositories });
    const registry = await start({
      repositories,
      token: { users: { app: 'pw' }, postStatus: 404 },
      blobOrigin: cdn.origin,
    });
    const urls = urlsOf(registry);
    const send = sender();

    const refused = await answerOf(send, urls.manifest('1.0'));
    assert.equal(refused.status, 401);
    assert.equal(readRegistryErrors(refused.body).errors[0]?.code, 'UNAUTHORIZED');
    const challenge = chosenChallenge(challengesOf(refused.headers));
    assert.ok(challenge !== null);
    const got = await fetchToken(send, challenge, {
      repository: 'team/app',
      credential: { username: 'app', secret: new Secret('pw') },
      style: 'containerd',
      userAgent: 'test',
    });
    assert.ok(got.ok);
    assert.deepEqual(
      got.value.attempts.map((attempt) => `${attempt.method} ${attempt.status}`),
      ['POST 404', 'GET 200'],
    );
    assert.equal(got.value.token.claims && grantsPull(got.value.token.claims, 'team/app'), true);

    const headers = { authorization: bearerAuthorization(got.value.token.token), accept: containerdAccept };
    const answer = await answerOf(send, urls.manifest('1.0'), { headers });
    const manifest = parseManifest(
      answer.body,
      headerOf(answer.headers, 'content-type'),
      headerOf(answer.headers, 'docker-content-digest'),
    );
    assert.ok(manifest.ok && manifest.value.kind === 'index');
    assert.deepEqual(
      manifest.value.entries.map((entry) => entry.platform?.architecture),
      ['amd64', 'arm64'],
    );
    assert.equal(manifest.value.attestations, 1);
    assert.equal(checkDigest(answer.body, index.manifest.digest).matches, true);

    const blob = await sendFollowing(send, {
      method: 'GET',
      url: urls.blob(layer.digest),
      headers,
      maxBytes: limits.layerProbeBytes,
      keepPartial: true,
    });
    assert.ok(blob.ok);
    assert.deepEqual(
      blob.value.hops.map((hop) => hop.answer.status),
      [307, 200],
    );
    assert.deepEqual(
      [blob.value.last.answer.body.length, blob.value.last.answer.bodyComplete],
      [limits.layerProbeBytes, false],
    );
    assert.deepEqual(cdn.authorizations, [null]);
    assert.match(registry.authorizations.at(-1) ?? '', /^Bearer /u);
  });

  it('is anonymous for a public repository, and gets a token for nothing for a private one', async () => {
    const registry = await start({ repositories, token: { users: {}, publicRepositories: ['team/app'] } });
    const send = sender();
    for (const [repository, granted] of [
      ['team/app', true],
      ['team/secret', false],
    ] as const) {
      const refused = await answerOf(send, urlsOf(registry, repository).manifest('1.0'));
      const challenge = chosenChallenge(challengesOf(refused.headers));
      assert.ok(challenge !== null);
      const got = await fetchToken(send, challenge, {
        repository,
        credential: null,
        style: 'cri-o',
        userAgent: 'test',
      });
      assert.ok(got.ok && got.value.token.claims !== null);
      assert.equal(grantsPull(got.value.token.claims, repository), granted);
      const again = await answerOf(send, urlsOf(registry, repository).manifest('1.0'), {
        headers: { authorization: bearerAuthorization(got.value.token.token) },
      });
      assert.equal(again.status, granted ? 200 : 401);
      assert.equal(chosenChallenge(challengesOf(again.headers))?.error ?? null, granted ? null : 'insufficient_scope');
    }
  });

  it('hears what a token service says about a wrong password', async () => {
    const registry = await start({ repositories, token: { users: { app: 'pw' } } });
    const send = sender();
    const challenge = chosenChallenge(challengesOf((await answerOf(send, urlsOf(registry).ping)).headers));
    assert.ok(challenge !== null);
    const got = await fetchToken(send, challenge, {
      repository: 'team/app',
      credential: { username: 'app', secret: new Secret('wrong') },
      style: 'containerd',
      userAgent: 'test',
    });
    assert.ok(!got.ok && got.error.kind === 'refused');
    assert.equal(got.error.errors.errors[0]?.message, 'incorrect username or password');
    assert.ok(!JSON.stringify(got).includes('wrong"'));
  });

  it('names the failing phase when the token service is dead', async () => {
    const dead = await startFakeRegistry();
    await dead.close();
    const registry = await start({ repositories, token: { users: {}, realm: `${dead.origin}/token` } });
    const send = sender();
    const challenge = chosenChallenge(challengesOf((await answerOf(send, urlsOf(registry).ping)).headers));
    assert.ok(challenge !== null);
    const got = await fetchToken(send, challenge, {
      repository: 'team/app',
      credential: null,
      style: 'containerd',
      userAgent: 'test',
    });
    assert.ok(!got.ok && got.error.kind === 'unreachable');
    assert.deepEqual([got.error.sent?.phase, got.error.sent?.code], ['connect', 'refused']);
  });

  it('speaks basic authentication', async () => {
    const registry = await start({ repositories, basic: { app: 'pw' } });
    const send = sender();
    const refused = await answerOf(send, urlsOf(registry).ping);
    assert.equal(chosenChallenge(challengesOf(refused.headers))?.scheme, 'basic');
    const authorization = basicAuthorization({ username: 'app', secret: new Secret('pw') });
    assert.equal((await answerOf(send, urlsOf(registry).ping, { headers: { authorization } })).status, 200);
  });

  it('tells a missing repository from a missing tag, and lists the tags there are', async () => {
    const registry = await start({ repositories });
    const send = sender();
    const code = async (repository: string, tag: string) =>
      readRegistryErrors((await answerOf(send, urlsOf(registry, repository).manifest(tag))).body).errors[0]?.code;
    assert.equal(await code('team/nope', '1.0'), 'NAME_UNKNOWN');
    assert.equal(await code('team/app', '9'), 'MANIFEST_UNKNOWN');
    const tags = await listNames(send, urlsOf(registry).tags(100), 'tags', { headers: {}, maxPages: 2 });
    assert.deepEqual(tags, ok({ names: ['1.0', '1.1'], complete: true, pages: 1 }));
  });

  it('reads what stands in a registry’s place', async () => {
    const registry = await start({});
    const send = sender();
    const read = async (answer: (typeof fakeAnswers)[keyof typeof fakeAnswers]) => {
      registry.override = answer;
      const got = await answerOf(send, urlsOf(registry).manifest('1'));
      return { got, errors: readRegistryErrors(got.body), rate: readRateLimit(got.headers, 0) };
    };
    const limited = await read(fakeAnswers.hubRateLimit);
    assert.deepEqual(
      [limited.rate?.limit, limited.rate?.remaining, limited.rate?.retryAfterSeconds, limited.rate?.source],
      [100, 0, 60, '203.0.113.9'],
    );
    assert.equal(limited.errors.errors[0]?.code, 'TOOMANYREQUESTS');
    assert.match((await read(fakeAnswers.ecrExpired)).errors.errors[0]?.message ?? '', /token has expired/u);
    const ecr = await read(fakeAnswers.ecrBasicChallenge);
    assert.equal(chosenChallenge(challengesOf(ecr.got.headers))?.service, 'ecr.amazonaws.com');
    const portal = await read(fakeAnswers.captivePortal);
    assert.equal(portal.errors.title, 'Guest network login');
    const manifest = parseManifest(portal.got.body, headerOf(portal.got.headers, 'content-type'), null);
    assert.ok(!manifest.ok && manifest.error.kind === 'html');
    assert.equal((await read(fakeAnswers.gatewayDown)).errors.title, '502 Bad Gateway');
    assert.equal((await read(fakeAnswers.s3Expired)).errors.errors[0]?.code, 'AccessDenied');
    assert.match((await read(fakeAnswers.googleDenied)).errors.errors[0]?.message ?? '', /may not exist/u);
  });
});
