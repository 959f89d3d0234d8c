import type { CredentialsFacts } from './credentials-facts.ts';
import type { JournalFacts } from './journal-facts.ts';
import type { NetworkFailure } from './network-failure.ts';
import type { DiskFacts, RuntimeFacts, SandboxFacts, SnapshotterFacts } from './node-facts.ts';
import type { RecordsFacts } from './records-facts.ts';
import type { IngestFacts, PullProgress } from './transfer-facts.ts';

export type { CredentialsFacts, PluginFacts } from './credentials-facts.ts';
export type { JournalFacts, JournalMention, OtherPull, WaitingPod } from './journal-facts.ts';
export type { DiskFacts, RuntimeFacts, SandboxFacts, SnapshotterFacts } from './node-facts.ts';
export type { IngestFacts, PullProgress, TransferFacts } from './transfer-facts.ts';

/** A party that a probe's answer sends the runtime on to: a token realm, or a redirect's target. */
export interface NextParty {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  /** The proxy by which the runtime would go there, without userinfo; null: direct. */
  readonly proxy: string | null;
  readonly proxyReason: string;
  /** The whole URL with its query's values removed: signed URLs are credentials. */
  readonly url: string;
}

/** A lookup of one name and type at one nameserver, search list included; or in the hosts file. */
export interface DnsFacts {
  readonly host: string;
  readonly type: 'A' | 'AAAA' | 'hosts';
  /** `10.0.0.2:53`, or the hosts file with its line. */
  readonly nameserver: string;
  /** The place of the nameserver in resolv.conf, from 0; -1 for the hosts file. */
  readonly order: number;
  readonly addresses: readonly string[];
  readonly canonicalNames: readonly string[];
  /** One entry per name asked, in order. */
  readonly queries: readonly {
    readonly name: string;
    readonly rcode: string | null;
    readonly transport: 'udp' | 'tcp' | null;
    readonly addresses: number;
    readonly extendedErrors: readonly string[];
    readonly error: NetworkFailure | null;
  }[];
}

/** A TCP connection to one address. */
export interface TcpFacts {
  readonly host: string;
  readonly address: string;
  readonly port: number;
  readonly family: 4 | 6;
  readonly localAddress: string | null;
  readonly errno: string | null;
}

