import type { Secret } from '../lib/secret.ts';
import type { Problem } from '../model/problem.ts';
import {
  type CertificateFailure,
  type ClientPair,
  certificateFailureWords,
  hitsRuntime,
  loadAuthorities,
  loadClientPair,
} from './certs-directory.ts';
import { defaultHost, endpointUrl, isLocalhost, splitHostPort } from './containerd-address.ts';
import { capabilityWords, defaultEntry, type HostEntry } from './containerd-hosts-toml.ts';
import { harmless, misconfigured } from './containerd-problem.ts';
import type { ContainerdRules } from './containerd-rules.ts';
import { type HostFiles, sourceName } from './host-files.ts';
import type { RuntimeEndpoint } from './runtime-plan.ts';

/** The image that is pulled, as far as endpoints depend on it. */
export interface ImageTarget {
  /** Registry host with its port, as normalized: `docker.io`. */
  readonly domain: string;
  /** Repository path without the domain: `library/nginx`. */
  readonly path: string;
  readonly tag: string | null;
  readonly digest: string | null;
  readonly normalized: string;
}

/** Endpoints made of configuration, and what is wrong with it. */
export interface ConfiguredEndpoints {
  readonly endpoints: readonly RuntimeEndpoint[];
  readonly problems: readonly Problem[];
}

/**
 * Turns host entries into the endpoints that containerd tries for this image, in order (remotes/docker/config/hosts.go,
 * ConfigureHosts, and the choice by capabilities in remotes/docker/resolver.go). `entries` null: no configuration. One
 * certificate that cannot be used breaks the whole registry: then there is no endpoint, and an error says why.
 */
export async function configureHosts(
  host: HostFiles,
  image: ImageTarget,
  entries: readonly HostEntry[] | null,
  headers: Readonly<Record<string, readonly Secret[]>>,
  rules: ContainerdRules,
): Promise<ConfiguredEndpoints> {
  const list = entries ?? [defaultEntry];
  const problems: Problem[] = [];
  const endpoints: RuntimeEndpoint[] = [];
  let broken = false;
  for (const [index, item] of list.entries()) {
    const last = index === list.length - 1;
    const entry = last && item.host === '' ? withDefaults(item, image.domain, rules) : item;
    const material = await loadMaterial(host, entry);
    for (const { failure, source } of material.failures) {
      const certain = failure.kind !== 'unreadable' || hitsRuntime(failure.file);
      if (certain) broken = true;
      const words = certificateFailureWords(failure);
      const message = certain
        ? `${upper(words)}, so containerd fails every pull from ${image.domain}, whichever host it would ask.`
        : `${upper(words)}, so the plan leaves it out.`;
      problems.push(misconfigured(certain ? 'error' : 'warning', source, message));
    }
    if (entry.host === '' || !['http', 'https'].includes(entry.scheme)) {
      const message =
        'This is not an http:// or https:// address with a host, so containerd cannot ask it and tries the next one.';
      problems.push(misconfigured('warning', entry.source ?? 'default', message));
      continue;
    }
    const built = endpointOf(entry, last ? 'upstream' : 'mirror', image, material, headers, rules);
    const skipped = skippedBecause(entry, built.info.url, image, last);
    if (skipped === null) endpoints.push(built);
    else problems.push(harmless(entry.capabilitiesSource ?? entry.source ?? 'default', skipped));
  }
  if (broken) return { endpoints: [], problems };
  if (endpoints.length === 0) {
    const source = list.at(-1)?.capabilitiesSource ?? list[0]?.source ?? 'default';
    const what = image.digest === null ? 'resolve a tag' : 'pull';
    const message = `No host that is configured for ${image.domain} may ${what}, so containerd fails such a pull without asking any.`;
    problems.push(misconfigured('error', source, message));
  }
  return { endpoints, problems };
}

