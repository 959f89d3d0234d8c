import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Secret } from '../../src/lib/secret.ts';
import { credentialLifetime } from '../../src/registry/credential-lifetime.ts';

const token = (claims: object): string =>
  [{ alg: 'none' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .concat('c2lnbmF0dXJl')
    .join('.');

const ecr = (content: object): string =>
  Buffer.from(JSON.stringify({ payload: 'x'.repeat(60), version: '2', type: 'DATA_KEY', ...content })).toString(
    'base64',
  );

const ends = Date.UTC(2026, 10, 22, 8);

describe('registry: when a credential ends', () => {
  it('reads a token’s own claims', () => {
    const issued = ends - 3_600_000;
    const password = token({ exp: ends / 1000, iat: issued / 1000, sub: 'app' });
    const lifetime = credentialLifetime('app', new Secret(password));
    assert.deepEqual(lifetime, { expiresAtMs: ends, issuedAtMs: issued, by: 'the claim exp of the token' });
  });

  it('takes nbf for a beginning where there is no iat, and no beginning for none', () => {
    const from = (claims: object) => credentialLifetime('u', new Secret(token(claims)))?.issuedAtMs;
    assert.equal(from({ exp: ends / 1000, nbf: ends / 1000 - 60 }), ends - 60_000);
    assert.equal(from({ exp: ends / 1000 }), null);
  });

  it('reads ECR’s token, which lasts twelve hours', () => {
    const lifetime = credentialLifetime('AWS', new Secret(ecr({ expiration: ends / 1000 })));
    assert.equal(lifetime?.expiresAtMs, ends);
    assert.equal(lifetime?.issuedAtMs, ends - 12 * 3_600_000);
  });

  const silent: readonly (readonly [string, string, string])[] = [
    ['a plain password', 'app', 'correct horse'],
    ['a token without an end', 'app', token({ sub: 'app' })],
    ['an end that is no date', 'app', token({ exp: 12 })],
    ['an end in milliseconds', 'app', token({ exp: ends })],
    ['a token of ECR’s form for another user', 'app', ecr({ expiration: ends / 1000 })],
    ['an ECR token without an end', 'AWS', ecr({})],
    ['a Google access token', 'oauth2accesstoken', `ya29.${'a'.repeat(80)}`],
    ['a GitHub token', 'robot', `ghp_${'a'.repeat(36)}`],
    ['nothing', 'AWS', ''],
  ];
  for (const [name, username, password] of silent) {
    it(`says nothing of ${name}`, () => assert.equal(credentialLifetime(username, new Secret(password)), null));
  }

  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('AWS', 'app'),
        fc.oneof(fc.string(), fc.base64String({ minLength: 40 })),
        (user, text) => {
          credentialLifetime(user, new Secret(text));
          credentialLifetime(user, new Secret(`${text}.${text}.${text}`));
        },
      ),
    );
  });
});
