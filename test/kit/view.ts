/**
 * Builds what an investigation knows, probe by probe, from small facts made by hand: for tests of everything that only
 * reads facts (ways, causes, conclusions). Whatever a test does not say is right.
 *
 *   const scene = new Scene();                               // registry.test/team/app:1.0, straight to registry.test
 *   scene.reach();                                           // name, connection and handshake are well
 *   const id = scene.ping({ status: 503 });
 *   conclude(scene.view());
 *
 * Mirrors, a proxy, nameservers, credentials and the rest are options of the constructor. Addresses are of 192.0.2.0/24
 * and 2001:db8::/32, hosts of `.test`.
 */
import { isIPv6 } from 'node:net';
import { originOf, wayId } from '../../src/evidence/origin.ts';
import type { View } from '../../src/evidence/view.ts';
import { parseReference } from '../../src/image/reference.ts';
import type {
  AuthFacts,
  BlobFacts,
  CertificateFacts,
  ChallengeFacts,
  DiskFacts,
  FactsByKind,
  HttpFacts,
  IngestFacts,
  JournalFacts,
  JournalMention,
  LoadedFacts,
  ManifestFacts,
  NamesFacts,
  NextParty,
  ProbeKind,
  ProxyFacts,
  RegistryFacts,
  RuntimeFacts,
  SandboxFacts,
  TcpFacts,
  TlsFacts,
  TransferFacts,
} from '../../src/model/facts.ts';
import type { Hop, ProbeResult } from '../../src/model/investigation.ts';
import type { NetworkFailure } from '../../src/model/network-failure.ts';
import type { CredentialLifetimeInfo, EndpointInfo, PlanBody } from '../../src/model/plan.ts';
import type { Problem } from '../../src/model/problem.ts';
import type { RecordsFacts } from '../../src/model/records-facts.ts';

/** The plan, as far as a test cares. */
export interface SceneOptions {
  /** Default `registry.test/team/app:1.0`. */
  readonly image?: string;
  /** Default: the image's registry alone. */
  readonly endpoints?: readonly (Partial<EndpointInfo> & { readonly url: string })[];
  /** Default: one, 192.0.2.53. */
  readonly nameservers?: readonly string[];
  /** Users of matching credentials, in the order in which they are tried. */
  readonly users?: readonly string[];
  /** What each of them says of its own time. */
  readonly lifetimes?: readonly CredentialLifetimeInfo[];
  /** The first of them has neither user name nor password. */
  readonly emptyEntry?: boolean;
  /** The kubelet's settings that are not its defaults. */
  readonly kubelet?: Partial<PlanBody['kubelet']>;
  readonly credentialHosts?: PlanBody['credentialHosts'];
  readonly pod?: NonNullable<PlanBody['pod']>;
  readonly knownProxies?: PlanBody['knownProxies'];
  readonly sandboxImage?: NonNullable<PlanBody['sandboxImage']>;
  readonly policy?: 'Always' | 'IfNotPresent' | 'Never';
  readonly problems?: readonly Problem[];
  readonly platform?: string;
  readonly accepts?: readonly string[];
  readonly runtime?: View['runtime'];
  /** Epoch ms; default 2026-11-22 08:00 UTC. */
  readonly startedAtMs?: number;
}

/** How one party is reached; what is missing is taken from the endpoint. */
export interface Party {
  readonly endpoint?: number;
  readonly scheme?: 'http' | 'https';
  readonly host?: string;
  readonly port?: number;
  readonly proxy?: string | null;
  readonly hop?: Hop;
  readonly counterfactual?: boolean;
  /** How long the probe took; 5000 for silence, else 1. */
  readonly durationMs?: number;
}

/** The failure of a probe: its code, or its code and words. */
export type Failure = NetworkFailure | 'rpc' | readonly [NetworkFailure | 'rpc', string];

/** What an HTTP probe of a test may say besides its party: facts, and a failure that is not a status. */
type Http<F> = Party & Partial<Omit<F, 'way'>> & { readonly error?: Failure };

/** When every scene begins. */
export const startedAtMs = Date.UTC(2026, 10, 22, 8);

