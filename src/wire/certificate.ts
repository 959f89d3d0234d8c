import type { WireError } from '../model/network-failure.ts';
import { goodCurves, quoted, rfc3339, rsaBits, shown } from './certificate-info.ts';
import { forbiddenName, matchesHost, namesFor, reliesOnCommonName } from './certificate-names.ts';
import { wireError } from './errors.ts';
import type { TrustPool } from './trust.ts';
import type { Certificate } from './x509.ts';

export { type CertificateInfo, certificateInfo } from './certificate-info.ts';

/**
 * Whether a Go program (containerd, CRI-O, kubelet) accepts a chain, and if not, why: the rules and their order are
 * those of crypto/x509 (verify.go: Verify, isValid, buildChains; x509.go: CheckSignatureFrom) and crypto/tls
 * (handshake_client.go: verifyServerCertificate). Time and host name come before the authority; OpenSSL does neither
 * in that order, so its verdict would blame another party than the runtime does.
 *
 * Not covered: name constraints on mail addresses and URIs (no server has such names), FIPS mode, and revocation,
 * which Go does not check either.
 */

/** A check that failed. */
export interface CertificateProblem extends WireError {
  /** Index in the chain as sent; null when the certificate is one of the node's store, or the matter is the whole chain's. */
  readonly index: number | null;
  /** The certificate of the node's store that the problem is with. */
  readonly root: Certificate | null;
}

/** What the checks of a chain come to. */
export interface ChainVerdict {
  readonly ok: boolean;
  /** Leaf to trust anchor, the way that was accepted; empty when none was. */
  readonly path: readonly Certificate[];
  /** The last of `path`. */
  readonly root: Certificate | null;
  /** Every check that failed, first the one that Go would report. Empty exactly when `ok`. */
  readonly problems: readonly CertificateProblem[];
}

/**
 * Checks a chain as sent (leaf first) for a server name against the node's trust.
 * @param now Epoch milliseconds, the clock that decides about validity.
 */
export function verifyChain(
  chain: readonly Certificate[],
  roots: TrustPool,
  serverName: string,
  now: number,
): ChainVerdict {
  const leaf = chain[0];
  if (leaf === undefined) return refused([problem('tls-certificate', 'the server sent no certificate', null)]);

  const problems: CertificateProblem[] = [];
  for (const [index, certificate] of chain.entries()) {
    const unusable = unusableKey(certificate);
    if (unusable !== null) problems.push(problem('tls-certificate', unusable, index));
  }
  problems.push(...ownProblems(leaf, 'leaf', [], now).map((one) => ({ ...one, index: 0 })));
  if (!matchesHost(leaf, serverName)) {
    problems.push(problem('tls-hostname', hostnameMessage(leaf, serverName), 0));
  }

  if (roots.contains(leaf)) {
    return problems.length === 0 ? accepted([leaf]) : refused(problems);
  }
  const strict = findPath(chain, roots, now, true);
  if (strict.complete !== null) return problems.length === 0 ? accepted(strict.complete.path) : refused(problems);
  // Go has given up here. The same search without stopping at failures tells what stands in the way.
  const lenient = findPath(chain, roots, now, false);
  if (lenient.complete !== null) problems.push(...lenient.complete.problems);
  else problems.push(...unknownAuthority(lenient, chain, roots));
  return refused(problems);
}

/** Go's maxChainSignatureChecks: more is an attack, not a chain. */
const maxSignatureChecks = 100;

interface Path {
  readonly path: readonly Certificate[];
  readonly problems: readonly CertificateProblem[];
}

interface Search {
  /** The best way found from the leaf to an anchor: without problems when strict, else with the fewest. */
  complete: Path | null;
  /** The longest way that ends without an anchor. */
  longest: readonly Certificate[];
  /** Why certificates of the right name were not taken as issuers. */
  readonly rejected: { readonly child: Certificate; readonly issuer: Certificate; readonly why: Rejection }[];
  checks: number;
}

type Rejection = 'signature' | 'algorithm' | 'not-a-ca';

