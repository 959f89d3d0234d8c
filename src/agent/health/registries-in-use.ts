import { parseReference } from '../../image/reference.ts';
import { domainPattern } from '../../image/reference-grammar.ts';

/** Why a registry is watched. */
export type UsedBy = 'images' | 'configuration' | 'settings' | 'incidents';

/** One registry that this node uses. */
export interface RegistryInUse {
  /** As image names have it: `docker.io`, `registry.corp:5000`. */
  readonly registry: string;
  readonly usedBy: readonly UsedBy[];
  /** Images of it that are on the node. */
  readonly images: number;
  /** What is investigated: an image of it, or a made-up name where none is known. */
  readonly image: string;
}

/** What tells which registries are in use. */
export interface UseEvidence {
  /** Names of the images on the node, normalized; null while the runtime was not asked. */
  readonly images: ReadonlySet<string> | null;
  /** Registries that the node's configuration names. */
  readonly configured: readonly string[];
  /** Registries that the agent's settings name. */
  readonly settings: readonly string[];
  /** Images that fail now. */
  readonly failing: readonly string[];
}

/** Registries that are watched, and how many were left out because there are too many. */
export interface Use {
  readonly registries: readonly RegistryInUse[];
  readonly leftOut: number;
}

/** A repository that no registry has to hold: nothing is asked about it, the plan needs a name. */
const madeUpPath = 'pullwhy/health-check:latest';

interface Draft {
  readonly usedBy: Set<UsedBy>;
  /** By repository: names with a tag, and names by digest. The same image mostly has one of each. */
  readonly repositories: Map<string, { tags: number; digests: number }>;
  image: string | null;
  failing: string | null;
}

/**
 * Which registries this node uses, and why. Beyond `most` those go first that only images name, the fewest images first:
 * what somebody wrote down, and what fails, is watched.
 */
export function registriesInUse(evidence: UseEvidence, most: number): Use {
  const drafts = new Map<string, Draft>();
  const draftOf = (registry: string, why: UsedBy): Draft => {
    const draft = drafts.get(registry) ?? { usedBy: new Set(), repositories: new Map(), image: null, failing: null };
    drafts.set(registry, draft);
    draft.usedBy.add(why);
    return draft;
  };
  for (const name of evidence.images ?? []) {
    const parsed = parseReference(name);
    // What was built on the node itself is named `localhost/…`, and `localhost` without a port is no registry.
    if (!parsed.ok || parsed.value.domain === 'localhost') continue;
    const { domain, path, tag, normalized } = parsed.value;
    const draft = draftOf(domain, 'images');
    const counts = draft.repositories.get(path) ?? { tags: 0, digests: 0 };
    draft.repositories.set(path, counts);
    if (tag === null) counts.digests++;
    else counts.tags++;
    // A tag is what pods mostly name; the first by its name, so that it stays the same one.
    if (draft.image === null || isBetter(normalized, draft.image)) draft.image = normalized;
  }
  for (const image of evidence.failing) {
    const parsed = parseReference(image);
    if (parsed.ok) draftOf(parsed.value.domain, 'incidents').failing ??= parsed.value.normalized;
  }
  for (const [why, names] of [
    ['configuration', evidence.configured],
    ['settings', evidence.settings],
  ] as const) {
    for (const name of names) {
      const registry = registryName(name);
      if (registry !== null) draftOf(registry, why);
    }
  }
  const all = [...drafts].map(([registry, draft]) => rowOf(registry, draft));
  all.sort((a, b) => weight(b) - weight(a) || b.images - a.images || (a.registry < b.registry ? -1 : 1));
  const registries = all.slice(0, most).sort((a, b) => (a.registry < b.registry ? -1 : 1));
  return { registries, leftOut: all.length - registries.length };
}

/**
 * A registry as image names have it, of what a person or a file calls it: `https://index.docker.io/v1/` is `docker.io`.
 * Null for what is no host.
 */
export function registryName(text: string): string | null {
  const host = text
    .trim()
    .replace(/^https?:\/\//, '')
    .replace(/\/.*$/s, '');
  if (host === '' || host.length > 300 || !domainPattern.test(host)) return null;
  if (host === 'registry-1.docker.io') return 'docker.io';
  const parsed = parseReference(`${host}/x`);
  // `team/x` is a repository of Docker Hub: a host has a dot, a port, or is localhost.
  return parsed.ok && parsed.value.path !== `${host}/x` ? parsed.value.domain : null;
}

function isBetter(name: string, than: string): boolean {
  const [one, other] = [name.includes('@'), than.includes('@')];
  return one === other ? name < than : !one;
}

function weight({ usedBy }: RegistryInUse): number {
  if (usedBy.includes('settings')) return 3;
  if (usedBy.includes('incidents')) return 2;
  return usedBy.includes('configuration') ? 1 : 0;
}

const order: readonly UsedBy[] = ['images', 'configuration', 'settings', 'incidents'];

function rowOf(registry: string, { usedBy, repositories, image, failing }: Draft): RegistryInUse {
  let images = 0;
  for (const { tags, digests } of repositories.values()) images += Math.max(tags, digests);
  return {
    registry,
    usedBy: order.filter((why) => usedBy.has(why)),
    images,
    image: image ?? failing ?? `${registry}/${madeUpPath}`,
  };
}
