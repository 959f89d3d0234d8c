/** First and longest wait between tries at the API server. The longest is what a fleet is spread over when the server is back. */
const firstMs = 1000;
const longestMs = 60_000;

/**
 * How long to wait after the n-th failure in a row (from 1): a time by chance up to a bound that doubles ("full jitter"), so
 * that nodes that lost one server do not come back in one moment. What the server asked for is kept, and spread by a
 * tenth of it, at least a second.
 */
export function kubeDelay(failures: number, random: number, retryAfterMs: number | null): number {
  const bound = Math.min(longestMs, firstMs * 2 ** Math.min(30, Math.max(0, failures - 1)));
  // Not at once even by chance: a server that refuses at once would be asked in a loop.
  const own = 100 + random * (bound - 100);
  if (retryAfterMs === null) return own;
  return Math.max(own, retryAfterMs + random * Math.max(1000, retryAfterMs / 10));
}
