import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inspect } from 'node:util';
import fc from 'fast-check';
import {
  type CredentialFailureKind,
  type CredentialFile,
  type CredentialFormat,
  type CredentialNoticeKind,
  matchCredentials,
  matchMergedCredentials,
  parseCredentials,
  readCredentialFile,
  readNodeCredentials,
} from '../../src/node/credentials.ts';
import { hostFiles } from '../../src/node/host-files.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** A config.json with one entry for each key; the user name is the key, so that matches can be told apart. */
function config(...keys: string[]): string {
  return JSON.stringify({ auths: Object.fromEntries(keys.map((key) => [key, { auth: base64(`${key}|:pw`) }])) });
}

function parsed(text: string, format: CredentialFormat = 'dockerconfigjson'): CredentialFile {
  const file = parseCredentials(text, 'secret', format);
  assert.ok(file.ok, file.ok ? '' : file.error.message);
  return file.value;
}

function image(name: string): { domain: string; path: string } {
  const slash = name.indexOf('/');
  return { domain: name.slice(0, slash), path: name.slice(slash + 1) };
}

/** A Secret object as `kubectl get secret -o json` prints it. */
const secret = (type: string): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  type,
  data: { '.dockerconfigjson': Buffer.from(config('r')).toString('base64') },
});

describe('parseCredentials', () => {
  it('reads auth, plain fields and both forms', () => {
    const auths = {
      'a.corp': { auth: base64('me:p:w:'), username: 'other', password: 'other' },
      'b.corp': { username: 'you', password: 'pw', email: 'you@b.corp' },
      'c.corp': { AUTH: base64(':pw'), identitytoken: 'refresh' },
    };
    for (const file of [parsed(JSON.stringify({ Auths: auths })), parsed(JSON.stringify(auths), 'dockercfg')]) {
      assert.deepEqual(
        file.entries.map((entry) => [
          entry.key,
          entry.username,
          entry.password.reveal(),
          entry.identityToken?.reveal(),
        ]),
        [
          ['a.corp', 'me', 'p:w:', undefined],
          ['b.corp', 'you', 'pw', undefined],
          ['c.corp', '', 'pw', 'refresh'],
        ],
      );
      assert.deepEqual(file.hosts, ['a.corp', 'b.corp', 'c.corp']);
    }
  });

  it('takes base64 as Go does', () => {
    const auth = (text: string) =>
      parseCredentials(JSON.stringify({ auths: { r: { auth: text } } }), 's', 'dockerconfigjson');
    const good: [string, string][] = [
      ['YTpi', 'b'],
      ['YTpiYg==', 'bb'],
      ['YTpiYg', 'bb'],
      ['YTpi\r\nYg==\n', 'bb'],
      ['YTp\niYg', 'bb'],
    ];
    for (const [text, password] of good) {
      const file = auth(text);
      assert.ok(file.ok, text);
      assert.equal(file.value.entries[0]?.password.reveal(), password);
    }
    for (const text of ['YTpiYg=', 'YTpiYg== ', ' YTpi', 'YTpiY', 'YT-_', '=YTpi', 'YTpi=YTpi', base64('no colon')]) {
      const file = auth(text);
      assert.ok(!file.ok, text);
      assert.equal(file.error.kind, 'bad-auth');
    }
  });

  const broken: [string, string, CredentialFailureKind][] = [
    ['nothing', '', 'not-json'],
    ['cut JSON', '{"auths": {"r": {"auth": "c2VjcmV0OnNlY3JldA=="', 'not-json'],
    ['a stray word', '{"auths": {"r": {"password": s3cretpassword}}}', 'not-json'],
    ['a byte order mark', '\ufeff{"auths":{}}', 'not-json'],
    ['base64 twice', base64(config('r')), 'double-base64'],
    ['a Secret', JSON.stringify(secret('kubernetes.io/dockerconfigjson')), 'secret-manifest'],
    ['a Secret as YAML', 'apiVersion: v1\nkind: Secret\ndata:\n  .dockerconfigjson: e30=\n', 'secret-manifest'],
    ['a list of Secrets', JSON.stringify({ kind: 'List', items: [secret('Opaque')] }), 'secret-manifest'],
    ['a Secret of a type that the kubelet does not use', JSON.stringify(secret('Opaque')), 'secret-manifest'],
    ['a Secret without the key of its type', JSON.stringify(secret('kubernetes.io/dockercfg')), 'secret-manifest'],
    ['a list', '[]', 'wrong-type'],
    ['a text', '"s3cretpassword"', 'wrong-type'],
    ['auths as a list', '{"auths": []}', 'wrong-type'],
    ['an entry as a text', '{"auths": {"r": "s3cretpassword"}}', 'wrong-type'],
    ['a number as password', '{"auths": {"r": {"username": "u", "password": 1234567}}}', 'wrong-type'],
    ['headers that are no texts', '{"auths": {}, "HttpHeaders": {"a": 1}}', 'wrong-type'],
    [
      'one bad auth among good ones',
      JSON.stringify({ auths: { a: { auth: base64('u:p') }, b: { auth: 's3cret!' } } }),
      'bad-auth',
    ],
  ];
  it('says of a Secret how to get at its text, or why the kubelet cannot use it', () => {
    const said = (text: object): string => {
      const file = parseCredentials(JSON.stringify(text), 'secret.json', 'dockerconfigjson');
      return file.ok ? '' : file.error.message;
    };
    assert.match(
      said(secret('kubernetes.io/dockerconfigjson')),
      /jsonpath='\{\.data\.\\\.dockerconfigjson\}' \| base64 -d/,
    );
    assert.match(said(secret('Opaque')), /of type Opaque, which the kubelet does not use/);
    assert.match(said(secret('kubernetes.io/dockercfg')), /without data\["\.dockercfg"\]/);
  });

  for (const [what, text, kind] of broken) {
    it(`refuses ${what}`, () => {
      const file = parseCredentials(text, 'default/pull', 'dockerconfigjson');
      assert.ok(!file.ok);
      assert.equal(file.error.kind, kind);
      assert.equal(file.error.source, 'default/pull');
      assert.match(file.error.message, /^default\/pull.*\.$/s);
      assert.doesNotMatch(file.error.message, /s3cret|c2Vjc|1234567/);
    });
  }

  it('takes null where Go does', () => {
    assert.deepEqual(parsed('null').entries, []);
    assert.deepEqual(parsed('{"auths": null}').entries, []);
    assert.equal(parsed('{"auths": {"r.corp": null}}').entries[0]?.username, '');
    assert.equal(parsed('{"auths": {"r.corp": {"auth": null, "username": "u"}}}').entries[0]?.username, 'u');
  });

  const noted: [string, string, CredentialFormat, CredentialNoticeKind[]][] = [
    ['a clean file', config('reg.corp'), 'dockerconfigjson', []],
    ['no auths', '{}', 'dockerconfigjson', ['no-auths']],
    [
      'a credential store',
      '{"auths": {"r.corp": {}}, "credsStore": "ecr-login"}',
      'dockerconfigjson',
      ['helper-ignored', 'empty-entry'],
    ],
    ['helpers', '{"credHelpers": {"r.corp": "gcloud"}}', 'dockerconfigjson', ['helper-ignored', 'no-auths']],
    [
      'an identity token',
      '{"auths": {"r.corp": {"username": "u", "identitytoken": "t"}}}',
      'dockerconfigjson',
      ['token-ignored'],
    ],
    ['the older form under the newer name', '{"r.corp": {"auth": "YTpi"}}', 'dockerconfigjson', ['legacy-format']],
    ['the newer form under the older name', config('r.corp'), 'dockercfg', ['legacy-format', 'empty-entry']],
    ['a key that is no address', config('my registry'), 'dockerconfigjson', ['bad-key']],
  ];
  for (const [what, text, format, kinds] of noted) {
    it(`notes ${what}`, () => {
      const file = parsed(text, format);
      assert.deepEqual(
        file.notices.map((notice) => notice.kind),
        kinds,
      );
    });
  }

  it('shows no password, in whatever way it is printed', () => {
    const file = parsed(
      '{"auths": {"https://me:s3cret@reg.corp/": {"username": "u", "password": "s3cret", "identitytoken": "s3cret"}}}',
    );
    assert.equal(file.entries[0]?.scope, 'reg.corp');
    for (const text of [JSON.stringify(file), inspect(file, { depth: 9 }), String(file.hosts)]) {
      assert.doesNotMatch(text, /s3cret/);
    }
  });

  it('never throws and never repeats what it was given', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), fc.constantFrom('dockerconfigjson', 'dockercfg'), (text, format) => {
        parseCredentials(text, 's', format);
        parseCredentials(`${text}xyzzy`, 's', format);
      }),
    );
    fc.assert(
      fc.property(fc.nat(200), (cut) => {
        const text = `{"auths": {"r.corp": {"username": "xyzzy", "password": "xyzzy-plugh", "auth": "xyzzy"}}}`;
        const file = parseCredentials(text.slice(0, cut), 's', 'dockerconfigjson');
        if (!file.ok) assert.doesNotMatch(file.error.message, /xyzzy|plugh/);
      }),
    );
  });
});