/** The proxy's answer to CONNECT. */
export interface ProxyFacts {
  readonly way: string;
  readonly proxy: string;
  readonly address: string;
  readonly target: string;
  readonly status: number | null;
  readonly statusText: string | null;
  /** Only headers that tell why: `proxy-authenticate`, `x-squid-error`, `server`, `via`, `retry-after`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly withCredentials: boolean;
}

/** One certificate as shown in documents. */
export interface CertificateFacts {
  readonly subject: string;
  readonly issuer: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly sha256: string;
  readonly selfSigned: boolean;
}

/** A TLS handshake with one address, or through a proxy's tunnel. */
export interface TlsFacts {
  readonly way: string;
  readonly host: string;
  readonly address: string;
  readonly port: number;
  readonly protocol: string | null;
  readonly cipher: string | null;
  readonly alpn: string | null;
  /** As sent, leaf first. */
  readonly chain: readonly CertificateFacts[];
  /** The trust anchor that was used, by its subject. */
  readonly anchor: string | null;
  /** Index in `chain` of the certificate that failed a check. */
  readonly failedCertificate: number | null;
  /** Every check that failed, first as Go would report it. */
  readonly failedChecks: readonly NetworkFailure[];
  /**
   * Whether the public trusts its authority (Mozilla's list, as shipped with Node): of a chain whose authority the node does
   * not trust, and of one that is presented by a proxy.
   */
  readonly publicAuthority?: boolean;
  readonly alert: string | null;
  readonly plainAnswer: string | null;
  readonly clientCertificateRequested: boolean;
  /** The node's configuration turned verification off for this endpoint. */
  readonly verificationOff: boolean;
}

/** An exchange of small packets, after a handshake or a transfer that ended in silence. */
export interface SmallFacts {
  readonly way: string;
  readonly address: string;
  readonly port: number;
  /** What came back, bytes; 0: the peer hung up, which is an answer too. */
  readonly bytes: number;
  /**
   * What came back to a handshake of usual size that names no server, bytes, counted up to some 1400; null: nothing, and
   * the peer did not hang up. Absent: none was begun.
   */
  readonly unnamedBytes?: number | null;
}

/** What time it is at the other side of a handshake in which only the time was wrong. */
export interface ClockFacts {
  readonly way: string;
  readonly host: string;
  readonly address: string;
  readonly port: number;
  /** The node's clock minus the answer's Date header, ms; null: no answer came. */
  readonly offsetMs: number | null;
}

/** An error of a registry's body. */
export interface RegistryErrorFacts {
  readonly code: string | null;
  readonly message: string;
}

/** What every HTTP answer is kept with. */
export interface HttpFacts {
  readonly way: string;
  /** Query values removed. */
  readonly url: string;
  readonly method: string;
  readonly address: string;
  readonly status: number | null;
  readonly mediaType: string | null;
  /** How an error body reads: `oci`, `json`, `xml`, `html`, `text`, `empty`; null without one. */
  readonly bodyFormat: string | null;
  /** An HTML page's title, for one. */
  readonly title: string | null;
  readonly errors: readonly RegistryErrorFacts[];
  readonly server: string | null;
  /** A proxy's own error (`X-Squid-Error`) in an answer that came by a proxy. */
  readonly proxyError: string | null;
  readonly rateLimit: RateLimitFacts | null;
  /** The node's clock minus the answer's Date header, ms; null without one. Exact to about a second. */
  readonly clockOffsetMs: number | null;
  /** Milliseconds per phase; null where the connection was reused. */
  readonly phases: Readonly<Record<string, number | null>>;
  /** The connection's failing phase when no answer came. */
  readonly failedPhase: string | null;
  readonly next: NextParty | null;
}

/** What a registry says of its limits. */
export interface RateLimitFacts {
  readonly limit: number | null;
  readonly remaining: number | null;
  readonly windowSeconds: number | null;
  readonly source: string | null;
  readonly retryAfterSeconds: number | null;
  /** When the window starts anew, epoch milliseconds, by the node's clock. Absent: nothing says so. */
  readonly resetAtMs?: number | null;
}

/** A challenge of WWW-Authenticate. */
export interface ChallengeFacts {
  readonly scheme: string;
  readonly realm: string | null;
  readonly service: string | null;
  readonly scope: string | null;
  readonly error: string | null;
  /** Where the token is fetched, for Bearer; null when the realm is no usable URL. */
  readonly party: NextParty | null;
}

/** `GET /v2/`. */
export interface RegistryFacts extends HttpFacts {
  /** The `Docker-Distribution-Api-Version` header. */
  readonly apiVersion: string | null;
  readonly challenges: readonly ChallengeFacts[];
}

/** Who a request was made as: nobody, or the n-th matching credential. */
export interface Identity {
  /** -1: anonymous. */
  readonly index: number;
  readonly username: string | null;
}

/** A token fetched at the realm. */
export interface AuthFacts extends HttpFacts {
  readonly realmHost: string;
  readonly service: string | null;
  readonly scope: string;
  readonly identity: Identity;
  /** 0 at the realm, 1 at its first redirect's target. */
  readonly redirects: number;
  /** The token came. */
  readonly granted: boolean;
  /** Whether the token's own claims name the pull; null when it is opaque. */
  readonly claimsPull: boolean | null;
  /** What the token service demands itself, with 401. Absent: it names nothing. */
  readonly challenges?: readonly ChallengeFacts[];
}

/** A manifest, by tag or digest. */
export interface ManifestFacts extends HttpFacts {
  readonly reference: string;
  /** `named`: what the image reference asks for; `platform`: the index's entry for this platform. */
  readonly part: 'named' | 'platform';
  readonly identity: Identity;
  /** How the request was authorized. `none` is the first try of a runtime, which waits for a challenge. */
  readonly authorization: 'none' | 'basic' | 'bearer';
  /** 0 at the registry, 1 at its first redirect's target. */
  readonly redirects: number;
  /** The status of HEAD, where one was sent before; containerd resolves by HEAD. */
  readonly headStatus: number | null;
  readonly challenges: readonly ChallengeFacts[];
  readonly kind: 'index' | 'image' | 'schema1' | 'artifact' | 'unknown' | null;
  /** What an artifact is, by its own word: `application/vnd.cncf.helm.config.v1+json`. */
  readonly artifactType?: string;
  /** The Content-Type is of another kind than the body, or of none; containerd goes by it. Absent: they agree. */
  readonly typeMismatch?: true;
  readonly digest: string | null;
  readonly digestMatches: boolean | null;
  /** Platforms of an index, `linux/amd64`. */
  readonly platforms: readonly string[];
  /** The digest of the entry that fits this platform; null: none fits, or not an index. */
  readonly chosen: string | null;
  readonly config: BlobDescriptor | null;
  readonly layers: readonly BlobDescriptor[];
}

/** A blob named by a manifest. */
export interface BlobDescriptor {
  readonly digest: string;
  readonly size: number;
  readonly mediaType: string;
  /**
   * It names URLs of its own, as Windows' base layers did, and both runtimes fetch it there and not from the registry, which
   * need not have it (containerd, core/remotes/docker/fetcher.go; containers/image, docker/docker_client.go).
   */
  readonly external?: true;
}

/** The first bytes of a layer, or an image's config; one probe per redirect hop. */
export interface BlobFacts extends HttpFacts {
  readonly digest: string;
  readonly part: 'config' | 'layer';
  /** 0 at the registry, 1 at its first redirect's target. */
  readonly redirects: number;
  readonly bytes: number;
  readonly size: number;
  readonly digestMatches: boolean | null;
  /** The image's own platform, from its config. */
  readonly platform: string | null;
  /** The digests of the unpacked layers, from its config. */
  readonly diffIds?: readonly string[];
  /** What a layer's first bytes say of its unpacking; absent: they cannot be judged. */
  readonly archive?: {
    /** How it is packed, by its bytes: `gzip`, `zstd`, `bzip2`, `xz`, `none`. */
    readonly compression: string;
    /** Why this runtime cannot unpack it, a clause whose subject is the layer; null: nothing speaks against it. */
    readonly problem: string | null;
    /** The digest of what it unpacks to, where all of it was read. */
    readonly diffId: string | null;
  };
}

/** Names that exist: tags of the repository, or repositories of the registry. */
export interface NamesFacts extends HttpFacts {
  readonly of: 'tags' | 'repositories';
  readonly wanted: string;
  readonly count: number;
  readonly complete: boolean;
  readonly present: boolean;
  readonly nearest: readonly string[];
}

/** The image on the node. */
export interface ImageFacts {
  readonly present: boolean | null;
  readonly id: string | null;
  readonly sizeBytes: number | null;
}

/** A real pull over CRI. */
export interface PullFacts {
  readonly imageRef: string | null;
  /** The runtime's own words. */
  readonly runtimeError: string | null;
  /** What they mean. */
  readonly cause: string | null;
  readonly causeConfidence: string | null;
  readonly alternatives: readonly string[];
  readonly host: string | null;
  /** Of a pull that failed. */
  readonly progress?: PullProgress;
}

/** A file that a runtime reads only when it starts, or is told to reload. */
export interface StartFile {
  /** `etc/containerd/config.toml`, below the host root. */
  readonly path: string;
  /** Its configuration, or the certificates that it trusts: Go loads those once for each process. */
  readonly of: 'settings' | 'trust';
  /** RFC 3339; null when the file cannot be looked at. */
  readonly changedAt: string | null;
  /** It changed after the process had started; null: too near to tell, or not known. */
  readonly afterStart: boolean | null;
  /** The file that the process sees under this name: this very one, another, none; or that could not be found out. */
  readonly seen: 'same' | 'other' | 'absent' | 'unknown';
}

/** The runtime as it runs, beside the node's files: what they say takes effect when it starts. */
export interface LoadedFacts {
  readonly pid: number;
  /** RFC 3339; null when /proc does not tell. */
  readonly startedAt: string | null;
  /** Its systemd service, without `.service`; null for none. */
  readonly unit: string | null;
  readonly files: readonly StartFile[];
  /** Variables that its unit sets otherwise than the process has them. Without secrets; null: not set. */
  readonly environment: readonly {
    readonly name: string;
    readonly configured: string | null;
    readonly running: string | null;
    readonly source: string;
  }[];
  /** Registry settings that its files have otherwise than it has loaded them; null: it does not tell what it has loaded. */
  readonly settings:
    | readonly {
        readonly name: string;
        readonly loaded: string;
        readonly configured: string;
        readonly source: string;
      }[]
    | null;
  /** The base URLs at which it tries this image by what it has loaded, in order; null: by its files, as the plan says. */
  readonly endpoints: readonly string[] | null;
  /** It is in the network namespace of the probes; null: that could not be found out. */
  readonly sameNetwork: boolean | null;
}

/** The facts of each kind of probe. */
export interface FactsByKind {
  dns: DnsFacts;
  tcp: TcpFacts;
  proxy: ProxyFacts;
  tls: TlsFacts;
  small: SmallFacts;
  clock: ClockFacts;
  registry: RegistryFacts;
  auth: AuthFacts;
  manifest: ManifestFacts;
  blob: BlobFacts;
  names: NamesFacts;
  runtime: RuntimeFacts;
  loaded: LoadedFacts;
  image: ImageFacts;
  records: RecordsFacts;
  credentials: CredentialsFacts;
  sandbox: SandboxFacts;
  snapshotter: SnapshotterFacts;
  disk: DiskFacts;
  ingest: IngestFacts;
  journal: JournalFacts;
  pull: PullFacts;
}

/** The name of a kind of probe. */
export type ProbeKind = keyof FactsByKind;
