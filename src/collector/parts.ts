import type {
  CompareDocument,
  FleetEvent,
  FleetIncident,
  FleetInvestigationRow,
  FleetNodeRow,
  FleetRegistryRow,
  SubjectShape,
} from '../api/fleet.ts';
import type { RecoveredTotals } from '../api/fleet-report.ts';
import type { CheckShape, HeartbeatRecord, IncidentRecord, InvestigationRecord, NodeRecord } from '../api/records.ts';
import type { Frozen } from '../api/schema.ts';
import type { Result } from '../lib/result.ts';
import type { CauseId, Layer } from '../model/cause-id.ts';
import type { Confidence, Remedy, Verdict } from '../model/investigation.ts';

/**
 * What the collector's parts ask of each other; only `collector.ts` knows them all. Times are milliseconds since the
 * epoch, by the collector's clock where nothing else is said.
 */

/** Records of one batch that fit their schemas, in order of `seq`. */
export interface CheckedBatch {
  readonly node: string;
  readonly bootId: string;
  readonly receivedAt: number;
  /** The node's clock minus the collector's, milliseconds; null when the batch does not say when it was sent. */
  readonly clockOffsetMs: number | null;
  readonly records: readonly CheckedRecord[];
  /** Of records that were refused: they count as seen, so that they are not asked for again. */
  readonly refused: readonly number[];
}

/** One record; `at`, by the node's clock. */
export type CheckedRecord =
  | { readonly seq: number; readonly kind: 'node'; readonly at: number; readonly record: Frozen<NodeRecord> }
  | { readonly seq: number; readonly kind: 'heartbeat'; readonly at: number; readonly record: Frozen<HeartbeatRecord> }
  | {
      readonly seq: number;
      readonly kind: 'health';
      readonly at: number;
      readonly checks: readonly Frozen<CheckShape>[];
    }
  | { readonly seq: number; readonly kind: 'incident'; readonly at: number; readonly record: Frozen<IncidentRecord> }
  | {
      readonly seq: number;
      readonly kind: 'investigation';
      readonly at: number;
      readonly record: Frozen<InvestigationRecord>;
    };

/** Why a store did not do something. `busy`: asked again later it may. `full`: the disk is. `gone`: no connection. */
export interface StoreFailure {
  readonly reason: 'busy' | 'full' | 'gone' | 'damaged' | 'other';
  /** What is wrong and what to do. No credentials of a connection string. */
  readonly message: string;
}

/** How one node last found one subject: the newest record of it counts, by order of the agent's stream, not of arrival. */
export interface Observation {
  readonly node: string;
  /** `registry`: a check of it; `image`: a pull that pods wait for; `node`: a part of the node itself. */
  readonly kind: 'registry' | 'image' | 'node';
  /** The registry, the normalized image (as the pod has it, where it does not parse), the part's name. */
  readonly subject: string;
  /** Of a registry or an image. */
  readonly registry: string | null;
  readonly verdict: Verdict;
  readonly cause: CauseId | null;
  readonly confidence: Confidence | null;
  readonly layer: Layer | null;
  readonly underlying: CauseId | null;
  readonly host: string | null;
  readonly summary: string;
  readonly remedies: readonly Remedy[];
  readonly pods: number;
  readonly owners: number;
  /** Of the look, by the collector's clock as far as the offset is known. */
  readonly at: number;
  /** Since when it is so; null when not known. */
  readonly since: number | null;
  readonly receivedAt: number;
  readonly investigation: string | null;
}

/** What the collector knows of a node; `silent` is not stored but follows from `lastSeenAt`. */
export interface KnownNode {
  readonly node: string;
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
  readonly clockOffsetMs: number | null;
  readonly agentVersion: string | null;
  readonly agentStartedAt: number | null;
  readonly attributes: Readonly<Record<string, readonly string[]>>;
  readonly heartbeat: Frozen<HeartbeatRecord> | null;
}

/** A page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** For the next page; null at the end. Opaque to callers. */
  readonly cursor: string | null;
}

/** What every list takes. `limit` is 1 to 500. */
export interface PageQuery {
  readonly limit: number;
  readonly cursor: string | null;
}

