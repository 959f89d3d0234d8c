/**
 * When registries are checked. Times are milliseconds, `chance` is in [0, 1): nothing here reads a clock.
 */

/** Checks that run at a time, for the whole node. */
export const checksAtOnce = 2;

/** A failing registry is checked at most this many times as often. */
const oftener = 4;

/** After so many failures in a row a registry is checked twice as often and no more: it will not be back in a moment. */
const longFailing = 20;

/**
 * How long a registry that is new waits for its first check: `count` of them are spread over one interval, so that
 * neither this node nor a fleet that starts at one moment asks all at once. A single one is checked soon.
 */
export function firstDelay(intervalMs: number, place: number, count: number, chance: number): number {
  if (count <= 1) return Math.round((intervalMs / 4) * chance);
  return Math.round((intervalMs / count) * (place + chance));
}

/**
 * How long until the next check: an interval, a quarter more or less. A registry that fails is looked at sooner, up to
 * four times as often; `patient` ones (Docker Hub counts what it is asked by address; one that limits requests) never
 * sooner than the interval.
 */
export function nextDelay(intervalMs: number, failures: number, patient: boolean, chance: number): number {
  if (patient) return Math.round(intervalMs * (1 + chance / 4));
  if (failures === 0) return Math.round(intervalMs * (0.75 + chance / 2));
  const base = failures > longFailing ? intervalMs / 2 : intervalMs / oftener;
  return Math.round(base * (1 + chance / 4));
}

const hourMs = 3_600_000;
const dayMs = 86_400_000;

/**
 * How long what a registry said of its quota is believed: to the reset in `resetMs`, or for its window, and for an hour where
 * it named neither. No less than until the next check has had its say, so that a quota that each check tells of does not come
 * and go; a day at most, whatever a registry names.
 */
export function budgetMs(intervalMs: number, resetMs: number | null, windowSeconds: number | null): number {
  const named = [resetMs, windowSeconds === null ? null : windowSeconds * 1000];
  const window = named.find((ms) => ms !== null && ms > 0) ?? hourMs;
  return Math.min(dayMs, Math.max(window, Math.min(hourMs, intervalMs * 2)));
}
