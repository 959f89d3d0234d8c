import { fail, ok, type Result } from '../lib/result.ts';
import { withoutTrailing } from '../lib/trailing.ts';
import type { CredentialProvidersInfo, KubeletInfo } from '../model/plan.ts';
import type { Problem } from '../model/problem.ts';
import type { CredentialPlugins } from '../node/credential-plugins.ts';
import type { CredentialProviders } from '../node/credential-provider.ts';
import { type HostFiles, sourceName } from '../node/host-files.ts';
import type { AskProvider } from '../probes/context.ts';

/** What the kubelet's files say, before the image is known. */
export interface ReadKubelet {
  readonly info: Omit<KubeletInfo, 'credentialProviders'>;
  readonly providers: CredentialProviders | null;
  readonly problems: readonly Problem[];
}

/** The kubelet's settings. Its YAML reader is loaded here, beside the other reading, not at the start. */
export async function readKubelet(host: HostFiles): Promise<ReadKubelet> {
  const { readKubeletConfig } = await import('../node/kubelet-config.ts');
  const config = await readKubeletConfig(host);
  const { serializeImagePulls, maxParallelImagePulls, registryPullQPS, registryBurst } = config;
  const { imagePullCredentialsVerificationPolicy, preloadedImagesVerificationAllowlist: allowed, problems } = config;
  const { imageGCHighThresholdPercent: collects } = config;
  const named = config.credentialProviderConfig.value !== null || config.credentialProviderBinDir.value !== null;
  const providers = named
    ? await (await import('../node/credential-provider.ts')).readCredentialProviders(host, config)
    : null;
  const records = `${withoutTrailing(config.rootDirectory.value, '/')}/image_manager`;
  const kept = (await host.info(records)).ok;
  const info = {
    serializeImagePulls,
    maxParallelImagePulls,
    registryPullQPS,
    registryBurst,
    imagePullCredentialsVerificationPolicy,
    ...(allowed.source === 'default' ? {} : { preloadedImagesVerificationAllowlist: allowed }),
    ...(collects.source === 'default' ? {} : { imageGCHighThresholdPercent: collects }),
    ...(kept ? { pullRecords: sourceName(records) } : {}),
  };
  return { info, providers, problems };
}

/** How a plan asks the kubelet's credential plugins by name. */
export function providerAsker(
  providers: CredentialProviders | null,
  plugins: CredentialPlugins | string | undefined,
): Result<AskProvider, string> {
  if (plugins === undefined || typeof plugins === 'string') return fail(plugins ?? 'Pullwhy does not run it here');
  return ok(async (name, image, bounds) => {
    const provider = providers?.providers.find((one) => one.name === name);
    return provider === undefined ? null : plugins.ask(provider, image, bounds);
  });
}

/** The same for one image: which providers are asked for it. */
export async function kubeletFor(
  { info, providers }: ReadKubelet,
  image: { readonly registry: string | null; readonly repository: string | null },
): Promise<KubeletInfo> {
  if (providers === null) return info;
  const { patternFor } = await import('../node/credential-provider.ts');
  const { registry, repository } = image;
  const target = registry === null || repository === null ? null : { domain: registry, path: repository };
  const credentialProviders: CredentialProvidersInfo = {
    source: providers.source,
    problem: providers.problem,
    providers: providers.providers.map((provider) => ({
      name: provider.name,
      source: provider.source,
      pattern: target === null ? null : patternFor(provider, target),
      matchImages: provider.matchImages.slice(0, 32),
      problem: provider.problem,
    })),
  };
  return { ...info, credentialProviders };
}
