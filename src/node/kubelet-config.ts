import { posix } from 'node:path';
import { isRecord } from '../lib/json.ts';
import { parseYaml, type YamlDocument } from '../lib/yaml.ts';
import type { Problem } from '../model/problem.ts';
import { type HostFiles, sourceName } from './host-files.ts';
import { type KubeletFlags, readKubeletFlags, type Setting } from './kubelet-flags.ts';

export type { Setting } from './kubelet-flags.ts';

/** When the kubelet demands credentials for an image that is on the node already (KEP-2535). */
export const verificationPolicies = [
  'NeverVerify',
  'NeverVerifyPreloadedImages',
  'NeverVerifyAllowlistedImages',
  'AlwaysVerify',
] as const;

/** One of `verificationPolicies`. */
export type VerificationPolicy = (typeof verificationPolicies)[number];

/** What of the kubelet's configuration decides over image pulls, with the defaults of Kubernetes 1.36. */
export interface KubeletConfig {
  /** Every file that was read, below the host root, in the order in which later ones win. */
  readonly files: readonly string[];
  /** True: one pull at a time on the node. */
  readonly serializeImagePulls: Setting<boolean>;
  /** Null: no limit; counts only when pulls are not serialized. */
  readonly maxParallelImagePulls: Setting<number | null>;
  /** Pulls a second; 0: no limit. */
  readonly registryPullQPS: Setting<number>;
  readonly registryBurst: Setting<number>;
  readonly imagePullCredentialsVerificationPolicy: Setting<VerificationPolicy>;
  readonly preloadedImagesVerificationAllowlist: Setting<readonly string[]>;
  /** Use of the image file system, percent, from which on it removes images; 100: never. */
  readonly imageGCHighThresholdPercent: Setting<number>;
  /** The runtime's own endpoint unless set. */
  readonly imageServiceEndpoint: Setting<string>;
  readonly containerRuntimeEndpoint: Setting<string>;
  /** The kubelet's `--root-dir`. */
  readonly rootDirectory: Setting<string>;
  /** The configuration of credential provider plugins; null when there is none. */
  readonly credentialProviderConfig: Setting<string | null>;
  readonly credentialProviderBinDir: Setting<string | null>;
  readonly problems: readonly Problem[];
}

/** One file of the kubelet's configuration, parsed. */
export interface KubeletConfigFile {
  readonly source: string;
  readonly document: YamlDocument;
}

const usualConfig = '/var/lib/kubelet/config.yaml';

/** Where k3s and RKE2 keep the drop-ins of the kubelet within them, whose flags show in no process of its own. */
const embeddedFolders = [
  '/var/lib/rancher/k3s/agent/etc/kubelet.conf.d',
  '/var/lib/rancher/rke2/agent/etc/kubelet.conf.d',
] as const;

/**
 * Reads the kubelet's configuration: `--config` (kubeadm's var/lib/kubelet/config.yaml), then the `*.conf` of
 * `--config-dir` in order of their names, then its flags, each over those before (cmd/kubelet/app/server.go). The flags
 * are found by `readKubeletFlags` unless given.
 */
export async function readKubeletConfig(host: HostFiles, flags?: KubeletFlags): Promise<KubeletConfig> {
  const known = flags ?? (await readKubeletFlags(host));
  const paths = [known.get('config')?.value ?? usualConfig];
  const folder = known.get('config-dir')?.value;
  for (const each of folder === undefined ? embeddedFolders : [folder]) {
    const names = await host.list(each);
    for (const name of names.ok ? names.value : []) {
      if (posix.extname(name) === '.conf') paths.push(posix.join(each, name));
    }
  }
  const files: KubeletConfigFile[] = [];
  const problems: Problem[] = [];
  for (const path of paths) {
    const source = sourceName(path);
    const text = await host.readText(path);
    if (!text.ok) {
      if (text.error.kind !== 'absent')
        problems.push(misread(source, `${source} could not be read (${text.error.kind}).`));
      continue;
    }
    const document = parseYaml(text.value, source, '1.1');
    if (document.ok) files.push({ source, document: document.value });
    else
      problems.push(
        misread(
          document.error.source,
          `${source} is not valid YAML: ${document.error.message}. The kubelet does not start with it.`,
        ),
      );
  }
  const config = kubeletConfig(files, known);
  return { ...config, problems: [...problems, ...config.problems] };
}

