/**
 * Makes X.509 certificates for tests, in memory and within a millisecond each: good ones and every kind of bad one.
 * The DER is written here and not by `openssl`, because tests need what openssl does not readily make (version 1, odd
 * names, wrong dates) and must not pay for a process per certificate.
 *
 *   const pki = makePki();                            // root, intermediate, and a leaf of each kind
 *   https.createServer({ cert: pki.leaf.chainPem, key: pki.leaf.keyPem });
 *   const own = makeCertificate({ commonName: 'x', names: ['x.test'], issuer: pki.root, notAfter: daysFromNow(-1) });
 *   const files = await writeCertificate(folder, 'server', own);   // files.cert, files.key, files.chain
 */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { join } from 'node:path';

/** A made certificate with its private key. */
export interface MadeCertificate {
  readonly commonName: string;
  /** The certificate alone. */
  readonly pem: string;
  readonly der: Buffer;
  readonly keyPem: string;
  /** The certificate and its issuers up to, but without, the self-signed root: what a server should send. Empty for a root. */
  readonly chainPem: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly keys: KeyPair;
  readonly subjectDer: Buffer;
  readonly keyId: Buffer;
}

/** A key pair made by `makeKeys`. */
export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** What kind of key; `ec` (P-256) is the default and by far the fastest to make. */
export type KeyKind = 'ec' | 'p384' | 'secp256k1' | 'ed25519' | 'rsa2048' | 'rsa1024' | 'rsa512';

/** What to make. Without an issuer the certificate signs itself. */
export interface CertificateOptions {
  /** Subject CN. `''` gives an empty subject. */
  readonly commonName: string;
  /** Subject O. */
  readonly organization?: string;
  /** DNS names of the SAN extension, written as given (`*.x.test` too). */
  readonly names?: readonly string[];
  /** IP addresses of the SAN extension. */
  readonly addresses?: readonly string[];
  readonly issuer?: MadeCertificate;
  /** Signed with this key instead of the issuer's: a broken signature below a right name. */
  readonly signingKeys?: KeyPair;
  /** CA certificate: basicConstraints CA:TRUE and keyCertSign. */
  readonly ca?: boolean;
  readonly pathLength?: number;
  /** Default: an hour ago. */
  readonly notBefore?: Date;
  /** Default: in 90 days. */
  readonly notAfter?: Date;
  readonly key?: KeyKind | KeyPair;
  readonly digest?: 'sha256' | 'sha1' | 'sha384';
  /** Extended key usages by OID; default serverAuth and clientAuth for a leaf, none for a CA; `[]` leaves it out. */
  readonly extendedUsages?: readonly string[];
  /** Bits of keyUsage, first byte as in DER (0x80 digitalSignature, 0x04 keyCertSign); null leaves it out. */
  readonly keyUsage?: number | null;
  /** Name constraints of a CA; DNS names as in RFC 5280, addresses as `10.0.0.0/8`. */
  readonly permitted?: readonly string[];
  readonly excluded?: readonly string[];
  /** Version 1 has no extensions at all. */
  readonly version?: 1 | 3;
  /** A critical extension that nobody knows. */
  readonly unknownCritical?: boolean;
  /** Leaves subject and authority key identifiers out. */
  readonly withoutKeyIds?: boolean;
}

/** EKU OIDs for `extendedUsages`. */
export const usages = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  codeSigning: '1.3.6.1.5.5.7.3.3',
  any: '2.5.29.37.0',
} as const;

/** Now plus `days` (negative: in the past). */
export function daysFromNow(days: number): Date {
  return new Date(Date.now() + days * 86_400_000);
}

/** A fresh key pair. */
export function makeKeys(kind: KeyKind = 'ec'): KeyPair {
  switch (kind) {
    case 'ec':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' });
    case 'p384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' });
    case 'secp256k1':
      return generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
    case 'ed25519':
      return generateKeyPairSync('ed25519');
    case 'rsa2048':
      return generateKeyPairSync('rsa', { modulusLength: 2048 });
    case 'rsa1024':
      return generateKeyPairSync('rsa', { modulusLength: 1024 });
    case 'rsa512':
      return generateKeyPairSync('rsa', { modulusLength: 512 });
  }
}

