import { makePki, type Pki } from '../kit/certificates.ts';
import { type DnsTestAnswer, type DnsTestServer, dnsAnswer, recordTypes, startDnsServer } from '../kit/dns-server.ts';
import { type FakeCri, startFakeCri } from '../kit/fake-cri.ts';
import {
  type FakeImage,
  type FakeRegistry,
  type FakeRegistryOptions,
  makeImage,
  startFakeRegistry,
} from '../kit/fake-registry.ts';
import { type ProxyServer, startProxyServer } from '../kit/proxy-server.ts';
import { startTcpServer, type TcpServer } from '../kit/tcp-server.ts';

/** Servers on loopback that end with the test that started them. */
export interface Servers {
  readonly pki: Pki;
  registry(options?: FakeRegistryOptions): Promise<FakeRegistry>;
  /** A nameserver that knows these names, and says NXDOMAIN to others; null: it is silent about the name. */
  dns(names: Readonly<Record<string, readonly string[] | DnsTestAnswer | null>>): Promise<DnsTestServer>;
  proxy(...of: Parameters<typeof startProxyServer>): Promise<ProxyServer>;
  tcp(...of: Parameters<typeof startTcpServer>): Promise<TcpServer>;
  cri(...of: Parameters<typeof startFakeCri>): Promise<FakeCri>;
}

/** An image for this test's platform, with what a registry holds of it. */
export const image: FakeImage = makeImage({ os: 'linux', architecture: 'amd64' });
export const repositories = { 'team/app': { '1.0': image } };

/** Files of a node that trusts the test's authority. */
export function trusting(pki: Pki): Record<string, string> {
  return { 'etc/ssl/certs/ca-certificates.crt': pki.root.pem };
}

/** Gives servers to the tests of a suite; closes them after each. */
export function useServers(): Servers {
  const open: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
  });
  const kept = <T extends { readonly close: () => Promise<void> }>(server: T): T => {
    open.push(() => server.close());
    return server;
  };
  let pki: Pki | null = null;
  return {
    get pki() {
      pki ??= makePki();
      return pki;
    },
    registry: async (options) => kept(await startFakeRegistry({ repositories, ...options })),
    dns: async (names) =>
      kept(
        await startDnsServer((query) => {
          const name = query.name.replace(/\.$/, '').toLowerCase();
          const known = Object.hasOwn(names, name) ? names[name] : undefined;
          if (known === null) return [];
          if (known === undefined) return [dnsAnswer(query, { rcode: 3 })];
          if (!isAddresses(known)) return [dnsAnswer(query, known)];
          const type = query.type === recordTypes.AAAA ? 'AAAA' : 'A';
          const data = known.filter((address) => address.includes(':') === (type === 'AAAA'));
          return [dnsAnswer(query, { records: data.map((one) => ({ name: query.name, type, data: one })) })];
        }),
      ),
    proxy: async (...of) => kept(await startProxyServer(...of)),
    tcp: async (...of) => kept(await startTcpServer(...of)),
    cri: async (...of) => kept(await startFakeCri(...of)),
  };
}

function isAddresses(value: readonly string[] | DnsTestAnswer): value is readonly string[] {
  return Array.isArray(value);
}
