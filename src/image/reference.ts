import { limits } from '../lib/limits.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { explainReference } from './reference-error.ts';
import type { InvalidReference } from './reference-error-words.ts';
import {
  digestLengths,
  identifierPattern,
  isDomainText,
  maxPathLength,
  namePattern,
  referencePattern,
  splitDomain,
} from './reference-grammar.ts';

export type {
  InvalidReference,
  InvalidReference as ReferenceError,
  ReferenceErrorKind,
} from './reference-error-words.ts';

/** An image reference, normalized as kubelet and runtimes do it. */
export interface ImageReference {
  /** As the pod spec says it. */
  readonly input: string;
  /** Registry host with its port: `docker.io`, `reg.corp:5000`, `[2001:db8::1]:5000`. */
  readonly domain: string;
  /** Repository path without the domain: `library/nginx`. */
  readonly path: string;
  /** The tag, `latest` when `defaultTag`; null when only a digest was given. */
  readonly tag: string | null;
  /** `sha256:…`; null when none was given. It decides over the tag: runtimes then ignore the tag. */
  readonly digest: string | null;
  /** True when neither tag nor digest was given, so that the tag is `latest`. */
  readonly defaultTag: boolean;
  /** `domain/path[:tag][@digest]`: both when both were given. */
  readonly normalized: string;
}

/**
 * Parses a reference as kubelet, containerd and CRI-O do (ParseNormalizedNamed of the distribution project).
 * A failure is the cause `invalid-image-name` and names the character that breaks it.
 */
export function parseReference(input: string): Result<ImageReference, InvalidReference> {
  const parsed = normalize(input);
  return parsed === null ? fail(explainReference(input, (candidate) => normalize(candidate) !== null)) : ok(parsed);
}

/** The normalized reference, or null when it does not parse. */
function normalize(input: string): ImageReference | null {
  if (input.length > limits.referenceChars || identifierPattern.test(input)) return null;
  const split = splitDomain(input);
  const beforeColon = split.remainder.split(':', 1)[0] ?? '';
  if (beforeColon.toLowerCase() !== beforeColon) return null;
  const raw = matchReference(`${split.domain}/${split.remainder}`);
  if (raw === null) return null;
  const defaultTag = raw.tag === null && raw.digest === null;
  const tag = defaultTag ? 'latest' : raw.tag;
  const normalized = raw.name + (tag === null ? '' : `:${tag}`) + (raw.digest === null ? '' : `@${raw.digest}`);
  // A first component such as `my_registry.corp` is no valid host for the grammar, which then takes all of the name for
  // the path; containerd's next step still asks the host before the first slash.
  const slash = raw.name.indexOf('/');
  return {
    input,
    domain: raw.name.slice(0, slash),
    path: raw.name.slice(slash + 1),
    tag,
    digest: raw.digest,
    defaultTag,
    normalized,
  };
}

/** The parts of a reference as written, nothing normalized. */
export interface RawReference {
  /** Domain and path as written. */
  readonly name: string;
  /** The domain as the bare grammar sees it: the first of several components, if it can be a host (`team` of `team/app`). */
  readonly domain: string | null;
  readonly tag: string | null;
  readonly digest: string | null;
}

/**
 * Splits a reference without Docker Hub's defaults (`reference.Parse`): what CRI-O's short names and the aliases of
 * registries.conf work with. Null when it does not parse; then `parseReference` says why, save for what only the bare
 * grammar accepts (a bare 64-digit hexadecimal name).
 */
export function splitReference(input: string): RawReference | null {
  return input.length > limits.referenceChars ? null : matchReference(input);
}

/**
 * True when the reference names its registry, so that nobody puts one before it: the text before the first slash has a
 * dot or a colon, is `localhost`, or has an upper-case letter. This is the rule of kubelet, containerd and Docker.
 */
export function hasExplicitDomain(input: string): boolean {
  const slash = input.indexOf('/');
  return slash >= 0 && isDomainText(input.slice(0, slash));
}

/**
 * True for what CRI-O resolves by aliases and search registries (containers/image, pkg/shortnames). Unlike
 * `hasExplicitDomain`, upper case makes no host here: `Team/app` is a short name, and an invalid one under any search
 * registry. So is `my_reg.corp/app`, for an underscore cannot stand in a host. False when it does not parse.
 */
export function isShortName(input: string): boolean {
  const raw = splitReference(input);
  if (raw === null) return false;
  return raw.domain === null || !(/[.:]/.test(raw.domain) || raw.domain === 'localhost');
}

/** A short name under one search registry: `quay.io` and `team/app:1` give `quay.io/team/app:1`. */
export function qualifyShortName(registry: string, input: string): Result<ImageReference, InvalidReference> {
  return parseReference(`${registry}/${input}`);
}

/**
 * What the kubelet hands to the runtime: the text as written, with `:latest` behind it when it has neither tag nor
 * digest; no registry is put before it (kubelet, image_manager.go applyDefaultImageTag).
 */
export function kubeletImage(input: string): Result<string, InvalidReference> {
  const parsed = parseReference(input);
  if (!parsed.ok) return parsed;
  return ok(parsed.value.defaultTag ? `${input}:latest` : input);
}

/** `domain/path`, without tag and digest: what credentials and mirrors are matched with. */
export function repositoryName(image: { readonly domain: string; readonly path: string }): string {
  return `${image.domain}/${image.path}`;
}

function matchReference(text: string): RawReference | null {
  const match = referencePattern.exec(text);
  const name = match?.[1];
  if (match === null || name === undefined) return null;
  const parts = namePattern.exec(name);
  if ((parts?.[2] ?? name).length > maxPathLength) return null;
  const digest = match[3] ?? null;
  if (digest !== null && !validDigest(digest)) return null;
  return { name, domain: parts?.[1] ?? null, tag: match[2] ?? null, digest };
}

function validDigest(text: string): boolean {
  const colon = text.indexOf(':');
  const hex = text.slice(colon + 1);
  return digestLengths.get(text.slice(0, colon)) === hex.length && /^[0-9a-f]+$/.test(hex);
}
