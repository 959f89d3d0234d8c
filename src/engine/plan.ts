import { originOf } from '../evidence/origin.ts';
import { acceptedPlatforms, armVariant, formatPlatform, hostPlatform, parsePlatform } from '../image/platform.ts';
import type { ImageReference } from '../image/reference.ts';
import { parseReference } from '../image/reference.ts';
import type { Env } from '../lib/env.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { PlanBody, PlatformInfo, PolicyInfo, RuntimeInfo } from '../model/plan.ts';
import type { Problem } from '../model/problem.ts';
import { planContainerd } from '../node/containerd-plan.ts';
import {
  type CredentialFile,
  type CredentialMatch,
  matchMergedCredentials,
  readCredentialFile,
  readNodeCredentials,
} from '../node/credentials.ts';
import { planCrio } from '../node/crio-plan.ts';
import { proxyForUrl } from '../node/go-proxy.ts';
import { type HostFiles, hostFiles } from '../node/host-files.ts';
import { type ProxyEnvironment, readProxyEnvironment } from '../node/proxy-environment.ts';
import { lookupNames, type NodeResolver, readResolver } from '../node/resolver.ts';
import { discoverRuntime, type RuntimeChoice } from '../node/runtime-discovery.ts';
import type { RuntimeEndpoint, RuntimePlan } from '../node/runtime-plan.ts';
import { readTrustStore, type TrustStore } from '../node/trust-store.ts';
import { type CriClient, type CriFailure, openCri } from '../wire/cri.ts';
import type { PlanRequest, RequestError } from './request.ts';
import { configFileOf } from './runtime-arguments.ts';

/** The plan as shown, and what must not be shown: keys, passwords, trust. */
export interface PullPlan {
  readonly body: PlanBody;
  readonly runtime: RuntimeInfo;
  /** A socket was given or is present, so its silence counts. */
  readonly runtimeAsked: boolean;
  readonly host: HostFiles;
  readonly resolver: NodeResolver;
  readonly proxies: ProxyEnvironment;
  readonly trust: TrustStore;
  readonly endpoints: readonly RuntimeEndpoint[];
  readonly credentials: readonly CredentialMatch[];
  /** The runtime's socket; a failure is a fact about the runtime. Null: there is none to ask. */
  readonly cri: Result<CriClient, CriFailure> | null;
}

/** What planning needs from outside. */
export interface PlanEnv {
  readonly env: Env;
  /** Of this process: only PULLWHY_RUNTIME_ENDPOINT is read. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly arch: string;
  readonly platform: string;
  /** `uname -m`. */
  readonly machine: string;
  readonly signal: AbortSignal;
}

const criConnectMs = 2000;

/** Reads the node and says what its runtime would do for this image. Nothing is asked on the network; the runtime's socket is. */
export async function planPull(request: PlanRequest, planEnv: PlanEnv): Promise<Result<PullPlan, RequestError>> {
  const host = hostFiles(request.hostRoot);
  const [choice, resolver, credentials, proxyEnv] = await Promise.all([
    discoverRuntime(host, {
      endpoint: request.runtimeEndpoint,
      runtime: request.runtime,
      env: planEnv.variables,
    }),
    readResolver(host, request.nameservers.length === 0 ? {} : { nameservers: request.nameservers }),
    readCredentials(request, host),
    readProxyEnvFile(request.proxyEnvFile),
  ]);
  if (!choice.ok) return fail({ flag: '-r', message: choice.error.message });
  if (!credentials.ok) return credentials;
  if (!proxyEnv.ok) return proxyEnv;

  const [cri, proxies] = await Promise.all([
    connect(choice.value, planEnv),
    readProxyEnvironment(host, {
      socketPath: choice.value.socketPath,
      runtime: planRuntime(choice.value.name),
      overrideText: proxyEnv.value,
    }),
  ]);
  const runtime = await runtimeInfo(choice.value, cri, request, planEnv.signal);
  const reference = parseReference(request.image);
  const [trust, files, platform] = await Promise.all([
    readTrustStore(host, {
      sslCertFile: proxies.environment.SSL_CERT_FILE ?? null,
      sslCertDir: proxies.environment.SSL_CERT_DIR ?? null,
    }),
    readRuntimeFiles(host, request, reference.ok ? reference.value : null, runtime, choice.value, proxies),
    platformInfo(request.platform, host, planEnv, runtime.name),
  ]);
  const problems: Problem[] = [];
  if (!reference.ok) problems.push(invalidName(reference.error.message));
  problems.push(
    ...credentials.value.problems,
    ...files.problems,
    ...proxies.problems,
    ...resolver.problems,
    ...trust.problems,
  );

  const image = imageOf(request.image, reference.ok ? reference.value : null, files);
  const matches = credentialsFor(image, credentials.value.files, files);
  const endpoints = files.endpoints.map(({ info }) => {
    const origin = originOf(info.url);
    const decision = origin === null ? null : proxyForUrl(proxies.settings, origin);
    if (decision?.problem !== null && decision?.problem !== undefined) problems.push(decision.problem);
    return { ...info, proxy: decision?.proxy?.url ?? null, proxyReason: decision?.reason ?? 'no usable URL' };
  });
  const body: PlanBody = {
    image,
    platform,
    shortName: files.shortName,
    pullPolicy: policyOf(request.pullPolicy, reference.ok ? reference.value : null),
    endpoints,
    hosts: hostsOf(endpoints, resolver),
    nameservers: resolver.nameservers,
    searchDomains: resolver.searchDomains,
    resolver: resolver.resolver,
    trustStore: { files: trust.files, certificates: trust.certificates },
    credentials: matches[0] === undefined ? null : credentialsInfo(matches, matches[0], request.authFile),
    credentialHosts: credentials.value.files
      .map(({ source, hosts }) => ({ source, hosts }))
      .filter(({ hosts }) => hosts.length > 0),
    knownProxies: proxies.known.map(({ address, variable, source }) => ({
      url: address.url,
      source: `${variable} from ${source}`,
    })),
    problems: once(problems),
  };
  return ok({
    body,
    runtime,
    runtimeAsked: choice.value.endpoint !== null,
    host,
    resolver,
    proxies,
    trust,
    endpoints: files.endpoints,
    credentials: matches,
    cri,
  });
}

