import assert from 'node:assert/strict';
import type { DiagnoseCase } from '../../kit/diagnose-case.ts';
import { type Ran, type Stage, stageCertificate, type ZoneEntry } from '../../kit/diagnose-stage.ts';
import { dnsAnswer, recordTypes, startDnsServer } from '../../kit/dns-server.ts';
import { closedPort } from '../../kit/tcp-server.ts';
import { app } from './shared.ts';

/** A good registry, and nameservers that say this of registry.test, in order. */
function said(...entries: readonly ZoneEntry[]) {
  return async (stage: Stage) => {
    const registry = await stage.registry();
    const args: string[] = [];
    for (const entry of entries) args.push(...(await stage.nameserver({ 'registry.test': entry })));
    return app(registry, args);
  };
}

const good = ['127.0.0.1'];
/** An address of loopback at which the registry does not listen. */
const dead = ['127.0.0.99'];

/** A good registry, and a nameserver that answers everything with this code and this extended error (RFC 8914). */
function saidWhy(rcode: number, extendedError: readonly [number, string]) {
  return async (stage: Stage) => {
    const server = await startDnsServer((query) => [dnsAnswer(query, { rcode, extendedError })]);
    stage.defer(() => server.close());
    return app(await stage.registry(), ['--nameserver', `127.0.0.1:${server.port}`]);
  };
}

/** A good registry at 127.0.0.5, and two nameservers, one of which (by its place) blocks it. */
function filteredAt(place: number) {
  return async (stage: Stage) => {
    const registry = await stage.registry({ address: '127.0.0.5' });
    const args: string[] = [];
    for (const at of [0, 1])
      args.push(...(await stage.nameserver({ 'registry.test': [at === place ? '0.0.0.0' : '127.0.0.5'] })));
    return app(registry, args);
  };
}

const advice = ({ document }: Ran): string => (document.findings[0]?.remedies ?? []).map(({ text }) => text).join(' ');

/** Whom to ask is told, and nobody is sent to look for a misspelt name or at the registry. */
const namesTheFilter = (ran: Ran): void => {
  assert.match(advice(ran), /whoever runs nameserver 127\.0\.0\.1:\d+ /);
  assert.doesNotMatch(advice(ran), /spelling|listens/);
};

