import { fail, ok, type Result } from '../lib/result.ts';
import { Secret } from '../lib/secret.ts';
import type { Named, Refusal } from './containerd-config-file.ts';
import type { ContainerdRules } from './containerd-rules.ts';
import type { SourcedTable } from './containerd-sourced.ts';
import { parseGoUrl } from './go-url.ts';
import { asStrings } from './toml.ts';

/** The CRI plugin's settings that decide how an image is pulled (`Registry` in containerd's cri config.go). */
export interface ContainerdSettings {
  /** As written, a list with `:`; null when the file does not set it. */
  readonly configPath: Named | null;
  /** `registry.mirrors`: endpoints by registry host, or `*`. */
  readonly mirrors: ReadonlyMap<string, readonly Named[]>;
  /** Where `registry.mirrors` begins; null without mirrors. */
  readonly mirrorsSource: string | null;
  /** `registry.configs`, with `registry.auths` taken in. */
  readonly configs: ReadonlyMap<string, RegistrySettings>;
  /** `registry.configs.*.tls` that this version does not know any more. */
  readonly droppedTls: readonly Named[];
  /** `registry.headers`: sent with every request to every registry. */
  readonly headers: Readonly<Record<string, readonly Secret[]>>;
  readonly sandboxImage: Named;
  /** The setting that keeps the transfer service away, so that the CRI plugin pulls itself; null when none does. */
  readonly localPull: Named | null;
}

/** One entry of `registry.configs`. */
export interface RegistrySettings {
  readonly auth: RegistryAuth | null;
  readonly tls: RegistryTls | null;
}

/** Credentials as the file gives them; empty strings where it gives none. */
export interface RegistryAuth {
  readonly source: string;
  readonly username: string;
  readonly password: Secret;
  /** Base64 of `user:password`. */
  readonly auth: Secret;
  readonly identityToken: Secret;
}

