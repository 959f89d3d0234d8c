import { originOf } from '../evidence/origin.ts';
import type { ImageReference } from '../image/reference.ts';
import { parseReference } from '../image/reference.ts';
import { ok, type Result } from '../lib/result.ts';
import type { PlanBody, RuntimeInfo } from '../model/plan.ts';
import type { Problem } from '../model/problem.ts';
import { boundedHostFiles } from '../node/bounded-host-files.ts';
import { planContainerd } from '../node/containerd-plan.ts';
import { planCrio } from '../node/crio-plan.ts';
import { planDocker } from '../node/docker-plan.ts';
import { proxyForUrl } from '../node/go-proxy.ts';
import { type HostFiles, hostFiles } from '../node/host-files.ts';
import type { LoadedSettings } from '../node/loaded-settings.ts';
import type { ProxyEnvironment } from '../node/proxy-environment.ts';
import type { NodeResolver } from '../node/resolver.ts';
import type { RuntimeChoice } from '../node/runtime-discovery.ts';
import type { RuntimeEndpoint, RuntimePlan } from '../node/runtime-plan.ts';
import type { TrustStore } from '../node/trust-store.ts';
import type { AskProvider } from '../probes/context.ts';
import type { CriClient, CriFailure } from '../wire/cri.ts';
import {
  type CredentialFiles,
  credentialHosts,
  credentialsFor,
  credentialsInfo,
  type PlannedCredential,
} from './plan-credentials.ts';
import { kubeletFor, providerAsker } from './plan-kubelet.ts';
import { type PlanEnv, planRuntime, type ReadNode, readNode } from './plan-node.ts';
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
  readonly planOther: (image: string) => Promise<PullPlan>;
  readonly credentials: readonly PlannedCredential[];
  /** Where they are from, with the entries for other images. */
  readonly credentialFiles: CredentialFiles;
  /** Asks a credential plugin of the kubelet's; the failure says why none can be asked from here, a clause. */
  readonly askProvider: Result<AskProvider, string>;
  /** The runtime's socket; a failure is a fact about the runtime. Null: there is none to ask. */
  readonly cri: Result<CriClient, CriFailure> | null;
}

/** Reads the node and says what its runtime would do for this image. Nothing is asked on the network; the runtime's socket is. */
export async function planPull(request: PlanRequest, planEnv: PlanEnv): Promise<Result<PullPlan, RequestError>> {
  const host = boundedHostFiles(hostFiles(request.hostRoot));
  const node = await readNode(host, request, planEnv);
  return node.ok ? ok(await planImage(host, node.value, request, planEnv)) : node;
}

/** What a runtime would do for one image on a node that was read before. `host` is that node's. */
export async function planImage(
  host: HostFiles,
  node: ReadNode,
  request: PlanRequest,
  planEnv: Pick<PlanEnv, 'arch' | 'platform' | 'machine' | 'credentialPlugins'>,
): Promise<PullPlan> {
  const { choice, runtime, silence, cri, resolver, credentials, kubelet, proxies, trust, journals } = node;
  const reference = parseReference(request.image);
  const [files, platform] = await Promise.all([
    readRuntimeFiles(host, request, reference.ok ? reference.value : null, runtime, choice, proxies),
    platformInfo(request.platform, host, planEnv, planRuntime(runtime.name)),
  ]);
  const problems: Problem[] = [];
  if (!reference.ok) problems.push(invalidName(reference.error.message));
  // CRI-O's files judge the name once more, in the same words.
  const ofFiles = files.problems.filter(({ cause }) => reference.ok || cause !== 'invalid-image-name');
  problems.push(...credentials.problems, ...ofFiles);
  // These are told for a person to see; whether they matter shows in the probes.
  problems.push(...[...proxies.problems, ...resolver.problems, ...trust.problems, ...kubelet.problems].map(told));

  const image = imageOf(request.image, reference.ok ? reference.value : null, files);
  const matches = credentialsFor(image, credentials.files, files);
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
    credentials: credentialsInfo(matches, request.authFile),
    credentialHosts: credentialHosts(image, credentials.files),
    knownProxies: proxies.known.map(({ address, variable, source }) => ({
      url: address.url,
      source: `${variable} from ${source}`,
    })),
    ...(files.sandboxImage === null
      ? {}
      : { sandboxImage: { value: normalName(files.sandboxImage.reference), source: files.sandboxImage.source } }),
    ...(files.imageRoot === undefined ? {} : { imageRoot: files.imageRoot }),
    problems: once(problems),
  };
  return {
    body,
    runtime,
    runtimeAsked: choice.endpoint !== null,
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
        ? readRuntimeFiles(anew(host), request, reference.value, runtime, choice, proxies, loaded)
        : null,
    planOther: async (other) => {
      const alone = { ...node, cri: null, credentials: { files: { pod: [], node: [] }, problems: [] } };
      const wanted = { ...request, image: other, authFile: null, pullPolicy: 'IfNotPresent' as const };
      return withoutKubelet(await planImage(anew(host), alone, wanted, planEnv));
    },
    credentials: matches,
    credentialFiles: credentials.files,
    askProvider: providerAsker(kubelet.providers, planEnv.credentialPlugins),
    cri,
  };
}

/** The same node's files, with the bound of a plan of its own. */
function anew({ root }: HostFiles): HostFiles {
  return boundedHostFiles(hostFiles(root));
}

/** A name as every runtime completes it, or as it is where it is none. */
function normalName(name: string): string {
  const parsed = parseReference(name);
  return parsed.ok ? parsed.value.normalized : name;
}

/** What the runtime does by itself: it has its own files' credentials alone, and its socket was asked already. */
function withoutKubelet(plan: PullPlan): PullPlan {
  const credentials = plan.credentials.filter(({ sentTo }) => sentTo !== null);
  const shown = plan.body.credentials?.matches.filter(({ sentTo }) => sentTo !== undefined) ?? [];
  const [first] = shown;
  const { sandboxImage: _, pod: ___, kubelet, ...rest } = plan.body;
  const { credentialProviders: __, ...others } = kubelet;
  const body = {
    ...rest,
    kubelet: others,
    credentials: first === undefined ? null : { source: first.source, username: first.username, matches: shown },
    credentialHosts: [],
  };
  return { ...plan, body, credentials, runtimeAsked: false, journals: [] };
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
