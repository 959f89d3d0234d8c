import { posix } from 'node:path';
import { limits } from '../lib/limits.ts';
import type { Problem } from '../model/problem.ts';
import { fileFailureWords, hitsRuntime } from './certs-directory.ts';
import { type ConfigFile, type Named, type Refusal, readConfigFile } from './containerd-config-file.ts';
import { criImages, criRuntime, criV1, criV2, migrateCri, renamePlugin, renamePlugins } from './containerd-migrate.ts';
import { harmless, keepsFromStarting, misconfigured } from './containerd-problem.ts';
import type { ContainerdRules } from './containerd-rules.ts';
import { emptyTable, mergeTables, replaceEntries, type SourcedTable, tableAt } from './containerd-sourced.ts';
import { expandGlob } from './go-glob.ts';
import { type HostFiles, sourceName } from './host-files.ts';

/** containerd's own configuration, its imports taken in. */
export interface ContainerdConfig {
  /** Every file that was read, in order. */
  readonly files: readonly string[];
  readonly problems: readonly Problem[];
  /** False: containerd does not start with these files, and a problem says why. */
  readonly starts: boolean;
  /** The table that sets how images are pulled, under the name that this version reads; null when there is none. */
  readonly section: SourcedTable | null;
  /** Where the CRI plugin is disabled; null when it is not. */
  readonly disabled: string | null;
  /** The folder that it keeps images in. */
  readonly root: Named;
}

/** `defaults.DefaultRootDir` of every version, on Linux. */
const defaultRoot = '/var/lib/containerd';

/** The state that LoadConfig carries from file to file. */
interface Merged {
  version: number;
  /** The version of the first file that gives one (2.3 and later look at it). */
  rootVersion: number;
  root: Named;
  plugins: SourcedTable;
  readonly disabled: Named[];
  readonly required: Named[];
}

/**
 * Reads config.toml and what it imports in containerd's order: breadth first, a later file over an earlier one, each
 * path once, so that a cycle ends. An absent main file means all defaults. Source: LoadConfig, resolveImports and
 * mergeConfig in services/server/config/config.go (1.x) and cmd/containerd/server/config/config.go (2.x).
 */
export async function readContainerdConfig(
  host: HostFiles,
  path: string,
  rules: ContainerdRules,
): Promise<ContainerdConfig> {
  const files: string[] = [];
  const problems: Problem[] = [];
  const refuse = ({ source, why }: Refusal): ContainerdConfig => {
    problems.push(keepsFromStarting(source, `${why}, so containerd ${rules.label} does not start with it.`));
    return { files, problems, starts: false, section: null, disabled: null, root: merged.root };
  };
  const merged: Merged = {
    version: rules.tomlV2 ? rules.newestConfig : 1,
    rootVersion: 0,
    root: { name: defaultRoot, source: 'default' },
    plugins: emptyTable('default'),
    disabled: [],
    required: [],
  };
  const seen = new Set<string>();
  const pending: Named[] = [{ name: path, source: sourceName(path) }];

  for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
    if (seen.has(next.name)) continue;
    seen.add(next.name);
    const main = next.name === path;
    const text = await host.readText(next.name);
    if (!text.ok) {
      if (main && text.error.kind === 'absent') continue;
      const what = `${main ? 'The configuration file' : `The imported file ${sourceName(next.name)}`} ${fileFailureWords(text.error)}`;
      if (hitsRuntime(text.error)) return refuse({ source: next.source, why: what });
      problems.push(harmless(next.source, `${what}, so the plan leaves its settings out.`));
      continue;
    }
    files.push(sourceName(next.name));
    const file = readConfigFile(text.value, sourceName(next.name), rules);
    if (!file.ok) return refuse(file.error);
    if (file.value.oddity !== null) {
      const { source, why } = file.value.oddity;
      problems.push(
        misconfigured('warning', source, `${why}, and releases of containerd ${rules.label} do not start with it.`),
      );
    }
    merged.root = file.value.root ?? merged.root;
    const refusal = mergeFile(merged, file.value, rules);
    if (refusal !== null) return refuse(refusal);
    for (const item of file.value.imports) {
      const found = await resolveImport(host, next.name, item.name, rules);
      if (found === null) return refuse({ source: item.source, why: `The import ${item.name} is not a valid pattern` });
      pending.push(...found.map((name) => ({ name, source: item.source })));
    }
    if (pending.length > limits.configImports) {
      problems.push(
        misconfigured(
          'warning',
          file.value.source,
          `It imports more than ${limits.configImports} files, and the plan reads no more.`,
        ),
      );
      pending.length = 0;
    }
  }

  if (rules.imports === 'merged' && merged.version < rules.newestConfig) {
    merged.plugins = migrateCri(merged.plugins, rules);
  }
  const invalid = invalidConfig(merged, files[0] ?? sourceName(path), rules);
  if (invalid !== null) return refuse(invalid);
  const name = rules.tomlV2 ? criImages : merged.version === 1 ? criV1 : criV2;
  problems.push(...ignoredSections(merged, name, rules));
  const needed = rules.tomlV2 ? [criV2, criImages, criRuntime] : [merged.version === 1 ? criV1 : criV2];
  const off = merged.disabled.find((item) => needed.includes(item.name));
  problems.push(...ineffectiveDisabling(merged, needed, rules));
  return {
    files,
    problems,
    starts: true,
    section: tableAt(merged.plugins, name),
    disabled: off?.source ?? null,
    root: merged.root,
  };
}

