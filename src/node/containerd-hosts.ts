import { posix } from 'node:path';
import type { Problem } from '../model/problem.ts';
import { fileFailureWords, hitsRuntime, listCertificates } from './certs-directory.ts';
import { defaultEntry, type HostEntry, parseHostsToml } from './containerd-hosts-toml.ts';
import { harmless, misconfigured } from './containerd-problem.ts';
import type { ContainerdRules } from './containerd-rules.ts';
import { type HostFiles, sourceName } from './host-files.ts';

/** What the host directories say about one registry. */
export interface HostsOfRegistry {
  /** In file order, the server last; a last one without a host is the registry itself. Null: no directory is for it. */
  readonly entries: readonly HostEntry[] | null;
  readonly files: readonly string[];
  readonly problems: readonly Problem[];
  /** True: containerd fails every pull from this registry before it sends anything. */
  readonly broken: boolean;
}

/** A host directory, and the root below which it lies. */
export interface HostDirectory {
  readonly path: string;
  readonly root: string;
  /** The last part of its path: `docker.io`, `reg.corp_5000_`, `_default`. */
  readonly name: string;
}

/** The names under which a registry's directory is looked for, in order (config_unix.go, hostPaths). */
export function hostDirectoryNames(registry: string): string[] {
  const colon = registry.lastIndexOf(':');
  const escaped = colon > 0 ? `${registry.slice(0, colon)}_${registry.slice(colon + 1)}_` : registry;
  return [...new Set([escaped, registry, '_default'])];
}

/** The first directory for `registry` below `roots`; `denied` when this process may not look. */
export async function findHostDirectory(
  host: HostFiles,
  roots: readonly string[],
  registry: string,
): Promise<HostDirectory | { readonly denied: string } | null> {
  for (const root of roots) {
    for (const name of hostDirectoryNames(registry)) {
      const path = posix.join(root, name);
      const info = await host.info(path);
      if (info.ok) return { path, root, name };
      if (info.error.kind === 'denied') return { denied: path };
    }
  }
  return null;
}

/**
 * Reads the host directory of a registry as containerd does at every pull (remotes/docker/config/hosts.go,
 * HostDirFromRoot and loadHostDir): the first directory that exists is the only one, whatever it holds. Without a
 * usable hosts.toml the certificates in it count, for the registry itself.
 */
export async function readHosts(
  host: HostFiles,
  roots: readonly string[],
  registry: string,
  rules: ContainerdRules,
): Promise<HostsOfRegistry> {
  const problems: Problem[] = [];
  const files: string[] = [];
  const result = (entries: readonly HostEntry[] | null, broken = false): HostsOfRegistry => ({
    entries,
    files,
    problems,
    broken,
  });
  const fatal = (source: string, why: string): HostsOfRegistry => {
    problems.push(misconfigured('error', source, `${why}, so containerd fails every pull from ${registry}.`));
    return result([], true);
  };

  for (const root of roots) {
    const info = await host.info(root);
    if (info.ok && info.value.type !== 'directory') {
      return fatal(sourceName(root), 'config_path names this, and it is not a directory');
    }
    if ((await findHostDirectory(host, [root], registry)) !== null) break;
  }
  const found = await findHostDirectory(host, roots, registry);
  if (found === null) {
    problems.push(...(await misnamedDirectories(host, roots, registry)));
    return result(null);
  }
  if ('denied' in found) {
    const source = sourceName(found.denied);
    problems.push(harmless(source, 'Pullwhy may not look here, so the plan leaves it out.'));
    return result(null);
  }
  problems.push(...(await hiddenDirectories(host, roots, registry, found)));
  const { path } = found;
  const info = await host.info(path);
  if (info.ok && info.value.type !== 'directory') return fatal(sourceName(path), 'This is not a directory');

  const file = posix.join(path, 'hosts.toml');
  const name = sourceName(file);
  const text = await host.readText(file);
  if (!text.ok && text.error.kind !== 'absent') {
    const words = fileFailureWords(text.error);
    if (hitsRuntime(text.error)) return fatal(name, `It ${words}`);
    problems.push(harmless(name, `It ${words}, so the plan leaves it out.`));
    return result(null);
  }
  if (text.ok) {
    files.push(name);
    const parsed = text.value === '' ? null : parseHostsToml(text.value, name, path, rules);
    if (parsed?.ok) {
      if (parsed.value.oddity !== null) {
        const { source, why } = parsed.value.oddity;
        const message = `${why}, and releases of containerd ${rules.label} ignore the whole file for it.`;
        problems.push(misconfigured('warning', source, message));
      }
      for (const item of parsed.value.dropped) {
        problems.push(
          misconfigured(
            'warning',
            item.source,
            `containerd ${rules.label} does not see the mirror ${item.name}: it takes only those with a [host."…"] line of their own.`,
          ),
        );
      }
      for (const { oddPath } of parsed.value.hosts)
        if (oddPath !== null) problems.push(harmless(oddPath.source, oddPath.message));
      return result(parsed.value.hosts);
    }
    if (parsed !== null) {
      problems.push(
        misconfigured(
          'warning',
          parsed.error.source,
          `containerd ignores this file, because ${parsed.error.why}; it pulls from ${registry} itself, with the certificates that lie beside the file.`,
        ),
      );
    }
  }
  const entry = await entryOfCertificates(host, path);
  if (!text.ok) problems.push(...(await missingFile(host, roots, registry, found, entry)));
  return result([entry]);
}

