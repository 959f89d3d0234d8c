import { limits } from '../lib/limits.ts';
import type { NameserverInfo, ResolverInfo } from '../model/plan.ts';
import type { Problem } from '../model/problem.ts';
import { failureWords } from './file-failure.ts';
import { parseAddress } from './go-address.ts';
import { type HostFiles, sourceName } from './host-files.ts';
import { type HostsEntry, indexHosts } from './hosts-file.ts';
import { type LookupOrder, parseNsswitch } from './nsswitch.ts';
import { parseResolvConf } from './resolv-conf.ts';

/** How this node turns names into addresses, as a Go program on it does. */
export interface NodeResolver {
  /** In the order in which they are asked; never empty. */
  readonly nameservers: readonly NameserverInfo[];
  /** Without the dot at the end. */
  readonly searchDomains: readonly string[];
  readonly resolver: ResolverInfo;
  readonly order: LookupOrder;
  /** `/etc/hosts`; empty when it is absent or cannot be read. */
  readonly hostsText: string;
  /** What `/etc/hosts` says about a name, with `etc/hosts:LINE`; null when it says nothing. */
  readonly lookup: (name: string) => ResolvedHost | null;
  readonly problems: readonly Problem[];
}

/** An answer from `/etc/hosts`. */
export interface ResolvedHost extends HostsEntry {
  readonly source: string;
}

/** What `readResolver` is told. */
export interface ResolverOptions {
  /** `--nameserver`: replaces those of resolv.conf. */
  readonly nameservers?: readonly { readonly address: string; readonly port: number }[];
}

const resolvConfPath = '/etc/resolv.conf';
const hostsPath = '/etc/hosts';
const nsswitchPath = '/etc/nsswitch.conf';

/** Reads the node's resolver settings. Missing files are not failures: Go has a default for each. */
export async function readResolver(host: HostFiles, options: ResolverOptions = {}): Promise<NodeResolver> {
  const [hostname, conf, hosts, nsswitch] = await Promise.all([
    readHostname(host),
    host.readText(resolvConfPath),
    host.readText(hostsPath, limits.hostsFileBytes),
    host.readText(nsswitchPath),
  ]);
  const given = (options.nameservers ?? []).map((server) => ({ ...server, source: '--nameserver' }));
  const parsed = parseResolvConf(conf.ok ? conf.value : '', sourceName(resolvConfPath), hostname);
  const order = parseNsswitch(nsswitch.ok ? nsswitch.value : '', sourceName(nsswitchPath));
  const hostsText = hosts.ok ? hosts.value : '';
  const index = indexHosts(hostsText);

  const problems: Problem[] = [];
  if (given.length === 0) {
    if (!conf.ok) {
      problems.push(
        warning(resolvConfPath, `The file ${failureWords(conf.error)}, so Go asks the nameservers 127.0.0.1 and ::1.`),
      );
    } else if (parsed.nameservers.every((server) => server.source === 'default')) {
      problems.push(warning(resolvConfPath, 'It has no usable nameserver, so Go asks 127.0.0.1 and ::1.'));
    }
  }
  const moot = given.length === 0 ? [] : parsed.nameserverProblems;
  problems.push(...parsed.problems.filter((problem) => !moot.includes(problem)));
  if (!hosts.ok && hosts.error.kind !== 'absent') {
    problems.push(
      warning(hostsPath, `The file ${failureWords(hosts.error)}, so it is not known which names it answers.`),
    );
  }
  if (!nsswitch.ok && nsswitch.error.kind !== 'absent') {
    problems.push(warning(nsswitchPath, `The file ${failureWords(nsswitch.error)}; it is taken as: files, then dns.`));
  }

  return {
    nameservers: given.length === 0 ? parsed.nameservers : given,
    searchDomains: parsed.search,
    resolver: parsed.options,
    order: order.order,
    hostsText,
    lookup: (name) => {
      const entry = index(name);
      return entry === null ? null : { ...entry, source: `${sourceName(hostsPath)}:${entry.line}` };
    },
    problems: [...problems, ...order.problems],
  };
}

/**
 * The fully-qualified names that nameservers are asked for `host`, in order; each ends in a dot. Empty where Go asks
 * none: for an address, a name that is no domain name, one that `/etc/hosts` answers first, and under the order `files`.
 */
export function lookupNames(resolver: NodeResolver, host: string): string[] {
  if (resolver.order === 'files') return [];
  if (resolver.order === 'files-dns' && resolver.lookup(host) !== null) return [];
  return nameList(resolver, host);
}

/** The same, whatever `/etc/hosts` says: Go's `dnsConfig.nameList` (net/dnsclient_unix.go). */
export function nameList(
  resolver: { readonly searchDomains: readonly string[]; readonly resolver: { readonly ndots: number } },
  host: string,
): string[] {
  if (parseAddress(host) !== null || !isDomainName(host)) return [];
  if (host.endsWith('.')) return isOnion(host) ? [] : [host];
  const itself = isOnion(host) ? [] : [`${host}.`];
  const searched = resolver.searchDomains
    .map((domain) => `${host}.${domain}.`)
    // 254 with the dot at the end is the longest name that fits into a question.
    .filter((name) => Buffer.byteLength(name) <= 254 && !isOnion(name));
  const dots = host.split('.').length - 1;
  return dots >= resolver.resolver.ndots ? [...itself, ...searched] : [...searched, ...itself];
}

/** RFC 7686: names below `.onion` are never asked. */
function isOnion(name: string): boolean {
  return /\.onion\.?$/i.test(name);
}

/** Go's `isDomainName` (net/dnsclient.go): what does not pass is "no such host" without a question. */
function isDomainName(name: string): boolean {
  if (name === '.') return true;
  const rooted = name.endsWith('.');
  const bare = rooted ? name.slice(0, -1) : name;
  if (bare.length > 253 || !/^[A-Za-z0-9_.-]+$/.test(bare)) return false;
  const labels = bare.split('.');
  if (labels.some((label) => label === '' || label.length > 63 || label.startsWith('-') || label.endsWith('-')))
    return false;
  return /[A-Za-z_-]/.test(bare);
}

/** The node's own name: the kernel's on this machine, the file's below another root. */
async function readHostname(host: HostFiles): Promise<string | null> {
  const places = ['/etc/hostname', '/proc/sys/kernel/hostname'];
  // Below another root, /proc tells the name of whoever reads it (its UTS namespace), so the file comes first there.
  if (host.root === '/') places.reverse();
  for (const place of places) {
    const text = await host.readText(place, limits.hostnameBytes);
    if (!text.ok) continue;
    const name = text.value.split('\n').find((line) => line.trim() !== '' && !line.startsWith('#'));
    if (name !== undefined) return name.trim();
  }
  return null;
}

function warning(path: string, message: string): Problem {
  return { severity: 'warning', cause: 'runtime-misconfigured', source: sourceName(path), message };
}
