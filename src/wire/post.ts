import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { Env } from '../lib/env.ts';
import { secretMasker } from '../lib/known-secrets.ts';
import { limits } from '../lib/limits.ts';
import { safeLine } from '../lib/redact.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { Secret } from '../lib/secret.ts';
import { decoded } from '../lib/url-text.ts';
import { type HttpFailure, type HttpRoute, openHttpClient } from './http.ts';
import { systemAuthorities } from './kube-access.ts';

/** One message to a server that the operator has set. */
export interface Post {
  /** The whole of it may be secret: of an incoming webhook the path is the password. */
  readonly url: Secret;
  readonly headers: Readonly<Record<string, string | Secret>>;
  readonly body: string;
  /** PEM of the only authorities that count; null: this machine's own. */
  readonly ca: string | null;
  /** `http://user:password@proxy:3128`; null: straight. */
  readonly proxy: Secret | null;
  /** For name, connection and answer together. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Why a message did not arrive, as far as is known. */
export interface PostFailure {
  /**
   * `unusable`: the URL cannot be asked; `unreachable`: no connection, or it broke; `throttled`: 429; `busy`: 5xx and other
   * answers that call for a later try; `redirected`: 3xx, which is not followed, for the message would go elsewhere than it
   * was meant to; `rejected`: any other status, which the same message will meet again.
   */
  readonly reason:
    | 'unusable'
    | 'unreachable'
    | 'timeout'
    | 'throttled'
    | 'busy'
    | 'redirected'
    | 'rejected'
    | 'aborted';
  readonly status: number | null;
  /** What is wrong, with the host and nothing else of the URL. */
  readonly message: string;
  /** The server asked for quiet for this long. */
  readonly retryAfterMs: number | null;
}

/** Sends one message and reads the answer's status; never rejects. The connection is not kept: there are few messages. */
export async function post(message: Post, env: Env): Promise<Result<{ readonly status: number }, PostFailure>> {
  const { timeoutMs, signal } = message;
  const url = URL.parse(message.url.reveal());
  const scheme = schemeOf(url);
  if (url === null || scheme === null) return fail(failure('unusable', 'the URL is none of http:// or https://'));
  const place = url.host;
  const via = message.proxy === null ? null : proxyOf(message.proxy);
  if (message.proxy !== null && via === null)
    return fail(failure('unusable', 'the proxy is no http:// or https:// URL'));

  const until = env.monotonic() + timeoutMs;
  const left = (): number => Math.max(1, until - env.monotonic());
  const host = bare(url.hostname);
  const named = via?.host ?? host;
  const addresses = await addressesOf(named, left(), signal);
  if (signal.aborted) return fail(failure('aborted', `${place} was not asked: the process ends`));
  if (addresses.length === 0)
    return fail(failure('unreachable', `${place} cannot be asked: ${named} does not resolve`));

  const mask = masker(message, url);
  const trustPem = trustOf(message.ca);
  const tls = scheme === 'http' ? null : { serverName: host, trustPem, clientPairs: [], skipVerify: false };
  const proxyTls = via?.scheme === 'https' ? { trustPem: trustOf(null), clientPairs: [], skipVerify: false } : null;
  const port = portOf(url);
  let last: PostFailure | null = null;
  for (const address of addresses) {
    const proxy = via === null ? null : { ...via, address };
    const route: HttpRoute = { scheme, host, port, address, tls, proxy, proxyTls };
    const client = openHttpClient(route, env);
    try {
      const answer = await client.request({
        method: 'POST',
        path: `${url.pathname}${url.search}`,
        headers: { 'user-agent': 'pullwhy', accept: '*/*', ...userinfo(url), ...message.headers },
        body: new Secret(message.body),
        maxBytes: limits.postAnswerBytes,
        keepPartial: true,
        timeoutMs: left(),
        signal,
      });
      if (!answer.ok) {
        last = brokenOff(place, answer.error, timeoutMs, mask);
        // Only a connection that was never made is worth another address.
        if (answer.error.phase === 'connect' && !signal.aborted && env.monotonic() < until) continue;
        return fail(last);
      }
      const { status, headers, body } = answer.value;
      if (status >= 200 && status < 300) return ok({ status });
      const words = safeLine(mask(body.toString('utf8')), 200);
      const retryAfterMs = retryAfter(headers['retry-after'], env.now());
      return fail(refusal(place, status, words, retryAfterMs));
    } finally {
      await client.close();
    }
  }
  return fail(last ?? failure('timeout', `${place} did not answer in time`));
}

/** A server's wish to be left alone is respected up to this. */
const mostRetryAfterMs = 3_600_000;

/** What a Retry-After asks for (RFC 9110, section 10.2.3: seconds or a date), bounded; null: nothing of use. */
export function retryAfter(value: string | readonly string[] | undefined, now: number): number | null {
  const text = typeof value === 'string' ? value.trim() : '';
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : null;
  const date = seconds === null && /^[A-Z][a-z]{2},? /.test(text) ? Date.parse(text) - now : Number.NaN;
  const ms = seconds ?? (Number.isNaN(date) ? null : date);
  return ms === null ? null : Math.min(mostRetryAfterMs, Math.max(0, ms));
}

function refusal(place: string, status: number, words: string, retryAfterMs: number | null): PostFailure {
  const said = words === '' ? '' : `: ${words}`;
  if (status >= 300 && status < 400) {
    return {
      ...failure('redirected', `${place} answers ${status}: redirects are not followed, set the URL it leads to`),
      status,
    };
  }
  const later = status >= 500 || status === 408 || status === 425;
  const reason = status === 429 ? 'throttled' : later ? 'busy' : 'rejected';
  return { ...failure(reason, `${place} answers ${status}${said}`), status, retryAfterMs };
}

function brokenOff(
  place: string,
  { code, message, phase, tls, status }: HttpFailure,
  timeoutMs: number,
  mask: (text: string) => string,
): PostFailure {
  if (code === 'aborted') return failure('aborted', `${place} was not asked to the end: the process ends`);
  if (code === 'timeout')
    return { ...failure('timeout', `${place} did not answer within ${timeoutMs / 1000} s`), status: status ?? null };
  const trust =
    tls === undefined && phase !== 'tls' ? '' : ' (its certificate is always checked; caFile names another authority)';
  return failure('unreachable', `${place} cannot be asked: ${safeLine(mask(message), 300)}${trust}`);
}

function failure(reason: PostFailure['reason'], message: string): PostFailure {
  return { reason, status: null, message, retryAfterMs: null };
}

/** What the server's or a library's words may repeat of what is secret here. */
function masker({ url: secret, headers, proxy }: Post, url: URL): (text: string) => string {
  const path = `${url.pathname}${url.search}`;
  const parts = url.pathname.split('/').filter((part) => part.length >= 8);
  const values = Object.values(headers).flatMap((value) => (value instanceof Secret ? [value.reveal()] : []));
  const tokens = values.map((value) => value.replace(/^\w+ /, ''));
  const via = proxy === null ? [] : [proxy.reveal(), decodeURIComponent(URL.parse(proxy.reveal())?.password ?? '')];
  return secretMasker(
    [secret.reveal(), path, ...parts, url.password, ...values, ...tokens, ...via].filter((text) => text.length > 1),
    url.host,
  );
}

/** The URL's own user and password, as the header that they stand for. */
function userinfo({ username, password }: URL): Readonly<Record<string, Secret>> {
  if (username === '' && password === '') return {};
  return { authorization: basic(decoded(username), decoded(password)) };
}

/** The value of Authorization for a name and a password (RFC 7617). */
export function basic(username: string, password: string): Secret {
  return new Secret(`Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`);
}

function proxyOf(secret: Secret): Omit<NonNullable<HttpRoute['proxy']>, 'address'> | null {
  const url = URL.parse(secret.reveal());
  const scheme = schemeOf(url);
  if (url === null || scheme === null) return null;
  const authorization = url.username === '' ? null : basic(decoded(url.username), decoded(url.password));
  return { scheme, host: bare(url.hostname), port: portOf(url), authorization };
}

function schemeOf(url: URL | null): 'http' | 'https' | null {
  return url?.protocol === 'http:' ? 'http' : url?.protocol === 'https:' ? 'https' : null;
}

function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'http:' ? 80 : 443) : Number(port);
}

function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '');
}

/** The same list for the same text: what was read of a trust store is kept by its list. */
function trustOf(ca: string | null): readonly string[] {
  if (ca === null) {
    system ??= systemAuthorities();
    return system;
  }
  if (own?.[0] !== ca) own = [ca];
  return own;
}
let system: readonly string[] | null = null;
let own: readonly string[] | null = null;

/** The addresses of a host as this machine resolves it, in its order; empty: none, or not in time. */
export async function addressesOf(host: string, timeoutMs: number, signal: AbortSignal): Promise<readonly string[]> {
  if (isIP(host) !== 0) return [host];
  const found = lookup(host, { all: true }).then(
    (list) => list.map(({ address }) => address).slice(0, 8),
    () => [],
  );
  // The system's resolver knows no end of its own; its answer, when it comes late, is passed over.
  let stop = (): void => undefined;
  const late = new Promise<readonly string[]>((resolve) => {
    const timer = setTimeout(() => stop(), timeoutMs);
    stop = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
      resolve([]);
    };
    signal.addEventListener('abort', stop, { once: true });
  });
  const first = await Promise.race([found, late]);
  stop();
  return first;
}