/** A digest of a letter: `sha256:aaaa…`. */
export const digest = (letter: string): string => `sha256:${letter.repeat(64)}`;

/** A bearer or basic challenge; a bearer's names its token service. */
export function challenge(scheme: 'bearer' | 'basic', realm = 'https://auth.test/token'): ChallengeFacts {
  if (scheme === 'basic') {
    return { scheme, realm: 'Registry', service: null, scope: null, error: null, party: null };
  }
  return { scheme, realm, service: 'registry.test', scope: null, error: null, party: partyOf(realm) };
}

/** The party that a URL names, reached directly. */
export function partyOf(url: string, proxy: string | null = null): NextParty {
  const origin = originOf(url);
  if (origin === null) throw new Error(`${url} is no URL`);
  return { ...origin, proxy, proxyReason: proxy === null ? 'no proxy is set' : 'https_proxy', url };
}

/** A certificate, good for a year around the scene's start. */
export function certificate(facts: Partial<CertificateFacts> = {}): CertificateFacts {
  return {
    subject: 'CN=registry.test',
    issuer: 'CN=Test CA',
    notBefore: '2026-06-01T00:00:00.000Z',
    notAfter: '2027-06-01T00:00:00.000Z',
    dnsNames: ['registry.test'],
    ipAddresses: [],
    sha256: '0'.repeat(64),
    selfSigned: false,
    ...facts,
  };
}

/** An investigation in the making. Every method adds one probe (`dns` and `reach` more) and gives its id. */
export class Scene {
  readonly plan: PlanBody;
  readonly #runtime: View['runtime'];
  readonly #startedAtMs: number;
  readonly #probes: ProbeResult[] = [];
  #pullAsked = false;

  constructor(options: SceneOptions = {}) {
    const input = options.image ?? 'registry.test/team/app:1.0';
    this.plan = planOf(input, options);
    this.#runtime = options.runtime ?? { name: 'containerd', asked: false };
    this.#startedAtMs = options.startedAtMs ?? startedAtMs;
  }

  /** What is known by now. */
  view(): View {
    return {
      plan: this.plan,
      runtime: this.#runtime,
      startedAtMs: this.#startedAtMs,
      pullAsked: this.#pullAsked,
      probes: [...this.#probes],
    };
  }

  /** Both families at one nameserver (by its place): addresses, an empty list for a name without any, or a failure of both. */
  dns(host: string, answer: readonly string[] | NetworkFailure, order = 0): string[] {
    const nameserver = this.plan.nameservers[order]?.address ?? '192.0.2.53';
    return (['A', 'AAAA'] as const).map((type) => {
      const addresses = typeof answer === 'string' ? [] : answer.filter((one) => isIPv6(one) === (type === 'AAAA'));
      const error = typeof answer === 'string' ? answer : addresses.length === 0 ? 'no-address' : null;
      const query = { name: `${host}.`, rcode: rcodeOf(error), transport: 'udp' as const, extendedErrors: [] };
      return this.#add({ hop: 'nameserver' }, typeof answer === 'string' ? answer : null, {
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
    return this.#add({ hop: 'nameserver' }, null, { kind: 'dns', facts: { host, addresses, ...facts } });
  }

  tcp(host: string, address: string, error: Failure | null = null, facts: Party & Partial<TcpFacts> = {}): string {
    const { port = 443, errno = null } = facts;
    return this.#add(facts, error, {
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
    const party = this.#party(facts);
    const { status = error === null ? 200 : null, statusText = null, headers = {}, withCredentials = false } = facts;
    const target = `${party.host}:${party.port}`;
    const proxy = party.proxy ?? '';
    return this.#add({ ...facts, hop: 'proxy' }, error, {
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
    const party = this.#party(facts);
    return this.#add(facts, error, {
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

  /** Small packets after a handshake in silence: null, they pass. */
  small(error: Failure | null, party: Party = {}): string {
    const { id, port } = this.#party(party);
    const facts = { way: id, address: '192.0.2.10', port, bytes: error === null ? 7 : 0 };
    return this.#add({ ...party, counterfactual: true }, error, { kind: 'small', facts });
  }

  /** The Date of the other side of a handshake in which only the time was wrong. */
  clock(offsetMs: number | null, party: Party = {}): string {
    const { id, host, port } = this.#party(party);
    const facts = { way: id, host, address: '192.0.2.10', port, offsetMs };
    return this.#add({ ...party, counterfactual: true }, offsetMs === null ? 'timeout' : null, {
      kind: 'clock',
      facts,
    });
  }

  /** `GET /v2/`: 200 when nothing is said. */
  ping(facts: Http<RegistryFacts> = {}): string {
    const http = this.#http(facts, 'GET', '/v2/');
    const challenges = facts.challenges ?? [];
    const challenged = http.facts.status === 401 && challenges.length > 0;
    return this.#add(facts, challenged ? null : http.error, {
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
    const http = this.#http(party, 'GET', '/token');
    return this.#add(party, http.error, {
      kind: 'auth',
      facts: {
        ...http.facts,
        realmHost: party.host,
        service: 'registry.test',
        scope: `repository:${this.plan.image.repository}:pull`,
        identity: this.#identity(facts.as),
        redirects: 0,
        granted: facts.granted ?? http.error === null,
        claimsPull: facts.claimsPull ?? null,
      },
    });
  }

