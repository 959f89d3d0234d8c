import { createHash, type KeyObject, X509Certificate } from 'node:crypto';
import {
  type DerValue,
  derChildren,
  derObjectId,
  derSequence,
  derSmallInteger,
  derTag,
  derText,
  derTime,
  readDer,
} from './der.ts';

/**
 * One certificate, read for checking. Node's X509Certificate lacks half of what Go's rules look at (raw names, key
 * identifiers, path length, name constraints, version), so these are read from the DER here; keys and signatures are
 * left to OpenSSL.
 */
export interface Certificate {
  readonly raw: Buffer;
  readonly version: number;
  /** Hexadecimal, upper case, as `openssl x509 -serial` prints it. */
  readonly serialNumber: string;
  readonly signatureOid: string;
  /** For RSASSA-PSS: the OID of its digest. */
  readonly pssDigestOid: string | null;
  /** Names as encoded: Go compares the bytes. */
  readonly rawIssuer: Buffer;
  readonly rawSubject: Buffer;
  /** `CN=…,O=…`, most particular part first. */
  readonly issuer: string;
  readonly subject: string;
  readonly commonName: string | null;
  /** Epoch milliseconds; both ends belong to the validity. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly spki: Buffer;
  readonly hasSan: boolean;
  readonly rawSan: Buffer | null;
  readonly dnsNames: readonly string[];
  /** Text, IPv6 in full lower-case groups without leading zeros (`0:0:0:0:0:0:0:1`). */
  readonly ipAddresses: readonly string[];
  /** The same as bytes: 4 or 16. */
  readonly rawAddresses: readonly Buffer[];
  /** Null: no basicConstraints extension. */
  readonly basicConstraints: { readonly isCa: boolean; readonly pathLength: number | null } | null;
  /** keyUsage has the bit keyCertSign; null without the extension. */
  readonly maySignCertificates: boolean | null;
  /** OIDs; null without the extension. */
  readonly extendedUsages: readonly string[] | null;
  readonly subjectKeyId: Buffer | null;
  readonly authorityKeyId: Buffer | null;
  readonly nameConstraints: NameConstraints | null;
  /** Critical extensions that Go's verification does not know; any of them makes it refuse. */
  readonly unknownCritical: readonly string[];
  /** Made at the first use and kept. Null when OpenSSL cannot read the key. */
  readonly publicKey: () => KeyObject | null;
  /** True when `parent`'s key made this certificate's signature; whether the algorithm is good enough is not asked. */
  readonly isSignedBy: (parent: Certificate) => boolean;
}

/** Name constraints of a CA for the two kinds of names that servers have. */
export interface NameConstraints {
  readonly permittedNames: readonly string[];
  readonly excludedNames: readonly string[];
  /** Address bytes followed by as many mask bytes. */
  readonly permittedRanges: readonly Buffer[];
  readonly excludedRanges: readonly Buffer[];
}

/** A certificate's subject and nothing else: what a trust store of 140 needs before one of them is asked for. */
export function subjectOf(raw: Buffer): Buffer | null {
  const fields = bodyFields(raw);
  return fields?.subject.whole ?? null;
}

/** Reads a DER certificate; null when it is not one. */
export function readCertificate(raw: Buffer): Certificate | null {
  const fields = bodyFields(raw);
  if (fields === null) return null;
  const validity = derChildren(fields.validity, 2);
  const notBefore = derTime(validity?.[0]);
  const notAfter = derTime(validity?.[1]);
  const algorithm = derChildren(fields.algorithm, 2);
  const signatureOid = derObjectId(algorithm?.[0]);
  const issuer = nameText(fields.issuer);
  const subject = nameText(fields.subject);
  const extensions = readExtensions(fields.extensions);
  if (notBefore === null || notAfter === null || signatureOid === null) return null;
  if (issuer === null || subject === null || extensions === null) return null;

  let parsed: X509Certificate;
  try {
    parsed = new X509Certificate(raw);
  } catch {
    return null;
  }
  let key: KeyObject | null | undefined;
  const publicKey = (): KeyObject | null => {
    if (key === undefined) {
      try {
        key = parsed.publicKey;
      } catch {
        key = null;
      }
    }
    return key;
  };
  return {
    raw,
    version: fields.version,
    serialNumber: parsed.serialNumber,
    signatureOid,
    pssDigestOid: signatureOid === rsaPss ? pssDigest(algorithm?.[1]) : null,
    rawIssuer: fields.issuer.whole,
    rawSubject: fields.subject.whole,
    issuer: issuer.text,
    subject: subject.text,
    commonName: subject.commonName,
    notBefore,
    notAfter,
    spki: fields.spki.whole,
    ...extensions,
    publicKey,
    isSignedBy(parent) {
      const parentKey = parent.publicKey();
      if (parentKey === null) return false;
      try {
        return parsed.verify(parentKey);
      } catch {
        return false;
      }
    },
  };
}

