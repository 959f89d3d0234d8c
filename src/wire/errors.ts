import { clip } from '../lib/limits.ts';
import type { NetworkFailure, WireError } from '../model/network-failure.ts';

/**
 * The one place that turns what the system, Node, OpenSSL and the HTTP client throw into our vocabulary.
 * Codes are compared as text, so no library has to be imported for it.
 */

/** What each code means: `code` of the vocabulary and the words for it. */
const meanings: Readonly<Record<string, readonly [NetworkFailure, string]>> = {
  // The system: errno names as libuv gives them.
  ECONNREFUSED: ['refused', 'connection refused'],
  ECONNRESET: ['reset', 'connection reset by the peer'],
  ECONNABORTED: ['reset', 'connection aborted'],
  EPIPE: ['closed', 'the peer has closed the connection'],
  ETIMEDOUT: ['timeout', 'no answer (the system gave up)'],
  ENETUNREACH: ['unreachable', 'network is unreachable'],
  EHOSTUNREACH: ['unreachable', 'no route to host'],
  ENETDOWN: ['unreachable', 'network is down'],
  EHOSTDOWN: ['unreachable', 'host is down'],
  EADDRNOTAVAIL: ['unreachable', 'this machine has no source address for that destination'],
  // A link-local address without its zone, or an address of a family that the kernel does not know.
  EINVAL: ['unreachable', 'the system has no way to that address'],
  EAFNOSUPPORT: ['unreachable', 'this machine does not support that address family'],
  EPERM: ['not-permitted', 'a local packet filter forbids it'],
  EACCES: ['not-permitted', 'a local packet filter or permission forbids it'],
  EPROTO: ['malformed', 'protocol error'],
  // Name lookup by the system; our own lookups have results of their own.
  ENOTFOUND: ['name-not-found', 'no such host'],
  EAI_AGAIN: ['server-failure', 'the name server failed'],
  // undici (docs/docs/api/Errors.md of its repository).
  UND_ERR_CONNECT_TIMEOUT: ['timeout', 'the connection was not ready in time'],
  UND_ERR_HEADERS_TIMEOUT: ['timeout', 'no response headers in time'],
  UND_ERR_BODY_TIMEOUT: ['timeout', 'the response body stopped coming'],
  UND_ERR_SOCKET: ['closed', 'the peer closed the connection before it answered'],
  UND_ERR_HEADERS_OVERFLOW: ['http-malformed', 'the response headers are larger than the limit'],
  UND_ERR_HTTP_PARSER: ['http-malformed', 'the answer is not HTTP'],
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: ['body-cut', 'the body is not as long as its Content-Length'],
  UND_ERR_RES_EXCEEDED_MAX_SIZE: ['body-too-large', 'the body is larger than the limit'],
  UND_ERR_ABORTED: ['aborted', 'aborted'],
  UND_ERR_DESTROYED: ['aborted', 'aborted'],
  UND_ERR_CLOSED: ['aborted', 'aborted'],
  ABORT_ERR: ['aborted', 'the investigation ended before an answer came'],
  // Node's TLS.
  ERR_TLS_CERT_ALTNAME_INVALID: ['tls-hostname', 'the certificate is not for this name'],
  CERT_HAS_EXPIRED: ['tls-expired', 'a certificate has expired'],
  CERT_NOT_YET_VALID: ['tls-not-yet-valid', 'a certificate is not valid yet'],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['tls-unknown-authority', 'certificate signed by an unknown authority'],
  UNABLE_TO_GET_ISSUER_CERT: ['tls-unknown-authority', 'certificate signed by an unknown authority'],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ['tls-unknown-authority', 'certificate signed by an unknown authority'],
  SELF_SIGNED_CERT_IN_CHAIN: ['tls-unknown-authority', 'certificate signed by an unknown authority'],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['tls-unknown-authority', 'self-signed certificate'],
  // Answers that are not TLS (also TLS to a plain proxy), and the other way round.
  ERR_SSL_WRONG_VERSION_NUMBER: ['tls-plain-answer', 'the peer does not speak TLS'],
  ERR_SSL_PACKET_LENGTH_TOO_LONG: ['tls-plain-answer', 'the peer does not speak TLS'],
  ERR_SSL_RECORD_LAYER_FAILURE: ['tls-protocol', 'broken TLS record'],
};

/** TLS alerts by number (RFC 8446 section 6, RFC 5246 section 7.2). */
const alerts: Readonly<Record<number, string>> = {
  0: 'close_notify',
  10: 'unexpected_message',
  20: 'bad_record_mac',
  21: 'decryption_failed',
  22: 'record_overflow',
  30: 'decompression_failure',
  40: 'handshake_failure',
  41: 'no_certificate',
  42: 'bad_certificate',
  43: 'unsupported_certificate',
  44: 'certificate_revoked',
  45: 'certificate_expired',
  46: 'certificate_unknown',
  47: 'illegal_parameter',
  48: 'unknown_ca',
  49: 'access_denied',
  50: 'decode_error',
  51: 'decrypt_error',
  60: 'export_restriction',
  70: 'protocol_version',
  71: 'insufficient_security',
  80: 'internal_error',
  86: 'inappropriate_fallback',
  90: 'user_canceled',
  100: 'no_renegotiation',
  109: 'missing_extension',
  110: 'unsupported_extension',
  111: 'certificate_unobtainable',
  112: 'unrecognized_name',
  113: 'bad_certificate_status_response',
  114: 'bad_certificate_hash_value',
  115: 'unknown_psk_identity',
  116: 'certificate_required',
  120: 'no_application_protocol',
};

