import { pluginsFor } from '../evidence/credential-plugin.ts';
import type { CredentialsFacts, PluginFacts } from '../model/credentials-facts.ts';
import { matchMergedCredentials } from '../node/credential-keyring.ts';
import type { CredentialFile } from '../node/credentials.ts';
import type { AskProvider, ProbeCredential } from './context.ts';
import { credentialInfo } from './credential-info.ts';
import type { Probe, ProbeInput } from './probe.ts';

/** A plugin of the kubelet's that is asked for the image. */
export interface AskedPlugin {
  readonly name: string;
  readonly source: string;
}

interface CredentialsInput extends ProbeInput {
  readonly image: { readonly domain: string; readonly path: string };
  readonly plugins: readonly AskedPlugin[];
}

/**
 * The kubelet waits a minute for a plugin; here the rest of the investigation waits for it. One that takes longer is not
 * known to fail.
 */
const patienceMs = 5000;

/** Asks the kubelet's credential plugins for this image, as the kubelet does before it pulls. */
export const credentialsProbe: Probe<'credentials', CredentialsInput> = {
  kind: 'credentials',
  title: "Kubelet's credential plugins",
  cost: 'network',
  budgetMs: patienceMs + 500,
  proves: {
    ok: 'the plugins answer, with credentials or with none for this image',
    failed: 'a plugin fails, so that the kubelet pulls without what it should give',
  },
  inputs: (view) => {
    const { registry, repository } = view.plan.image;
    const plugins = pluginsFor(view).unknown.map(({ name, source }) => ({ name, source }));
    if (plugins.length === 0 || registry === null || repository === null) return [];
    const target = plugins.map(({ name }) => name).join(', ');
    const input = { hop: 'node' as const, endpoint: null, counterfactual: false };
    return [{ key: 'credentials', target, ...input, image: { domain: registry, path: repository }, plugins }];
  },
  run: async ({ image, plugins }, context, signal) => {
    const { askProvider, vault } = context;
    if (!askProvider.ok) return { status: 'skipped', message: `Not tried: ${askProvider.error}.` };
    const bounds = { timeoutMs: context.patience(patienceMs), signal };
    const asked = await askPlugins(askProvider.value, plugins, image, bounds);
    vault.plugins.push(...asked.credentials);
    const failed = asked.facts.plugins.find(({ outcome }) => outcome === 'failed');
    if (failed === undefined) return { status: 'ok', error: null, facts: asked.facts };
    const words = failed.stderr === '' ? '' : `: ${failed.stderr}`;
    return {
      status: 'failed',
      error: { code: 'rpc', message: `${failed.name} ${failed.why ?? 'fails'}${words}` },
      facts: asked.facts,
    };
  },
};

/** What the plugins gave: to be shown, and to be sent. */
export interface AskedPlugins {
  readonly facts: CredentialsFacts;
  readonly credentials: readonly ProbeCredential[];
}

/**
 * Asks all of them at once; the kubelet asks one after the other. Their answers make one keyring, in which keys are sorted
 * whichever plugin they come from (Kubernetes, pkg/credentialprovider/plugin/plugins.go, Lookup).
 */
export async function askPlugins(
  ask: AskProvider,
  plugins: readonly AskedPlugin[],
  image: { readonly domain: string; readonly path: string },
  bounds: Parameters<AskProvider>[2],
): Promise<AskedPlugins> {
  const name = `${image.domain}/${image.path}`;
  const answers = await Promise.all(
    plugins.map(async (plugin) => ({ plugin, answer: await ask(plugin.name, name, bounds) })),
  );
  const files: CredentialFile[] = [];
  const told = answers.map(({ plugin, answer }): PluginFacts => {
    const none = {
      ...plugin,
      exitCode: null,
      stderr: '',
      cached: false,
      cacheKeyType: null,
      cacheSeconds: null,
      keys: [],
    };
    if (answer === null) return { ...none, outcome: 'not-run', why: 'is not known' };
    if (!answer.ok) {
      const { kind, what, exitCode, stderr } = answer.error;
      // What was cut off is not known to fail.
      const outcome = kind === 'cut' ? ('not-run' as const) : ('failed' as const);
      return { ...none, outcome, why: what, exitCode, stderr };
    }
    const { file, cacheKeyType, cacheMs, cached } = answer.value;
    files.push(file);
    const keys = file.hosts.slice(0, maxKeys);
    return {
      ...none,
      outcome: 'answered',
      why: null,
      exitCode: 0,
      cached,
      cacheKeyType,
      cacheSeconds: cacheMs / 1000,
      keys,
    };
  });
  const matches = matchMergedCredentials(files, image);
  const credentials = matches.map((match) => ({ ...match, ofPod: false, sentTo: null }));
  return { facts: { image: name, plugins: told, matches: credentials.map(credentialInfo) }, credentials };
}

/** Registries of one answer that are shown. */
const maxKeys = 32;
