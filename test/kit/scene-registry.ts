import { isIPv6 } from 'node:net';
import { originOf } from '../../src/evidence/origin.ts';
import type {
  AuthFacts,
  BlobFacts,
  ManifestFacts,
  NamesFacts,
  ProxyFacts,
  RegistryFacts,
  TcpFacts,
  TlsFacts,
} from '../../src/model/facts.ts';
import type { NetworkFailure } from '../../src/model/network-failure.ts';
import { certificate, digest, type Failure, type Http, type Party } from './scene-parts.ts';
import { Probes } from './scene-probes.ts';

/** Probes of the way to a registry, and of the registry itself. */
export class RegistryScene extends Probes {
  /** Both families at one nameserver (by its place): addresses, an empty list for a name without any, or a failure of both. */
  dns(host: string, answer: readonly string[] | NetworkFailure, order = 0): string[] {
    const nameserver = this.plan.nameservers[order]?.address ?? '192.0.2.53';
    return (['A', 'AAAA'] as const).map((type) => {
      const addresses = typeof answer === 'string' ? [] : answer.filter((one) => isIPv6(one) === (type === 'AAAA'));
      const error = typeof answer === 'string' ? answer : addresses.length === 0 ? 'no-address' : null;
      const query = { name: `${host}.`, rcode: rcodeOf(error), transport: 'udp' as const, extendedErrors: [] };
      return this.add({ hop: 'nameserver' }, typeof answer === 'string' ? answer : null, {
        kind: 'dns',
        facts: {
          host,
          type,
          nameserver,
          order,
          addresses,
          canonicalNames: [],
          queries: [{ ...query, addresses: addresses.length, error }],
        },
      });
    });
  }

  /** The host in the hosts file. */
  hosts(host: string, addresses: readonly string[]): string {
    const facts = { type: 'hosts' as const, nameserver: 'etc/hosts:3', order: -1, canonicalNames: [], queries: [] };
    return this.add({ hop: 'nameserver' }, null, { kind: 'dns', facts: { host, addresses, ...facts } });
  }

  tcp(host: string, address: string, error: Failure | null = null, facts: Party & Partial<TcpFacts> = {}): string {
    const { port = 443, errno = null } = facts;
    return this.add(facts, error, {
      kind: 'tcp',
      facts: {
        host,
        address,
        port,
        family: isIPv6(address) ? 6 : 4,
        localAddress: error === null ? '192.0.2.2' : null,
        errno,
      },
    });
  }

  /** CONNECT by the proxy of the party. */
  connect(error: Failure | null, facts: Party & Partial<Omit<ProxyFacts, 'proxy'>> = {}): string {
    const party = this.party(facts);
    const { status = error === null ? 200 : null, statusText = null, headers = {}, withCredentials = false } = facts;
    const target = `${party.host}:${party.port}`;
    const proxy = party.proxy ?? '';
    return this.add({ ...facts, hop: 'proxy' }, error, {
      kind: 'proxy',
      facts: {
        way: party.id,
        proxy,
        address: '192.0.2.30',
        target,
        status,
        statusText,
        headers,
        withCredentials,
      },
    });
  }

  tls(error: Failure | null = null, facts: Party & Partial<TlsFacts> = {}): string {
    const party = this.party(facts);
    return this.add(facts, error, {
      kind: 'tls',
      facts: {
        address: '192.0.2.10',
        protocol: 'TLSv1.3',
        cipher: 'TLS_AES_128_GCM_SHA256',
        alpn: 'h2',
        chain: [certificate()],
        anchor: error === null ? 'CN=Test CA' : null,
        failedCertificate: null,
        failedChecks: [],
        alert: null,
        plainAnswer: null,
        clientCertificateRequested: false,
        verificationOff: false,
        ...known(facts),
        way: party.id,
        host: party.host,
        port: party.port,
      },
    });
  }

  /**
   * Small packets after a handshake in silence: null, they pass. `unnamedBytes`: the answer to a large handshake that names
   * nobody.
   */
  small(error: Failure | null, { unnamedBytes, ...party }: Party & { unnamedBytes?: number | null } = {}): string {
    const { id, port } = this.party(party);
    const answered = unnamedBytes === undefined ? {} : { unnamedBytes };
    const facts = { way: id, address: '192.0.2.10', port, bytes: error === null ? 7 : 0, ...answered };
    return this.add({ ...party, counterfactual: true }, error, { kind: 'small', facts });
  }

  /** The Date of the other side of a handshake in which only the time was wrong. */
  clock(offsetMs: number | null, party: Party = {}): string {
    const { id, host, port } = this.party(party);
    const facts = { way: id, host, address: '192.0.2.10', port, offsetMs };
    return this.add({ ...party, counterfactual: true }, offsetMs === null ? 'timeout' : null, {
      kind: 'clock',
      facts,
    });
  }

  /** `GET /v2/`: 200 when nothing is said. */
  ping(facts: Http<RegistryFacts> = {}): string {
    const http = this.http(facts, 'GET', '/v2/');
    const challenges = facts.challenges ?? [];
    const challenged = http.facts.status === 401 && challenges.length > 0;
    return this.add(facts, challenged ? null : http.error, {
      kind: 'registry',
      facts: {
        ...http.facts,
        apiVersion: facts.apiVersion ?? null,
        challenges,
      },
    });
  }

