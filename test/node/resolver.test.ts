import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { hostFiles } from '../../src/node/host-files.ts';
import { lookupHosts } from '../../src/node/hosts-file.ts';
import { parseNsswitch } from '../../src/node/nsswitch.ts';
import { parseResolvConf } from '../../src/node/resolv-conf.ts';
import { lookupNames, nameList, readResolver } from '../../src/node/resolver.ts';

const conf = (text: string, hostname: string | null = null) => parseResolvConf(text, 'etc/resolv.conf', hostname);

describe('parseResolvConf', () => {
  it('takes the first three IP literals, zones included, and says where each stands', () => {
    const parsed = conf(
      '# first\nnameserver 10.0.0.2\n; no\nnameserver fe80::1%eth0 # trailing\nnameserver\t::1\nnameserver 10.0.0.9\n',
    );
    assert.deepEqual(parsed.nameservers, [
      { address: '10.0.0.2', port: 53, source: 'etc/resolv.conf:2' },
      { address: 'fe80::1%eth0', port: 53, source: 'etc/resolv.conf:4' },
      { address: '::1', port: 53, source: 'etc/resolv.conf:5' },
    ]);
    assert.deepEqual(
      parsed.problems.map((problem) => problem.source),
      ['etc/resolv.conf:6'],
    );
    assert.match(parsed.problems[0]?.message ?? '', /only the first three/);
  });

  const ignored: readonly [line: string, says: RegExp][] = [
    ['nameserver 010.0.0.2', /leading zeros/],
    ['nameserver [2001:db8::1]', /without brackets/],
    ['nameserver [2001:db8::1]:53', /without brackets/],
    ['nameserver 10.0.0.2:5353', /port cannot be given/],
    ['nameserver dns.corp', /not an IP address/],
    ['nameserver 1.2.3.4%eth0', /not an IP address/],
    ['nameserver', /names no address/],
    ['namserver 10.0.0.2', /no keyword/],
  ];
  for (const [line, says] of ignored) {
    it(`falls back to the loopback addresses for "${line}", and says why`, () => {
      const parsed = conf(`\n${line}\n`);
      assert.deepEqual(
        parsed.nameservers.map((server) => [server.address, server.source]),
        [
          ['127.0.0.1', 'default'],
          ['::1', 'default'],
        ],
      );
      assert.equal(parsed.problems.length, 1);
      assert.equal(parsed.problems[0]?.severity, 'warning');
      assert.equal(parsed.problems[0]?.source, 'etc/resolv.conf:2');
      assert.match(parsed.problems[0]?.message ?? '', says);
    });
  }

  it('lets the last search or domain line count, and the host name only when neither gives a domain', () => {
    assert.deepEqual(conf('search a.example b.example.\n').search, ['a.example', 'b.example']);
    assert.deepEqual(conf('search a.example\ndomain c.example\n').search, ['c.example']);
    assert.deepEqual(conf('domain c.example\nsearch a.example b.example\n', 'n.corp').search, [
      'a.example',
      'b.example',
    ]);
    assert.deepEqual(conf('search .\n', 'node1.dc.corp').search, ['dc.corp']);
    assert.deepEqual(conf('search a\nsearch\n', 'node1.corp').search, ['corp']);
    assert.deepEqual(conf('', 'node1.').search, []);
    assert.deepEqual(conf('', 'node1').search, []);
    assert.deepEqual(conf('domain\n', null).search, []);
  });

  it('reads the options with their bounds', () => {
    const defaults = { ndots: 1, timeoutMs: 5000, attempts: 2, rotate: false, singleRequest: false, useTcp: false };
    assert.deepEqual(conf('').options, defaults);
    const all = conf('options ndots:5 timeout:2 attempts:3 rotate single-request-reopen use-vc edns0 trust-ad\n');
    assert.deepEqual(all.options, {
      ndots: 5,
      timeoutMs: 2000,
      attempts: 3,
      rotate: true,
      singleRequest: true,
      useTcp: true,
    });
    assert.deepEqual(all.problems, []);
    assert.equal(conf('options ndots:99').options.ndots, 15);
    assert.equal(conf('options ndots:0').options.ndots, 0);
    assert.equal(conf('options ndots:-3').options.ndots, 0);
    assert.equal(conf('options timeout:0').options.timeoutMs, 1000);
    assert.equal(conf('options attempts:x').options.attempts, 1);
    assert.equal(conf('options tcp').options.useTcp, true);
    assert.match(conf('options ndots:99').problems[0]?.message ?? '', /ndots:15/);
    assert.match(conf('options rotat').problems[0]?.message ?? '', /no option/);
  });

  it('warns of a comment behind a search list', () => {
    const parsed = conf('search corp # ours\n');
    assert.deepEqual(parsed.search, ['corp', '#', 'ours']);
    assert.match(parsed.problems[0]?.message ?? '', /comment/);
  });

  it('never throws, and always has a nameserver', () => {
    const word = fc.constantFrom(
      'nameserver',
      'search',
      'options',
      'ndots:',
      '1.1.1.1',
      '\n',
      ' ',
      '\t',
      '#',
      '%',
      '::',
      '.',
      '9'.repeat(30),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(word).map((words) => words.join('')),
        ),
        (text) => {
          const parsed = conf(text, text);
          assert.ok(parsed.nameservers.length >= 1 && parsed.nameservers.length <= 3);
          assert.ok(parsed.options.ndots >= 0 && parsed.options.ndots <= 15);
        },
      ),
    );
  });
});

