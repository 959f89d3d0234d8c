import type { PodInfo } from './pod-info.ts';
import type { Problem } from './problem.ts';

/** The image as asked for. The normalized parts are null when the reference does not parse. */
export interface ImageInfo {
  readonly input: string;
  /** `docker.io/library/nginx:1.27`, with `@sha256:…` behind the tag when both are given. */
  readonly normalized: string | null;
  readonly registry: string | null;
  readonly repository: string | null;
  readonly tag: string | null;
  readonly digest: string | null;
}

/** The platform that an image must have. */
export interface PlatformInfo {
  /** As given by `--platform`, or this node's own. */
  readonly input: string;
  readonly normalized: string;
  /** Best first, as containerd's matcher orders them. */
  readonly accepts: readonly string[];
}

/** CRI-O's resolution of a short name; null when the name is complete or the runtime is containerd. */
export interface ShortNameInfo {
  readonly mode: 'enforcing' | 'permissive' | 'disabled';
  readonly source: string;
  readonly candidates: readonly string[];
}

/** One base URL at which the runtime will try to pull. */
export interface EndpointInfo {
  /** Scheme as first tried, path as requested, no default port: `https://mirror.corp:5000/v2`. */
  readonly url: string;
  /** What is asked there: CRI-O rewrites the name for a mirror; for containerd it is the image. */
  readonly reference: string;
  readonly role: 'mirror' | 'upstream';
  /** `etc/containerd/certs.d/docker.io/hosts.toml:3`, or `default`. */
  readonly source: string;
  /** containerd's words: `pull`, `resolve`, `push`, `referrers`. CRI-O: as its `pull-from-mirror` amounts to. */
  readonly capabilities: readonly string[];
  /** containerd: TLS is not verified. */
  readonly skipVerify: boolean;
  /** CRI-O: TLS is not verified and plain HTTP is tried. */
  readonly insecure: boolean;
  /** HTTPS first, plain HTTP after a TLS-record or port error. */
  readonly httpFallback: boolean;
  /** Files of CA certificates added to the trust store for this endpoint, as the node names them. */
  readonly ca: readonly string[];
  /** Pairs of client certificate and key files. */
  readonly client: readonly (readonly [string, string])[];
  /** Null: the runtime's default (30 s). */
  readonly dialTimeoutMs: number | null;
  /** Names of the extra request headers; the values may be secrets and are never shown. */
  readonly headers: readonly string[];
  /** CRI-O: refused by registries.conf. */
  readonly blocked: boolean;
  /** `http://proxy:3128`, never with userinfo; null when the runtime goes direct. */
  readonly proxy: string | null;
  /** Why: `https_proxy`, `NO_PROXY entry .corp`, `no proxy is set`. */
  readonly proxyReason: string;
}

/** One network party that the plan already knows: an endpoint's host, or a proxy. */
export interface HostInfo {
  readonly host: string;
  readonly port: number;
  readonly scheme: 'http' | 'https';
  readonly proxy: string | null;
  readonly proxyReason: string;
  /** The fully qualified names that are asked, in order; empty for an address literal. */
  readonly lookups: readonly string[];
}

/** A nameserver as the node's resolver uses it. */
export interface NameserverInfo {
  readonly address: string;
  readonly port: number;
  /** `etc/resolv.conf:2`, `--nameserver`, or `default` (Go asks 127.0.0.1 and ::1 when none is usable). */
  readonly source: string;
}

/** The resolver's settings (resolv.conf's options as Go reads them). */
export interface ResolverInfo {
  readonly ndots: number;
  readonly timeoutMs: number;
  readonly attempts: number;
  readonly rotate: boolean;
  readonly singleRequest: boolean;
  readonly useTcp: boolean;
}

/** What a credential says of its own time. */
export interface CredentialLifetimeInfo {
  readonly expiresAt: string;
  readonly issuedAt: string | null;
  /** What says so: `the claim exp of the token`. */
  readonly by: string;
}

/** A key of a file of credentials that nearly fits. */
export interface NearKeyInfo {
  readonly key: string;
  /** Why it does not, a clause whose subject is the key. */
  readonly why: string;
  /** It can only be meant for this registry, and stands in the pod's own secret. */
  readonly meant: boolean;
}

