import {
  type ImageReference,
  isShortName,
  parseReference,
  qualifyShortName,
  splitReference,
} from '../image/reference.ts';
import type { ShortNameInfo } from '../model/plan.ts';
import type { Problem } from '../model/problem.ts';
import type { Setting } from './crio-config.ts';
import type { ShortNameAlias } from './registries-conf.ts';
import type { AliasCache, RegistriesConf } from './registries-conf-files.ts';

/** What CRI-O makes of the name that the kubelet hands to it. */
export interface ResolvedName {
  /** Null when the name is complete. */
  readonly shortName: ShortNameInfo | null;
  /** Complete names in the order in which they are pulled, the first that works wins; empty when nothing is pulled. */
  readonly candidates: readonly ImageReference[];
  readonly problems: readonly Problem[];
}

/** What short names are resolved with. */
export interface ShortNameRules {
  /** crio.conf's mode: it overrules the short-name-mode of registries.conf. */
  readonly mode: Setting<'enforcing' | 'disabled'>;
  readonly conf: Pick<RegistriesConf, 'search' | 'mainFile' | 'aliases' | 'shortNameMode'>;
  readonly cache: AliasCache;
}

/**
 * Resolves a name as CRI-O does before a pull (containers/image pkg/shortnames, Resolve, called without a terminal;
 * cri-o internal/storage/image.go, CandidatesForPotentiallyShortImageName): an alias, root's recorded ones first;
 * else each of unqualified-search-registries. Several of these are an error under `enforcing`, and tried one after the
 * other under `disabled`.
 */
export function resolveShortName(input: string, rules: ShortNameRules): ResolvedName {
  const raw = splitReference(input);
  if (raw === null || !isShortName(input)) {
    const parsed = parseReference(input);
    return parsed.ok
      ? { shortName: null, candidates: [withoutTag(parsed.value)], problems: [] }
      : { shortName: null, candidates: [], problems: [invalidImage(input, parsed.error.message)] };
  }
  const mode = rules.mode.value;
  if (rules.cache.problem?.severity === 'error') {
    const source = rules.cache.file ?? 'default';
    return { shortName: { mode, source, candidates: [] }, candidates: [], problems: [rules.cache.problem] };
  }
  const problems: Problem[] = rules.cache.problem === null ? [] : [rules.cache.problem];
  const alias = findAlias(raw.name, rules);
  if (alias !== null) {
    const ending = (raw.tag === null ? '' : `:${raw.tag}`) + (raw.digest === null ? '' : `@${raw.digest}`);
    const target = parseReference(alias.target + ending);
    const candidates = target.ok ? [withoutTag(target.value)] : [];
    return { shortName: { mode, source: alias.source, candidates: candidates.map(nameOf) }, candidates, problems };
  }

  const search = rules.conf.search;
  const source = search?.source ?? rules.conf.mainFile ?? 'default';
  if (search === null || search.registries.length === 0) {
    problems.push(unresolved(source, nothingFound(input, rules.conf.mainFile, source)));
    return { shortName: { mode, source, candidates: [] }, candidates: [], problems };
  }
  const found: ImageReference[] = [];
  for (const registry of search.registries) {
    const qualified = qualifyShortName(registry, input);
    // One registry under which the name does not parse ends the resolution.
    if (!qualified.ok) {
      const message = `"${input}" is a short name for CRI-O (upper case makes no host here) and does not parse under ${registry} of ${source}: ${qualified.error.message}`;
      problems.push({ severity: 'error', cause: 'invalid-image-name', source, message });
      return { shortName: { mode, source, candidates: [] }, candidates: [], problems };
    }
    found.push(withoutTag(qualified.value));
  }
  const shortName = { mode, source, candidates: found.map(nameOf) };
  if (found.length > 1 && mode === 'enforcing') {
    problems.push(unresolved(source, ambiguous(input, shortName.candidates, source, rules)));
    return { shortName, candidates: [], problems };
  }
  return { shortName, candidates: found, problems };
}

/**
 * An alias with a target. Root's recorded aliases are looked at first, and one that is emptied there hides the one of
 * registries.conf.
 */
function findAlias(name: string, rules: ShortNameRules): { readonly target: string; readonly source: string } | null {
  const alias: ShortNameAlias | undefined = rules.cache.aliases.get(name) ?? rules.conf.aliases.get(name);
  return alias === undefined || alias.target === null ? null : { target: alias.target, source: alias.source };
}

/** With a digest CRI-O drops the tag: containers/image does not take both (RegistryImageReferenceFromRaw). */
function withoutTag(reference: ImageReference): ImageReference {
  if (reference.digest === null || reference.tag === null) return reference;
  return { ...reference, tag: null, normalized: `${reference.domain}/${reference.path}@${reference.digest}` };
}

function nameOf(reference: ImageReference): string {
  return reference.normalized;
}

function unresolved(source: string, message: string): Problem {
  return { severity: 'error', cause: 'short-name-unresolved', source, message };
}

/** The problem of a name that does not parse; its source is the command line or the pod, written `image`. */
export function invalidImage(input: string, message: string): Problem {
  return { severity: 'error', cause: 'invalid-image-name', source: 'image', message: `"${input}": ${message}` };
}

function nothingFound(input: string, mainFile: string | null, source: string): string {
  const where =
    mainFile === null
      ? 'there is no etc/containers/registries.conf'
      : `${source} sets no unqualified-search-registries`;
  return `"${input}" names no registry, no alias is known for it and ${where}, so CRI-O pulls it from nowhere: write the full name (docker.io/library/… for an official Docker Hub image).`;
}

function ambiguous(input: string, candidates: readonly string[], source: string, rules: ShortNameRules): string {
  const { mode, conf } = rules;
  const set = mode.source === 'default' ? "CRI-O's default since 1.34" : mode.source;
  const other = conf.shortNameMode;
  const overruled =
    other === null || other.mode === 'enforcing'
      ? ''
      : ` (short-name-mode = "${other.mode}" at ${other.source} has no effect on CRI-O)`;
  return `"${input}" names no registry and could be ${candidates.join(' or ')} (${source}); short_name_mode is enforcing (${set}), so CRI-O pulls none of them${overruled}: write the full name, or give it an alias in registries.conf.`;
}