/** TLS settings of one host (1.x). Empty strings where a file is not named. */
export interface RegistryTls {
  readonly source: string;
  readonly skipVerify: boolean;
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** Decodes the plugin's table; a failure keeps containerd from starting. */
export function readContainerdSettings(
  section: SourcedTable | null,
  rules: ContainerdRules,
): Result<ContainerdSettings, Refusal> {
  const refusals: Refusal[] = [];
  const settings = decode(section, rules, new Reader(refusals));
  return refusals[0] === undefined ? ok(settings) : fail(refusals[0]);
}

function decode(section: SourcedTable | null, rules: ContainerdRules, read: Reader): ContainerdSettings {
  const registry = read.table(section, 'registry');
  const path = registry?.entries.get('config_path');
  const mirrorTable = read.table(registry, 'mirrors');
  const mirrors = new Map<string, readonly Named[]>();
  for (const [host, mirror] of read.tables(mirrorTable)) mirrors.set(host, read.strings(mirror, 'endpoint'));
  const configs = new Map<string, RegistrySettings>();
  const droppedTls: Named[] = [];
  for (const [host, config] of read.tables(read.table(registry, 'configs'))) {
    const tls = read.table(config, 'tls');
    if (tls !== null && !rules.legacyTls) droppedTls.push({ name: host, source: tls.source });
    configs.set(host, {
      auth: authOf(read.table(config, 'auth'), read),
      tls: tls === null || !rules.legacyTls ? null : tlsOf(tls, read),
    });
  }
  for (const [endpoint, auth] of read.tables(read.table(registry, 'auths'))) {
    const url = parseGoUrl(endpoint);
    const host = url.ok && url.value.scheme !== '' ? url.value.host : endpoint;
    configs.set(host, { auth: authOf(auth, read), tls: configs.get(host)?.tls ?? null });
  }
  const headerTable = read.table(registry, 'headers');
  const headers = new Map<string, readonly Secret[]>();
  for (const name of headerTable?.entries.keys() ?? []) {
    headers.set(
      name,
      read.strings(headerTable, name).map((item) => new Secret(item.name)),
    );
  }
  return {
    configPath: path === undefined ? null : { name: read.text(registry, 'config_path'), source: path.source },
    mirrors,
    mirrorsSource: mirrors.size === 0 ? null : (mirrorTable?.source ?? null),
    configs,
    droppedTls,
    headers: Object.fromEntries(headers),
    sandboxImage: sandboxImage(section, rules, read),
    localPull: rules.transferService ? localPull(section, read) : null,
  };
}

function sandboxImage(section: SourcedTable | null, rules: ContainerdRules, read: Reader): Named {
  const holder = rules.tomlV2 ? read.table(section, 'pinned_images') : section;
  const key = rules.tomlV2 ? 'sandbox' : 'sandbox_image';
  const name = read.text(holder, key);
  return name === ''
    ? { name: rules.sandboxImage, source: 'default' }
    : { name, source: holder?.entries.get(key)?.source ?? 'default' };
}

/** CheckLocalImagePullConfigs (internal/cri/config/config.go, 2.1 and later), on Linux. */
function localPull(section: SourcedTable | null, read: Reader): Named | null {
  const registry = read.table(section, 'registry');
  const is = (key: string, value: boolean): boolean => read.flag(section, key) === value;
  const downloads = section?.entries.get('max_concurrent_downloads');
  const causes: readonly (readonly [name: string, applies: boolean])[] = [
    ['use_local_image_pull', is('use_local_image_pull', true)],
    ['disable_snapshot_annotations', is('disable_snapshot_annotations', false)],
    ['discard_unpacked_layers', is('discard_unpacked_layers', true)],
    ['max_concurrent_downloads', downloads?.kind === 'value' && downloads.value !== 3],
    ['image_pull_with_sync_fs', is('image_pull_with_sync_fs', true)],
  ];
  for (const [name, applies] of causes) {
    if (applies) return { name, source: section?.entries.get(name)?.source ?? 'default' };
  }
  for (const name of ['mirrors', 'configs', 'auths']) {
    const found = read.table(registry, name);
    if (found !== null && found.entries.size > 0) return { name: `registry.${name}`, source: found.source };
  }
  return null;
}

function authOf(auth: SourcedTable | null, read: Reader): RegistryAuth | null {
  if (auth === null) return null;
  return {
    source: auth.source,
    username: read.text(auth, 'username'),
    password: new Secret(read.text(auth, 'password')),
    auth: new Secret(read.text(auth, 'auth')),
    identityToken: new Secret(read.text(auth, 'identitytoken')),
  };
}

function tlsOf(tls: SourcedTable, read: Reader): RegistryTls {
  return {
    source: tls.source,
    skipVerify: read.flag(tls, 'insecure_skip_verify') ?? false,
    caFile: read.text(tls, 'ca_file'),
    certFile: read.text(tls, 'cert_file'),
    keyFile: read.text(tls, 'key_file'),
  };
}

/** Reads values by type; a value of another type is noted, and read as if it were not there. */
class Reader {
  readonly #refusals: Refusal[];

  constructor(refusals: Refusal[]) {
    this.#refusals = refusals;
  }

  table(holder: SourcedTable | null, key: string): SourcedTable | null {
    const value = holder?.entries.get(key);
    if (value === undefined) return null;
    if (value.kind === 'table') return value;
    return this.#refuse(value.source, key, 'a table', null);
  }

  /** The entries of a table of tables. */
  tables(holder: SourcedTable | null): (readonly [string, SourcedTable])[] {
    return [...(holder?.entries ?? [])].flatMap(([key, value]) =>
      value.kind === 'table' ? [[key, value] as const] : this.#refuse(value.source, `"${key}"`, 'a table', []),
    );
  }

  text(holder: SourcedTable | null, key: string): string {
    const value = holder?.entries.get(key);
    if (value === undefined) return '';
    if (value.kind === 'value' && typeof value.value === 'string') return value.value;
    return this.#refuse(value.source, key, 'a string', '');
  }

  flag(holder: SourcedTable | null, key: string): boolean | null {
    const value = holder?.entries.get(key);
    if (value === undefined) return null;
    if (value.kind === 'value' && typeof value.value === 'boolean') return value.value;
    return this.#refuse(value.source, key, 'true or false', null);
  }

  strings(holder: SourcedTable | null, key: string): Named[] {
    const value = holder?.entries.get(key);
    if (value === undefined) return [];
    const items = value.kind === 'value' ? asStrings(value.value) : null;
    if (value.kind !== 'value' || items === null) return this.#refuse(value.source, key, 'a list of strings', []);
    return items.map((name, index) => ({ name, source: value.itemSources[index] ?? value.source }));
  }

  #refuse<T>(source: string, key: string, type: string, instead: T): T {
    this.#refusals.push({ source, why: `The value of ${key} is not ${type}` });
    return instead;
  }
}
