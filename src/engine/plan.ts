import { resolve } from 'node:path';
import { originOf } from '../evidence/origin.ts';
import type { ImageReference } from '../image/reference.ts';
import { parseReference } from '../image/reference.ts';
import type { Env } from '../lib/env.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { PlanBody, RuntimeInfo } from '../model/plan.ts';
import type { Problem } from '../model/problem.ts';
import { boundedHostFiles } from '../node/bounded-host-files.ts';
import { planContainerd } from '../node/containerd-plan.ts';
import { planCrio } from '../node/crio-plan.ts';
import { planDocker } from '../node/docker-plan.ts';
import { proxyForUrl } from '../node/go-proxy.ts';
import { type HostFiles, hostFiles } from '../node/host-files.ts';
import type { LoadedSettings } from '../node/loaded-settings.ts';
import { type ProxyEnvironment, readProxyEnvironment } from '../node/proxy-environment.ts';
import { type NodeResolver, readResolver } from '../node/resolver.ts';
import { discoverRuntime, type RuntimeChoice } from '../node/runtime-discovery.ts';
import type { RuntimeEndpoint, RuntimePlan } from '../node/runtime-plan.ts';
import { readTrustStore, type TrustStore } from '../node/trust-store.ts';
import type { CriClient, CriFailure } from '../wire/cri.ts';
import { askRuntime } from './ask-runtime.ts';
import { journalFolders } from './history.ts';
import {
  credentialHosts,
  credentialsFor,
  credentialsInfo,
  type PlannedCredential,
  readCredentials,
} from './plan-credentials.ts';
import { kubeletFor, readKubelet } from './plan-kubelet.ts';
import { hostsOf, imageOf, platformInfo, policyOf } from './plan-parts.ts';
import type { PlanRequest, RequestError } from './request.ts';
import { configFileOf } from './runtime-arguments.ts';

/** The plan as shown, and what must not be shown: keys, passwords, trust. */
export interface PullPlan {
  readonly body: PlanBody;
  readonly runtime: RuntimeInfo;
  /** A socket was given or is present, so its silence counts. */
  readonly runtimeAsked: boolean;
  /** Why it did not say who it is, so that files alone tell; null when it did, or when there is none to ask. */
  readonly silence: CriFailure | null;
  readonly host: HostFiles;
  /** Journal folders that exist, as the node names them. */
  readonly journals: readonly string[];
  readonly resolver: NodeResolver;
  readonly proxies: ProxyEnvironment;
  readonly trust: TrustStore;
  readonly endpoints: readonly RuntimeEndpoint[];
  /** What the runtime's files say, of which `endpoints` are part. */
  readonly files: RuntimePlan;
  /** What the running runtime would do by settings that it has loaded; null for one whose files are not containerd's. */
  readonly planLoaded: (loaded: LoadedSettings) => Promise<RuntimePlan | null>;
  /** The plan for an image that the runtime pulls by itself: without anybody's pull secret, and asked of nobody else. */
  readonly planOther: (image: string) => Promise<Result<PullPlan, RequestError>>;
  readonly credentials: readonly PlannedCredential[];
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

/** Reads the node and says what its runtime would do for this image. Nothing is asked on the network; the runtime's socket is. */
export async function planPull(request: PlanRequest, planEnv: PlanEnv): Promise<Result<PullPlan, RequestError>> {
  const host = boundedHostFiles(hostFiles(request.hostRoot));
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
  if (!choice.ok) return fail({ flag: choice.error.given, message: choice.error.message });
  if (!credentials.ok) return credentials;
  if (!proxyEnv.ok) return proxyEnv;

  // While the runtime is asked, what does not depend on its answer is read.
  const [asked, guessed, kubelet] = await Promise.all([
    askRuntime(host, choice.value, request.runtimeVersion, planEnv),
    readEnvironment(host, choice.value, proxyEnv.value),
    readKubelet(host),
  ]);
  const { cri, runtime, silence } = asked;
  // Another socket served CRI than the one that was thought to: then it is that runtime's environment that counts.
  const moved = asked.choice !== choice.value;
  const { proxies, trust } = moved ? await readEnvironment(host, asked.choice, proxyEnv.value) : guessed;
  const reference = parseReference(request.image);
  const [files, platform, journals] = await Promise.all([
    readRuntimeFiles(host, request, reference.ok ? reference.value : null, runtime, asked.choice, proxies),
    platformInfo(request.platform, host, planEnv, planRuntime(runtime.name)),
    journalFolders(host),
  ]);
  const problems: Problem[] = [];
  if (!reference.ok) problems.push(invalidName(reference.error.message));
  // CRI-O's files judge the name once more, in the same words.
  const ofFiles = files.problems.filter(({ cause }) => reference.ok || cause !== 'invalid-image-name');
  problems.push(...credentials.value.problems, ...ofFiles);
  // These are told for a person to see; whether they matter shows in the probes.
  problems.push(...[...proxies.problems, ...resolver.problems, ...trust.problems, ...kubelet.problems].map(told));

  const image = imageOf(request.image, reference.ok ? reference.value : null, files);
  const matches = credentialsFor(image, credentials.value.files, files, request.authFile);
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
    kubelet: await kubeletFor(kubelet, image),
    pullPolicy: policyOf(request.pullPolicy, reference.ok ? reference.value : null),
    endpoints,
    hosts: hostsOf(endpoints, resolver),
    nameservers: resolver.nameservers,
    searchDomains: resolver.searchDomains,
    resolver: resolver.resolver,
    trustStore: { files: trust.files, certificates: trust.certificates },
    credentials: matches[0] === undefined ? null : credentialsInfo(matches, matches[0], request.authFile),
    credentialHosts: credentialHosts(image, credentials.value.files, request.authFile),
    knownProxies: proxies.known.map(({ address, variable, source }) => ({
      url: address.url,
      source: `${variable} from ${source}`,
    })),
    ...(files.sandboxImage === null
      ? {}
      : { sandboxImage: { value: files.sandboxImage.reference, source: files.sandboxImage.source } }),
    ...(files.imageRoot === undefined ? {} : { imageRoot: files.imageRoot }),
    problems: once(problems),
  };
  return ok({
    body,
    runtime,
    runtimeAsked: asked.choice.endpoint !== null,
    silence,
    host,
    journals,
    resolver,
    proxies,
    trust,
    endpoints: files.endpoints,
    files,
    planLoaded: async (loaded) =>
      files.runtime === 'containerd' && reference.ok
        ? readRuntimeFiles(host, request, reference.value, runtime, asked.choice, proxies, loaded)
        : null,
    planOther: async (other) => {
      const made = await planPull({ ...request, image: other, authFile: null, pullPolicy: 'IfNotPresent' }, planEnv);
      return made.ok ? ok(withoutKubelet(made.value)) : made;
    },
    credentials: matches,
    cri,
  });
}

