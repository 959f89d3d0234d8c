import type { Way } from '../evidence/way.ts';
import { limits } from '../lib/limits.ts';
import { safeLine } from '../lib/redact.ts';
import type { Secret } from '../lib/secret.ts';
import { bracketed } from '../lib/url-text.ts';
import type { HttpFacts, NextParty } from '../model/facts.ts';
import type { WireError } from '../model/network-failure.ts';
import { describeErrors, type RegistryErrors, readRegistryErrors } from '../registry/errors.ts';
import { headerOf, type RegistryRequest } from '../registry/exchange.ts';
import { httpDate, readRateLimit } from '../registry/rate-limit.ts';
import { isRedirect, resolveRedirect } from '../registry/redirect.ts';
import type { HttpExchange } from '../wire/http-exchange.ts';
import { squidError } from '../wire/proxy.ts';
import type { ProbeContext } from './context.ts';

/** One request of a probe. */
export interface ProbeRequest extends RegistryRequest {
  readonly timeoutMs: number;
}

/** What came of it: the facts that every HTTP answer is kept with, the answer itself, and what is wrong with it. */
export interface ProbeAnswer {
  readonly facts: HttpFacts;
  readonly exchange: HttpExchange | null;
  /** The connection's failure, or a status of 400 and above as `http-status`; null for 2xx and redirects. */
  readonly error: WireError | null;
  readonly errors: RegistryErrors | null;
  /** Bytes that came before the transfer broke off. */
  readonly bytes: number | null;
}

/** Pullwhy's own name in requests; a registry's owner sees who asks. */
export const userAgent = 'pullwhy/0.1.0';

/** Statuses of a request that reads like the phases of `curl -w`. */
const reasonOf: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  410: 'Gone',
  416: 'Range Not Satisfiable',
  418: "I'm a teapot",
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
};

/** Sends one request along a way, to one address, and reads what every answer tells. A redirect is not followed: it is kept. */
export async function sendRequest(
  way: Way,
  address: string,
  request: ProbeRequest,
  context: ProbeContext,
  signal: AbortSignal,
): Promise<ProbeAnswer> {
  const { url, timeoutMs, ...rest } = request;
  const result = await context.httpClient(way, address).request({
    ...rest,
    headers: { 'user-agent': userAgent, ...request.headers },
    path: `${url.pathname}${url.search}`,
    timeoutMs,
    signal,
  });
  const base = { way: way.id, method: request.method, address };
  if (!result.ok) {
    const { error } = result;
    const facts: HttpFacts = {
      ...base,
      ...noFacts,
      url: error.url,
      status: error.status ?? error.proxy?.status ?? null,
      proxyError: error.proxy === undefined ? null : squidError(error.proxy.headers),
      mediaType: error.headers === undefined ? null : mediaTypeOf(headerOf(error.headers, 'content-type')),
      phases: { ...error.phases },
      failedPhase: error.phase,
    };
    return {
      facts,
      exchange: null,
      error: { code: error.code, message: error.message },
      errors: null,
      bytes: error.bytes ?? null,
    };
  }
  const exchange = result.value;
  const { status, headers } = exchange;
  const failed = status >= 400;
  // Before it is cut to what is shown: half a secret is no secret either.
  const errors = failed ? readRegistryErrors(masked(exchange.body, context)) : null;
  const redirected = isRedirect(status) ? resolveRedirect(url, headerOf(headers, 'location')) : null;
  let next: NextParty | null = null;
  if (redirected?.ok === true) {
    next = context.nextParty(redirected.value);
    context.vault.urls.set(context.probeId, redirected.value);
  }
  const rate = readRateLimit(headers, context.env.now());
  const date = httpDate(headerOf(headers, 'date') ?? '');
  const facts: HttpFacts = {
    ...base,
    url: exchange.url,
    status,
    mediaType: mediaTypeOf(headerOf(headers, 'content-type')),
    bodyFormat: errors?.format ?? null,
    title: errors?.title ?? null,
    errors: (errors?.errors ?? []).map(({ code, message, detail }) => ({
      code,
      message: detail === null ? message : `${message} (${detail})`,
    })),
    server: shortHeader(headerOf(headers, 'server')),
    proxyError: shortHeader(headerOf(headers, 'x-squid-error')),
    rateLimit: rate,
    clockOffsetMs: date === null ? null : Math.round(context.env.now() - date),
    phases: { ...exchange.phases },
    failedPhase: null,
    next,
  };
  const error: WireError | null = failed
    ? { code: 'http-status', message: statusLine(status, errors) }
    : redirected !== null && !redirected.ok
      ? { code: redirected.error.code, message: redirected.error.message }
      : null;
  return { facts, exchange, error, errors, bytes: exchange.body.length };
}

/** The beginning of an error body, without the secrets of the request that it may repeat. */
function masked(body: Buffer, context: ProbeContext): Buffer {
  return Buffer.from(context.mask(body.toString('utf8', 0, limits.errorBodyBytes)));
}

/** `404 Not Found: MANIFEST_UNKNOWN: manifest unknown`. */
function statusLine(status: number, errors: RegistryErrors | null): string {
  const words = errors === null ? null : describeErrors(errors);
  const line = `${status} ${reasonOf[status] ?? ''}`.trim();
  // Gateways repeat the status in their page's title.
  return words === null || words.startsWith(line)
    ? (words ?? line)
    : `${line}: ${words.replace(new RegExp(`^${status}[ :-]+`), '')}`;
}

/** The media type without its parameters, in lower case. */
export function mediaTypeOf(value: string | null): string | null {
  const type = value?.split(';')[0]?.trim().toLowerCase() ?? '';
  return type === '' ? null : safeLine(type, 120);
}

/** The Host and port of a way as a URL's origin. */
export function originUrl(way: Way): string {
  return `${way.scheme}://${bracketed(way.host)}:${way.port}`;
}

function shortHeader(value: string | null): string | null {
  return value === null ? null : safeLine(value, 100);
}

const noFacts = {
  status: null,
  mediaType: null,
  bodyFormat: null,
  title: null,
  errors: [],
  server: null,
  proxyError: null,
  rateLimit: null,
  clockOffsetMs: null,
  phases: {},
  failedPhase: null,
  next: null,
} satisfies Omit<HttpFacts, 'way' | 'url' | 'method' | 'address'>;

/** The headers that the node's configuration adds to every request at an endpoint (hosts.toml's `header`). */
export function configuredHeaders(context: ProbeContext, endpoint: number): Record<string, string | Secret> {
  const headers: Record<string, string | Secret> = {};
  for (const [name, values] of Object.entries(context.headersFor(endpoint))) {
    const value = values[0];
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}