/** Names and addresses. */
export const cases: readonly DiagnoseCase[] = [
  {
    name: 'NXDOMAIN',
    prepare: said({ rcode: 3 }),
    verdict: 'faulty',
    cause: 'dns-name-not-found',
    confidence: 'proven',
    says: /registry\.test/,
    notRuledOut: ['dns', 'tcp', 'tls'],
  },
  { name: 'no record of any family', prepare: said([]), verdict: 'faulty', cause: 'dns-name-not-found' },
  {
    name: 'SERVFAIL',
    prepare: said({ rcode: 2 }),
    verdict: 'faulty',
    cause: 'dns-server-failure',
    confidence: 'proven',
  },
  { name: 'NOTIMP', prepare: said({ rcode: 4 }), verdict: 'faulty', cause: 'dns-server-failure' },
  { name: 'REFUSED', prepare: said({ rcode: 5 }), verdict: 'faulty', cause: 'dns-refused', says: /REFUSED/ },
  { name: 'silence', prepare: said({ silent: true }), verdict: 'faulty', cause: 'dns-timeout', confidence: 'proven' },
  {
    name: 'nothing listens at the nameserver',
    prepare: async (stage) => app(await stage.registry(), ['--nameserver', `127.0.0.1:${await closedPort()}`]),
    verdict: 'faulty',
    cause: 'dns-refused',
    says: /nothing listens/,
  },
  {
    name: 'silent, then a good one: slower',
    prepare: said({ silent: true }, good),
    verdict: 'degraded',
    cause: 'dns-inconsistent',
    endpoints: ['healthy'],
  },
  {
    name: 'SERVFAIL, then a good one: slower',
    prepare: said({ rcode: 2 }, good),
    verdict: 'degraded',
    cause: 'dns-inconsistent',
  },
  {
    name: 'NXDOMAIN, then a good one: the resolver stops at the first',
    prepare: said({ rcode: 3 }, good),
    verdict: 'faulty',
    cause: 'dns-inconsistent',
    confidence: 'proven',
    never: ['dns-name-not-found'],
  },
  {
    name: 'a dead address, then a good one',
    prepare: said(dead, good),
    verdict: 'faulty',
    cause: 'dns-inconsistent',
    never: ['tcp-refused'],
  },
  {
    name: 'a good one, then NXDOMAIN',
    prepare: said(good, { rcode: 3 }),
    verdict: ['healthy', 'degraded'],
    cause: [null, 'dns-inconsistent'],
  },
  {
    name: 'a good one, then silence',
    prepare: said(good, { silent: true }),
    verdict: 'degraded',
    cause: 'dns-inconsistent',
  },
  {
    name: 'silence and SERVFAIL',
    prepare: said({ silent: true }, { rcode: 2 }),
    verdict: 'faulty',
    cause: ['dns-server-failure', 'dns-timeout'],
    never: ['dns-inconsistent', 'dns-name-not-found'],
  },
  {
    name: 'two that agree on a dead address',
    prepare: said(dead, dead),
    verdict: 'faulty',
    cause: 'tcp-refused',
    never: ['dns-inconsistent'],
  },
  {
    name: 'a chain of aliases',
    prepare: said({ cname: 'edge.cdn.test', addresses: good }),
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'an alias that leads nowhere',
    prepare: said({ cname: 'edge.cdn.test', addresses: [] }),
    verdict: 'faulty',
    cause: 'dns-name-not-found',
  },
  {
    name: 'a dead address beside a live one',
    prepare: said([...dead, ...good]),
    verdict: 'degraded',
    cause: 'some-addresses-unreachable',
    says: /127\.0\.0\.99/,
    endpoints: ['healthy'],
  },
  {
    name: 'IPv6 is dead, IPv4 works',
    prepare: said(['::1', '127.0.0.1']),
    verdict: 'degraded',
    cause: 'some-addresses-unreachable',
    says: /::1/,
  },
  {
    name: 'IPv6 alone',
    async prepare(stage) {
      const registry = await stage.registry({ address: '::1' });
      return app(registry, [...(await stage.nameserver({ 'registry.test': ['::1'] }))]);
    },
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'every address is dead',
    prepare: said(['127.0.0.98', '127.0.0.99']),
    verdict: 'faulty',
    cause: 'tcp-refused',
    says: /registry\.test/,
    ruledOut: ['dns'],
  },
  {
    name: 'the A record comes, AAAA fails: Go takes what it has',
    async prepare(stage) {
      const registry = await stage.registry();
      const server = await startDnsServer((query) => [
        query.type === recordTypes.A
          ? dnsAnswer(query, { records: [{ name: query.name, type: 'A', data: '127.0.0.1' }] })
          : dnsAnswer(query, { rcode: 2 }),
      ]);
      stage.defer(() => server.close());
      return app(registry, ['--nameserver', `127.0.0.1:${server.port}`]);
    },
    verdict: ['healthy', 'degraded'],
    cause: [null, 'dns-inconsistent', 'dns-server-failure'],
  },
  {
    name: 'a stale entry of the hosts file beats DNS',
    async prepare(stage) {
      await stage.file('etc/hosts', '127.0.0.1 localhost\n127.0.0.99 registry.test\n');
      return app(await stage.registry());
    },
    verdict: 'faulty',
    cause: 'tcp-refused',
    says: /127\.0\.0\.99/,
    never: ['dns-name-not-found', 'dns-inconsistent'],
  },
  {
    name: 'an entry of the hosts file saves a name that DNS does not know',
    async prepare(stage) {
      await stage.file('etc/hosts', '127.0.0.1 registry.test\n');
      return app(await stage.registry(), await stage.nameserver({ 'registry.test': { rcode: 3 } }));
    },
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'a name that a search domain completes',
    async prepare(stage) {
      await stage.file(
        'etc/resolv.conf',
        'nameserver 127.0.0.1\nsearch nowhere.example corp.test\noptions ndots:2 timeout:1\n',
      );
      const registry = await stage.registry();
      const zone = {
        'registry.test': { rcode: 3 },
        'registry.test.corp.test': good,
        'registry.test.nowhere.example': { rcode: 3 },
      };
      return app(registry, await stage.nameserver(zone));
    },
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'nothing listens at the registry',
    prepare: async () => ({ image: `registry.test:${await closedPort()}/team/app:1` }),
    verdict: 'faulty',
    cause: 'tcp-refused',
    confidence: 'proven',
    says: /registry\.test/,
    ruledOut: ['dns'],
    notRuledOut: ['tcp', 'tls', 'registry'],
    endpoints: ['faulty'],
  },

  {
    name: 'a filter answers 0.0.0.0, which leads to this node itself and not to the registry',
    prepare: async (stage) => ({
      image: `registry.test:${await closedPort()}/team/app:1`,
      args: await stage.nameserver({ 'registry.test': ['0.0.0.0'] }),
    }),
    verdict: 'faulty',
    cause: 'dns-name-not-found',
    confidence: 'proven',
    says: /Nameserver 127\.0\.0\.1:\d+ blocks registry\.test: it answers 0\.0\.0\.0, which is no address/,
    never: ['tcp-refused', 'no-route'],
    notRuledOut: ['dns'],
    check: namesTheFilter,
  },
  {
    name: 'a filter answers 0.0.0.0 and ::',
    prepare: async (stage) => ({
      image: `registry.test:${await closedPort()}/team/app:1`,
      args: await stage.nameserver({ 'registry.test': ['0.0.0.0', '::'] }),
    }),
    verdict: 'faulty',
    cause: 'dns-name-not-found',
    says: /answers 0\.0\.0\.0 and ::, which/,
    never: ['tcp-refused', 'no-route'],
    check: namesTheFilter,
  },
  {
    name: 'a filter answers 0.0.0.0, and something else of this node listens at that port',
    async prepare(stage) {
      const other = await stage.registry({
        address: '0.0.0.0',
        tls: stageCertificate({ commonName: 'ingress', names: ['ingress.corp'] }),
      });
      return app(other, await stage.nameserver({ 'registry.test': ['0.0.0.0'] }));
    },
    verdict: 'faulty',
    cause: 'dns-name-not-found',
    never: ['tls-hostname-mismatch', 'tls-intercepted'],
    check: namesTheFilter,
  },
  {
    name: 'a filter answers 0.0.0.0, the other nameserver gives the address',
    prepare: filteredAt(0),
    verdict: 'faulty',
    cause: 'dns-inconsistent',
    confidence: 'proven',
    says: /blocks the name \(it answers 0\.0\.0\.0\), 127\.0\.0\.1:\d+ gives 127\.0\.0\.5/,
    never: ['dns-name-not-found', 'tcp-refused'],
  },
  {
    name: 'a nameserver gives the address, and a filter behind it answers 0.0.0.0: it fails when that one is asked',
    prepare: filteredAt(1),
    verdict: 'degraded',
    cause: 'dns-inconsistent',
    says: /blocks the name \(it answers 0\.0\.0\.0\)/,
    endpoints: ['healthy'],
  },
  {
    name: 'a filter answers 0.0.0.0, and the other nameserver gives an address that is dead, too',
    prepare: async (stage) => ({
      image: `registry.test:${await closedPort()}/team/app:1`,
      args: [
        ...(await stage.nameserver({ 'registry.test': ['0.0.0.0'] })),
        ...(await stage.nameserver({ 'registry.test': dead })),
      ],
    }),
    verdict: 'faulty',
    cause: 'dns-name-not-found',
    never: ['tcp-refused'],
  },
  {
    name: '0.0.0.0 in the hosts file is that file’s, and no nameserver’s',
    async prepare(stage) {
      await stage.file('etc/hosts', '127.0.0.1 localhost\n0.0.0.0 registry.test\n');
      return { image: `registry.test:${await closedPort()}/team/app:1` };
    },
    verdict: 'faulty',
    cause: 'dns-name-not-found',
    says: /etc\/hosts:2 of this node blocks registry\.test: it gives 0\.0\.0\.0/,
    check: (ran) => {
      assert.match(advice(ran), /out of .*etc\/hosts:2/);
      assert.doesNotMatch(advice(ran), /nameserver 127/);
    },
  },
  {
    name: 'a registry of this very node that the hosts file finds at 0.0.0.0 serves',
    async prepare(stage) {
      await stage.file('etc/hosts', '0.0.0.0 registry.test\n');
      return app(await stage.registry({ address: '0.0.0.0' }));
    },
    verdict: 'healthy',
    cause: null,
  },
  {
    name: 'a nameserver gives loopback for a public registry, and nothing listens there',
    prepare: async (stage) => ({
      image: `quay.io:${await closedPort()}/team/app:1`,
      args: await stage.nameserver({ 'quay.io': ['127.0.0.1'] }),
    }),
    verdict: 'faulty',
    cause: 'tcp-refused',
    says: /quay\.io:\d+ leads to this node itself \(127\.0\.0\.1, by nameserver 127\.0\.0\.1:\d+\)/,
    check: (ran) => assert.match(advice(ran), /nameserver 127\.0\.0\.1:\d+ blocks it, as filters do/),
  },
  {
    name: 'the hosts file gives loopback for a public registry, and nothing listens there',
    async prepare(stage) {
      await stage.file('etc/hosts', '127.0.0.1 localhost\n127.0.0.1 quay.io\n');
      return { image: `quay.io:${await closedPort()}/team/app:1` };
    },
    verdict: 'faulty',
    cause: 'tcp-refused',
    says: /leads to this node itself \(127\.0\.0\.1, by .*etc\/hosts:2\)/,
    check: (ran) => assert.match(advice(ran), /correct or remove that line/),
  },
  {
    name: 'a nameserver gives loopback for a name that is for use at home: the port refuses, and no filter is blamed',
    prepare: async (stage) => ({
      image: `registry.test:${await closedPort()}/team/app:1`,
      args: await stage.nameserver(),
    }),
    verdict: 'faulty',
    cause: 'tcp-refused',
    says: /refuses the connection/,
    saysNot: /this node itself/,
    check: (ran) => assert.doesNotMatch(advice(ran), /filter/),
  },
  {
    name: 'NXDOMAIN, and the nameserver says that it blocks the name',
    prepare: saidWhy(3, [15, 'listed by policy']),
    verdict: 'faulty',
    cause: 'dns-name-not-found',
    says: /blocks registry\.test: it answers NXDOMAIN with the extended error 15 \(Blocked\): listed by policy/,
    check: namesTheFilter,
  },
  {
    name: 'REFUSED, and the nameserver says that it filters the name',
    prepare: saidWhy(5, [17, '']),
    verdict: 'faulty',
    cause: 'dns-refused',
    says: /blocks registry\.test: it answers REFUSED with the extended error 17 \(Filtered\)/,
    saysNot: /does not serve this node/,
    check: namesTheFilter,
  },
  {
    name: 'no record, and the nameserver says that it censors the name',
    prepare: saidWhy(0, [16, '']),
    verdict: 'faulty',
    cause: 'dns-name-not-found',
    says: /it answers no address with the extended error 16 \(Censored\)/,
    check: namesTheFilter,
  },
  {
    name: 'NXDOMAIN with an extended error that blocks nothing (29, Synthesized)',
    prepare: saidWhy(3, [29, '']),
    verdict: 'faulty',
    cause: 'dns-name-not-found',
    says: /does not exist/,
    saysNot: /block/,
    check: (ran) => assert.match(advice(ran), /spelling/),
  },
  {
    name: 'REFUSED because this node may not ask (extended error 18, Prohibited)',
    prepare: saidWhy(5, [18, 'not in the access list']),
    verdict: 'faulty',
    cause: 'dns-refused',
    saysNot: /block/,
    check: (ran) => assert.match(advice(ran), /access list/),
  },
  {
    name: 'the A record comes, AAAA is silence: Go takes what it has',
    async prepare(stage) {
      const registry = await stage.registry();
      const server = await startDnsServer((query) =>
        query.type === recordTypes.A
          ? [dnsAnswer(query, { records: [{ name: query.name, type: 'A', data: '127.0.0.1' }] })]
          : [],
      );
      stage.defer(() => server.close());
      return app(registry, ['--nameserver', `127.0.0.1:${server.port}`]);
    },
    verdict: ['healthy', 'degraded'],
    cause: [null, 'dns-inconsistent', 'dns-timeout'],
    notRuledOut: ['dns'],
  },
  {
    name: 'the mirror’s name: NXDOMAIN first, then an address; the upstream serves',
    async prepare(stage) {
      const mirror = await stage.registry();
      const upstream = await stage.registry();
      await stage.hosts(
        'reg.example',
        `server = "https://registry.test:${upstream.port}"\n[host."https://mirror.test:${mirror.port}"]\n`,
      );
      return {
        image: 'reg.example/team/app:1',
        args: [...(await stage.nameserver({ 'mirror.test': { rcode: 3 } })), ...(await stage.nameserver())],
      };
    },
    verdict: 'degraded',
    cause: 'mirror-failed',
    underlying: 'dns-inconsistent',
  },
  {
    name: 'the proxy’s name: NXDOMAIN first, then an address',
    async prepare(stage) {
      const registry = await stage.registry();
      const proxy = await stage.proxy(() => ({ kind: 'tunnel', port: registry.port }));
      const dns = [...(await stage.nameserver({ 'proxy.test': { rcode: 3 } })), ...(await stage.nameserver())];
      return app(registry, [...proxy.args, ...dns]);
    },
    verdict: 'faulty',
    cause: ['proxy-unreachable', 'dns-inconsistent'],
    says: /proxy\.test/,
  },
];
