import { safeLine } from '../lib/redact.ts';
import { type AnswerHeaders, headerOf } from './exchange.ts';

/** What an answer's headers tell about a quota. */
export interface RateLimit {
  /** Pulls allowed in the window. */
  readonly limit: number | null;
  readonly remaining: number | null;
  readonly windowSeconds: number | null;
  /** Docker Hub: whom the quota is counted for: an IP address or prefix, or an account's id. */
  readonly source: string | null;
  /** Seconds until the registry wants the next try, as `Retry-After` says. */
  readonly retryAfterSeconds: number | null;
  /** When the window starts anew, epoch milliseconds. */
  readonly resetAtMs: number | null;
}

/** A number above this many seconds is a point in time since 1970, not a span. */
const spanLimitSeconds = 1_000_000_000;

/**
 * The quota that `headers` tell of; null when they tell of none. Known spellings: Docker Hub's `ratelimit-limit:
 * 100;w=21600` (pull-facts, section 12), `x-ratelimit-*` (GitHub, GitLab, Quay, Artifactory), the IETF draft's
 * `ratelimit-reset`, and `Retry-After` (RFC 9110, section 10.2.3). `nowMs` is the wall clock, used for dates when the
 * answer has no `Date` of its own.
 */
export function readRateLimit(headers: AnswerHeaders, nowMs: number): RateLimit | null {
  const read = (name: string) => headerOf(headers, `ratelimit-${name}`) ?? headerOf(headers, `x-ratelimit-${name}`);
  const limit = quota(read('limit'));
  const remaining = quota(read('remaining'));
  const source = headerOf(headers, 'docker-ratelimit-source');
  const retryAfterSeconds = readRetryAfter(headers, nowMs);
  const reset = integer(read('reset'));
  const resetAtMs = reset === null ? null : reset > spanLimitSeconds ? reset * 1000 : nowMs + reset * 1000;
  if (limit === null && remaining === null && source === null && retryAfterSeconds === null && resetAtMs === null) {
    return null;
  }
  return {
    limit: limit?.count ?? null,
    remaining: remaining?.count ?? null,
    windowSeconds: limit?.windowSeconds ?? remaining?.windowSeconds ?? null,
    source: source === null ? null : safeLine(source, 100),
    retryAfterSeconds,
    resetAtMs,
  };
}

/** True when the quota is known and used up. */
export function isExhausted(rate: RateLimit): boolean {
  return rate.remaining !== null && rate.remaining <= 0;
}

/** `Retry-After` in seconds from now, never below 0; null when it is absent or neither a number nor a date. */
export function readRetryAfter(headers: AnswerHeaders, nowMs: number): number | null {
  const value = headerOf(headers, 'retry-after')?.trim() ?? '';
  const seconds = integer(value);
  if (seconds !== null) return seconds;
  const at = httpDate(value);
  if (at === null) return null;
  // The server's own clock made the date, so it is measured against the server's clock.
  const serverNow = httpDate(headerOf(headers, 'date') ?? '') ?? nowMs;
  return Math.max(0, Math.ceil((at - serverNow) / 1000));
}

/** An HTTP date (RFC 9110, section 5.6.7), epoch milliseconds; null for anything else. */
export function httpDate(value: string): number | null {
  if (!/^[A-Za-z]{3,9}, ?\d{1,2}[ -][A-Za-z]{3}[ -]\d{2,4} \d{2}:\d{2}:\d{2} (?:GMT|UTC)$/u.test(value.trim()))
    return null;
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : at;
}

/** `100;w=21600`, the first of a list; Go clients and Docker Hub agree on `w` for the window's seconds. */
function quota(value: string | null): { count: number; windowSeconds: number | null } | null {
  if (value === null) return null;
  const [first = ''] = value.split(',');
  const [count = '', ...parameters] = first.split(';');
  const amount = integer(count.trim());
  if (amount === null) return null;
  const window = parameters
    .map((parameter) => /^\s*w\s*=\s*(\d{1,15})\s*$/u.exec(parameter)?.[1])
    .find((w) => w !== undefined);
  return { count: amount, windowSeconds: window === undefined ? null : Number(window) };
}

function integer(value: string | null): number | null {
  return value !== null && /^\s*\d{1,15}\s*$/u.test(value) ? Number(value) : null;
}
