import assert from 'node:assert/strict';
import { plan, type Tree } from '../kit/plan-stage.ts';

describe('pullwhy plan: the resolver', function () {
  this.timeout(30_000);
  const loopback = ['127.0.0.1 53 default', '::1 53 default'];
  const cases: [name: string, files: Tree, nameservers: string[], search: string[], lookups: string[]][] = [
    ['nothing', { 'etc/resolv.conf': '' }, loopback, [], ['reg.corp.']],
    ['a folder in its place', { 'etc/resolv.conf': null }, loopback, [], ['reg.corp.']],
    ['bytes', { 'etc/resolv.conf': Buffer.from([0, 255, 254, 10]) }, loopback, [], ['reg.corp.']],
    ['a link to itself', { 'etc/resolv.conf': { link: '/etc/resolv.conf' } }, loopback, [], ['reg.corp.']],
    [
      'an absolute link',
      { 'etc/resolv.conf': { link: '/run/stub.conf' }, 'run/stub.conf': 'nameserver 127.0.0.53\nsearch .\n' },
      ['127.0.0.53 53 etc/resolv.conf:1'],
      [],
      ['reg.corp.'],
    ],
    [
      'the host name’s domain without search',
      { 'etc/hostname': 'n.dom.example\n' },
      ['10.0.0.2 53 etc/resolv.conf:1'],
      ['dom.example'],
      ['reg.corp.', 'reg.corp.dom.example.'],
    ],
    [
      'ndots above the dots of the name',
      { 'etc/resolv.conf': 'nameserver 10.0.0.2\nsearch a.b c.d\noptions ndots:5\n' },
      ['10.0.0.2 53 etc/resolv.conf:1'],
      ['a.b', 'c.d'],
      ['reg.corp.a.b.', 'reg.corp.c.d.', 'reg.corp.'],
    ],
    [
      'the first three alone',
      { 'etc/resolv.conf': [1, 2, 3, 4].map((n) => `nameserver 10.0.0.${n}\n`).join('') },
      [1, 2, 3].map((n) => `10.0.0.${n} 53 etc/resolv.conf:${n}`),
      [],
      ['reg.corp.'],
    ],
    [
      'what is no address',
      { 'etc/resolv.conf': 'nameserver 010.0.0.1\nnameserver [::1]\nnameserver 1.1.1.1:53\nnameserver 2001:db8::5\n' },
      ['2001:db8::5 53 etc/resolv.conf:4'],
      [],
      ['reg.corp.'],
    ],
    ['a name in etc/hosts', { 'etc/hosts': '10.1.1.1 x Reg.Corp\n' }, ['10.0.0.2 53 etc/resolv.conf:1'], [], []],
  ];
  for (const [name, files, nameservers, search, lookups] of cases) {
    it(name, async () => {
      const { code, document } = await plan({ files });
      assert.equal(code, 0);
      const shown = document.nameservers.map(({ address, port, source }) => `${address} ${port} ${source}`);
      assert.deepEqual([shown, document.searchDomains], [nameservers, search]);
      assert.deepEqual(document.hosts[0]?.lookups, lookups);
    });
  }

  it('reads the options as Go does', async () => {
    const text =
      'nameserver 1.1.1.1\noptions ndots:99 timeout:0 attempts:3 rotate single-request-reopen use-vc edns0\n';
    const { document } = await plan({ files: { 'etc/resolv.conf': text } });
    const resolver = { ndots: 15, timeoutMs: 1000, attempts: 3, rotate: true, singleRequest: true, useTcp: true };
    assert.deepEqual(document.resolver, resolver);
  });
});
