import type { Investigation, ProbeResult } from '../../model/investigation.ts';
import type { Conclusion, PodName } from '../parts.ts';

/** What the agent goes on from. */
export function conclusionOf(investigation: Investigation): Conclusion {
  const { id, startedAt, durationMs, verdict, cause, confidence, underlying, layer, summary, findings, probes } =
    investigation;
  const [first] = findings;
  const begun = Date.parse(startedAt);
  return {
    investigation: id,
    at: begun + durationMs,
    verdict,
    cause,
    confidence,
    underlying,
    layer,
    host: first?.host ?? null,
    summary,
    remedies: first?.remedies ?? [],
    notBefore: quietUntil(probes, begun),
    ...aboutPod(investigation),
  };
}

/** Whose credentials decided, where a pod's did. */
function aboutPod(investigation: Investigation): { readonly pod?: PodName; readonly needsPod?: true } {
  const { pod, layer, cause } = investigation;
  if (pod === undefined) return {};
  const named = { pod: { namespace: pod.namespace, name: pod.name } };
  if (needsPod(investigation)) return { ...named, needsPod: true };
  return layer === 'auth' || cause === 'repository-not-found-or-private' ? named : {};
}

/** The first endpoint that gives the image gives it to a secret of the pod. */
export function needsPod({ credentialTries = [] }: Pick<Investigation, 'credentialTries'>): boolean {
  const given = credentialTries.find(({ outcome }) => outcome === 'accepted' || outcome === 'not-needed');
  return given?.outcome === 'accepted' && given.ofPod;
}

/** A registry that asks for more quiet than this is not believed: an outage must not become a day's. */
const longestQuietMs = 6 * 3_600_000;

/**
 * Until when registries want to be left alone, epoch milliseconds, by what refused answers said (Retry-After, the reset of
 * a quota that is used up); null: none did. `startedAtMs` is the time that the probes' own times count from.
 */
export function quietUntil(probes: readonly ProbeResult[], startedAtMs: number): number | null {
  let until: number | null = null;
  for (const probe of probes) {
    if (probe.status === 'skipped' || !('rateLimit' in probe.facts)) continue;
    const { rateLimit, status } = probe.facts;
    if (rateLimit === null || status === null) continue;
    const { retryAfterSeconds, remaining, resetAtMs = null } = rateLimit;
    // Some tell a limit by 403 and the time to wait (src/evidence/limit.ts).
    const limited = status === 429 || (status === 403 && retryAfterSeconds !== null);
    const refused = limited || status === 503 || remaining === 0;
    if (!refused) continue;
    const at = startedAtMs + probe.startedMs + probe.durationMs;
    const told = [retryAfterSeconds === null ? null : at + retryAfterSeconds * 1000, resetAtMs];
    for (const time of told) {
      if (time === null || time <= at) continue;
      until = Math.max(until ?? 0, Math.min(time, at + longestQuietMs));
    }
  }
  return until === null ? null : Math.round(until);
}
