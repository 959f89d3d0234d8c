import type { FleetIncident, FleetRegistryRow } from '../../api/fleet.ts';
import type { FleetReport } from '../../api/fleet-report.ts';
import type { Frozen } from '../../api/schema.ts';
import { sentence } from '../../causes/cause.ts';
import { age, between } from '../../lib/report/words.ts';
import { count, listed, moment } from '../../lib/words.ts';

/** What all renderings of a fleet say alike. Escaping is the renderer's. */

/** The verdict as a headline. */
export function headline({ verdict, nodes, incidents, soon }: Frozen<FleetReport>): string {
  const heard = nodes.total - nodes.silent;
  switch (verdict) {
    case 'healthy':
      return heard === 1 ? 'The one node gets its images' : `All ${heard} nodes get their images`;
    case 'degraded':
      return soon.length > 0 ? 'The nodes get their images, for now' : 'The nodes get their images, with exceptions';
    case 'faulty':
      return incidents.some(({ scope }) => scope === 'cluster')
        ? 'Images do not come to the cluster'
        : `Images do not come to ${nodes.faulty === 0 ? 'some nodes' : `${nodes.faulty} of ${count(nodes.total, 'node')}`}`;
    case 'inconclusive':
      return nodes.total === 0 ? 'No node is known' : 'No node reports';
  }
}

/** `node worker-3`, `12 of 200 nodes`, `cluster-wide, 198 of 200 nodes`: failing ones of those that tried the same. */
export function scopeWords({ scope, nodes }: Pick<Frozen<FleetIncident>, 'scope' | 'nodes'>): string {
  const tried = nodes.failing + nodes.healthy;
  const of =
    tried === nodes.failing ? `${count(nodes.failing, 'node')}` : `${nodes.failing} of ${count(tried, 'node')}`;
  const one = nodes.names[0];
  switch (scope) {
    case 'node':
      return nodes.failing === 1 && one !== undefined ? `node ${one}` : of;
    case 'group':
      return of;
    case 'cluster':
      return `cluster-wide, ${nodes.failing === tried ? `all ${count(tried, 'node')}` : of}`;
  }
}

/** What it is about: `registry.corp.example`, `image-filesystem of worker-3`. */
export function subjectWords({ subject, nodes }: Pick<Frozen<FleetIncident>, 'subject' | 'nodes'>): string {
  if (subject.kind !== 'node') return subject.name;
  const [one] = nodes.names;
  return `${subject.name} of ${nodes.failing === 1 && one !== undefined ? one : count(nodes.failing, 'node')}`;
}

/** What sets the failing nodes apart: a sentence for each, with what cannot be told apart from it. */
export function attributionWords({ attribution }: Pick<Frozen<FleetIncident>, 'attribution'>): string[] {
  return attribution.map(({ sentence: words, sameAs }) => {
    const missing = sameAs.filter(({ value }) => !words.includes(value));
    if (missing.length === 0) return sentence(words);
    const names = listed(missing.map(({ attribute, value }) => `${attribute} ${value}`));
    return `${sentence(words)} Exactly the same nodes have ${names}: which of them it is cannot be told.`;
  });
}

/** `6 pods of 2 workloads wait`; empty where none does. */
export function podWords({ pods, workloads }: Pick<Frozen<FleetIncident>, 'pods' | 'workloads'>): string {
  if (pods === 0) return '';
  const of = workloads > 0 ? ` of ${count(workloads, 'workload')}` : '';
  return `${count(pods, 'pod')}${of} ${pods === 1 ? 'waits' : 'wait'}`;
}

/** `since 2026-11-22 10:04 UTC (3 h)`, or for closed ones how long it lasted. */
export function timeWords({ openedAt, closedAt }: Frozen<FleetIncident>, now: string): string {
  const lasted = between(openedAt, closedAt ?? now);
  return closedAt === null
    ? `since ${moment(openedAt)} (${lasted})`
    : `${moment(openedAt)} to ${moment(closedAt)} (${lasted})`;
}

/** The names of failing nodes, the first few. */
export function nodeNames({ nodes }: Pick<Frozen<FleetIncident>, 'nodes'>, most: number): string[] {
  const shown = nodes.names.slice(0, most);
  const rest = nodes.failing - shown.length;
  return rest > 0 && shown.length > 0 ? [...shown, `${rest} more`] : shown;
}

/** The state of a registry over all nodes: what any node finds is told. */
export function registryVerdict({ nodes }: Pick<Frozen<FleetRegistryRow>, 'nodes'>): FleetReport['verdict'] {
  if (nodes.faulty > 0) return 'faulty';
  if (nodes.degraded > 0) return 'degraded';
  return nodes.healthy > 0 ? 'healthy' : 'inconclusive';
}

/** `188 nodes reach it, 12 do not`. */
export function reachWords({ nodes }: Pick<Frozen<FleetRegistryRow>, 'nodes'>): string {
  const { healthy, degraded, faulty, inconclusive } = nodes;
  const parts = [
    ...(healthy > 0 ? [`${healthy} healthy`] : []),
    ...(degraded > 0 ? [`${degraded} degraded`] : []),
    ...(faulty > 0 ? [`${faulty} faulty`] : []),
    ...(inconclusive > 0 ? [`${inconclusive} not known`] : []),
  ];
  return parts.length === 0 ? 'looked at by no node' : parts.join(', ');
}

/** The lowest budget that any address has: `41 of 100 left for 203.0.113.7`; null without one. */
export function budgetWords({ rateLimits }: Pick<Frozen<FleetRegistryRow>, 'rateLimits'>): string | null {
  const [lowest] = rateLimits
    .filter(({ remaining }) => remaining !== null)
    .toSorted((a, b) => (a.remaining ?? 0) - (b.remaining ?? 0));
  if (lowest === undefined) return null;
  const { remaining, limit, source } = lowest;
  return `${remaining}${limit === null ? '' : ` of ${limit}`} left${source === null ? '' : ` for ${source}`}`;
}

/** `4 s behind`, `2 min ahead`. */
export function clockWords(offsetSeconds: number): string {
  return `${age(Math.abs(offsetSeconds) * 1000)} ${offsetSeconds < 0 ? 'behind' : 'ahead'}`;
}
