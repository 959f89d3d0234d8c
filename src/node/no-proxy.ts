import { domainToASCII } from 'node:url';
import { type GoAddress, mappedIPv4, parseAddress, sameAddress } from './go-address.ts';

/** One entry of NO_PROXY as Go understands it (golang.org/x/net/http/httpproxy, `config.init`). */
export interface NoProxyEntry {
  /** As written, trimmed. */
  readonly text: string;
  /** True when this entry takes `host` (lower case, ASCII; `address` when it is an IP literal) off the proxy. */
  readonly matches: (host: string, port: number, address: GoAddress | null) => boolean;
}

/** One entry that can never match as it is written, with what to write instead. */
export interface DeadEntry {
  readonly text: string;
  readonly why: string;
}

/** The entries of a NO_PROXY value that Go keeps, in order. A lone `*` replaces all others. */
export function parseNoProxy(value: string): readonly NoProxyEntry[] {
  const entries: NoProxyEntry[] = [];
  for (const piece of value.split(',')) {
    const text = trim(piece);
    if (text === '') continue;
    if (text === '*') return [{ text, matches: () => true }];
    const matches = matcher(text.toLowerCase());
    if (matches !== null) entries.push({ text, matches });
  }
  return entries;
}

/**
 * Entries that match nothing as they are written, so that hosts go through the proxy which their author meant to
 * reach directly (pull-facts, sections 9 and 16). Each was tried with Go's own code.
 */
export function deadEntries(value: string): readonly DeadEntry[] {
  const dead: DeadEntry[] = [];
  for (const piece of value.split(',')) {
    const text = trim(piece);
    if (text === '*') return [];
    const why = text === '' ? null : whyDead(text.toLowerCase());
    if (why !== null) dead.push({ text, why });
  }
  return dead;
}

function matcher(entry: string): NoProxyEntry['matches'] | null {
  const network = parseNetwork(entry);
  if (network !== null) return (_host, _port, address) => address !== null && contains(network, address.bytes);

  const split = splitHostPort(entry);
  const name = split?.host ?? entry;
  if (name === '') return null;
  const fits = (port: number): boolean => split === null || split.port === '' || split.port === String(port);

  const literal = parseAddress(name);
  if (literal !== null && literal.zone === '') {
    return (_host, port, address) => address !== null && sameAddress(literal.bytes, address.bytes) && fits(port);
  }

  const bare = name.startsWith('*.') ? name.slice(1) : name;
  const itself = !bare.startsWith('.');
  const suffix = ascii(itself ? `.${bare}` : bare);
  return (host, port, address) =>
    address === null && (host.endsWith(suffix) || (itself && host === suffix.slice(1))) && fits(port);
}

function whyDead(entry: string): string | null {
  if (/\s/.test(entry)) return 'entries are separated by commas, not by spaces';
  if (/[;|]/.test(entry)) return `entries are separated by commas, not by "${entry.includes(';') ? ';' : '|'}"`;
  if (/["'\u2018-\u201f]/.test(entry)) return 'the quotes are part of the entry; remove them';
  if (entry.includes('://')) return 'an entry is a host name, an address or a network, not a URL';
  if (parseNetwork(entry) !== null) return null;
  if (entry.includes('/')) {
    return /\/\d+:\d*$/.test(entry)
      ? 'a network in CIDR form takes no port'
      : 'it is not a network in CIDR form (an address, a slash and a prefix length that fits)';
  }
  const split = splitHostPort(entry);
  const name = split?.host ?? entry;
  if (split === null && entry.startsWith('[')) return 'an IPv6 address without a port is written without brackets';
  if (name === '') return 'it names no host';
  if (split !== null && !/^(\d*)$/.test(split.port)) return 'its port is not a number';
  if (parseAddress(name) !== null) return name.includes('%') ? 'an address with a zone matches nothing' : null;
  const rest = name.startsWith('*.') ? name.slice(2) : name;
  if (rest.includes('*'))
    return 'a "*" stands for a whole value or for the first label ("*.example.com"), nowhere else';
  if (/^[\d.]+\.$/.test(rest)) return 'the beginning of an address matches nothing; write the network (10.0.0.0/8)';
  if (rest.endsWith('.') || rest === '') return 'an entry with a dot at its end matches no host name';
  if (/^\d+(\.\d+){1,2}$/.test(rest))
    return 'the beginning of an address matches nothing; write the network (10.0.0.0/8)';
  return null;
}

interface Network {
  readonly bytes: Uint8Array;
  readonly bits: number;
}

/** Go's `net.ParseCIDR`; a network within ::ffff:0:0/96 is the IPv4 network that it maps. */
function parseNetwork(text: string): Network | null {
  const slash = text.indexOf('/');
  if (slash < 0) return null;
  const address = parseAddress(text.slice(0, slash));
  const mask = text.slice(slash + 1);
  if (address === null || address.zone !== '' || !/^\d+$/.test(mask)) return null;
  const bits = Number(mask);
  if (bits > address.bytes.length * 8) return null;
  const mapped = address.bytes.length === 16 && bits >= 96 ? mappedIPv4(address.bytes) : null;
  return mapped === null ? { bytes: address.bytes, bits } : { bytes: mapped, bits: bits - 96 };
}

function contains(network: Network, candidate: Uint8Array): boolean {
  const bytes = mappedIPv4(candidate) ?? candidate;
  if (bytes.length !== network.bytes.length) return false;
  return bytes.every((byte, index) => {
    const bits = Math.min(8, Math.max(0, network.bits - index * 8));
    const mask = (0xff << (8 - bits)) & 0xff;
    return (byte & mask) === ((network.bytes[index] ?? 0) & mask);
  });
}

/** Go's `net.SplitHostPort`; null where that is an error. */
function splitHostPort(text: string): { readonly host: string; readonly port: string } | null {
  const match = /^\[([^[\]]*)\]:([^[\]:]*)$/.exec(text) ?? /^([^[\]:]*):([^[\]:]*)$/.exec(text);
  return match === null ? null : { host: match[1] ?? '', port: match[2] ?? '' };
}

/** Host names as they go on the wire: names above ASCII in their punycode form, when they have one. */
export function ascii(name: string): string {
  if (/^[\u0000-\u007f]*$/.test(name)) return name;
  // Typographic quotes and dashes have no place in an internationalized name; Go leaves such names as they are.
  if (/[^\p{L}\p{N}\p{M}._-]/u.test(name)) return name;
  const dotted = name.startsWith('.');
  const converted = domainToASCII(dotted ? name.slice(1) : name);
  if (converted === '') return name;
  return dotted ? `.${converted}` : converted;
}

/** Go's `strings.TrimSpace`: Unicode white space, without the byte order mark that JavaScript counts in. */
function trim(text: string): string {
  return text.replace(/^[\s\u0085]+|[\s\u0085]+$/gu, (run) => (run.includes('\ufeff') ? run : ''));
}
