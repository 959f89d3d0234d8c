import assert from 'node:assert/strict';
import { plan, type Tree } from '../kit/plan-stage.ts';

const secret = 'hunter2';
const auth = (user: string): string => Buffer.from(`${user}:${secret}`).toString('base64');
/** A user name ends at the first colon. */
const userOf = (key: string): string => `u-${key.replaceAll(':', '_')}`;
const file = (...keys: readonly string[]): string =>
  JSON.stringify({ auths: Object.fromEntries(keys.map((key) => [key, { auth: auth(userOf(key)) }])) });

/** Keys of a pull secret, and those of them that the kubelet tries, in its order. */
const matches: [image: string, keys: readonly string[], tried: readonly string[]][] = [
  ['reg.corp/team/web', ['reg.corp'], ['reg.corp']],
  ['reg.corp/team/web', ['reg.corp', 'reg.corp/team', 'reg.corp/te'], ['reg.corp/team', 'reg.corp/te', 'reg.corp']],
  ['reg.corp/team/web', ['reg.corp/other', 'other.corp'], []],
  ['reg.corp/team/web', ['https://reg.corp/v2/', 'https://reg.corp/v1'], ['https://reg.corp/v2/']],
  ['reg.corp/team/web', ['*.corp', 'reg.corp'], ['reg.corp', '*.corp']],
  ['a.b.corp/web', ['*.corp'], []],
  ['reg.corp/web', ['reg.corp:443'], []],
  ['reg.corp:443/web', ['reg.corp'], []],
  ['reg.corp:5000/web', ['reg.corp:5000', 'reg.corp'], ['reg.corp:5000']],
  ['nginx', ['https://index.docker.io/v1/'], ['https://index.docker.io/v1/']],
  ['nginx', ['https://index.docker.io/v1/', 'docker.io', '*.io'], ['docker.io', '*.io']],
  ['nginx', ['registry-1.docker.io'], []],
];

/** Files that the kubelet cannot use, and words of the problem. */
const unusable: [name: string, text: string | Buffer, message: RegExp][] = [
  [
    'one bad auth, of another registry',
    `{"auths":{"reg.corp":{"auth":"${auth('u')}"},"x.corp":{"auth":"!!"}}}`,
    /x\.corp/,
  ],
  ['an auth without a colon', `{"auths":{"reg.corp":{"auth":"${Buffer.from(secret).toString('base64')}"}}}`, /colon/],
  ['not JSON', `{"auths":{"reg.corp":{"auth":"${secret}"`, /JSON/],
  ['empty', '', /empty/],
  ['a list', '[]', /list/],
  ['bytes', Buffer.from([0, 1, 255]), /JSON/],
  ['base64 of JSON', Buffer.from(file('reg.corp')).toString('base64'), /base64/],
  ['a whole Secret', '{"kind":"Secret","data":{}}', /Secret/],
];

describe('pullwhy plan: credentials', function () {
  this.timeout(30_000);
  for (const [image, keys, tried] of matches) {
    it(`${image} with ${keys.join(' ')}`, async () => {
      const { code, document, stdout } = await withFile(file(...keys), image);
      const { credentials } = document;
      assert.deepEqual([code, document.cause], [0, null]);
      if (tried.length === 0) assert.equal(credentials, null);
      else {
        assert.deepEqual([credentials?.source, credentials?.username], ['--auth-file', userOf(tried[0] ?? '')]);
        const shown = credentials?.matches.map(({ key, username }) => [key, username]);
        assert.deepEqual(
          shown,
          tried.map((key) => [key, userOf(key)]),
        );
      }
      assert.ok(!stdout.includes(secret) && !stdout.includes(auth(userOf(keys[0] ?? ''))));
    });
  }

  for (const [name, text, message] of unusable) {
    it(`is faulty with ${name}`, async () => {
      for (const command of ['plan', 'diagnose'] as const) {
        const { code, document, stdout } = await withFile(text, '127.0.0.1:1/a', { command });
        assert.deepEqual([code, document.cause, document.credentials], [1, 'pull-secret-invalid', null]);
        assert.match(document.problems.find(({ severity }) => severity === 'error')?.message ?? '', message);
        assert.doesNotMatch(stdout, /hunter2/);
      }
    });
  }

  it('reads the older form by the file’s name', async () => {
    const text = JSON.stringify({ 'reg.corp': { auth: auth('old') } });
    for (const name of ['.dockercfg', 'team.dockercfg']) {
      const { document } = await withFile(text, 'reg.corp/a', { name });
      assert.equal(document.credentials?.username, 'old');
    }
    const wrong = await withFile(file('reg.corp'), 'reg.corp/a', { name: '.dockercfg' });
    assert.deepEqual([wrong.code, wrong.document.credentials], [0, null]);
    assert.match(JSON.stringify(wrong.document.problems), /belongs to config\.json/);
  });

  const told: [name: string, text: string, message: RegExp][] = [
    ['a credential helper', '{"auths":{},"credsStore":"ecr-login"}', /runs no such helper/],
    ['an identity token', `{"auths":{"reg.corp":{"identitytoken":"${secret}"}}}`, /does not read the identitytoken/],
    ['nothing', '{}', /no entry under "auths"/],
  ];
  for (const [name, text, message] of told) {
    it(`tells of ${name}, and goes on`, async () => {
      const { code, document, stdout } = await withFile(text, 'reg.corp/a');
      assert.deepEqual([code, document.cause], [0, null]);
      const problem = document.problems.find(({ cause }) => cause === 'pull-secret-invalid');
      assert.match(problem?.message ?? '', message);
      assert.equal(problem?.severity, 'warning');
      assert.doesNotMatch(stdout, /hunter2/);
    });
  }

  it('tries the pod’s secret first, then the node’s file', async () => {
    const files = {
      'var/lib/kubelet/config.json': file('reg.corp/team'),
      'root/.docker/config.json': file('reg.corp'),
    };
    const { document } = await withFile(file('reg.corp'), 'reg.corp/team/web', { files });
    assert.deepEqual(
      document.credentials?.matches.map(({ key, source }) => [key, source.replace(/^.*\/(?=[^/]*$)/, '')]),
      [
        ['reg.corp', '.dockerconfigjson'],
        ['reg.corp/team', 'config.json'],
      ],
    );
    const alone = await plan({ image: 'reg.corp/team/web', files });
    const source = 'var/lib/kubelet/config.json';
    const match = { key: 'reg.corp/team', source, username: 'u-reg.corp/team' };
    assert.deepEqual(alone.document.credentials, { source, username: 'u-reg.corp/team', matches: [match] });
  });
});

function withFile(
  text: string | Buffer,
  image: string,
  more: { name?: string; files?: Tree; command?: 'plan' | 'diagnose' } = {},
): ReturnType<typeof plan> {
  const { name = '.dockerconfigjson', files = {}, command = 'plan' } = more;
  return plan({ image, command, files: { ...files, [name]: text }, args: ['--auth-file', `ROOT/${name}`] });
}
