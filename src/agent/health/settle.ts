import type { RegistryHealth } from './registry-health.ts';

/** What is held of a registry after its checks so far. */
export interface Settled {
  readonly health: RegistryHealth;
  readonly checkedAt: number;
  /** Since when the verdict holds; of a failure: since the first check that met it. */
  readonly since: number;
  /** Checks in a row that found it faulty. */
  readonly failures: number;
  /** Checks in a row that found nothing out. */
  readonly open: number;
}

/** A check that comes to nothing says nothing: what is known is held this many times. */
const heldFor = 3;

/**
 * Takes in one more check. One failed check is `degraded`, for packets get lost; two in a row, or one that proves its
 * cause, are the verdict. Pure.
 */
export function settle(before: Settled | null, found: RegistryHealth, at: number): Settled {
  if (found.verdict === 'inconclusive' && before !== null && before.open + 1 < heldFor) {
    return { ...before, open: before.open + 1 };
  }
  const failures = found.verdict === 'faulty' ? (before?.failures ?? 0) + 1 : 0;
  const proven = found.findings[0]?.confidence === 'proven';
  const once = failures === 1 && !proven;
  const health: RegistryHealth = once
    ? { ...found, verdict: 'degraded', summary: `${found.summary} It failed once: the next check decides.` }
    : found;
  const firstFailure = failures > 1 && before !== null && before.failures > 0 ? before.since : null;
  const same = before !== null && before.health.verdict === health.verdict && before.failures > 0 === failures > 0;
  return {
    health,
    checkedAt: at,
    since: firstFailure ?? (same ? before.since : at),
    failures,
    open: found.verdict === 'inconclusive' ? (before?.open ?? 0) + 1 : 0,
  };
}
