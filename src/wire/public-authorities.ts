import { createHash } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { verifyChain } from './certificate.ts';
import { readTrustPool, type TrustPool } from './trust.ts';
import type { Certificate } from './x509.ts';

/** Read at the first use: most processes never meet a chain that they do not trust. */
let pool: TrustPool | undefined;

/**
 * Whether a chain that this node does not trust leads to an authority that the public trusts: Mozilla's list, as
 * shipped with Node. It says nothing about whether to trust the chain, which only the node's own store decides; it
 * tells an authority that this node's store lacks from one that nobody outside of an organization knows.
 * @param now Epoch milliseconds.
 */
export function isPublicAuthority(chain: readonly Certificate[], serverName: string, now: number): boolean {
  pool ??= readTrustPool(rootCertificates);
  return !verifyChain(chain, pool, serverName, now).problems.some(({ code }) => code === 'tls-unknown-authority');
}

let fingerprints: ReadonlySet<string> | undefined;

/**
 * Whether an authority is on that list itself: nobody gets a certificate from it for a host that is not their own.
 * @param sha256 Of the whole certificate, hexadecimal.
 */
export function isPublicRoot(sha256: string): boolean {
  fingerprints ??= new Set(rootCertificates.map(fingerprintOfPem));
  return fingerprints.has(sha256);
}

function fingerprintOfPem(pem: string): string {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  return createHash('sha256').update(der).digest('hex');
}