function mergeFile(merged: Merged, file: ConfigFile, rules: ContainerdRules): Refusal | null {
  let { version, plugins, disabled, required } = file;
  if (rules.imports === 'each') {
    if (merged.rootVersion === 0) merged.rootVersion = version;
    if (version > merged.rootVersion) {
      return {
        source: file.source,
        why: `It has version ${version}, above the version ${merged.rootVersion} of the file that imports it`,
      };
    }
  }
  if (rules.imports !== 'replace' && version < 2) {
    const rename = (item: Named): Named => ({ ...item, name: renamePlugin(item.name) });
    plugins = renamePlugins(plugins);
    disabled = disabled.map(rename);
    required = required.map(rename);
    // From here on it counts as a file of the version reached so far, and 2.0 to 2.2 migrate nothing more of it.
    if (rules.imports === 'merged') version = merged.version;
  }
  if (rules.imports === 'each' && version < merged.version) {
    plugins = migrateCri(plugins, rules);
    version = merged.version;
  }
  if (version !== 0) merged.version = version;
  merged.plugins =
    rules.imports === 'replace' ? replaceEntries(merged.plugins, plugins) : mergeTables(merged.plugins, plugins);
  merged.disabled.push(...disabled);
  merged.required.push(...required);
  return null;
}

/** The files that one entry of `imports` names; null for a malformed pattern. */
async function resolveImport(
  host: HostFiles,
  parent: string,
  pattern: string,
  rules: ContainerdRules,
): Promise<string[] | null> {
  const glob = pattern.includes('*');
  // Before 1.6.29 and 1.7.16 a relative glob counts from the process's folder: the root, under systemd.
  const folder = glob && !rules.globsFromFile ? '/' : posix.dirname(parent);
  const path = posix.resolve(folder, pattern);
  return glob ? expandGlob(host, path) : [path];
}

/** ValidateV2 and ValidateVersion: names and versions that keep containerd from starting. */
function invalidConfig(merged: Merged, file: string, rules: ContainerdRules): Refusal | null {
  if (merged.version > rules.newestConfig && rules.refusesNewerConfig) {
    return {
      source: file,
      why: `It has version ${merged.version}, and this containerd knows versions up to ${rules.newestConfig}`,
    };
  }
  if (!rules.tomlV2 && merged.version < 2) return null;
  const valid = (name: string): boolean => {
    if (rules.tomlV2) return name.includes('.');
    return name.split('.').length >= 4 && (!rules.pluginPrefixChecked || name.startsWith('io.containerd.'));
  };
  for (const item of [...merged.disabled, ...merged.required]) {
    if (valid(item.name)) continue;
    const hint = item.name === criV1 ? `; its name from version 2 on is ${criV2}` : '';
    return { source: item.source, why: `The plugin name "${item.name}" is not complete${hint}` };
  }
  if (rules.tomlV2) return null;
  for (const [name, value] of merged.plugins.entries) {
    if (valid(name)) continue;
    const hint = name === criV1 ? `; its name from version 2 on is ${criV2}` : '';
    return { source: value.source, why: `The plugin name "${name}" is not complete${hint}` };
  }
  return null;
}

/** Settings of the CRI plugin under a name that this version does not read them from. */
function ignoredSections(merged: Merged, read: string, rules: ContainerdRules): Problem[] {
  return [criV1, criV2, criImages].flatMap((name) => {
    const table = name === read ? null : tableAt(merged.plugins, name);
    const rest = ['registry', 'sandbox_image', 'pinned_images'].filter((key) => table?.entries.has(key));
    const first = rest[0];
    if (table === null || first === undefined) return [];
    const source = table.entries.get(first)?.source ?? table.source;
    return [misconfigured('warning', source, ignoredWords(name, read, rest, merged.version, rules))];
  });
}

function ignoredWords(
  name: string,
  read: string,
  keys: readonly string[],
  version: number,
  rules: ContainerdRules,
): string {
  const what = `containerd ${rules.label} ignores ${keys.join(' and ')} under [plugins."${name}"]`;
  if (!rules.tomlV2 && version === 1) return `${what}: without "version = 2" it reads [plugins.${criV1}] only.`;
  if (!rules.tomlV2) return `${what}: it reads [plugins."${read}"].`;
  return `${what}: with these file versions it reads [plugins."${read}"] only.`;
}

/** `disabled_plugins` with a name that does not disable what it seems to. */
function ineffectiveDisabling(merged: Merged, needed: readonly string[], rules: ContainerdRules): Problem[] {
  if (rules.tomlV2 || merged.version !== 1) return [];
  return merged.disabled
    .filter((item) => item.name === criV2 && !needed.includes(item.name))
    .map((item) =>
      misconfigured(
        'warning',
        item.source,
        `In a version 1 file the CRI plugin is named "${criV1}", so containerd ${rules.label} does not disable it.`,
      ),
    );
}