/** loadCertFiles: the registry itself, with the certificates of its directory. */
async function entryOfCertificates(host: HostFiles, directory: string): Promise<HostEntry> {
  const listed = await listCertificates(host, directory);
  const { authorities, pairs } = listed.ok ? listed.value : { authorities: [], pairs: [] };
  const source = sourceName(directory);
  return {
    ...defaultEntry,
    ca: authorities.length === 0 ? null : authorities,
    caSource: source,
    client: pairs.length === 0 ? null : pairs.map((pair) => [pair.cert, pair.key] as const),
    clientSource: source,
  };
}

/** A directory without hosts.toml and what its owner may have meant. */
async function missingFile(
  host: HostFiles,
  roots: readonly string[],
  registry: string,
  found: HostDirectory,
  entry: HostEntry,
): Promise<Problem[]> {
  const source = sourceName(found.path);
  const misspelt = posix.join(found.path, 'host.toml');
  if ((await host.info(misspelt)).ok) {
    const message = 'containerd reads no file of this name: it is looked for as hosts.toml.';
    return [misconfigured('warning', sourceName(misspelt), message)];
  }
  if (found.name === '_default' || entry.ca !== null || entry.client !== null) return [];
  for (const root of roots) {
    const shadowed = posix.join(root, '_default', 'hosts.toml');
    if (!(await host.info(shadowed)).ok) continue;
    const message = `This directory has no hosts.toml, and because it exists containerd does not use ${sourceName(shadowed)} for ${registry}.`;
    return [misconfigured('warning', source, message)];
  }
  return [];
}

/** A later root's own directory for the registry, hidden by an earlier root's `_default`. */
async function hiddenDirectories(
  host: HostFiles,
  roots: readonly string[],
  registry: string,
  found: HostDirectory,
): Promise<Problem[]> {
  if (found.name !== '_default') return [];
  for (const root of roots.slice(roots.indexOf(found.root) + 1)) {
    const later = await findHostDirectory(host, [root], registry);
    if (later === null || 'denied' in later || later.name === '_default') continue;
    const message = `containerd does not use this directory, because ${sourceName(found.path)} comes before it in config_path.`;
    return [misconfigured('warning', sourceName(later.path), message)];
  }
  return [];
}

/** Docker Hub's directory under another of its names. */
async function misnamedDirectories(host: HostFiles, roots: readonly string[], registry: string): Promise<Problem[]> {
  if (registry !== 'docker.io') return [];
  for (const root of roots) {
    for (const name of ['registry-1.docker.io', 'index.docker.io', 'hub.docker.com', 'www.docker.io']) {
      const path = posix.join(root, name);
      if (!(await host.info(path)).ok) continue;
      const message = 'containerd does not use this directory for images of Docker Hub: it has to be named docker.io.';
      return [misconfigured('warning', sourceName(path), message)];
    }
  }
  return [];
}
