import Client from 'undici/lib/dispatcher/client.js';
import type { Env } from '../lib/env.ts';
import { limits } from '../lib/limits.ts';
import { startPatience } from '../lib/patience.ts';
import type { Result } from '../lib/result.ts';
import { Secret } from '../lib/secret.ts';
import type { WireError } from '../model/network-failure.ts';
import { wireError } from './errors.ts';
import { type HeadReader, readHeadsAsGo } from './go-head.ts';
import { type AnswerHeaders, announcedLength, answerError, isUnsendable } from './http-answer.ts';
import { openWay, type Way } from './http-connect.ts';
import type { HttpExchange, HttpFailure, HttpPhase, HttpRequest, HttpRoute } from './http-exchange.ts';
import { headersToSend, originOf, reporter, shownUrl, type Tried } from './http-report.ts';
import { proxyName } from './proxy.ts';

export type {
  HttpExchange,
  HttpFailure,
  HttpMethod,
  HttpPhase,
  HttpPhases,
  HttpRequest,
  HttpRoute,
  TlsRoute,
} from './http-exchange.ts';

/** Requests to one origin over one way. Connections are kept between requests until `close`. */
export interface HttpClient {
  /** One request, one answer of whatever status. Redirects are answers. Never rejects. */
  request(request: HttpRequest): Promise<Result<HttpExchange, HttpFailure>>;
  /** Ends every connection, requests under way with them. */
  close(): Promise<void>;
}

/** A connection and the HTTP client on it. One request at a time, so that every time measured belongs to one request. */
interface Line {
  readonly way: Way;
  readonly client: Client;
  /** Null on HTTP/2. */
  readonly heads: HeadReader | null;
}

/** Opens nothing yet; the first request connects. */
export function openHttpClient(route: HttpRoute, env: Env): HttpClient {
  const origin = originOf(route);
  const idle: Line[] = [];
  const lines = new Set<Line>();
  const ending = new AbortController();

  return {
    async request(request) {
      const started = env.monotonic();
      const signal = AbortSignal.any([request.signal, ending.signal]);
      // A moment is left for the answer itself, however long this process was held up before it asked.
      const left = () => Math.max(request.timeoutMs / 4, request.timeoutMs - (env.monotonic() - started));
      const report = reporter(route, env, request, started);
      if (signal.aborted) return report.aborted();
      if (URL.parse(origin) === null || !request.path.startsWith('/')) return report.unusable();

      for (;;) {
        const kept = takeIdle();
        const opened = kept === null ? await openWay(route, { timeoutMs: left(), signal, env }) : null;
        if (opened !== null && !opened.ok) return report.noWay(opened.error);
        const line = kept ?? (opened === null ? null : lineOf(opened.value));
        if (line === null) throw new Error('neither a kept nor a new connection');
        const tried = await exchange(line, route, env, request, left(), request.timeoutMs, signal);
        const usable = tried.failure === null && tried.complete && !line.way.socket.destroyed;
        if (usable) idle.push(line);
        else void drop(line);
        // A kept connection that the server has closed meanwhile says nothing about the server: Go's client, too,
        // takes a new one when not a byte of an answer came.
        const stale = kept !== null && tried.status === null && isLost(tried) && !signal.aborted;
        if (!stale) return report.outcome(tried, line.way, kept !== null);
      }
    },
    async close() {
      ending.abort();
      await Promise.all([...lines].map((line) => drop(line)));
      idle.length = 0;
    },
  };

  function takeIdle(): Line | null {
    for (;;) {
      const line = idle.pop();
      if (line === undefined) return null;
      if (!line.way.socket.destroyed && !line.way.socket.readableEnded) return line;
      void drop(line);
    }
  }

  function lineOf(way: Way): Line {
    let taken = false;
    const client = new Client(origin, {
      // The client gets this one connection and never makes another by itself.
      connect: (_, done) => {
        if (taken) return done(new Error('the connection is used up'), null);
        taken = true;
        // Not at once: the client forgets to go on when the answer comes before the question has returned.
        queueMicrotask(() => done(null, way.socket));
      },
      // Its timers are coarse (half a second); ours do their work.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: 60_000,
      maxHeaderSize: limits.headerBytes,
      h2Options: { pingInterval: 0, maxConcurrentStreams: 1 },
      pipelining: 1,
    });
    const line: Line = { way, client, heads: way.alpn === 'h2' ? null : readHeadsAsGo(way.socket) };
    lines.add(line);
    return line;
  }

  async function drop(line: Line): Promise<void> {
    lines.delete(line);
    const ended = line.client.destroy();
    // A polite end of HTTP/2 may wait for the peer; the socket does not.
    line.way.socket.destroy();
    await ended;
  }
}

/** A connection that ended or broke before anything came. */
function isLost(tried: Tried): boolean {
  const code = tried.failure?.error.code;
  return code === 'closed' || code === 'reset' || code === 'internal';
}

