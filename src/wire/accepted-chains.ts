import type { X509Certificate } from 'node:crypto';
import type { CertificateInfo } from './certificate-info.ts';
import type { Certificate } from './x509.ts';

/** A chain that was accepted once, as it is told. */
export interface AcceptedChain {
  readonly chain: readonly CertificateInfo[];
  readonly root: CertificateInfo;
}

/**
 * The chains that one trust store accepted. A verdict is the same for the same certificates and the same name for as
 * long as all that it rests on are valid, and a server shows the same ones for months: reading and checking them anew
 * takes half of what a whole look at a well registry takes. Refused ones are never kept.
 */
export interface AcceptedChains {
  /** What was sent for this name, if it was accepted before and would be at `now` (epoch milliseconds); else null. */
  readonly find: (serverName: string, sent: readonly X509Certificate[], now: number) => AcceptedChain | null;
  /** Keeps it; `path` is the way from the leaf to the anchor that was accepted. */
  readonly add: (serverName: string, accepted: AcceptedChain, path: readonly Certificate[]) => void;
}

/** One for each registry of a node, with room for those of several servers; the one that was kept first makes room. */
const mostKept = 64;

interface Kept extends AcceptedChain {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Nothing is kept yet. */
export function openAcceptedChains(): AcceptedChains {
  const kept = new Map<string, Kept>();
  return {
    find(serverName, sent, now) {
      const known = kept.get(keyOf(serverName, sent.map(fingerprint)));
      if (known === undefined || now < known.notBefore || now > known.notAfter) return null;
      const { chain, root } = known;
      return { chain, root };
    },
    add(serverName, { chain, root }, path) {
      const key = keyOf(
        serverName,
        chain.map(({ sha256 }) => sha256),
      );
      kept.delete(key);
      kept.set(key, {
        chain,
        root,
        notBefore: Math.max(...path.map((one) => one.notBefore)),
        notAfter: Math.min(...path.map((one) => one.notAfter)),
      });
      const [oldest] = kept.keys();
      if (kept.size > mostKept && oldest !== undefined) kept.delete(oldest);
    },
  };
}

function keyOf(serverName: string, fingerprints: readonly string[]): string {
  return [serverName, ...fingerprints].join(' ');
}

/** SHA-256, as `CertificateInfo` has it. */
function fingerprint(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}