/** What files and flags add up to; pure. */
export function kubeletConfig(files: readonly KubeletConfigFile[], flags: KubeletFlags): KubeletConfig {
  const problems: Problem[] = [];
  /** The last file that sets the key, or the flag; null where nothing does. A null in a drop-in takes the value back. */
  function find(key: string, flag: string | null): (Setting<unknown> & { readonly isFlag: boolean }) | null {
    const given = flag === null ? undefined : flags.get(flag);
    if (given !== undefined) return { ...given, isFlag: true };
    for (const { source, document } of files.toReversed()) {
      if (!isRecord(document.value) || !Object.hasOwn(document.value, key)) continue;
      const value = document.value[key];
      const line = document.lineOf([key]);
      return value === null ? null : { value, source: line === null ? source : `${source}:${line}`, isFlag: false };
    }
    return null;
  }
  function read<T>(
    key: string,
    flag: string | null,
    fallback: T,
    wanted: string,
    check: (value: unknown, isFlag: boolean) => T | undefined,
  ): Setting<T> {
    const found = find(key, flag);
    if (found === null) return { value: fallback, source: 'default' };
    const value = check(found.value, found.isFlag);
    if (value !== undefined) return { value, source: found.source };
    problems.push(misread(found.source, `${key} must be ${wanted}. The kubelet does not start with it.`));
    return { value: fallback, source: 'default' };
  }
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);

  const parallel = read<number | null>('maxParallelImagePulls', null, null, 'a number from 1 on', wholeNumberFrom(1));
  // Without a setting of its own, a limit above one means parallel pulls (v1beta1/defaults.go).
  const serialByDefault = parallel.value === null || parallel.value < 2;
  const serialize = read('serializeImagePulls', 'serialize-image-pulls', serialByDefault, 'true or false', truth);
  if (serialize.value && !serialByDefault) {
    const message =
      'maxParallelImagePulls is larger than 1 while serializeImagePulls is true. The kubelet does not start with both.';
    problems.push(misread(parallel.source, message));
  }
  const burst = read('registryBurst', 'registry-burst', 10, 'a number from 0 on', wholeNumberFrom(0));
  const policy = read<VerificationPolicy>(
    'imagePullCredentialsVerificationPolicy',
    null,
    'NeverVerifyPreloadedImages',
    `one of ${verificationPolicies.join(', ')}`,
    (value) => (value === '' ? 'NeverVerifyPreloadedImages' : verificationPolicies.find((each) => each === value)),
  );
  const runtime = read('containerRuntimeEndpoint', 'container-runtime-endpoint', '', 'a text', text);
  const endpoint =
    runtime.value === '' ? { value: 'unix:///run/containerd/containerd.sock', source: 'default' } : runtime;
  const images = read('imageServiceEndpoint', 'image-service-endpoint', '', 'a text', text);
  return {
    files: files.map(({ source }) => source),
    serializeImagePulls: serialize,
    maxParallelImagePulls: parallel,
    registryPullQPS: read('registryPullQPS', 'registry-qps', 5, 'a number from 0 on', wholeNumberFrom(0)),
    // 0 cannot be told from "not set" there, and becomes 10.
    registryBurst: burst.value === 0 ? { value: 10, source: 'default' } : burst,
    imagePullCredentialsVerificationPolicy: policy,
    preloadedImagesVerificationAllowlist: read<readonly string[]>(
      'preloadedImagesVerificationAllowlist',
      null,
      [],
      'a list of texts',
      texts,
    ),
    imageGCHighThresholdPercent: read(
      'imageGCHighThresholdPercent',
      'image-gc-high-threshold',
      85,
      'a number from 0 on',
      wholeNumberFrom(0),
    ),
    imageServiceEndpoint: images.value === '' ? endpoint : images,
    containerRuntimeEndpoint: endpoint,
    rootDirectory: flags.get('root-dir') ?? { value: '/var/lib/kubelet', source: 'default' },
    credentialProviderConfig: flags.get('image-credential-provider-config') ?? { value: null, source: 'default' },
    credentialProviderBinDir: flags.get('image-credential-provider-bin-dir') ?? { value: null, source: 'default' },
    problems,
  };
}

function misread(source: string, message: string): Problem {
  return { severity: 'warning', cause: 'runtime-misconfigured', source, message };
}

function truth(value: unknown, isFlag: boolean): boolean | undefined {
  if (typeof value === 'boolean') return value;
  // Flags are texts (strconv.ParseBool); in a file a text is the wrong type.
  if (!isFlag || typeof value !== 'string') return undefined;
  if (/^(?:1|t|T|TRUE|true|True)$/.test(value)) return true;
  return /^(?:0|f|F|FALSE|false|False)$/.test(value) ? false : undefined;
}

function wholeNumberFrom(least: number): (value: unknown, isFlag: boolean) => number | undefined {
  return (value, isFlag) => {
    const number = isFlag && typeof value === 'string' && /^-?[0-9]{1,9}$/.test(value) ? Number(value) : value;
    return typeof number === 'number' && Number.isInteger(number) && number >= least ? number : undefined;
  };
}

function texts(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const items: unknown[] = value;
  return items.every((item) => typeof item === 'string') ? items : undefined;
}
