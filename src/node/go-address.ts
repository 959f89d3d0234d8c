import { isIPv4, isIPv6 } from 'node:net';

/** An IP address as Go's `netip.ParseAddr` takes it: no leading zeros, no brackets, no port, a zone on IPv6 only. */
export interface GoAddress {
  /** 4 bytes for IPv4, 16 for IPv6 (an IPv4-mapped address has 16). */
  readonly bytes: Uint8Array;
  /** The zone behind `%`, or an empty string. */
  readonly zone: string;
}

/** The address that `text` is, or null (Go: net/netip, `ParseAddr`). */
export function parseAddress(text: string): GoAddress | null {
  if (isIPv4(text)) return { bytes: Uint8Array.from(text.split('.'), Number), zone: '' };
  const percent = text.indexOf('%');
  const literal = percent < 0 ? text : text.slice(0, percent);
  const zone = percent < 0 ? '' : text.slice(percent + 1);
  if ((percent >= 0 && zone === '') || !isIPv6(literal)) return null;
  return { bytes: expand(literal), zone };
}

/** The address in the form that Go prints, the zone behind it. */
export function formatAddress(address: GoAddress): string {
  const { bytes, zone } = address;
  if (bytes.length === 4) return [...bytes].join('.');
  const suffix = zone === '' ? '' : `%${zone}`;
  const embedded = mappedIPv4(bytes);
  if (embedded !== null) return `::ffff:${[...embedded].join('.')}${suffix}`;
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16));
  const [start, length] = longestZeroRun(groups);
  if (length < 2) return groups.join(':') + suffix;
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}${suffix}`;
}

/** The 4 bytes of an IPv4 or IPv4-mapped address, or null for any other IPv6 address (Go: `IP.To4`). */
export function mappedIPv4(bytes: Uint8Array): Uint8Array | null {
  if (bytes.length === 4) return bytes;
  for (let i = 0; i < 10; i++) if (bytes[i] !== 0) return null;
  return bytes[10] === 0xff && bytes[11] === 0xff ? bytes.subarray(12) : null;
}

/** Go's `IP.IsLoopback`: 127.0.0.0/8, also when mapped, and ::1. */
export function isLoopback(bytes: Uint8Array): boolean {
  const v4 = mappedIPv4(bytes);
  if (v4 !== null) return v4[0] === 127;
  return bytes.every((byte, index) => byte === (index === 15 ? 1 : 0));
}

/** Go's `IP.Equal`: an IPv4 address and its mapped form are the same. */
export function sameAddress(a: Uint8Array, b: Uint8Array): boolean {
  const left = mappedIPv4(a) ?? a;
  const right = mappedIPv4(b) ?? b;
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

function expand(literal: string): Uint8Array {
  const bytes = new Uint8Array(16);
  const [head = '', tail] = literal.split('::');
  const front = groupsOf(head);
  const back = tail === undefined ? [] : groupsOf(tail);
  const groups = [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back];
  groups.forEach((group, index) => {
    bytes[index * 2] = group >> 8;
    bytes[index * 2 + 1] = group & 0xff;
  });
  return bytes;
}

function groupsOf(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((piece) => {
    if (!piece.includes('.')) return [Number.parseInt(piece, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = piece.split('.').map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}

function longestZeroRun(groups: readonly string[]): [start: number, length: number] {
  let best: [number, number] = [0, 0];
  for (let i = 0; i < groups.length; i++) {
    let end = i;
    while (groups[end] === '0') end++;
    if (end - i > best[1]) best = [i, end - i];
    if (end > i) i = end;
  }
  return best;
}
