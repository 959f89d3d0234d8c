import { withoutTrailing } from '../lib/trailing.ts';

/**
 * The URLs of one repository at one endpoint. The base already ends in `/v2` or in the path that the node's files
 * set instead (containerd's override_path), so nothing is added to it but what the protocol puts behind.
 */
export interface RepositoryUrls {
  /** `base/`: the version check. Never with `ns`, as containerd and CRI-O send it. */
  readonly ping: URL;
  /** A manifest by tag or digest. */
  manifest(reference: string): URL;
  blob(digest: string): URL;
  /** The first page of the tags; `n` is the number asked for, null leaves it to the registry. */
  tags(n: number | null): URL;
  /** The registry's repositories; few registries allow it. */
  catalog(n: number | null): URL;
}

/** How a repository is addressed at an endpoint. */
export interface RepositoryAddress {
  /** `https://registry-1.docker.io/v2`, `http://mirror:5000/cache/v2`. */
  readonly base: string;
  /** `library/nginx`. */
  readonly repository: string;
  /**
   * The registry that the image names, when the endpoint is another host: sent as `?ns=docker.io`. Null for the
   * registry itself and for CRI-O, which never sends it. `needsNamespace` decides.
   */
  readonly namespace: string | null;
}

/** Null when `base` is not an http or https URL. */
export function repositoryUrls(address: RepositoryAddress): RepositoryUrls | null {
  const base = URL.parse(address.base);
  if (base === null || (base.protocol !== 'https:' && base.protocol !== 'http:')) return null;
  base.username = '';
  base.password = '';
  base.search = '';
  base.hash = '';
  const prefix = withoutTrailing(base.pathname, '/');

  const at = (path: string, query: readonly (readonly [string, string])[]): URL => {
    const url = new URL(base);
    url.pathname = `${prefix}/${path}`;
    for (const [key, value] of query) url.searchParams.append(key, value);
    return url;
  };
  const namespace: readonly (readonly [string, string])[] =
    address.namespace === null ? [] : [['ns', address.namespace]];
  const page = (n: number | null): readonly (readonly [string, string])[] => (n === null ? [] : [['n', String(n)]]);

  return {
    ping: at('', []),
    manifest: (reference) => at(`${address.repository}/manifests/${encodeReference(reference)}`, namespace),
    blob: (digest) => at(`${address.repository}/blobs/${encodeReference(digest)}`, namespace),
    tags: (n) => at(`${address.repository}/tags/list`, [...page(n), ...namespace]),
    catalog: (n) => at('_catalog', page(n)),
  };
}

/**
 * True when containerd sends `?ns=REGISTRY` to this endpoint: its host is neither the registry of the image nor, for
 * Docker Hub, the host that stands for it (core/remotes/docker/registry.go, RegistryHost.isProxy).
 */
export function needsNamespace(endpointHost: string, registry: string): boolean {
  if (endpointHost === registry) return false;
  return !(registry === 'docker.io' && endpointHost === 'registry-1.docker.io');
}

/** Tags and digests hold only characters that are safe in a path; what came from a typo is escaped, not sent raw. */
function encodeReference(reference: string): string {
  return encodeURIComponent(reference).replaceAll('%3A', ':').replaceAll('%2B', '+');
}
