import type { ContainerdRules } from './containerd-rules.ts';
import { emptyTable, type Sourced, type SourcedTable, tableAt, withEntry } from './containerd-sourced.ts';

/** The plugin's name in a version 1 file. */
export const criV1 = 'cri';
/** The plugin's name in a version 2 file, and of the CRI server alone from version 3. */
export const criV2 = 'io.containerd.grpc.v1.cri';
/** The name of what pulls images, from version 3. */
export const criImages = 'io.containerd.cri.v1.images';

/** The name of what runs containers, from version 3; CRI does not load without it. */
export const criRuntime = 'io.containerd.cri.v1.runtime';

/** Version 1 names become version 2 names (containerd 2.x: v1MigratePluginName). */
export function renamePlugin(name: string): string {
  if (name.includes('.')) return name;
  return name === criV1 ? criV2 : `io.containerd.grpc.v1.${name}`;
}

/** `renamePlugin` for every key of `[plugins]`. */
export function renamePlugins(plugins: SourcedTable): SourcedTable {
  return { ...plugins, entries: new Map([...plugins.entries].map(([name, value]) => [renamePlugin(name), value])) };
}

/**
 * Moves the image settings of `io.containerd.grpc.v1.cri` to `io.containerd.cri.v1.images`, over what stands there
 * (containerd 2.x: plugins/cri/images/plugin.go, configMigration; it leaves the old ones in place, where nothing reads
 * them). The settings below `containerd` come along only when that table has `runtimes`, as there.
 */
export function migrateCri(plugins: SourcedTable, rules: ContainerdRules): SourcedTable {
  const old = tableAt(plugins, criV2);
  if (old === null) return plugins;
  const left = new Map(old.entries);
  let images = tableAt(plugins, criImages) ?? emptyTable(old.source);
  const sandbox = left.get('sandbox_image');
  if (sandbox !== undefined) {
    const pinned = tableAt(images, 'pinned_images') ?? emptyTable(sandbox.source);
    images = withEntry(images, 'pinned_images', withEntry(pinned, 'sandbox', sandbox));
    left.delete('sandbox_image');
  }
  for (const key of ['registry', 'max_concurrent_downloads', 'image_pull_with_sync_fs']) {
    const value = left.get(key);
    if (value !== undefined) images = withEntry(images, key, value);
    left.delete(key);
  }
  const containerd = tableAt(old, 'containerd');
  if (tableAt(containerd, 'runtimes') !== null) {
    for (const key of ['disable_snapshot_annotations', 'discard_unpacked_layers']) {
      const value = containerd?.entries.get(key);
      if (value !== undefined) images = withEntry(images, key, value);
    }
  }
  const registry = tableAt(images, 'registry');
  const path: Sourced | undefined = registry?.entries.get('config_path');
  // 2.2.0 and 2.2.1 take an empty path of an older file for an unset one.
  if (rules.defaultConfigPath === 'always' && registry !== null && path?.kind === 'value' && path.value === '') {
    const entries = new Map(registry.entries);
    entries.delete('config_path');
    images = withEntry(images, 'registry', { ...registry, entries });
  }
  return withEntry(withEntry(plugins, criV2, { ...old, entries: left }), criImages, images);
}
