import { RemedyShape } from './investigation.ts';
import { nullable, type Static, type TSchema, Type, timeString } from './schema.ts';
import { ApiVersion, Cause, ConfidenceName, LayerName, VerdictName } from './words.ts';

/** The collector's documents (contract.md, section 6). */

/** What an incident is about: a registry, an image where the image itself is at fault, or a part of the nodes. */
export const SubjectShape = Type.Object({
  kind: Type.Enum(['registry', 'image', 'node'], {
    description: 'node: a part of the nodes themselves, such as a full disk; its name is that of the part or the cause',
  }),
  name: Type.String(),
});
export type SubjectShape = Static<typeof SubjectShape>;

/** One attribute that sets failing nodes apart, with its counts; the statistic is in the collector's README. */
export const AttributionShape = Type.Object({
  attribute: Type.String({ examples: ['nameserver', 'zone'] }),
  value: Type.String({ examples: ['10.0.0.53'] }),
  failingWith: Type.Integer({ description: 'failing nodes that have it' }),
  failing: Type.Integer({ description: 'failing nodes for which the attribute is known' }),
  healthyWith: Type.Integer({ description: 'healthy nodes that tried the same and have it' }),
  healthy: Type.Integer({ description: 'healthy nodes that tried the same and for which the attribute is known' }),
  pValue: Type.Number({
    description: 'of such a difference by chance, corrected for all attributes that were looked at',
  }),
  sameAs: Type.Array(Type.Object({ attribute: Type.String(), value: Type.String() }), {
    description: 'attributes that exactly the same nodes have: they cannot be told apart',
  }),
  sentence: Type.String({ description: 'the same in words' }),
});
export type AttributionShape = Static<typeof AttributionShape>;

/** One cause at one registry or image, over a span of time. */
export const FleetIncident = Type.Object({
  id: Type.String(),
  cause: Cause,
  layer: LayerName,
  confidence: ConfidenceName,
  underlying: nullable(Cause),
  subject: SubjectShape,
  severity: Type.Enum(['fault', 'degraded']),
  fault: Type.Enum(['workload', 'node', 'network', 'registry', 'nobody'], { description: 'who can mend it' }),
  state: Type.Enum(['open', 'closed']),
  openedAt: timeString('of its first failure'),
  updatedAt: timeString('of the last change'),
  closedAt: nullable(timeString('of its end')),
  reopened: Type.Integer({ description: 'how often it came back within the time that counts as the same' }),
  scope: Type.Enum(['node', 'group', 'cluster'], {
    description: 'node: one; group: some; cluster: nearly all that tried the same',
  }),
  hosts: Type.Array(Type.String(), { description: 'network parties concerned' }),
  nodes: Type.Object({
    failing: Type.Integer(),
    healthy: Type.Integer({ description: 'that tried the same since it began, and succeeded' }),
    unknown: Type.Integer({ description: 'that are silent or have not tried since' }),
    names: Type.Array(Type.String(), { description: 'failing ones; the first 100' }),
  }),
  pods: Type.Integer({ description: 'that wait' }),
  workloads: Type.Integer(),
  images: Type.Array(Type.String(), { description: 'the first 20' }),
  attribution: Type.Array(AttributionShape, { description: 'strongest first; empty when the evidence is thin' }),
  summary: Type.String({ description: 'one sentence: what, where, how many' }),
  remedies: Type.Array(RemedyShape),
  investigations: Type.Array(Type.String(), { description: 'some investigations that prove it, the newest first' }),
  related: Type.Array(Type.String(), { description: 'ids of open incidents on mostly the same nodes' }),
});
export type FleetIncident = Static<typeof FleetIncident>;

/** One node, as the collector knows it. */
export const FleetNodeRow = Type.Object({
  node: Type.String(),
  state: Type.Enum(['healthy', 'degraded', 'faulty', 'silent', 'unknown'], {
    description: 'silent: nothing was heard for three minutes, so nothing is known of its health',
  }),
  lastSeenAt: timeString("of its last report, by the collector's clock"),
  agentVersion: nullable(Type.String()),
  agentStartedAt: nullable(timeString('of its agent')),
  clockOffsetSeconds: nullable(Type.Number({ description: "the node's clock minus the collector's" })),
  openIncidents: Type.Integer(),
  waitingPods: Type.Integer(),
  attributes: Type.Record(Type.String(), Type.Array(Type.String())),
  spool: nullable(
    Type.Object({
      rows: Type.Integer(),
      bytes: Type.Integer(),
      dropped: Type.Record(Type.String(), Type.Integer()),
    }),
  ),
});
export type FleetNodeRow = Static<typeof FleetNodeRow>;

/** How one node last found one registry, image or part of itself. */
export const FleetResult = Type.Object({
  node: Type.String(),
  subject: SubjectShape,
  registry: nullable(Type.String()),
  verdict: VerdictName,
  cause: nullable(Cause),
  confidence: nullable(ConfidenceName),
  layer: nullable(LayerName),
  underlying: nullable(Cause),
  host: nullable(Type.String()),
  summary: Type.String(),
  at: timeString('of the look'),
  since: nullable(timeString('since when it is so')),
  pods: Type.Integer(),
  investigation: nullable(Type.String()),
});
export type FleetResult = Static<typeof FleetResult>;

