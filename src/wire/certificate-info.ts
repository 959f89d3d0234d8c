import { clip } from '../lib/limits.ts';
import { type Certificate, fingerprintOf } from './x509.ts';

/** One certificate as told to people and documents. */
export interface CertificateInfo {
  readonly subject: string;
  readonly issuer: string;
  readonly commonName: string | null;
  /** Hexadecimal, upper case. */
  readonly serialNumber: string;
  /** Of the whole certificate; lower-case hexadecimal. */
  readonly sha256: string;
  /** RFC 3339, UTC. */
  readonly notBefore: string;
  readonly notAfter: string;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly isCa: boolean;
  /** Issuer and subject are the same name and its own key made the signature. */
  readonly selfSigned: boolean;
  /** `EC P-256`, `RSA 2048`, `Ed25519`. */
  readonly keyType: string;
}

/** One certificate as told to people. */
export function certificateInfo(certificate: Certificate): CertificateInfo {
  return {
    subject: clip(certificate.subject, 500),
    issuer: clip(certificate.issuer, 500),
    commonName: certificate.commonName,
    serialNumber: certificate.serialNumber,
    sha256: fingerprintOf(certificate),
    notBefore: rfc3339(certificate.notBefore),
    notAfter: rfc3339(certificate.notAfter),
    dnsNames: certificate.dnsNames.slice(0, maxNames).map((name) => shown(name)),
    ipAddresses: certificate.ipAddresses.slice(0, maxNames),
    isCa: certificate.basicConstraints?.isCa ?? false,
    selfSigned: isSelfSigned(certificate),
    keyType: keyType(certificate),
  };
}

/** Names of a certificate that are shown; content networks put hundreds into one. */
const maxNames = 100;

/** The curves that Go's parser knows, by OpenSSL's names. */
export const goodCurves: Readonly<Record<string, string>> = {
  secp224r1: 'P-224',
  prime256v1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
};

/** How a message calls a certificate: its subject, or its serial number when the subject is empty. */
export function quoted(certificate: Certificate): string {
  const { subject } = certificate;
  return subject === '' ? `with serial number ${certificate.serialNumber}` : `"${shown(subject)}"`;
}

/** Foreign text for a message: control characters replaced, clipped. */
export function shown(text: string): string {
  return clip(text.replace(/[^\u0020-\u007e\u00a0-\uffff]/g, '?'), 200);
}

/** A time in epoch milliseconds as `2026-11-22T08:00:00Z`. */
export function rfc3339(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

function isSelfSigned(certificate: Certificate): boolean {
  return certificate.rawIssuer.equals(certificate.rawSubject) && certificate.isSignedBy(certificate);
}

/** The size of an RSA key; null for keys of other kinds. */
export function rsaBits(certificate: Certificate): number | null {
  const key = certificate.publicKey();
  if (key?.asymmetricKeyType !== 'rsa' && key?.asymmetricKeyType !== 'rsa-pss') return null;
  return key.asymmetricKeyDetails?.modulusLength ?? null;
}

function keyType(certificate: Certificate): string {
  const key = certificate.publicKey();
  const bits = rsaBits(certificate);
  if (bits !== null) return `RSA ${bits}`;
  const type = key?.asymmetricKeyType;
  if (type === 'ec') {
    const curve = key?.asymmetricKeyDetails?.namedCurve ?? 'unknown';
    return `EC ${goodCurves[curve] ?? curve}`;
  }
  if (type === 'ed25519') return 'Ed25519';
  return type ?? 'unknown';
}