async function connect(choice: RuntimeChoice, { env, signal }: PlanEnv): Promise<Result<CriClient, CriFailure> | null> {
  if (choice.endpoint === null) return null;
  return openCri(choice.endpoint, { env, connectTimeoutMs: criConnectMs, callTimeoutMs: criConnectMs, signal });
}

async function runtimeInfo(
  choice: RuntimeChoice,
  cri: Result<CriClient, CriFailure> | null,
  request: PlanRequest,
  signal: AbortSignal,
): Promise<RuntimeInfo> {
  const base = { ready: null, imagePresent: null, endpoint: choice.endpoint };
  if (cri?.ok === true) {
    const version = await cri.value.version(signal);
    if (version.ok) return { ...base, name: version.value.runtimeName, version: version.value.runtimeVersion };
  }
  return { ...base, name: choice.name, version: request.runtimeVersion };
}

async function readRuntimeFiles(
  host: HostFiles,
  request: PlanRequest,
  reference: ImageReference | null,
  runtime: RuntimeInfo,
  choice: RuntimeChoice,
  proxies: ProxyEnvironment,
): Promise<RuntimePlan> {
  const { version } = runtime;
  if (planRuntime(runtime.name) === 'cri-o') return planCrio(host, request.image, { version });
  if (reference === null) {
    return {
      runtime: 'containerd',
      files: [],
      endpoints: [],
      shortName: null,
      credentials: [],
      sandboxImage: null,
      problems: [],
    };
  }
  const configFile = (await configFileOf(host, proxies.process?.pid ?? null)) ?? choice.configFile;
  return planContainerd(host, reference, { version, configFile });
}

/** Whose files are read: an unknown runtime's are taken for containerd's, the most common. */
function planRuntime(name: string | null): 'containerd' | 'cri-o' {
  return name === 'cri-o' || name === 'crio' ? 'cri-o' : 'containerd';
}

interface ReadCredentials {
  /** The pod's first, then the node's own, as the kubelet asks them. */
  readonly files: readonly CredentialFile[];
  readonly problems: readonly Problem[];
}

async function readCredentials(request: PlanRequest, host: HostFiles): Promise<Result<ReadCredentials, RequestError>> {
  const node = await readNodeCredentials(host);
  if (request.authFile === null) return ok({ files: node, problems: [] });
  const given = await readCredentialFile(request.authFile);
  if (given.ok) return ok({ files: [given.value, ...node], problems: [] });
  const { kind, message, source } = given.error;
  if (kind === 'absent' || kind === 'denied' || kind === 'unreadable') return fail({ flag: '--auth-file', message });
  return ok({ files: node, problems: [{ severity: 'error', cause: 'pull-secret-invalid', source, message }] });
}

async function readProxyEnvFile(
  path: string | null,
): Promise<Result<{ text: string; source: string } | null, RequestError>> {
  if (path === null) return ok(null);
  const { resolve } = await import('node:path');
  const text = await hostFiles('/').readText(resolve(path));
  if (text.ok) return ok({ text: text.value, source: path });
  return fail({ flag: '--proxy-env', message: `The file ${path} cannot be read (${text.error.kind}).` });
}

