import type { Problem } from '../model/problem.ts';
import { at } from './crio-fields.ts';
import { crioHome, misconfigured, readTomlFile, suspicious, unread } from './crio-files.ts';
import { type HostFiles, sourceName } from './host-files.ts';
import {
  type RegistriesFile,
  type RegistryEntry,
  readAliases,
  readRegistriesFile,
  type ShortNameAlias,
} from './registries-conf.ts';
import { sortedOnce } from './registries-conf-entries.ts';

/** registries.conf with its drop-ins, merged. */
export interface RegistriesConf {
  /** Files read, in order, below the host root. */
  readonly files: readonly string[];
  /** False when a file is broken: CRI-O then uses none of them and pulls nothing. */
  readonly usable: boolean;
  readonly registries: readonly RegistryEntry[];
  readonly search: RegistriesFile['search'];
  /** The main file, which the runtime names when no search registry is set; null when there is none. */
  readonly mainFile: string | null;
  readonly shortNameMode: RegistriesFile['shortNameMode'];
  readonly aliases: ReadonlyMap<string, ShortNameAlias>;
  readonly problems: readonly Problem[];
}

const systemFile = '/etc/containers/registries.conf';
const systemDropIns = '/etc/containers/registries.conf.d';
const userFile = `${crioHome}/.config/containers/registries.conf`;
const userDropIns = `${crioHome}/.config/containers/registries.conf.d`;

/** Where `podman pull` and the like record chosen short names; for root (shortnames.go). It comes before registries.conf. */
const aliasCacheFile = '/var/cache/containers/short-name-aliases.conf';

const consequence =
  'CRI-O then uses no registries.conf at all: every pull of this node fails and CRI-O does not start (one that runs keeps what it last loaded).';

/**
 * Reads registries.conf as CRI-O does (sysregistriesv2, newConfigWrapper and tryUpdatingCache): root's own
 * ~/.config/containers/registries.conf, when there is one, replaces the system's file and its drop-ins; drop-ins follow
 * in the order of their names. There is no fallback in /usr/share (containers/image v5.38, CRI-O up to 1.36).
 */
export async function readRegistriesConf(host: HostFiles): Promise<RegistriesConf> {
  const problems: Problem[] = [];
  const parts: RegistriesFile[] = [];
  const files: string[] = [];
  let usable = true;

  async function add(path: string, dropIn: boolean): Promise<boolean> {
    const file = await readTomlFile(host, path, consequence);
    if (file.kind === 'absent') return false;
    const source = sourceName(path);
    files.push(source);
    if (file.kind !== 'parsed') {
      problems.push(file.problem);
      if (file.kind === 'broken') usable = false;
      return true;
    }
    const part = readRegistriesFile(file.document, source, dropIn);
    if (part.ok) parts.push(part.value);
    else {
      usable = false;
      problems.push(misconfigured(at(source, part.error.line), `${source} ${part.error.message}; ${consequence}`));
    }
    return true;
  }

  const user = (await host.info(userFile)).ok;
  const mainPath = user ? userFile : systemFile;
  const mainFound = await add(mainPath, false);
  if (user && (await host.info(systemFile)).ok) {
    const message = `${sourceName(userFile)} exists, so CRI-O reads neither ${sourceName(systemFile)} nor its drop-ins.`;
    problems.push(suspicious(sourceName(userFile), message));
  }
  for (const directory of user ? [userDropIns] : [systemDropIns, userDropIns]) {
    for (const path of await dropIns(host, directory, problems)) await add(path, true);
  }
  const merged = mergeRegistries(parts);
  for (const part of parts) {
    for (const { source, message } of part.ignored) problems.push(suspicious(source, message));
  }
  return { ...merged, files, usable, mainFile: mainFound ? sourceName(mainPath) : null, problems };
}

/** What the parts amount to, in their order (updateWithConfigurationFrom). */
export function mergeRegistries(
  parts: readonly RegistriesFile[],
): Pick<RegistriesConf, 'registries' | 'search' | 'shortNameMode' | 'aliases'> {
  const registries = new Map<string, RegistryEntry>();
  const aliases = new Map<string, ShortNameAlias>();
  let search: RegistriesFile['search'] = null;
  let shortNameMode: RegistriesFile['shortNameMode'] = null;
  for (const part of parts) {
    // A later entry with the same prefix replaces the earlier one whole, mirrors included.
    for (const entry of part.registries) registries.set(entry.prefix, entry);
    for (const [name, alias] of part.aliases) aliases.set(name, alias);
    search = part.search ?? search;
    shortNameMode = part.shortNameMode ?? shortNameMode;
  }
  return { registries: sortedOnce([...registries.values()]), search, shortNameMode, aliases };
}

/** Root's recorded short names. */
export interface AliasCache {
  /** The file when it exists, below the host root. */
  readonly file: string | null;
  readonly aliases: ReadonlyMap<string, ShortNameAlias>;
  /** A broken file fails the pull of every short name. */
  readonly problem: Problem | null;
}

/** Reads root's recorded short names, which CRI-O consults for a short name before registries.conf. */
export async function readAliasCache(host: HostFiles): Promise<AliasCache> {
  const source = sourceName(aliasCacheFile);
  const broken = 'the pull of every short name fails until it is repaired or removed.';
  const file = await readTomlFile(host, aliasCacheFile, broken);
  if (file.kind === 'absent') return { file: null, aliases: new Map(), problem: null };
  if (file.kind !== 'parsed') return { file: source, aliases: new Map(), problem: file.problem };
  const aliases = readAliases(file.document, source);
  if (aliases.ok) return { file: source, aliases: aliases.value, problem: null };
  const message = `${source} ${aliases.error.message}; ${broken}`;
  return { file: source, aliases: new Map(), problem: misconfigured(at(source, aliases.error.line), message) };
}

/** The `*.conf` files of a drop-in folder, in the order of their names; folders in it are not entered. */
async function dropIns(host: HostFiles, directory: string, problems: Problem[]): Promise<readonly string[]> {
  const names = await host.list(directory);
  if (!names.ok) {
    if (names.error.kind === 'absent') return [];
    problems.push(unread(names.error));
    return [];
  }
  if ((await host.link(directory)).ok) {
    // Go's WalkDir does not follow a link that it starts at.
    const source = sourceName(directory);
    problems.push(suspicious(source, `${source} is a symbolic link, and CRI-O reads no drop-in through one.`));
    return [];
  }
  const paths: string[] = [];
  for (const name of names.value) {
    const path = `${directory}/${name}`;
    if (!name.endsWith('.conf')) continue;
    const info = await host.info(path);
    // A link to a folder is opened like a file, and that fails.
    if (info.ok && info.value.type === 'directory' && !(await host.link(path)).ok) continue;
    paths.push(path);
  }
  return paths;
}
