import { type Certificate, readCertificate, subjectOf } from './x509.ts';

/**
 * The certificates that a node trusts, found by their subject. A store has some 140, a handshake needs one: only the
 * subjects are read at first.
 */
export interface TrustPool {
  /** How many certificates could be read. */
  readonly size: number;
  /** Blocks that are not certificates; Go skips them silently (AppendCertsFromPEM). */
  readonly skipped: number;
  /** Certificates with this subject (as encoded), in the order of the store. */
  readonly bySubject: (subject: Buffer) => readonly Certificate[];
  /** True when exactly this certificate is in the store. */
  readonly contains: (certificate: Certificate) => boolean;
}

/** Certificates of one store that are looked at; Debian has 140, the largest corporate ones some hundreds. */
const maxCertificates = 10_000;

/** Reads PEM texts; what is no CERTIFICATE block is passed over, as Go does. */
export function readTrustPool(pem: readonly string[]): TrustPool {
  const raw = new Map<string, Buffer[]>();
  const read = new Map<string, readonly Certificate[]>();
  let size = 0;
  let skipped = 0;
  for (const text of pem) {
    for (const match of text.matchAll(/^-----BEGIN CERTIFICATE-----[ \t\r]*$([^-]*)^-----END CERTIFICATE-----/gm)) {
      const der = Buffer.from(match[1] ?? '', 'base64');
      const subject = size < maxCertificates ? subjectOf(der) : null;
      if (subject === null) {
        skipped += 1;
        continue;
      }
      const key = subject.toString('latin1');
      const known = raw.get(key);
      if (known === undefined) raw.set(key, [der]);
      else if (known.some((one) => one.equals(der))) continue;
      else known.push(der);
      size += 1;
    }
  }
  const bySubject = (subject: Buffer): readonly Certificate[] => {
    const key = subject.toString('latin1');
    const known = read.get(key);
    if (known !== undefined) return known;
    const found = (raw.get(key) ?? []).map(readCertificate).filter((one) => one !== null);
    // Only what the store has is remembered: foreign names must not fill the memory.
    if (raw.has(key)) read.set(key, found);
    return found;
  };
  return {
    size,
    skipped,
    bySubject,
    contains: (certificate) => bySubject(certificate.rawSubject).some((one) => one.raw.equals(certificate.raw)),
  };
}
