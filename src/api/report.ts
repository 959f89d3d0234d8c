import { RemedyShape } from './investigation.ts';
import { PodRow, RegistryRow } from './node.ts';
import { nullable, type Static, Type, timeString } from './schema.ts';
import { ApiVersion, Cause, ConfidenceName, LayerName } from './words.ts';

/** One thing that is wrong or will be, with what it hits. */
export const ReportItem = Type.Object({
  cause: Cause,
  layer: LayerName,
  confidence: ConfidenceName,
  underlying: nullable(Cause),
  /** What it is about: a registry's host or an image. */
  subject: Type.String(),
  summary: Type.String(),
  remedies: Type.Array(RemedyShape),
  since: nullable(timeString('since when')),
  images: Type.Array(Type.String()),
  pods: Type.Integer({ description: 'pods of this node that wait' }),
  investigation: nullable(Type.String()),
});
export type ReportItem = Static<typeof ReportItem>;

/** An incident that is over. */
export const RecoveredItem = Type.Object({
  image: Type.String(),
  cause: nullable(Cause),
  summary: Type.String(),
  failedAt: timeString('of its first failure'),
  recoveredAt: timeString('of its end'),
  by: Type.Enum(['agent', 'kubelet', 'gone'], {
    description: 'agent: the agent pulled it; kubelet: it came without; gone: no pod waits for it any more',
  }),
  secondsGained: nullable(
    Type.Number({ description: "seconds before the kubelet's own next try, where the agent pulled" }),
  ),
  pods: Type.Integer(),
});
export type RecoveredItem = Static<typeof RecoveredItem>;

/** The node-health report. */
export const NodeReport = Type.Object({
  apiVersion: ApiVersion,
  kind: Type.Literal('NodeReport'),
  node: Type.String(),
  at: timeString('when it was written'),
  from: timeString('what it covers: from'),
  agent: Type.Object({ version: Type.String(), startedAt: timeString('of the agent') }),
  runtime: Type.Object({
    name: nullable(Type.String()),
    version: nullable(Type.String()),
    ready: nullable(Type.Boolean()),
    endpoint: nullable(Type.String()),
  }),
  verdict: Type.Enum(['healthy', 'degraded', 'faulty', 'inconclusive']),
  summary: Type.String({ description: 'one sentence' }),
  failing: Type.Array(ReportItem, { description: 'what fails now, and why' }),
  soon: Type.Array(ReportItem, { description: 'what works, and will not for long' }),
  recovered: Type.Array(RecoveredItem, { description: 'what recovered, and how much sooner' }),
  pods: Type.Array(PodRow),
  registries: Type.Array(RegistryRow),
  checked: Type.Array(Type.String(), { description: 'what was looked at' }),
  notChecked: Type.Array(Type.Object({ what: Type.String(), why: Type.String(), fix: nullable(Type.String()) }), {
    description: 'what could not be looked at, why, and what would change that',
  }),
});
export type NodeReport = Static<typeof NodeReport>;
