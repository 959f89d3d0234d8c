import { constants } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import type { Env } from '../lib/env.ts';
import { limits } from '../lib/limits.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { Secret } from '../lib/secret.ts';
import type { NetworkFailure, WireError } from '../model/network-failure.ts';
import {
  type CertificateInfo,
  type CertificateProblem,
  type ChainVerdict,
  certificateInfo,
  verifyChain,
} from './certificate.ts';
import { hostAddress } from './certificate-names.ts';
import { alertName, alertOf, alertSentence, errnoOf, wireError, wireErrorOf } from './errors.ts';
import { Tap } from './tap.ts';
import { printableStart, readServerFlight, type ServerFlight } from './tls-records.ts';
import { readTrustPool, type TrustPool } from './trust.ts';
import { type Certificate, readCertificate } from './x509.ts';

export type { CertificateInfo } from './certificate.ts';

/** What the two sides agreed on. */
export interface TlsNegotiated {
  /** `TLSv1.2`, `TLSv1.3`. */
  readonly protocol: string;
  /** The IANA name, `TLS_AES_128_GCM_SHA256`. */
  readonly cipher: string;
  /** The application protocol, or null when none was agreed on. */
  readonly alpn: string | null;
  /** The server asked for a client certificate; whether it insists shows in how it goes on. */
  readonly clientCertificateRequested: boolean;
}

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

/** Why there is no TLS connection. The socket is closed. */
export interface TlsFailure extends WireError {
  /** As sent, leaf first; empty when the server's certificates had not come or could not be seen yet. */
  readonly chain: readonly CertificateInfo[];
  /** Index in `chain` of the certificate that the failed check is about; null for one of the node's store, and for other failures. */
  readonly failedCertificate: number | null;
  /** The certificate of the node's own store that failed its check: an expired root. */
  readonly failedRoot: CertificateInfo | null;
  /** Codes of the further checks that failed, in the order in which Go would meet them. */
  readonly otherFailures: readonly NetworkFailure[];
  /** The alert that the peer sent, by its registered name. */
  readonly alert: string | null;
  /** What was agreed on, when it came so far. */
  readonly peer: TlsNegotiated | null;
  /** What a peer that does not speak TLS said: its first printable characters, clipped. */
  readonly plainAnswer: string | null;
  /** The server asked for a client certificate, as far as was seen. */
  readonly clientCertificateRequested: boolean;
  /** Bytes that came from the peer during the handshake. */
  readonly bytesReceived: number;
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
}

/** A trust store made ready. */
export interface TrustContext {
  readonly pool: TrustPool;
}

const trusts = new WeakMap<readonly string[], TrustContext>();

/**
 * The trust store of these PEM texts. It is read once for one array (140 certificates: 2 ms) and shared by all
 * handshakes with it; it is forgotten with the array.
 */