/** Filters of investigations; newest first. */
export interface InvestigationsQuery extends PageQuery {
  readonly node?: string;
  readonly image?: string;
  readonly registry?: string;
  readonly cause?: CauseId;
  readonly verdict?: Verdict;
  readonly since?: number;
}

/** Filters of incidents; open ones first, then the newest first. */
export interface IncidentsQuery extends PageQuery {
  readonly state?: 'open' | 'closed';
  readonly cause?: CauseId;
  readonly scope?: FleetIncident['scope'];
  readonly subject?: string;
  readonly node?: string;
  readonly since?: number;
}

/** Filters of nodes. */
export interface NodesQuery extends PageQuery {
  /** Only the one of this name. */
  readonly node?: string;
  readonly state?: FleetNodeRow['state'];
  /** `zone=eu-1`: nodes whose attribute has this value. */
  readonly attribute?: { readonly name: string; readonly value: string };
  readonly cause?: CauseId;
  readonly sort?: 'node' | 'last-seen';
  /** Since when a node must have been heard of not to be silent. */
  readonly heardSince: number;
}

/** Registries, by name. */
export interface RegistriesQuery extends PageQuery {
  /** Nodes that were not heard of since then do not count: nothing is known of them. Without it all nodes do. */
  readonly heardSince?: number;
}

/** A stored incident: the document, and what the evaluator goes on from. */
export interface StoredIncident {
  /** Cause, kind and name of the subject: one open incident for each. */
  readonly key: string;
  readonly document: Frozen<FleetIncident>;
  /** What the evaluator keeps for itself between two looks: JSON. */
  readonly memory: string;
}

/** A message that one notifier has sent about one incident. */
export interface SentNotice {
  readonly target: string;
  readonly incident: string;
  /** Of what was said, so that the same is not said twice. */
  readonly fingerprint: string;
  readonly at: number;
}

/**
 * Where everything is kept: SQLite or PostgreSQL. One contract suite runs on both. Nothing throws; what fails is a value.
 * Writes of one call are one transaction. Several collectors may share one PostgreSQL.
 */
export interface Store {
  /** Applies what of the batch was not seen yet; `fresh` of it was new. The same batch twice changes nothing. */
  readonly ingest: (batch: CheckedBatch) => Promise<Result<{ readonly fresh: number }, StoreFailure>>;

  /** Everything that is not healthy now, bounded by `most`. */
  readonly failing: (most: number) => Promise<Result<readonly Observation[], StoreFailure>>;
  /**
   * Nodes that looked at one of these registries, or tried one of these images, or looked at one of these parts, since
   * `since` and found it healthy.
   */
  readonly healthy: (
    subjects: readonly Frozen<SubjectShape>[],
    since: number,
  ) => Promise<Result<readonly Pick<Observation, 'node' | 'kind' | 'subject' | 'registry' | 'at'>[], StoreFailure>>;
  /** All nodes, with what was heard of them. */
  readonly fleet: () => Promise<Result<readonly KnownNode[], StoreFailure>>;

  readonly node: (node: string) => Promise<
    Result<
      {
        readonly known: KnownNode;
        readonly authorities: readonly string[];
        readonly observations: readonly Observation[];
      } | null,
      StoreFailure
    >
  >;
  readonly nodes: (query: NodesQuery) => Promise<Result<Page<Frozen<FleetNodeRow>>, StoreFailure>>;
  readonly registries: (query: RegistriesQuery) => Promise<Result<Page<Frozen<FleetRegistryRow>>, StoreFailure>>;
  readonly investigations: (
    query: InvestigationsQuery,
  ) => Promise<Result<Page<Frozen<FleetInvestigationRow>>, StoreFailure>>;
  /** The whole document as it came. */
  readonly investigation: (id: string) => Promise<Result<Readonly<Record<string, unknown>> | null, StoreFailure>>;
  readonly incidents: (query: IncidentsQuery) => Promise<Result<Page<Frozen<FleetIncident>>, StoreFailure>>;
  readonly incident: (id: string) => Promise<Result<Frozen<FleetIncident> | null, StoreFailure>>;
  /** Open ones, and those that were closed since `closedSince`: they may come back as the same. */
  readonly standing: (closedSince: number) => Promise<Result<readonly StoredIncident[], StoreFailure>>;

