import { isShortName, parseReference, repositoryName, splitReference } from '../image/reference.ts';
import { domainPattern } from '../image/reference-grammar.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { at, type Field, type FieldError, type FieldTable, rootTable, type TomlText } from './crio-fields.ts';
import {
  checkRegistries,
  type IgnoredKey,
  lineIn,
  noteUnknown,
  parseLocation,
  type RegistryEntry,
  readRegistries,
  sortedOnce,
} from './registries-conf-entries.ts';

export type { IgnoredKey, MirrorUse, RegistryEntry, RegistryMirror } from './registries-conf-entries.ts';

/**
 * registries.conf as containers/image reads it (pkg/sysregistriesv2/system_registries_v2.go and shortnames.go, v5.38
 * as in CRI-O 1.35 and 1.36): one file, checked as strictly as there. A file that fails a check is unusable as a whole.
 */

/** What an alias stands for. */
export interface ShortNameAlias {
  /** `quay.io/team/app`; null when a later file empties the alias. */
  readonly target: string | null;
  readonly source: string;
}

/** One mode of short-name resolution. */
export type ShortNameMode = 'enforcing' | 'permissive' | 'disabled';

/** What one file says; null where it says nothing. */
export interface RegistriesFile {
  /** The file below the host root: `etc/containers/registries.conf`. */
  readonly file: string;
  /** Sorted by prefix, each prefix once. */
  readonly registries: readonly RegistryEntry[];
  readonly search: { readonly registries: readonly string[]; readonly source: string } | null;
  readonly shortNameMode: { readonly mode: ShortNameMode; readonly source: string } | null;
  readonly aliases: ReadonlyMap<string, ShortNameAlias>;
  readonly credentialHelpers: { readonly helpers: readonly string[]; readonly source: string } | null;
  /** What is ignored in silence and looks like a mistake. */
  readonly ignored: readonly IgnoredKey[];
}

const topKeys = [
  'registry',
  'registries',
  'unqualified-search-registries',
  'credential-helpers',
  'short-name-mode',
  'additional-layer-store-auth-helper',
  'aliases',
];

/**
 * Reads one parsed file. `dropIn`: a file of registries.conf.d, in which the old version 1 format is an error.
 * A failure says what is wrong with the file; containers/image then uses none of the files.
 */
export function readRegistriesFile(
  document: TomlText,
  file: string,
  dropIn: boolean,
): Result<RegistriesFile, FieldError> {
  const root = rootTable(document);
  const ignored: IgnoredKey[] = [];
  const drafts = readRegistries(root, file, ignored);
  const search = root.strings('unqualified-search-registries');
  const helpers = root.strings('credential-helpers');
  const mode = root.string('short-name-mode');
  const layerHelper = root.string('additional-layer-store-auth-helper');
  const aliasTable = root.table('aliases');
  const aliasEntries = aliasTable.entries();
  const v1 = readVersion1(root);
  noteUnknown(root, topKeys, file, 'the file', ignored);
  const wrongType = root.errors[0];
  if (wrongType !== undefined) return fail(wrongType);

  if (v1 !== null) {
    if (dropIn) {
      return fail({
        line: v1.line,
        message: 'is in the old version 1 format ([registries.…]), which no drop-in may be',
      });
    }
    const mixed =
      drafts !== null ||
      search !== null ||
      helpers !== null ||
      (mode?.value ?? '') !== '' ||
      (layerHelper?.value ?? '') !== '' ||
      aliasTable.line !== null ||
      aliasEntries.length > 0;
    if (mixed)
      return fail({ line: v1.line, message: 'mixes the old version 1 format ([registries.…]) with version 2' });
    return fromVersion1(v1, file, ignored);
  }

  const registries = checkRegistries(drafts ?? [], file);
  if (!registries.ok) return registries;
  const searched = checkSearch(search);
  if (!searched.ok) return searched;
  const shortNameMode = checkMode(mode, file);
  if (!shortNameMode.ok) return shortNameMode;
  const wildcard = registries.value.find((entry) => entry.prefix.startsWith('*.') && /[/@:]/.test(entry.prefix));
  if (wildcard !== undefined) {
    return fail({
      line: lineIn(wildcard.source),
      message: `has the prefix "${wildcard.prefix}"; a wildcard prefix is a host alone, *.example.com`,
    });
  }
  const aliases = checkAliases(aliasEntries, file);
  if (!aliases.ok) return aliases;
  return ok({
    file,
    registries: registries.value,
    search: search === null ? null : { registries: searched.value, source: at(file, search.line) },
    shortNameMode: shortNameMode.value,
    aliases: aliases.value,
    credentialHelpers: helpers === null ? null : { helpers: helpers.value, source: at(file, helpers.line) },
    ignored,
  });
}

