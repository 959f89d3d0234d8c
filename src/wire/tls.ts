import { constants, type X509Certificate } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import type { Env } from '../lib/env.ts';
import { limits } from '../lib/limits.ts';
import { startPatience } from '../lib/patience.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { Secret } from '../lib/secret.ts';
import type { WireError } from '../model/network-failure.ts';
import { type AcceptedChains, openAcceptedChains } from './accepted-chains.ts';
import {
  type CertificateInfo,
  type CertificateProblem,
  type ChainVerdict,
  certificateInfo,
  verifyChain,
} from './certificate.ts';
import { hostAddress } from './certificate-names.ts';
import { errnoOf, wireError } from './errors.ts';
import { isPublicAuthority } from './public-authorities.ts';
import { Tap } from './tap.ts';
import { failedHandshake, progress, type TlsFailure, type TlsNegotiated } from './tls-failure.ts';
import { readServerFlight } from './tls-records.ts';
import { readTrustPool, type TrustPool } from './trust.ts';
import { type Certificate, readCertificate } from './x509.ts';

export type { CertificateInfo } from './certificate.ts';
export type { TlsFailure, TlsNegotiated } from './tls-failure.ts';

/** The other end of a good handshake. */
export interface TlsPeer extends TlsNegotiated {
  /** As sent, leaf first. */
  readonly chain: readonly CertificateInfo[];
  /** The trust anchor of the accepted chain; null when verification is off and the chain was not accepted. */
  readonly root: CertificateInfo | null;
  /** False only with `skipVerify`, when a check failed that would have ended the handshake. */
  readonly verified: boolean;
  /** With `skipVerify`: the checks that failed, first as Go would report it. */
  readonly unverified: readonly WireError[];
  /** From the first byte sent to the end of the handshake. */
  readonly durationMs: number;
}

/** How to shake hands. */
export interface TlsOptions {
  /** Host name or IP address that the certificate must be for; a name is also sent as SNI. */
  readonly serverName: string;
  /** PEM texts of the trust store. Hand in the same array for the same store: what is read from it is kept with it. */
  readonly trustPem: readonly string[];
  readonly clientPairs: readonly { readonly cert: string; readonly key: Secret }[];
  /** Application protocols to offer, best first; `[]` offers none. */
  readonly alpn: readonly string[];
  /** For the whole handshake. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Its `now()` decides about validity. */
  readonly env: Env;
  /** The node's own configuration turns verification off for this endpoint. Never for any other reason. */
  readonly skipVerify: boolean;
  /**
   * False: nobody reads along, and a failure does not say what answered instead of TLS. It spares half of a handshake's
   * work, for who looks again at a server that was well. Absent: true.
   */
  readonly readAlong?: boolean;
}

/** A trust store made ready. */
export interface TrustContext {
  readonly pool: TrustPool;
  readonly accepted: AcceptedChains;
}

const trusts = new WeakMap<readonly string[], TrustContext>();

/**
 * The trust store of these PEM texts. It is read once for one array (140 certificates: 2 ms) and shared by all
 * handshakes with it; it is forgotten with the array.
 */
export function createTrust(pem: readonly string[]): TrustContext {
  const known = trusts.get(pem);
  if (known !== undefined) return known;
  const made = { pool: readTrustPool(pem), accepted: openAcceptedChains() };
  trusts.set(pem, made);
  return made;
}

/**
 * What Go's client offers since 1.22 (crypto/tls/defaults.go, cipher_suites.go): TLS 1.2 and 1.3, forward secrecy only.
 * The security level is OpenSSL's own idea of which keys and digests are too weak; ours is Go's, in certificate.ts, so
 * OpenSSL's is turned down, or it would end handshakes that the runtime completes, without showing the chain.
 */
const goClient = {
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  // Go's client never renegotiates; and what was verified here must stay what the connection is.
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  ciphers: [
    'TLS_AES_128_GCM_SHA256',
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-CHACHA20-POLY1305',
    'ECDHE-ECDSA-AES128-SHA',
    'ECDHE-RSA-AES128-SHA',
    'ECDHE-ECDSA-AES256-SHA',
    'ECDHE-RSA-AES256-SHA',
    '@SECLEVEL=0',
  ].join(':'),
  // Without the post-quantum hybrid of Go 1.24: it doubles the size of the first flight, and older runtimes lack it.
  ecdhCurve: 'X25519:P-256:P-384:P-521',
  sigalgs: [
    'rsa_pss_rsae_sha256',
    'ecdsa_secp256r1_sha256',
    'ed25519',
    'rsa_pss_rsae_sha384',
    'rsa_pss_rsae_sha512',
    'rsa_pkcs1_sha256',
    'rsa_pkcs1_sha384',
    'rsa_pkcs1_sha512',
    'ecdsa_secp384r1_sha384',
    'ecdsa_secp521r1_sha512',
  ].join(':'),
} as const;

/**
 * Shakes hands over an open connection (a TCP socket, or a proxy's tunnel) and checks the chain as the runtime would.
 * It owns `socket` from here on: a failure closes it, and closing the TLS socket closes it.
 */
