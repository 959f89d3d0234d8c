import { RemedyShape } from './investigation.ts';
import { nullable, type Static, Type, timeString } from './schema.ts';
import { ConfidenceName, VerdictName } from './words.ts';

/**
 * What an agent tells the collector: `POST /v1/reports`. Fields may be added and never change their meaning; unknown
 * ones and unknown kinds are passed over, for agents and collectors are not updated at the same time.
 */

/** A cause or a layer as the agent has it: one that this collector does not know yet is read as `unknown`. */
const Word = Type.String({ maxLength: 64, description: 'an identifier of the vocabulary' });

const seq = Type.Integer({
  minimum: 1,
  description: 'counts up within one bootId; gaps are records that the spool had to drop',
});

/** What sets nodes apart. Values are texts; a name that has several (nameservers) lists them in order. */
export const attributeNames = [
  'nameserver',
  'search-domain',
  'proxy',
  'no-proxy',
  'zone',
  'region',
  'node-pool',
  'instance-type',
  'egress-address',
  'runtime',
  'runtime-version',
  'kubelet-version',
  'kernel',
  'os',
  'architecture',
  'trust-store',
  'registry-configuration',
  'agent-version',
] as const;

/** One name of an attribute. */
export type AttributeName = (typeof attributeNames)[number];

/** What this node is and how it pulls: sent at the start and whenever it changes. */
export const NodeRecord = Type.Object({
  seq,
  kind: Type.Literal('node'),
  at: timeString('of the look'),
  agent: Type.Object({ version: Type.String(), startedAt: timeString('of the agent') }),
  attributes: Type.Record(
    Type.String({ maxLength: 64 }),
    Type.Array(Type.String({ maxLength: 1024 }), { maxItems: 256 }),
    {
      description: `what sets nodes apart: ${attributeNames.join(', ')}; never with credentials`,
    },
  ),
  authorities: Type.Optional(
    Type.Array(Type.String({ maxLength: 256 }), {
      maxItems: 1024,
      description: 'names of the trusted authorities with the beginning of their fingerprints, for comparisons',
    }),
  ),
});
export type NodeRecord = Static<typeof NodeRecord>;

/** Alive: once a minute, so that silence can be told from health. */
export const HeartbeatRecord = Type.Object({
  seq,
  kind: Type.Literal('heartbeat'),
  at: timeString('of the beat'),
  runtimeReady: nullable(Type.Boolean()),
  openIncidents: Type.Integer({ minimum: 0 }),
  waitingPods: Type.Integer({ minimum: 0 }),
  spool: Type.Object({
    rows: Type.Integer({ minimum: 0 }),
    bytes: Type.Integer({ minimum: 0 }),
    dropped: Type.Record(Type.String({ maxLength: 32 }), Type.Integer({ minimum: 0 }), {
      description: 'records that the spool had to drop, by kind',
    }),
  }),
});
export type HeartbeatRecord = Static<typeof HeartbeatRecord>;

/** How one registry, or one thing of the node itself (`runtime`, `image-filesystem`, `clock`), was found. */
export const CheckShape = Type.Object({
  of: Type.Enum(['registry', 'node'], { description: 'a registry, or a part of the node itself' }),
  subject: Type.String({ maxLength: 512, examples: ['registry.corp.example:5000', 'image-filesystem'] }),
  verdict: VerdictName,
  cause: nullable(Word),
  confidence: nullable(ConfidenceName),
  layer: nullable(Word),
  underlying: nullable(Word),
  host: nullable(Type.String({ maxLength: 512 })),
  summary: Type.String({ maxLength: 4096 }),
  checkedAt: timeString('of the check'),
  since: nullable(timeString('since when the verdict holds')),
  latencyMs: Type.Optional(
    nullable(
      Type.Object({
        dns: nullable(Type.Number()),
        tcp: nullable(Type.Number()),
        tls: nullable(Type.Number()),
        registry: nullable(Type.Number()),
      }),
    ),
  ),
  certificateNotAfter: Type.Optional(nullable(timeString('the first end of a certificate in its chain'))),
  rateLimit: Type.Optional(
    nullable(
      Type.Object({
        limit: nullable(Type.Integer()),
        remaining: nullable(Type.Integer()),
        source: nullable(Type.String({ maxLength: 256 })),
      }),
    ),
  ),
});
export type CheckShape = Static<typeof CheckShape>;

/** Checks: those that changed at once, all of them every few minutes. */
export const HealthRecord = Type.Object({
  seq,
  kind: Type.Literal('health'),
  at: timeString('of the record'),
  checks: Type.Array(CheckShape, { maxItems: 512 }),
});
export type HealthRecord = Static<typeof HealthRecord>;

