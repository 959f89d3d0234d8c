import { parseReference } from '../image/reference.ts';
import { limits } from '../lib/limits.ts';
import type { Problem } from '../model/problem.ts';
import { at, type FieldTable, rootTable } from './crio-fields.ts';
import { misconfigured, readTomlFile, suspicious, unread } from './crio-files.ts';
import { crioMinor, defaultPauseImage, insecureRegistriesUntil, shortNameModeSince } from './crio-version.ts';
import { parseGoDuration } from './go-duration.ts';
import { type HostFiles, sourceName } from './host-files.ts';

/** A setting in force, with the line that sets it, or `default`. */
export interface Setting<T> {
  readonly value: T;
  readonly source: string;
}

/** The parts of crio.conf that bear on pulls (`[crio.image]`, and `listen` of `[crio.api]`). */
export interface CrioConfig {
  /** Files read, in order, below the host root. */
  readonly files: readonly string[];
  readonly pauseImage: Setting<string>;
  /** Null: not set. Used for the pause image alone. */
  readonly pauseImageAuthFile: Setting<string> | null;
  /** Null: not set. */
  readonly globalAuthFile: Setting<string> | null;
  /** Null: containers/image's own places. */
  readonly signaturePolicy: Setting<string> | null;
  /** Folder of `<namespace>.json`. */
  readonly signaturePolicyDir: Setting<string>;
  /** As written, `10s`; `0` is off. */
  readonly pullProgressTimeout: Setting<string>;
  /** What CRI-O does with short names, whatever registries.conf says. */
  readonly shortNameMode: Setting<'enforcing' | 'disabled'>;
  readonly insecureRegistries: Setting<readonly string[]> | null;
  /** The socket, when crio.conf sets it. */
  readonly listen: Setting<string> | null;
  readonly problems: readonly Problem[];
}

const mainFile = '/etc/crio/crio.conf';
const dropInDirectory = '/etc/crio/crio.conf.d';
/** CRI-O walks the drop-in folder without a limit; nobody nests it deeper. */
const maxDepth = 8;

const consequence = 'CRI-O does not start with it (one that runs keeps what it last loaded).';

/** Keys of `[crio.image]` that people put into another table, where CRI-O ignores them in silence. */
const imageKeys = [
  'pause_image',
  'pause_image_auth_file',
  'global_auth_file',
  'signature_policy',
  'signature_policy_dir',
  'insecure_registries',
  'short_name_mode',
  'pull_progress_timeout',
];

interface Draft {
  pauseImage: Setting<string> | null;
  pauseImageAuthFile: Setting<string> | null;
  globalAuthFile: Setting<string> | null;
  signaturePolicy: Setting<string> | null;
  signaturePolicyDir: Setting<string> | null;
  pullProgressTimeout: Setting<string | number> | null;
  shortNameMode: Setting<string> | null;
  insecureRegistries: Setting<readonly string[]> | null;
  listen: Setting<string> | null;
}

/**
 * Reads /etc/crio/crio.conf and then every file below /etc/crio/crio.conf.d, whatever its name, in the order of the
 * names; a later value replaces an earlier one (cri-o pkg/config, UpdateFromFile and UpdateFromPath). Values given on
 * crio's command line or in its environment are not known here.
 */
export async function readCrioConfig(host: HostFiles, version: string | null): Promise<CrioConfig> {
  const problems: Problem[] = [];
  const files: string[] = [];
  const draft: Draft = {
    pauseImage: null,
    pauseImageAuthFile: null,
    globalAuthFile: null,
    signaturePolicy: null,
    signaturePolicyDir: null,
    pullProgressTimeout: null,
    shortNameMode: null,
    insecureRegistries: null,
    listen: null,
  };
  const paths = [mainFile, ...(await dropIns(host, dropInDirectory, 0, problems))];
  for (const path of paths) {
    const file = await readTomlFile(host, path, consequence);
    if (file.kind === 'absent') continue;
    const source = sourceName(path);
    files.push(source);
    if (file.kind !== 'parsed') {
      problems.push(file.problem);
      continue;
    }
    if (/(~|\.(bak|old|orig|rpmsave|rpmnew|swp|dpkg-\w+|disabled))$/.test(path)) {
      const message = `${source} looks like a left-over, and CRI-O reads it: it takes every file of that folder.`;
      problems.push(suspicious(source, message));
    }
    const root = rootTable(file.document);
    apply(root, source, draft, problems);
    const wrong = root.errors[0];
    if (wrong !== undefined) {
      problems.push(misconfigured(at(source, wrong.line), `${source}: ${wrong.message}; ${consequence}`));
    }
  }
  const settings = settled(draft, crioMinor(version), problems);
  const marked = problems.map(
    (problem): Problem => (problem.severity === 'error' ? { ...problem, atStart: true } : problem),
  );
  return { files, ...settings, problems: marked };
}

