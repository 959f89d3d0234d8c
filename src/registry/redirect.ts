import { limits } from '../lib/limits.ts';
import { redactUrl } from '../lib/redact.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { Secret } from '../lib/secret.ts';
import type { WireError } from '../model/network-failure.ts';
import { headerOf, type RegistryAnswer, type RegistryRequest, type RegistrySend } from './exchange.ts';

/** A redirect that leads nowhere. */
export interface RedirectProblem {
  readonly code: 'redirect-loop' | 'http-malformed';
  readonly message: string;
}

/** The statuses that Go's client, so containerd and CRI-O, follow. 300 and 304 are answers of their own. */
const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** True when the answer sends the client elsewhere. */
export function isRedirect(status: number): boolean {
  return redirectStatuses.has(status);
}

/** Where `location` leads from `from`: absolute, or relative to it (RFC 9110, section 10.2.2). */
export function resolveRedirect(from: URL, location: string | null): Result<URL, RedirectProblem> {
  const problem = (message: string) => fail<RedirectProblem>({ code: 'http-malformed', message });
  if (location === null || location.trim() === '') {
    return problem(`${redactUrl(from)} answers with a redirect that has no Location`);
  }
  const to = URL.parse(location.trim(), from.href);
  if (to === null) return problem(`${redactUrl(from)} redirects to something that is not a URL`);
  if (to.protocol !== 'https:' && to.protocol !== 'http:') {
    return problem(`${redactUrl(from)} redirects to the scheme ${to.protocol.slice(0, 40)} which no runtime follows`);
  }
  // Userinfo would become credentials of the new host; the runtimes send it, a diagnosis does not need it.
  to.username = '';
  to.password = '';
  to.hash = '';
  return ok(to);
}

/** Headers that say nothing about who asks; only they go to another origin. */
const impersonalHeaders: ReadonlySet<string> = new Set(['accept', 'accept-encoding', 'range', 'user-agent']);

/**
 * The headers that go along on a redirect. On the same origin (scheme, host and port) all of them. Elsewhere only what
 * is impersonal and no secret: never Authorization, which object stores besides refuse beside a signed URL, and never
 * the node's configured header values. Go goes a little further: it keeps Authorization for the same host name on
 * another port and for its subdomains (net/http, shouldCopyHeaderOnRedirect).
 */
export function redirectHeaders(headers: RegistryRequest['headers'], from: URL, to: URL): RegistryRequest['headers'] {
  if (from.origin === to.origin) return headers;
  return Object.fromEntries(
    Object.entries(headers).filter(
      ([name, value]) => impersonalHeaders.has(name.toLowerCase()) && !(value instanceof Secret),
    ),
  );
}

/**
 * The request that follows `request` after `answer`; null when the answer is no redirect. A GET stays a GET, a HEAD a
 * HEAD; a POST becomes a GET at 301 to 303 and keeps its body at 307 and 308, on the same origin only.
 */
export function nextRequest(
  request: RegistryRequest,
  answer: RegistryAnswer,
): Result<RegistryRequest | null, RedirectProblem> {
  if (!isRedirect(answer.status)) return ok(null);
  const to = resolveRedirect(request.url, headerOf(answer.headers, 'location'));
  if (!to.ok) return to;
  const headers = redirectHeaders(request.headers, request.url, to.value);
  const { body, ...rest } = request;
  if (request.method !== 'POST') return ok({ ...rest, url: to.value, headers });
  if (answer.status !== 307 && answer.status !== 308) {
    const { 'content-type': _, ...bare } = headers;
    return ok({ ...rest, method: 'GET', url: to.value, headers: bare });
  }
  if (to.value.origin !== request.url.origin) {
    return fail({
      code: 'http-malformed',
      message: `${redactUrl(request.url)} redirects a form with credentials to another host, ${redactUrl(to.value)}; it is not sent there`,
    });
  }
  return ok({ ...rest, ...(body === undefined ? {} : { body }), url: to.value, headers });
}

/** One request of a chain and what it met. */
export interface Hop {
  readonly request: RegistryRequest;
  readonly answer: RegistryAnswer;
}

/** The end of a chain of redirects. */
export interface Followed {
  /** In order, `last` included. */
  readonly hops: readonly Hop[];
  /** The one whose answer is no redirect. */
  readonly last: Hop;
}

/** Why a chain has no end: the sender's own failure, or a redirect that leads nowhere; with the hops until then. */
export interface FollowFailure<E extends WireError> {
  readonly error: E | RedirectProblem;
  /** Set when it is the sender's. */
  readonly sent: E | null;
  readonly request: RegistryRequest;
  readonly hops: readonly Hop[];
}

/**
 * Sends a request and follows its redirects as the runtimes do: at the tenth answer that is a redirect it ends
 * (containerd's and Go's "stopped after 10 redirects").
 */
export async function sendFollowing<E extends WireError>(
  send: RegistrySend<E>,
  first: RegistryRequest,
): Promise<Result<Followed, FollowFailure<E>>> {
  const hops: Hop[] = [];
  let request = first;
  for (;;) {
    const sent = await send(request);
    if (!sent.ok) return fail({ error: sent.error, sent: sent.error, request, hops });
    const last: Hop = { request, answer: sent.value };
    const next = nextRequest(request, sent.value);
    if (!next.ok) return fail({ error: next.error, sent: null, request, hops: [...hops, last] });
    hops.push(last);
    if (next.value === null) return ok({ hops, last });
    if (hops.length >= limits.redirects) {
      const message = `${redactUrl(first.url)}: stopped after ${limits.redirects} redirects`;
      return fail({ error: { code: 'redirect-loop', message }, sent: null, request, hops });
    }
    request = next.value;
  }
}