export function handshakeTls(
  socket: Duplex,
  options: TlsOptions,
): Promise<Result<{ readonly socket: TLSSocket; readonly peer: TlsPeer }, TlsFailure>> {
  const { env, signal, serverName } = options;
  const started = env.monotonic();
  const context = `TLS handshake with ${serverName}`;
  const reader = readServerFlight();
  let chain: readonly CertificateInfo[] = [];
  let negotiated: TlsNegotiated | null = null;

  const failure = (error: WireError, more: Partial<TlsFailure> = {}): TlsFailure => {
    const flight = reader.flight();
    const sent = () => flight.certificates.map(readCertificate).filter((one) => one !== null);
    return {
      ...error,
      chain: chain.length > 0 ? chain : sent().map(certificateInfo),
      failedCertificate: null,
      failedRoot: null,
      otherFailures: [],
      publicAuthority: null,
      alert: null,
      peer: negotiated,
      plainAnswer: null,
      clientCertificateRequested: negotiated?.clientCertificateRequested ?? flight.certificateRequested,
      bytesReceived: flight.bytes,
      durationMs: env.monotonic() - started,
      ...more,
    };
  };
  const refuse = (error: WireError) => {
    socket.on('error', ignore);
    socket.destroy();
    return Promise.resolve(fail(failure(error)));
  };
  if (signal.aborted) return refuse(wireError('aborted', `${context}: the investigation ended first`));
  const secureContext = contextFor(options.clientPairs);
  if (!secureContext.ok) return refuse(secureContext.error);

  return new Promise((resolve) => {
    const tap = options.readAlong === false ? null : new Tap(socket, reader.push);
    const below = tap ?? socket;
    below.on('error', ignore);
    const address = hostAddress(serverName);
    const tlsSocket = connect({
      socket: below,
      secureContext: secureContext.value,
      // RFC 6066 allows no IP address and no trailing dot in SNI; Go leaves both out.
      ...(address === null ? { servername: serverName.replace(/\.$/, '') } : {}),
      ...(options.alpn.length === 0 ? {} : { ALPNProtocols: [...options.alpn] }),
      // This does not switch verification off; it moves it here. OpenSSL would check by other rules than the runtime's
      // (see certificate.ts), by the machine's clock, and tell of the first failure only; Node completes the handshake
      // before it looks at OpenSSL's verdict in any case. `onSecure` below runs before anyone else can have this
      // socket, and destroys it unless verifyChain accepts the chain: until then no application byte is written.
      rejectUnauthorized: false,
    });
    tlsSocket.on('error', ignore);

    const settle = (result: Result<{ socket: TLSSocket; peer: TlsPeer }, TlsFailure>) => {
      patience.clear();
      clearTimeout(grace);
      signal.removeEventListener('abort', onAbort);
      tlsSocket.off('error', onError);
      tlsSocket.off('close', onClose);
      tlsSocket.off('secureConnect', onSecure);
      tlsSocket.off('session', onAccepted);
      tap?.stopListening();
      if (!result.ok) {
        tlsSocket.destroy();
        below.destroy();
      }
      resolve(result);
    };

    let good: TlsPeer | null = null;
    let grace: NodeJS.Timeout | undefined;
    const onAccepted = () => {
      if (good !== null) settle(ok({ socket: tlsSocket, peer: good }));
    };
    /** The chain as it is told, when the handshake may go on; else it has ended, and null. */
    const check = (
      sent: readonly X509Certificate[],
      trust: TrustContext,
    ): Omit<TlsPeer, keyof TlsNegotiated | 'durationMs'> | null => {
      const { certificates, problem } = readChain(sent);
      chain = certificates.map(certificateInfo);
      const verdict = problem ?? verifyChain(certificates, trust.pool, serverName, env.now());
      if (!verdict.ok && !options.skipVerify) {
        const fields = verdictFields(verdict);
        const unknown = verdict.problems.some(({ code }) => code === 'tls-unknown-authority');
        const publicAuthority = unknown ? isPublicAuthority(certificates, serverName, env.now()) : null;
        settle(fail(failure(firstOf(verdict), { ...fields, publicAuthority })));
        return null;
      }
      const root = verdict.root === null ? null : certificateInfo(verdict.root);
      if (verdict.ok && root !== null) trust.accepted.add(serverName, { chain, root }, verdict.path);
      const unverified = verdict.problems.map(({ code, message }) => ({ code, message }));
      return { chain, root, verified: verdict.ok, unverified };
    };
    const onSecure = () => {
      const requested = clientCertificateRequested(tlsSocket);
      negotiated = {
        protocol: tlsSocket.getProtocol() ?? 'unknown',
        cipher: tlsSocket.getCipher().standardName,
        alpn: typeof tlsSocket.alpnProtocol === 'string' ? tlsSocket.alpnProtocol : null,
        clientCertificateRequested: requested,
      };
      const trust = createTrust(options.trustPem);
      const sent = sentCertificates(tlsSocket);
      const known = trust.accepted.find(serverName, sent, env.now());
      const checked = known === null ? check(sent, trust) : { ...known, verified: true, unverified: [] };
      if (checked === null) return;
      chain = checked.chain;
      const durationMs = env.monotonic() - started;
      good = { ...negotiated, ...checked, durationMs };
      // In TLS 1.3 the server judges the client's certificate, or its absence, after the handshake has ended for us.
      // A session ticket says yes, an alert no; a server that sends neither is given one round trip's time, generously.
      if (negotiated.protocol !== 'TLSv1.3' || !requested) onAccepted();
      else grace = setTimeout(onAccepted, Math.min(500, Math.max(50, durationMs * 2)));
    };
    const onError = (error: unknown) => {
      const flight = reader.flight();
      const requested = negotiated?.clientCertificateRequested ?? flight.certificateRequested;
      settle(fail(failedHandshake(error, flight, requested, tap ?? unseen, context, failure)));
    };
    const onClose = () => onError(null);
    const onAbort = () => settle(fail(failure(wireError('aborted', `${context}: the investigation ended first`))));
    const patience = startPatience(options.timeoutMs, () => {
      // The time ran out while only a late alert was waited for.
      if (good !== null) return onAccepted();
      // A few bytes of text are no TLS record yet, but they say enough.
      if (reader.flight().looksLikeTls === false) return onError(null);
      const words = `${context}: not complete in ${Math.round(options.timeoutMs)} ms, ${progress(reader.flight())}`;
      settle(fail(failure(wireError('timeout', words))));
    });
    signal.addEventListener('abort', onAbort, { once: true });
    tlsSocket.on('error', onError);
    tlsSocket.on('close', onClose);
    tlsSocket.on('secureConnect', onSecure);
    tlsSocket.on('session', onAccepted);
  });
}

