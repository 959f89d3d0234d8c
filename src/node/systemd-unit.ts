import { posix } from 'node:path';
import type { Secret } from '../lib/secret.ts';
import { withoutTrailing } from '../lib/trailing.ts';
import type { Problem } from '../model/problem.ts';
import {
  intendedVariable,
  type ParsedEnvironment,
  parseAssignments,
  parseEnvironmentFile,
} from './environment-file.ts';
import { type HostFiles, sourceName } from './host-files.ts';

/** One variable of a unit's environment. */
export interface UnitVariable {
  readonly name: string;
  readonly value: Secret;
  /** `etc/systemd/system/containerd.service.d/proxy.conf:3`. */
  readonly source: string;
}

/** Text that was meant to set a variable and sets none. */
export interface IgnoredAssignment {
  readonly text: Secret;
  readonly source: string;
}

/** A service as systemd would start it now, as far as its environment goes. */
export interface Unit {
  readonly name: string;
  /** The unit file; null when there is none, or it is masked. Drop-ins may stand alone. */
  readonly fragment: string | null;
  /** The drop-ins that apply, in order. */
  readonly dropIns: readonly string[];
  /** What is in force, each name once. */
  readonly environment: readonly UnitVariable[];
  /** The environment files that were read or are missing, in order. */
  readonly environmentFiles: readonly { readonly path: string; readonly source: string; readonly found: boolean }[];
  readonly ignored: readonly IgnoredAssignment[];
  readonly problems: readonly Problem[];
}

/** The folders of system units, the strongest first (systemd.unit(5), "Unit File Load Path"). */
const unitFolders = [
  '/etc/systemd/system.control',
  '/run/systemd/system.control',
  '/run/systemd/transient',
  '/run/systemd/generator.early',
  '/etc/systemd/system',
  '/etc/systemd/system.attached',
  '/run/systemd/system',
  '/run/systemd/system.attached',
  '/run/systemd/generator',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
  '/run/systemd/generator.late',
];

/** Where the manager's own settings lie, the strongest first (systemd-system.conf(5)); `DefaultEnvironment=` counts here. */
const managerFolders = ['/etc/systemd', '/run/systemd', '/usr/local/lib/systemd', '/usr/lib/systemd'];

/** What the unit folders hold; read once, then asked for many units. */
export interface UnitFolders {
  readonly folders: readonly { readonly path: string; readonly names: ReadonlySet<string> }[];
  readonly defaults: readonly Assigned[];
}

/** Lists the unit folders and reads the manager's `DefaultEnvironment=`. */
export async function readUnitFolders(host: HostFiles): Promise<UnitFolders> {
  const [folders, defaults] = await Promise.all([listFolders(host, unitFolders), readDefaults(host)]);
  return { folders, defaults };
}

/**
 * Reads a service with its drop-ins (systemd.unit(5)): drop-ins of the unit, of its name's prefixes (`foo-.service.d`)
 * and of its type (`service.d`), sorted by file name whatever their folder; of two with one name the stronger folder's
 * counts. A mask hides the weaker ones: a link to /dev/null or an empty file.
 */
export async function readUnit(host: HostFiles, name: string, known?: UnitFolders): Promise<Unit> {
  const { folders, defaults } = known ?? (await readUnitFolders(host));
  const state: State = { variables: [], unset: [], files: [], ignored: [], problems: [] };
  const fragment = await findFragment(host, folders, name);
  if (fragment !== null) apply(state, fragment);
  const dropIns = await findDropIns(host, folders, name);
  for (const dropIn of dropIns) apply(state, dropIn);

  const files = await Promise.all(state.files.map((file) => readEnvironmentFiles(host, file)));
  for (const file of files.flat()) addFile(state, file);
  const effective = new Map<string, UnitVariable>();
  for (const { name: variable, value, source } of [...defaults, ...state.variables]) {
    effective.delete(variable);
    effective.set(variable, { name: variable, value, source });
  }
  for (const variable of state.unset) effective.delete(variable);
  return {
    name,
    fragment: fragment === null ? null : sourceName(fragment.path),
    dropIns: dropIns.map((file) => sourceName(file.path)),
    environment: [...effective.values()],
    environmentFiles: files
      .flat()
      .map(({ path, source, text }) => ({ path: sourceName(path), source, found: text !== null })),
    ignored: state.ignored,
    problems: [...state.problems, ...state.ignored.map((item) => ignoredProblem(item, effective))],
  };
}

/** The variables that one text set, in order; kept until the unit is complete because a later line may reset them. */
type Assigned = UnitVariable;

interface State {
  variables: Assigned[];
  unset: string[];
  files: { pattern: string; optional: boolean; source: string }[];
  ignored: (IgnoredAssignment & { why: string })[];
  problems: Problem[];
}

