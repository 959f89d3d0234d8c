import { RemedyShape } from '../../api/investigation.ts';
import { nullable, type Static, Type } from '../../api/schema.ts';
import { Cause, ConfidenceName, LayerName, PolicyName, VerdictName } from '../../api/words.ts';
import type { Incident } from '../parts.ts';

/** An incident as it is kept on disk: what another version wrote, or somebody changed, is not believed unseen. */
export const IncidentShape = Type.Object({
  id: Type.String(),
  image: Type.String(),
  key: Type.String(),
  registry: nullable(Type.String()),
  state: Type.Enum(['open', 'over']),
  firstSeenAt: Type.Number(),
  lastSeenAt: Type.Number(),
  saidCause: nullable(Cause),
  pods: Type.Array(
    Type.Object({
      namespace: nullable(Type.String()),
      pod: nullable(Type.String()),
      container: nullable(Type.String()),
      reason: Type.String(),
      policy: nullable(PolicyName),
      firstSeenAt: Type.Number(),
      lastSeenAt: Type.Number(),
      attempts: Type.Integer(),
      lastTryAt: nullable(Type.Number()),
      backOffMs: nullable(Type.Number()),
      nextTryAt: nullable(Type.Number()),
      message: Type.String(),
    }),
  ),
  morePods: Type.Integer(),
  conclusion: nullable(
    Type.Object({
      investigation: Type.String(),
      at: Type.Number(),
      verdict: VerdictName,
      cause: nullable(Cause),
      confidence: nullable(ConfidenceName),
      underlying: nullable(Cause),
      layer: nullable(LayerName),
      host: nullable(Type.String()),
      summary: Type.String(),
      remedies: Type.Array(RemedyShape),
      notBefore: nullable(Type.Number()),
      pod: Type.Optional(Type.Object({ namespace: Type.String(), name: Type.String() })),
      needsPod: Type.Optional(Type.Literal(true)),
    }),
  ),
  pulledAt: nullable(Type.Number()),
  endedAt: nullable(Type.Number()),
  endedBy: nullable(Type.Enum(['agent', 'kubelet', 'gone'])),
  secondsGained: nullable(Type.Number()),
});

type Assert<T extends true> = T;
/** The compiler's word that what is read back is an incident. */
export type ShapeIsIncident = Assert<Static<typeof IncidentShape> extends Incident ? true : false>;
