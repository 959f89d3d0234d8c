/**
 * Products that open TLS and sign anew, by the words of the authorities that they come with. An administrator may have
 * given the authority another name, so that no match says nothing. Names as the makers' manuals show them.
 */
const inspectors: readonly (readonly [words: RegExp, product: string])[] = [
  [/zscaler/i, 'Zscaler'],
  [/netskope|goskope/i, 'Netskope'],
  [/fortinet|forti(?:gate|proxy)/i, 'Fortinet'],
  [/palo alto networks|prisma access/i, 'Palo Alto Networks'],
  [/blue ?coat|proxysg|symantec web security/i, 'Blue Coat'],
  [/cisco (?:umbrella|secure access|web security)|ironport|opendns/i, 'Cisco'],
  [/cloudflare gateway|gateway ca - cloudflare/i, 'Cloudflare Gateway'],
  [/check ?point/i, 'Check Point'],
  [/forcepoint|websense/i, 'Forcepoint'],
  [/mcafee|skyhigh/i, 'Skyhigh (McAfee) Web Gateway'],
  [/sophos/i, 'Sophos'],
  [/sonicwall/i, 'SonicWall'],
  [/watchguard|fireware/i, 'WatchGuard'],
  [/barracuda/i, 'Barracuda'],
  [/menlo security/i, 'Menlo Security'],
  [/\biboss\b/i, 'iboss'],
  [/\bsquid\b/i, 'Squid'],
  [/\bmitmproxy\b/i, 'mitmproxy'],
  [/do_not_trust_fiddler/i, 'Fiddler'],
  [/charles proxy/i, 'Charles'],
  [/kaspersky/i, 'Kaspersky'],
  [/eset ssl filter/i, 'ESET'],
  [/avast web|avg web/i, 'Avast'],
];

/** The inspecting product that an authority's name tells of; null: none that is known. */
export function inspectorOf(authority: string): string | null {
  return inspectors.find(([words]) => words.test(authority))?.[1] ?? null;
}

/**
 * Domains of registries, their token services and their stores that anybody may reach: the certificates that their
 * owners present come from authorities that the public trusts (pull-facts, section 12).
 */
const publicDomains: readonly string[] = [
  ...['docker.io', 'docker.com', 'cloudflarestorage.com', 'quay.io', 'ghcr.io', 'githubusercontent.com', 'github.com'],
  ...['registry.k8s.io', 'k8s.gcr.io', 'gcr.io', 'pkg.dev', 'googleapis.com', 'mcr.microsoft.com', 'azurecr.io'],
  ...['core.windows.net', 'amazonaws.com', 'amazonaws.com.cn', 'public.ecr.aws', 'cloudfront.net', 'gitlab.com'],
  ...['registry.redhat.io', 'registry.access.redhat.com', 'nvcr.io', 'icr.io', 'ocir.io', 'docker.elastic.co'],
  ...['registry.suse.com', 'registry.opensuse.org', 'registry.fedoraproject.org', 'lscr.io', 'cgr.dev'],
];

/** A host whose owner presents certificates that the public trusts. */
export function isPublicHost(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  return publicDomains.some((domain) => name === domain || name.endsWith(`.${domain}`));
}
