import { createHash } from 'node:crypto';
import type { Env } from '../lib/env.ts';
import { fail, type Result } from '../lib/result.ts';

/** What Kubernetes says of a bearer token. */
export interface Reviewer {
  /** TokenReview, then SubjectAccessReview for the path (nonResourceURLs) and verb; an error's text names what failed. */
  readonly review: (token: string, path: string, verb: 'get' | 'post') => Promise<Result<Review, string>>;
}

/** One answer. */
export interface Review {
  /** Empty: nobody that the cluster knows. */
  readonly user: string;
  readonly allowed: boolean;
  /** Why not, as a sentence. */
  readonly reason: string;
  /** The node of the pod that the token was made for; absent: the token does not name one. */
  readonly node?: string;
}

/** How long Kubernetes' word on a token counts. A refusal counts shorter: rights are given while a person waits. */
const reviewMs = { allowed: 60_000, refused: 5000 } as const;

/** Reviews that are remembered, of each kind: made-up tokens must not push out those of callers who are let in. */
const maxReviews = 256;

/** Reviews under way at a time: callers with made-up tokens must not make this node a burden to the API server. */
const maxAtOnce = 16;

/** Asks for reviews, each once for all who wait for it, and remembers them for a while. The tokens themselves are not kept. */
export function openReviews(reviewer: Reviewer, env: Env): Reviewer {
  const kept = { allowed: new Map<string, Kept>(), refused: new Map<string, Kept>() };
  const underWay = new Map<string, Promise<Result<Review, string>>>();

  const ask = async (key: string, ...what: Parameters<Reviewer['review']>): Promise<Result<Review, string>> => {
    try {
      const review = await reviewer.review(...what);
      // What could not be asked is asked anew.
      if (!review.ok) return review;
      const kind = review.value.allowed ? 'allowed' : 'refused';
      for (const one of [kept.allowed, kept.refused]) one.delete(key);
      kept[kind].set(key, { until: env.monotonic() + reviewMs[kind], review });
      for (const oldest of kept[kind].keys()) {
        if (kept[kind].size <= maxReviews) break;
        kept[kind].delete(oldest);
      }
      return review;
    } finally {
      underWay.delete(key);
    }
  };

  return {
    async review(token, path, verb) {
      const key = createHash('sha256').update(`${verb} ${path} ${token}`).digest('base64');
      const known = kept.allowed.get(key) ?? kept.refused.get(key);
      if (known !== undefined && env.monotonic() < known.until) return known.review;
      const asked = underWay.get(key);
      if (asked !== undefined) return asked;
      if (underWay.size >= maxAtOnce) return fail(`${underWay.size} tokens are being reviewed already.`);
      const review = ask(key, token, path, verb);
      underWay.set(key, review);
      return review;
    },
  };
}

interface Kept {
  readonly until: number;
  readonly review: Result<Review, string>;
}
