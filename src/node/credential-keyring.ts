import type { Secret } from '../lib/secret.ts';
import type { CredentialEntry, CredentialFile } from './credential-file.ts';
import { scopeServes } from './credential-scope.ts';

/** Credentials that the kubelet would try for an image. */
export interface CredentialMatch {
  /** The entry's key as its file spells it. */
  readonly key: string;
  /** The file or secret that holds it. */
  readonly source: string;
  readonly username: string;
  readonly password: Secret;
  readonly email: string;
  /** Kept for other clients: the kubelet does not send it. */
  readonly identityToken: Secret | null;
  /** Kept for other clients: the kubelet does not send it. */
  readonly registryToken: Secret | null;
}

/** Registry host whose entry serves Docker Hub when no other entry does (keyring.go, defaultRegistryHost). */
const defaultRegistryHost = 'index.docker.io';

/**
 * All entries that serve an image, in the order in which the kubelet tries them, one pull each
 * (Kubernetes 1.36, pkg/credentialprovider/keyring.go, Lookup):
 * - keys are sorted backwards by their bytes, so a longer path comes before the bare host;
 * - host labels match one by one and may hold `*`; the number of labels and the port must be equal, and 443 is not the
 *   same as no port;
 * - a path is a plain prefix: `reg/te` serves `reg/team`;
 * - `index.docker.io` serves Docker Hub (and names without a dot or colon in their host) only when nothing else matches.
 * Entries that come down to the same key stand in file order here; the kubelet takes those in no fixed order.
 */
export function matchCredentials(
  file: CredentialFile,
  image: { readonly domain: string; readonly path: string },
): CredentialMatch[] {
  return matchMergedCredentials([file], image);
}

/**
 * The same over several files that the kubelet puts into one keyring: all of a pod's secrets (secrets.go,
 * MakeDockerKeyring). The node's own files are a second keyring, tried after all of these.
 */
export function matchMergedCredentials(
  files: readonly CredentialFile[],
  image: { readonly domain: string; readonly path: string },
): CredentialMatch[] {
  const byScope = new Map<string, CredentialMatch[]>();
  for (const file of files) {
    for (const entry of file.entries) {
      if (entry.scope === null) continue;
      const matches = byScope.get(entry.scope) ?? [];
      byScope.set(entry.scope, [...matches, toMatch(entry, file.source)]);
    }
  }
  const name = `${image.domain}/${image.path}`;
  const scopes = [...byScope.keys()].sort((a, b) => Buffer.compare(Buffer.from(b), Buffer.from(a)));
  const found = scopes.filter((scope) => scopeServes(scope, name)).flatMap((scope) => byScope.get(scope) ?? []);
  if (found.length > 0 || !isDefaultRegistry(image.domain)) return found;
  return byScope.get(defaultRegistryHost) ?? [];
}

function isDefaultRegistry(domain: string): boolean {
  return domain === 'docker.io' || domain === defaultRegistryHost || !/[.:]/.test(domain);
}

function toMatch(entry: CredentialEntry, source: string): CredentialMatch {
  const { key, username, password, email, identityToken, registryToken } = entry;
  return { key, source, username, password, email, identityToken, registryToken };
}
