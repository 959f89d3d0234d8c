import { FleetIncident, FleetRegistryRow } from './fleet.ts';
import { RemedyShape } from './investigation.ts';
import { nullable, type Static, Type, timeString } from './schema.ts';
import { ApiVersion, Cause } from './words.ts';

/** What works, and will not for long. */
export const FleetSoonItem = Type.Object({
  kind: Type.Enum(['incident', 'certificate', 'rate-limit'], {
    description: 'incident: pulls work and something is wrong; certificate: it ends; rate-limit: few pulls are left',
  }),
  subject: Type.String({ description: 'a registry, an image or a part of the nodes' }),
  cause: nullable(Cause),
  summary: Type.String(),
  nodes: nullable(Type.Integer({ description: 'that it hits' })),
  at: nullable(timeString('when it fails, where that is known')),
  remedies: Type.Array(RemedyShape),
  incident: nullable(Type.String({ description: 'id' })),
});
export type FleetSoonItem = Static<typeof FleetSoonItem>;

/** What images that came after all cost, and were spared. */
export const RecoveredTotals = Type.Object({
  images: Type.Integer({ description: 'failed pulls of one image on one node that ended' }),
  byAgent: Type.Integer({ description: 'of them, pulled by the agent' }),
  byKubelet: Type.Integer({ description: 'of them, pulled by the kubelet' }),
  gone: Type.Integer({ description: 'of them, wanted by no pod any more' }),
  secondsGained: Type.Number({ description: "before the kubelet's own next tries, together" }),
});
export type RecoveredTotals = Static<typeof RecoveredTotals>;

/** The fleet-health report. */
export const FleetReport = Type.Object({
  apiVersion: ApiVersion,
  kind: Type.Literal('FleetReport'),
  at: timeString('when it was written'),
  from: timeString('what it covers: from'),
  collector: Type.Object({ version: Type.String(), startedAt: timeString('of the collector') }),
  verdict: Type.Enum(['healthy', 'degraded', 'faulty', 'inconclusive']),
  summary: Type.String({ description: 'one sentence' }),
  incidents: Type.Array(FleetIncident, { description: 'open faults of nodes, network or registries; worst first' }),
  workloads: Type.Array(FleetIncident, {
    description: 'open incidents that only the owner of the workload can mend: no node is at fault',
  }),
  soon: Type.Array(FleetSoonItem, { description: 'what works, and will not for long' }),
  recovered: Type.Object({
    incidents: Type.Array(FleetIncident, { description: 'closed since `from`, the newest first' }),
    totals: nullable(RecoveredTotals),
  }),
  registries: Type.Array(FleetRegistryRow, { description: 'the worst first' }),
  nodes: Type.Object({
    total: Type.Integer(),
    healthy: Type.Integer(),
    degraded: Type.Integer(),
    faulty: Type.Integer(),
    silent: Type.Integer({ description: 'not heard of for three minutes: nothing is known of their health' }),
    unknown: Type.Integer(),
    silentNodes: Type.Array(Type.Object({ node: Type.String(), lastSeenAt: timeString('of its last report') }), {
      description: 'those that went silent last, first; the first 200',
    }),
    versions: Type.Array(Type.Object({ version: nullable(Type.String()), nodes: Type.Integer() }), {
      description: 'of the agents, the most frequent first',
    }),
    clocks: Type.Array(Type.Object({ node: Type.String(), offsetSeconds: Type.Number() }), {
      description: 'that are off by more than five seconds, the worst first; the first 100',
    }),
    dropped: Type.Array(Type.Object({ node: Type.String(), records: Type.Integer() }), {
      description: 'whose agents had to drop records, the most first; the first 100',
    }),
  }),
  notKnown: Type.Array(Type.Object({ what: Type.String(), why: Type.String(), fix: nullable(Type.String()) }), {
    description: 'what could not be told, why, and what would change that',
  }),
});
export type FleetReport = Static<typeof FleetReport>;
