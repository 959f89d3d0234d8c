/** A time as RFC 3339 writes it, with milliseconds; `ms`: since the epoch. */
export function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** Milliseconds as documents have them: to a tenth. */
export function tenth(ms: number): number {
  return Math.round(ms * 10) / 10;
}
