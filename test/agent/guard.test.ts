import assert from 'node:assert/strict';
import fc from 'fast-check';
import { makeGuard, readAllowed, specialAddress } from '../../src/agent/guard.ts';
import { originOf } from '../../src/evidence/origin.ts';

const nothing = readAllowed([]);

/** What the guard says of a URL that an answer names, as the engine takes it apart. */
function refusalOf(url: string, allow: readonly string[] = []): string | null {
  const origin = originOf(url);
  assert.ok(origin, `${url} is no URL`);
  return makeGuard(readAllowed(allow), []).refuse({ ...origin, address: null });
}

describe('agent: guard', () => {
  describe('special addresses', () => {
    const special: Readonly<Record<string, readonly string[]>> = {
      loopback: ['127.0.0.1', '127.255.255.254', '127.1.2.3', '::1', '0:0:0:0:0:0:0:1'],
      unspecified: ['0.0.0.0', '0.1.2.3', '::'],
      'link-local': ['169.254.0.1', '169.254.255.255', 'fe80::1', 'febf:ffff::1', 'fe80::1%eth0', 'fe80::1%25eth0'],
      metadata: [
        '169.254.169.254',
        '169.254.170.2',
        '169.254.170.23',
        'fd00:ec2::254',
        'fd00:ec2::23',
        'fd20:ce::254',
        '100.100.100.200',
        '168.63.129.16',
        '192.0.0.192',
      ],
      multicast: ['224.0.0.1', '239.255.255.255', 'ff02::1'],
      broadcast: ['255.255.255.255'],
    };
    for (const [what, addresses] of Object.entries(special)) {
      for (const address of addresses) {
        it(`${address} is ${what}`, () => assert.match(specialAddress(address) ?? 'nothing', new RegExp(what)));
      }
    }

    const ordinary = [
      ...['1.1.1.1', '10.0.0.1', '172.16.0.1', '192.168.1.1', '100.64.0.1', '126.255.255.255', '128.0.0.0'],
      ...['169.253.255.255', '169.255.0.0', '223.255.255.255', '168.63.129.17', '100.100.100.201'],
      ...['2001:db8::1', 'fd00::1', 'fc00::1', '64:ff9b::808:808', '2002:808:808::1', '::ffff:8.8.8.8', '::8.8.8.8'],
      ...['fec0::1', 'fe00::1', '2001:4860:4860::8888'],
    ];
    for (const address of ordinary) {
      it(`${address} is ordinary`, () => assert.equal(specialAddress(address), null));
    }

    // Each stands for 127.0.0.1 or 169.254.169.254.
    const hidden = [
      ...['::ffff:127.0.0.1', '::ffff:7f00:1', '0:0:0:0:0:ffff:7f00:0001', '::FFFF:169.254.169.254'],
      ...['::127.0.0.1', '::ffff:0:127.0.0.1', '64:ff9b::127.0.0.1', '64:ff9b::a9fe:a9fe', '64:ff9b::7f00:1%eth0'],
      ...['64:ff9b:1::7f00:1', '64:ff9b:1:7f00:0:100::', '64:ff9b:1:a9fe:a9:fe00::'],
      ...['2002:7f00:1::1', '2002:a9fe:a9fe::', '2001:0:4136:e378:8000:63bf:80ff:fffe', '2001:db8::5efe:127.0.0.1'],
      '2001:db8::200:5efe:7f00:1',
    ];
    for (const address of hidden) {
      it(`${address} is what it stands for`, () => assert.ok(specialAddress(address) !== null));
    }

    it('every IPv4 address fares in IPv6 as it does by itself', () => {
      fc.assert(
        fc.property(fc.ipV4(), (address) => {
          const own = specialAddress(address);
          const [a = 0, b = 0, c = 0, d = 0] = address.split('.').map(Number);
          const groups = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
          for (const form of [`::ffff:${address}`, `::ffff:${groups}`, `64:ff9b::${address}`, `64:ff9b::${groups}`]) {
            assert.equal(specialAddress(form), own, form);
          }
          assert.equal(specialAddress(`2002:${groups}::1`), own);
        }),
      );
    });
  });

  describe('what a URL names', () => {
    const refused = [
      'http://127.0.0.1/v2',
      'https://127.0.0.1:5000/v2',
      'http://127.1/',
      'http://2130706433/',
      'http://0x7f000001/',
      'http://0x7f.1/',
      'http://0177.0.0.1/',
      'http://017700000001/',
      'http://127.0.0.1./',
      'http://0/',
      'http://0.0.0.0:9440/',
      'http://[::1]/',
      'http://[::]:80/',
      'http://[::ffff:127.0.0.1]/',
      'http://[::ffff:7f00:1]/',
      'http://[0:0:0:0:0:ffff:a9fe:a9fe]/',
      'http://[64:ff9b::169.254.169.254]/',
      'http://[fe80::1]/',
      'http://169.254.169.254/latest/meta-data/',
      'http://169.254.43518/',
      'http://2852039166/',
      'http://0xa9fea9fe/',
      'http://0251.0376.0251.0376/',
      'http://１２７.０.０.１/',
      'http://①②⑦.0.0.1/',
      'http://%31%32%37.0.0.1/',
      'http://localhost/',
      'http://LOCALHOST:5000/',
      'http://localhost./',
      'http://anything.localhost/',
      'http://metadata.google.internal/',
      'http://METADATA.google.internal./',
      'http://metadata/computeMetadata/v1/',
      'http://instance-data.ec2.internal/',
      'http://user:pw@127.0.0.1/',
      'http://registry.test@127.0.0.1/',
    ];
    for (const url of refused)
      it(`${url} is refused`, () => assert.match(refusalOf(url) ?? 'let through', /allowTargets/));

    const ordinary = [
      ...['https://registry-1.docker.io/v2', 'http://10.1.2.3:5000/', 'https://[2001:db8::1]/'],
      ...[
        'https://127.0.0.1.nip.io/',
        'https://localhost.example/',
        'https://metadata.example/',
        'https://1.example./',
      ],
    ];
    for (const url of ordinary) it(`${url} is not, by its name`, () => assert.equal(refusalOf(url), null));
  });

  it('judges the address that is connected to, whatever the name', () => {
    const guard = makeGuard(nothing, []);
    const target = { host: '127.0.0.1.nip.io', port: 443 };
    assert.equal(guard.refuse({ ...target, address: '10.1.2.3' }), null);
    assert.match(
      guard.refuse({ ...target, address: '127.0.0.1' }) ?? '',
      /127\.0\.0\.1\.nip\.io leads to 127\.0\.0\.1/,
    );
    assert.match(guard.refuse({ ...target, address: 'fe80::1%eth0' }) ?? '', /link-local/);
    assert.match(guard.refuse({ host: '127.0.0.1', port: 443, address: '10.1.2.3' }) ?? '', /127\.0\.0\.1 is/);
  });

  it('says what it is, and how to allow it', () => {
    assert.equal(
      refusalOf('http://169.254.169.254/'),
      '169.254.169.254 is a metadata address of a cloud, which callers may not have this node talk to; http.allowTargets allows it (add 169.254.169.254).',
    );
  });

  it("lets the node's own parties be talked to, at that port and no other", () => {
    const guard = makeGuard(nothing, [{ host: '127.0.0.1', port: 30020 }]);
    assert.equal(guard.refuse({ host: '127.0.0.1', port: 30020, address: '127.0.0.1' }), null);
    assert.ok(guard.refuse({ host: '127.0.0.1', port: 30021, address: '127.0.0.1' }));
    assert.ok(guard.refuse({ host: 'other.test', port: 30020, address: '127.0.0.1' }));
  });

  describe('what allowTargets allows', () => {
    const cases: readonly (readonly [string, readonly string[], readonly string[]])[] = [
      // entry, what it allows, what it does not
      [
        '127.0.0.1',
        ['http://127.0.0.1:1/', 'http://127.1/', 'https://0x7f.1/'],
        ['http://127.0.0.2/', 'http://[::1]/'],
      ],
      ['127.0.0.1:5000', ['http://127.0.0.1:5000/'], ['http://127.0.0.1:5001/', 'http://127.0.0.1/']],
      ['127.0.0.0/8', ['http://127.9.9.9/'], ['http://169.254.1.1/', 'http://localhost/']],
      ['169.254.0.0/16', ['http://169.254.169.254/'], ['http://127.0.0.1/']],
      ['::1', ['http://[::1]:5000/'], ['http://127.0.0.1/']],
      ['[::1]:5000', ['http://[::1]:5000/'], ['http://[::1]:5001/']],
      ['fe80::/10', ['http://[fe80::1]/'], ['http://[::1]/']],
      ['localhost', ['http://localhost:5000/', 'http://LocalHost./'], ['http://127.0.0.1/', 'http://a.localhost/']],
      ['Localhost:5000', ['http://localhost:5000/'], ['http://localhost/']],
      [' 127.0.0.1 ', ['http://127.0.0.1/'], []],
    ];
    for (const [entry, yes, no] of cases) {
      it(entry, () => {
        for (const url of yes) assert.equal(refusalOf(url, [entry]), null, url);
        for (const url of no) assert.ok(refusalOf(url, [entry]) !== null, url);
      });
    }

    it('a host by its name, wherever it leads', () => {
      const guard = makeGuard(readAllowed(['registry.test']), []);
      assert.equal(guard.refuse({ host: 'Registry.Test.', port: 1, address: '127.0.0.1' }), null);
      assert.ok(guard.refuse({ host: 'evil.test', port: 1, address: '127.0.0.1' }));
    });

    it('a name by the address that it leads to', () => {
      const guard = makeGuard(readAllowed(['127.0.0.1:5000']), []);
      assert.equal(guard.refuse({ host: 'any.test', port: 5000, address: '127.0.0.1' }), null);
      assert.ok(guard.refuse({ host: 'any.test', port: 5001, address: '127.0.0.1' }));
    });

    it('several ports of one host, and all of them once it stands alone', () => {
      const two = readAllowed(['a.test:1', 'a.test:2']);
      const all = readAllowed(['a.test:1', 'a.test', 'a.test:2']);
      const refused = (allowed: typeof two, port: number): boolean =>
        makeGuard(allowed, []).refuse({ host: 'a.test', port, address: '127.0.0.1' }) !== null;
      assert.deepEqual(
        [1, 2, 3].map((port) => refused(two, port)),
        [false, false, true],
      );
      assert.deepEqual(
        [1, 2, 3].map((port) => refused(all, port)),
        [false, false, false],
      );
    });

    it('tells what it cannot use', () => {
      const bad = ['', '127.0.0.1/33', '::1/129', 'a.test/8', 'http://a.test', '*', 'a b'];
      assert.deepEqual(readAllowed(['127.0.0.1', ...bad]).unusable, bad);
    });

    it('never throws', () => {
      fc.assert(
        fc.property(fc.array(fc.string()), fc.string(), fc.string(), (entries, host, address) => {
          const allowed = readAllowed(entries);
          makeGuard(allowed, []).refuse({ host, port: 1, address });
        }),
      );
    });
  });
});
