import { posix } from 'node:path';
import { arrayMember, isRecord, type JsonRecord, recordMember, stringMember } from '../lib/json.ts';
import { clip } from '../lib/limits.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { Secret } from '../lib/secret.ts';
import { parseYaml, type YamlDocument } from '../lib/yaml.ts';
import { scopeServes } from './credential-scope.ts';
import { whyNotExecutable } from './executable.ts';
import { failureWords } from './file-failure.ts';
import { parseGoDuration } from './go-duration.ts';
import { type HostFiles, sourceName } from './host-files.ts';
import type { KubeletConfig } from './kubelet-config.ts';

/** How the kubelet runs a plugin. */
export interface ProviderProgram {
  /** As the node names it. */
  readonly path: string;
  /** Of the request and of the answer: `credentialprovider.kubelet.k8s.io/v1`. */
  readonly apiVersion: string;
  readonly args: readonly string[];
  /** Beside the kubelet's own environment, and before it. */
  readonly env: readonly { readonly name: string; readonly value: Secret }[];
  /** How long an answer is kept that does not say so itself, milliseconds. */
  readonly defaultCacheMs: number;
  /** It is handed a token of the pod's service account, which only the kubelet may ask the API server for. */
  readonly wantsToken: boolean;
}

/** One plugin of the kubelet's configuration. */
export interface CredentialProvider {
  readonly name: string;
  /** Where it stands, with its line. */
  readonly source: string;
  /** Patterns of images that it is asked for. */
  readonly matchImages: readonly string[];
  /** Why the kubelet cannot run it, a sentence; null: nothing shows. */
  readonly problem: string | null;
  readonly program: ProviderProgram;
}

/** The kubelet's credential providers. */
export interface CredentialProviders {
  /** The configuration's file, or the flag that names it. */
  readonly source: string;
  /** Why the kubelet takes none of them, a sentence; null: it does. */
  readonly problem: string | null;
  readonly providers: readonly CredentialProvider[];
}

const kind = 'CredentialProviderConfig';
const group = 'kubelet.config.k8s.io/';
const versions = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `credentialprovider.kubelet.k8s.io/${version}`);

/** Providers that are looked at; clouds bring one, a node with several clouds' registries a handful. */
const maxProviders = 32;

/**
 * The providers that the kubelet's flags name, checked as it checks them at its start (Kubernetes,
 * pkg/credentialprovider/plugin: config.go and RegisterCredentialProviderPlugins, behind which it exits). Null where no
 * flag names any. No plugin is run here (credential-plugin-run.ts does).
 */
export async function readCredentialProviders(
  host: HostFiles,
  config: Pick<KubeletConfig, 'credentialProviderConfig' | 'credentialProviderBinDir'>,
): Promise<CredentialProviders | null> {
  const { credentialProviderConfig: file, credentialProviderBinDir: folder } = config;
  if (file.value === null && folder.value === null) return null;
  const none = (source: string, problem: string) => ({ source, problem: `${problem} ${consequence}`, providers: [] });
  if (file.value === null || folder.value === null) {
    const [there, missing] =
      file.value === null
        ? [folder, '--image-credential-provider-config']
        : [file, '--image-credential-provider-bin-dir'];
    return none(there.source, `${there.source} is set and ${missing} is not.`);
  }
  const bin = await host.info(folder.value);
  const read = await readConfig(host, file.value);
  if (!read.ok && read.error.unknown) return { source: sourceName(file.value), problem: null, providers: [] };
  if (!read.ok) return none(read.error.source, read.error.message);
  // A host root that holds only a part of the node says nothing of the rest.
  const absent = !bin.ok && bin.error.kind === 'absent' && (await host.info(posix.dirname(folder.value))).ok;
  const providers: CredentialProvider[] = [];
  for (const { name, source, matchImages, program } of read.value.slice(0, maxProviders)) {
    const path = posix.join(folder.value, name);
    const why = absent ? 'does not exist' : await whyNotExecutable(host, path);
    const problem = why === null ? null : `the plugin ${path} ${why}, so the kubelet cannot run it.`;
    providers.push({ name, source, matchImages, problem, program: { path, ...program } });
  }
  return { source: sourceName(file.value), problem: null, providers };
}

const consequence =
  'The kubelet does not start so, and where it runs since before, it asks the plugins that it knew then.';

/** The pattern by which a provider is asked for an image (`plugin.go`, isImageAllowed); null: it is not asked. */
export function patternFor(
  { matchImages }: Pick<CredentialProvider, 'matchImages'>,
  image: { readonly domain: string; readonly path: string },
): string | null {
  return matchImages.find((pattern) => scopeServes(pattern, `${image.domain}/${image.path}`)) ?? null;
}

/** A provider before its program is looked at. */
type ReadProvider = Omit<CredentialProvider, 'problem' | 'program'> & {
  readonly program: Omit<ProviderProgram, 'path'>;
};