describe('matchCredentials', () => {
  const documented = ['my-registry.example/images', '*.my-registry.example/images'];
  // keys of the file, image, keys that match in the kubelet's order
  const table: [string[], string, string[]][] = [
    [['reg.corp'], 'reg.corp/team/app', ['reg.corp']],
    [
      ['reg.corp', 'reg.corp/team', 'reg.corp/team/app'],
      'reg.corp/team/app',
      ['reg.corp/team/app', 'reg.corp/team', 'reg.corp'],
    ],
    [['reg.corp/te'], 'reg.corp/team/app', ['reg.corp/te']],
    [['reg.corp/team/'], 'reg.corp/team/app', ['reg.corp/team/']],
    [['reg.corp/other'], 'reg.corp/team/app', []],
    [
      ['https://reg.corp', 'http://reg.corp/v2/', 'reg.corp/v1/'],
      'reg.corp/a',
      ['https://reg.corp', 'http://reg.corp/v2/', 'reg.corp/v1/'],
    ],
    [['https://reg.corp/v2/team'], 'reg.corp/team/app', ['https://reg.corp/v2/team']],
    [['reg.corp/v2'], 'reg.corp/team/app', []],
    [['HTTPS://reg.corp'], 'reg.corp/app', []],
    [['reg.corp:443'], 'reg.corp/app', []],
    [['reg.corp'], 'reg.corp:443/app', []],
    [['reg.corp:5000'], 'reg.corp:5000/app', ['reg.corp:5000']],
    [['reg.corp:'], 'reg.corp/app', ['reg.corp:']],
    [['*.corp', '*.*', 'r*g.corp', '*g.corp', '*'], 'reg.corp/app', ['r*g.corp', '*g.corp', '*.corp', '*.*']],
    [['*.corp'], 'a.b.corp/app', []],
    [['*.*.corp'], 'a.b.corp/app', ['*.*.corp']],
    [['*.corp:5000'], 'reg.corp:5000/app', ['*.corp:5000']],
    [['reg.corp:*'], 'reg.corp:5000/app', []],
    [['reg.corp/*'], 'reg.corp/team/app', []],
    [['REG.corp'], 'reg.corp/app', []],
    [['[2001:db8::1]:5000'], '[2001:db8::1]:5000/app', ['[2001:db8::1]:5000']],
    [['[2001:db8::1]'], '[2001:db8::1]/app', ['[2001:db8::1]']],
    [['reg.corp?x=1', 'reg.corp#x'], 'reg.corp/app', ['reg.corp?x=1', 'reg.corp#x']],
    [['reg.corp/t%65am'], 'reg.corp/team/app', ['reg.corp/t%65am']],
    // The documented rules (kubernetes.io, "Images", Interpretation of config.json).
    [['*.kubernetes.io'], 'kubernetes.io/pause', []],
    [['*.kubernetes.io'], 'abc.kubernetes.io/pause', ['*.kubernetes.io']],
    [['*.*.kubernetes.io'], 'abc.kubernetes.io/pause', []],
    [['*.*.kubernetes.io'], 'abc.def.kubernetes.io/pause', ['*.*.kubernetes.io']],
    [['prefix.*.io'], 'prefix.kubernetes.io/pause', ['prefix.*.io']],
    [['*-good.kubernetes.io'], 'prefix-good.kubernetes.io/pause', ['*-good.kubernetes.io']],
    [documented, 'my-registry.example/images', ['my-registry.example/images']],
    [documented, 'my-registry.example/images/my-image', ['my-registry.example/images']],
    [documented, 'my-registry.example/images/another-image', ['my-registry.example/images']],
    [documented, 'sub.my-registry.example/images/my-image', ['*.my-registry.example/images']],
    [documented, 'a.sub.my-registry.example/images/my-image', []],
    [documented, 'a.b.sub.my-registry.example/images/my-image', []],
    [
      ['my-registry.example/images', 'my-registry.example/images/subpath'],
      'my-registry.example/images/subpath/my-image',
      ['my-registry.example/images/subpath', 'my-registry.example/images'],
    ],
    // Docker Hub
    [['https://index.docker.io/v1/'], 'docker.io/library/nginx', ['https://index.docker.io/v1/']],
    [['index.docker.io'], 'docker.io/library/nginx', ['index.docker.io']],
    [['https://index.docker.io/v1'], 'docker.io/library/nginx', []],
    [['https://index.docker.io/v1/', 'docker.io'], 'docker.io/library/nginx', ['docker.io']],
    [['https://index.docker.io/v1/', '*.io'], 'docker.io/library/nginx', ['*.io']],
    [['registry-1.docker.io'], 'docker.io/library/nginx', []],
    [['index.docker.io'], 'localhost/app', ['index.docker.io']],
    [['index.docker.io'], 'Team/app', ['index.docker.io']],
    [['index.docker.io'], 'reg.corp/app', []],
    [['index.docker.io'], 'localhost:5000/app', []],
  ];
  for (const [keys, name, expected] of table) {
    it(`${name} with ${keys.join(' ')}`, () => {
      const matches = matchCredentials(parsed(config(...keys)), image(name));
      assert.deepEqual(
        matches.map((match) => match.key),
        expected,
      );
      for (const match of matches) {
        assert.equal(match.source, 'secret');
        assert.equal(match.username, `${match.key}|`.split(':')[0]);
      }
    });
  }

  it('sorts the keys of several secrets together, secrets in order for one key', () => {
    const one = parseCredentials(config('reg.corp', 'reg.corp/team'), 'one', 'dockerconfigjson');
    const two = parseCredentials(config('reg.corp', 'reg.corp/team/app'), 'two', 'dockerconfigjson');
    assert.ok(one.ok && two.ok);
    const matches = matchMergedCredentials([one.value, two.value], image('reg.corp/team/app'));
    assert.deepEqual(
      matches.map((match) => `${match.source} ${match.key}`),
      ['two reg.corp/team/app', 'one reg.corp/team', 'one reg.corp', 'two reg.corp'],
    );
  });

  it('many stars are quick', () => {
    const start = performance.now();
    matchCredentials(parsed(config(`${'*a'.repeat(100)}*b.corp`)), image(`${'a'.repeat(250)}.corp/app`));
    assert.ok(performance.now() - start < 1000);
  });
});

