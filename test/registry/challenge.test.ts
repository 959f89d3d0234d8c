import assert from 'node:assert/strict';
import fc from 'fast-check';
import { challengesOf, chosenChallenge, parseChallenges } from '../../src/registry/challenge.ts';

function shortForm(value: string) {
  return parseChallenges(value).map((challenge) => [challenge.scheme, Object.fromEntries(challenge.parameters)]);
}

describe('parseChallenges', () => {
  const cases: readonly (readonly [string, readonly unknown[]])[] = [
    [
      'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull,push"',
      [
        [
          'bearer',
          {
            realm: 'https://auth.docker.io/token',
            service: 'registry.docker.io',
            scope: 'repository:library/nginx:pull,push',
          },
        ],
      ],
    ],
    ['Basic realm="Registry Realm"', [['basic', { realm: 'Registry Realm' }]]],
    ['basic', [['basic', {}]]],
    [
      'Bearer realm="https://a/t", service="s, with comma", Basic realm="x"',
      [
        ['bearer', { realm: 'https://a/t', service: 's, with comma' }],
        ['basic', { realm: 'x' }],
      ],
    ],
    [
      'Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"',
      [
        ['newauth', { realm: 'apps', type: '1', title: 'Login to "apps"' }],
        ['basic', { realm: 'simple' }],
      ],
    ],
    [
      'Negotiate, NTLM',
      [
        ['negotiate', {}],
        ['ntlm', {}],
      ],
    ],
    [
      'Negotiate YII=, Basic realm=x',
      [
        ['negotiate', {}],
        ['basic', { realm: 'x' }],
      ],
    ],
    ['Bearer realm=https://bare/token?x=1,service=s', [['bearer', { realm: 'https://bare/token?x=1', service: 's' }]]],
    ['Bearer realm = "https://a/t" , SERVICE = "s"', [['bearer', { realm: 'https://a/t', service: 's' }]]],
    ['Bearer realm="https://a/t" service="s"', [['bearer', { realm: 'https://a/t', service: 's' }]]],
    ['Bearer realm="never ends', [['bearer', { realm: 'never ends' }]]],
    ['Bearer realm="a",realm="b"', [['bearer', { realm: 'a' }]]],
    [', ,Basic realm="x",,', [['basic', { realm: 'x' }]]],
    ['realm="x"', []],
    ['="x", Basic realm=y', [['basic', { realm: 'y' }]]],
    ['', []],
    ['   ', []],
    ['é Basic, Bearer realm=r', [['bearer', { realm: 'r' }]]],
    [
      'Bearer error="insufficient_scope",error_description="no"',
      [['bearer', { error: 'insufficient_scope', error_description: 'no' }]],
    ],
  ];
  for (const [value, expected] of cases) it(`reads ${value}`, () => assert.deepEqual(shortForm(value), expected));

  it('keeps the opaque value of a scheme without parameters', () => {
    assert.equal(parseChallenges('Negotiate YII+/=')[0]?.token68, 'YII+/=');
    assert.equal(parseChallenges('Basic realm="x"')[0]?.token68, null);
  });

  it('reads back what it is given, with any text in quotes', () => {
    const text = fc.string({ maxLength: 40 });
    fc.assert(
      fc.property(text, text, (realm, service) => {
        const quote = (value: string) => `"${value.replace(/["\\]/gu, '\\$&')}"`;
        const [first, second] = parseChallenges(
          `Bearer realm=${quote(realm)}, service=${quote(service)}, Basic realm="b"`,
        );
        assert.equal(first?.realm, realm);
        assert.equal(first?.service, service);
        assert.equal(second?.realm, 'b');
      }),
    );
  });

  it('ends on any input, with a bounded result', () => {
    fc.assert(fc.property(fc.string({ maxLength: 500 }), (value) => parseChallenges(value).length <= 16));
    assert.equal(parseChallenges('a,'.repeat(50_000)).length, 16);
    assert.ok(
      (parseChallenges(`Bearer ${Array.from({ length: 500 }, (_, i) => `p${i}=1`).join(',')}`)[0]?.parameters.size ??
        99) <= 32,
    );
  });
});

describe('challengesOf and chosenChallenge', () => {
  it('take all header lines and prefer bearer, as the runtimes do', () => {
    const challenges = challengesOf({
      'www-authenticate': ['Basic realm="b"', 'Digest realm="d"', 'Bearer realm="https://t"'],
    });
    assert.deepEqual(
      challenges.map((challenge) => challenge.scheme),
      ['basic', 'digest', 'bearer'],
    );
    assert.equal(chosenChallenge(challenges)?.scheme, 'bearer');
    assert.equal(chosenChallenge(challengesOf({ 'www-authenticate': 'Basic realm="b"' }))?.scheme, 'basic');
    assert.equal(chosenChallenge(challengesOf({ 'www-authenticate': 'Digest realm="b"' })), null);
    assert.equal(chosenChallenge(challengesOf({})), null);
  });
});