  /** A manifest; an image of one layer when nothing is said. */
  manifest(facts: Http<ManifestFacts> & { readonly as?: number } = {}): string {
    const reference = facts.reference ?? this.plan.image.digest ?? this.plan.image.tag ?? '';
    const http = this.#http(facts, 'GET', `/v2/${this.plan.image.repository}/manifests/${reference}`);
    const came = http.error === null && http.facts.next === null && http.facts.status === 200;
    const kind = facts.kind !== undefined ? facts.kind : came ? 'image' : null;
    const image = kind === 'image';
    const bare = facts.authorization === 'none' && http.facts.status === 401;
    const answerable = (facts.challenges ?? []).some(
      ({ scheme }) => scheme === 'bearer' || (scheme === 'basic' && (facts.as ?? -1) >= 0),
    );
    return this.#add(facts, bare && answerable ? null : http.error, {
      kind: 'manifest',
      facts: {
        ...http.facts,
        reference,
        part: facts.part ?? 'named',
        identity: this.#identity(facts.as),
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
    const http = this.#http(facts, 'GET', `/v2/${this.plan.image.repository}/blobs/${of}`);
    const size = facts.size ?? (part === 'config' ? 500 : 4096);
    return this.#add(facts, http.error, {
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
    const http = this.#http(facts, 'GET', of === 'tags' ? '/tags/list' : '/v2/_catalog');
    const wanted =
      of === 'tags' ? (this.plan.image.digest ?? this.plan.image.tag ?? '') : (this.plan.image.repository ?? '');
    return this.#add({ counterfactual: true, ...facts }, http.error, {
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

  runtime(facts: Partial<RuntimeFacts> = {}): string {
    const failure = facts.failure ?? null;
    return this.#add({ hop: 'runtime' }, failure === null ? null : ['rpc', failure], {
      kind: 'runtime',
      facts: {
        endpoint: 'unix:///run/containerd/containerd.sock',
        name: failure === null ? 'containerd' : null,
        version: failure === null ? '2.1.9' : null,
        ready: failure === null ? true : null,
        conditions: [],
        imageFileSystems: [],
        ...facts,
        failure,
      },
    });
  }

