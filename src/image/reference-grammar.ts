/**
 * The grammar of image references as the distribution project defines it (its `reference` module: regexp.go,
 * reference.go and normalize.go; digests by opencontainers/go-digest). Kubelet, containerd and CRI-O all parse with it.
 */

const alphanumeric = '[a-z0-9]+';
const separator = '(?:[._]|__|-+)';
const pathComponent = `${alphanumeric}(?:${separator}${alphanumeric})*`;
const remoteName = `${pathComponent}(?:/${pathComponent})*`;
const domainLabel = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const host = `(?:${domainLabel}(?:\\.${domainLabel})*|\\[[a-fA-F0-9:]+\\])`;
const domain = `${host}(?::[0-9]+)?`;
const tag = '[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}';
const algorithm = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*';
const digest = `${algorithm}:[0-9a-fA-F]{32,}`;

/** A reference in three groups: name (domain and path), tag, digest. */
export const referencePattern = new RegExp(`^((?:${domain}/)?${remoteName})(?::(${tag}))?(?:@(${digest}))?$`);

/** A name in two groups: domain (absent when the first component is no valid host) and path. */
export const namePattern = new RegExp(`^(?:(${domain})/)?(${remoteName})$`);

/** One component of a repository path. */
export const pathComponentPattern = new RegExp(`^${pathComponent}$`);

/** A registry host with an optional port. */
export const domainPattern = new RegExp(`^${domain}$`);

/** A bare sha256 in hexadecimal: refused as a name, for old Docker took it for an image id. */
export const identifierPattern = /^[a-f0-9]{64}$/;

/** The algorithm part of a digest. */
export const algorithmPattern = new RegExp(`^${algorithm}$`);

/**
 * Digest algorithms that runtimes and kubelet know, with the number of hexadecimal digits of each.
 * Only lower-case digits are valid (go-digest, algorithm.go).
 */
export const digestLengths: ReadonlyMap<string, number> = new Map([
  ['sha256', 64],
  ['sha384', 96],
  ['sha512', 128],
]);

/** Longest repository path, without the domain (RepositoryNameTotalLengthMax). */
export const maxPathLength = 255;

/** Longest tag. */
export const maxTagLength = 128;

/** Docker Hub's name in references, its older alias, and the namespace of its official images. */
export const defaultDomain = 'docker.io';
export const legacyDefaultDomain = 'index.docker.io';
export const officialPrefix = 'library/';

/** True when the text before the first slash is taken for a registry host and not for a Docker Hub account. */
export function isDomainText(first: string): boolean {
  return first === 'localhost' || /[.:]/.test(first) || first.toLowerCase() !== first;
}

/** Domain and remainder of a reference, with the defaults of Docker Hub filled in (splitDockerDomain). */
export function splitDomain(input: string): { readonly domain: string; readonly remainder: string } {
  const slash = input.indexOf('/');
  const first = input.slice(0, Math.max(slash, 0));
  const explicit = slash >= 0 && isDomainText(first);
  const domainText = explicit && first !== legacyDefaultDomain ? first : defaultDomain;
  const rest = explicit ? input.slice(slash + 1) : input;
  const official = domainText === defaultDomain && !rest.includes('/');
  return { domain: domainText, remainder: official ? officialPrefix + rest : rest };
}