/** Depth first over all issuers by name, trust store before the sent certificates, as buildChains does. */
function findPath(chain: readonly Certificate[], roots: TrustPool, now: number, strict: boolean): Search {
  const search: Search = { complete: null, longest: chain.slice(0, 1), rejected: [], checks: 0 };
  const indexOf = (certificate: Certificate) => chain.indexOf(certificate);

  const extend = (way: Path): void => {
    const child = way.path.at(-1);
    if (child === undefined) return;
    if (way.path.length > search.longest.length) search.longest = way.path;
    const anchors = byKeyId(child, roots.bySubject(child.rawIssuer));
    const sent = byKeyId(
      child,
      chain.filter((one) => one.rawSubject.equals(child.rawIssuer)),
    );
    for (const candidate of [...anchors, ...sent]) {
      const isAnchor = anchors.includes(candidate);
      if (strict && search.complete !== null) return;
      if (way.path.some((one) => sameIdentity(one, candidate))) continue;
      search.checks += 1;
      if (search.checks > maxSignatureChecks) return;
      const why = rejection(child, candidate);
      if (why !== null) {
        search.rejected.push({ child, issuer: candidate, why });
        continue;
      }
      const own = ownProblems(candidate, isAnchor ? 'root' : 'intermediate', way.path, now).map((one) => {
        const index = indexOf(candidate);
        return isAnchor ? { ...one, index: null, root: candidate } : { ...one, index: index < 0 ? null : index };
      });
      if (strict && own.length > 0) continue;
      const next = { path: [...way.path, candidate], problems: [...way.problems, ...own] };
      if (!isAnchor) extend(next);
      else if (search.complete === null || next.problems.length < search.complete.problems.length) {
        search.complete = next;
      }
    }
  };
  extend({ path: chain.slice(0, 1), problems: [] });
  return search;
}

/** Candidates whose key identifier fits first: it is only a hint (RFC 5280 section 4.2.1.1). */
function byKeyId(child: Certificate, candidates: readonly Certificate[]): Certificate[] {
  const rank = (one: Certificate): number => {
    if (one.subjectKeyId === null || child.authorityKeyId === null) return 1;
    return one.subjectKeyId.equals(child.authorityKeyId) ? 0 : 2;
  };
  return [...candidates].sort((a, b) => rank(a) - rank(b));
}

/** Same name, key and alternative names: cross-signed twins, that would make a circle. */
function sameIdentity(a: Certificate, b: Certificate): boolean {
  if (!a.rawSubject.equals(b.rawSubject) || !a.spki.equals(b.spki)) return false;
  return a.rawSan === null || b.rawSan === null ? a.rawSan === b.rawSan : a.rawSan.equals(b.rawSan);
}

/** Why `issuer`, of the right name, did not sign `child` as far as Go is concerned. */
function rejection(child: Certificate, issuer: Certificate): Rejection | null {
  const { basicConstraints } = issuer;
  // Version 1 certificates have no extensions; old roots are such.
  if (issuer.version === 3 ? basicConstraints?.isCa !== true : basicConstraints?.isCa === false) return 'not-a-ca';
  if (issuer.maySignCertificates === false) return 'not-a-ca';
  if (
    !goodSignatures.has(child.signatureOid) ||
    (child.pssDigestOid !== null && !goodDigests.has(child.pssDigestOid))
  ) {
    return 'algorithm';
  }
  if ((rsaBits(issuer) ?? 2048) < minRsaBits) return 'algorithm';
  return child.isSignedBy(issuer) ? null : 'signature';
}

