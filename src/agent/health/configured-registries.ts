import { posix } from 'node:path';
import { boundedHostFiles } from '../../node/bounded-host-files.ts';
import { readContainerdConfig } from '../../node/containerd-config.ts';
import { containerdRules, newestContainerd } from '../../node/containerd-rules.ts';
import { readContainerdSettings } from '../../node/containerd-settings.ts';
import type { HostFiles } from '../../node/host-files.ts';
import { readRegistriesConf } from '../../node/registries-conf-files.ts';
import { registryName } from './registries-in-use.ts';

/** Where containerd's configuration is, and where its host directories are when it names no other place. */
const containerdFiles = [
  '/etc/containerd/config.toml',
  '/var/lib/rancher/k3s/agent/etc/containerd/config.toml',
  '/var/lib/rancher/rke2/agent/etc/containerd/config.toml',
] as const;
const hostDirectories = ['/etc/containerd/certs.d', '/etc/docker/certs.d'] as const;

/** The rules of containerd 1.7, whose files are read in another way than those of 2.x. */
const lastOfOne = { major: 1, minor: 7, patch: 24 };

/** Registries that are kept; a node with more of them in its configuration is not known. */
const mostNames = 1000;

/**
 * The registries that the node's own configuration is about: containerd's host directories and its legacy `mirrors`,
 * and the `[[registry]]` entries and search registries of registries.conf. Mirrors are none by themselves: they are
 * checked on the way to the registry that they stand for. What cannot be read is left out; the plan of each image tells.
 */
export async function configuredRegistries(node: HostFiles): Promise<readonly string[]> {
  const host = boundedHostFiles(node);
  const [ofContainerd, ofCrio] = await Promise.all([containerdRegistries(host), crioRegistries(host)]);
  const names = [...ofContainerd, ...ofCrio].map(registryName).filter((name) => name !== null);
  return [...new Set(names)].sort().slice(0, mostNames);
}

async function containerdRegistries(host: HostFiles): Promise<string[]> {
  const roots = new Set<string>(hostDirectories);
  const names: string[] = [];
  for (const file of containerdFiles) {
    if (!(await host.info(file)).ok) continue;
    // Which version runs is not asked for this: a name that either of them reads is a name that somebody meant.
    for (const version of [newestContainerd, lastOfOne]) {
      const rules = containerdRules(version);
      const config = await readContainerdConfig(host, file, rules);
      const settings = config.starts ? readContainerdSettings(config.section, rules) : null;
      if (settings === null || !settings.ok) continue;
      names.push(...[...settings.value.mirrors.keys()].filter((name) => name !== '*'));
      for (const root of (settings.value.configPath?.name ?? '').split(':')) {
        if (root.startsWith('/')) roots.add(posix.normalize(root));
      }
    }
  }
  for (const root of roots) {
    const listed = await host.list(root);
    if (listed.ok) names.push(...listed.value.map(registryOfDirectory).filter((name) => name !== null));
  }
  return names;
}

/** `reg.corp_5000_` is `reg.corp:5000` (containerd config_unix.go, hostPaths); `_default` is none by itself. */
function registryOfDirectory(name: string): string | null {
  if (name === '_default' || name.startsWith('.')) return null;
  return name.replace(/_(\d{1,5})_$/, ':$1');
}

/** A wildcard prefix names no host. */
async function crioRegistries(host: HostFiles): Promise<string[]> {
  const { registries, search } = await readRegistriesConf(host);
  const entries = registries.map(({ prefix }) => prefix).filter((prefix) => !prefix.startsWith('*.'));
  return [...entries, ...(search?.registries ?? [])];
}
