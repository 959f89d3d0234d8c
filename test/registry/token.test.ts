import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Secret } from '../../src/lib/secret.ts';
import { parseChallenges } from '../../src/registry/challenge.ts';
import type { RegistryRequest } from '../../src/registry/exchange.ts';
import {
  basicAuthorization,
  bearerAuthorization,
  type RegistryCredential,
  readToken,
  tokenRealm,
  tokenRequests,
} from '../../src/registry/token.ts';
import { grantsPull, readTokenClaims } from '../../src/registry/token-claims.ts';

const [hub] = parseChallenges(
  'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull"',
);
assert.ok(hub !== undefined);
const person: RegistryCredential = { username: 'app', secret: new Secret('p&w=1') };
const identity: RegistryCredential = { username: '', secret: new Secret('refresh-me') };
const options = { repository: 'library/nginx', credential: null, style: 'containerd', userAgent: 'test' } as const;

function requests(credential: RegistryCredential | null, style: 'containerd' | 'cri-o') {
  assert.ok(hub !== undefined);
  const realm = tokenRealm(hub);
  assert.ok(realm.ok);
  return tokenRequests(realm.value, hub, { ...options, credential, style });
}

const basic = (request: RegistryRequest) => {
  const value = request.headers.authorization;
  return value instanceof Secret ? value.reveal() : null;
};

describe('tokenRequests', () => {
  it('ask without credentials by one GET', () => {
    for (const style of ['containerd', 'cri-o'] as const) {
      const [only, ...others] = requests(null, style);
      assert.equal(others.length, 0);
      assert.equal(only?.request.method, 'GET');
      assert.equal(
        only.request.url.href,
        'https://auth.docker.io/token?service=registry.docker.io&scope=repository%3Alibrary%2Fnginx%3Apull',
      );
      assert.equal(basic(only.request), null);
    }
  });

  it('post credentials first in containerd, and fall back to GET', () => {
    const [post, get] = requests(person, 'containerd');
    assert.equal(post?.request.method, 'POST');
    assert.equal(post.request.url.href, 'https://auth.docker.io/token');
    assert.deepEqual(Object.fromEntries(new URLSearchParams(post.request.body?.reveal())), {
      scope: 'repository:library/nginx:pull',
      service: 'registry.docker.io',
      client_id: 'containerd-client',
      grant_type: 'password',
      username: 'app',
      password: 'p&w=1',
    });
    assert.deepEqual(post.fallbackOn, [400, 401, 404, 405]);
    assert.ok(get !== undefined);
    assert.equal(basic(get.request), `Basic ${Buffer.from('app:p&w=1').toString('base64')}`);
    assert.ok(!JSON.stringify([post, get]).includes('p&w'));
  });

  it('post identity tokens, with no way back from 405 in containerd and from nothing in CRI-O', () => {
    const [post] = requests(identity, 'containerd');
    const form = new URLSearchParams(post?.request.body?.reveal());
    assert.equal(form.get('grant_type'), 'refresh_token');
    assert.equal(form.get('refresh_token'), 'refresh-me');
    assert.deepEqual(post?.fallbackOn, [400, 401, 404]);
    const crio = requests(identity, 'cri-o');
    assert.deepEqual([crio.length, crio[0]?.request.method, crio[0]?.fallbackOn], [1, 'POST', []]);
  });

  it('ask with credentials by GET in CRI-O, naming the account', () => {
    const [get, ...others] = requests(person, 'cri-o');
    assert.equal(others.length, 0);
    assert.equal(get?.request.method, 'GET');
    assert.equal(get.request.url.searchParams.get('account'), 'app');
    assert.equal(basic(get.request), `Basic ${Buffer.from('app:p&w=1').toString('base64')}`);
  });

  it('keep what the realm already asks', () => {
    const [challenge] = parseChallenges('Bearer realm="https://gitlab/jwt/auth?x=1",service="container_registry"');
    assert.ok(challenge !== undefined);
    const realm = tokenRealm(challenge);
    assert.ok(realm.ok);
    const [only] = tokenRequests(realm.value, challenge, { ...options, repository: null });
    assert.equal(only?.request.url.href, 'https://gitlab/jwt/auth?x=1&service=container_registry');
  });
});

describe('tokenRealm', () => {
  const bad: readonly string[] = [
    'Bearer service="s"',
    'Bearer realm=""',
    'Bearer realm="/token"',
    'Bearer realm="ftp://x"',
    'Bearer realm="not a url"',
  ];
  for (const value of bad) {
    it(`cannot follow ${value}`, () => {
      const [challenge] = parseChallenges(value);
      assert.ok(challenge !== undefined);
      assert.ok(!tokenRealm(challenge).ok);
    });
  }

  it('drops userinfo', () => {
    const [challenge] = parseChallenges('Bearer realm="https://u:p@auth/token"');
    assert.ok(challenge !== undefined);
    const realm = tokenRealm(challenge);
    assert.ok(realm.ok && realm.value.href === 'https://auth/token');
  });
});