function withDefaults(entry: HostEntry, registry: string, rules: ContainerdRules): HostEntry {
  const known = capabilityWords.filter((word) => rules.referrers || word !== 'referrers');
  const base = {
    ...entry,
    path: '/v2',
    host: registry,
    scheme: 'https',
    capabilities: known,
    capabilitiesSource: null,
  };
  if (registry === 'docker.io') return { ...base, host: defaultHost(registry) };
  if (!isLocalhost(registry)) return base;
  const { port } = splitHostPort(registry);
  if (!rules.localhostHttps) return { ...base, scheme: 'http', skipVerify: true };
  const secure = port === null || port === '' || port === '443';
  return { ...base, scheme: secure ? 'https' : 'http', skipVerify: port === '80' ? entry.skipVerify : true };
}

interface Material {
  readonly caPem: readonly string[];
  readonly clientPairs: readonly ClientPair[];
  readonly failures: readonly { readonly failure: CertificateFailure; readonly source: string }[];
}

async function loadMaterial(host: HostFiles, entry: HostEntry): Promise<Material> {
  const caPem: string[] = [];
  const clientPairs: ClientPair[] = [];
  const failures: { failure: CertificateFailure; source: string }[] = [];
  for (const path of entry.ca ?? []) {
    const loaded = await loadAuthorities(host, path);
    if (loaded.ok) caPem.push(loaded.value);
    else failures.push({ failure: loaded.error, source: entry.caSource ?? sourceName(path) });
  }
  for (const [cert, key] of entry.client ?? []) {
    const loaded = await loadClientPair(host, cert, key);
    if (loaded.ok) clientPairs.push(loaded.value);
    else failures.push({ failure: loaded.error, source: entry.clientSource ?? sourceName(cert) });
  }
  return { caPem, clientPairs, failures };
}

function endpointOf(
  entry: HostEntry,
  role: 'mirror' | 'upstream',
  image: ImageTarget,
  material: Material,
  common: Readonly<Record<string, readonly Secret[]>>,
  rules: ContainerdRules,
): RuntimeEndpoint {
  const fallback = triesHttpsFirst(entry, rules);
  const headerValues = { ...common, ...entry.headers };
  return {
    info: {
      url: endpointUrl(fallback ? 'https' : entry.scheme, entry.host, entry.path),
      reference: image.normalized,
      role,
      source: entry.source ?? 'default',
      capabilities: entry.capabilities,
      skipVerify: entry.skipVerify ?? false,
      insecure: false,
      httpFallback: fallback,
      ca: entry.ca ?? [],
      client: (entry.client ?? []).map(([cert, key]) => [cert, key ?? cert] as const),
      dialTimeoutMs: entry.dialTimeoutMs,
      headers: Object.keys(headerValues),
      blocked: false,
    },
    caPem: material.caPem,
    clientPairs: material.clientPairs,
    headerValues,
  };
}

/** An http:// host with any TLS setting, even `skip_verify = false`, is tried with HTTPS first, but on port 80. */
function triesHttpsFirst(entry: HostEntry, rules: ContainerdRules): boolean {
  if (entry.scheme !== 'http' || rules.httpFallback === 'never') return false;
  const tls = entry.ca !== null || entry.client !== null || entry.skipVerify !== null;
  if (!tls && !(rules.dialTimeout === 'counts-as-tls' && entry.dialTimeoutMs !== null)) return false;
  const { port } = splitHostPort(entry.host);
  if (port === '80') return false;
  return rules.httpFallback === 'always' || (port !== null && port !== '');
}

/** Why containerd passes over a host for this pull, or null. A tag needs `pull` and `resolve`, a digest only `pull`. */
function skippedBecause(entry: HostEntry, url: string, image: ImageTarget, last: boolean): string | null {
  const lacks = (word: string): boolean => !entry.capabilities.includes(word);
  if (lacks('pull')) return `${url} is without the capability "pull", so containerd does not ask it for images.`;
  if (image.digest !== null || !lacks('resolve')) return null;
  const others = last ? 'the hosts before it' : 'the other hosts';
  return `${url} is without the capability "resolve", so containerd asks ${others} what a tag stands for, and this one only for content by digest.`;
}

/** The beginning of a sentence; a file's name keeps its own letters. */
function upper(text: string): string {
  return text.startsWith('the ') ? `T${text.slice(1)}` : text;
}
