import { resolve } from 'node:path';
import type { Env } from '../lib/env.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { RuntimeInfo } from '../model/plan.ts';
import type { CredentialPlugins } from '../node/credential-plugins.ts';
import { type HostFiles, hostFiles } from '../node/host-files.ts';
import { type ProxyEnvironment, readProxyEnvironment } from '../node/proxy-environment.ts';
import { type NodeResolver, readResolver } from '../node/resolver.ts';
import { discoverRuntime, type RuntimeChoice } from '../node/runtime-discovery.ts';
import { readTrustStore, type TrustStore } from '../node/trust-store.ts';
import type { CriClient, CriFailure } from '../wire/cri.ts';
import { askRuntime } from './ask-runtime.ts';
import { journalFolders } from './history.ts';
import { type ReadCredentials, readCredentials } from './plan-credentials.ts';
import { type ReadKubelet, readKubelet } from './plan-kubelet.ts';
import type { PlanRequest, RequestError } from './request.ts';

/** What of a plan is the node's, whatever the image: the dear part of it, for whoever plans more than once. */
export interface ReadNode {
  readonly choice: RuntimeChoice;
  readonly runtime: RuntimeInfo;
  readonly silence: CriFailure | null;
  readonly cri: Result<CriClient, CriFailure> | null;
  readonly resolver: NodeResolver;
  readonly credentials: ReadCredentials;
  readonly kubelet: ReadKubelet;
  readonly proxies: ProxyEnvironment;
  readonly trust: TrustStore;
  readonly journals: readonly string[];
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
  /** Runs the kubelet's credential plugins; or why none is run, a clause. Absent: that is not done here. */
  readonly credentialPlugins?: CredentialPlugins | string;
}

/** Reads what does not depend on the image. */
export async function readNode(
  host: HostFiles,
  request: Omit<PlanRequest, 'image' | 'pullPolicy' | 'platform'>,
  planEnv: Pick<PlanEnv, 'env' | 'variables' | 'signal'>,
): Promise<Result<ReadNode, RequestError>> {
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
  const [asked, guessed, kubelet, journals] = await Promise.all([
    askRuntime(host, choice.value, request.runtimeVersion, planEnv),
    readEnvironment(host, choice.value, proxyEnv.value),
    readKubelet(host),
    journalFolders(host),
  ]);
  const { cri, runtime, silence } = asked;
  // Another socket served CRI than the one that was thought to: then it is that runtime's environment that counts.
  const moved = asked.choice !== choice.value;
  const { proxies, trust } = moved ? await readEnvironment(host, asked.choice, proxyEnv.value) : guessed;
  const parts = { choice: asked.choice, runtime, silence, cri, resolver, kubelet, proxies, trust, journals };
  return ok({ ...parts, credentials: credentials.value });
}

/** The runtime's environment, and the trust store that it may move. */
async function readEnvironment(
  host: HostFiles,
  choice: RuntimeChoice,
  overrideText: { readonly text: string; readonly source: string } | null,
): Promise<Pick<ReadNode, 'proxies' | 'trust'>> {
  const { socketPath, name } = choice;
  const proxies = await readProxyEnvironment(host, { socketPath, runtime: planRuntime(name), overrideText });
  const { SSL_CERT_FILE: sslCertFile = null, SSL_CERT_DIR: sslCertDir = null } = proxies.environment;
  return { proxies, trust: await readTrustStore(host, { sslCertFile, sslCertDir }) };
}

/** Whose files are read: an unknown runtime's are taken for containerd's, the most common. */
export function planRuntime(name: string | null): 'containerd' | 'cri-o' {
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