describe('readToken', () => {
  const read = (value: unknown) => readToken(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));

  it('takes either name, access_token first, and never shows it', () => {
    const token = read({ token: 'a', access_token: 'b', expires_in: 300, issued_at: '2026-01-01T00:00:00Z' });
    assert.ok(token.ok);
    assert.equal(token.value.token.reveal(), 'b');
    assert.deepEqual(
      [token.value.expiresInSeconds, token.value.issuedAt, token.value.refusedBecause],
      [300, '2026-01-01T00:00:00Z', null],
    );
    assert.ok(!JSON.stringify(token).includes('"b"'));
    const other = read({ access_token: '', token: 'a' });
    assert.ok(other.ok && other.value.token.reveal() === 'a' && other.value.expiresInSeconds === 60);
  });

  const bad: readonly (readonly [string, unknown, RegExp])[] = [
    ['nothing', '', /empty/u],
    ['a page', '<html>', /not answer with JSON/u],
    ['a list', [], /not an object/u],
    ['no token', { expires_in: 1 }, /no token/u],
    ['an empty token', { token: '' }, /no token/u],
    ['a token of another type', { token: 5 }, /no token/u],
    ['a token with a line break', { token: 'a\nb' }, /no header can carry/u],
  ];
  for (const [name, value, message] of bad) {
    it(`refuses ${name}`, () => {
      const token = read(value);
      assert.ok(!token.ok);
      assert.match(token.error, message);
    });
  }

  const strict: readonly (readonly [object, string | null])[] = [
    [{ token: 'a', expires_in: '300' }, 'expires_in is not a whole number'],
    [{ token: 'a', expires_in: 1.5 }, 'expires_in is not a whole number'],
    [{ token: 'a', issued_at: 'yesterday' }, 'issued_at is not an RFC 3339 time'],
    [{ token: 'a', issued_at: '2026-01-01 00:00:00' }, 'issued_at is not an RFC 3339 time'],
    [{ token: 'a', refresh_token: 5 }, 'refresh_token is not a string'],
    [{ token: 'a', issued_at: '2026-01-01T00:00:00.123+02:00', expires_in: null }, null],
  ];
  for (const [value, reason] of strict) {
    it(`knows what Go makes of ${JSON.stringify(value)}`, () => {
      const token = read(value);
      assert.ok(token.ok);
      assert.equal(token.value.refusedBecause, reason);
    });
  }

  it('never throws', () => {
    fc.assert(fc.property(fc.oneof(fc.json(), fc.string()), (text) => typeof read(text).ok === 'boolean'));
  });
});

describe('readTokenClaims', () => {
  const jwt = (claims: unknown) =>
    new Secret(`eyJhbGciOiJub25lIn0.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`);

  it('reads what was granted, to whom, and until when', () => {
    const claims = readTokenClaims(
      jwt({
        sub: 'app',
        iss: 'auth.docker.io',
        exp: 300,
        nbf: 0,
        iat: 1,
        access: [{ type: 'repository', name: 'a/b', actions: ['pull', 5] }, 'x'],
      }),
    );
    assert.deepEqual(claims, {
      subject: 'app',
      issuer: 'auth.docker.io',
      issuedAt: 1,
      notBefore: 0,
      expiresAt: 300,
      access: [{ type: 'repository', name: 'a/b', actions: ['pull'] }],
    });
  });

  it('tells granted from not granted from not said', () => {
    const grants = (access: unknown) => {
      const claims = readTokenClaims(jwt({ access }));
      assert.ok(claims !== null);
      return grantsPull(claims, 'a/b');
    };
    assert.equal(grants([{ type: 'repository', name: 'a/b', actions: ['pull'] }]), true);
    assert.equal(grants([{ type: 'repository(plugin)', name: 'a/b', actions: ['*'] }]), true);
    assert.equal(grants([{ type: 'repository', name: 'a/b', actions: [] }]), false);
    assert.equal(grants([{ type: 'repository', name: 'other', actions: ['pull'] }]), false);
    assert.equal(grants([]), false);
    assert.equal(grants(undefined), null);
  });

  for (const token of [
    'opaque',
    'a.b',
    'a.b.c.d',
    'a.!!.c',
    `a.${Buffer.from('[1]').toString('base64url')}.c`,
    'Og==',
  ]) {
    it(`takes ${token} for opaque`, () => assert.equal(readTokenClaims(new Secret(token)), null));
  }
});

describe('authorizations', () => {
  it('are secrets', () => {
    assert.equal(
      basicAuthorization({ username: 'ü', secret: new Secret('é') }).reveal(),
      `Basic ${Buffer.from('ü:é').toString('base64')}`,
    );
    assert.equal(bearerAuthorization(new Secret('t')).reveal(), 'Bearer t');
    assert.equal(String(bearerAuthorization(new Secret('t'))), '[secret]');
  });
});
