import { limits } from '../lib/limits.ts';
import { amount, dictionary, flag, list, nullable, number, object, oneOf, type Shape, text } from '../lib/shape.ts';
import { credentialsShape } from './credentials-facts.ts';
import type {
  AuthFacts,
  BlobDescriptor,
  BlobFacts,
  CertificateFacts,
  ChallengeFacts,
  ClockFacts,
  DiskFacts,
  DnsFacts,
  FactsByKind,
  HttpFacts,
  Identity,
  ImageFacts,
  LoadedFacts,
  ManifestFacts,
  NamesFacts,
  NextParty,
  ProbeKind,
  ProxyFacts,
  PullFacts,
  RateLimitFacts,
  RegistryErrorFacts,
  RegistryFacts,
  RuntimeFacts,
  SandboxFacts,
  SmallFacts,
  SnapshotterFacts,
  TcpFacts,
  TlsFacts,
} from './facts.ts';
import { networkFailures } from './network-failure.ts';
import { ingest, journal, progress } from './pull-facts-shape.ts';
import { recordsShape } from './records-facts.ts';

/** A failure of the closed vocabulary. */
const failure = oneOf(networkFailures);
const texts = list(text);
const maybe = { text: nullable(text), amount: nullable(amount), flag: nullable(flag) };
const scheme = oneOf(['http', 'https']);

const nextParty = object<NextParty>({
  scheme,
  host: text,
  port: amount,
  proxy: maybe.text,
  proxyReason: text,
  url: text,
});

const dns = object<DnsFacts>({
  host: text,
  type: oneOf(['A', 'AAAA', 'hosts']),
  nameserver: text,
  order: number,
  addresses: texts,
  canonicalNames: texts,
  queries: list(
    object<DnsFacts['queries'][number]>({
      name: text,
      rcode: maybe.text,
      transport: nullable(oneOf(['udp', 'tcp'])),
      addresses: amount,
      extendedErrors: texts,
      error: nullable(failure),
    }),
  ),
});

const tcp = object<TcpFacts>({
  host: text,
  address: text,
  port: amount,
  family: oneOf([4, 6]),
  localAddress: maybe.text,
  errno: maybe.text,
});

const proxy = object<ProxyFacts>({
  way: text,
  proxy: text,
  address: text,
  target: text,
  status: maybe.amount,
  statusText: maybe.text,
  headers: dictionary(text),
  withCredentials: flag,
});

const certificate = object<CertificateFacts>({
  subject: text,
  issuer: text,
  notBefore: text,
  notAfter: text,
  dnsNames: texts,
  ipAddresses: texts,
  sha256: text,
  selfSigned: flag,
});

const tls = object<TlsFacts>(
  {
    way: text,
    host: text,
    address: text,
    port: amount,
    protocol: maybe.text,
    cipher: maybe.text,
    alpn: maybe.text,
    chain: list(certificate),
    anchor: maybe.text,
    failedCertificate: maybe.amount,
    failedChecks: list(failure),
    publicAuthority: flag,
    alert: maybe.text,
    plainAnswer: maybe.text,
    clientCertificateRequested: flag,
    verificationOff: flag,
  },
  ['publicAuthority'],
);

const small = object<SmallFacts>(
  { way: text, address: text, port: amount, bytes: amount, unnamedBytes: maybe.amount },
  ['unnamedBytes'],
);

const clock = object<ClockFacts>({ way: text, host: text, address: text, port: amount, offsetMs: nullable(number) });

const rateLimit = object<RateLimitFacts>(
  {
    limit: maybe.amount,
    remaining: maybe.amount,
    windowSeconds: maybe.amount,
    source: maybe.text,
    retryAfterSeconds: maybe.amount,
    resetAtMs: maybe.amount,
  },
  ['resetAtMs'],
);

const http = {
  way: text,
  url: text,
  method: text,
  address: text,
  status: maybe.amount,
  mediaType: maybe.text,
  bodyFormat: maybe.text,
  title: maybe.text,
  errors: list(object<RegistryErrorFacts>({ code: maybe.text, message: text })),
  server: maybe.text,
  proxyError: maybe.text,
  rateLimit: nullable(rateLimit),
  clockOffsetMs: nullable(number),
  phases: dictionary(maybe.amount),
  failedPhase: maybe.text,
  next: nullable(nextParty),
} satisfies { readonly [K in keyof HttpFacts]: Shape<HttpFacts[K]> };

const challenges = list(
  object<ChallengeFacts>({
    scheme: text,
    realm: maybe.text,
    service: maybe.text,
    scope: maybe.text,
    error: maybe.text,
    party: nullable(nextParty),
  }),
);
const identity = object<Identity>({ index: number, username: maybe.text });
const descriptor = object<BlobDescriptor>({ digest: text, size: amount, mediaType: text, external: oneOf([true]) }, [
  'external',
]);

const registry = object<RegistryFacts>({ ...http, apiVersion: maybe.text, challenges });