/** SHA-256 of the certificate, lower-case hexadecimal without separators. */
export function fingerprintOf(certificate: Certificate): string {
  return createHash('sha256').update(certificate.raw).digest('hex');
}

const rsaPss = '1.2.840.113549.1.1.10';

interface BodyFields {
  readonly version: number;
  readonly algorithm: DerValue;
  readonly issuer: DerValue;
  readonly validity: DerValue;
  readonly subject: DerValue;
  readonly spki: DerValue;
  readonly extensions: DerValue | null;
}

/** TBSCertificate of RFC 5280 section 4.1. */
function bodyFields(raw: Buffer): BodyFields | null {
  const outer = derSequence(raw, 3);
  const body = outer?.[0] === undefined ? null : derChildren(outer[0], 12);
  if (outer?.length !== 3 || body === null) return null;
  let at = 0;
  let version = 1;
  if (body[0]?.tag === 0xa0) {
    const number = derSmallInteger(derChildren(body[0], 1)?.[0]);
    if (number === null || number > 2) return null;
    version = number + 1;
    at = 1;
  }
  const [serial, algorithm, issuer, validity, subject, spki] = body.slice(at, at + 6);
  if (serial?.tag !== derTag.integer) return null;
  for (const field of [algorithm, issuer, validity, subject, spki]) if (field?.tag !== derTag.sequence) return null;
  if (!algorithm || !issuer || !validity || !subject || !spki) return null;
  const extensions = body.slice(at + 6).find((field) => field.tag === 0xa3) ?? null;
  return { version, algorithm, issuer, validity, subject, spki, extensions };
}

/** Short forms of RFC 4514 and of what Go prints. */
const attributeNames: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.5': 'SERIALNUMBER',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.9': 'STREET',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '2.5.4.17': 'POSTALCODE',
  '1.2.840.113549.1.9.1': 'emailAddress',
  '0.9.2342.19200300.100.1.25': 'DC',
};

function nameText(name: DerValue): { text: string; commonName: string | null } | null {
  const parts: string[] = [];
  let commonName: string | null = null;
  for (const set of derChildren(name) ?? [null]) {
    if (set?.tag !== derTag.set) return null;
    for (const pair of derChildren(set) ?? [null]) {
      const [type, value] = pair === null ? [] : (derChildren(pair, 2) ?? []);
      const oid = derObjectId(type);
      if (oid === null || value === undefined) return null;
      const text = derText(value).slice(0, 256);
      if (oid === '2.5.4.3') commonName = text;
      parts.unshift(`${attributeNames[oid] ?? oid}=${text.replace(/[,+\\]/g, '\\$&')}`);
    }
  }
  return { text: parts.join(','), commonName };
}

type Extensions = Pick<
  Certificate,
  | 'hasSan'
  | 'rawSan'
  | 'dnsNames'
  | 'ipAddresses'
  | 'rawAddresses'
  | 'basicConstraints'
  | 'maySignCertificates'
  | 'extendedUsages'
  | 'subjectKeyId'
  | 'authorityKeyId'
  | 'nameConstraints'
  | 'unknownCritical'
>;

/** Critical extensions that Go's crypto/x509 (parser.go, processExtensions) takes note of without our needing them. */
const knownCritical: ReadonlySet<string> = new Set([
  '2.5.29.31', // CRL distribution points
  '2.5.29.32', // certificate policies
  '2.5.29.33', // policy mappings
  '2.5.29.36', // policy constraints
  '2.5.29.54', // inhibit anyPolicy
  '1.3.6.1.5.5.7.1.1', // authority information access
]);

