import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { withoutTrailing } from '../lib/trailing.ts';

/**
 * Which parties callers may have a node talk to. A node reaches what its callers do not: services on its own loopback
 * address, its link, and the cloud's metadata service, which gives away the node's credentials. Judged is the address that
 * is connected to, at the moment before it is, so that no name, redirect or second answer of a nameserver gets around it.
 */
export interface Guard {
  /** Why this party must not be talked to, a sentence with how to allow it; null: it may be. */
  readonly refuse: (target: GuardedTarget) => string | null;
}

/** A party, and the address at which it is connected to; null: a proxy does that, or it is not known yet. */
export interface GuardedTarget {
  /** As the URL names it, without brackets: a name, or an address as the URL's parser spells it. */
  readonly host: string;
  readonly port: number;
  readonly address: string | null;
}

/** A host and port that the node's own configuration names. */
export interface NamedParty {
  readonly host: string;
  readonly port: number;
}

/** What `allowTargets` allows. */
export interface Allowed {
  readonly networks: BlockList;
  /** Names and addresses, with the ports that are allowed; null: all ports. */
  readonly hosts: ReadonlyMap<string, ReadonlySet<number> | null>;
  /** Entries that are none of these. */
  readonly unusable: readonly string[];
}

interface Range {
  readonly what: string;
  readonly v4: readonly (readonly [string, number])[];
  readonly v6: readonly (readonly [string, number])[];
}

/** The most telling name first: 169.254.169.254 is link-local, too. */
const ranges: readonly Range[] = [
  {
    what: 'a metadata address of a cloud',
    v4: [
      // AWS, Azure, Google Cloud, OpenStack and others; AWS for containers (ECS, EKS); Tencent.
      ['169.254.169.254', 32],
      ['169.254.170.2', 32],
      ['169.254.170.23', 32],
      ['169.254.0.23', 32],
      // Azure's wire server, Alibaba Cloud, Oracle's first generation.
      ['168.63.129.16', 32],
      ['100.100.100.200', 32],
      ['192.0.0.192', 32],
    ],
    // AWS (…::254 metadata, …::23 pod identity), Google Cloud, Scaleway.
    v6: [
      ['fd00:ec2::', 32],
      ['fd20:ce::254', 128],
      ['fd00:42::42', 128],
    ],
  },
  { what: "this node's own loopback address", v4: [['127.0.0.0', 8]], v6: [['::1', 128]] },
  // Linux connects to itself there.
  { what: 'an unspecified address', v4: [['0.0.0.0', 8]], v6: [['::', 128]] },
  { what: 'a link-local address', v4: [['169.254.0.0', 16]], v6: [['fe80::', 10]] },
  { what: 'a multicast address', v4: [['224.0.0.0', 4]], v6: [['ff00::', 8]] },
  { what: 'a broadcast address', v4: [['255.255.255.255', 32]], v6: [] },
];

const lists = ranges.map(({ what, v4, v6 }) => {
  const list = new BlockList();
  for (const [network, bits] of v4) list.addSubnet(network, bits, 'ipv4');
  for (const [network, bits] of v6) list.addSubnet(network, bits, 'ipv6');
  return { what, list };
});

/** Names of metadata services: a proxy may resolve them where this node does not. */
const metadataNames: ReadonlySet<string> = new Set([
  'metadata',
  'metadata.google.internal',
  'metadata.goog',
  'metadata.azure.internal',
  'metadata.tencentyun.com',
  'instance-data',
  'instance-data.ec2.internal',
]);

/** Makes a guard for one plan: what is allowed by the operator, and by the node's own configuration. */
export function makeGuard(allowed: Allowed, named: readonly NamedParty[]): Guard {
  const own = new Set(named.map(({ host, port }) => partyKey(host, port)));
  return {
    refuse({ host, port, address }) {
      if (own.has(partyKey(host, port))) return null;
      const name = plainHost(host);
      if (allows(allowed.hosts, name, port)) return null;
      const literal = isAddress(name) ? name : null;
      for (const judged of new Set([literal, address === null ? null : plainHost(address)])) {
        if (judged === null) continue;
        const what = specialAddress(judged);
        if (what === null || allows(allowed.hosts, judged, port) || inNetworks(allowed.networks, judged)) continue;
        const words = judged === name ? `${judged} is ${what}` : `${name} leads to ${judged}, ${what}`;
        return refusal(words, judged);
      }
      const what = literal === null ? specialName(name) : null;
      return what === null ? null : refusal(`${name} is ${what}`, name);
    },
  };
}

/** What kind of address it is that a node must not be made to talk to; null: an ordinary one. Zones count for nothing. */
export function specialAddress(address: string): string | null {
  const plain = plainHost(address);
  for (const form of [plain, ...embedded(plain)]) {
    const family = isIPv6(form) ? 'ipv6' : 'ipv4';
    for (const { what, list } of lists) if (list.check(form, family)) return what;
  }
  return null;
}