const auth = object<AuthFacts>(
  {
    ...http,
    realmHost: text,
    service: maybe.text,
    scope: text,
    identity,
    redirects: amount,
    granted: flag,
    claimsPull: maybe.flag,
    challenges,
  },
  ['challenges'],
);

const manifest = object<ManifestFacts>(
  {
    ...http,
    reference: text,
    part: oneOf(['named', 'platform']),
    identity,
    authorization: oneOf(['none', 'basic', 'bearer']),
    redirects: amount,
    headStatus: maybe.amount,
    challenges,
    kind: nullable(oneOf(['index', 'image', 'schema1', 'artifact', 'unknown'])),
    artifactType: text,
    typeMismatch: oneOf([true]),
    digest: maybe.text,
    digestMatches: maybe.flag,
    platforms: texts,
    chosen: maybe.text,
    config: nullable(descriptor),
    layers: list(descriptor),
  },
  ['artifactType', 'typeMismatch'],
);

const archive = object<NonNullable<BlobFacts['archive']>>({
  compression: text,
  problem: maybe.text,
  diffId: maybe.text,
});

const blob = object<BlobFacts>(
  {
    ...http,
    digest: text,
    part: oneOf(['config', 'layer']),
    redirects: amount,
    bytes: amount,
    size: amount,
    digestMatches: maybe.flag,
    platform: maybe.text,
    diffIds: list(text, limits.diffIds),
    archive,
  },
  ['diffIds', 'archive'],
);

const names = object<NamesFacts>({
  ...http,
  of: oneOf(['tags', 'repositories']),
  wanted: text,
  count: amount,
  complete: flag,
  present: flag,
  nearest: texts,
});

const plugin = object<NonNullable<RuntimeFacts['plugins']>[number]>({
  name: text,
  error: maybe.text,
  root: maybe.text,
  address: maybe.text,
});

const runtime = object<RuntimeFacts>(
  {
    endpoint: text,
    name: maybe.text,
    version: maybe.text,
    ready: maybe.flag,
    conditions: list(
      object<RuntimeFacts['conditions'][number]>({ type: text, status: flag, reason: text, message: text }),
    ),
    imageFileSystems: texts,
    plugins: list(plugin),
    failure: maybe.text,
  },
  ['plugins'],
);

const loaded = object<LoadedFacts>({
  pid: amount,
  startedAt: maybe.text,
  unit: maybe.text,
  files: list(
    object<LoadedFacts['files'][number]>({
      path: text,
      of: oneOf(['settings', 'trust']),
      changedAt: maybe.text,
      afterStart: maybe.flag,
      seen: oneOf(['same', 'other', 'absent', 'unknown']),
    }),
  ),
  environment: list(
    object<LoadedFacts['environment'][number]>({
      name: text,
      configured: maybe.text,
      running: maybe.text,
      source: text,
    }),
  ),
  settings: nullable(
    list(
      object<NonNullable<LoadedFacts['settings']>[number]>({
        name: text,
        loaded: text,
        configured: text,
        source: text,
      }),
    ),
  ),
  endpoints: nullable(texts),
  sameNetwork: maybe.flag,
});

const image = object<ImageFacts>({ present: maybe.flag, id: maybe.text, sizeBytes: maybe.amount });

const sandbox = object<SandboxFacts>({
  image: text,
  source: text,
  present: flag,
  pull: nullable(
    object<NonNullable<SandboxFacts['pull']>>({
      verdict: oneOf(['healthy', 'degraded', 'faulty', 'inconclusive']),
      cause: maybe.text,
      confidence: maybe.text,
      host: maybe.text,
      summary: text,
    }),
  ),
});

const snapshotter = object<SnapshotterFacts>({ name: text, address: text, failure: maybe.text });

const mount = object<NonNullable<DiskFacts['mount']>>({
  point: text,
  type: text,
  readOnly: nullable(oneOf(['mount', 'file system'])),
  emergency: flag,
});

const disk = object<DiskFacts>(
  {
    path: text,
    totalBytes: amount,
    freeBytes: amount,
    totalInodes: amount,
    freeInodes: amount,
    mount,
  },
  ['mount'],
);

const pull = object<PullFacts>(
  {
    imageRef: maybe.text,
    runtimeError: maybe.text,
    cause: maybe.text,
    causeConfidence: maybe.text,
    alternatives: texts,
    host: maybe.text,
    progress,
  },
  ['progress'],
);

/** What each kind of probe's facts must hold, so that evidence, causes and pages can be made of a foreign document. */
export const factsShapes: { readonly [K in ProbeKind]: Shape<FactsByKind[K]> } = {
  dns,
  tcp,
  proxy,
  tls,
  small,
  clock,
  registry,
  auth,
  manifest,
  blob,
  names,
  runtime,
  loaded,
  image,
  records: recordsShape,
  credentials: credentialsShape,
  sandbox,
  snapshotter,
  disk,
  ingest,
  journal,
  pull,
};

/** The kinds of probes that this version knows. */
export const probeKinds = Object.keys(factsShapes).filter(isProbeKind);

function isProbeKind(kind: string): kind is ProbeKind {
  return Object.hasOwn(factsShapes, kind);
}
