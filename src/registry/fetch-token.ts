import { redactUrl } from '../lib/redact.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { WireError } from '../model/network-failure.ts';
import type { Challenge } from './challenge.ts';
import { type RegistryErrors, readRegistryErrors } from './errors.ts';
import type { AnswerHeaders, RegistrySend } from './exchange.ts';
import { type RedirectProblem, sendFollowing } from './redirect.ts';
import {
  type RealmProblem,
  type RegistryToken,
  readToken,
  type TokenStyle,
  tokenRealm,
  tokenRequests,
} from './token.ts';

/** One request for a token that got an answer. */
export interface TokenAttempt {
  readonly method: 'GET' | 'POST';
  /** Masked; after redirects the last. */
  readonly url: string;
  readonly status: number;
}

/** Why there is no token. */
export type TokenFailure<E extends WireError> =
  /** The challenge cannot be followed. */
  | { readonly kind: 'challenge'; readonly error: RealmProblem; readonly attempts: readonly TokenAttempt[] }
  /** The service's host fails at some hop; `sent` is the sender's own failure, null for a bad redirect. */
  | {
      readonly kind: 'unreachable';
      readonly error: E | RedirectProblem;
      readonly sent: E | null;
      readonly url: URL;
      readonly attempts: readonly TokenAttempt[];
    }
  /** It answers with another status than 200. */
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly headers: AnswerHeaders;
      readonly errors: RegistryErrors;
      readonly url: URL;
      readonly attempts: readonly TokenAttempt[];
    }
  /** It answers 200 with something that is no token. */
  | {
      readonly kind: 'no-token';
      readonly message: string;
      readonly errors: RegistryErrors;
      readonly url: URL;
      readonly attempts: readonly TokenAttempt[];
    };

/** A token and how it was got. */
export interface FetchedToken {
  readonly token: RegistryToken;
  /** Where it came from, after redirects. */
  readonly url: URL;
  readonly attempts: readonly TokenAttempt[];
}

/** Asks a bearer challenge's service for a token in the runtime's way: each request of `tokenRequests` until one decides. */
export async function fetchToken<E extends WireError>(
  send: RegistrySend<E>,
  challenge: Challenge,
  options: Parameters<typeof tokenRequests>[2] & { readonly style: TokenStyle },
): Promise<Result<FetchedToken, TokenFailure<E>>> {
  const attempts: TokenAttempt[] = [];
  const realm = tokenRealm(challenge);
  if (!realm.ok) return fail({ kind: 'challenge', error: realm.error, attempts });

  for (const { request, fallbackOn } of tokenRequests(realm.value, challenge, options)) {
    const followed = await sendFollowing(send, request);
    if (!followed.ok) {
      const { error, sent } = followed.error;
      return fail({ kind: 'unreachable', error, sent, url: followed.error.request.url, attempts });
    }
    const { answer, request: last } = followed.value.last;
    const url = last.url;
    attempts.push({ method: last.method === 'POST' ? 'POST' : 'GET', url: redactUrl(url), status: answer.status });
    if (fallbackOn.includes(answer.status)) continue;
    if (answer.status < 200 || answer.status > 299) {
      const { status, headers } = answer;
      return fail({ kind: 'refused', status, headers, errors: readRegistryErrors(answer.body), url, attempts });
    }
    const token = readToken(answer.body);
    if (!token.ok) {
      return fail({ kind: 'no-token', message: token.error, errors: readRegistryErrors(answer.body), url, attempts });
    }
    return ok({ token: token.value, url, attempts });
  }
  // tokenRequests ends its list with a request that has no fallback, so one of them has decided.
  throw new Error('no token request decided');
}
