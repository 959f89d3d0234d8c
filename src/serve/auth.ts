import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Env } from '../lib/env.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { readSmallFile } from '../lib/small-file.ts';
import { openReviews, type Reviewer } from './reviews.ts';
import type { Access, ProblemReply } from './route.ts';
import { hostOf } from './target.ts';

/** Who asks, once let in. */
export interface Caller {
  /** The user's name, or the address that it came from. */
  readonly name: string;
  /** The nodes that it may report as; null: any. An agent's routes do not ask. */
  readonly nodes: readonly string[] | null;
}

/** What a gate looks at. */
export interface Knock {
  readonly request: IncomingMessage;
  readonly access: Access;
  /** As it was sent. */
  readonly path: string;
  /** The host and port that the caller means. */
  readonly authority: string;
}

/** Lets requests in or turns them away. It never throws. */
export type Gate = (knock: Knock) => Promise<Result<Caller, ProblemReply>>;

/** How callers are known. */
export type GateSettings =
  | { readonly mode: 'none' }
  | { readonly mode: 'token'; readonly tokenFile: string }
  | { readonly mode: 'kubernetes'; readonly reviewer: Reviewer }
  | { readonly mode: 'mtls'; readonly clientNames: readonly string[] };

/** A file that may rotate is read again after this long. */
const rereadMs = 1000;

/** Longer tokens are none: service accounts' have some KiB. */
const maxTokenChars = 16 * 1024;

/** Makes the gate. What is `open` is let in by all modes. */
export function openGate(settings: GateSettings, env: Env): Gate {
  switch (settings.mode) {
    case 'none':
      return async ({ request, authority }) => {
        // Without authentication only this machine is let in, and not a web page that has a name for its loopback address.
        const host = hostOf(authority);
        if (isIP(host) === 0 && host !== 'localhost') {
          return refuse(403, 'Without authentication this server answers to its address only, not to a name.');
        }
        return ok(nobody(request));
      };
    case 'token':
      return tokenGate(settings.tokenFile, env);
    case 'kubernetes':
      return kubernetesGate(settings.reviewer, env);
    case 'mtls':
      return async ({ request, access }) => {
        if (access === 'open') return ok(nobody(request));
        const names = provenNames(request);
        if (names === null) {
          return refuse(
            401,
            'A client certificate is needed, of an authority in http.tls.clientCa and within its time.',
          );
        }
        const { clientNames } = settings;
        // Who may ask is another matter than which node reports: that is whose certificate it is.
        const all = clientNames.length === 0 || access === 'report';
        const name = all ? (names[0] ?? 'certificate') : names.find((one) => clientNames.includes(one));
        return name === undefined
          ? refuse(403, 'The name of the client certificate is not in http.auth.clientNames.')
          : ok({ name, nodes: names.map((one) => one.replace(/^system:node:/, '')) });
      };
  }
}

/** Common name and DNS names of the certificate that the caller has proven to hold the key of; null: none, or not a good one. */
function provenNames({ socket }: IncomingMessage): readonly string[] | null {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return null;
  // Node takes a handshake by pre-shared key for authorized too: a certificate must be there.
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return null;
  const { subject } = socket.getPeerCertificate();
  const common = subject?.CN;
  const alternative = certificate.subjectAltName ?? '';
  // Node quotes names that hold what it writes between them; whoever has such a one made is not to be let in by a part of it.
  const others = alternative.includes('"') ? [] : alternative.split(', ');
  return [
    ...(typeof common === 'string' && common !== '' ? [common] : []),
    ...others.flatMap((name) => (name.startsWith('DNS:') ? [name.slice(4)] : [])),
  ];
}

function tokenGate(file: string, env: Env): Gate {
  let known: { readonly token: string | null; readonly at: number } | null = null;
  return async ({ request, access }) => {
    if (access === 'open') return ok(nobody(request));
    const given = bearerOf(request);
    if (given === null) return unknown();
    const now = env.monotonic();
    if (known === null || now - known.at > rereadMs) {
      const read = await readToken(file);
      known = { token: read.ok ? read.value : null, at: now };
    }
    if (known.token === null) return refuse(503, 'The file of http.auth.tokenFile holds no token that can be read.');
    return same(given, known.token) ? ok({ name: `token ${addressOf(request)}`, nodes: null }) : unknown();
  };
}

/** The bearer token in a file, without the white space around it; the failure is for the operator and does not repeat it. */
export async function readToken(file: string): Promise<Result<string, string>> {
  const text = await readSmallFile(file, { regular: true });
  if (!text.ok) return fail(`${file} ${text.error.what}.`);
  const token = text.value.trim();
  if (token === '') return fail(`${file} is empty: write the token into it.`);
  if (!isToken(token))
    return fail(`${file} holds no token: letters, digits and -._~+/= only, in one line (RFC 6750, section 2.1).`);
  return ok(token);
}

function kubernetesGate(reviewer: Reviewer, env: Env): Gate {
  const reviews = openReviews(reviewer, env);
  return async ({ request, access, path }) => {
    if (access === 'open') return ok(nobody(request));
    const token = bearerOf(request);
    if (token === null) return unknown();
    const verb = access === 'read' ? 'get' : 'post';
    const review = await reviews.review(token, path, verb);
    if (!review.ok) return refuse(503, `Kubernetes could not be asked who this is: ${review.error}`);
    const { user, allowed, reason, node } = review.value;
    if (allowed) return ok({ name: user, nodes: node === undefined ? [] : [node] });
    if (user === '') return unknown();
    return refuse(403, `${user} may not ${verb} ${path}: ${reason} A ClusterRole with nonResourceURLs allows it.`);
  };
}

/** The token that a caller sends; null when it sends none that could be one. */
export function bearerOf(request: IncomingMessage): string | null {
  const found = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '');
  const token = found?.[1] ?? '';
  return isToken(token) ? token : null;
}

/** By RFC 6750, section 2.1. */
export function isToken(text: string): boolean {
  return text.length <= maxTokenChars && /^[\w.~+/-]+=*$/.test(text);
}

/** Compares in a time that says nothing of where they differ, nor of their lengths. */
function same(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) => createHash('sha256').update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}

/** A caller of whom nothing is known but the address. */
function nobody(request: IncomingMessage): Caller {
  return { name: addressOf(request), nodes: null };
}

/** Where a request comes from. */
export function addressOf(request: IncomingMessage): string {
  return request.socket.remoteAddress ?? 'unknown';
}

/** The refusal of a caller without a token that is known. */
export function unknown(): Result<Caller, ProblemReply> {
  return fail({
    kind: 'problem',
    status: 401,
    detail: 'Send the token: Authorization: Bearer TOKEN.',
    headers: { 'www-authenticate': 'Bearer realm="pullwhy"' },
  });
}

/** Another refusal. */
export function refuse(status: number, detail: string): Result<Caller, ProblemReply> {
  const headers = status === 503 ? { 'retry-after': '2' } : {};
  return fail({ kind: 'problem', status, detail, headers });
}
