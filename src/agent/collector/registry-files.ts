import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { parseJson } from '../../lib/json.ts';
import { redactText } from '../../lib/redact.ts';
import { redactJson } from '../../lib/redact-json.ts';
import { boundedHostFiles } from '../../node/bounded-host-files.ts';
import { readContainerdConfig } from '../../node/containerd-config.ts';
import { containerdRules, newestContainerd, parseContainerdVersion } from '../../node/containerd-rules.ts';
import { readContainerdSettings } from '../../node/containerd-settings.ts';
import type { HostFiles } from '../../node/host-files.ts';
import { sourceName } from '../../node/host-files.ts';
import { parseToml } from '../../node/toml.ts';

/** Whose files count. */
export interface RegistryFilesOf {
  readonly runtime: 'containerd' | 'cri-o' | 'docker';
  /** Null: not known. */
  readonly version: string | null;
  /** containerd's main file as the node names it. */
  readonly configFile: string | null;
}

/** Entries that are told one by one; a node has some ten, and what is beyond is one entry. */
const mostEntries = 200;

const crioFiles = ['/etc/crio/crio.conf', '/etc/containers/registries.conf', '/etc/containers/policy.json'] as const;
const crioFolders = ['/etc/crio/crio.conf.d', '/etc/containers/registries.conf.d'] as const;
const containerdHosts = ['/etc/containerd/certs.d', '/etc/docker/certs.d'] as const;

/**
 * The files that say how the runtime pulls, each with the beginning of a digest of what it says: `etc/containers/registries.conf
 * 3f2a9c1b7d20`. It is made of the parsed file without whatever may be a secret (passwords, tokens, headers, userinfo), so
 * nobody can try secrets against it, and of no comments nor white space. Keys are not looked at.
 */
export async function registryFiles(node: HostFiles, of: RegistryFilesOf): Promise<readonly string[]> {
  const host = boundedHostFiles(node);
  const paths = new Set(await pathsOf(host, of));
  const entries: string[] = [];
  for (const path of [...paths].sort()) {
    const text = await host.readText(path);
    if (text.ok) entries.push(`${sourceName(path)} ${digestOf(path, text.value)}`);
    else if (text.error.kind !== 'absent') entries.push(`${sourceName(path)} cannot be read`);
  }
  if (entries.length <= mostEntries) return entries;
  const rest = entries.slice(mostEntries - 1);
  return [...entries.slice(0, mostEntries - 1), `${rest.length} more files ${short(rest.join('\n'))}`];
}

async function pathsOf(host: HostFiles, { runtime, version, configFile }: RegistryFilesOf): Promise<string[]> {
  if (runtime === 'docker') return ['/etc/docker/daemon.json', ...(await hostFolders(host, ['/etc/docker/certs.d']))];
  if (runtime === 'cri-o') {
    const dropIns = await Promise.all(crioFolders.map((folder) => filesIn(host, folder, /\.conf$/)));
    return [...crioFiles, ...dropIns.flat(), ...(await hostFolders(host, ['/etc/containers/certs.d']))];
  }
  const main = configFile ?? '/etc/containerd/config.toml';
  const rules = containerdRules((version === null ? null : parseContainerdVersion(version)) ?? newestContainerd);
  const config = await readContainerdConfig(host, main, rules);
  const settings = config.starts ? readContainerdSettings(config.section, rules) : null;
  const named = settings?.ok === true ? (settings.value.configPath?.name ?? '').split(':') : [];
  const roots = named.filter((root) => root.startsWith('/')).map((root) => posix.normalize(root));
  const files = config.files.map((name) => (name.startsWith('/') ? name : `/${name}`));
  return [main, ...files, ...(await hostFolders(host, roots.length > 0 ? roots : containerdHosts))];
}

/** hosts.toml and certificates of each registry's folder. */
async function hostFolders(host: HostFiles, roots: readonly string[]): Promise<string[]> {
  const paths: string[] = [];
  for (const root of roots) {
    const names = await host.list(root);
    for (const name of names.ok ? names.value : []) {
      paths.push(...(await filesIn(host, posix.join(root, name), /^hosts\.toml$|\.(crt|cert|pem)$/)));
    }
  }
  return paths;
}

async function filesIn(host: HostFiles, folder: string, wanted: RegExp): Promise<string[]> {
  const names = await host.list(folder);
  return names.ok ? names.value.filter((name) => wanted.test(name)).map((name) => posix.join(folder, name)) : [];
}

/** The beginning of a digest of what the file says; `broken` for one that says nothing. */
export function digestOf(path: string, text: string): string {
  if (/\.(crt|cert|pem)$/.test(path)) {
    const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
    return blocks.length === 0 ? 'broken' : short(blocks.map((block) => block.replace(/\s+/g, '')).join('\n'));
  }
  const toml = path.endsWith('.json') ? null : parseToml(text, sourceName(path));
  const value: unknown = toml === null ? parseJson(text) : toml.ok ? toml.value.value : undefined;
  if (value === undefined) return 'broken';
  // The order counts: containerd tries the hosts of a hosts.toml in theirs. Names may be URLs with a password, too.
  const json = JSON.stringify(redactJson(value), (_, member: unknown) =>
    typeof member === 'bigint' ? member.toString() : member,
  );
  return short(redactText(json));
}

/** The beginning of a SHA-256, enough to tell files apart. */
export function short(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}
