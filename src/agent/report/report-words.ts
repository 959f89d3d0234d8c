import type { RegistryRow } from '../../api/node.ts';
import type { NodeReport, RecoveredItem } from '../../api/report.ts';
import { between, daysWords, shown } from '../../lib/report/words.ts';
import { count, duration, moment } from '../../lib/words.ts';

/** What both renderings of a report say alike. Texts from outside are made one safe line here, escaping is the renderer's. */

/** The verdict as a headline. */
export function headline({ verdict, node, failing, soon }: NodeReport): string {
  const name = shown(node);
  switch (verdict) {
    case 'healthy':
      return `${name} gets its images`;
    case 'degraded':
      return failing.length > 0 ? `${name} gets its images, with exceptions` : `${name} gets its images, for now`;
    case 'faulty':
      return `${name} does not get its images`;
    case 'inconclusive':
      return soon.length > 0 ? `${name}: not everything could be checked` : `${name} could not be checked`;
  }
}

/** `2 pods wait, since 2026-11-22 10:04 UTC (3 h)`. */
export function waitWords(pods: number, since: string | null, at: string): string {
  const waits = pods === 0 ? '' : `${count(pods, 'pod')} ${pods === 1 ? 'waits' : 'wait'}`;
  if (since === null) return waits;
  return `${waits}${waits === '' ? '' : ', '}since ${moment(since)} (${between(since, at)})`;
}

/** How an incident ended, in a few words. */
export function endWords({ by, secondsGained }: RecoveredItem): string {
  switch (by) {
    case 'agent':
      return secondsGained === null || secondsGained === 0
        ? 'pulled by the agent'
        : `pulled by the agent, ${duration(secondsGained * 1000)} before the kubelet's next try`;
    case 'kubelet':
      return 'pulled by the kubelet';
    case 'gone':
      return 'no pod waits for it any more';
  }
}

/** `dns 2 ms · tcp 1 ms · tls 9 ms · answer 12 ms`; empty where nothing was measured. */
export function latencyWords({ latencyMs }: RegistryRow): string {
  const { dns, tcp, tls, registry } = latencyMs;
  return (
    [
      ['dns', dns],
      ['tcp', tcp],
      ['tls', tls],
      ['answer', registry],
    ] as const
  )
    .flatMap(([name, ms]) => (ms === null ? [] : [`${name} ${duration(ms)}`]))
    .join(' · ');
}

/** `12 days left`, `expired 3 days ago`; null without one. */
export function certificateWords({ certificate }: RegistryRow): string | null {
  return certificate === null ? null : daysWords(certificate.daysLeft);
}

/** `41 of 100 left`; null where the registry names no limit. */
export function budgetWords({ rateLimit }: RegistryRow): string | null {
  if (rateLimit === null || rateLimit.remaining === null) return null;
  return `${rateLimit.remaining}${rateLimit.limit === null ? '' : ` of ${rateLimit.limit}`} left`;
}

/** Registries in the order in which they matter. */
export function byUrgency(registries: readonly RegistryRow[]): RegistryRow[] {
  const order = ['faulty', 'degraded', 'inconclusive', 'healthy'];
  return [...registries].sort(
    (a, b) =>
      order.indexOf(a.verdict) - order.indexOf(b.verdict) || b.images - a.images || (a.registry < b.registry ? -1 : 1),
  );
}