/** The kubelet's matches: the pod's keyring, then the node's; the runtime's own only when the request carries none. */
function credentialsFor(
  image: PlanBody['image'],
  files: readonly CredentialFile[],
  runtime: RuntimePlan,
): readonly CredentialMatch[] {
  if (image.registry === null || image.repository === null) return [];
  const target = { domain: image.registry, path: image.repository };
  const pod = files.slice(0, 1);
  const matches = [...matchMergedCredentials(pod, target), ...matchMergedCredentials(files.slice(1), target)];
  if (matches.length > 0) return matches;
  const hosts = new Set([image.registry, ...runtime.endpoints.map(({ info }) => originHost(info.url))]);
  return runtime.credentials
    .filter(({ host }) => hosts.has(host))
    .map(({ host, source, username, password }) => ({
      key: host,
      source,
      username,
      password,
      identityToken: null,
      registryToken: null,
    }));
}

function credentialsInfo(
  matches: readonly CredentialMatch[],
  first: CredentialMatch,
  authFile: string | null,
): NonNullable<PlanBody['credentials']> {
  return {
    source: first.source === authFile ? '--auth-file' : first.source,
    username: first.username,
    matches: matches.map(({ key, source, username }) => ({ key, source, username })),
  };
}

function imageOf(input: string, reference: ImageReference | null, files: RuntimePlan): PlanBody['image'] {
  // CRI-O turns a short name into another than Docker's docker.io/library/NAME.
  const candidate = files.shortName?.candidates[0];
  const resolved = candidate === undefined ? null : parseReference(candidate);
  const from = resolved?.ok === true ? resolved.value : reference;
  if (from === null || (files.shortName !== null && candidate === undefined)) {
    return { input, normalized: null, registry: null, repository: null, tag: null, digest: null };
  }
  return {
    input,
    normalized: from.normalized,
    registry: from.domain,
    repository: from.path,
    tag: from.tag,
    digest: from.digest,
  };
}

async function platformInfo(
  given: string | null,
  host: HostFiles,
  { arch, platform, machine }: PlanEnv,
  runtime: string | null,
): Promise<PlatformInfo> {
  const rules = planRuntime(runtime);
  const parsed = given === null ? null : parsePlatform(given);
  if (given !== null && parsed?.ok === true) {
    return { input: given, normalized: formatPlatform(parsed.value), accepts: acceptedPlatforms(parsed.value, rules) };
  }
  const variant = arch === 'arm' ? armVariant(await cpuinfo(host), machine) : null;
  const own = hostPlatform(arch, platform, variant);
  return { input: formatPlatform(own), normalized: formatPlatform(own), accepts: acceptedPlatforms(own, rules) };
}

async function cpuinfo(host: HostFiles): Promise<string> {
  const text = await host.readText('/proc/cpuinfo');
  return text.ok ? text.value : '';
}

/** The kubelet's default: Always for `latest` and no tag, IfNotPresent for any other tag or a digest (pkg/apis/core/v1/defaults.go). */
function policyOf(given: PolicyInfo['policy'] | null, reference: ImageReference | null): PolicyInfo {
  if (given !== null) return { policy: given, source: '--pull-policy' };
  const latest = reference !== null && reference.digest === null && reference.tag === 'latest';
  return latest
    ? { policy: 'Always', source: 'the default for the tag latest' }
    : { policy: 'IfNotPresent', source: 'the default for a tag other than latest, or a digest' };
}

/** Every party that the plan knows: the endpoints' hosts, and the proxies that are used to reach them. */
function hostsOf(endpoints: PlanBody['endpoints'], resolver: NodeResolver): PlanBody['hosts'] {
  const hosts = new Map<string, PlanBody['hosts'][number]>();
  const add = (url: string, proxy: string | null, proxyReason: string): void => {
    const origin = originOf(url);
    if (origin === null) return;
    const key = `${origin.scheme} ${origin.host} ${origin.port}`;
    if (!hosts.has(key)) hosts.set(key, { ...origin, proxy, proxyReason, lookups: lookupNames(resolver, origin.host) });
  };
  for (const { url, proxy, proxyReason } of endpoints) add(url, proxy, proxyReason);
  for (const { proxy } of endpoints) if (proxy !== null) add(proxy, null, 'it is the proxy');
  return [...hosts.values()];
}

function originHost(url: string): string {
  return URL.canParse(url) ? new URL(url).host : '';
}

function invalidName(message: string): Problem {
  return { severity: 'error', cause: 'invalid-image-name', source: 'IMAGE', message };
}

function once(problems: readonly Problem[]): Problem[] {
  const seen = new Set<string>();
  return problems.filter(({ source, message }) => {
    const key = `${source} ${message}`;
    return seen.has(key) ? false : Boolean(seen.add(key));
  });
}
