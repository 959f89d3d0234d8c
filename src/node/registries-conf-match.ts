import { type ImageReference, isShortName, parseReference, repositoryName } from '../image/reference.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { RegistryEntry } from './registries-conf.ts';

/**
 * Which `[[registry]]` a reference belongs to and what is asked at each of its places
 * (containers/image pkg/sysregistriesv2: FindRegistry, refMatchingPrefix, PullSourcesFromReference).
 */

/** One place that CRI-O asks, with the name it asks for there. */
export interface PullSource {
  /** The rewritten reference, `mirror.corp:5000/hub/library/nginx:1`. */
  readonly reference: ImageReference;
  readonly insecure: boolean;
  readonly role: 'mirror' | 'upstream';
  /** The line that sets the place, or `default`. */
  readonly source: string;
  /** A mirror that is used for pulls by digest only cannot resolve a tag. */
  readonly digestOnly: boolean;
  /** No file names the host with its port: the image does, and a pattern or a prefix without a port fits it. */
  readonly fromImage: boolean;
}

/** A rewritten name that does not parse: none of the places is asked then, for containers/image builds all names first. */
export interface RewriteFailure {
  readonly source: string;
  readonly location: string;
  /** What the rewriting gave. */
  readonly rewritten: string;
}

/**
 * The length of the part of `reference` that `prefix` stands for, or -1. A prefix without a port matches a host with one
 * (`example.com` matches `example.com:5000/app`), and the port then stays in what follows the prefix.
 */
export function prefixLength(reference: string, prefix: string): number {
  if (prefix.startsWith('*.')) {
    const suffix = prefix.slice(1);
    const index = reference.indexOf(suffix);
    if (index < 0 || reference.slice(0, index).includes('/')) return -1;
    const end = index + suffix.length;
    return end === reference.length || ':/@'.includes(reference.charAt(end)) ? end : -1;
  }
  if (!reference.startsWith(prefix)) return -1;
  return reference.length === prefix.length || ':/@'.includes(reference.charAt(prefix.length)) ? prefix.length : -1;
}

/** The entry with the longest prefix that matches a name without tag and digest; null when none does. */
export function findRegistry(registries: readonly RegistryEntry[], name: string): RegistryEntry | null {
  let best: RegistryEntry | null = null;
  for (const entry of registries) {
    if (prefixLength(name, entry.prefix) < 0) continue;
    if (entry.prefix.length > (best?.prefix.length ?? 0)) best = entry;
  }
  return best;
}

/**
 * Where a reference is asked for, in order: the mirrors that this kind of pull may use, then the registry itself.
 * `reference` has a tag or a digest, not both (CRI-O drops the tag).
 */
export function pullSources(
  entry: RegistryEntry | null,
  reference: ImageReference,
): Result<readonly PullSource[], RewriteFailure> {
  if (entry === null) {
    return ok([
      { reference, insecure: false, role: 'upstream', source: 'default', digestOnly: false, fromImage: true },
    ]);
  }
  const digested = reference.digest !== null;
  const mirrors = entry.mirrors.filter((mirror) => {
    if (entry.mirrorByDigestOnly) return digested;
    return mirror.use === 'all' || (mirror.use === 'digest-only') === digested;
  });
  const sources: PullSource[] = [];
  for (const place of [...mirrors, null]) {
    const location = place?.location ?? entry.location;
    const source = place?.source ?? entry.source;
    const rewritten = rewrite(reference, entry.prefix, location);
    if (!rewritten.ok) return fail({ source, location, rewritten: rewritten.error });
    sources.push({
      reference: rewritten.value,
      insecure: place?.insecure ?? entry.insecure,
      role: place === null ? 'upstream' : 'mirror',
      source,
      digestOnly: place !== null && (entry.mirrorByDigestOnly || place.use === 'digest-only'),
      fromImage: location.split('/', 1)[0] !== rewritten.value.domain,
    });
  }
  return ok(sources);
}

/** `location` in the place of `prefix`; the result must be a complete name as it stands (ParseNamed). */
function rewrite(reference: ImageReference, prefix: string, location: string): Result<ImageReference, string> {
  if (location === '') return ok(reference);
  const text = location + reference.normalized.slice(prefixLength(reference.normalized, prefix));
  const parsed = parseReference(text);
  if (!parsed.ok || parsed.value.normalized !== text || isShortName(text)) return fail(text);
  return ok(parsed.value);
}

/** True when registries.conf blocks the name that is asked for at a place: the check is on the rewritten name. */
export function isBlocked(registries: readonly RegistryEntry[], reference: ImageReference): boolean {
  return findRegistry(registries, repositoryName(reference))?.blocked === true;
}