function firstOf(verdict: ChainVerdict): WireError {
  const first: CertificateProblem | undefined = verdict.problems[0];
  return first === undefined
    ? wireError('internal', 'the chain was refused without a reason')
    : { code: first.code, message: first.message };
}

function verdictFields(verdict: ChainVerdict): Partial<TlsFailure> {
  const [first, ...others] = verdict.problems;
  return {
    failedCertificate: first?.index ?? null,
    failedRoot: first?.root ? certificateInfo(first.root) : null,
    otherFailures: [...new Set(others.map((one) => one.code))].filter((code) => code !== first?.code),
  };
}

/**
 * The certificates as sent, one more than are read at most. Node hands them over once: a second call finds none (it takes
 * them out of OpenSSL's list), and `issuerCertificate` goes along the sent list, not along who signed whom.
 */
function sentCertificates(socket: TLSSocket): readonly X509Certificate[] {
  const sent: X509Certificate[] = [];
  let at = socket.getPeerX509Certificate();
  while (at !== undefined && sent.length <= limits.chainCertificates) {
    sent.push(at);
    at = at.issuerCertificate;
  }
  return sent;
}

/** What was sent, read for checking; with a problem: as far as it can be read. */
function readChain(sent: readonly X509Certificate[]): {
  readonly certificates: readonly Certificate[];
  readonly problem: ChainVerdict | null;
} {
  const certificates: Certificate[] = [];
  for (const [index, { raw }] of sent.entries()) {
    if (index >= limits.chainCertificates) {
      return {
        certificates,
        problem: refusal(`the server sent more than ${limits.chainCertificates} certificates`, null),
      };
    }
    const read = readCertificate(raw);
    if (read === null) return { certificates, problem: refusal('a certificate of the chain cannot be read', index) };
    certificates.push(read);
  }
  return { certificates, problem: null };
}

function refusal(message: string, index: number | null): ChainVerdict {
  const problem = { ...wireError('tls-certificate', message), index, root: null };
  return { ok: false, path: [], root: null, problems: [problem] };
}

/**
 * Whether the server sent a CertificateRequest, in any version: only with it OpenSSL's client learns signature
 * algorithms of the server's, so a list that is not empty is the sign.
 */
function clientCertificateRequested(socket: TLSSocket): boolean {
  return socket.getSharedSigalgs().length > 0;
}

/** Trust is decided by verifyChain. An empty list also spares Node the reading of its own built-in roots. */
const contextOptions = { ...goClient, ca: [] };

let usualContext: SecureContext | null = null;

/**
 * The client's side. One without client certificates is the same for everybody and is kept: what it has of memory is
 * OpenSSL's, of which V8's collector knows nothing and therefore lets it lie.
 */
function contextFor(pairs: TlsOptions['clientPairs']): Result<SecureContext, WireError> {
  if (pairs.length === 0) {
    usualContext ??= createSecureContext(contextOptions);
    return ok(usualContext);
  }
  try {
    return ok(
      createSecureContext({
        ...contextOptions,
        cert: pairs.map((pair) => pair.cert),
        key: pairs.map((pair) => pair.key.reveal()),
      }),
    );
  } catch (error) {
    // OpenSSL's words for a key that does not parse or does not fit; they never quote the key.
    const code = errnoOf(error) ?? 'unreadable';
    return fail(wireError('tls-certificate', `this node's client certificate or its key cannot be used (${code})`));
  }
}

/** What is known of a connection that nobody read along with. */
const unseen = { failure: null, ended: false };

/** What a socket reports when nobody waits for it. */
function ignore(): void {}