function apply(root: FieldTable, file: string, draft: Draft, problems: Problem[]): void {
  const crio = root.table('crio');
  const image = crio.table('image');
  const text = (table: FieldTable, key: string): Setting<string> | null => {
    const field = table.string(key);
    return field === null ? null : { value: field.value, source: at(file, field.line) };
  };
  draft.pauseImage = text(image, 'pause_image') ?? draft.pauseImage;
  draft.pauseImageAuthFile = text(image, 'pause_image_auth_file') ?? draft.pauseImageAuthFile;
  draft.globalAuthFile = text(image, 'global_auth_file') ?? draft.globalAuthFile;
  draft.signaturePolicy = text(image, 'signature_policy') ?? draft.signaturePolicy;
  draft.signaturePolicyDir = text(image, 'signature_policy_dir') ?? draft.signaturePolicyDir;
  draft.shortNameMode = text(image, 'short_name_mode') ?? draft.shortNameMode;
  draft.listen = text(crio.table('api'), 'listen') ?? draft.listen;
  const timeout = image.duration('pull_progress_timeout');
  if (timeout !== null) draft.pullProgressTimeout = { value: timeout.value, source: at(file, timeout.line) };
  const insecure = image.strings('insecure_registries');
  if (insecure !== null) draft.insecureRegistries = { value: insecure.value, source: at(file, insecure.line) };

  for (const [table, name] of [
    [root, 'the top of the file'],
    [crio, '[crio]'],
    [crio.table('runtime'), '[crio.runtime]'],
  ] as const) {
    for (const key of table.keys) {
      if (!imageKeys.includes(key)) continue;
      const message = `${key} stands in ${name}, where CRI-O ignores it; its place is [crio.image].`;
      problems.push(suspicious(at(file, table.lineOf(key)), message));
    }
  }
  if (image.keys.includes('registries')) {
    const message =
      'registries in [crio.image] is ignored by CRI-O; search registries are unqualified-search-registries in registries.conf.';
    problems.push(suspicious(at(file, image.lineOf('registries')), message));
  }
}

function settled(draft: Draft, minor: number, problems: Problem[]): Omit<CrioConfig, 'files' | 'problems'> {
  const bad = (setting: { readonly source: string }, message: string) =>
    problems.push(misconfigured(setting.source, `${message}; ${consequence}`));
  const given = <T extends string>(setting: Setting<T> | null) => (setting?.value === '' ? null : setting);

  const pauseImage = draft.pauseImage ?? { value: defaultPauseImage(minor), source: 'default' };
  if (!parseReference(pauseImage.value).ok)
    bad(pauseImage, `pause_image = "${pauseImage.value}" is no image reference`);
  const policyDir = draft.signaturePolicyDir ?? { value: '/etc/crio/policies', source: 'default' };
  if (!policyDir.value.startsWith('/')) bad(policyDir, `signature_policy_dir = "${policyDir.value}" is not absolute`);

  // Up to 1.31 the time was fixed, then an option of 10 s, since 1.33 off (pull-facts: CRI-O).
  const timeout = draft.pullProgressTimeout ?? { value: minor >= 33 || minor < 30 ? '0' : '10s', source: 'default' };
  const duration = typeof timeout.value === 'number' ? `${timeout.value}ns` : timeout.value;
  if (parseGoDuration(duration) === null) {
    bad(timeout, `pull_progress_timeout = "${duration}" is no duration such as 10s`);
  }

  const insecure = draft.insecureRegistries;
  if (insecure !== null && insecure.value.length > 0 && minor >= insecureRegistriesUntil) {
    const message =
      'insecure_registries has no effect since CRI-O 1.35: set insecure = true for the registry in registries.conf.';
    problems.push(suspicious(insecure.source, message));
  }
  return {
    pauseImage,
    pauseImageAuthFile: given(draft.pauseImageAuthFile),
    globalAuthFile: given(draft.globalAuthFile),
    signaturePolicy: given(draft.signaturePolicy),
    signaturePolicyDir: policyDir,
    pullProgressTimeout: { value: duration, source: timeout.source },
    shortNameMode: settledMode(draft.shortNameMode, minor, bad),
    insecureRegistries: insecure,
    listen: given(draft.listen),
  };
}

/** Before 1.34 CRI-O took the first registry that has the image; since then it takes none of several. */
function settledMode(
  setting: Setting<string> | null,
  minor: number,
  bad: (setting: Setting<string>, message: string) => void,
): Setting<'enforcing' | 'disabled'> {
  if (minor < shortNameModeSince) return { value: 'disabled', source: 'default' };
  if (setting === null) return { value: 'enforcing', source: 'default' };
  if (setting.value === 'disabled') return { value: 'disabled', source: setting.source };
  if (setting.value !== 'enforcing' && setting.value !== '') {
    bad(setting, `short_name_mode = "${setting.value}" is neither enforcing nor disabled`);
  }
  return { value: 'enforcing', source: setting.source };
}

/** Every file below the folder, depth first by name, as Go's filepath.Walk goes; links to folders are not entered. */
async function dropIns(host: HostFiles, directory: string, depth: number, problems: Problem[]): Promise<string[]> {
  const names = await host.list(directory);
  if (!names.ok) {
    if (names.error.kind !== 'absent') problems.push(unread(names.error));
    return [];
  }
  if ((await host.link(directory)).ok) {
    const source = sourceName(directory);
    problems.push(
      misconfigured(source, `${source} is a symbolic link, which CRI-O tries to read as a file; ${consequence}`),
    );
    return [];
  }
  const paths: string[] = [];
  for (const name of names.value) {
    const path = `${directory}/${name}`;
    const info = await host.info(path);
    if (info.ok && info.value.type === 'directory' && !(await host.link(path)).ok) {
      if (depth < maxDepth) paths.push(...(await dropIns(host, path, depth + 1, problems)));
    } else paths.push(path);
    if (paths.length > limits.directoryEntries) break;
  }
  return paths;
}