/** Makes one certificate. */
export function makeCertificate(options: CertificateOptions): MadeCertificate {
  const keys = typeof options.key === 'object' ? options.key : makeKeys(options.key);
  const { issuer, ca = false, version = 3 } = options;
  const signer = options.signingKeys ?? issuer?.keys ?? keys;
  const notBefore = wholeSeconds(options.notBefore ?? new Date(Date.now() - 3_600_000));
  const notAfter = wholeSeconds(options.notAfter ?? daysFromNow(90));
  const spki = keys.publicKey.export({ type: 'spki', format: 'der' });
  const keyId = createHash('sha1').update(spki).digest();
  const subjectDer = distinguishedName(options.commonName, options.organization);
  const algorithm = signatureAlgorithm(signer, options.digest ?? 'sha256');

  const extensions: Buffer[] = [];
  if (ca || options.pathLength !== undefined) {
    const path = options.pathLength === undefined ? [] : [integer(Buffer.from([options.pathLength]))];
    extensions.push(extension('2.5.29.19', true, sequence(...(ca ? [tlv(0x01, Buffer.from([0xff]))] : []), ...path)));
  }
  const keyUsage = options.keyUsage === undefined ? (ca ? 0x06 : 0x80) : options.keyUsage;
  if (keyUsage !== null) extensions.push(extension('2.5.29.15', true, tlv(0x03, Buffer.from([0, keyUsage]))));
  const extended = options.extendedUsages ?? (ca ? [] : [usages.serverAuth, usages.clientAuth]);
  if (extended.length > 0) extensions.push(extension('2.5.29.37', false, sequence(...extended.map(objectId))));
  const names = [
    ...(options.names ?? []).map((name) => tlv(0x82, Buffer.from(name, 'latin1'))),
    ...(options.addresses ?? []).map((address) => tlv(0x87, addressBytes(address))),
  ];
  if (names.length > 0) extensions.push(extension('2.5.29.17', false, sequence(...names)));
  const subtrees = [
    ...(options.permitted ? [tlv(0xa0, Buffer.concat(options.permitted.map(subtree)))] : []),
    ...(options.excluded ? [tlv(0xa1, Buffer.concat(options.excluded.map(subtree)))] : []),
  ];
  if (subtrees.length > 0) extensions.push(extension('2.5.29.30', true, sequence(...subtrees)));
  if (!options.withoutKeyIds) {
    extensions.push(extension('2.5.29.14', false, tlv(0x04, keyId)));
    extensions.push(extension('2.5.29.35', false, sequence(tlv(0x80, issuer?.keyId ?? keyId))));
  }
  if (options.unknownCritical) extensions.push(extension('1.3.6.1.4.1.99999.1', true, tlv(0x05, Buffer.alloc(0))));

  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const body = sequence(
    ...(version === 3 ? [tlv(0xa0, integer(Buffer.from([2])))] : []),
    integer(serial),
    algorithm.der,
    issuer?.subjectDer ?? subjectDer,
    sequence(time(notBefore), time(notAfter)),
    subjectDer,
    spki,
    ...(version === 3 && extensions.length > 0 ? [tlv(0xa3, sequence(...extensions))] : []),
  );
  const signature = sign(algorithm.digest, body, signer.privateKey);
  const der = sequence(body, algorithm.der, tlv(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const pem = pemOf(der);
  return {
    commonName: options.commonName,
    pem,
    der,
    keyPem: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    // A root is not sent: it contributes nothing to its leaves' chain.
    chainPem: issuer === undefined && ca ? '' : pem + (issuer?.chainPem ?? ''),
    notBefore,
    notAfter,
    keys,
    subjectDer,
    keyId,
  };
}

/** One certificate of each kind that tests of TLS need. Every leaf but the odd ones is for `registry.test`, `localhost`, 127.0.0.1 and ::1. */
export interface Pki {
  readonly root: MadeCertificate;
  readonly intermediate: MadeCertificate;
  /** Good: signed by the intermediate. Send `chainPem`; `pem` alone lacks the intermediate. */
  readonly leaf: MadeCertificate;
  readonly expired: MadeCertificate;
  readonly notYetValid: MadeCertificate;
  /** Good, but for `other.test` only. */
  readonly wrongName: MadeCertificate;
  /** CN=registry.test and no SAN. */
  readonly commonNameOnly: MadeCertificate;
  /** Signs itself, is no CA. */
  readonly selfSigned: MadeCertificate;
  /** A root that no test trusts, and a good leaf below it. */
  readonly strangeRoot: MadeCertificate;
  readonly strange: MadeCertificate;
  /** For client authentication, signed by the root. */
  readonly client: MadeCertificate;
}

/** Makes the set. */
export function makePki(): Pki {
  const authority = { ca: true, notBefore: daysFromNow(-365), notAfter: daysFromNow(3650) };
  const root = makeCertificate({ commonName: 'Pullwhy Test Root', organization: 'Pullwhy', ...authority });
  const intermediate = makeCertificate({ commonName: 'Pullwhy Test Intermediate', issuer: root, ...authority });
  const strangeRoot = makeCertificate({ commonName: 'Strange Root', ...authority });
  const names = ['registry.test', '*.registry.test', 'localhost'];
  const addresses = ['127.0.0.1', '::1'];
  const leaf = { commonName: 'registry.test', names, addresses, issuer: intermediate };
  return {
    root,
    intermediate,
    leaf: makeCertificate(leaf),
    expired: makeCertificate({ ...leaf, notBefore: daysFromNow(-30), notAfter: daysFromNow(-3) }),
    notYetValid: makeCertificate({ ...leaf, notBefore: daysFromNow(3), notAfter: daysFromNow(30) }),
    wrongName: makeCertificate({ commonName: 'other.test', names: ['other.test'], issuer: intermediate }),
    commonNameOnly: makeCertificate({ commonName: 'registry.test', issuer: intermediate }),
    selfSigned: makeCertificate({ commonName: 'registry.test', names, addresses }),
    strangeRoot,
    strange: makeCertificate({ ...leaf, issuer: strangeRoot }),
    client: makeCertificate({ commonName: 'node-1', issuer: root, extendedUsages: [usages.clientAuth] }),
  };
}

/** Writes `NAME.pem`, `NAME.key` and `NAME-chain.pem` into `folder` (which must exist). */
export async function writeCertificate(
  folder: string,
  name: string,
  made: MadeCertificate,
): Promise<{ readonly cert: string; readonly key: string; readonly chain: string }> {
  const files = {
    cert: join(folder, `${name}.pem`),
    key: join(folder, `${name}.key`),
    chain: join(folder, `${name}-chain.pem`),
  };
  await writeFile(files.cert, made.pem);
  await writeFile(files.key, made.keyPem, { mode: 0o600 });
  await writeFile(files.chain, made.chainPem === '' ? made.pem : made.chainPem);
  return files;
}

/** DER as PEM text. */
export function pemOf(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

// --- DER ---

function tlv(tag: number, content: Buffer): Buffer {
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  if (length < 0x100) return Buffer.concat([Buffer.from([tag, 0x81, length]), content]);
  return Buffer.concat([Buffer.from([tag, 0x82, length >> 8, length & 0xff]), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(parts));
}

function integer(bytes: Buffer): Buffer {
  return tlv(0x02, (bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes);
}

function objectId(oid: string): Buffer {
  const [first = 0, second = 0, ...rest] = oid.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const groups = [part & 0x7f];
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return tlv(0x06, Buffer.from(bytes));
}

function distinguishedName(commonName: string, organization?: string): Buffer {
  const part = (oid: string, value: string) =>
    tlv(0x31, sequence(objectId(oid), tlv(0x0c, Buffer.from(value, 'utf8'))));
  return sequence(
    ...(organization === undefined ? [] : [part('2.5.4.10', organization)]),
    ...(commonName === '' ? [] : [part('2.5.4.3', commonName)]),
  );
}

function extension(oid: string, critical: boolean, value: Buffer): Buffer {
  return sequence(objectId(oid), ...(critical ? [tlv(0x01, Buffer.from([0xff]))] : []), tlv(0x04, value));
}

function wholeSeconds(date: Date): Date {
  return new Date(Math.floor(date.getTime() / 1000) * 1000);
}

function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]/g, '').slice(0, 14);
  const year = date.getUTCFullYear();
  return year >= 1950 && year < 2050
    ? tlv(0x17, Buffer.from(`${digits.slice(2)}Z`))
    : tlv(0x18, Buffer.from(`${digits}Z`));
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const all = [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

function subtree(constraint: string): Buffer {
  const [address = '', bits] = constraint.split('/');
  if (bits === undefined) return sequence(tlv(0x82, Buffer.from(constraint, 'latin1')));
  const bytes = addressBytes(address);
  const mask = bytes.map((_, index) => (0xff00 >> Math.max(0, Math.min(8, Number(bits) - index * 8))) & 0xff);
  return sequence(tlv(0x87, Buffer.concat([bytes, mask])));
}

function signatureAlgorithm(
  keys: KeyPair,
  digest: 'sha256' | 'sha1' | 'sha384',
): { der: Buffer; digest: string | null } {
  const type = keys.privateKey.asymmetricKeyType;
  if (type === 'ed25519') return { der: sequence(objectId('1.3.101.112')), digest: null };
  if (type === 'ec') {
    const oid = { sha256: '1.2.840.10045.4.3.2', sha1: '1.2.840.10045.4.1', sha384: '1.2.840.10045.4.3.3' }[digest];
    return { der: sequence(objectId(oid)), digest };
  }
  const oid = { sha256: '1.2.840.113549.1.1.11', sha1: '1.2.840.113549.1.1.5', sha384: '1.2.840.113549.1.1.12' }[
    digest
  ];
  return { der: sequence(objectId(oid), tlv(0x05, Buffer.alloc(0))), digest };
}