  /** A token of `auth.test`, granted when nothing is said. */
  token(facts: Http<AuthFacts> & { readonly as?: number } = {}): string {
    const party = { host: 'auth.test', hop: 'realm' as const, ...facts };
    const http = this.http(party, 'GET', '/token');
    return this.add(party, http.error, {
      kind: 'auth',
      facts: {
        ...http.facts,
        realmHost: party.host,
        service: 'registry.test',
        scope: `repository:${this.plan.image.repository}:pull`,
        identity: this.identity(facts.as),
        redirects: 0,
        granted: facts.granted ?? http.error === null,
        claimsPull: facts.claimsPull ?? null,
        ...(facts.challenges === undefined ? {} : { challenges: facts.challenges }),
      },
    });
  }

  /** A manifest; an image of one layer when nothing is said. */
  manifest(facts: Http<ManifestFacts> & { readonly as?: number } = {}): string {
    const reference = facts.reference ?? this.plan.image.digest ?? this.plan.image.tag ?? '';
    const http = this.http(facts, 'GET', `/v2/${this.plan.image.repository}/manifests/${reference}`);
    const came = http.error === null && http.facts.next === null && http.facts.status === 200;
    const kind = facts.kind !== undefined ? facts.kind : came ? 'image' : null;
    const image = kind === 'image';
    const bare = facts.authorization === 'none' && http.facts.status === 401;
    const answerable = (facts.challenges ?? []).some(
      ({ scheme }) => scheme === 'bearer' || (scheme === 'basic' && (facts.as ?? -1) >= 0),
    );
    return this.add(facts, bare && answerable ? null : http.error, {
      kind: 'manifest',
      facts: {
        ...http.facts,
        reference,
        part: facts.part ?? 'named',
        identity: this.identity(facts.as),
        authorization: facts.authorization ?? 'none',
        redirects: facts.redirects ?? 0,
        headStatus: http.facts.status,
        challenges: facts.challenges ?? [],
        kind,
        digest: facts.digest ?? (came ? digest('a') : null),
        digestMatches: facts.digestMatches ?? null,
        platforms: facts.platforms ?? [],
        chosen: facts.chosen ?? null,
        config:
          facts.config ??
          (image ? { digest: digest('c'), size: 500, mediaType: 'application/vnd.oci.image.config.v1+json' } : null),
        layers:
          facts.layers ??
          (image
            ? [{ digest: digest('1'), size: 4096, mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' }]
            : []),
      },
    });
  }

  /** The config, or a layer's first bytes. */
  blob(part: 'config' | 'layer', facts: Http<BlobFacts> = {}): string {
    const of = part === 'config' ? digest('c') : digest('1');
    const http = this.http(facts, 'GET', `/v2/${this.plan.image.repository}/blobs/${of}`);
    const size = facts.size ?? (part === 'config' ? 500 : 4096);
    return this.add(facts, http.error, {
      kind: 'blob',
      facts: {
        ...http.facts,
        digest: of,
        part,
        redirects: facts.redirects ?? 0,
        bytes: facts.bytes ?? (http.error === null ? size : 0),
        size,
        digestMatches:
          facts.digestMatches !== undefined
            ? facts.digestMatches
            : http.error === null && http.facts.next === null
              ? true
              : null,
        platform: facts.platform ?? null,
        ...(facts.diffIds === undefined ? {} : { diffIds: facts.diffIds }),
        ...(facts.archive === undefined ? {} : { archive: facts.archive }),
      },
    });
  }

  names(of: 'tags' | 'repositories', names: readonly string[], facts: Http<NamesFacts> = {}): string {
    const http = this.http(facts, 'GET', of === 'tags' ? '/tags/list' : '/v2/_catalog');
    const wanted =
      of === 'tags' ? (this.plan.image.digest ?? this.plan.image.tag ?? '') : (this.plan.image.repository ?? '');
    return this.add({ counterfactual: true, ...facts }, http.error, {
      kind: 'names',
      facts: {
        ...http.facts,
        of,
        wanted,
        count: facts.count ?? names.length,
        complete: facts.complete ?? true,
        present: names.includes(wanted),
        nearest: facts.nearest ?? [],
      },
    });
  }

  /** Name, connections and handshake of a party are well (by its proxy, when it has one). */
  reach(party: Party & { readonly address?: string } = {}): void {
    const { host, port, scheme, proxy } = this.party(party);
    const { address = '192.0.2.10' } = party;
    const by = proxy === null ? null : originOf(proxy);
    const connectHost = by?.host ?? host;
    for (const order of this.plan.nameservers.keys()) this.dns(connectHost, [address], order);
    this.tcp(connectHost, address, null, { ...party, port: by?.port ?? port });
    if (scheme === 'http') return;
    if (by !== null) this.connect(null, party);
    this.tls(null, { ...party, address });
  }

  /** An endpoint serves the image, without asking who asks. */
  serve(party: Party & { readonly address?: string } = {}): void {
    this.reach(party);
    this.ping(party);
    this.manifest(party);
    this.blob('config', party);
    this.blob('layer', party);
  }
}

/** The facts of a test without those that only say how the party is reached. */
function known<F extends object>(facts: Party & F): Omit<F, keyof Party> {
  const {
    endpoint: _,
    scheme: _1,
    host: _2,
    port: _3,
    proxy: _4,
    hop: _5,
    counterfactual: _6,
    durationMs: _7,
    ...rest
  } = facts;
  return rest;
}

function rcodeOf(error: NetworkFailure | null): string | null {
  if (error === null || error === 'no-address') return 'NOERROR';
  if (error === 'name-not-found') return 'NXDOMAIN';
  if (error === 'server-failure') return 'SERVFAIL';
  return error === 'dns-refused' ? 'REFUSED' : null;
}