/** `GET /v1/nodes/{node}`. */
export const FleetNodeDocument = Type.Object({
  apiVersion: ApiVersion,
  kind: Type.Literal('Node'),
  at: timeString('of this answer'),
  ...FleetNodeRow.properties,
  authorities: Type.Array(Type.String()),
  results: Type.Array(FleetResult),
  incidents: Type.Array(FleetIncident, { description: 'open ones that hit it' }),
});
export type FleetNodeDocument = Static<typeof FleetNodeDocument>;

/** One registry over all nodes. */
export const FleetRegistryRow = Type.Object({
  registry: Type.String(),
  nodes: Type.Object({
    healthy: Type.Integer(),
    degraded: Type.Integer(),
    faulty: Type.Integer(),
    inconclusive: Type.Integer(),
  }),
  incidents: Type.Array(Type.String(), { description: 'ids of open ones' }),
  certificateNotAfter: nullable(timeString('the first end of a certificate that any node saw')),
  rateLimits: Type.Array(
    Type.Object({
      source: nullable(Type.String()),
      limit: nullable(Type.Integer()),
      remaining: nullable(Type.Integer()),
    }),
    { description: 'the lowest budget of each address that is counted' },
  ),
  latencyMs: Type.Object({ median: nullable(Type.Number()), p95: nullable(Type.Number()) }),
});
export type FleetRegistryRow = Static<typeof FleetRegistryRow>;

/** One investigation in a list. */
export const FleetInvestigationRow = Type.Object({
  id: Type.String(),
  node: Type.String(),
  image: Type.String(),
  registry: nullable(Type.String()),
  verdict: VerdictName,
  cause: nullable(Cause),
  confidence: nullable(ConfidenceName),
  summary: Type.String(),
  at: timeString('when it began'),
});
export type FleetInvestigationRow = Static<typeof FleetInvestigationRow>;

/** One thing in which two nodes differ, or do not. */
export const DifferenceShape = Type.Object({
  what: Type.String({ examples: ['nameserver', 'trust-store', 'result of registry.corp.example'] }),
  a: Type.Array(Type.String()),
  b: Type.Array(Type.String()),
  sentence: Type.String(),
});
export type DifferenceShape = Static<typeof DifferenceShape>;

/** `GET /v1/compare`. */
export const CompareDocument = Type.Object({
  apiVersion: ApiVersion,
  kind: Type.Literal('Comparison'),
  at: timeString('of this answer'),
  a: Type.String(),
  b: Type.String(),
  differences: Type.Array(DifferenceShape, { description: 'what explains a failure first' }),
  same: Type.Array(Type.String(), { description: 'what does not differ' }),
  unknown: Type.Array(Type.String(), { description: 'what is not known of one or both' }),
  summary: Type.String(),
});
export type CompareDocument = Static<typeof CompareDocument>;

/** One change, as `GET /v1/events` tells it. */
export const FleetEvent = Type.Object({
  id: Type.String({ description: 'for Last-Event-ID' }),
  at: timeString('of the change'),
  type: Type.Enum([
    'incident-opened',
    'incident-changed',
    'incident-closed',
    'node-appeared',
    'node-silent',
    'node-back',
  ]),
  incident: nullable(FleetIncident),
  node: nullable(Type.String()),
});
export type FleetEvent = Static<typeof FleetEvent>;

/** A page of a list; `next` is given as `cursor` for the one after it, with the same filters. */
function pageOf<K extends string, S extends TSchema>(kind: K, item: S) {
  return Type.Object({
    apiVersion: ApiVersion,
    kind: Type.Literal(kind),
    at: timeString('of this answer'),
    items: Type.Array(item),
    next: nullable(Type.String({ description: 'cursor of the next page; null: this is the last' })),
  });
}

/** `GET /v1/incidents`. */
export const FleetIncidentsDocument = pageOf('Incidents', FleetIncident);
export type FleetIncidentsDocument = Static<typeof FleetIncidentsDocument>;

/** `GET /v1/nodes`. */
export const FleetNodesDocument = pageOf('Nodes', FleetNodeRow);
export type FleetNodesDocument = Static<typeof FleetNodesDocument>;

/** `GET /v1/registries`. */
export const FleetRegistriesDocument = pageOf('Registries', FleetRegistryRow);
export type FleetRegistriesDocument = Static<typeof FleetRegistriesDocument>;

/** `GET /v1/investigations`. */
export const FleetInvestigationsDocument = pageOf('Investigations', FleetInvestigationRow);
export type FleetInvestigationsDocument = Static<typeof FleetInvestigationsDocument>;

/** `GET /v1/incidents/{id}`. */
export const FleetIncidentDocument = Type.Object({
  apiVersion: ApiVersion,
  kind: Type.Literal('Incident'),
  at: timeString('of this answer'),
  ...FleetIncident.properties,
});
export type FleetIncidentDocument = Static<typeof FleetIncidentDocument>;
