import assert from 'node:assert/strict';
import { observe } from '../kit/node-folder.ts';
import { useServers } from './servers.ts';

const users = { app: 'right-password' };

describe('probes: auth', () => {
  const servers = useServers();

  it('fetches a token for nobody, and uses it', async () => {
    const registry = await servers.registry({ token: { users, publicRepositories: ['team/app'] } });
    const { of, all } = await observe({ image: `127.0.0.1:${registry.port}/team/app:1.0` });
    const [token] = of('auth');
    assert.deepEqual([token?.status, token?.facts.granted, token?.facts.claimsPull], ['ok', true, true]);
    assert.deepEqual(token?.facts.identity, { index: -1, username: null });
    assert.equal(token?.facts.scope, 'repository:team/app:pull');
    const named = of('manifest').find(({ facts }) => facts.kind === 'image');
    assert.equal(named?.facts.authorization, 'bearer');
    assert.doesNotMatch(JSON.stringify(all), /eyJ/, 'a token is nowhere in the facts');
  });

  it("tells a token that does not open this: nobody's, for a private repository", async () => {
    const registry = await servers.registry({ token: { users } });
    const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/app:1.0` });
    assert.deepEqual([of('auth')[0]?.facts.granted, of('auth')[0]?.facts.claimsPull], [true, false]);
    assert.deepEqual(
      of('manifest').map(({ facts }) => facts.status),
      [401],
    );
  });

  it("sends the node's credentials, and never shows them", async () => {
    const registry = await servers.registry({ token: { users } });
    const host = `127.0.0.1:${registry.port}`;
    const { of, all } = await observe({
      image: `${host}/team/app:1.0`,
      credentials: { [host]: { username: 'app', password: 'right-password' } },
    });
    const [token] = of('auth');
    assert.deepEqual([token?.facts.granted, token?.facts.identity], [true, { index: 0, username: 'app' }]);
    assert.ok(of('manifest').some(({ facts }) => facts.kind === 'image'));
    assert.doesNotMatch(JSON.stringify(all), /right-password/);
  });

  it('keeps what the token service demands of its own', async () => {
    const registry = await servers.registry({ token: { users } });
    registry.override = (_, path) =>
      path === '/token' ? { status: 401, headers: { 'www-authenticate': 'Basic realm="tokens"' } } : null;
    const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/app:1.0` });
    assert.deepEqual(
      of('auth').map(({ facts }) => facts.challenges?.map(({ scheme, realm }) => [scheme, realm])),
      [[['basic', 'tokens']]],
    );
  });

  it('tells a refusal, and asks then whether nobody would get it', async () => {
    const registry = await servers.registry({ token: { users, publicRepositories: ['team/app'] } });
    const host = `127.0.0.1:${registry.port}`;
    const { of } = await observe({
      image: `${host}/team/app:1.0`,
      credentials: { [host]: { username: 'app', password: 'wrong-password' } },
    });
    assert.deepEqual(
      of('auth').map(({ facts, status, counterfactual }) => [
        facts.identity.index,
        facts.status,
        status,
        counterfactual,
      ]),
      [
        [0, 401, 'failed', false],
        [-1, 200, 'ok', true],
      ],
    );
    const anonymous = of('manifest').find(({ facts }) => facts.kind === 'image');
    assert.deepEqual([anonymous?.counterfactual, anonymous?.facts.identity.index], [true, -1]);
  });

  it('tries all credentials that fit, the next only when the one before was refused', async () => {
    const registry = await servers.registry({ basic: users });
    const host = `127.0.0.1:${registry.port}`;
    const { of } = await observe({
      image: `${host}/team/app:1.0`,
      credentials: {
        [`${host}/team/app`]: { username: 'old', password: 'revoked-password' },
        [host]: { username: 'app', password: 'right-password' },
      },
    });
    assert.deepEqual(
      of('manifest')
        .filter(({ facts }) => facts.authorization === 'basic')
        .map(({ facts }) => [facts.identity.username, facts.status]),
      [
        ['old', 401],
        ['app', 200],
      ],
    );
  });

  it('falls back to GET where the service does not know POST', async () => {
    const registry = await servers.registry({ token: { users, postStatus: 405 } });
    const host = `127.0.0.1:${registry.port}`;
    const { of } = await observe({
      image: `${host}/team/app:1.0`,
      credentials: { [host]: { username: 'app', password: 'right-password' } },
    });
    assert.equal(of('auth')[0]?.facts.granted, true);
  });

  it('tells an answer without a token', async () => {
    const registry = await servers.registry({ token: { users } });
    registry.override = (_method, path) =>
      path === '/token'
        ? { status: 200, headers: { 'content-type': 'application/json' }, body: '{"nothing":1}' }
        : null;
    const { of } = await observe({ image: `127.0.0.1:${registry.port}/team/app:1.0` });
    assert.deepEqual([of('auth')[0]?.status, of('auth')[0]?.error?.code], ['failed', 'body-invalid']);
  });
});