/** Signatures that Go verifies: no MD5, since 1.18 no SHA-1, no DSA. */
const goodSignatures: ReadonlySet<string> = new Set([
  '1.2.840.113549.1.1.10', // RSASSA-PSS, see goodDigests
  '1.2.840.113549.1.1.11', // SHA-256 with RSA
  '1.2.840.113549.1.1.12', // SHA-384 with RSA
  '1.2.840.113549.1.1.13', // SHA-512 with RSA
  '1.2.840.10045.4.3.2', // ECDSA with SHA-256
  '1.2.840.10045.4.3.3', // ECDSA with SHA-384
  '1.2.840.10045.4.3.4', // ECDSA with SHA-512
  '1.3.101.112', // Ed25519
]);
const goodDigests: ReadonlySet<string> = new Set([
  '2.16.840.1.101.3.4.2.1', // SHA-256
  '2.16.840.1.101.3.4.2.2', // SHA-384
  '2.16.840.1.101.3.4.2.3', // SHA-512
]);
/** Go 1.24 and later refuse smaller RSA keys (crypto/rsa, GODEBUG rsa1024min). */
const minRsaBits = 1024;
/** crypto/tls refuses larger ones (maxRSAKeySize). */
const maxRsaBits = 8192;

const serverAuth = '1.3.6.1.5.5.7.3.1';
const anyUsage = '2.5.29.37.0';

/** What is wrong with one certificate in its place; `below` are the certificates from the leaf up to it. */
function ownProblems(
  certificate: Certificate,
  place: 'leaf' | 'intermediate' | 'root',
  below: readonly Certificate[],
  now: number,
): CertificateProblem[] {
  const name = described(certificate, place);
  const found: CertificateProblem[] = [];
  if (certificate.unknownCritical.length > 0) {
    const which = certificate.unknownCritical.join(', ');
    found.push(problem('tls-certificate', `${name} has a critical extension that Go does not know (${which})`, null));
  }
  if (now < certificate.notBefore) {
    const text = `${name} is not valid before ${rfc3339(certificate.notBefore)}; this node's clock says ${rfc3339(now)}`;
    found.push(problem('tls-not-yet-valid', text, null));
  } else if (now > certificate.notAfter) {
    const text = `${name} expired on ${rfc3339(certificate.notAfter)}; this node's clock says ${rfc3339(now)}`;
    found.push(problem('tls-expired', text, null));
  }
  const { extendedUsages } = certificate;
  if (extendedUsages !== null && !extendedUsages.includes(serverAuth) && !extendedUsages.includes(anyUsage)) {
    found.push(problem('tls-certificate', `${name} is not allowed for servers (extended key usage)`, null));
  }
  if (place !== 'leaf' && certificate.nameConstraints !== null) {
    for (const each of [below[0], certificate]) {
      const forbidden = each === undefined ? null : forbiddenName(each, certificate.nameConstraints);
      if (forbidden !== null) {
        const text = `${name} may not sign for ${shown(forbidden)} (name constraints)`;
        found.push(problem('tls-certificate', text, null));
        break;
      }
    }
  }
  if (place === 'intermediate' && certificate.basicConstraints?.isCa !== true) {
    found.push(problem('tls-certificate', `${name} is not a certificate authority's`, null));
  }
  const pathLength = certificate.basicConstraints?.pathLength ?? null;
  if (place !== 'leaf' && pathLength !== null && below.length - 1 > pathLength) {
    found.push(problem('tls-certificate', `${name} allows only ${pathLength} intermediates below it`, null));
  }
  return found;
}

/** Why crypto/tls would refuse a certificate before any check of the chain. */
function unusableKey(certificate: Certificate): string | null {
  const name = `the certificate of ${quoted(certificate)}`;
  const key = certificate.publicKey();
  if (key === null) return `${name} has a key that cannot be read`;
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const bits = rsaBits(certificate);
  if (bits !== null && bits > maxRsaBits)
    return `${name} has an RSA key of ${bits} bits; Go takes at most ${maxRsaBits}`;
  if (bits !== null && bits < minRsaBits)
    return `${name} has an RSA key of ${bits} bits; Go wants at least ${minRsaBits}`;
  if (type === 'ec' && goodCurves[details?.namedCurve ?? ''] === undefined) {
    return `${name} has a key on the curve ${details?.namedCurve ?? 'unknown'}, which Go does not know`;
  }
  return null;
}