/** Where credentials would come from; never a secret. */
export interface CredentialsInfo {
  /** `--auth-file`, or the node's file. */
  readonly source: string;
  /** Of the first match. */
  readonly username: string;
  /** All that match, in the order in which the kubelet tries them. */
  readonly matches: readonly {
    readonly key: string;
    readonly source: string;
    readonly username: string;
    /** Of the runtime's own files: the host that they are sent to, and no other. Absent: the kubelet's. */
    readonly sentTo?: string;
    /** Of a secret of the pod. */
    readonly ofPod?: true;
    /** When they end, where they say so themselves (RFC 3339). Absent: they do not. */
    readonly lifetime?: CredentialLifetimeInfo;
    /** Neither user name nor password: the kubelet pulls with it all the same, as nobody. */
    readonly empty?: true;
    /** What is odd about the password, a clause: `the password ends in a line break`. Never a part of it. */
    readonly odd?: string;
  }[];
}

/** What the runtime says of itself, or what is known of it without asking. */
export interface RuntimeInfo {
  /** `containerd`, `cri-o`, or null when no runtime was found. */
  readonly name: string | null;
  readonly version: string | null;
  /** Null: not asked. */
  readonly ready: boolean | null;
  readonly imagePresent: boolean | null;
  /** The socket asked, `unix:///run/containerd/containerd.sock`; null when none was. */
  readonly endpoint: string | null;
}

/** The pod's policy, given or by the kubelet's default for the tag. */
export interface PolicyInfo {
  readonly policy: 'Always' | 'IfNotPresent' | 'Never';
  /** `--pull-policy`, or the kubelet's default and why. */
  readonly source: string;
}

/** A setting with the place that set it: a file and line, a flag, or `default`. */
export interface PlacedSetting<T> {
  readonly value: T;
  readonly source: string;
}

/** What of the kubelet's configuration decides over pulls. */
export interface KubeletInfo {
  readonly serializeImagePulls: PlacedSetting<boolean>;
  readonly maxParallelImagePulls: PlacedSetting<number | null>;
  readonly registryPullQPS: PlacedSetting<number>;
  readonly registryBurst: PlacedSetting<number>;
  readonly imagePullCredentialsVerificationPolicy: PlacedSetting<string>;
  /** Images that NeverVerifyAllowlistedImages leaves out. Absent: the setting is not set. */
  readonly preloadedImagesVerificationAllowlist?: PlacedSetting<readonly string[]>;
  /** Use of the image file system, percent, from which on it removes images. Absent: not set, which is 85. */
  readonly imageGCHighThresholdPercent?: PlacedSetting<number>;
  /** Where this kubelet keeps records of the images that it pulled: `var/lib/kubelet/image_manager`. Absent: it keeps none. */
  readonly pullRecords?: string;
  /** Absent: no flag names any. */
  readonly credentialProviders?: CredentialProvidersInfo;
}

/** The kubelet's plugins that fetch credentials; what they gave is in the facts of the probe `credentials`. */
export interface CredentialProvidersInfo {
  /** The file of their configuration. */
  readonly source: string;
  /** Why the kubelet takes none of them, a sentence. */
  readonly problem: string | null;
  readonly providers: readonly {
    readonly name: string;
    readonly source: string;
    /** The pattern by which it is asked for this image; null: it is not. */
    readonly pattern: string | null;
    readonly matchImages: readonly string[];
    /** Why the kubelet cannot run it, a sentence. */
    readonly problem: string | null;
  }[];
}

/** What the runtime would do, no network touched. An investigation carries the same fields. */
export interface PlanBody {
  readonly image: ImageInfo;
  readonly platform: PlatformInfo;
  readonly shortName: ShortNameInfo | null;
  readonly pullPolicy: PolicyInfo;
  readonly kubelet: KubeletInfo;
  readonly endpoints: readonly EndpointInfo[];
  readonly hosts: readonly HostInfo[];
  readonly nameservers: readonly NameserverInfo[];
  readonly searchDomains: readonly string[];
  readonly resolver: ResolverInfo;
  readonly trustStore: { readonly files: readonly string[]; readonly certificates: number };
  /** Null when no entry of any file fits this image. */
  readonly credentials: CredentialsInfo | null;
  /** Registries that the files given have entries for: what a person compares when none fits. */
  readonly credentialHosts: readonly {
    readonly source: string;
    readonly hosts: readonly string[];
    /** Keys that look as if they were for this image, and by which the kubelet does not find it. Absent: none. */
    readonly near?: readonly NearKeyInfo[];
  }[];
  /** The pod that it is asked for, where it is known. */
  readonly pod?: PodInfo;
  /** Proxies set somewhere on this node, besides the runtime's own for this registry. */
  readonly knownProxies: readonly { readonly url: string; readonly source: string }[];
  /** The pause image that this runtime is set to use, normalized; absent: not known. */
  readonly sandboxImage?: PlacedSetting<string>;
  /** Where the runtime's files have images, for when it does not say itself; absent: not known. */
  readonly imageRoot?: PlacedSetting<string>;
  readonly problems: readonly Problem[];
}