/** Sends one request on one connection and reads the answer within its bounds. Never rejects; settles before the client is told to stop. */
function exchange(
  line: Line,
  route: HttpRoute,
  env: Env,
  request: HttpRequest,
  leftMs: number,
  wholeMs: number,
  signal: AbortSignal,
): Promise<Tried> {
  const what = `${request.method} ${shownUrl(route, request.path)}`;
  const toProxy = route.proxy !== null && route.scheme === 'http' ? ` to ${proxyName(route.proxy)}` : '';
  return new Promise((resolve) => {
    const sentAt = env.monotonic();
    let answeredAt: number | null = null;
    let status: number | null = null;
    let statusText = '';
    let headers: AnswerHeaders = {};
    let expectedBytes: number | null = null;
    const chunks: Buffer[] = [];
    let bytes = 0;
    let settled = false;
    let sink: HttpRequest['sink'];

    const settle = (failure: Tried['failure'], complete: boolean) => {
      if (settled) return;
      settled = true;
      patience.clear();
      signal.removeEventListener('abort', onAbort);
      const now = env.monotonic();
      resolve({
        status,
        statusText,
        headers,
        body: Buffer.concat(chunks),
        bytes,
        expectedBytes,
        complete,
        firstByteMs: answeredAt === null ? null : answeredAt - sentAt,
        bodyMs: answeredAt === null ? null : now - answeredAt,
        failure,
      });
    };
    const phase = (): HttpPhase => (status === null ? 'headers' : 'body');
    const failed = (error: WireError) => settle({ phase: phase(), error }, false);
    const onAbort = () =>
      failed(wireError('aborted', `${what}: the investigation ended before the answer was complete`));
    const onTime = () => {
      const got = expectedBytes === null ? `${bytes} bytes` : `${bytes} of ${expectedBytes} bytes`;
      failed(
        status === null
          ? wireError('timeout', `${what}: connected${toProxy}, and no answer in ${wholeMs} ms`)
          : wireError('timeout', `${what}: the answer is not complete after ${wholeMs} ms: ${got} of the body came`),
      );
    };
    const patience = startPatience(leftMs, onTime);
    signal.addEventListener('abort', onAbort, { once: true });

    line.heads?.expect(request.method);
    line.client.dispatch(
      {
        method: request.method,
        path: route.proxy !== null && route.scheme === 'http' ? `${originOf(route)}${request.path}` : request.path,
        headers: headersToSend(route, request),
        ...(request.body === undefined
          ? {}
          : { body: request.body instanceof Secret ? request.body.reveal() : request.body }),
      },
      {
        onRequestStart() {},
        onResponseStart(_, code, received, words) {
          if (settled || code < 200) return;
          status = code;
          statusText = words ?? '';
          answeredAt = env.monotonic();
          headers = headersOf(received);
          if (headerSize(headers) > limits.headerBytes) {
            status = null;
            return failed(
              wireError('http-malformed', `${what}: the answer's headers are larger than ${limits.headerBytes} bytes`),
            );
          }
          sink = code < 300 ? request.sink : undefined;
          sink?.opened();
          if (request.method === 'HEAD' || code === 204 || code === 304) return;
          expectedBytes = announcedLength(headers);
          if (expectedBytes !== null && expectedBytes > request.maxBytes && request.keepPartial !== true) {
            failed(tooLarge(what, expectedBytes, request.maxBytes));
          }
        },
        onResponseData(_, chunk) {
          if (settled) return;
          const room = request.maxBytes - bytes;
          bytes += chunk.length;
          if (sink !== undefined) sink.data(chunk);
          // The parser reuses its memory, so what is kept is copied.
          else if (room > 0) chunks.push(Buffer.from(chunk.subarray(0, room)));
          const more = bytes > request.maxBytes || (bytes === request.maxBytes && (expectedBytes ?? 0) > bytes);
          if (!more) return;
          if (request.keepPartial === true) settle(null, false);
          else if (bytes > request.maxBytes) failed(tooLarge(what, null, request.maxBytes));
        },
        onResponseEnd() {
          if (expectedBytes !== null && bytes < expectedBytes) {
            return failed(wireError('body-cut', `${what}: the body ended after ${bytes} of ${expectedBytes} bytes`));
          }
          settle(null, true);
        },
        onResponseError(_, error) {
          const wire = answerError(error, { what, scheme: route.scheme, answered: status !== null });
          settle({ phase: isUnsendable(error) ? 'request' : phase(), error: wire }, false);
        },
      },
    );
    if (signal.aborted) onAbort();
  });
}

/** A copy with own members only. */
function headersOf(received: Readonly<Record<string, string | string[] | undefined>>): AnswerHeaders {
  return Object.fromEntries(
    Object.entries(received).flatMap(([name, value]) =>
      value === undefined || name.startsWith(':') ? [] : [[name.toLowerCase(), value] as const],
    ),
  );
}

function headerSize(headers: AnswerHeaders): number {
  let size = 0;
  for (const [name, value] of Object.entries(headers)) {
    const values = typeof value === 'string' ? [value] : value;
    for (const one of values) size += name.length + one.length + 4;
  }
  return size;
}

function tooLarge(what: string, bytes: number | null, maxBytes: number): WireError {
  const words =
    bytes === null ? `more than the ${maxBytes} bytes that are read` : `${bytes} bytes; at most ${maxBytes} are read`;
  return wireError('body-too-large', `${what}: the body has ${words}`);
}