/** One image that does not come to this node, as it stands after a change. The newest one counts. */
export const IncidentRecord = Type.Object({
  seq,
  kind: Type.Literal('incident'),
  at: timeString('of the change'),
  incident: Type.Object({
    id: Type.String({ maxLength: 128 }),
    image: Type.String({ maxLength: 2048 }),
    normalized: nullable(Type.String({ maxLength: 2048 })),
    registry: nullable(Type.String({ maxLength: 512 })),
    state: Type.Enum(['open', 'over']),
    firstSeenAt: timeString('of the first failure'),
    lastSeenAt: timeString('of the last one'),
    endedAt: nullable(timeString('of its end')),
    endedBy: nullable(Type.Enum(['agent', 'kubelet', 'gone'])),
    secondsGained: nullable(Type.Number()),
    cause: nullable(Word),
    confidence: nullable(ConfidenceName),
    layer: nullable(Word),
    underlying: nullable(Word),
    host: nullable(Type.String({ maxLength: 512 })),
    summary: Type.String({ maxLength: 4096 }),
    remedies: Type.Array(RemedyShape, { maxItems: 8 }),
    investigation: nullable(Type.String({ maxLength: 128 })),
    pods: Type.Integer({ minimum: 0, description: 'that wait for it' }),
    owners: Type.Integer({
      minimum: 0,
      description: 'workloads that these pods belong to; their names, where no owner is known',
    }),
    examples: Type.Array(
      Type.Object({
        namespace: nullable(Type.String({ maxLength: 256 })),
        pod: nullable(Type.String({ maxLength: 256 })),
        container: nullable(Type.String({ maxLength: 256 })),
      }),
      { maxItems: 8, description: 'some of the pods' },
    ),
  }),
});
export type IncidentRecord = Static<typeof IncidentRecord>;

/** One investigation, whole; facts may be left out where it is too large. It is kept and given back as it came. */
export const InvestigationRecord = Type.Object({
  seq,
  kind: Type.Literal('investigation'),
  at: timeString('of its end'),
  investigation: Type.Object(
    {
      id: Type.String({ minLength: 1, maxLength: 128 }),
      node: Type.String({ maxLength: 253 }),
      startedAt: timeString('when it began'),
      image: Type.Object(
        {
          input: Type.String({ maxLength: 4096 }),
          normalized: nullable(Type.String({ maxLength: 4096 })),
          registry: nullable(Type.String({ maxLength: 512 })),
        },
        { additionalProperties: true },
      ),
      verdict: VerdictName,
      cause: nullable(Word),
      confidence: nullable(ConfidenceName),
      summary: Type.String({ maxLength: 16_384 }),
    },
    { additionalProperties: true, description: 'the document of `pullwhy diagnose -o json`' },
  ),
});
export type InvestigationRecord = Static<typeof InvestigationRecord>;

/** The kinds of records, with the schema of each. */
export const recordSchemas = {
  node: NodeRecord,
  heartbeat: HeartbeatRecord,
  health: HealthRecord,
  incident: IncidentRecord,
  investigation: InvestigationRecord,
} as const;

/** One of them. */
export type RecordKind = keyof typeof recordSchemas;

/** Any record. */
export type ReportRecord = NodeRecord | HeartbeatRecord | HealthRecord | IncidentRecord | InvestigationRecord;

/** The envelope of a batch; each record is checked by itself, so that a bad one does not lose its neighbours. */
export const ReportBatch = Type.Object({
  node: Type.String({ minLength: 1, maxLength: 253 }),
  bootId: Type.String({
    minLength: 1,
    maxLength: 128,
    description: "of the agent's spool: a new one begins where sequence numbers begin again",
  }),
  sentAt: Type.Optional(timeString("of the sending, by the node's clock")),
  records: Type.Array(Type.Object({ seq, kind: Type.String({ maxLength: 64 }) }, { additionalProperties: true }), {
    maxItems: 1000,
  }),
});
export type ReportBatch = Static<typeof ReportBatch>;

/** The answer: everything of the batch is kept, but what is named as refused, which must not be sent again. */
export const ReportReceipt = Type.Object({
  acked: Type.Integer({ minimum: 0, description: 'the highest sequence number of this batch; what was in it is done' }),
  refused: Type.Array(
    Type.Object({
      seq: Type.Integer(),
      pointer: Type.String({ description: 'JSON pointer into the body' }),
      detail: Type.String(),
    }),
  ),
});
export type ReportReceipt = Static<typeof ReportReceipt>;
