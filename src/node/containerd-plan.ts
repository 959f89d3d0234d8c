import { posix } from 'node:path';
import type { Problem } from '../model/problem.ts';
import { readContainerdConfig } from './containerd-config.ts';
import { credentialsOf } from './containerd-credentials.ts';
import { type ConfiguredEndpoints, configureHosts, type ImageTarget } from './containerd-endpoints.ts';
import { findHostDirectory, readHosts } from './containerd-hosts.ts';
import { configureMirrors } from './containerd-mirrors.ts';
import { harmless, keepsFromStarting, misconfigured } from './containerd-problem.ts';
import { type ContainerdRules, containerdRules, newestContainerd, parseContainerdVersion } from './containerd-rules.ts';
import { type ContainerdSettings, readContainerdSettings } from './containerd-settings.ts';
import { type HostFiles, sourceName } from './host-files.ts';
import { asLoaded, type LoadedSettings, settingDifferences } from './loaded-settings.ts';
import type { RuntimePlan } from './runtime-plan.ts';

export type { ImageTarget } from './containerd-endpoints.ts';

/** What `planContainerd` is told besides the image. */
export interface ContainerdOptions {
  /** As CRI or `--runtime-version` says it: `1.6.20~ds1`. Null: the rules of the newest known version apply. */
  readonly version: string | null;
  /** The `-c` of containerd's process, as the node names it (/etc/containerd/config.toml, else k3s's or rke2's). */
  readonly configFile?: string | null;
  /** Taken for symmetry with the other runtime: containerd's endpoints do not depend on the platform. */
  readonly platform?: string | null;
  /** The plan of the running containerd, which has loaded these settings, whatever its files say by now. */
  readonly loaded?: LoadedSettings | null;
}

/** Where containerd's configuration is when nobody says: the packaged place, then those that k3s and rke2 write. */
const configFiles = [
  '/etc/containerd/config.toml',
  '/var/lib/rancher/k3s/agent/etc/containerd/config.toml',
  '/var/lib/rancher/rke2/agent/etc/containerd/config.toml',
] as const;

/** The default of 2.2 and later. */
const defaultConfigPath = '/etc/containerd/certs.d:/etc/docker/certs.d';

/**
 * What containerd's files make it do for one image: which hosts it asks, in order, with which certificates, headers
 * and credentials. Files that it cannot use are problems: an `error` when this pull cannot work, a `warning` when it
 * goes on without. Expected failures never throw.
 */
export async function planContainerd(
  host: HostFiles,
  image: ImageTarget,
  options: ContainerdOptions,
): Promise<RuntimePlan> {
  const problems: Problem[] = [];
  const told = options.version === null ? null : parseContainerdVersion(options.version);
  const rules = containerdRules(told ?? newestContainerd);
  if (told === null) problems.push(unknownVersion(options.version, rules));

  const config = await readContainerdConfig(host, options.configFile ?? (await defaultConfigFile(host)), rules);
  problems.push(...config.problems);
  const plan = (parts: Partial<RuntimePlan>): RuntimePlan => ({
    runtime: 'containerd',
    files: config.files,
    startFiles: config.files,
    endpoints: [],
    shortName: null,
    credentials: [],
    sandboxImage: null,
    imageRoot: { value: config.root.name, source: config.root.source },
    ...parts,
    problems,
  });
  if (!config.starts) return plan({});
  const read = readContainerdSettings(config.section, rules);
  if (!read.ok) {
    const message = `${read.error.why}, so containerd ${rules.label} does not start with this file.`;
    problems.push(keepsFromStarting(read.error.source, message));
    return plan({});
  }
  const loaded = options.loaded ?? null;
  const settings = loaded === null ? read.value : asLoaded(read.value, loaded);
  const sandboxImage = { reference: settings.sandboxImage.name, source: settings.sandboxImage.source };
  if (config.disabled !== null) {
    const message = 'The CRI plugin is disabled here, so containerd serves no pull for Kubernetes.';
    // What it would do is planned all the same: the plugin may hide another fault behind it.
    problems.push(keepsFromStarting(config.disabled, message));
  }
  const path = effectiveConfigPath(settings, rules);
  const conflict = conflictOf(settings, path, rules);
  if (conflict !== null) {
    problems.push(conflict);
    return plan({ sandboxImage });
  }
  for (const item of settings.droppedTls) {
    const message = `containerd ${rules.label} no longer knows these TLS settings of ${item.name} and ignores them: they belong into its hosts.toml.`;
    problems.push(misconfigured('warning', item.source, message));
  }

  const files = [...config.files];
  let configured: ConfiguredEndpoints;
  if (path.value === '' && !(rules.transferService && settings.localPull === null)) {
    configured = await configureMirrors(host, image, settings);
  } else {
    const roots = await rootsOf(host, image, path, settings, rules, told !== null, problems);
    const hosts = await readHosts(host, roots, image.domain, rules);
    files.push(...hosts.files);
    problems.push(...hosts.problems);
    configured = hosts.broken
      ? { endpoints: [], problems: [] }
      : await configureHosts(host, image, hosts.entries, settings.headers, rules);
  }
  problems.push(...configured.problems);
  const found = credentialsOf(settings, image.domain, configured.endpoints);
  problems.push(...found.problems);
  return plan({
    files,
    endpoints: configured.endpoints,
    credentials: found.credentials,
    sandboxImage,
    ...(loaded === null ? {} : { differences: settingDifferences(read.value, loaded) }),
  });
}

