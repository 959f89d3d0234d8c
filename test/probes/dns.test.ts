import assert from 'node:assert/strict';
import { observe } from '../kit/node-folder.ts';
import { closedPort } from '../kit/tcp-server.ts';
import { useServers } from './servers.ts';

const image = 'registry.test:1/team/app:1.0';

describe('probes: dns', () => {
  const servers = useServers();

  it('asks each nameserver apart, for both families', async () => {
    const first = await servers.dns({ 'registry.test': ['127.0.0.1', '::1'] });
    const second = await servers.dns({ 'registry.test': ['127.0.0.2'] });
    const { of } = await observe({ image, nameservers: [first, second] });
    assert.deepEqual(
      of('dns').map(({ status, facts }) => [facts.order, facts.type, facts.addresses, status]),
      [
        [0, 'A', ['127.0.0.1'], 'ok'],
        [0, 'AAAA', ['::1'], 'ok'],
        [1, 'A', ['127.0.0.2'], 'ok'],
        [1, 'AAAA', [], 'ok'],
      ],
    );
    assert.equal(of('dns')[0]?.facts.nameserver, `127.0.0.1:${first.port}`);
  });

  it('goes through the search list as the resolver does, and keeps every question', async () => {
    const server = await servers.dns({ 'registry.corp.test': ['127.0.0.1'] });
    const { of } = await observe({
      image: 'registry:1/team/app:1.0',
      nameservers: [server],
      files: { 'etc/resolv.conf': 'nameserver 192.0.2.53\nsearch dev.test corp.test\n' },
    });
    const [a] = of('dns');
    assert.deepEqual(a?.facts.addresses, ['127.0.0.1']);
    assert.deepEqual(
      a.facts.queries.map(({ name, rcode }) => `${name} ${rcode}`),
      ['registry.dev.test. NXDOMAIN', 'registry.corp.test. NOERROR'],
    );
  });

  it('reads the hosts file first, and asks nobody then', async () => {
    const server = await servers.dns({});
    const { of, all } = await observe({
      image,
      nameservers: [server],
      files: { 'etc/hosts': '127.0.0.1 localhost\n127.0.0.9 registry.test\n' },
    });
    assert.deepEqual(
      of('dns').map(({ facts }) => [facts.type, facts.addresses, facts.nameserver]),
      [['hosts', ['127.0.0.9'], 'etc/hosts:2']],
    );
    assert.ok(
      all.some(({ kind, error }) => kind === 'dns' && /etc\/hosts:2 names this host/.test(error?.message ?? '')),
    );
    assert.equal(server.queries.length, 0);
  });

  const failures = [
    { says: 'NXDOMAIN', answer: { rcode: 3 }, code: 'name-not-found' },
    { says: 'SERVFAIL', answer: { rcode: 2 }, code: 'server-failure' },
    { says: 'REFUSED', answer: { rcode: 5 }, code: 'dns-refused' },
    { says: 'REFUSED without its question', answer: { rcode: 5, withoutQuestion: true }, code: 'dns-refused' },
  ];
  for (const { says, answer, code } of failures) {
    it(`tells ${says}`, async () => {
      const server = await servers.dns({ 'registry.test': answer });
      const { of } = await observe({ image, nameservers: [server] });
      assert.deepEqual(
        of('dns').map(({ status, error }) => [status, error?.code]),
        [
          ['failed', code],
          ['failed', code],
        ],
      );
    });
  }

  it('keeps extended errors', async () => {
    const server = await servers.dns({ 'registry.test': { rcode: 2, extendedError: [6, 'DNSSEC Bogus'] } });
    const { of } = await observe({ image, nameservers: [server] });
    assert.deepEqual(of('dns')[0]?.facts.queries[0]?.extendedErrors, ['EDE 6: DNSSEC Bogus']);
  });

  it('tells a port without a nameserver', async () => {
    const { of } = await observe({ image, nameservers: [{ address: '127.0.0.1', port: await closedPort() }] });
    assert.equal(of('dns')[0]?.error?.code, 'refused');
  });

  it('tells silence, after the attempts that resolv.conf allows', async () => {
    const server = await servers.dns({ 'registry.test': null });
    const files = { 'etc/resolv.conf': 'nameserver 192.0.2.53\noptions timeout:1 attempts:2\n' };
    const { of } = await observe({ image, nameservers: [server], files });
    assert.deepEqual(
      of('dns').map(({ error }) => error?.code),
      ['timeout', 'timeout'],
    );
    assert.equal(server.queries.filter(({ type }) => type === 1).length, 2);
  });
});
