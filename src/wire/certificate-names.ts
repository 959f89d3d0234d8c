import { isIP, isIPv4 } from 'node:net';
import type { Certificate, NameConstraints } from './x509.ts';

/**
 * Which names a certificate is for, as Go's crypto/x509 decides (verify.go: VerifyHostname, matchHostnames,
 * checkNameConstraints): only subject alternative names count, never the common name; an IP address matches only
 * addresses; `*` stands for exactly one whole label at the left.
 */

/** True when the certificate is for this host name or IP address (brackets allowed). */
export function matchesHost(certificate: Certificate, host: string): boolean {
  const address = hostAddress(host);
  if (address !== null) return certificate.rawAddresses.some((one) => widened(one).equals(widened(address)));
  const wanted = asciiLower(host);
  const wantedValid = isHostname(wanted, false);
  return certificate.dnsNames.some((name) => {
    const pattern = asciiLower(name);
    return wantedValid && isHostname(pattern, true) ? matchesPattern(pattern, wanted) : isSame(pattern, wanted);
  });
}

/** True when only the common name fits: Go before 1.15 took it, later ones refuse and say so. */
export function reliesOnCommonName(certificate: Certificate, host: string): boolean {
  if (certificate.hasSan || certificate.commonName === null) return false;
  return matchesPattern(asciiLower(certificate.commonName), asciiLower(host));
}

/** What the certificate is for, as shown to people: addresses when an address was asked for, else names. */
export function namesFor(certificate: Certificate, host: string): readonly string[] {
  return hostAddress(host) === null ? certificate.dnsNames : certificate.ipAddresses;
}

/** The bytes of an IP literal, brackets removed; null for a name. Go's ParseIP takes no zone. */
export function hostAddress(host: string): Buffer | null {
  const text = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  if (isIP(text) === 0 || text.includes('%')) return null;
  return addressBytes(text);
}

/** A name or address of `certificate` that the constraints of a CA above it forbid; null when all are allowed. */
export function forbiddenName(certificate: Certificate, constraints: NameConstraints): string | null {
  const { permittedNames, excludedNames, permittedRanges, excludedRanges } = constraints;
  for (const name of certificate.dnsNames) {
    if (excludedNames.some((one) => isBelow(name, one))) return name;
    if (permittedNames.length > 0 && !permittedNames.some((one) => isBelow(name, one))) return name;
  }
  for (const [index, address] of certificate.rawAddresses.entries()) {
    const text = certificate.ipAddresses[index] ?? '';
    if (excludedRanges.some((one) => isInside(address, one))) return text;
    if (permittedRanges.length > 0 && !permittedRanges.some((one) => isInside(address, one))) return text;
  }
  return null;
}

function matchesPattern(pattern: string, host: string): boolean {
  const bare = host.endsWith('.') ? host.slice(0, -1) : host;
  if (pattern === '' || bare === '') return false;
  const patternLabels = pattern.split('.');
  const hostLabels = bare.split('.');
  if (patternLabels.length !== hostLabels.length) return false;
  return patternLabels.every((label, index) => (index === 0 && label === '*') || label === hostLabels[index]);
}

function isSame(a: string, b: string): boolean {
  return a !== '' && a !== '.' && a === b;
}

/** Letters, digits, inner hyphens, underscores; a pattern may begin with the label `*`, a host may end with a dot. */
function isHostname(name: string, pattern: boolean): boolean {
  const bare = !pattern && name.endsWith('.') ? name.slice(0, -1) : name;
  return bare
    .split('.')
    .every((label, index) => (pattern && index === 0 && label === '*') || /^[a-z0-9_][a-z0-9_-]*$/.test(label));
}

/** Lower case for A to Z only: `İ` and its like must not become another name. */
function asciiLower(text: string): string {
  return text.replace(/[A-Z]+/g, (upper) => upper.toLowerCase());
}

/** `name` is the constraint's domain or below it; a constraint that begins with a dot wants at least one label more. */
function isBelow(name: string, constraint: string): boolean {
  if (constraint === '') return true;
  const subdomainsOnly = constraint.startsWith('.');
  const domain = asciiLower(subdomainsOnly ? constraint.slice(1) : constraint);
  const lower = asciiLower(name);
  return (!subdomainsOnly && lower === domain) || lower.endsWith(`.${domain}`);
}

function isInside(address: Buffer, range: Buffer): boolean {
  if (range.length !== address.length * 2) return false;
  return address.every((byte, index) => {
    const mask = range[address.length + index] ?? 0;
    return (byte & mask) === ((range[index] ?? 0) & mask);
  });
}

/** IPv4 as IPv4-mapped IPv6: Go's IP.Equal takes both forms for the same address. */
function widened(address: Buffer): Buffer {
  if (address.length === 16) return address;
  return Buffer.concat([Buffer.alloc(10), Buffer.from([0xff, 0xff]), address]);
}

function addressBytes(text: string): Buffer {
  if (isIPv4(text)) return Buffer.from(text.split('.').map(Number));
  let rest = text;
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(rest);
  if (dotted?.[1] !== undefined && dotted[2] !== undefined) {
    const [a = 0, b = 0, c = 0, d = 0] = dotted[2].split('.').map(Number);
    rest = `${dotted[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const [head = '', tail] = rest.split('::');
  const groups = (part: string) => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const zeros = new Array<number>(Math.max(0, 8 - left.length - right.length)).fill(0);
  return Buffer.from([...left, ...zeros, ...right].flatMap((group) => [group >> 8, group & 0xff]));
}