/** A `config_path` in force, and the line that sets it. */
interface ConfigPath {
  readonly value: string;
  readonly source: string;
}

function effectiveConfigPath(settings: ContainerdSettings, rules: ContainerdRules): ConfigPath {
  const written = settings.configPath;
  const standard = { value: defaultConfigPath, source: 'default' };
  if (rules.defaultConfigPath === 'always' && written === null) return standard;
  if (rules.defaultConfigPath === 'without-mirrors' && (written?.name ?? '') === '' && settings.mirrors.size === 0) {
    return standard;
  }
  return { value: written?.name ?? '', source: written?.source ?? 'default' };
}

/** ValidatePluginConfig and ValidateImageConfig: what keeps the CRI plugin from loading. */
function conflictOf(settings: ContainerdSettings, path: ConfigPath, rules: ContainerdRules): Problem | null {
  if (path.value === '') return null;
  const unserved = 'the CRI plugin does not load and containerd serves no pull for Kubernetes';
  if (settings.mirrorsSource !== null) {
    const beside =
      path.source === 'default'
        ? `the default config_path of containerd ${rules.label}`
        : `config_path (${path.source})`;
    return keepsFromStarting(settings.mirrorsSource, `registry.mirrors stand beside ${beside}, so ${unserved}.`);
  }
  const tls = [...settings.configs.values()].find((item) => item.tls !== null)?.tls ?? null;
  if (tls === null) return null;
  const message = `TLS settings in registry.configs stand beside config_path (${path.source}), so ${unserved}.`;
  return keepsFromStarting(tls.source, message);
}

/**
 * The folders below which host directories are looked for. The transfer service takes all of `config_path` for one
 * folder's name. That is applied to a version that is known to do so; when the version is only assumed, the list is
 * read as documented, and a warning tells.
 */
async function rootsOf(
  host: HostFiles,
  image: ImageTarget,
  path: ConfigPath,
  settings: ContainerdSettings,
  rules: ContainerdRules,
  certain: boolean,
  problems: Problem[],
): Promise<readonly string[]> {
  const listed = path.value === '' ? [] : path.value.split(':').map((root) => (root === '' ? '/' : root));
  const whole = rules.transferService && settings.localPull === null;
  if (!whole || listed.length < 2) return listed;
  const lost = await findHostDirectory(host, listed, image.domain);
  if (lost !== null && !('denied' in lost)) {
    const source = path.source === 'default' ? sourceName(lost.path) : path.source;
    const what = `config_path is a list here (${path.value}), which containerd's transfer service takes for the name of one directory`;
    const set = `set config_path to ${lost.root}`;
    // Nothing that is wrong for certain, as long as no runtime told its version.
    problems.push(
      certain
        ? misconfigured(
            'warning',
            source,
            `${what}, so containerd ${rules.label} does not use ${sourceName(lost.path)}; ${set}.`,
          )
        : harmless(
            source,
            `${what} in versions 2.1 to ${rules.label}, so these may not use ${sourceName(lost.path)}; ${set}.`,
          ),
    );
  }
  return certain ? [posix.normalize(path.value)] : listed;
}

async function defaultConfigFile(host: HostFiles): Promise<string> {
  for (const path of configFiles) if ((await host.info(path)).ok) return path;
  return configFiles[0];
}

function unknownVersion(given: string | null, rules: ContainerdRules): Problem {
  const what = given === null ? 'No runtime told its version' : `"${given}" is not a version of containerd`;
  const message = `${what}, so the rules of containerd ${rules.label}, the newest known, apply.`;
  return { severity: 'warning', cause: 'runtime-unreachable', source: '--runtime-version', message, harmless: true };
}