  /** The runtime's process, which has loaded what the files say. */
  loaded(facts: Partial<LoadedFacts> = {}): string {
    return this.#add({ hop: 'runtime' }, null, {
      kind: 'loaded',
      facts: {
        pid: 512,
        startedAt: '2026-11-22T06:00:00.000Z',
        unit: 'containerd',
        files: [],
        environment: [],
        settings: [],
        endpoints: null,
        sameNetwork: true,
        ...facts,
      },
    });
  }

  /** Whether the image is on the node; null: the runtime does not say. */
  image(present: boolean | null): string {
    const facts = { present, id: present === true ? digest('c') : null, sizeBytes: null };
    return this.#add({ hop: 'runtime' }, present === null ? 'rpc' : null, { kind: 'image', facts });
  }

  /** The kubelet's records of the image on the node: none, when nothing is said. */
  records(facts: Partial<RecordsFacts> = {}): string {
    return this.#add({ hop: 'node' }, null, {
      kind: 'records',
      facts: {
        directory: 'var/lib/kubelet/image_manager',
        record: 'none',
        file: null,
        nodePods: null,
        secrets: [],
        serviceAccounts: [],
        credentialsFit: null,
        ...facts,
      },
    });
  }

  /** The pause image: on the node, or what came of its way. */
  sandbox(pull: SandboxFacts['pull'] | 'present', facts: Partial<SandboxFacts> = {}): string {
    const failed = pull !== 'present' && pull?.verdict === 'faulty';
    return this.#add({ hop: 'runtime' }, failed ? ['rpc', pull.summary] : null, {
      kind: 'sandbox',
      facts: {
        image: 'pause.test/pause:3.9',
        source: 'etc/containerd/config.toml:3',
        present: pull === 'present',
        pull: pull === 'present' ? null : pull,
        ...facts,
      },
    });
  }

  /** A snapshotter that is another program; null: it listens. */
  snapshotter(failure: string | null): string {
    return this.#add({ hop: 'node' }, failure === null ? null : ['rpc', failure], {
      kind: 'snapshotter',
      facts: { name: 'lazy', address: '/run/lazy.sock', failure },
    });
  }

  disk(facts: Partial<DiskFacts> = {}): string {
    return this.#add({ hop: 'node' }, null, {
      kind: 'disk',
      facts: {
        path: '/var/lib/containerd',
        totalBytes: 100 * 2 ** 30,
        freeBytes: 40 * 2 ** 30,
        totalInodes: 1_000_000,
        freeInodes: 900_000,
        ...facts,
      },
    });
  }

  /** What the journal tells of the image: its last mentions, oldest first; the rest follows from them unless told. */
  journal(mentions: readonly Partial<JournalMention>[], facts: Partial<JournalFacts> = {}): string {
    const matching = mentions.map((mention, index) => ({
      at: `2026-11-22T07:5${index}:00.000000Z`,
      unit: 'kubelet.service',
      event: 'pull-failed',
      message: 'it failed',
      cause: null,
      confidence: mention.cause === undefined ? null : 'proven',
      underlying: null,
      ...mention,
    }));
    const last = (wanted: string): string | null => matching.findLast(({ event }) => event === wanted)?.at ?? null;
    return this.#add({ hop: 'node' }, null, {
      kind: 'journal',
      facts: {
        directory: 'var/log/journal',
        windowSeconds: 900,
        entriesRead: 100,
        matching,
        attempts: matching.filter(({ event }) => event === 'pull-failed').length,
        lastFailureAt: last('pull-failed'),
        lastSuccessAt: last('pull-succeeded'),
        underWay: matching.at(-1)?.event === 'pull-started',
        ...facts,
      },
    });
  }

  /**
   * What containerd's content store has in flight; of each what is not said is a layer of this image (`manifest`'s own)
   * that the runtime has open, watched for 5 s in which it read nothing.
   */
  ingest(transfers: readonly Partial<TransferFacts>[], facts: Partial<IngestFacts> = {}): string {
    const path = '/var/lib/containerd/io.containerd.content.v1.content/ingest';
    const at = (ms: number): string => new Date(this.#startedAtMs + ms).toISOString();
    return this.#add({ hop: 'node' }, null, {
      kind: 'ingest',
      facts: {
        path,
        watchedMs: 5000,
        lookedAt: at(5000),
        receivedBytes: 300,
        runtimeStartedAt: at(-86_400_000),
        transfers: transfers.map((transfer) => ({ ...layerInFlight(at), ...transfer })),
        more: false,
        ...facts,
      },
    });
  }

  /** A real pull: null for one that works, else the runtime's words and what they were taken to mean. */
  pull(
    error: string | null,
    cause: string | null = null,
    facts: Partial<FactsByKind['pull']> = {},
    party: Pick<Party, 'durationMs'> = {},
  ): string {
    this.#pullAsked = true;
    return this.#add({ ...party, hop: 'runtime' }, error === null ? null : ['rpc', error], {
      kind: 'pull',
      facts: {
        imageRef: error === null ? digest('c') : null,
        runtimeError: error,
        cause,
        causeConfidence: cause === null ? null : 'likely',
        alternatives: [],
        host: null,
        ...facts,
      },
    });
  }

  /** A probe that was not made to its end. */
  skipped(kind: ProbeKind, party: Party = {}): string {
    const id = this.#nextId();
    const { endpoint = 0, counterfactual = false } = party;
    this.#probes.push({
      id,
      kind,
      target: 'not checked',
      hop: party.hop ?? this.#hopOf(endpoint),
      endpoint,
      counterfactual,
      startedMs: 0,
      durationMs: 0,
      status: 'skipped',
      error: {
        code: 'not-checked',
        message: 'The time of the investigation ended before this could say (--deadline).',
      },
      facts: {},
    });
    return id;
  }

  /** Name, connections and handshake of a party are well (by its proxy, when it has one). */
  reach(party: Party & { readonly address?: string } = {}): void {
    const { host, port, scheme, proxy } = this.#party(party);
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

  /** The way's name to a party. */
  way(party: Party = {}): string {
    return this.#party(party).id;
  }

  #party(of: Party): { scheme: 'http' | 'https'; host: string; port: number; proxy: string | null; id: string } {
    const info = this.plan.endpoints[of.endpoint ?? 0];
    const origin = info === undefined ? null : originOf(info.url);
    const own = of.host === undefined || of.host === origin?.host;
    const scheme = of.scheme ?? (own ? (origin?.scheme ?? 'https') : 'https');
    const host = of.host ?? origin?.host ?? 'registry.test';
    const port = of.port ?? (own ? (origin?.port ?? 443) : scheme === 'https' ? 443 : 80);
    const proxy = of.proxy !== undefined ? of.proxy : own ? (info?.proxy ?? null) : null;
    return { scheme, host, port, proxy, id: wayId(scheme, host, port, proxy) };
  }

  #http<F extends HttpFacts>(
    facts: Http<F>,
    method: string,
    path: string,
  ): { facts: HttpFacts; error: Failure | null } {
    const { scheme, host, port, id } = this.#party(facts);
    const error = facts.error ?? null;
    const status = facts.status !== undefined ? facts.status : error === null ? 200 : null;
    const words = (facts.errors ?? []).map(({ code, message }) => `${code ?? ''}: ${message}`).join(', ');
    const refused: Failure | null =
      status !== null && status >= 400 ? ['http-status', `${status}${words === '' ? '' : `: ${words}`}`] : null;
    return {
      error: error ?? refused,
      facts: {
        way: id,
        url: `${scheme}://${host}:${port}${path}`,
        method,
        address: '192.0.2.10',
        status,
        mediaType: facts.mediaType ?? null,
        bodyFormat: facts.bodyFormat ?? (refused === null ? null : (facts.errors ?? []).length > 0 ? 'oci' : 'empty'),
        title: facts.title ?? null,
        errors: facts.errors ?? [],
        server: facts.server ?? null,
        proxyError: facts.proxyError ?? null,
        rateLimit: facts.rateLimit ?? null,
        clockOffsetMs: facts.clockOffsetMs ?? null,
        phases: {},
        failedPhase: facts.failedPhase ?? null,
        next: facts.next ?? null,
      },
    };
  }

  #identity(index = -1): { index: number; username: string | null } {
    return { index, username: this.plan.credentials?.matches[index]?.username ?? null };
  }

  #hopOf(endpoint: number): Hop {
    return this.plan.endpoints[endpoint]?.role === 'mirror' ? 'mirror' : 'registry';
  }

  #nextId(): string {
    return `p${this.#probes.length + 1}`;
  }

  #add(party: Party, failure: Failure | null, made: Made): string {
    const id = this.#nextId();
    const { kind } = made;
    const error =
      failure === null
        ? null
        : typeof failure === 'string'
          ? { code: failure, message: failure }
          : { code: failure[0], message: failure[1] };
    const localKinds = ['runtime', 'sandbox', 'snapshotter', 'image', 'records', 'disk', 'ingest', 'journal', 'pull'];
    const local = localKinds.includes(kind);
    const endpoint = local ? null : (party.endpoint ?? 0);
    this.#probes.push({
      ...made,
      id,
      target: id,
      hop: party.hop ?? this.#hopOf(endpoint ?? 0),
      endpoint,
      counterfactual: party.counterfactual ?? false,
      startedMs: this.#probes.length,
      durationMs: party.durationMs ?? (error?.code === 'timeout' ? 5000 : 1),
      status: error === null ? ('ok' as const) : ('failed' as const),
      error,
    });
    return id;
  }
}

