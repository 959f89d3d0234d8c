import assert from 'node:assert/strict';
import { makePki } from '../kit/certificates.ts';
import { type PlanCase, placesOf, plan, problemsOf, type Tree } from '../kit/plan-stage.ts';

const config = 'etc/containerd/config.toml';
const folder = 'etc/containerd/certs.d';
const hosts = `${folder}/reg.corp/hosts.toml`;
const own = 'upstream https://reg.corp/v2 default';
const mirror = `mirror https://m.corp/v2 ${hosts}:1`;
const misread = (severity: string, source: string): string => `${severity} runtime-misconfigured ${source}`;
const digest = `reg.corp/a@sha256:${'c'.repeat(64)}`;
const { root, leaf } = makePki();

/** What a hosts.toml of reg.corp gives. */
interface HostsCase extends Pick<PlanCase, 'version' | 'image' | 'files'> {
  readonly toml?: string;
  /** The endpoints; without: the mirror https://m.corp of line 1, and the registry. */
  readonly places?: readonly string[];
  readonly problems?: readonly string[];
  readonly code?: number;
}

const cases: Readonly<Record<string, HostsCase>> = {
  'without server the registry comes last': { toml: '[host."https://m.corp"]\n' },
  'hosts in file order, then server': {
    toml: 'server = "https://up.corp"\n[host."https://z.corp"]\n[host."http://a.corp:5000"]\n',
    places: [
      `mirror https://z.corp/v2 ${hosts}:2`,
      `mirror http://a.corp:5000/v2 ${hosts}:3`,
      `upstream https://up.corp/v2 ${hosts}:1`,
    ],
  },
  'no default port in a URL': {
    toml: '[host."https://a.corp:443"]\n[host."http://b.corp:80"]\n[host."http://c.corp:443"]\n',
    places: [
      `mirror https://a.corp/v2 ${hosts}:1`,
      `mirror http://b.corp/v2 ${hosts}:2`,
      `mirror http://c.corp:443/v2 ${hosts}:3`,
      own,
    ],
  },
  'v2 once, none with override_path': {
    toml: '[host."https://a.corp/x"]\n[host."https://b.corp/x/v2/"]\n[host."https://c.corp/v2/x"]\noverride_path = true\n',
    places: [
      `mirror https://a.corp/x/v2 ${hosts}:1`,
      `mirror https://b.corp/x/v2 ${hosts}:2`,
      `mirror https://c.corp/v2/x ${hosts}:3`,
      own,
    ],
  },
  'https without a scheme': { toml: '[host."m.corp"]\n' },
  'Windows line ends': { toml: '[host."https://m.corp"]\r\n  skip_verify = true\r\n' },
  'an http host with a TLS setting tries https first, but on port 80': {
    toml: '[host."http://a.corp:5000"]\nskip_verify = false\n[host."http://b.corp:80"]\nskip_verify = true\n',
    places: [`mirror https://a.corp:5000/v2 ${hosts}:1`, `mirror http://b.corp/v2 ${hosts}:3`, own],
  },
  'a server alone is ignored by 1.7': {
    toml: 'server = "https://m.corp"\n',
    places: [own],
    problems: [misread('warning', hosts)],
  },
  'a server alone is taken by 2.1': {
    toml: 'server = "https://m.corp"\n',
    version: '2.1.9',
    places: [`upstream https://m.corp/v2 ${hosts}:1`],
  },
  'malformed: ignored': {
    toml: '[host."https://m.corp"]\n  capabilities = [\n',
    places: [own],
    problems: [misread('warning', `${hosts}:2`)],
  },
  'bytes: ignored': { toml: '\u0001\u0000\ufffd', places: [own], problems: [misread('warning', `${hosts}:1`)] },
  'an unknown capability: ignored': {
    toml: '[host."https://m.corp"]\ncapabilities = ["pul"]\n',
    places: [own],
    problems: [misread('warning', `${hosts}:2`)],
  },
  'referrers before 2.2: ignored': {
    toml: '[host."https://m.corp"]\ncapabilities = ["pull", "resolve", "referrers"]\n',
    version: '2.1.9',
    places: [own],
    problems: [misread('warning', `${hosts}:2`)],
  },
  'referrers from 2.2 on': {
    toml: '[host."https://m.corp"]\ncapabilities = ["pull", "resolve", "referrers"]\n',
    version: '2.2.0',
  },
  'a mirror that only pulls is not asked what a tag is': {
    toml: '[host."https://m.corp"]\ncapabilities = ["pull"]\n',
    places: [own],
    problems: [misread('warning', `${hosts}:2`)],
  },
  'a mirror that only pulls serves a digest': {
    toml: '[host."https://m.corp"]\ncapabilities = ["pull"]\n',
    image: digest,
  },
  'an inline table is taken by 1.7': { toml: 'host = {"https://m.corp" = {skip_verify = true}}\n' },
  'an inline table is dropped by 2.1': {
    toml: 'host = {"https://m.corp" = {skip_verify = true}}\n',
    version: '2.1.9',
    places: [own],
    problems: [misread('warning', `${hosts}:1`)],
  },
  'a dotted key is dropped by 2.1': {
    toml: 'host."https://m.corp".skip_verify = true\n',
    version: '2.1.9',
    places: [own],
    problems: [misread('warning', `${hosts}:1`)],
  },
  'one missing CA breaks the registry': {
    toml: '[host."https://m.corp"]\nca = "/none.crt"\n',
    code: 1,
    places: [],
    problems: [misread('error', `${hosts}:2`)],
  },
  'the documented pair with an empty key breaks the registry': {
    toml: '[host."https://m.corp"]\nclient = [["/both.pem", ""]]\n',
    files: { 'both.pem': leaf.chainPem + leaf.keyPem },
    code: 1,
    places: [],
    problems: [misread('error', `${hosts}:2`)],
  },
  'one file with certificate and key': {
    toml: '[host."https://m.corp"]\nclient = "/both.pem"\n',
    files: { 'both.pem': leaf.chainPem + leaf.keyPem },
  },
  'a folder in the place of the file breaks the registry': {
    files: { [hosts]: null },
    code: 1,
    places: [],
    problems: [misread('error', hosts)],
  },
  'certificates beside no hosts.toml': { files: { [`${folder}/reg.corp/ca.crt`]: root.pem }, places: [own] },
  '_default serves who has no directory': {
    files: { [`${folder}/_default/hosts.toml`]: '[host."https://m.corp"]\n' },
    places: [`mirror https://m.corp/v2 ${folder}/_default/hosts.toml:1`, own],
  },
  'an empty directory hides _default': {
    files: { [`${folder}/reg.corp`]: null, [`${folder}/_default/hosts.toml`]: '[host."https://m.corp"]\n' },
    places: [own],
    problems: [misread('warning', `${folder}/reg.corp`)],
  },
  'the directory with underscores comes first': {
    image: 'reg.corp:5000/a',
    files: {
      [`${folder}/reg.corp_5000_/hosts.toml`]: '[host."https://m.corp"]\n',
      [`${folder}/reg.corp:5000/hosts.toml`]: '[host."https://other.corp"]\n',
    },
    places: [
      `mirror https://m.corp/v2 ${folder}/reg.corp_5000_/hosts.toml:1`,
      'upstream https://reg.corp:5000/v2 default',
    ],
  },
  'the odd directory of an IPv6 host without a port': {
    image: '[2001:db8::1]/a',
    files: { [`${folder}/[2001:db8:_1]_/hosts.toml`]: '[host."https://m.corp"]\n' },
    places: [
      `mirror https://m.corp/v2 ${folder}/[2001:db8:_1]_/hosts.toml:1`,
      'upstream https://[2001:db8::1]/v2 default',
    ],
  },
  'Docker Hub by its other names': {
    image: 'nginx',
    files: { [`${folder}/registry-1.docker.io/hosts.toml`]: '[host."https://m.corp"]\n' },
    places: ['upstream https://registry-1.docker.io/v2 default'],
    problems: [misread('warning', `${folder}/registry-1.docker.io`)],
  },
  'a file behind an absolute link': {
    files: { [hosts]: { link: '/srv/hosts.toml' }, 'srv/hosts.toml': '[host."https://m.corp"]\n' },
  },
  'a folder behind an absolute link': {
    files: { [folder]: { link: '/srv/certs.d' }, 'srv/certs.d/reg.corp/hosts.toml': '[host."https://m.corp"]\n' },
  },
  'a link to nothing': { files: { [hosts]: { link: '/srv/hosts.toml' } }, places: [own] },
};