  /** Takes or keeps a lease; false: another holds it. */
  readonly lease: (name: string, holder: string, now: number, ttlMs: number) => Promise<Result<boolean, StoreFailure>>;
  /** Writes what the evaluator decided, and the events that tell of it, unless `holder` has lost the lease: then false. */
  readonly decide: (
    lease: { readonly name: string; readonly holder: string; readonly now: number },
    decided: { readonly incidents: readonly StoredIncident[]; readonly events: readonly Omit<FleetEvent, 'id'>[] },
  ) => Promise<Result<boolean, StoreFailure>>;
  /**
   * Events after `id`, oldest first; null: only the newest one's id is asked for (`last`, null when there is none). Ids are
   * decimal numbers that count up; `0` is before the first.
   */
  readonly events: (
    after: string | null,
    limit: number,
  ) => Promise<Result<{ readonly events: readonly FleetEvent[]; readonly last: string | null }, StoreFailure>>;

  /**
   * What agents told of images that came after all since then: incident records that are over, by `endedBy`, and the sum
   * of their `secondsGained`. For the report; the newest record of a node and image counts, once.
   */
  readonly recovered: (since: number) => Promise<Result<RecoveredTotals, StoreFailure>>;

  readonly sent: (target: string) => Promise<Result<readonly SentNotice[], StoreFailure>>;
  readonly recordSent: (notice: SentNotice) => Promise<Result<void, StoreFailure>>;

  /** Drops what is past its age or over the size, oldest first; how many rows went. Open incidents never. */
  readonly prune: (keep: {
    readonly olderThan: number;
    readonly maxBytes: number;
  }) => Promise<Result<{ readonly rows: number; readonly bytes: number }, StoreFailure>>;
  /** For readiness and metrics. */
  readonly size: () => Promise<
    Result<{ readonly bytes: number; readonly rows: Readonly<Record<string, number>> }, StoreFailure>
  >;
  readonly close: () => Promise<void>;
}

/** What the evaluator sees at one look. */
export interface FleetLook {
  readonly now: number;
  readonly failing: readonly Observation[];
  /** Nodes that looked at the same subjects and found them healthy, with the time of the look. */
  readonly healthy: readonly Pick<Observation, 'node' | 'kind' | 'subject' | 'registry' | 'at'>[];
  readonly fleet: readonly KnownNode[];
  readonly standing: readonly StoredIncident[];
  /**
   * Since when this collector could have heard of nodes: after an outage of its own none is silent before
   * `silentAfterMs` from then. Without it silence follows from `lastSeenAt` alone.
   */
  readonly heardFrom?: number;
  /** By how much this collector's clock was set forward since the decision before (back: negative); absent: it was not. */
  readonly clockSetMs?: number;
  /** In place of the rule of this name: a demo does not wait for minutes. */
  readonly closeAfterMs?: number;
  /** `nodes` of the decision before; without it no node's coming and going is told. */
  readonly nodes?: NodesMemory | null;
}

/** What was told of nodes, from one look to the next: kept in memory only, so a new leader begins without it. */
export interface NodesMemory {
  readonly known: ReadonlySet<string>;
  readonly silent: ReadonlySet<string>;
}

/** What it decided: only incidents that changed, and what to tell of it. */
export interface FleetDecision {
  readonly incidents: readonly StoredIncident[];
  readonly events: readonly Omit<FleetEvent, 'id'>[];
  /** For the next look. */
  readonly nodes: NodesMemory;
}

/** Pure: from what is known of all nodes to incidents with scope and attribution. */
export type Evaluate = (look: FleetLook) => FleetDecision;

/** Pure: what differs between two nodes. */
export type Compare = (
  a: {
    readonly known: KnownNode;
    readonly authorities: readonly string[];
    readonly observations: readonly Observation[];
  },
  b: {
    readonly known: KnownNode;
    readonly authorities: readonly string[];
    readonly observations: readonly Observation[];
  },
  now: number,
) => CompareDocument;
