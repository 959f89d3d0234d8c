import { clip } from '../lib/limits.ts';
import type { NameserverInfo, ResolverInfo } from '../model/plan.ts';
import type { Problem } from '../model/problem.ts';
import { parseAddress } from './go-address.ts';

/** `/etc/resolv.conf` as Go's resolver uses it. */
export interface ResolvConf {
  /** At most three; Go's own default (127.0.0.1 and ::1) when the file has none that it takes. */
  readonly nameservers: readonly NameserverInfo[];
  /** Without the dot at the end. */
  readonly search: readonly string[];
  readonly options: ResolverInfo;
  /** What Go does not use as it is written. */
  readonly problems: readonly Problem[];
  /** Those of `problems` that are about nameservers; they do not matter when `--nameserver` replaces these. */
  readonly nameserverProblems: readonly Problem[];
}

/** What Go asks when resolv.conf has no usable nameserver (net/dnsconfig.go, `defaultNS`). */
export const defaultNameservers: readonly NameserverInfo[] = ['127.0.0.1', '::1'].map((address) => ({
  address,
  port: 53,
  source: 'default',
}));

/** The C library's options that Go passes over without harm; a word outside of this list is most likely a typing error. */
const harmlessOptions = new Set([
  'debug',
  'edns0',
  'inet6',
  'insecure1',
  'insecure2',
  'ip6-bytestring',
  'ip6-dotint',
  'no-aaaa',
  'no-check-names',
  'no-ip6-dotint',
  'no-reload',
  'no-tld-query',
  'trust-ad',
]);

/** Keywords of the C library (and OpenBSD) that Go passes over without harm. */
const harmlessKeywords = new Set(['sortlist', 'lookup', 'family', 'sethostname']);

/**
 * Reads resolv.conf by the rules of Go 1.26 (net/dnsconfig_unix.go): the last `search` or `domain` line counts,
 * a nameserver is an IP literal and nothing else, and comments begin at a line's start only.
 * `hostname` is the node's name: without a usable search list Go appends what stands behind its first dot.
 */
export function parseResolvConf(text: string, source: string, hostname: string | null = null): ResolvConf {
  const nameservers: NameserverInfo[] = [];
  const problems: Problem[] = [];
  const nameserverProblems: Problem[] = [];
  let search: string[] = [];
  let options: ResolverInfo = {
    ndots: 1,
    timeoutMs: 5000,
    attempts: 2,
    rotate: false,
    singleRequest: false,
    useTcp: false,
  };

  for (const [index, line] of text.split('\n').entries()) {
    if (line.startsWith(';') || line.startsWith('#')) continue;
    const [keyword, ...words] = line.split(/[ \r\t]+/).filter((word) => word !== '');
    if (keyword === undefined || /^[#;]/.test(keyword)) continue;
    const warn = (message: string): void => {
      const at = `${source}:${index + 1}`;
      const problem: Problem = { severity: 'warning', cause: 'runtime-misconfigured', source: at, message };
      problems.push(problem);
      if (keyword === 'nameserver') nameserverProblems.push(problem);
    };
    switch (keyword) {
      case 'nameserver': {
        const address = words[0];
        if (address === undefined) {
          warn('The nameserver line names no address; it is ignored.');
        } else if (nameservers.length >= 3) {
          warn(`Nameserver ${clip(address, 100)} is never asked: only the first three nameservers are used.`);
        } else if (parseAddress(address) === null) {
          warn(`Nameserver "${clip(address, 100)}" is ignored: ${whyNoAddress(address)}.`);
        } else {
          nameservers.push({ address, port: 53, source: `${source}:${index + 1}` });
        }
        break;
      }
      case 'domain':
        if (words[0] !== undefined) search = [unrooted(words[0])];
        break;
      case 'search': {
        search = words.map(unrooted).filter((word) => word !== '');
        const comment = words.find((word) => /^[#;]/.test(word));
        if (comment !== undefined) {
          warn('A comment cannot stand behind a search list: its words are taken for search domains.');
        }
        break;
      }
      case 'options':
        for (const word of words) {
          const [changed, complaint] = applyOption(options, word);
          options = changed;
          if (complaint !== null) warn(complaint);
        }
        break;
      default:
        if (!harmlessKeywords.has(keyword))
          warn(`"${clip(keyword, 100)}" is no keyword of resolv.conf; the line is ignored.`);
    }
  }

  return {
    nameservers: nameservers.length === 0 ? defaultNameservers : nameservers,
    search: search.length === 0 ? defaultSearch(hostname) : search,
    options,
    problems,
    nameserverProblems,
  };
}

/** Go's `dnsDefaultSearch`: what stands behind the first dot of the host name. */
function defaultSearch(hostname: string | null): string[] {
  const dot = hostname?.indexOf('.') ?? -1;
  const domain = hostname === null || dot < 0 ? '' : unrooted(hostname.slice(dot + 1));
  return domain === '' ? [] : [domain];
}

function applyOption(options: ResolverInfo, word: string): [ResolverInfo, complaint: string | null] {
  const counted = /^(ndots|timeout|attempts):(.*)$/.exec(word);
  if (counted !== null) {
    const [, name = '', digits = ''] = counted;
    const given = decimal(digits);
    const used = name === 'ndots' ? Math.min(given ?? 0, 15) : Math.max(given ?? 0, 1);
    const complaint = used === given ? null : `The option ${clip(word, 100)} is read as ${name}:${used}.`;
    if (name === 'ndots') return [{ ...options, ndots: used }, complaint];
    if (name === 'timeout') return [{ ...options, timeoutMs: used * 1000 }, complaint];
    return [{ ...options, attempts: used }, complaint];
  }
  switch (word) {
    case 'rotate':
      return [{ ...options, rotate: true }, null];
    case 'single-request':
    case 'single-request-reopen':
      return [{ ...options, singleRequest: true }, null];
    case 'use-vc':
    case 'usevc':
    case 'tcp':
      return [{ ...options, useTcp: true }, null];
    default:
      return [
        options,
        harmlessOptions.has(word) ? null : `"${clip(word, 100)}" is no option of the resolver; it is ignored.`,
      ];
  }
}

/** The digits at the beginning of `text` (net/parse.go, `dtoi`, which stops counting at 0xFFFFFF); null without one. */
function decimal(text: string): number | null {
  const digits = /^[0-9]+/.exec(text)?.[0];
  return digits === undefined ? null : Math.min(Number(digits), 0xffffff);
}

function whyNoAddress(text: string): string {
  if (/^\[.*\](:\d+)?$/.test(text)) return 'an IPv6 address is written without brackets and without a port';
  if (/^\d+(\.\d+){3}:\d+$/.test(text)) return 'a port cannot be given';
  if (/^\d+(\.\d+){3}$/.test(text) && text.split('.').some((part) => /^0\d/.test(part))) {
    return 'its numbers have leading zeros';
  }
  return 'it is not an IP address';
}

function unrooted(domain: string): string {
  return domain.endsWith('.') ? domain.slice(0, -1) : domain;
}
