import type { HttpFacts } from '../model/facts.ts';

/**
 * The words of a limit in an answer that is none by its status: GitHub's "secondary rate limit" and "API rate limit exceeded",
 * AWS' "Rate exceeded", Cloudflare's error 1015. A repository's name, which refusals repeat, holds no space:
 * `envoyproxy/ratelimit` is no limit.
 */
const limitWords =
  /\brate limit|\brate[- ]limit(?:ed|ing)? (?:exceeded|reached|hit)|\brate exceeded|\btoo many requests\b|\berror code:? ?1015\b/i;

/**
 * Whether an answer is a limit, whatever was asked for. `said`: by its status, or by the protocol's code, with which
 * registries relay another's limit. `words` and `wait`: a 403 whose words are those of a limit, or that names a time to wait
 * (Retry-After), as GitHub documents both for its limits: likely, for a refusal has no end. Null: it is none.
 */
export function limitOf(
  answer: { readonly facts: HttpFacts; readonly error: { readonly message: string } | null } | null,
): 'said' | 'words' | 'wait' | null {
  if (answer === null) return null;
  const { status, errors, rateLimit } = answer.facts;
  if (status === 429 || errors.some(({ code }) => code?.toUpperCase() === 'TOOMANYREQUESTS')) return 'said';
  if (status !== 403) return null;
  const words = [answer.error?.message ?? '', answer.facts.title ?? '', ...errors.map(({ message }) => message)];
  if (words.some((text) => limitWords.test(text))) return 'words';
  return (rateLimit?.retryAfterSeconds ?? 0) > 0 ? 'wait' : null;
}
