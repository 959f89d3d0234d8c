import { Type } from '../api/schema.ts';
import { durationMs } from '../settings/values.ts';

/** `?since=`. */
export const sinceParameter = Type.Optional(
  Type.String({
    maxLength: 64,
    description: 'a time (RFC 3339), or a span before now',
    examples: ['15m', '2026-11-22T10:00:00Z'],
  }),
);

/** `?limit=`. */
export const limitParameter = Type.Optional(
  Type.String({ pattern: '^[0-9]{1,5}$', description: 'at most so many', examples: ['20'] }),
);

/** Milliseconds since the epoch that a `since` means; null when it means none. */
export function sinceTime(since: string, now: number): number | null {
  const span = durationMs(since);
  if (span !== null) return now - span;
  const time = /^\d{4}-\d\d-\d\dT/.test(since) ? Date.parse(since) : Number.NaN;
  return Number.isNaN(time) ? null : time;
}