/** The registered name of a TLS alert, or `alert NUMBER`. */
export function alertName(number: number): string {
  return alerts[number] ?? `alert ${number}`;
}

/**
 * The TLS alert that an OpenSSL error reports as received from the peer, or null. OpenSSL spells the same alert
 * differently from version to version (`sslv3 alert …`, `ssl/tls alert …`) but always ends with its number.
 */
export function alertOf(error: unknown): string | null {
  for (const each of causes(error)) {
    const number = /SSL alert number (\d+)/.exec(each.message)?.[1];
    if (number !== undefined) return alertName(Number(number));
  }
  return null;
}

/** The code of an error (`ECONNREFUSED`, `UND_ERR_SOCKET`), its own or that of its cause; null when there is none. */
export function errnoOf(error: unknown): string | null {
  let first: string | null = null;
  for (const each of causes(error)) {
    const code = codeOf(each);
    if (code === null) continue;
    // A wrapper's general code gives way to the particular one below it.
    if (meanings[code] !== undefined && code !== 'UND_ERR_SOCKET' && code !== 'UND_ERR_ABORTED') return code;
    first ??= code;
  }
  return first;
}

/**
 * Maps anything thrown or emitted by a socket, by TLS or by the HTTP client.
 * @param context What was being done, as the start of a sentence: `connecting to 10.0.0.2:443`. No secrets.
 */
export function wireErrorOf(error: unknown, context: string): WireError {
  const alert = alertOf(error);
  if (alert !== null) {
    const code = alert === 'protocol_version' || alert === 'insufficient_security' ? 'tls-protocol' : 'tls-alert';
    return wireError(code, `${context}: ${alertSentence(alert)}`);
  }
  const code = errnoOf(error);
  if (code !== null) {
    const meaning = meanings[code];
    if (meaning !== undefined) return wireError(meaning[0], `${context}: ${meaning[1]} (${code})`);
    if (code.startsWith('HPE_')) return wireError('http-malformed', `${context}: the answer is not HTTP (${code})`);
    if (code.startsWith('ERR_HTTP2_')) return wireError('http-malformed', `${context}: HTTP/2 error (${code})`);
    if (code.startsWith('ERR_SSL_')) {
      return wireError('tls-protocol', `${context}: ${reasonOf(error) ?? 'broken TLS'} (${code})`);
    }
  }
  for (const each of causes(error)) {
    if (each.name === 'TimeoutError') return wireError('timeout', `${context}: no answer in time`);
    if (each.name === 'AbortError') {
      return wireError('aborted', `${context}: the investigation ended before an answer came`);
    }
  }
  const words = error instanceof Error ? error.message : String(error);
  return wireError('internal', `${context}: ${words}${code === null ? '' : ` (${code})`}`);
}

/** A WireError with its message made safe to show: one line, no control characters, no userinfo of a URL, clipped. */
export function wireError(code: NetworkFailure, message: string): WireError {
  const line = message
    .replace(/\/\/[^/@\s]*@/g, '//[secret]@')
    .replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
    .trim();
  return { code, message: clip(line) };
}

/** The sentence for an alert that the peer sent, with what it usually means. */
export function alertSentence(alert: string): string {
  const hint = alertHints[alert];
  return `the peer ended the TLS connection with the alert ${alert}${hint === undefined ? '' : ` (${hint})`}`;
}

const alertHints: Readonly<Record<string, string>> = {
  handshake_failure: 'no cipher suite in common, or it serves nothing for this name',
  protocol_version: 'no TLS version in common',
  insufficient_security: 'no cipher suite in common',
  unrecognized_name: 'it serves nothing for this name',
  certificate_required: 'it wants a client certificate',
  bad_certificate: 'it refuses the client certificate',
  unsupported_certificate: 'it refuses the client certificate',
  certificate_revoked: 'it refuses the client certificate',
  certificate_expired: 'it refuses the client certificate',
  certificate_unknown: 'it refuses the client certificate',
  unknown_ca: 'it does not know the authority of the client certificate',
  access_denied: 'it refuses the client certificate',
  no_application_protocol: 'no application protocol in common',
};

/** The error and what caused it, outermost first; of an AggregateError (several addresses) the first. Bounded. */
function causes(error: unknown): Error[] {
  const found: Error[] = [];
  let at = error;
  while (at instanceof Error && found.length < 8 && !found.includes(at)) {
    found.push(at);
    at = at instanceof AggregateError && at.errors.length > 0 ? at.errors[0] : at.cause;
  }
  return found;
}

function codeOf(error: Error): string | null {
  return 'code' in error && typeof error.code === 'string' ? error.code : null;
}

function reasonOf(error: unknown): string | null {
  return error instanceof Error && 'reason' in error && typeof error.reason === 'string' ? error.reason : null;
}
