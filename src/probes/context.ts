import type { Way } from '../evidence/way.ts';
import type { Env } from '../lib/env.ts';
import type { Result } from '../lib/result.ts';
import type { Secret } from '../lib/secret.ts';
import type { JournalFacts, LoadedFacts, NextParty, SandboxFacts } from '../model/facts.ts';
import type { PlanBody } from '../model/plan.ts';
import type { ContentStoreFailure, ContentStoreLook } from '../node/content-store.ts';
import type { PluginFailure } from '../node/credential-plugin-run.ts';
import type { PluginCredentials } from '../node/credential-plugins.ts';
import type { HostFiles } from '../node/host-files.ts';
import type { Mount } from '../node/mount-table.ts';
import type { ContainerdPlugin, CriClient, CriFailure } from '../wire/cri.ts';
import type { HttpClient } from '../wire/http.ts';
import type { ProxyRoute, ProxyTls } from '../wire/proxy.ts';

/** TLS material of one endpoint: the node's trust store with the endpoint's own CAs, and client certificates. */
export interface EndpointTls {
  /** One array for one trust store: what is read from it is kept with it. */
  readonly trustPem: readonly string[];
  readonly clientPairs: readonly { readonly cert: string; readonly key: Secret }[];
  readonly skipVerify: boolean;
}

/** Asks one plugin of the kubelet's for an image (without tag and digest); null: the kubelet has no such plugin. */
export type AskProvider = (
  name: string,
  image: string,
  bounds: { readonly timeoutMs: number; readonly signal: AbortSignal },
) => Promise<Result<PluginCredentials, PluginFailure> | null>;

/** One matching credential, in the kubelet's order. */
export interface ProbeCredential {
  readonly username: string;
  readonly password: Secret;
  /** Part of what the kubelet knows credentials again by; empty without one. */
  readonly email: string;
  /** It is of the pod's own secrets, or of a file or a caller in their place, and not of the node's files. */
  readonly ofPod: boolean;
  /** Of the runtime's own files: the only host that they are sent to. Null: the kubelet's, which come with the pull. */
  readonly sentTo: string | null;
  /** To be tried at the registry, and not to be handed to the runtime: a pull with them would open the image to every pod. */
  readonly probeOnly?: true;
}

/** What must not be shown and one probe leaves for a later one: tokens, URLs with their signatures, credentials of plugins. */
export interface Vault {
  /** What the kubelet's plugins gave for the image, in the kubelet's order. */
  readonly plugins: ProbeCredential[];
  readonly tokens: Map<string, Secret>;
  readonly urls: Map<string, URL>;
}

/** What probes need besides the facts: the node's material, and a place for secrets. */
export interface ProbeContext {
  readonly env: Env;
  readonly plan: PlanBody;
  /** `containerd`, `cri-o`; null: unknown, treated as containerd. */
  readonly runtimeName: string | null;
  /**
   * How long a wait may last: `ms`, or what the investigation's deadline leaves, as long as that still says something.
   * Below that the wait is cut off by the deadline and counts as "not checked".
   */
  readonly patience: (ms: number) => number;
  /** The running probe's id. */
  readonly probeId: string;
  /** The names that the node's resolver asks for a host, in order. */
  readonly lookupNames: (host: string) => readonly string[];
  /** Addresses of a host in the hosts file, where the resolver reads it first; null when it has none. */
  readonly hostsEntry: (host: string) => { readonly addresses: readonly string[]; readonly source: string } | null;
  /** A URL that an answer names, with the runtime's proxy decision; the URL itself goes to the vault. */
  readonly nextParty: (url: URL) => NextParty;
  /** How to talk to a proxy of the plan at an address of it; null for a scheme that is not spoken (SOCKS). */
  readonly proxyRoute: (proxyUrl: string, address: string) => ProxyRoute | null;
  /** For a proxy that is itself spoken to by HTTPS: the node's trust store. */
  readonly proxyTls: ProxyTls;
  readonly tlsFor: (endpoint: number) => EndpointTls;
  /** Extra request headers that the node's configuration sets for an endpoint. */
  readonly headersFor: (endpoint: number) => Readonly<Record<string, readonly Secret[]>>;
  readonly credentials: readonly ProbeCredential[];
  /** Asks a plugin of the kubelet's by its name; the failure says why none can be asked from here, a clause. */
  readonly askProvider: Result<AskProvider, string>;
  /** A client for a way at one of its addresses; connections are kept alive among the probes of one investigation. */
  readonly httpClient: (way: Way, address: string) => HttpClient;
  readonly vault: Vault;
  /** Masks every secret that is known by now in text that others wrote. */
  readonly mask: (text: string) => string;
  /** The CRI socket, connected to once. */
  readonly cri: (() => Promise<Result<CriClient, CriFailure>>) | null;
  readonly criEndpoint: string | null;
  /** containerd's own list of its plugins, from the same socket; any other runtime does not serve it. */
  readonly askPlugins: (signal: AbortSignal) => Promise<Result<readonly ContainerdPlugin[], CriFailure>>;
  /**
   * What kubelet and runtime wrote about pulls of an image shortly before, or why that cannot be read; null: this node
   * keeps no journal.
   */
  readonly readHistory: ((image: string, signal: AbortSignal) => Promise<Result<JournalFacts, string>>) | null;
  /**
   * The runtime's process beside the files that it read when it started; null as an answer: it cannot be looked at from
   * here. Null itself: its process is not known.
   */
  readonly readLoaded: ((signal: AbortSignal) => Promise<LoadedFacts | null>) | null;
  /** The runtime's process, where it was found; its start in epoch milliseconds. */
  readonly runtimeProcess: { readonly pid: number; readonly startedAtMs: number | null } | null;
  /** Looks at what containerd is fetching: its ingest folder, as the node names it. */
  readonly lookAtTransfers: (folder: string) => Promise<Result<ContentStoreLook, ContentStoreFailure>>;
  /** The node's files. */
  readonly host: HostFiles;
  /** The path on this machine of a path of the node; null for a loop of links. */
  readonly locate: (path: string) => Promise<string | null>;
  /** The mount that a path of the node lies on, as the runtime's process sees it; null: that cannot be read. */
  readonly mountOf: (path: string) => Promise<Mount | null>;
  /**
   * Probes the way of another image, as the runtime would pull it by itself: without the kubelet's credentials, and
   * without a real pull. Null as an answer: no plan can be made of it. Null itself: this is such an investigation.
   */
  readonly tryOther: ((image: string, deadlineMs: number, signal: AbortSignal) => Promise<SandboxFacts['pull']>) | null;
  /** Manifests are asked for by HEAD alone, which no registry counts as a pull: whether it is given, not what it is. */
  readonly headOnly?: boolean;
  /** Milliseconds that a real pull may take. */
  readonly pullDeadlineMs: number;
}
