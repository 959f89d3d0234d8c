import assert from 'node:assert/strict';
import { plan, problemsOf, type Tree } from '../kit/plan-stage.ts';

const dropIns = 'etc/systemd/system/containerd.service.d';
const dropIn = `${dropIns}/proxy.conf`;

/** What a `--proxy-env` file decides for one image. */
const decisions: [text: string, image: string, proxy: string | null, reason: RegExp][] = [
  ['HTTPS_PROXY=http://p.corp:3128/\n', 'reg.corp/a', 'http://p.corp:3128', /^HTTPS_PROXY/],
  ['https_proxy=p.corp:3128\n', 'reg.corp/a', 'http://p.corp:3128', /^https_proxy/],
  ['HTTPS_PROXY=https://p.corp\n', 'reg.corp/a', 'https://p.corp', /^HTTPS_PROXY/],
  ['HTTPS_PROXY=socks5://p.corp:1080\n', 'reg.corp/a', 'socks5://p.corp:1080', /^HTTPS_PROXY/],
  ['https_proxy=http://low:1\nHTTPS_PROXY=http://up:1\n', 'reg.corp/a', 'http://up:1', /^HTTPS_PROXY/],
  ['https_proxy=http://low:1\nHTTPS_PROXY=\n', 'reg.corp/a', 'http://low:1', /^https_proxy/],
  ['HTTPS_PROXY=http://p:1\r\n', 'reg.corp/a', 'http://p:1', /^HTTPS_PROXY/],
  ['HTTP_PROXY=http://p:1\n', 'reg.corp/a', null, /only HTTP_PROXY/],
  ['ALL_PROXY=http://p:1\n', 'reg.corp/a', null, /no proxy is set/],
  ['# HTTPS_PROXY=http://p:1\n', 'reg.corp/a', null, /no proxy is set/],
  ['HTTPS_PROXY=http://p:1\n', 'localhost:5000/a', null, /localhost/],
  ['HTTPS_PROXY=http://p:1\n', '127.0.0.5:5000/a', null, /loopback/],
  ...(
    [
      ['corp', 'reg.corp/a', true],
      ['reg.corp', 'reg.corp/a', true],
      ['REG.CORP', 'reg.corp/a', true],
      [' .x , .corp ', 'reg.corp/a', true],
      ['.corp', 'reg.corp/a', true],
      ['*.corp', 'reg.corp/a', true],
      ['.reg.corp', 'reg.corp/a', false],
      ['*.reg.corp', 'reg.corp/a', false],
      ['eg.corp', 'reg.corp/a', false],
      ['*', 'reg.corp/a', true],
      ['r*.corp', 'reg.corp/a', false],
      ['.x .corp', 'reg.corp/a', false],
      ['reg.corp.', 'reg.corp/a', false],
      ['reg.corp:443', 'reg.corp/a', true],
      ['reg.corp:5000', 'reg.corp/a', false],
      ['reg.corp:5000', 'reg.corp:5000/a', true],
      ['reg.corp', 'reg.corp:5000/a', true],
      ['10.0.0.0/8', '10.1.2.3/a', true],
      ['10.0.0.0/8', 'reg.corp/a', false],
      ['10.0.0.0/8:443', '10.1.2.3/a', false],
      ['10.1.2.3', '10.1.2.3:5000/a', true],
      ['2001:db8::5', '[2001:db8::5]/a', true],
      ['[2001:db8::5]', '[2001:db8::5]/a', false],
      ['[2001:db8::5]:443', '[2001:db8::5]/a', true],
      ['2001:db8::/32', '[2001:db8::5]/a', true],
    ] as const
  ).map(([value, image, direct]): [string, string, string | null, RegExp] => [
    `HTTPS_PROXY=http://p:1\nNO_PROXY=${value}\n`,
    image,
    direct ? null : 'http://p:1',
    direct ? /^NO_PROXY entry / : /^HTTPS_PROXY/,
  ]),
];

