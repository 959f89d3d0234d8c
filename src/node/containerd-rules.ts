/** A containerd version; `patch` is Infinity when only `1.7` was said: the newest of that line. */
export interface ContainerdVersion {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/**
 * What differs between containerd versions in how files become endpoints. Every member was read from the source of
 * the release tags v1.6.0 to v2.3.4 (remotes/docker/config/hosts.go, services/server/config/config.go,
 * pkg/cri and their places in 2.x).
 */
export interface ContainerdRules {
  /** For a person: `1.6.20`. */
  readonly label: string;
  /** go-toml v2 instead of v1. */
  readonly tomlV2: boolean;
  /** The newest config.toml version that it knows. */
  readonly newestConfig: 2 | 3 | 4;
  /** It does not start with a newer one; older 1.x take it for version 2. */
  readonly refusesNewerConfig: boolean;
  /** Plugin names of a version 2 file must begin with `io.containerd.`. */
  readonly pluginPrefixChecked: boolean;
  /** A relative glob in `imports` counts from the file's folder; before, from the process's (`/` under systemd). */
  readonly globsFromFile: boolean;
  /**
   * How imported files and older versions are taken in. `replace`: a later file's `[plugins."x"]` replaces the earlier
   * one's as a whole, nothing is migrated. `merged`: tables are merged, then the result is migrated as a whole,
   * if its version says so. `each`: every file is migrated, then merged.
   */
  readonly imports: 'replace' | 'merged' | 'each';
  /**
   * When `config_path` is not set. `none`: there is none. `always`: /etc/containerd/certs.d and /etc/docker/certs.d, so
   * that `mirrors` alone are an error. `without-mirrors`: these two, unless there are mirrors.
   */
  readonly defaultConfigPath: 'none' | 'always' | 'without-mirrors';
  /** `registry.configs.*.tls` exists (and is an error beside `config_path`). */
  readonly legacyTls: boolean;
  /**
   * Images are pulled by the transfer service unless a setting forbids it. It takes all of `config_path` for one
   * directory's name, so a list finds nothing (containerd issues 12415, 12636, 12808; not mended in 2.3.4).
   */
  readonly transferService: boolean;
  /** A hosts.toml without any `[host]` table is an error, and so ignored. */
  readonly hostTableRequired: boolean;
  /** Mirrors written as dotted keys or inline tables are dropped: only `[host."…"]` lines are looked at. */
  readonly hostHeadersOnly: boolean;
  /** Knows the capability `referrers`. */
  readonly referrers: boolean;
  /** Knows `dial_timeout`; `counts-as-tls`: it makes an http:// host try HTTPS first, as TLS settings do. */
  readonly dialTimeout: 'unknown' | 'counts-as-tls' | 'known';
  /** An http:// host with TLS settings is tried with HTTPS first: never, only with a port, or always (but port 80). */
  readonly httpFallback: 'never' | 'with-port' | 'always';
  /** localhost without a port, or with 443, is HTTPS only; before, every localhost was plain HTTP. */
  readonly localhostHttps: boolean;
  readonly sandboxImage: string;
}

/** The newest release whose source these rules were read from. */
export const newestContainerd: ContainerdVersion = { major: 2, minor: 3, patch: 4 };

/** `1.6.20~ds1`, `v1.7.24-k3s1`, `2.1`; null for anything that does not begin with a version. */
export function parseContainerdVersion(text: string): ContainerdVersion | null {
  const match = /^v?(\d{1,4})\.(\d{1,4})(?:\.(\d{1,6}))?(?![\d.])/.exec(text.trim());
  if (match === null) return null;
  const patch = match[3] === undefined ? Number.POSITIVE_INFINITY : Number(match[3]);
  return { major: Number(match[1]), minor: Number(match[2]), patch };
}

/** The rules of a version. Before 1.6 those of 1.6.0 stand in, after the newest known those of that one. */
export function containerdRules(version: ContainerdVersion): ContainerdRules {
  const since = (...releases: readonly string[]): boolean => isSince(version, releases);
  const v2 = since('2.0.0');
  return {
    label: [version.major, version.minor, ...(Number.isFinite(version.patch) ? [version.patch] : [])].join('.'),
    tomlV2: v2,
    newestConfig: since('2.3.0') ? 4 : v2 ? 3 : 2,
    refusesNewerConfig: since('1.6.32', '1.7.17', '2.0.0'),
    pluginPrefixChecked: since('1.7.0'),
    globsFromFile: since('1.6.29', '1.7.16', '2.0.0'),
    imports: since('2.3.0') ? 'each' : v2 ? 'merged' : 'replace',
    defaultConfigPath: since('2.2.2') ? 'without-mirrors' : since('2.2.0') ? 'always' : 'none',
    legacyTls: !v2,
    transferService: since('2.1.0'),
    hostTableRequired: !since('1.7.32', '2.0.0'),
    hostHeadersOnly: v2,
    referrers: since('2.2.0'),
    dialTimeout: since('2.1.0') ? 'known' : since('2.0.7') ? 'counts-as-tls' : 'unknown',
    httpFallback: since('1.7.24', '2.0.0') ? 'always' : since('1.6.25', '1.7.8') ? 'with-port' : 'never',
    localhostHttps: since('1.6.25', '1.7.8', '2.0.0'),
    sandboxImage: sandboxImageOf(since),
  };
}

/** pkg/cri/config/config_unix.go and internal/cri/config/config.go of each tag. */
function sandboxImageOf(since: (...releases: readonly string[]) => boolean): string {
  if (since('2.3.0')) return 'registry.k8s.io/pause:3.10.2';
  if (since('2.2.0')) return 'registry.k8s.io/pause:3.10.1';
  if (since('2.0.0')) return 'registry.k8s.io/pause:3.10';
  if (since('1.7.0')) return 'registry.k8s.io/pause:3.8';
  return since('1.6.9') ? 'registry.k8s.io/pause:3.6' : 'k8s.gcr.io/pause:3.6';
}

/**
 * True when `version` has what came with `releases`, ascending, one for each line that got it: with `1.6.32` and
 * `1.7.17`, 1.6.33 and 1.8.0 have it, 1.7.16 has not.
 */
function isSince(version: ContainerdVersion, releases: readonly string[]): boolean {
  const parsed = releases.flatMap((text) => parseContainerdVersion(text) ?? []);
  const line = (item: ContainerdVersion): number => item.major * 10_000 + item.minor;
  const own = parsed.find((item) => line(item) === line(version));
  if (own !== undefined) return version.patch >= own.patch;
  const last = parsed.at(-1);
  return last !== undefined && line(version) > line(last);
}