interface ConfigFile {
  readonly path: string;
  readonly text: string;
}

/** One `Key=value` of a unit file; `lineAt` gives the line on which an offset of the value stands. */
export interface Setting {
  readonly section: string;
  readonly key: string;
  readonly value: string;
  readonly line: number;
  readonly lineAt: (offset: number) => number;
}

/**
 * The settings of a unit file in order (systemd src/shared/conf-parser.c): a backslash at a line's end joins the next
 * line to it with a space in its place, and comment lines in between are left out.
 */
export function parseUnitFile(text: string): Setting[] {
  const settings: Setting[] = [];
  let section = '';
  let joined: { text: string; starts: { offset: number; line: number }[] } | null = null;
  const lines = text.replace(/^\ufeff/, '').split('\n');
  for (const [index, raw] of lines.entries()) {
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (/^\s*[#;]/.test(line)) continue;
    joined ??= { text: '', starts: [] };
    joined.starts.push({ offset: joined.text.length, line: index + 1 });
    const continued = ((line.length - withoutTrailing(line, '\\').length) & 1) === 1;
    joined.text += continued ? `${line.slice(0, -1)} ` : line;
    if (continued && index < lines.length - 1) continue;
    const { text: logical, starts } = joined;
    joined = null;
    const header = /^\s*\[([^\]]*)\]\s*$/.exec(logical);
    if (header !== null) {
      section = header[1] ?? '';
      continue;
    }
    const equals = logical.indexOf('=');
    if (equals === -1) continue;
    const key = logical.slice(0, equals).trim();
    const behind = logical.slice(equals + 1);
    const value = behind.trim();
    const head = logical.slice(0, logical.length - behind.trimStart().length);
    const lineAt = (offset: number): number =>
      starts.findLast((start) => start.offset <= head.length + offset)?.line ?? index + 1;
    settings.push({ section, key, value, line: starts[0]?.line ?? index + 1, lineAt });
  }
  return settings;
}

function apply(state: State, file: ConfigFile): void {
  const source = sourceName(file.path);
  for (const setting of parseUnitFile(file.text)) {
    if (setting.section !== 'Service') continue;
    if (setting.key === 'Environment') {
      if (setting.value === '') state.variables = [];
      else addParsed(state, parseAssignments(setting.value, setting.lineAt), source);
    } else if (setting.key === 'EnvironmentFile') {
      if (setting.value === '') state.files = [];
      else {
        const optional = setting.value.startsWith('-');
        const pattern = optional ? setting.value.slice(1) : setting.value;
        state.files.push({ pattern: pattern.replace(/%%/g, '%'), optional, source: `${source}:${setting.line}` });
      }
    } else if (setting.key === 'UnsetEnvironment') {
      if (setting.value === '') state.unset = [];
      // An entry `NAME=value` unsets that value only; proxies are unset by name.
      else state.unset.push(...setting.value.split(/\s+/).filter((name) => !name.includes('=')));
    }
  }
}

function addParsed(state: State, parsed: ParsedEnvironment, source: string): void {
  for (const entry of parsed.entries) {
    state.variables.push({ name: entry.name, value: entry.value, source: `${source}:${entry.line}` });
  }
  for (const item of parsed.ignored) {
    state.ignored.push({ text: item.text, source: `${source}:${item.line}`, why: item.why });
  }
}

interface EnvironmentText {
  readonly path: string;
  readonly source: string;
  readonly optional: boolean;
  /** Null: it could not be read. */
  readonly text: string | null;
}

function addFile(state: State, file: EnvironmentText): void {
  if (file.text !== null) {
    addParsed(state, parseEnvironmentFile(file.text), sourceName(file.path));
  } else if (!file.optional) {
    state.problems.push({
      severity: 'warning',
      cause: 'runtime-misconfigured',
      source: file.source,
      message: `The environment file ${file.path} cannot be read; systemd does not start the service without it.`,
    });
  }
}

async function readEnvironmentFiles(
  host: HostFiles,
  file: { pattern: string; optional: boolean; source: string },
): Promise<EnvironmentText[]> {
  const paths = await expandPattern(host, file.pattern);
  return Promise.all(
    paths.map(async (path) => {
      const text = await host.readText(path);
      return { path, source: file.source, optional: file.optional, text: text.ok ? text.value : null };
    }),
  );
}

/** The files that a pattern names; shell patterns are taken in the last part of the path. */
async function expandPattern(host: HostFiles, pattern: string): Promise<string[]> {
  const name = posix.basename(pattern);
  if (!/[*?[]/.test(name)) return [pattern];
  const folder = posix.dirname(pattern);
  const names = await host.list(folder);
  return names.ok
    ? names.value.filter((item) => posix.matchesGlob(item, name)).map((item) => posix.join(folder, item))
    : [];
}

async function listFolders(host: HostFiles, paths: readonly string[]): Promise<UnitFolders['folders']> {
  const listed = await Promise.all(
    paths.map(async (path) => {
      const names = await host.list(path);
      return { path, names: new Set(names.ok ? names.value : []) };
    }),
  );
  return listed.filter((folder) => folder.names.size > 0);
}

async function findFragment(
  host: HostFiles,
  folders: UnitFolders['folders'],
  name: string,
): Promise<ConfigFile | null> {
  const folder = folders.find((candidate) => candidate.names.has(name));
  if (folder === undefined) return null;
  const path = posix.join(folder.path, name);
  const text = await host.readText(path);
  return text.ok && text.value.trim() !== '' ? { path, text: text.value } : null;
}

/** The drop-ins of a unit in the order in which they apply; the folders of its own name beat those of its type. */
async function findDropIns(host: HostFiles, folders: UnitFolders['folders'], name: string): Promise<ConfigFile[]> {
  const paths: string[] = [];
  for (const folderName of dropInFolders(name)) {
    for (const folder of folders) if (folder.names.has(folderName)) paths.push(posix.join(folder.path, folderName));
  }
  return readConfFiles(host, paths);
}

/** Every `*.conf` in the folders (the strongest first), each file name once, sorted by file name. */
async function readConfFiles(host: HostFiles, folders: readonly string[]): Promise<ConfigFile[]> {
  const chosen = new Map<string, string>();
  const listed = await Promise.all(folders.map(async (folder) => ({ folder, names: await host.list(folder) })));
  for (const { folder, names } of listed) {
    if (!names.ok) continue;
    for (const name of names.value) {
      if (name.endsWith('.conf') && !chosen.has(name)) chosen.set(name, posix.join(folder, name));
    }
  }
  const sorted = [...chosen].sort(([a], [b]) => (a < b ? -1 : 1));
  const files = await Promise.all(
    sorted.map(async ([, path]): Promise<ConfigFile | null> => {
      const text = await host.readText(path);
      return text.ok ? { path, text: text.value } : null;
    }),
  );
  return files.filter((file) => file !== null);
}

/** `a-b.service` → `a-b.service.d`, `a-.service.d`, `service.d`. */
function dropInFolders(name: string): string[] {
  const dot = name.lastIndexOf('.');
  const stem = name.slice(0, dot);
  const type = name.slice(dot + 1);
  const folders = [`${name}.d`];
  for (let dash = stem.lastIndexOf('-', stem.length - 2); dash > 0; dash = stem.lastIndexOf('-', dash - 1)) {
    folders.push(`${stem.slice(0, dash + 1)}.${type}.d`);
  }
  return [...folders, `${type}.d`];
}

async function readDefaults(host: HostFiles): Promise<Assigned[]> {
  const main = await Promise.all(managerFolders.map((folder) => host.readText(`${folder}/system.conf`)));
  const first = main.findIndex((text) => text.ok);
  const text = main[first];
  const files = await readConfFiles(
    host,
    managerFolders.map((folder) => `${folder}/system.conf.d`),
  );
  if (text?.ok) files.unshift({ path: `${managerFolders[first]}/system.conf`, text: text.value });
  let defaults: Assigned[] = [];
  for (const file of files) {
    for (const setting of parseUnitFile(file.text)) {
      if (setting.section !== 'Manager' || setting.key !== 'DefaultEnvironment') continue;
      if (setting.value === '') defaults = [];
      for (const entry of parseAssignments(setting.value, setting.lineAt).entries) {
        defaults.push({ name: entry.name, value: entry.value, source: `${sourceName(file.path)}:${entry.line}` });
      }
    }
  }
  return defaults;
}

/**
 * An ignored assignment of HTTPS_PROXY is an error when nothing else sets the variable: the proxy that the node's
 * owner meant is not in force. Everything else that systemd ignores is a warning.
 */
function ignoredProblem(item: IgnoredAssignment & { why: string }, effective: ReadonlyMap<string, unknown>): Problem {
  const variable = intendedVariable(item.text.reveal());
  if (variable === null) {
    const message = `An assignment is ignored: ${item.why}.`;
    return { severity: 'warning', cause: 'runtime-misconfigured', source: item.source, message };
  }
  const upper = variable.name.toUpperCase();
  const set = effective.has(upper) || effective.has(upper.toLowerCase());
  return {
    severity: upper === 'HTTPS_PROXY' && !set ? 'error' : 'warning',
    cause: 'proxy-misconfigured',
    source: item.source,
    message: `The assignment of ${variable.name} is ignored by systemd: ${item.why}${set ? '' : '; the variable is not set'}.`,
  };
}