/** Null when a known extension is broken: Go then refuses the certificate as a whole. */
function readExtensions(field: DerValue | null): Extensions | null {
  let rawSan: Buffer | null = null;
  let basicConstraints: Certificate['basicConstraints'] = null;
  let maySignCertificates: boolean | null = null;
  let extendedUsages: string[] | null = null;
  let subjectKeyId: Buffer | null = null;
  let authorityKeyId: Buffer | null = null;
  let nameConstraints: NameConstraints | null = null;
  const dnsNames: string[] = [];
  const rawAddresses: Buffer[] = [];
  const unknownCritical: string[] = [];

  const list = field === null ? [] : derSequence(field.content, 100);
  if (list === null) return null;
  for (const each of list) {
    const parts = derChildren(each, 3);
    const oid = derObjectId(parts?.[0]);
    const value = parts?.at(-1);
    if (parts === null || oid === null || value?.tag !== derTag.octetString) return null;
    const critical = parts.length === 3 && parts[1]?.tag === derTag.boolean && parts[1].content[0] !== 0;
    switch (oid) {
      case '2.5.29.17': {
        rawSan = value.content;
        const names = derSequence(value.content);
        if (names === null) return null;
        let others = 0;
        for (const name of names) {
          if (name.tag === 0x82) dnsNames.push(name.content.toString('latin1'));
          else if (name.tag === 0x87) {
            if (name.content.length !== 4 && name.content.length !== 16) return null;
            rawAddresses.push(name.content);
          } else if (name.tag === 0x81 || name.tag === 0x86) others += 1;
        }
        if (critical && dnsNames.length + rawAddresses.length + others === 0) unknownCritical.push(oid);
        break;
      }
      case '2.5.29.19': {
        const fields = derSequence(value.content, 2);
        if (fields === null) return null;
        const isCa = fields[0]?.tag === derTag.boolean && fields[0].content[0] !== 0;
        const length = fields.find((one) => one.tag === derTag.integer);
        const pathLength = length === undefined ? null : derSmallInteger(length);
        if (length !== undefined && pathLength === null) return null;
        basicConstraints = { isCa, pathLength };
        break;
      }
      case '2.5.29.15': {
        const bits = readDer(value.content);
        if (bits?.tag !== derTag.bitString) return null;
        maySignCertificates = ((bits.content[1] ?? 0) & 0x04) !== 0;
        break;
      }
      case '2.5.29.37': {
        const oids = derSequence(value.content)?.map(derObjectId);
        if (oids === undefined) return null;
        extendedUsages = oids.filter((one) => one !== null);
        break;
      }
      case '2.5.29.14': {
        const id = readDer(value.content);
        if (id?.tag !== derTag.octetString) return null;
        subjectKeyId = id.content;
        break;
      }
      case '2.5.29.35':
        authorityKeyId = derSequence(value.content, 3)?.find((one) => one.tag === 0x80)?.content ?? null;
        break;
      case '2.5.29.30': {
        const read = readNameConstraints(value.content);
        if (read === null) return null;
        nameConstraints = read.constraints;
        if (critical && read.others) unknownCritical.push(oid);
        break;
      }
      default:
        if (critical && !knownCritical.has(oid)) unknownCritical.push(oid);
    }
  }
  return {
    hasSan: rawSan !== null,
    rawSan,
    dnsNames,
    rawAddresses,
    ipAddresses: rawAddresses.map(addressText),
    basicConstraints,
    maySignCertificates,
    extendedUsages,
    subjectKeyId,
    authorityKeyId,
    nameConstraints,
    unknownCritical,
  };
}

/** `others`: constraints of kinds that are not read here (directory names, mail, URIs). */
function readNameConstraints(content: Buffer): { constraints: NameConstraints; others: boolean } | null {
  const lists = { names: [[], []] as [string[], string[]], ranges: [[], []] as [Buffer[], Buffer[]] };
  let others = false;
  for (const side of derSequence(content, 2) ?? [null]) {
    if (side === null || (side.tag !== 0xa0 && side.tag !== 0xa1)) return null;
    const index = side.tag === 0xa0 ? 0 : 1;
    for (const subtree of derChildren(side) ?? [null]) {
      const base = subtree === null ? undefined : derChildren(subtree, 3)?.[0];
      if (base === undefined) return null;
      if (base.tag === 0x82) lists.names[index].push(base.content.toString('latin1'));
      else if (base.tag === 0x87) {
        if (base.content.length !== 8 && base.content.length !== 32) return null;
        lists.ranges[index].push(base.content);
      } else if (base.tag !== 0x81 && base.tag !== 0x86) others = true;
    }
  }
  const { names, ranges } = lists;
  const constraints = {
    permittedNames: names[0],
    excludedNames: names[1],
    permittedRanges: ranges[0],
    excludedRanges: ranges[1],
  };
  return { constraints, others };
}

/** RSASSA-PSS-params (RFC 4055 section 3.1): the digest is in [0]; SHA-1 when left out. */
function pssDigest(parameters: DerValue | undefined): string | null {
  const sha1 = '1.3.14.3.2.26';
  if (parameters?.tag !== derTag.sequence) return sha1;
  const field = derChildren(parameters, 4)?.find((one) => one.tag === 0xa0);
  if (field === undefined) return sha1;
  const algorithm = readDer(field.content);
  return algorithm === null ? null : derObjectId(derChildren(algorithm, 2)?.[0]);
}

function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return [...bytes].join('.');
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(bytes.readUInt16BE(at).toString(16));
  return groups.join(':');
}