describe('credential files', () => {
  let root = '';
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'pullwhy-'));
  });
  afterEach(async () => {
    await rm(root, { recursive: true, force: true });
  });
  async function put(path: string, text: string): Promise<string> {
    const full = join(root, path);
    await mkdir(dirname(full), { recursive: true });
    await writeFile(full, text);
    return full;
  }

  it('takes the older form by its name or its content', async () => {
    const legacy = '{"reg.corp": {"auth": "YTpi"}}';
    for (const [name, text, format] of [
      ['.dockercfg', legacy, 'dockercfg'],
      ['team.dockercfg', legacy, 'dockercfg'],
      ['secret.json', legacy, 'dockercfg'],
      ['config.json', config('reg.corp'), 'dockerconfigjson'],
      ['.dockercfg', config('reg.corp'), 'dockercfg'],
      ['empty.json', '{}', 'dockerconfigjson'],
    ] as const) {
      const file = await readCredentialFile(await put(name, text), '--auth-file');
      assert.ok(file.ok);
      assert.equal(file.value.format, format, name);
      assert.equal(file.value.source, '--auth-file');
    }
  });

  it('names what keeps a file from being read', async () => {
    const absent = await readCredentialFile(join(root, 'no.json'));
    assert.ok(!absent.ok);
    assert.equal(absent.error.kind, 'absent');
    assert.equal(absent.error.source, join(root, 'no.json'));
    const folder = await readCredentialFile(root);
    assert.equal(folder.ok ? '' : folder.error.kind, 'unreadable');
    const large = await readCredentialFile(await put('large.json', ' '.repeat(1024 * 1024 + 1)));
    assert.equal(large.ok ? '' : large.error.kind, 'too-large');
  });

  it('the node: the first file that decodes is in use, and no other', async () => {
    await put('var/lib/kubelet/config.json', '{"auths": {"reg.corp": {"auth": "???"}}}');
    await put('config.json', config('cwd.corp'));
    await put('.docker/config.json', config('docker.corp'));
    await put('.dockercfg', '{"old.corp": {"auth": "YTpi"}}');
    await put('root/.docker/config.json', config('login.corp'));
    const files = await readNodeCredentials(hostFiles(root));
    assert.deepEqual(
      files.map((file) => [file.source, file.entries.length, file.hosts[0] ?? null, file.notices[0]?.kind ?? null]),
      [
        ['var/lib/kubelet/config.json', 0, null, 'unusable'],
        ['config.json', 1, 'cwd.corp', null],
        ['.docker/config.json', 0, 'docker.corp', 'shadowed'],
        ['.dockercfg', 0, 'old.corp', 'shadowed'],
        ['root/.docker/config.json', 0, 'login.corp', 'not-read'],
      ],
    );
    assert.match(files[2]?.notices[0]?.message ?? '', /takes config\.json/);
    assert.deepEqual(
      matchMergedCredentials(files, image('login.corp/app')).map((match) => match.key),
      [],
    );
  });

  it('the node: HOME and the root folder are the kubelet’s own', async () => {
    await put('root/.docker/config.json', config('login.corp'));
    await put('data/kubelet/.dockercfg', '{"old.corp": {"auth": "YTpi"}}');
    const places = { rootDirectory: '/data/kubelet', workingDirectory: '/', home: '/root' };
    const files = await readNodeCredentials(hostFiles(root), places);
    assert.deepEqual(
      files.map((file) => [file.source, file.entries.length]),
      [
        ['root/.docker/config.json', 1],
        ['data/kubelet/.dockercfg', 0],
      ],
    );
    assert.deepEqual(await readNodeCredentials(hostFiles(join(root, 'nothing'))), []);
  });
});
