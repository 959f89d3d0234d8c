import { limits } from '../lib/limits.ts';

/** What the bytes of a server's side of a handshake show while they are not encrypted. */
export interface ServerFlight {
  /** Bytes that came. */
  readonly bytes: number;
  /** Null: nothing came yet. */
  readonly looksLikeTls: boolean | null;
  /** The start of what came, at most `limits.plainAnswerBytes`. */
  readonly head: Buffer;
  /** An alert in plain text, its number (RFC 8446 section 6). */
  readonly alert: number | null;
  /** Version that the ServerHello chose, 0x0304 for TLS 1.3; null before it came. */
  readonly version: number | null;
  /** TLS 1.2 and older: the certificates as sent, DER. Empty in TLS 1.3, which encrypts them. */
  readonly certificates: readonly Buffer[];
  /** TLS 1.2 and older: the server asked for a client certificate. */
  readonly certificateRequested: boolean;
  /** The record that is under way: bytes that came and bytes that it announces, header included. */
  readonly partial: { readonly have: number; readonly want: number } | null;
}

const recordType = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;
const message = { serverHello: 2, certificate: 11, certificateRequest: 13 } as const;
const supportedVersions = 43;

/**
 * Reads along with a TLS handshake, from the server's side. It decides nothing about trust; it says what OpenSSL does
 * not: what answers instead of TLS, which alert came, how much of a flight is missing, and the certificates of a
 * handshake that never ends (TLS 1.2: RFC 5246 section 7; TLS 1.3: RFC 8446 sections 4 and 5).
 */
export function readServerFlight(): { readonly push: (chunk: Buffer) => void; readonly flight: () => ServerFlight } {
  let bytes = 0;
  let head = Buffer.alloc(0);
  let pending = Buffer.alloc(0);
  let handshake = Buffer.alloc(0);
  let done = false;
  let alert: number | null = null;
  let version: number | null = null;
  let certificates: Buffer[] = [];
  let certificateRequested = false;

  const readMessage = (type: number, body: Buffer): void => {
    if (type === message.serverHello) version = chosenVersion(body);
    else if (type === message.certificate && certificates.length === 0) certificates = certificateList(body);
    else if (type === message.certificateRequest) certificateRequested = true;
  };

  const readRecord = (type: number, body: Buffer): void => {
    if (type === recordType.alert && body.length === 2) {
      // A warning (level 1) does not end a handshake; unrecognized_name is sent as one.
      if (body[0] === 2 || alert === null) alert = body[1] ?? null;
    } else if (type === recordType.handshake) {
      handshake = Buffer.concat([handshake, body]);
      while (handshake.length >= 4) {
        const length = handshake.readUIntBE(1, 3);
        if (handshake.length < 4 + length) break;
        readMessage(handshake[0] ?? 0, handshake.subarray(4, 4 + length));
        handshake = handshake.subarray(4 + length);
      }
    } else {
      // What follows is encrypted. Nothing more is kept.
      done = true;
      pending = Buffer.alloc(0);
      handshake = Buffer.alloc(0);
    }
  };

  return {
    push(chunk) {
      bytes += chunk.length;
      if (head.length < limits.plainAnswerBytes) {
        head = Buffer.concat([head, chunk]).subarray(0, limits.plainAnswerBytes);
      }
      if (done) return;
      pending = Buffer.concat([pending, chunk]);
      if (looksLikeTls(head) !== true || bytes > limits.tlsHandshakeBytes) {
        done = true;
        pending = Buffer.alloc(0);
        return;
      }
      while (!done && pending.length >= 5) {
        const length = pending.readUInt16BE(3);
        if (pending.length < 5 + length) break;
        const [type = 0] = pending;
        const body = pending.subarray(5, 5 + length);
        pending = pending.subarray(5 + length);
        readRecord(type, body);
      }
    },
    flight: () => ({
      bytes,
      looksLikeTls: looksLikeTls(head),
      head,
      alert,
      version,
      certificates,
      certificateRequested,
      partial: pending.length === 0 ? null : { have: pending.length, want: announced(pending) },
    }),
  };
}

/** What of an answer is text, for showing: first printable characters of it; null when it is not text. */
export function printableStart(head: Buffer): string | null {
  const text = head.toString('latin1').replace(/[\r\n\t]+/g, ' ');
  const printable = /^[\u0020-\u007e]*/.exec(text)?.[0].trim() ?? '';
  return printable.length >= 4 || (printable !== '' && printable.length === text.trim().length) ? printable : null;
}

function looksLikeTls(head: Buffer): boolean | null {
  const [type, major] = head;
  if (type === undefined) return null;
  return type >= recordType.changeCipherSpec && type <= 24 && (major === undefined || major === 3);
}

function announced(pending: Buffer): number {
  return pending.length < 5 ? 5 : 5 + pending.readUInt16BE(3);
}

function chosenVersion(body: Buffer): number | null {
  if (body.length < 38) return null;
  const legacy = body.readUInt16BE(0);
  let at = 35 + (body[34] ?? 0) + 3;
  if (at + 2 > body.length) return legacy;
  const end = Math.min(body.length, at + 2 + body.readUInt16BE(at));
  at += 2;
  while (at + 4 <= end) {
    const length = body.readUInt16BE(at + 2);
    if (body.readUInt16BE(at) === supportedVersions && length === 2 && at + 6 <= end) return body.readUInt16BE(at + 4);
    at += 4 + length;
  }
  return legacy;
}

function certificateList(body: Buffer): Buffer[] {
  const found: Buffer[] = [];
  let at = 3;
  while (at + 3 <= body.length && found.length < limits.chainCertificates) {
    const length = body.readUIntBE(at, 3);
    if (at + 3 + length > body.length) break;
    found.push(Buffer.from(body.subarray(at + 3, at + 3 + length)));
    at += 3 + length;
  }
  return found;
}