/** What the runtime does by itself: it has its own files' credentials alone, and its socket was asked already. */
function withoutKubelet(plan: PullPlan): PullPlan {
  const credentials = plan.credentials.filter(({ sentTo }) => sentTo !== null);
  const shown = plan.body.credentials?.matches.filter(({ sentTo }) => sentTo !== undefined) ?? [];
  const [first] = shown;
  const { sandboxImage: _, ...rest } = plan.body;
  const body = {
    ...rest,
    credentials: first === undefined ? null : { source: first.source, username: first.username, matches: shown },
    credentialHosts: [],
  };
  return { ...plan, body, credentials, runtimeAsked: false, journals: [] };
}

/** The runtime's environment, and the trust store that it may move. */
async function readEnvironment(
  host: HostFiles,
  choice: RuntimeChoice,
  overrideText: { readonly text: string; readonly source: string } | null,
): Promise<Pick<PullPlan, 'proxies' | 'trust'>> {
  const { socketPath, name } = choice;
  const proxies = await readProxyEnvironment(host, { socketPath, runtime: planRuntime(name), overrideText });
  const { SSL_CERT_FILE: sslCertFile = null, SSL_CERT_DIR: sslCertDir = null } = proxies.environment;
  return { proxies, trust: await readTrustStore(host, { sslCertFile, sslCertDir }) };
}

async function readRuntimeFiles(
  host: HostFiles,
  request: PlanRequest,
  reference: ImageReference | null,
  runtime: RuntimeInfo,
  choice: RuntimeChoice,
  proxies: ProxyEnvironment,
  loaded: LoadedSettings | null = null,
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
  if (runtime.name === 'cri-dockerd' || runtime.name === 'docker') return planDocker(host, reference);
  // The choice's file is another runtime's when the one that answers is not the one that its socket's name tells.
  const usual = choice.name === 'containerd' ? choice.configFile : null;
  const configFile = (await configFileOf(host, proxies.process?.pid ?? null)) ?? usual;
  return planContainerd(host, reference, { version, configFile, loaded });
}

/** Whose files are read: an unknown runtime's are taken for containerd's, the most common. */
function planRuntime(name: string | null): 'containerd' | 'cri-o' {
  return name === 'cri-o' || name === 'crio' ? 'cri-o' : 'containerd';
}

async function readProxyEnvFile(
  path: string | null,
): Promise<Result<{ text: string; source: string } | null, RequestError>> {
  if (path === null) return ok(null);
  const text = await hostFiles('/').readText(resolve(path));
  if (text.ok) return ok({ text: text.value, source: path });
  return fail({ flag: '--proxy-env', message: `The file ${path} cannot be read (${text.error.kind}).` });
}

/** A warning that does not make the verdict worse by itself. */
function told(problem: Problem): Problem {
  return problem.severity === 'warning' ? { ...problem, harmless: true } : problem;
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