export function createTrust(pem: readonly string[]): TrustContext {
  const known = trusts.get(pem);
  if (known !== undefined) return known;
  const made = { pool: readTrustPool(pem) };
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
  let chain: readonly Certificate[] = [];
  let negotiated: TlsNegotiated | null = null;

  const failure = (error: WireError, more: Partial<TlsFailure> = {}): TlsFailure => {
    const flight = reader.flight();
    const seen = chain.length > 0 ? chain : flight.certificates.map(readCertificate).filter((one) => one !== null);
    return {
      ...error,
      chain: seen.map(certificateInfo),
      failedCertificate: null,
      failedRoot: null,
      otherFailures: [],
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
    const tap = new Tap(socket, reader.push);
    tap.on('error', ignore);
    const address = hostAddress(serverName);
    const tlsSocket = connect({
      socket: tap,
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
      clearTimeout(timer);
      clearTimeout(grace);
      signal.removeEventListener('abort', onAbort);
      tlsSocket.off('error', onError);
      tlsSocket.off('close', onClose);
      tlsSocket.off('secureConnect', onSecure);
      tlsSocket.off('session', onAccepted);
      tap.stopListening();
      if (!result.ok) {
        tlsSocket.destroy();
        tap.destroy();
      }
      resolve(result);
    };

    let good: TlsPeer | null = null;
    let grace: NodeJS.Timeout | undefined;
    const onAccepted = () => {
      if (good !== null) settle(ok({ socket: tlsSocket, peer: good }));
    };
    const onSecure = () => {
      const requested = clientCertificateRequested(tlsSocket);
      negotiated = {
        protocol: tlsSocket.getProtocol() ?? 'unknown',
        cipher: tlsSocket.getCipher().standardName,
        alpn: typeof tlsSocket.alpnProtocol === 'string' ? tlsSocket.alpnProtocol : null,
        clientCertificateRequested: requested,
      };
      const sent = sentChain(tlsSocket);
      chain = sent.chain;
      const verdict = sent.problem ?? verifyChain(chain, createTrust(options.trustPem).pool, serverName, env.now());
      if (!verdict.ok && !options.skipVerify) {
        settle(fail(failure(firstOf(verdict), verdictFields(verdict))));
        return;
      }
      const durationMs = env.monotonic() - started;
      good = {
        ...negotiated,
        chain: chain.map(certificateInfo),
        root: verdict.root === null ? null : certificateInfo(verdict.root),
        verified: verdict.ok,
        unverified: verdict.problems.map(({ code, message }) => ({ code, message })),
        durationMs,
      };
      // In TLS 1.3 the server judges the client's certificate, or its absence, after the handshake has ended for us.
      // A session ticket says yes, an alert no; a server that sends neither is given one round trip's time, generously.
      if (negotiated.protocol !== 'TLSv1.3' || !requested) onAccepted();
      else grace = setTimeout(onAccepted, Math.min(500, Math.max(50, durationMs * 2)));
    };
    const onError = (error: unknown) => {
      const flight = reader.flight();
      const requested = negotiated?.clientCertificateRequested ?? flight.certificateRequested;
      settle(fail(failedHandshake(error, flight, requested, tap, context, failure)));
    };
    const onClose = () => onError(null);
    const onAbort = () => settle(fail(failure(wireError('aborted', `${context}: the investigation ended first`))));
    const timer = setTimeout(() => {
      // The time ran out while only a late alert was waited for.
      if (good !== null) return onAccepted();
      // A few bytes of text are no TLS record yet, but they say enough.
      if (reader.flight().looksLikeTls === false) return onError(null);
      const words = `${context}: not complete in ${options.timeoutMs} ms, ${progress(reader.flight())}`;
      settle(fail(failure(wireError('timeout', words))));
    }, options.timeoutMs);
    signal.addEventListener('abort', onAbort, { once: true });
    tlsSocket.on('error', onError);
    tlsSocket.on('close', onClose);
    tlsSocket.on('secureConnect', onSecure);
    tlsSocket.on('session', onAccepted);
  });
}

/** Names what ended a handshake. What the peer said counts more than how the connection then broke. */
function failedHandshake(
  error: unknown,
  flight: ServerFlight,
  certificateRequested: boolean,
  tap: Tap,
  context: string,
  failure: (error: WireError, more?: Partial<TlsFailure>) => TlsFailure,
): TlsFailure {
  if (flight.looksLikeTls === false) {
    const plainAnswer = printableStart(flight.head);
    if (plainAnswer !== null) {
      const words = `${context}: the peer does not speak TLS there; it answers in plain text: ${plainAnswer.slice(0, 100)}`;
      return failure(wireError('tls-plain-answer', words), { plainAnswer });
    }
    return failure(wireError('tls-protocol', `${context}: the peer's answer is neither TLS nor text`));
  }
  const alert = alertOf(error) ?? (flight.alert === null ? null : alertName(flight.alert));
  if (alert !== null && alert !== 'close_notify') {
    // The same alert means "no cipher in common" as the first answer, and "no client certificate" after the request
    // for one.
    const wantsCertificate = alert === 'handshake_failure' && certificateRequested;
    const early = flight.version === null && noCommonGround.has(alert);
    const words = wantsCertificate
      ? 'the peer ended the TLS connection with the alert handshake_failure after it had asked for a client certificate'
      : alertSentence(alert);
    return failure(wireError(early ? 'tls-protocol' : 'tls-alert', `${context}: ${words}`), { alert });
  }
  if (tap.failure !== null) return failure(withProgress(wireErrorOf(tap.failure, context), flight));
  const code = errnoOf(error);
  if (code?.startsWith('ERR_SSL_') === true) return failure(sslError(error, code, flight, context));
  if (tap.ended || error === null) {
    const after = certificateRequested ? ' after it had asked for a client certificate' : '';
    return failure(wireError('closed', `${context}: the peer closed the connection${after}, ${progress(flight)}`));
  }
  return failure(withProgress(wireErrorOf(error, context), flight));
}

const noCommonGround: ReadonlySet<string> = new Set(['handshake_failure', 'protocol_version', 'insufficient_security']);

const versionNames: Readonly<Record<number, string>> = {
  768: 'SSL 3.0',
  769: 'TLS 1.0',
  770: 'TLS 1.1',
  771: 'TLS 1.2',
  772: 'TLS 1.3',
};

function sslError(error: unknown, code: string, flight: ServerFlight, context: string): WireError {
  if (flight.version !== null && flight.version < 0x0303) {
    const name = versionNames[flight.version] ?? `version ${flight.version.toString(16)}`;
    return wireError('tls-protocol', `${context}: the server offers only ${name}; the runtimes want TLS 1.2 or 1.3`);
  }
  const mapped = wireErrorOf(error, context);
  // The bytes did look like TLS, so whatever OpenSSL calls it, it is no plain answer.
  return mapped.code === 'tls-plain-answer' ? wireError('tls-protocol', `${context}: broken TLS (${code})`) : mapped;
}

function withProgress(error: WireError, flight: ServerFlight): WireError {
  return wireError(error.code, `${error.message}, ${progress(flight)}`);
}

function progress(flight: ServerFlight): string {
  if (flight.bytes === 0) return 'not one byte came from the peer';
  const { partial, version } = flight;
  const where = version === null ? 'before a complete ServerHello' : 'after the ServerHello';
  const record = partial === null ? '' : `, in the middle of a record (${partial.have} of ${partial.want} bytes)`;
  return `${flight.bytes} bytes came, it ended ${where}${record}`;
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
 * The certificates as sent. Node hands them over once: a second call finds none (it takes them out of OpenSSL's list),
 * and `issuerCertificate` goes along the sent list, not along who signed whom.
 */
function sentChain(socket: TLSSocket): { chain: readonly Certificate[]; problem: ChainVerdict | null } {
  const chain: Certificate[] = [];
  let at = socket.getPeerX509Certificate();
  for (let count = 0; at !== undefined; count += 1) {
    if (count >= limits.chainCertificates) {
      return { chain, problem: refusal(`the server sent more than ${limits.chainCertificates} certificates`, null) };
    }
    const read = readCertificate(at.raw);
    if (read === null) return { chain, problem: refusal('a certificate of the chain cannot be read', count) };
    chain.push(read);
    at = at.issuerCertificate;
  }
  return { chain, problem: null };
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

/** The client's side; a context with no client certificates costs 0.1 ms, so none is kept. */
function contextFor(pairs: TlsOptions['clientPairs']): Result<SecureContext, WireError> {
  try {
    return ok(
      createSecureContext({
        ...goClient,
        // Trust is decided by verifyChain. An empty list also spares Node the reading of its own built-in roots.
        ca: [],
        ...(pairs.length === 0
          ? {}
          : { cert: pairs.map((pair) => pair.cert), key: pairs.map((pair) => pair.key.reveal()) }),
      }),
    );
  } catch (error) {
    // OpenSSL's words for a key that does not parse or does not fit; they never quote the key.
    const code = errnoOf(error) ?? 'unreadable';
    return fail(wireError('tls-certificate', `this node's client certificate or its key cannot be used (${code})`));
  }
}

/** What a socket reports when nobody waits for it. */
function ignore(): void {}
