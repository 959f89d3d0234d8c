import { formatAddress, mappedIPv4, parseAddress } from './go-address.ts';

/** What `/etc/hosts` says about one name. */
export interface HostsEntry {
  /** In the file's order, each once; zones kept, IPv4-mapped addresses as IPv4, for that is what Go dials. */
  readonly addresses: readonly string[];
  /** The first name of the first line that has the name, lower case. */
  readonly canonical: string;
  /** That line, counted from 1. */
  readonly line: number;
}

/** An index over one hosts file. */
export type HostsIndex = (name: string) => HostsEntry | null;

/**
 * Reads a hosts file by the rules of Go 1.26 (net/hosts.go): comments begin at any `#`, names are compared without
 * regard to ASCII case, lines with the same name add up, and a line whose first word is no IP literal is ignored.
 * A name with a dot is the same with and without a dot at its end; `localhost.` is not `localhost`. No name is special.
 */
export function indexHosts(text: string): HostsIndex {
  const names = new Map<string, { addresses: string[]; canonical: string; line: number }>();
  for (const [index, whole] of text.split('\n').entries()) {
    const [literal, ...words] = (whole.split('#', 1)[0] ?? '').split(/[ \r\t]+/).filter((word) => word !== '');
    const address = literal === undefined || words.length === 0 ? null : parseAddress(literal);
    if (address === null) continue;
    const v4 = address.zone === '' ? mappedIPv4(address.bytes) : null;
    const shown = formatAddress(v4 === null ? address : { bytes: v4, zone: '' });
    const canonical = keyOf(words[0] ?? '');
    for (const word of words) {
      const key = keyOf(word);
      const known = names.get(key);
      if (known === undefined) names.set(key, { addresses: [shown], canonical, line: index + 1 });
      else if (!known.addresses.includes(shown)) known.addresses.push(shown);
    }
  }
  return (name) => names.get(keyOf(name)) ?? null;
}

/** What the hosts file `text` says about `name`, or null. For many names make an index once. */
export function lookupHosts(text: string, name: string): HostsEntry | null {
  return indexHosts(text)(name);
}

function keyOf(name: string): string {
  const lower = name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return lower.includes('.') && !lower.endsWith('.') ? `${lower}.` : lower;
}