describe('lookupHosts', () => {
  const text = [
    '127.0.0.1 localhost',
    '010.0.0.1 bad.corp',
    '10.0.0.5 Registry.Corp registry # mirror.corp',
    '#10.0.0.6 registry.corp',
    'fe80::1%eth0 registry.corp.',
    '::ffff:10.0.0.7 mapped.corp',
    '2001:DB8:0:0::5 six.corp',
    '10.0.0.5 registry.corp',
  ].join('\n');

  it('adds lines up, without regard to case and to a dot at the end', () => {
    const expected = { addresses: ['10.0.0.5', 'fe80::1%eth0'], canonical: 'registry.corp.', line: 3 };
    for (const name of ['registry.corp', 'REGISTRY.corp', 'registry.corp.'])
      assert.deepEqual(lookupHosts(text, name), expected);
  });

  it('gives canonical addresses, and nothing for comments, bad addresses and unknown names', () => {
    assert.deepEqual(lookupHosts(text, 'six.corp')?.addresses, ['2001:db8::5']);
    assert.deepEqual(lookupHosts(text, 'mapped.corp')?.addresses, ['10.0.0.7']);
    for (const name of ['mirror.corp', 'bad.corp', 'corp', '', '10.0.0.5']) assert.equal(lookupHosts(text, name), null);
    assert.deepEqual(lookupHosts(text, 'localhost')?.addresses, ['127.0.0.1']);
    assert.equal(lookupHosts(text, 'localhost.'), null);
  });

  it('does not confuse names with the keys of an object', () => {
    for (const name of ['constructor', '__proto__', 'toString']) assert.equal(lookupHosts(text, name), null);
    assert.equal(lookupHosts('1.1.1.1 __proto__', '__proto__')?.addresses[0], '1.1.1.1');
  });
});

describe('parseNsswitch', () => {
  // The orders are those of Go 1.26 without cgo.
  const orders: readonly [line: string, order: string, problems: number][] = [
    ['', 'files-dns', 0],
    ['passwd: files', 'files-dns', 0],
    ['hosts: files dns', 'files-dns', 0],
    ['hosts: dns files # later', 'dns-files', 0],
    ['hosts:files', 'files', 1],
    ['hosts: dns', 'dns', 0],
    ['hosts: files mdns4_minimal [NOTFOUND=return] dns myhostname', 'files-dns', 0],
    ['hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns', 'files-dns', 0],
    ['hosts: files resolve [!UNAVAIL=return]', 'files-dns', 0],
    ['hosts: resolve files', 'dns-files', 0],
    ['hosts: files [NOTFOUND=return] dns', 'files-dns', 0],
    ['hosts: files [SUCCESS=continue] dns', 'files-dns', 1],
    ['hosts: files [!NOTFOUND=return] dns', 'files-dns', 1],
    ['hosts: files [NOTFOUND dns', 'files-dns', 1],
    ['hosts: files [x] dns', 'files-dns', 1],
    ['hosts files dns', 'files-dns', 1],
    ['hosts:', 'files-dns', 0],
  ];
  for (const [line, order, problems] of orders) {
    it(`reads "${line}" as ${order}`, () => {
      const parsed = parseNsswitch(`# head\n${line}\n`, 'etc/nsswitch.conf');
      assert.equal(parsed.order, order);
      assert.equal(parsed.problems.length, problems);
      for (const problem of parsed.problems) assert.equal(problem.source, 'etc/nsswitch.conf:2');
    });
  }
});