/** Reads `http.allowTargets`: addresses, networks and host names, the first and the last also with a port. */
export function readAllowed(entries: readonly string[]): Allowed {
  const networks = new BlockList();
  const hosts = new Map<string, ReadonlySet<number> | null>();
  const unusable: string[] = [];
  for (const entry of entries) {
    const text = entry.trim();
    const network = /^([^/]+)\/([0-9]{1,3})$/.exec(text);
    if (network !== null) {
      const [, base = '', bits = ''] = network;
      const family = isIPv6(base) ? 'ipv6' : isIPv4(base) ? 'ipv4' : null;
      if (family === null || Number(bits) > (family === 'ipv6' ? 128 : 32)) unusable.push(entry);
      else networks.addSubnet(base, Number(bits), family);
      continue;
    }
    const [, bare = text, port] = /^(\[[^\]]*\]|[^:]*):([0-9]{1,5})$/.exec(text) ?? [];
    const host = plainHost(bare);
    if (!isAddress(host) && !/^[a-z0-9_]([a-z0-9._-]*[a-z0-9_])?$/.test(host)) {
      unusable.push(entry);
      continue;
    }
    const known = hosts.get(host);
    if (known === null) continue;
    hosts.set(host, port === undefined ? null : new Set([...(known ?? []), Number(port)]));
  }
  return { networks, hosts, unusable };
}

function refusal(words: string, what: string): string {
  return `${words}, which callers may not have this node talk to; http.allowTargets allows it (add ${what}).`;
}

function allows(hosts: Allowed['hosts'], host: string, port: number): boolean {
  const ports = hosts.get(host);
  return ports === null || ports?.has(port) === true;
}

function inNetworks(networks: BlockList, address: string): boolean {
  return networks.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

function specialName(name: string): string | null {
  if (metadataNames.has(name)) return "the name of a cloud's metadata service";
  return name === 'localhost' || name.endsWith('.localhost') ? "a name of this node's own loopback address" : null;
}

function partyKey(host: string, port: number): string {
  return `${plainHost(host)} ${port}`;
}

/** Lower case, without brackets, zone and final dots. */
function plainHost(host: string): string {
  const [name = ''] = host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .split('%', 1);
  return withoutTrailing(name, '.');
}

function isAddress(text: string): boolean {
  return isIPv4(text) || isIPv6(text);
}

/**
 * IPv4 addresses that an IPv6 address stands for: mapped (which BlockList knows by itself), compatible (RFC 4291, section
 * 2.5.5), translated (RFC 2765), NAT64 with its well-known prefix (RFC 6052) and its local one (RFC 8215; the address
 * stands at the end, or as RFC 6052 has it for 48 bits), 6to4 (RFC 3056), Teredo (RFC 4380, inverted) and ISATAP (RFC 5214).
 */
function embedded(address: string): string[] {
  if (!isIPv6(address)) return [];
  const groups = groupsOf(address);
  const at = (index: number): number => groups[index] ?? 0;
  const starts = (...prefix: number[]): boolean => prefix.every((group, index) => at(index) === group);
  const v4 = (high: number, low: number): string => [high >> 8, high & 255, low >> 8, low & 255].join('.');
  const end = v4(at(6), at(7));
  const found: string[] = [];
  // ::1 and :: are themselves.
  if (starts(0, 0, 0, 0, 0, 0) && at(6) !== 0) found.push(end);
  if (starts(0, 0, 0, 0, 0, 0xffff) || starts(0, 0, 0, 0, 0xffff, 0) || starts(0x64, 0xff9b, 0, 0, 0, 0))
    found.push(end);
  if (starts(0x64, 0xff9b, 1)) found.push(end, v4(at(3), ((at(4) & 255) << 8) | (at(5) >> 8)));
  if (starts(0x2002)) found.push(v4(at(1), at(2)));
  if (starts(0x2001, 0)) found.push(v4(at(6) ^ 0xffff, at(7) ^ 0xffff));
  if ((at(4) & 0xfdff) === 0 && at(5) === 0x5efe) found.push(end);
  return found;
}

/** The eight groups of a valid IPv6 address. */
function groupsOf(address: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const hex = (high: string, low: string): string => ((Number(high) << 8) | Number(low)).toString(16);
  const text =
    dotted === null
      ? address
      : `${dotted[1]}${hex(dotted[2] ?? '', dotted[3] ?? '')}:${hex(dotted[4] ?? '', dotted[5] ?? '')}`;
  const [head = '', tail] = text.split('::');
  const numbers = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const first = numbers(head);
  if (tail === undefined) return first;
  const last = numbers(tail);
  return [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last];
}
