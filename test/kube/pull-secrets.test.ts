import assert from 'node:assert/strict';
import fc from 'fast-check';
import { accountSecrets, podCredentials, pullSecretNames, type SecretAnswer } from '../../src/kube/pull-secrets.ts';
import { matchMergedCredentials } from '../../src/node/credentials.ts';

const pod = { namespace: 'shop', name: 'web-0', serviceAccount: 'default', pullSecrets: ['a', '', 'b', 'a'] };

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** A secret of the newer type with these users: key → `user:password`. */
function secret(entries: Readonly<Record<string, string>>): SecretAnswer {
  const auths = Object.fromEntries(Object.entries(entries).map(([key, pair]) => [key, { auth: base64(pair) }]));
  return found('kubernetes.io/dockerconfigjson', { '.dockerconfigjson': JSON.stringify({ auths }) });
}

function found(type: string | null, data: Readonly<Record<string, string>>): SecretAnswer {
  const encoded = Object.fromEntries(Object.entries(data).map(([key, text]) => [key, base64(text)]));
  return { kind: 'found', object: { kind: 'Secret', ...(type === null ? {} : { type }), data: encoded } };
}

function of(answers: Readonly<Record<string, SecretAnswer>>, account: readonly string[] | null = null) {
  return podCredentials(pod, new Map(Object.entries(answers)), account);
}

const states = (answers: Readonly<Record<string, SecretAnswer>>) =>
  of(answers).info.secrets.map(({ name, state, why }) => [name, state, why]);

describe('kube: pull secrets', () => {
  it('are asked for once each, and not without a name', () => assert.deepEqual(pullSecretNames(pod), ['a', 'b']));

  const table: readonly (readonly [string, SecretAnswer, string, RegExp | null])[] = [
    ['dockerconfigjson', secret({ 'reg.test': 'u:p' }), 'usable', null],
    ['dockercfg', found('kubernetes.io/dockercfg', { '.dockercfg': '{"reg.test":{"auth":"dTpw"}}' }), 'usable', null],
    ['none', { kind: 'missing' }, 'missing', /^does not exist in the namespace shop$/],
    ['not read', { kind: 'unknown', why: 'was not read', reader: null }, 'unknown', /^was not read$/],
    [
      'Opaque',
      found('Opaque', { '.dockerconfigjson': '{"auths":{}}' }),
      'wrong-type',
      /^has the type Opaque, and the kubelet takes kubernetes\.io\/dockerconfigjson or kubernetes\.io\/dockercfg only$/,
    ],
    ['no type', found(null, { '.dockerconfigjson': '{"auths":{}}' }), 'wrong-type', /type Opaque/],
    ['no data', found('kubernetes.io/dockerconfigjson', {}), 'no-data', /nothing in data\["\.dockerconfigjson"\]/],
    [
      'the other type’s data',
      found('kubernetes.io/dockerconfigjson', { '.dockercfg': '{}' }),
      'no-data',
      /nothing in data/,
    ],
    [
      'no JSON',
      found('kubernetes.io/dockerconfigjson', { '.dockerconfigjson': 'user:pass-word' }),
      'unparseable',
      /^is not valid JSON/,
    ],
    [
      'encoded twice',
      found('kubernetes.io/dockerconfigjson', { '.dockerconfigjson': base64('{"auths":{}}') }),
      'unparseable',
      /base64 once more/,
    ],
    [
      'one bad auth',
      found('kubernetes.io/dockerconfigjson', { '.dockerconfigjson': '{"auths":{"x.test":{"auth":"!!"}}}' }),
      'unparseable',
      /auth in the entry of x\.test is not base64/,
    ],
    ['no object at all', { kind: 'found', object: 7 }, 'wrong-type', /type Opaque/],
  ];
  for (const [name, answer, state, why] of table) {
    it(`are ${state} where one is: ${name}`, () => {
      const [first] = of({ a: answer }).info.secrets;
      assert.equal(first?.state, state);
      if (why === null) assert.equal(first?.why, null);
      else assert.match(first?.why ?? '', why);
    });
  }

  it('are known by their uid where they were read', () => {
    const read = secret({ 'reg.test': 'u:p' });
    const object = read.kind === 'found' ? { ...Object(read.object), metadata: { uid: 'u1' } } : null;
    assert.equal(of({ a: { kind: 'found', object } }).info.secrets[0]?.uid, 'u1');
    assert.equal(of({ a: read }).info.secrets[0]?.uid, undefined);
  });

  it('make one keyring, whichever of them an entry stands in', () => {
    const { files } = of({
      a: secret({ 'reg.test': 'first:1' }),
      b: secret({ 'reg.test/team': 'second:2', 'other.test': 'x:3' }),
    });
    const matches = matchMergedCredentials(files, { domain: 'reg.test', path: 'team/app' });
    assert.deepEqual(
      matches.map(({ source, username }) => [source, username]),
      [
        ['Secret shop/b', 'second'],
        ['Secret shop/a', 'first'],
      ],
    );
  });

  it('tell which the service account has, and which it has since the pod was made', () => {
    const from = (account: readonly string[] | null) => of({}, account).info.secrets.map((one) => [one.name, one.from]);
    assert.deepEqual(from(['a', 'b']), [
      ['a', 'service-account'],
      ['b', 'service-account'],
    ]);
    assert.deepEqual(from(['b']), [
      ['a', 'pod'],
      ['b', 'pod'],
    ]);
    assert.deepEqual(from(null), from(['other']));
    const bare = podCredentials({ ...pod, pullSecrets: [] }, new Map(), ['regcred']);
    assert.deepEqual(
      bare.info.secrets.map((one) => [one.name, one.from, one.state]),
      [['regcred', 'later', 'unknown']],
    );
  });

  it('name the right that lacks', () => {
    const reader = 'pullwhy-system:pullwhy-agent';
    assert.equal(of({ a: { kind: 'unknown', why: 'may not be read', reader } }).info.reader, reader);
    assert.deepEqual(states({ a: { kind: 'missing' } })[1], ['b', 'unknown', 'was not read']);
  });

  it('are read from anything, and never told', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ minLength: 8 }), (anything, text) => {
        const hidden = `pw-${text}`;
        const answers: Record<string, SecretAnswer> = {
          a: { kind: 'found', object: anything },
          b: found('kubernetes.io/dockerconfigjson', { '.dockerconfigjson': hidden }),
        };
        const told = JSON.stringify(of(answers, accountSecrets(anything)).info);
        assert.ok(!told.includes(hidden) && !told.includes(base64(hidden)), told);
      }),
    );
  });
});