describe('pullwhy plan: hosts.toml', function () {
  this.timeout(30_000);
  for (const [name, { toml, places = [mirror, own], problems = [], code = 0, files = {}, ...rest }] of Object.entries(
    cases,
  )) {
    it(name, async () => {
      const laid: Tree = toml === undefined ? files : { ...files, [hosts]: toml };
      const run = await plan({ ...rest, files: laid });
      assert.deepEqual([placesOf(run.document), problemsOf(run.document)], [places, problems]);
      assert.deepEqual([run.code, run.stderr], [code, '']);
      assert.equal(run.document.cause, code === 0 ? null : 'runtime-misconfigured');
    });
  }

  it('shows certificates, times and header names, and no file by another name', async () => {
    const run = await plan({ files: { [hosts]: '[host."https://m.corp"]\nca = "/None.crt"\n' } });
    assert.match(run.document.problems[0]?.message ?? '', /^None\.crt does not exist/);
    const toml =
      '[host."https://m.corp"]\nca = ["a.crt"]\nclient = [["c.cert", "/c.key"]]\ndial_timeout = "1m30s"\n' +
      '[host."https://m.corp".header]\nAuthorization = ["Basic hunter2"]\n';
    const { document, stdout } = await plan({
      version: '2.1.9',
      files: {
        [hosts]: toml,
        [`${folder}/reg.corp/a.crt`]: root.pem,
        [`${folder}/reg.corp/c.cert`]: leaf.chainPem,
        'c.key': leaf.keyPem,
      },
    });
    const [endpoint] = document.endpoints;
    assert.deepEqual(endpoint?.ca, [`/${folder}/reg.corp/a.crt`]);
    assert.deepEqual(endpoint?.client, [[`/${folder}/reg.corp/c.cert`, '/c.key']]);
    assert.deepEqual([endpoint?.dialTimeoutMs, endpoint?.headers], [90_000, ['Authorization']]);
    assert.doesNotMatch(stdout, /hunter2/);
  });
});