describe('nameList', () => {
  const names = (host: string, ndots = 1, searchDomains = ['corp.example', 'example']) =>
    nameList({ searchDomains, resolver: { ndots } }, host);

  it('asks a name with enough dots first as it is, any other last', () => {
    assert.deepEqual(names('registry.corp'), [
      'registry.corp.',
      'registry.corp.corp.example.',
      'registry.corp.example.',
    ]);
    assert.deepEqual(names('registry'), ['registry.corp.example.', 'registry.example.', 'registry.']);
    assert.deepEqual(names('registry-1.docker.io', 5).at(-1), 'registry-1.docker.io.');
    assert.deepEqual(names('registry', 0)[0], 'registry.');
  });

  it('asks a rooted name only as it is', () => assert.deepEqual(names('registry.corp.'), ['registry.corp.']));

  it('asks nothing for addresses and for what is no domain name', () => {
    for (const host of [
      '10.0.0.1',
      '::1',
      'fe80::1%eth0',
      '',
      '123',
      'a..b',
      '-a.corp',
      'a b',
      'bücher',
      'x'.repeat(64),
      'secret.onion',
      'x.ONION.',
    ]) {
      assert.deepEqual(names(host, 1, []), [], host);
    }
    assert.deepEqual(names('.'), ['.']);
  });

  it('leaves out names over 254 characters and those below .onion', () => {
    const long = `${`${'a'.repeat(60)}.`.repeat(4)}abcd`;
    assert.deepEqual(names(long, 1, ['e', 'fits.not']), [`${long}.`, `${long}.e.`]);
    assert.deepEqual(names('a.b', 1, ['onion', 'corp']), ['a.b.', 'a.b.corp.']);
  });
});

describe('readResolver', () => {
  let root = '';
  const put = async (path: string, text: string) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'pullwhy-resolver-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  it('reads the files below the host root', async () => {
    await put('etc/resolv.conf', 'nameserver 10.0.0.2\noptions ndots:2\n');
    await put('etc/hosts', '10.9.9.9 mirror.corp\n');
    await put('etc/hostname', '# set by hand\n\nnode1.dc.example\n');
    await put('etc/nsswitch.conf', 'hosts: files dns\n');
    const resolver = await readResolver(hostFiles(root));
    assert.deepEqual(resolver.nameservers, [{ address: '10.0.0.2', port: 53, source: 'etc/resolv.conf:1' }]);
    assert.deepEqual(resolver.searchDomains, ['dc.example']);
    assert.equal(resolver.resolver.ndots, 2);
    assert.equal(resolver.order, 'files-dns');
    assert.deepEqual(resolver.lookup('mirror.corp')?.source, 'etc/hosts:1');
    assert.deepEqual(lookupNames(resolver, 'mirror.corp'), []);
    assert.deepEqual(nameList(resolver, 'mirror.corp'), ['mirror.corp.dc.example.', 'mirror.corp.']);
    assert.deepEqual(lookupNames(resolver, 'registry.corp'), ['registry.corp.dc.example.', 'registry.corp.']);
    assert.deepEqual(resolver.problems, []);
  });

  it('asks DNS before the hosts file, or never, as nsswitch.conf says', async () => {
    await put('etc/resolv.conf', 'nameserver 10.0.0.2\n');
    await put('etc/hosts', '10.9.9.9 mirror.corp\n');
    await put('etc/nsswitch.conf', 'hosts: dns files\n');
    assert.deepEqual(lookupNames(await readResolver(hostFiles(root)), 'mirror.corp'), ['mirror.corp.']);
    await put('etc/nsswitch.conf', 'hosts: files\n');
    const files = await readResolver(hostFiles(root));
    assert.deepEqual(lookupNames(files, 'registry.corp'), []);
    assert.match(files.problems[0]?.message ?? '', /no dns/);
  });

  it('takes Go’s defaults where files are missing, and says so', async () => {
    const resolver = await readResolver(hostFiles(root));
    assert.deepEqual(
      resolver.nameservers.map((server) => server.address),
      ['127.0.0.1', '::1'],
    );
    assert.equal(resolver.hostsText, '');
    assert.deepEqual(
      resolver.problems.map((problem) => problem.source),
      ['etc/resolv.conf'],
    );
  });

  it('replaces the nameservers by the given ones, and says nothing of those in the file', async () => {
    await put('etc/resolv.conf', 'nameserver dns.corp\nsearch corp\noptions nodts:1\n');
    const resolver = await readResolver(hostFiles(root), { nameservers: [{ address: '127.0.0.1', port: 5353 }] });
    assert.deepEqual(resolver.nameservers, [{ address: '127.0.0.1', port: 5353, source: '--nameserver' }]);
    assert.deepEqual(resolver.searchDomains, ['corp']);
    assert.deepEqual(
      resolver.problems.map((problem) => problem.source),
      ['etc/resolv.conf:3'],
    );
  });

  it('names a file that is too large or no file', async () => {
    await put('etc/resolv.conf', `nameserver 10.0.0.2\n${'#'.repeat(1024 * 1024)}`);
    await mkdir(join(root, 'etc/hosts'));
    const resolver = await readResolver(hostFiles(root));
    assert.match(
      resolver.problems.map((problem) => problem.message).join('\n'),
      /larger than[\s\S]*is not a regular file/,
    );
  });
});
