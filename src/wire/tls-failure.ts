import type { NetworkFailure, WireError } from '../model/network-failure.ts';
import type { CertificateInfo } from './certificate.ts';
import { alertName, alertOf, alertSentence, errnoOf, wireError, wireErrorOf } from './errors.ts';
import type { Tap } from './tap.ts';
import { printableStart, type ServerFlight } from './tls-records.ts';

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
  /** Of a chain whose authority this node does not trust: whether the public does. Null: not asked. */
  readonly publicAuthority: boolean | null;
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

/** Names what ended a handshake. What the peer said counts more than how the connection then broke. */
export function failedHandshake(
  error: unknown,
  flight: ServerFlight,
  certificateRequested: boolean,
  tap: Pick<Tap, 'failure' | 'ended'>,
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

/** How far a handshake came, for a message. */
export function progress(flight: ServerFlight): string {
  if (flight.bytes === 0) return 'not one byte came from the peer';
  const { partial, version } = flight;
  const where = version === null ? 'before a complete ServerHello' : 'after the ServerHello';
  const record = partial === null ? '' : `, in the middle of a record (${partial.have} of ${partial.want} bytes)`;
  return `${flight.bytes} bytes came, it ended ${where}${record}`;
}