/** One kind of probe with its facts. */
type Made = { [K in ProbeKind]: { readonly kind: K; readonly facts: FactsByKind[K] } }[ProbeKind];

/** A layer of the image that `manifest` makes, as it stands still for half a minute. */
function layerInFlight(at: (ms: number) => string): TransferFacts {
  return {
    namespace: 'k8s.io',
    ref: `layer-${digest('1')}`,
    digest: digest('1'),
    bytes: 2 * 2 ** 20,
    totalBytes: 8 * 2 ** 20,
    startedAt: at(-27_000),
    changedAt: at(-25_000),
    grownBytes: 0,
    open: true,
  };
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

function planOf(input: string, options: SceneOptions): PlanBody {
  const parsed = parseReference(input);
  const image = parsed.ok ? parsed.value : null;
  const registry = image?.domain ?? null;
  const platform = options.platform ?? 'linux/amd64';
  const users = options.users ?? [];
  const endpoints = options.endpoints ?? (registry === null ? [] : [{ url: `https://${registry}/v2` }]);
  return {
    image: {
      input,
      normalized: image?.normalized ?? null,
      registry,
      repository: image?.path ?? null,
      tag: image?.tag ?? null,
      digest: image?.digest ?? null,
    },
    platform: { input: platform, normalized: platform, accepts: options.accepts ?? [platform] },
    shortName: null,
    kubelet: {
      serializeImagePulls: { value: true, source: 'default' },
      maxParallelImagePulls: { value: null, source: 'default' },
      registryPullQPS: { value: 5, source: 'default' },
      registryBurst: { value: 10, source: 'default' },
      imagePullCredentialsVerificationPolicy: { value: 'NeverVerifyPreloadedImages', source: 'default' },
      ...options.kubelet,
    },
    pullPolicy: { policy: options.policy ?? 'IfNotPresent', source: '--pull-policy' },
    endpoints: endpoints.map((endpoint) => ({
      reference: image?.normalized ?? '',
      role: 'upstream',
      source: 'default',
      capabilities: ['pull', 'resolve'],
      skipVerify: false,
      insecure: false,
      httpFallback: false,
      ca: [],
      client: [],
      dialTimeoutMs: null,
      headers: [],
      blocked: false,
      proxy: null,
      proxyReason: 'no proxy is set',
      ...endpoint,
    })),
    hosts: [],
    nameservers: (options.nameservers ?? ['192.0.2.53']).map((address, index) => ({
      address,
      port: 53,
      source: `etc/resolv.conf:${index + 1}`,
    })),
    searchDomains: [],
    resolver: { ndots: 1, timeoutMs: 5000, attempts: 2, rotate: false, singleRequest: false, useTcp: false },
    trustStore: { files: ['etc/ssl/certs/ca-certificates.crt'], certificates: 140 },
    credentials:
      users[0] === undefined
        ? null
        : {
            source: '--auth-file',
            username: users[0],
            matches: users.map((username, index) => {
              const lifetime = options.lifetimes?.[index];
              const empty = options.emptyEntry === true && index === 0 ? { empty: true as const } : {};
              const match = { key: registry ?? '', source: '--auth-file', username, ...empty };
              return lifetime === undefined ? match : { ...match, lifetime };
            }),
          },
    credentialHosts: options.credentialHosts ?? [],
    ...(options.pod === undefined ? {} : { pod: options.pod }),
    knownProxies: options.knownProxies ?? [],
    ...(options.sandboxImage === undefined ? {} : { sandboxImage: options.sandboxImage }),
    problems: options.problems ?? [],
  };
}