/** Values that are not what their author meant: the proxy that Go makes of them, null for none. */
const typos: [value: string, proxy: string | null][] = [
  ['"http://p.corp:3128"', 'http://"http'],
  ["'http://p.corp:3128'", "http://'http"],
  ['http//p.corp:3128', 'http://http'],
  ['http:/p.corp:3128', 'http://http'],
  ['http://p.corp:port', 'http://http'],
  ['ht!tp://bad', 'http://ht!tp'],
  ['http://p.corp:99999', 'http://p.corp:99999'],
  ['socks4://p.corp:1080', 'socks4://p.corp:1080'],
  ['%zz', null],
  ['http://me:hunt%er2@p.corp:3128', null],
];

describe('pullwhy plan: proxies', function () {
  this.timeout(30_000);
  for (const [text, image, proxy, reason] of decisions) {
    it(`${JSON.stringify(text)} for ${image}: ${proxy ?? 'direct'}`, async () => {
      const { code, document } = await plan({ image, files: { 'p.env': text }, args: ['--proxy-env', 'ROOT/p.env'] });
      const [endpoint] = document.endpoints;
      assert.deepEqual([code, endpoint?.proxy], [0, proxy]);
      assert.match(endpoint?.proxyReason ?? '', reason);
      assert.deepEqual([document.hosts[0]?.proxy, document.hosts[0]?.proxyReason], [proxy, endpoint?.proxyReason]);
      assert.ok(proxy !== null || document.hosts.length === 1);
    });
  }

  for (const [value, proxy] of typos) {
    it(`finds fault with ${value}`, async () => {
      const files = { 'p.env': `HTTPS_PROXY=${value}\n` };
      const { code, document, stdout } = await plan({ files, args: ['--proxy-env', 'ROOT/p.env'] });
      assert.deepEqual([code, document.cause, document.endpoints[0]?.proxy], [1, 'proxy-misconfigured', proxy]);
      assert.deepEqual(document.knownProxies, []);
      assert.doesNotMatch(stdout, /hunter2|hunt%er2/);
    });
  }

  it('does not mind a wrong value that no endpoint meets', async () => {
    const files = { 'p.env': 'HTTPS_PROXY=http//p\nNO_PROXY=.corp\n' };
    const { code, document } = await plan({ files, args: ['--proxy-env', 'ROOT/p.env'] });
    assert.deepEqual([code, document.cause], [0, null]);
  });

  const set = (url: string): string => `[Service]\nEnvironment=HTTPS_PROXY=${url}\n`;
  const units: [name: string, files: Tree, proxy: string | null, source: string | null][] = [
    ['a drop-in', { [dropIn]: set('http://a:1') }, 'http://a:1', `${dropIn}:2`],
    [
      'quotes of systemd around assignments',
      { [dropIn]: '[Service]\nEnvironment="HTTPS_PROXY=http://a:1" "NO_PROXY=.x"\n' },
      'http://a:1',
      `${dropIn}:2`,
    ],
    [
      'a line that goes on',
      { [dropIn]: '[Service]\nEnvironment=A=b \\\n HTTPS_PROXY=http://a:1\n' },
      'http://a:1',
      `${dropIn}:3`,
    ],
    [
      'the last drop-in',
      { [`${dropIns}/20.conf`]: set('http://b:1'), [`${dropIns}/10.conf`]: set('http://a:1') },
      'http://b:1',
      `${dropIns}/20.conf:2`,
    ],
    [
      'an empty assignment takes all back',
      { [`${dropIns}/20.conf`]: '[Service]\nEnvironment=\n', [`${dropIns}/10.conf`]: set('http://a:1') },
      null,
      null,
    ],
    [
      'EnvironmentFile beats Environment',
      {
        [dropIn]: `${set('http://a:1')}EnvironmentFile=-/etc/default/c\n`,
        'etc/default/c': '#\nHTTPS_PROXY="http://f:1"\n',
      },
      'http://f:1',
      'etc/default/c:2',
    ],
    [
      'the unit of /etc hides the one of /usr/lib',
      {
        'usr/lib/systemd/system/containerd.service': set('http://u:1'),
        'etc/systemd/system/containerd.service': set('http://e:1'),
      },
      'http://e:1',
      'etc/systemd/system/containerd.service:2',
    ],
    [
      'behind an absolute link',
      { [dropIn]: { link: '/srv/p.conf' }, 'srv/p.conf': set('http://l:1') },
      'http://l:1',
      `${dropIn}:2`,
    ],
    [
      'masked by a link to /dev/null',
      { [dropIn]: { link: '/dev/null' }, 'usr/lib/systemd/system/containerd.service.d/proxy.conf': set('http://l:1') },
      null,
      null,
    ],
    ['a name without .conf is not read', { [`${dropIns}/proxy`]: set('http://a:1') }, null, null],
    ['another section is not read', { [dropIn]: '[Unit]\nEnvironment=HTTPS_PROXY=http://a:1\n' }, null, null],
    ['bytes', { [dropIn]: Buffer.from([0, 255, 10, 91]) }, null, null],
    ['another runtime’s unit', { 'etc/systemd/system/crio.service.d/p.conf': set('http://a:1') }, null, null],
    ['the kubelet’s unit', { 'etc/systemd/system/kubelet.service.d/p.conf': set('http://a:1') }, null, null],
    ['the shell’s environment', { 'etc/environment': 'HTTPS_PROXY=http://a:1\n' }, null, null],
  ];
  for (const [name, files, proxy, source] of units) {
    it(`units: ${name}`, async () => {
      const { code, document, stderr } = await plan({ files, env: { HTTPS_PROXY: 'http://own:1' } });
      const [endpoint] = document.endpoints;
      assert.deepEqual([code, stderr, endpoint?.proxy], [0, '', proxy]);
      if (source !== null) assert.ok(endpoint?.proxyReason.endsWith(source), endpoint?.proxyReason);
      else assert.equal(endpoint?.proxyReason, 'no proxy is set');
    });
  }

  it('knows the proxies that the runtime does not use', async () => {
    const { document } = await plan({
      files: {
        'etc/systemd/system/kubelet.service.d/p.conf': set('http://u:hunter2@k:1'),
        'etc/environment': 'https_proxy="http://e:1"\n',
        'etc/sysconfig/crio': 'HTTPS_PROXY=http://s:1\n',
        [dropIn]: '[Service]\nEnvironment=HTTP_PROXY=http://h:1\n',
      },
    });
    assert.deepEqual(document.knownProxies.map(({ url }) => url).sort(), [
      'http://e:1',
      'http://h:1',
      'http://k:1',
      'http://s:1',
    ]);
    assert.doesNotMatch(JSON.stringify(document), /hunter2/);
  });

  it('a percent sign that systemd does not take means no proxy, and is a fault', async () => {
    const { code, document, stdout } = await plan({ files: { [dropIn]: set('http://u:hunter2%40x@a:1') } });
    assert.deepEqual([code, document.cause, document.endpoints[0]?.proxy], [1, 'proxy-misconfigured', null]);
    assert.deepEqual(problemsOf(document), [`error proxy-misconfigured ${dropIn}:2`]);
    assert.doesNotMatch(stdout, /hunter2/);
  });

  it('tells NO_PROXY entries that match nothing, and goes on', async () => {
    const files = { 'p.env': 'HTTPS_PROXY=http://p:1\nNO_PROXY=a.corp b.corp,10.0.0.0/8:80\n' };
    const { code, document } = await plan({ files, args: ['--proxy-env', 'ROOT/p.env'] });
    assert.equal(code, 0);
    assert.equal(
      problemsOf(document).filter((problem) => /^warning proxy-misconfigured .*p\.env:2$/.test(problem)).length,
      2,
    );
  });
});
