import { fail, ok, type Result } from '../lib/result.ts';
import { withoutTrailing } from '../lib/trailing.ts';
import { at, type Field, type FieldError, type FieldTable } from './crio-fields.ts';

/** The `[[registry]]` tables of registries.conf (containers/image, pkg/sysregistriesv2, postProcessRegistries). */

/** For which pulls a mirror is used: `pull-from-mirror`. */
export type MirrorUse = 'all' | 'digest-only' | 'tag-only';

/** One `[[registry.mirror]]`. */
export interface RegistryMirror {
  readonly location: string;
  readonly insecure: boolean;
  readonly use: MirrorUse;
  readonly source: string;
}

/** One `[[registry]]`. */
export interface RegistryEntry {
  /** What references it is for: a host, a host with a path, or `*.example.com`. */
  readonly prefix: string;
  /** What takes the prefix's place; empty (only with a wildcard prefix): the reference stays. */
  readonly location: string;
  readonly insecure: boolean;
  readonly blocked: boolean;
  readonly mirrorByDigestOnly: boolean;
  readonly mirrors: readonly RegistryMirror[];
  /** The line that sets the location, else the prefix. */
  readonly source: string;
  /** The line of `blocked`, when set. */
  readonly blockedSource: string;
}

/** A key that the runtime ignores in silence and that looks like a mistake. */
export interface IgnoredKey {
  readonly source: string;
  readonly message: string;
}

const registryKeys = [
  'prefix',
  'location',
  'insecure',
  'blocked',
  'mirror',
  'mirror-by-digest-only',
  'pull-from-mirror',
];
const mirrorKeys = ['location', 'insecure', 'pull-from-mirror'];

/** A `[[registry]]` as written, types checked and nothing else. */
export interface RegistryDraft {
  readonly line: number | null;
  readonly prefix: Field<string> | null;
  readonly location: Field<string> | null;
  readonly insecure: boolean;
  readonly blocked: Field<boolean> | null;
  readonly mirrorByDigestOnly: boolean;
  readonly pullFromMirror: Field<string> | null;
  readonly mirrors: readonly {
    readonly line: number | null;
    readonly location: Field<string> | null;
    readonly insecure: boolean;
    readonly use: Field<string> | null;
  }[];
}

/** The `[[registry]]` tables; null when the file has none. Wrong types go to the errors of `root`. */
export function readRegistries(root: FieldTable, file: string, ignored: IgnoredKey[]): readonly RegistryDraft[] | null {
  const tables = root.tables('registry');
  if (tables === null) return null;
  return tables.map((table) => {
    noteUnknown(table, registryKeys, file, '[[registry]]', ignored);
    return {
      line: table.line,
      prefix: table.string('prefix'),
      location: table.string('location'),
      insecure: table.boolean('insecure')?.value ?? false,
      blocked: table.boolean('blocked'),
      mirrorByDigestOnly: table.boolean('mirror-by-digest-only')?.value ?? false,
      pullFromMirror: table.string('pull-from-mirror'),
      mirrors: (table.tables('mirror') ?? []).map((mirror) => {
        noteUnknown(mirror, mirrorKeys, file, '[[registry.mirror]]', ignored);
        return {
          line: mirror.line,
          location: mirror.string('location'),
          insecure: mirror.boolean('insecure')?.value ?? false,
          use: mirror.string('pull-from-mirror'),
        };
      }),
    };
  });
}

/** Checks what was read, in the order of postProcessRegistries; the first thing wrong is the failure. */
export function checkRegistries(
  drafts: readonly RegistryDraft[],
  file: string,
): Result<readonly RegistryEntry[], FieldError> {
  const entries: RegistryEntry[] = [];
  for (const draft of drafts) {
    const location = parseLocation(draft.location);
    if (!location.ok) return location;
    const prefix = parseLocation(draft.prefix);
    if (!prefix.ok) return prefix;
    // An empty prefix and an absent one are the same; a prefix of slashes alone is not, and then needs the wildcard.
    const bare = (draft.prefix?.value ?? '') === '';
    if (bare && location.value === '') {
      return fail({ line: draft.line, message: 'has a [[registry]] with neither location nor prefix' });
    }
    if (!bare && !prefix.value.startsWith('*.') && location.value === '') {
      return fail({
        line: draft.prefix?.line ?? draft.line,
        message: `has a [[registry]] with the prefix "${prefix.value}" and no location; only a prefix such as *.example.com goes without`,
      });
    }
    const shown = bare ? location.value : prefix.value;
    if ((draft.pullFromMirror?.value ?? '') !== '') {
      return fail({
        line: draft.pullFromMirror?.line ?? draft.line,
        message: `sets pull-from-mirror for the registry "${shown}" itself; it belongs into a [[registry.mirror]]`,
      });
    }
    const mirrors = checkMirrors(draft, shown, file);
    if (!mirrors.ok) return mirrors;
    const line = (location.value === '' ? draft.prefix?.line : draft.location?.line) ?? draft.line;
    entries.push({
      prefix: shown,
      location: location.value,
      insecure: draft.insecure,
      blocked: draft.blocked?.value ?? false,
      mirrorByDigestOnly: draft.mirrorByDigestOnly,
      mirrors: mirrors.value,
      source: at(file, line),
      blockedSource: at(file, draft.blocked?.line ?? line),
    });
  }
  const conflict = findConflict(entries);
  if (conflict !== null) return fail(conflict);
  return ok(sortedOnce(entries));
}

