import { createHash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Env } from '../../lib/env.ts';
import { fail, ok, type Result } from '../../lib/result.ts';
import type { Access, Reply } from './route.ts';

/** Who asks, once let in. */
export interface Caller {
  /** The user's name, or the address that it came from. */
  readonly name: string;
}

/** Lets requests in or turns them away. It never throws. */
export type Gate = (request: IncomingMessage, access: Access, path: string) => Promise<Result<Caller, Reply>>;

/** What Kubernetes says of a bearer token. */
export interface Reviewer {
  /** TokenReview, then SubjectAccessReview for the path (nonResourceURLs) and verb; an error's text names what failed. */
  readonly review: (
    token: string,
    path: string,
    verb: 'get' | 'post',
  ) => Promise<Result<{ readonly user: string; readonly allowed: boolean; readonly reason: string }, string>>;
}

/** How callers are known. */
export type GateSettings =
  | { readonly mode: 'none' }
  | { readonly mode: 'token'; readonly tokenFile: string }
  | { readonly mode: 'kubernetes'; readonly reviewer: Reviewer }
  | { readonly mode: 'mtls'; readonly clientNames: readonly string[] };

/** A file that may rotate is read again after this long. */
const rereadMs = 1000;

/** How long Kubernetes' word on a token counts. A refusal counts shorter: rights are given while a person waits. */
const reviewMs = { allowed: 60_000, refused: 5000 } as const;

/** Tokens whose review is remembered. */
const maxReviews = 256;

/** Longer tokens are none: service accounts' have some KiB. */
const maxTokenChars = 16 * 1024;

/** Makes the gate. What is `open` is let in by all modes. */
export function openGate(settings: GateSettings, env: Env): Gate {
  switch (settings.mode) {
    case 'none':
      return async (request) => {
        // Without authentication only this machine is let in, and not a web page that has a name for its loopback address.
        const host = hostOf(request);
        if (isIP(host) === 0 && host !== 'localhost') {
          return refuse(403, 'Without authentication the agent answers to its address only, not to a name.');
        }
        return ok({ name: addressOf(request) });
      };
    case 'token':
      return tokenGate(settings.tokenFile, env);
    case 'kubernetes':
      return kubernetesGate(settings.reviewer, env);
    case 'mtls':
      return async (request, access) => {
        const { socket } = request;
        if (access === 'open') return ok({ name: addressOf(request) });
        if (!(socket instanceof TLSSocket) || !socket.authorized) {
          return refuse(401, 'A client certificate of an authority in http.tls.clientCa is needed.');
        }
        const { subject, subjectaltname = '' } = socket.getPeerCertificate();
        const alternative = subjectaltname
          .split(', ')
          .flatMap((name) => (name.startsWith('DNS:') ? [name.slice(4)] : []));
        const common = subject?.CN;
        const names = [...(typeof common === 'string' ? [common] : []), ...alternative];
        const { clientNames } = settings;
        if (clientNames.length > 0 && !names.some((name) => clientNames.includes(name))) {
          return refuse(403, 'The name of the client certificate is not in http.auth.clientNames.');
        }
        return ok({ name: names[0] ?? 'certificate' });
      };
  }
}

function tokenGate(file: string, env: Env): Gate {
  let known: { readonly token: string | null; readonly at: number } | null = null;
  return async (request, access) => {
    if (access === 'open') return ok({ name: addressOf(request) });
    const given = bearerOf(request);
    if (given === null) return unknown();
    const now = env.monotonic();
    if (known === null || now - known.at > rereadMs) {
      const text = await readFile(file, 'utf8').catch(() => null);
      const token = text?.trim() ?? '';
      known = { token: token === '' ? null : token, at: now };
    }
    if (known.token === null) return refuse(503, 'The file of http.auth.tokenFile cannot be read, or is empty.');
    return same(given, known.token) ? ok({ name: `token ${addressOf(request)}` }) : unknown();
  };
}

function kubernetesGate(reviewer: Reviewer, env: Env): Gate {
  const reviews = new Map<string, { readonly until: number; readonly result: Result<Caller, Reply> }>();
  return async (request, access, path) => {
    if (access === 'open') return ok({ name: addressOf(request) });
    const token = bearerOf(request);
    if (token === null) return unknown();
    const verb = access === 'act' ? 'post' : 'get';
    // The token itself is not kept.
    const key = createHash('sha256').update(`${verb} ${path} ${token}`).digest('base64');
    const known = reviews.get(key);
    if (known !== undefined && env.monotonic() < known.until) return known.result;
    const review = await reviewer.review(token, path, verb);
    if (!review.ok) return refuse(503, `Kubernetes could not be asked who this is: ${review.error}`);
    const { user, allowed, reason } = review.value;
    const result: Result<Caller, Reply> = allowed
      ? ok({ name: user })
      : user === ''
        ? unknown()
        : refuse(403, `${user} may not ${verb} ${path}: ${reason} A ClusterRole with nonResourceURLs allows it.`);
    reviews.delete(key);
    reviews.set(key, { until: env.monotonic() + (allowed ? reviewMs.allowed : reviewMs.refused), result });
    for (const oldest of reviews.keys()) {
      if (reviews.size <= maxReviews) break;
      reviews.delete(oldest);
    }
    return result;
  };
}

function bearerOf(request: IncomingMessage): string | null {
  const found = /^Bearer +([\w.~+/=-]+)$/i.exec(request.headers.authorization ?? '');
  const token = found?.[1] ?? null;
  return token !== null && token.length <= maxTokenChars ? token : null;
}

/** Compares in a time that says nothing of where they differ, nor of their lengths. */
function same(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => createHash('sha256').update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}

function addressOf(request: IncomingMessage): string {
  return request.socket.remoteAddress ?? 'unknown';
}

function hostOf(request: IncomingMessage): string {
  return URL.parse(`http://${request.headers.host ?? ''}`)?.hostname.replace(/^\[|\]$/g, '') ?? '';
}

function unknown(): Result<Caller, Reply> {
  return fail({
    kind: 'problem',
    status: 401,
    detail: 'Send the token: Authorization: Bearer TOKEN.',
    headers: { 'www-authenticate': 'Bearer realm="pullwhy"' },
  });
}

function refuse(status: number, detail: string): Result<Caller, Reply> {
  return fail({ kind: 'problem', status, detail });
}
