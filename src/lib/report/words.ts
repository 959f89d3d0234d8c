import { safeLine } from '../redact.ts';

/** What all reports say alike, and all renderings of them. Escaping is the renderer's. */

/** Characters of a sentence in a report. */
const sentenceChars = 1200;

/** Foreign words as they may be shown: one safe line. */
export function shown(text: string): string {
  return safeLine(text, sentenceChars);
}

/** `40 s`, `12 min`, `5 h`, `3 days`; roughly. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** How long it is from one time to another, as RFC 3339 writes them. */
export function between(from: string, to: string): string {
  return age(Date.parse(to) - Date.parse(from));
}

/** `a, b and 7 more`: the first `most` of them. */
export function firstOf(items: readonly string[], most: number): string {
  const rest = items.length - most;
  return `${items.slice(0, most).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

/** `12 days left`, `expired 3 days ago`. */
export function daysWords(daysLeft: number): string {
  if (daysLeft < 0) return `expired ${age(-daysLeft * 86_400_000)} ago`;
  return daysLeft < 2 ? `${age(daysLeft * 86_400_000)} left` : `${Math.floor(daysLeft)} days left`;
}