interface Refused {
  readonly source: string;
  /** A sentence. */
  readonly message: string;
  /** It cannot be looked at from here. */
  readonly unknown: boolean;
}

/** The file, or all `*.json`, `*.yaml` and `*.yml` of the folder in order. */
async function readConfig(host: HostFiles, path: string): Promise<Result<readonly ReadProvider[], Refused>> {
  const names = await host.list(path);
  const files = names.ok
    ? names.value.filter((name) => /\.(?:json|ya?ml)$/.test(name)).map((name) => posix.join(path, name))
    : [path];
  if (files.length === 0) return fail(refused(sourceName(path), 'holds no *.json, *.yaml or *.yml'));
  const providers: ReadProvider[] = [];
  for (const file of files) {
    const source = sourceName(file);
    const text = await host.readText(file);
    if (!text.ok) {
      const certain = text.error.kind === 'absent' && (await host.info(posix.dirname(file))).ok;
      return fail({ ...refused(source, failureWords(text.error)), unknown: !certain });
    }
    const document = parseYaml(text.value, source, '1.1');
    if (!document.ok) return fail(refused(document.error.source, `is not valid YAML: ${document.error.message}`));
    const found = providersOf(document.value, source);
    if (!found.ok) return found;
    providers.push(...found.value);
  }
  const twice = providers.find(({ name }, index) => providers.findIndex((other) => other.name === name) !== index);
  return twice === undefined ? ok(providers) : fail(refused(twice.source, `has the provider ${twice.name} twice`));
}

function providersOf(document: YamlDocument, source: string): Result<readonly ReadProvider[], Refused> {
  const at = (...path: (string | number)[]): string => {
    const line = document.lineOf(path);
    return line === null ? source : `${source}:${line}`;
  };
  const top = document.value;
  if (!isRecord(top)) return fail(refused(source, `is no ${kind}`));
  if (top.kind !== kind) return fail(refused(at('kind'), `must have the kind ${kind}`));
  if (typeof top.apiVersion !== 'string' || !top.apiVersion.startsWith(group))
    return fail(refused(at('apiVersion'), `must have an apiVersion of ${group}`));
  const list = top.providers;
  if (!Array.isArray(list) || list.length === 0) return fail(refused(at('providers'), 'names no provider'));
  const providers: ReadProvider[] = [];
  for (const [index, item] of list.entries()) {
    const where = at('providers', index);
    const provider: unknown = item;
    const wrong = isRecord(provider) ? wrongIn(provider) : 'has a provider that is no mapping';
    if (wrong !== null || !isRecord(provider)) return fail(refused(where, wrong ?? ''));
    const images: readonly unknown[] = Array.isArray(provider.matchImages) ? provider.matchImages : [];
    providers.push({
      name: String(provider.name),
      source: where,
      matchImages: images.filter((image) => typeof image === 'string'),
      program: programOf(provider),
    });
  }
  return ok(providers);
}

/** How a provider is run, by its entry in the configuration (kubelet/config/v1, CredentialProvider). */
function programOf(provider: JsonRecord): ReadProvider['program'] {
  const env = (arrayMember(provider, 'env') ?? []).filter(isRecord);
  const token = recordMember(provider, 'tokenAttributes');
  return {
    apiVersion: stringMember(provider, 'apiVersion') ?? '',
    args: (arrayMember(provider, 'args') ?? []).filter((arg) => typeof arg === 'string'),
    env: env.flatMap((one) => {
      const name = stringMember(one, 'name') ?? '';
      return name === '' ? [] : [{ name, value: new Secret(stringMember(one, 'value') ?? '') }];
    }),
    defaultCacheMs: Math.max(0, parseGoDuration(stringMember(provider, 'defaultCacheDuration') ?? '') ?? 0),
    wantsToken: token !== null && (stringMember(token, 'serviceAccountTokenAudience') ?? '') !== '',
  };
}

/** What the kubelet refuses in a provider (config.go, validateCredentialProviderConfig), as a clause; null: nothing. */
function wrongIn({ name, apiVersion, matchImages, defaultCacheDuration }: JsonRecord): string | null {
  if (typeof name !== 'string' || name === '' || /[/ ]/.test(name) || name === '.' || name === '..')
    return 'has a provider whose name is no file name';
  const shown = clip(name, 100);
  if (typeof apiVersion !== 'string' || !versions.includes(apiVersion))
    return `has the provider ${shown} with an apiVersion that is none of ${versions.join(', ')}`;
  if (!Array.isArray(matchImages) || matchImages.length === 0 || matchImages.some((one) => typeof one !== 'string'))
    return `has the provider ${shown} without a list matchImages`;
  return typeof defaultCacheDuration === 'string' ? null : `has the provider ${shown} without a defaultCacheDuration`;
}

function refused(source: string, clause: string): Refused {
  return { source, message: `${source} ${clause}.`, unknown: false };
}
