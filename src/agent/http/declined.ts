import type { ProblemReply } from '../../serve/route.ts';
import type { Declined } from '../parts.ts';

const statuses: Readonly<Record<Declined['reason'], number>> = {
  busy: 429,
  budget: 429,
  'bad-image': 422,
  'bad-platform': 422,
  'refused-target': 403,
  misconfigured: 503,
  stopping: 503,
};

/** The problem document of what the agent declined to do. */
export function declinedReply({ reason, message, retryAfterMs }: Declined): ProblemReply {
  return {
    kind: 'problem',
    status: statuses[reason],
    detail: message,
    ...(reason === 'refused-target' || reason === 'budget' ? { type: `urn:pullwhy:problem:${reason}` } : {}),
    ...(retryAfterMs === null
      ? {}
      : { headers: { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / 1000))) } }),
  };
}