function hostnameMessage(leaf: Certificate, serverName: string): string {
  const names = namesFor(leaf, serverName);
  if (reliesOnCommonName(leaf, serverName)) {
    return `the certificate names ${serverName} only in its Common Name, which Go does not accept: it needs a subject alternative name`;
  }
  if (names.length === 0) {
    const other = [...leaf.dnsNames, ...leaf.ipAddresses];
    const kind = other.length > 0 ? `, only for ${list(other)}` : '';
    return `the certificate is not for ${serverName}: it has no alternative name of that kind${kind}`;
  }
  return `the certificate is for ${list(names)}, not for ${serverName}`;
}

/** No way leads to the store: says how far it goes and what is missing. */
function unknownAuthority(search: Search, chain: readonly Certificate[], roots: TrustPool): CertificateProblem[] {
  const last = search.longest.at(-1);
  if (last === undefined) return [];
  const position = chain.indexOf(last);
  const index = position < 0 ? null : position;
  const failed = search.rejected.find((one) => one.child === last);
  if (search.checks > maxSignatureChecks) {
    return [problem('tls-certificate', `the chain needs more than ${maxSignatureChecks} signature checks`, null)];
  }
  if (failed?.why === 'algorithm') {
    const bits = rsaBits(failed.issuer);
    const weak = bits !== null && bits < minRsaBits ? `an RSA key of ${bits} bits` : signatureName(last.signatureOid);
    const text = `the certificate of ${quoted(last)} is signed with ${weak}, which Go refuses`;
    return [problem('tls-certificate', text, index)];
  }
  const inStore = failed !== undefined && roots.contains(failed.issuer);
  let text: string;
  if (failed?.why === 'not-a-ca') {
    const place = inStore ? 'is in the trust store' : 'was sent';
    text = `the issuer of ${quoted(last)}, ${quoted(failed.issuer)}, ${place} but is not a certificate authority's`;
  } else if (failed !== undefined) {
    const place = inStore ? 'in the trust store' : 'in the chain';
    text = `${quoted(last)} is signed by another key than the certificate of the same issuer name ${place} (${quoted(failed.issuer)})`;
  } else if (last.rawIssuer.equals(last.rawSubject)) {
    text =
      search.longest.length === 1
        ? `the certificate ${quoted(last)} is self-signed and not in the trust store`
        : `the chain ends in the root ${quoted(last)}, which is not in the trust store`;
  } else {
    const sent =
      chain.length === 1 ? 'the server sent only its own certificate' : `the server sent ${chain.length} certificates`;
    text =
      `${sent}; the issuer of ${quoted(last)}, ${shown(last.issuer)}, was not sent and is not in the trust store: ` +
      'either the server leaves its intermediate certificate out, or this node does not know the authority';
  }
  if (roots.size === 0) text += '; the trust store is empty';
  return [problem('tls-unknown-authority', text, index)];
}

function accepted(path: readonly Certificate[]): ChainVerdict {
  return { ok: true, path, root: path.at(-1) ?? null, problems: [] };
}

function refused(problems: readonly CertificateProblem[]): ChainVerdict {
  return { ok: false, path: [], root: null, problems };
}

function problem(code: WireError['code'], message: string, index: number | null): CertificateProblem {
  return { ...wireError(code, message), index, root: null };
}

function described(certificate: Certificate, place: 'leaf' | 'intermediate' | 'root'): string {
  if (place === 'leaf') return 'the certificate';
  const kind = place === 'root' ? "the node's trusted certificate" : 'the intermediate certificate';
  return `${kind} ${quoted(certificate)}`;
}

function list(names: readonly string[]): string {
  const first = names.slice(0, 5).map(shown).join(', ');
  return names.length > 5 ? `${first} and ${names.length - 5} more` : first;
}

function signatureName(oid: string): string {
  const names: Readonly<Record<string, string>> = {
    '1.2.840.113549.1.1.4': 'MD5',
    '1.2.840.113549.1.1.5': 'SHA-1',
    '1.2.840.113549.1.1.10': 'RSASSA-PSS with SHA-1',
    '1.2.840.10045.4.1': 'SHA-1',
    '1.2.840.10040.4.3': 'DSA',
  };
  return names[oid] ?? `the algorithm ${oid}`;
}