function checkMirrors(
  draft: RegistryDraft,
  prefix: string,
  file: string,
): Result<readonly RegistryMirror[], FieldError> {
  const mirrors: RegistryMirror[] = [];
  for (const mirror of draft.mirrors) {
    const location = parseLocation(mirror.location);
    if (!location.ok) return location;
    const line = mirror.location?.line ?? mirror.line;
    if (location.value === '') return fail({ line, message: `has a mirror of "${prefix}" without a location` });
    const use = mirror.use?.value ?? '';
    if (draft.mirrorByDigestOnly && use !== '') {
      return fail({
        line: mirror.use?.line ?? line,
        message: `sets mirror-by-digest-only for "${prefix}" and pull-from-mirror for its mirror "${location.value}"; only one of them may be set`,
      });
    }
    if (use !== '' && use !== 'all' && use !== 'digest-only' && use !== 'tag-only') {
      return fail({
        line: mirror.use?.line ?? line,
        message: `has pull-from-mirror = "${use}" for the mirror "${location.value}"; it is all, digest-only or tag-only`,
      });
    }
    mirrors.push({
      location: location.value,
      insecure: mirror.insecure,
      use: use === '' ? 'all' : use,
      source: at(file, line),
    });
  }
  return ok(mirrors);
}

/** One registry named twice must agree on `insecure` and `blocked`, even under different prefixes. */
function findConflict(entries: readonly RegistryEntry[]): FieldError | null {
  const key = (entry: RegistryEntry) => (entry.location === '' ? entry.prefix : entry.location);
  const first = new Map<string, RegistryEntry>();
  for (const entry of entries) {
    const other = first.get(key(entry));
    if (other === undefined) {
      first.set(key(entry), entry);
      continue;
    }
    const setting = entry.insecure !== other.insecure ? 'insecure' : entry.blocked !== other.blocked ? 'blocked' : null;
    if (setting === null) continue;
    return {
      line: lineIn(entry.source),
      message: `defines the registry "${key(entry)}" twice with conflicting "${setting}" settings (the other is at ${other.source})`,
    };
  }
  return null;
}

/** Of entries with one prefix the first counts (within a file); all are sorted by prefix. */
export function sortedOnce(entries: readonly RegistryEntry[]): readonly RegistryEntry[] {
  const first = new Map<string, RegistryEntry>();
  for (const entry of entries) if (!first.has(entry.prefix)) first.set(entry.prefix, entry);
  return [...first.values()].sort((a, b) => (a.prefix < b.prefix ? -1 : a.prefix > b.prefix ? 1 : 0));
}

/** Strips slashes from the end; a URL is refused, any other text is taken (parseLocation). */
export function parseLocation(field: Field<string> | null): Result<string, FieldError> {
  const text = withoutTrailing(field?.value ?? '', '/');
  if (/^https?:\/\//.test(text)) {
    const line = field?.line ?? null;
    return fail({
      line,
      message: `has the location "${field?.value}"; URI schemes are not supported: write ${text.replace(/^https?:\/\//, '')}, and insecure = true for plain HTTP`,
    });
  }
  return ok(text);
}

/** Notes keys that nobody reads: the decoder skips them in silence, and a misspelt one is easily missed. */
export function noteUnknown(
  table: FieldTable,
  known: readonly string[],
  file: string,
  where: string,
  ignored: IgnoredKey[],
): void {
  for (const key of table.keys) {
    if (known.includes(key.toLowerCase())) continue;
    ignored.push({
      source: at(file, table.lineOf(key) ?? table.line),
      message: `"${key}" is no key of ${where}; CRI-O ignores it in silence.`,
    });
  }
}

/** The line at the end of a source. */
export function lineIn(source: string): number | null {
  const line = /:(\d+)$/.exec(source)?.[1];
  return line === undefined ? null : Number(line);
}