const v2 = 'plugins."io.containerd.grpc.v1.cri"';
const v3 = 'plugins."io.containerd.cri.v1.images"';
const path = '  config_path = "/etc/containerd/certs.d"\n';
const legacy = `[${v2}.registry.mirrors."reg.corp"]\n  endpoint = ["https://m.corp", "http://n.corp:5000/x"]\n`;
const legacyPlaces = [`mirror https://m.corp/v2 ${config}:3`, `mirror http://n.corp:5000/x ${config}:3`, own];

const configs: [name: string, version: string, text: string, places: string[], problems: string[]][] = [
  ['version 2', '1.6.20', `version = 2\n[${v2}.registry]\n${path}`, [mirror, own], []],
  ['version 2', '2.1.9', `version = 2\n[${v2}.registry]\n${path}`, [mirror, own], []],
  ['version 3', '2.1.9', `version = 3\n[${v3}.registry]\n${path}`, [mirror, own], []],
  ['version 3', '2.3.4', `version = 3\n[${v3}.registry]\n${path}`, [mirror, own], []],
  ['version 3', '1.7.24', `version = 3\n[${v3}.registry]\n${path}`, [], [misread('error', config)]],
  [
    '3 with the name of 2',
    '2.1.9',
    `version = 3\n[${v2}.registry]\n${path}`,
    [own],
    [misread('warning', `${config}:2`)],
  ],
  ['2 with the name of 3', '2.1.9', `version = 2\n[${v3}.registry]\n${path}`, [mirror, own], []],
  [
    '2 with the name of 3',
    '1.7.24',
    `version = 2\n[${v3}.registry]\n${path}`,
    [own],
    [misread('warning', `${config}:2`)],
  ],
  ['no config_path', '1.7.24', 'version = 2\n', [own], []],
  ['legacy mirrors', '1.7.24', `version = 2\n${legacy}`, legacyPlaces, [misread('warning', `${config}:3`)]],
  ['legacy mirrors', '2.1.9', `version = 2\n${legacy}`, legacyPlaces, [misread('warning', `${config}:3`)]],
  [
    'legacy mirrors of version 1',
    '1.7.24',
    '\n[plugins.cri.registry.mirrors."reg.corp"]\nendpoint = ["https://m.corp"]\n',
    [`mirror https://m.corp/v2 ${config}:3`, own],
    [],
  ],
  [
    'legacy mirrors of version 1',
    '2.1.9',
    '[plugins.cri.registry.mirrors."reg.corp"]\nendpoint = ["https://m.corp"]\n',
    [own],
    [misread('warning', `${config}:1`)],
  ],
  [
    'mirrors beside config_path',
    '1.7.24',
    `version = 2\n[${v2}.registry]\n${path}${legacy}`,
    [],
    [misread('error', `${config}:4`)],
  ],
  [
    'CRI disabled',
    '1.7.24',
    'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n',
    [own],
    [misread('error', `${config}:2`)],
  ],
  ['CRI disabled in version 1', '1.7.24', 'disabled_plugins = ["cri"]\n', [own], [misread('error', `${config}:1`)]],
  [
    'the short word in version 2',
    '1.7.24',
    'version = 2\ndisabled_plugins = ["cri"]\n',
    [],
    [misread('error', `${config}:2`)],
  ],
  ['malformed', '1.7.24', 'version = 2\n[plugins\n', [], [misread('error', `${config}:2`)]],
  ['a wrong type', '1.7.24', `version = 2\n[${v2}.registry]\nconfig_path = 3\n`, [], [misread('error', `${config}:3`)]],
];

