import { limits } from '../lib/limits.ts';
import { amount, flag, list, nullable, number, object, oneOf, pair, type Shape, text, textThat } from '../lib/shape.ts';
import { causeIds } from './cause-id.ts';
import { matchShape } from './credentials-facts.ts';
import { factsShapes, probeKinds } from './facts-shape.ts';
import type { AnyDoneProbe, Hop, Investigation, ProbeResult, SkippedProbe } from './investigation.ts';
import { networkFailures } from './network-failure.ts';
import type {
  CredentialProvidersInfo,
  CredentialsInfo,
  EndpointInfo,
  HostInfo,
  ImageInfo,
  KubeletInfo,
  NameserverInfo,
  NearKeyInfo,
  PlacedSetting,
  PlanBody,
  PlatformInfo,
  PolicyInfo,
  ResolverInfo,
  RuntimeInfo,
  ShortNameInfo,
} from './plan.ts';
import { podInfoShape } from './pod-info.ts';
import type { Problem } from './problem.ts';

/**
 * What of a saved investigation concluding it again reads: all but what the conclusion makes itself (verdict, findings,
 * what was ruled out).
 */
export type SavedInvestigation = Omit<PlanBody, 'endpoints'> &
  Pick<Investigation, 'apiVersion' | 'kind' | 'id' | 'node' | 'startedAt' | 'durationMs' | 'probes' | 'runtime'> & {
    readonly endpoints: readonly EndpointInfo[];
    readonly pull: { readonly attempted: boolean };
  };

const texts = list(text);
const maybeText = nullable(text);

const hops = ['nameserver', 'proxy', 'registry', 'mirror', 'realm', 'blob', 'runtime', 'node'] as const satisfies Hop[];
const base = {
  id: text,
  target: text,
  hop: oneOf(hops),
  endpoint: nullable(amount),
  counterfactual: flag,
  startedMs: amount,
  durationMs: amount,
};

/** What every probe has, whatever its kind. */
const probeHead = object<ProbeHead>({ ...base, kind: oneOf(probeKinds), status: oneOf(['ok', 'failed', 'skipped']) });
type ProbeHead = Pick<ProbeResult, keyof typeof base | 'kind' | 'status'>;

const notChecked = object<Pick<SkippedProbe, 'error' | 'facts'>>({
  error: object<SkippedProbe['error']>({ code: oneOf(['not-checked']), message: text }),
  facts: object<SkippedProbe['facts']>({}),
});
const doneError = nullable(
  object<NonNullable<AnyDoneProbe['error']>>({ code: oneOf([...networkFailures, 'rpc']), message: text }),
);

/** A probe of a kind that this version knows, with that kind's facts. */
export const probeShape: Shape<ProbeResult> = (value, at): value is ProbeResult => {
  if (!probeHead(value, at)) return false;
  if (value.status === 'skipped') return notChecked(value, at);
  return object<{ error: unknown; facts: unknown }>({ error: doneError, facts: factsShapes[value.kind] })(value, at);
};

/** A base URL with a host, as every endpoint has. */
const baseUrl = textThat((url) => /^https?:\/\/[^/]/.test(url) && URL.canParse(url), 'a URL of http or https');

const endpoint = object<EndpointInfo>({
  url: baseUrl,
  reference: text,
  role: oneOf(['mirror', 'upstream']),
  source: text,
  capabilities: texts,
  skipVerify: flag,
  insecure: flag,
  httpFallback: flag,
  ca: texts,
  client: list(pair(text, text)),
  dialTimeoutMs: nullable(amount),
  headers: texts,
  blocked: flag,
  proxy: maybeText,
  proxyReason: text,
});

const placed =
  <T>(value: Shape<T>): Shape<PlacedSetting<T>> =>
  (all, at): all is PlacedSetting<T> =>
    object<{ value: unknown; source: string }>({ value, source: text })(all, at);

const credentialProviders = object<CredentialProvidersInfo>({
  source: text,
  problem: maybeText,
  providers: list(
    object<CredentialProvidersInfo['providers'][number]>({
      name: text,
      source: text,
      pattern: maybeText,
      matchImages: texts,
      problem: maybeText,
    }),
  ),
});

/** A problem whose cause this version knows. */
export const problemShape = object<Problem>(
  {
    severity: oneOf(['error', 'warning']),
    cause: oneOf(causeIds),
    source: text,
    message: text,
    harmless: oneOf([true]),
    atStart: oneOf([true]),
  },
  ['harmless', 'atStart'],
);

/** A saved document as a whole. Probes of unknown kinds and problems of unknown causes are to be taken out before. */
export const investigationShape = object<SavedInvestigation>(
  {
    apiVersion: oneOf(['pullwhy/v1']),
    kind: oneOf(['Investigation']),
    id: text,
    node: text,
    startedAt: text,
    durationMs: amount,
    image: object<ImageInfo>({
      input: text,
      normalized: maybeText,
      registry: maybeText,
      repository: maybeText,
      tag: maybeText,
      digest: maybeText,
    }),
    platform: object<PlatformInfo>({ input: text, normalized: text, accepts: texts }),
    shortName: nullable(
      object<ShortNameInfo>({ mode: oneOf(['enforcing', 'permissive', 'disabled']), source: text, candidates: texts }),
    ),
    pullPolicy: object<PolicyInfo>({ policy: oneOf(['Always', 'IfNotPresent', 'Never']), source: text }),
    kubelet: object<KubeletInfo>(
      {
        serializeImagePulls: placed(flag),
        maxParallelImagePulls: placed(nullable(number)),
        registryPullQPS: placed(number),
        registryBurst: placed(number),
        imagePullCredentialsVerificationPolicy: placed(text),
        preloadedImagesVerificationAllowlist: placed(texts),
        imageGCHighThresholdPercent: placed(number),
        pullRecords: text,
        credentialProviders,
      },
      ['preloadedImagesVerificationAllowlist', 'imageGCHighThresholdPercent', 'pullRecords', 'credentialProviders'],
    ),
    endpoints: list(endpoint, limits.savedEndpoints),
    hosts: list(
      object<HostInfo>({
        host: text,
        port: amount,
        scheme: oneOf(['http', 'https']),
        proxy: maybeText,
        proxyReason: text,
        lookups: texts,
      }),
    ),
    nameservers: list(object<NameserverInfo>({ address: text, port: amount, source: text })),
    searchDomains: texts,
    resolver: object<ResolverInfo>({
      ndots: amount,
      timeoutMs: amount,
      attempts: amount,
      rotate: flag,
      singleRequest: flag,
      useTcp: flag,
    }),
    trustStore: object<PlanBody['trustStore']>({ files: texts, certificates: amount }),
    credentials: nullable(object<CredentialsInfo>({ source: text, username: text, matches: list(matchShape) })),
    credentialHosts: list(
      object<PlanBody['credentialHosts'][number]>(
        { source: text, hosts: texts, near: list(object<NearKeyInfo>({ key: text, why: text, meant: flag })) },
        ['near'],
      ),
    ),
    pod: podInfoShape,
    knownProxies: list(object<PlanBody['knownProxies'][number]>({ url: text, source: text })),
    sandboxImage: placed(text),
    imageRoot: placed(text),
    problems: list(problemShape),
    probes: list(probeShape, limits.investigationProbes),
    runtime: object<RuntimeInfo>({
      name: maybeText,
      version: maybeText,
      ready: nullable(flag),
      imagePresent: nullable(flag),
      endpoint: maybeText,
    }),
    pull: object<SavedInvestigation['pull']>({ attempted: flag }),
  },
  ['pod', 'sandboxImage', 'imageRoot'],
);
