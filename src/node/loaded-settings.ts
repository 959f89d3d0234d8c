import { isRecord, parseJson, recordMember, stringMember } from '../lib/json.ts';
import { limits } from '../lib/limits.ts';
import { Secret } from '../lib/secret.ts';
import type { Named } from './containerd-config-file.ts';
import type { ContainerdSettings, RegistrySettings } from './containerd-settings.ts';

/** The registry settings that a running containerd has loaded, as far as it tells them. */
export interface LoadedSettings {
  /** Empty: none is set. */
  readonly configPath: string;
  /** Endpoints by registry host, or `*`. */
  readonly mirrors: ReadonlyMap<string, readonly string[]>;
  readonly configs: ReadonlyMap<string, LoadedRegistry>;
  readonly sandboxImage: string | null;
}

/** One entry of `registry.configs`, without what is secret. */
export interface LoadedRegistry {
  readonly credentials: boolean;
  /** Null: no TLS settings. */
  readonly tls: {
    readonly skipVerify: boolean;
    readonly caFile: string;
    readonly certFile: string;
    readonly keyFile: string;
  } | null;
}

/** A setting whose loaded value is not the one of the files. */
export interface SettingDifference {
  /** As config.toml spells it: `registry.config_path`. */
  readonly name: string;
  /** In words where it is not set. */
  readonly loaded: string;
  readonly configured: string;
  /** The line that sets it; `default` when no file does. */
  readonly source: string;
}

/**
 * The settings in `info["config"]` of CRI's verbose Status: containerd 1.x gives its CRI plugin's whole configuration
 * there, as it runs. Null for what does not tell them: containerd 2.x gives its runtime part alone (internal/cri/server
 * status.go: `RuntimeConfig`), CRI-O the pause image.
 */
export function readLoadedSettings(info: Readonly<Record<string, string>>): LoadedSettings | null {
  const text = info.config;
  const config = text === undefined || text.length > limits.criInfoChars ? undefined : parseJson(text);
  const registry = isRecord(config) ? recordMember(config, 'registry') : null;
  if (!isRecord(config) || registry === null) return null;
  const configPath = stringMember(registry, 'configPath');
  if (configPath === null) return null;
  const mirrors = new Map<string, readonly string[]>();
  for (const [host, mirror] of entriesOf(registry, 'mirrors')) {
    const endpoints = isRecord(mirror) && Array.isArray(mirror.endpoint) ? mirror.endpoint : [];
    mirrors.set(
      host,
      endpoints.filter((one) => typeof one === 'string').map((one) => bare(one)),
    );
  }
  const configs = new Map<string, LoadedRegistry>();
  for (const [host, entry] of entriesOf(registry, 'configs')) {
    if (!isRecord(entry)) continue;
    const tls = recordMember(entry, 'tls');
    // The client has replaced what it holds by a mark; that it is there is what counts.
    const credentials = Object.hasOwn(entry, 'auth') && entry.auth !== null;
    configs.set(host, {
      credentials,
      tls:
        tls === null
          ? null
          : {
              skipVerify: tls.insecure_skip_verify === true,
              caFile: stringMember(tls, 'caFile') ?? '',
              certFile: stringMember(tls, 'certFile') ?? '',
              keyFile: stringMember(tls, 'keyFile') ?? '',
            },
    });
  }
  return { configPath, mirrors, configs, sandboxImage: stringMember(config, 'sandboxImage') };
}

/** What the files set otherwise than the running containerd has it. Secrets are compared by whether there are any. */
export function settingDifferences(files: ContainerdSettings, loaded: LoadedSettings): readonly SettingDifference[] {
  const found: SettingDifference[] = [];
  const add = (name: string, before: string, now: string, source: string): void => {
    if (before !== now) found.push({ name, loaded: before, configured: now, source });
  };
  const path = files.configPath;
  add('registry.config_path', loaded.configPath || notSet, path?.name || notSet, path?.source ?? 'default');
  for (const host of union(files.mirrors, loaded.mirrors)) {
    const now = files.mirrors.get(host);
    add(
      `registry.mirrors."${host}"`,
      listed(loaded.mirrors.get(host)),
      listed(now?.map(({ name }) => bare(name))),
      now?.[0]?.source ?? files.mirrorsSource ?? 'default',
    );
  }
  for (const host of union(files.configs, loaded.configs)) {
    const now = files.configs.get(host);
    const before = loaded.configs.get(host);
    add(
      `registry.configs."${host}".auth`,
      before?.credentials === true ? 'credentials' : notSet,
      (now?.auth ?? null) === null ? notSet : 'credentials',
      now?.auth?.source ?? 'default',
    );
    const source = now?.tls?.source ?? 'default';
    add(`registry.configs."${host}".tls`, tlsWords(before?.tls ?? null), tlsWords(now?.tls ?? null), source);
  }
  if (loaded.sandboxImage !== null) {
    add('sandbox_image', loaded.sandboxImage, files.sandboxImage.name, files.sandboxImage.source);
  }
  return found;
}

/** `files` with the registry settings that the running containerd has: what it goes by until it is restarted. */
export function asLoaded(files: ContainerdSettings, loaded: LoadedSettings): ContainerdSettings {
  const source = loadedSource;
  const mirrors = new Map<string, readonly Named[]>();
  for (const [host, endpoints] of loaded.mirrors) {
    mirrors.set(
      host,
      endpoints.map((name) => ({ name, source })),
    );
  }
  const configs = new Map<string, RegistrySettings>();
  for (const [host, { credentials, tls }] of loaded.configs) {
    const known = files.configs.get(host)?.auth ?? null;
    const hidden = {
      source,
      username: '',
      password: new Secret(''),
      auth: new Secret(''),
      identityToken: new Secret(''),
    };
    configs.set(host, {
      auth: credentials ? (known ?? hidden) : null,
      tls: tls === null ? null : { source, ...tls },
    });
  }
  return {
    ...files,
    configPath: { name: loaded.configPath, source },
    mirrors,
    mirrorsSource: mirrors.size === 0 ? null : source,
    configs,
  };
}

/** Where a setting stands that no file has. */
export const loadedSource = 'the running containerd';

const notSet = 'not set';

function entriesOf(record: Readonly<Record<string, unknown>>, name: string): [string, unknown][] {
  const value = record[name];
  return isRecord(value) ? Object.entries(value).slice(0, limits.criEntries) : [];
}

function union(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): string[] {
  return [...new Set([...a.keys(), ...b.keys()])];
}

/** containerd gives an endpoint without a path the path `/` when it loads it (ValidatePluginConfig). */
function bare(endpoint: string): string {
  return endpoint.replace(/^([a-z]+:\/\/[^/]+)\/$/i, '$1');
}

function listed(endpoints: readonly string[] | undefined): string {
  return endpoints === undefined || endpoints.length === 0 ? notSet : endpoints.join(', ');
}

function tlsWords(tls: LoadedRegistry['tls']): string {
  if (tls === null) return notSet;
  const parts = [
    ...(tls.skipVerify ? ['insecure_skip_verify'] : []),
    ...[tls.caFile, tls.certFile, tls.keyFile].filter((file) => file !== ''),
  ];
  return parts.length === 0 ? notSet : parts.join(', ');
}
