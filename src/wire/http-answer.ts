import { gunzipSync } from 'node:zlib';
import { safeLine } from '../lib/redact.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { NetworkFailure, WireError } from '../model/network-failure.ts';
import { errnoOf, wireError, wireErrorOf } from './errors.ts';
import { tooManyInterim } from './go-head.ts';

/** The headers of an answer: lower-case names, an array where one came more than once. */
export type AnswerHeaders = Readonly<Record<string, string | readonly string[]>>;

/** What is known when the HTTP client fails. */
export interface FailureContext {
  /** The start of the sentence: `GET https://registry.corp/v2/`. */
  readonly what: string;
  readonly scheme: 'http' | 'https';
  /** Headers have come. */
  readonly answered: boolean;
}

/**
 * The failure that an error of the HTTP client stands for. An end in the middle of the headers is `closed`, one in the
 * middle of the body `body-cut`; a TLS alert in answer to plain HTTP is `tls-on-plain`.
 */
export function answerError(error: Error, context: FailureContext): WireError {
  const { what, answered } = context;
  if (error.name === 'HTTPParserError') {
    if (/EOF/u.test(error.message)) return ended(context);
    const start = unparsed(error);
    if (context.scheme === 'http' && !answered && isTlsRecord(start)) {
      return wireError('tls-on-plain', `${what}: the port speaks TLS and was addressed with plain HTTP`);
    }
    const reason = /\((.*)\)$/su.exec(error.message)?.[1] ?? 'unreadable';
    const words = safeLine(start, 60);
    const said = answered || words === '' ? '' : `; it goes on with "${words}"`;
    return wireError('http-malformed', `${what}: the answer is not HTTP (${reason})${said}`);
  }
  // The client's words for an answer 101 that nobody asked for; 100 does not come so far (`go-head.ts`).
  if (error.message === 'bad response' || error.message === 'bad upgrade') {
    return wireError('http-malformed', `${what}: the answer is a status that was not asked for (101)`);
  }
  if (error.message === tooManyInterim) return wireError('http-malformed', `${what}: ${tooManyInterim}`);
  const wire = wireErrorOf(error, what);
  if (wire.code === 'closed') return ended(context);
  if (wire.code === 'body-cut') {
    return answered
      ? ended(context)
      : wireError('http-malformed', `${what}: the answer's lengths contradict each other`);
  }
  return wire;
}

/** True when the client refused to send: a header or path that HTTP cannot carry. */
export function isUnsendable(error: Error): boolean {
  const code = errnoOf(error);
  return code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED';
}

function ended(context: FailureContext): WireError {
  return context.answered
    ? wireError('body-cut', `${context.what}: the connection closed before the body was complete`)
    : wireError('closed', `${context.what}: the connection closed before an answer came`);
}

/** What the parser could not read, from its error; empty when it does not say. */
function unparsed(error: Error): string {
  return 'data' in error && typeof error.data === 'string' ? error.data : '';
}

/** A TLS alert or handshake record: type 21 or 22, version 3.x. */
function isTlsRecord(text: string): boolean {
  return /^[\u0015\u0016]\u0003[\u0000-\u0004]/u.test(text);
}

/**
 * True when a 400 says that plain HTTP came to a TLS port. The sentences: nginx (497), Go's net/http, Apache
 * httpd, Tomcat; others close or send an alert.
 */
export function saysTlsPort(status: number, body: Buffer): boolean {
  if (status !== 400) return false;
  const text = body.toString('latin1', 0, 2048);
  return (
    /plain HTTP request was sent to HTTPS port/iu.test(text) ||
    /HTTP request to an HTTPS server/iu.test(text) ||
    /speaking plain HTTP to an SSL-enabled server port/iu.test(text) ||
    /combination of host and port requires TLS/iu.test(text)
  );
}

/** The announced length of a body; null when there is none or it is not a number. */
export function announcedLength(headers: AnswerHeaders): number | null {
  const value = headers['content-length'];
  const text = typeof value === 'string' ? value : value?.[0];
  return text !== undefined && /^\d{1,15}$/u.test(text.trim()) ? Number(text) : null;
}

/** True when Go's client would unpack the body: gzip and nothing else, `x-gzip` neither (net/http transport.go: readLoop). */
export function isGzipped(headers: AnswerHeaders): boolean {
  const value = headers['content-encoding'];
  return typeof value === 'string' && /^\s*gzip\s*$/iu.test(value);
}

/** Unpacks a gzip body to at most `maxBytes`, so that a small answer cannot fill the memory. */
export function unpackBody(body: Buffer, maxBytes: number, what: string): Result<Buffer, WireError> {
  if (body.length === 0) return ok(body);
  try {
    return ok(gunzipSync(body, { maxOutputLength: Math.max(1, maxBytes) }));
  } catch (error) {
    const large = errnoOf(error) === 'ERR_BUFFER_TOO_LARGE';
    const code: NetworkFailure = large ? 'body-too-large' : 'body-invalid';
    const words = large ? `unpacks to more than ${maxBytes} bytes` : 'says it is gzip and does not unpack';
    return fail(wireError(code, `${what}: the body ${words}`));
  }
}
