import type { Env } from '../lib/env.ts';
import { redactUrl } from '../lib/redact.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { Secret } from '../lib/secret.ts';
import type { WireError } from '../model/network-failure.ts';
import { wireError } from './errors.ts';
import { type AnswerHeaders, isGzipped, saysTlsPort, unpackBody } from './http-answer.ts';
import type { Way, WayFailure } from './http-connect.ts';
import type { HttpExchange, HttpFailure, HttpPhase, HttpPhases, HttpRequest, HttpRoute } from './http-exchange.ts';
import { excerptOf, type ProxyRefusal, proxyName, proxyStatusError, squidError } from './proxy.ts';

/** What one try on one line gave. */
export interface Tried {
  readonly status: number | null;
  readonly statusText: string;
  readonly headers: AnswerHeaders;
  readonly body: Buffer;
  readonly bytes: number;
  readonly expectedBytes: number | null;
  readonly complete: boolean;
  readonly firstByteMs: number | null;
  readonly bodyMs: number | null;
  /** Null: an answer came, whole or cut where it may be. */
  readonly failure: { readonly phase: HttpPhase; readonly error: WireError } | null;
}

/** Makes the results of one request, which began at `started` of the monotonic clock. */
export function reporter(route: HttpRoute, env: Env, request: HttpRequest, started: number) {
  const url = shownUrl(route, request.path);
  const { method } = request;
  const remoteAddress = route.proxy?.address ?? route.address;
  const unmeasured: HttpPhases = { tcpMs: null, proxyMs: null, tlsMs: null, firstByteMs: null, bodyMs: null };

  const failure = (
    phase: HttpPhase,
    error: WireError,
    phases: HttpPhases,
    more: Partial<Pick<HttpFailure, 'tls' | 'proxy' | 'status' | 'headers' | 'bytes' | 'expectedBytes'>> = {},
  ): Result<never, HttpFailure> => {
    const { code, message } = error;
    const durationMs = env.monotonic() - started;
    return fail({ phase, code, message, url, method, remoteAddress, phases, durationMs, ...more });
  };

  return {
    aborted: () =>
      failure(
        'request',
        wireError('aborted', `${method} ${url}: the investigation ended before it was sent`),
        unmeasured,
      ),

    unusable: () =>
      failure('request', wireError('internal', `${method} ${url}: not a URL that can be asked`), unmeasured),

    noWay(way: WayFailure) {
      return failure(
        way.phase,
        way.error,
        { ...unmeasured, ...way.times },
        {
          ...(way.tls === null ? {} : { tls: way.tls }),
          ...(way.proxy === null ? {} : { proxy: way.proxy }),
        },
      );
    },

    outcome(tried: Tried, way: Way, reused: boolean): Result<HttpExchange, HttpFailure> {
      const times = reused ? { tcpMs: null, proxyMs: null, tlsMs: null } : way.times;
      const phases: HttpPhases = { ...times, firstByteMs: tried.firstByteMs, bodyMs: tried.bodyMs };
      const { status, headers, body } = tried;
      const known = {
        ...(status === null ? {} : { status, headers, bytes: tried.bytes }),
        ...(tried.expectedBytes === null ? {} : { expectedBytes: tried.expectedBytes }),
      };
      if (tried.failure !== null) return failure(tried.failure.phase, tried.failure.error, phases, known);
      if (status === null) throw new Error('an answer without a status');

      const refusal = proxyAnswer(tried, status, phases.firstByteMs ?? 0);
      if (refusal !== null) return failure('proxy', refusal, phases, { ...known, proxy: refusal });
      if (route.scheme === 'http' && saysTlsPort(status, body)) {
        const words = `${method} ${url}: the port speaks TLS and was addressed with plain HTTP`;
        return failure('headers', wireError('tls-on-plain', words), phases, known);
      }
      const unpack = tried.complete && request.keepPartial !== true && isGzipped(headers);
      const unpacked = unpack ? unpackBody(body, request.maxBytes, `${method} ${url}`) : ok(body);
      if (!unpacked.ok) return failure('body', unpacked.error, phases, known);
      return ok({
        url,
        method,
        status,
        headers,
        body: unpacked.value,
        bodyComplete: tried.complete,
        unpacked: unpack,
        alpn: way.alpn,
        remoteAddress,
        peer: way.peer,
        reused,
        phases,
        durationMs: env.monotonic() - started,
      });
    },
  };

  /**
   * On plain HTTP a proxy's own refusal comes in the registry's place: 407 is always the proxy's, and squid marks its
   * error pages. Other answers cannot be told apart and count as the registry's.
   */
  function proxyAnswer(tried: Tried, status: number, durationMs: number): ProxyRefusal | null {
    if (route.proxy === null || route.scheme !== 'http') return null;
    if (status !== 407 && (status < 400 || squidError(tried.headers) === null)) return null;
    const { statusText } = tried;
    const headers = Object.fromEntries(
      Object.entries(tried.headers).map(([name, value]) => [
        name,
        typeof value === 'string' ? value : value.join(', '),
      ]),
    );
    const context = `proxy ${proxyName(route.proxy)}, asked for ${url}`;
    const error = proxyStatusError({ status, statusText, headers }, context);
    return { ...error, stage: 'answer', status, statusText, headers, bodyExcerpt: excerptOf(tried.body), durationMs };
  }
}

/** Scheme, host and port as a URL has them; an IPv6 address gets its brackets. */
export function originOf(route: HttpRoute): string {
  const host = route.host.includes(':') && !route.host.startsWith('[') ? `[${route.host}]` : route.host;
  const origin = `${route.scheme}://${host}:${route.port}`;
  return URL.parse(origin)?.origin ?? origin;
}

/** The URL of a path at a route, as it may be shown. */
export function shownUrl(route: HttpRoute, path: string): string {
  return redactUrl(`${originOf(route)}${path}`);
}

/** The request's own headers in lower case, secrets laid open, and the proxy's where it gets the request itself. */
export function headersToSend(route: HttpRoute, request: HttpRequest): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    headers[name.toLowerCase()] = value instanceof Secret ? value.reveal() : value;
  }
  // In a tunnel the proxy has had it with CONNECT, and the registry must not see it.
  if (route.scheme === 'http' && route.proxy !== null && route.proxy.authorization !== null) {
    headers['proxy-authorization'] = route.proxy.authorization.reveal();
  }
  return headers;
}