describe('pullwhy plan: config.toml', function () {
  this.timeout(30_000);
  for (const [name, version, text, places, problems] of configs) {
    it(`${version}: ${name}`, async () => {
      const run = await plan({ version, files: { [config]: text, [hosts]: '[host."https://m.corp"]\n' } });
      assert.deepEqual([placesOf(run.document), problemsOf(run.document)], [places, problems]);
      const broken = problems.some((problem) => problem.startsWith('error'));
      assert.deepEqual([run.code, run.document.cause], broken ? [1, 'runtime-misconfigured'] : [0, null]);
    });
  }

  it('takes credentials of the file for the host that is asked', async () => {
    const text = `version = 2\n[${v2}.registry.configs."reg.corp".auth]\nusername = "u"\npassword = "hunter2"\n`;
    const { document, stdout } = await plan({ files: { [config]: text } });
    const source = `${config}:2`;
    const matches = [{ key: 'reg.corp', source, username: 'u', sentTo: 'reg.corp' }];
    assert.deepEqual(document.credentials, { source, username: 'u', matches });
    assert.doesNotMatch(stdout, /hunter2/);
  });

  it('reads neither Docker’s nor CRI-O’s file as containerd’s', async () => {
    const files = { 'etc/docker/daemon.json': '{}', 'etc/crio/crio.conf': '[crio]\n', [config]: 'version = 2\n' };
    for (const socket of ['crio.sock', 'cri-dockerd.sock']) {
      const { code, document } = await plan({ files, args: ['-r', `unix://ROOT/${socket}`] });
      assert.deepEqual([code, placesOf(document)], [0, [own]]);
    }
  });
});