/** The aliases of a file such as short-name-aliases.conf, which has nothing else. */
export function readAliases(document: TomlText, file: string): Result<ReadonlyMap<string, ShortNameAlias>, FieldError> {
  const root = rootTable(document);
  const entries = root.table('aliases').entries();
  const wrongType = root.errors[0];
  return wrongType === undefined ? checkAliases(entries, file) : fail(wrongType);
}

function checkSearch(search: Field<readonly string[]> | null): Result<readonly string[], FieldError> {
  const registries: string[] = [];
  for (const text of search?.value ?? []) {
    const registry = parseLocation({ value: text, line: search?.line ?? null });
    if (!registry.ok) return registry;
    if (!domainPattern.test(registry.value)) {
      return fail({
        line: search?.line ?? null,
        message: `has "${text}" among unqualified-search-registries; an entry is host[:port] alone`,
      });
    }
    registries.push(registry.value);
  }
  return ok(registries);
}

function checkMode(
  mode: Field<string> | null,
  file: string,
): Result<{ readonly mode: ShortNameMode; readonly source: string } | null, FieldError> {
  if (mode === null || mode.value === '') return ok(null);
  const { value, line } = mode;
  if (value !== 'enforcing' && value !== 'permissive' && value !== 'disabled') {
    return fail({ line, message: `has short-name-mode = "${value}"; it is enforcing, permissive or disabled` });
  }
  return ok({ mode: value, source: at(file, line) });
}

function checkAliases(
  entries: readonly (Field<string> & { readonly key: string })[],
  file: string,
): Result<ReadonlyMap<string, ShortNameAlias>, FieldError> {
  const aliases = new Map<string, ShortNameAlias>();
  for (const { key, value, line } of entries) {
    const name = splitReference(key);
    if (name === null || name.tag !== null || name.digest !== null || !isShortName(key)) {
      return fail({ line, message: `has the alias "${key}", which is not a short name (no registry, tag or digest)` });
    }
    if (value === '') {
      aliases.set(key, { target: null, source: at(file, line) });
      continue;
    }
    const raw = splitReference(value);
    const parsed = parseReference(value);
    if (raw === null || raw.tag !== null || raw.digest !== null || isShortName(value) || !parsed.ok) {
      return fail({
        line,
        message: `has the alias "${key}" = "${value}"; an alias stands for registry and repository, without tag or digest`,
      });
    }
    aliases.set(key, { target: repositoryName(parsed.value), source: at(file, line) });
  }
  return ok(aliases);
}

interface Version1 {
  readonly line: number | null;
  readonly search: Field<readonly string[]> | null;
  readonly insecure: Field<readonly string[]> | null;
  readonly block: Field<readonly string[]> | null;
}

/** The old format, `[registries.search] registries = […]`; null when the file has none of its lists. */
function readVersion1(root: FieldTable): Version1 | null {
  const top = root.table('registries');
  const search = top.table('search').strings('registries');
  const insecure = top.table('insecure').strings('registries');
  const block = top.table('block').strings('registries');
  if (search === null && insecure === null && block === null) return null;
  return {
    line: root.lineOf('registries') ?? search?.line ?? insecure?.line ?? block?.line ?? null,
    search,
    insecure,
    block,
  };
}

function fromVersion1(v1: Version1, file: string, ignored: readonly IgnoredKey[]): Result<RegistriesFile, FieldError> {
  const entries = new Map<string, RegistryEntry>();
  for (const kind of ['block', 'insecure'] as const) {
    const list = v1[kind];
    for (const text of list?.value ?? []) {
      const location = parseLocation({ value: text, line: list?.line ?? null });
      if (!location.ok) return location;
      const source = at(file, list?.line ?? null);
      const known = entries.get(location.value);
      entries.set(location.value, {
        prefix: location.value,
        location: location.value,
        mirrorByDigestOnly: false,
        mirrors: [],
        source: known?.source ?? source,
        blockedSource: known?.blockedSource ?? source,
        blocked: known?.blocked === true || kind === 'block',
        insecure: known?.insecure === true || kind === 'insecure',
      });
    }
  }
  const search = checkSearch(v1.search);
  if (!search.ok) return search;
  const empty = entries.get('');
  if (empty !== undefined) {
    return fail({ line: lineIn(empty.source), message: 'has an empty registry name' });
  }
  return ok({
    file,
    registries: sortedOnce([...entries.values()]),
    search: v1.search === null ? null : { registries: search.value, source: at(file, v1.search.line) },
    shortNameMode: null,
    aliases: new Map(),
    credentialHelpers: null,
    ignored,
  });
}
