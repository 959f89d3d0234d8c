import type { InvestigationShape, PullRecord } from '../api/investigation.ts';
import type { PodRow, RegistryRow } from '../api/node.ts';
import type { ProbeRequest, ProbesDocument } from '../api/probes.ts';
import type { NodeReport } from '../api/report.ts';
import type { Frozen, Static } from '../api/schema.ts';
import type { RunEvent } from '../engine/run.ts';
import type { Result } from '../lib/result.ts';
import type { Secret } from '../lib/secret.ts';
import type { CauseId, Layer } from '../model/cause-id.ts';
import type { Confidence, Investigation, PullDocument, Remedy, Verdict } from '../model/investigation.ts';
import type { BackOff } from '../signals/back-off.ts';
import type { PullEvent } from '../signals/pull-event.ts';

/**
 * What the agent's parts ask of each other. Each part is made by one function of its own folder and is handed what it
 * needs; only `agent.ts` knows them all. Times are milliseconds since the epoch where nothing else is said.
 */

/** Where failures are noticed, one entry for each source. */
export interface SourceState {
  /** `journal`, `cri`, `kubernetes`; `kubernetes-secrets`; `kubernetes-events`, `kubernetes-condition` for what is told. */
  readonly source: string;
  readonly state: 'following' | 'waiting' | 'absent' | 'unreadable';
  /** What is followed, or why not and what to do about it; one sentence. */
  readonly note: string;
  readonly since: number;
  readonly lastEventAt: number | null;
}

/** Follows kubelet, runtime and CRI, and gives one stream of events. */
export interface Watch {
  readonly states: () => readonly SourceState[];
  /** Ends every reader; resolves when nothing runs any more. */
  readonly stop: () => Promise<void>;
}

/** Who gets what the watch sees. */
export interface WatchSink {
  /** In order of the journal. `cursor` is safe to go on from once the call has returned. */
  readonly event: (event: PullEvent, cursor: string | null) => void;
  /** Images that are on the node now, as CRI lists them; null when the runtime cannot be asked. */
  readonly images: (names: ReadonlySet<string> | null) => void;
  /** The runtime's socket went away, or is there again. */
  readonly runtime: (state: 'gone' | 'back') => void;
}

/** One container of one pod that waits for an image. */
export interface WaitingPod {
  readonly namespace: string | null;
  readonly pod: string | null;
  readonly container: string | null;
  readonly reason: string;
  /** Of the container, where a line or the API told it. */
  readonly policy: 'Always' | 'IfNotPresent' | 'Never' | null;
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
  readonly attempts: number;
  /** The last failed try. */
  readonly lastTryAt: number | null;
  readonly backOffMs: number | null;
  readonly nextTryAt: number | null;
  readonly message: string;
}

/** A pod by its name. */
export interface PodName {
  readonly namespace: string;
  readonly name: string;
}

/** What an investigation came to, as far as the agent goes on from it. */
export interface Conclusion {
  readonly investigation: string;
  readonly at: number;
  readonly verdict: Verdict;
  readonly cause: CauseId | null;
  readonly confidence: Confidence | null;
  readonly underlying: CauseId | null;
  readonly layer: Layer | null;
  readonly host: string | null;
  readonly summary: string;
  readonly remedies: readonly Remedy[];
  /** By Retry-After or the rate limit's reset: nobody is asked before. */
  readonly notBefore: number | null;
  /** The pod whose credentials it is about; absent: it holds for whoever waits for the image. */
  readonly pod?: PodName;
  /** The registry gives the image to the pod's own secrets, and was not asked without them, or refuses that. */
  readonly needsPod?: true;
}

/** One image that does not come to this node, with every pod that waits for it. */
export interface Incident {
  readonly id: string;
  /** As the pods have it. */
  readonly image: string;
  /** What it is compared by (imageKey). */
  readonly key: string;
  /** `registry.corp:5000`; null for a name that does not parse. */
  readonly registry: string | null;
  readonly state: 'open' | 'over';
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
  /** By the words of the last failure; what `conclusion` proves counts more. */
  readonly saidCause: CauseId | null;
  readonly pods: readonly WaitingPod[];
  /** Pods beyond those that are kept one by one. */
  readonly morePods: number;
  readonly conclusion: Conclusion | null;
  /** When the agent had pulled the image; null: it has not. */
  readonly pulledAt: number | null;
  readonly endedAt: number | null;
  readonly endedBy: 'agent' | 'kubelet' | 'gone' | null;
  /** Seconds between the agent's pull and the kubelet's own next try. */
  readonly secondsGained: number | null;
}

/** Why an incident is told of. */
export type IncidentChange = 'opened' | 'signal' | 'concluded' | 'pods' | 'ended';

/** What the API server says of pods, where there is one to ask. `key`: what the image is compared by. */
export interface KnownPods {
  /** imagePullPolicy; null: not known, or not the same for all containers with this image. */
  readonly policyOf: (row: Pick<WaitingPod, 'namespace' | 'pod' | 'container'>, key: string) => WaitingPod['policy'];
  /** The pod is known to be there and to wait for this image: silence means nothing. */
  readonly waits: (row: Pick<WaitingPod, 'namespace' | 'pod' | 'container'>, key: string) => boolean;
}

/** The incidents of this node: a bounded book, without I/O. */
export interface Book {
  readonly notice: (event: PullEvent) => void;
  /**
   * Ends rows at once that a look at their pods shows to be over; asked of every row that names a pod. `started`: the
   * kubelet has the image; `gone`: nobody waits for it there any more.
   */
  readonly podsEnded: (endOf: (row: WaitingPod, key: string) => 'started' | 'gone' | null) => void;
  /** What a pod's Events tell of the kubelet's tries before anybody here counted them. `key`: what the image is compared by. */
  readonly counted: (
    pod: Pick<WaitingPod, 'namespace' | 'pod'>,
    key: string,
    tries: { readonly attempts: number; readonly backOff: BackOff | null },
  ) => void;
  readonly images: (names: ReadonlySet<string> | null) => void;
  readonly conclude: (key: string, conclusion: Conclusion) => void;
  readonly pulled: (key: string, at: number) => void;
  readonly open: () => readonly Incident[];
  readonly get: (key: string) => Incident | null;
  /** Over since `from`, newest last. */
  readonly over: (from: number) => readonly Incident[];
  readonly onChange: (listener: (incident: Incident, change: IncidentChange) => void) => void;
  /** Open incidents that are not as they were last told of, by `onChange` or here: tries and times change without a word. */
  readonly untold: () => readonly Incident[];
  /** Drops what is too old; to be called about once a second. */
  readonly tick: () => void;
}

/** Why an investigation is made; the order is that of urgency, most urgent first. */
export type InvestigationReason = 'asked' | 'noticed' | 'changed' | 'cleared' | 'again';

/** What is to be investigated. */
export interface InvestigationOrder {
  readonly image: string;
  readonly reason: InvestigationReason;
  readonly platform?: string;
  readonly pull?: boolean;
  readonly pullPolicy?: 'Always' | 'IfNotPresent' | 'Never';
  /** The cause by the words of the failure that it is about: who said that somebody is silent has waited for long. */
  readonly said?: CauseId | null;
  /** Of a caller over HTTP: for this one investigation, which is then shared with nobody. */
  readonly credentials?: { readonly username: string; readonly password: Secret };
  /** The pod that it is for: its own pull secrets are tried, as far as the agent may read them. */
  readonly pod?: PodName;
  /** A caller's image: addresses that a node must not be made to probe are refused. */
  readonly guarded?: boolean;
  readonly onEvent?: (event: RunEvent) => void;
  readonly signal?: AbortSignal;
}

/** Why there is no investigation. */
export interface Declined {
  readonly reason: 'busy' | 'budget' | 'bad-image' | 'bad-platform' | 'refused-target' | 'misconfigured' | 'stopping';
  readonly message: string;
  /** Milliseconds after which it may be asked again; null when that changes nothing. */
  readonly retryAfterMs: number | null;
}

/** An investigation as it is read back from where it was kept. */
export type KeptInvestigation = Frozen<Static<typeof InvestigationShape>>;

/** Makes investigations: some at a time, one per image for all who want it, within a budget for each registry. */
export interface Investigator {
  readonly investigate: (order: InvestigationOrder) => Promise<Result<Investigation, Declined>>;
  /** Queued or under way for this image (by imageKey). */
  readonly busy: (key: string) => boolean;
  readonly get: (id: string) => KeptInvestigation | null;
  /** Newest first. */
  readonly recent: (query: {
    readonly image?: string;
    readonly since?: number;
    readonly limit: number;
  }) => readonly KeptInvestigation[];
  readonly onDone: (listener: (document: Investigation, order: InvestigationOrder) => void) => void;
  readonly stop: () => Promise<void>;
}

/** What binds the agent to the engine: everything that looks at the network or asks the runtime. Nothing of it throws. */
export interface NodeEngine {
  readonly investigate: (order: InvestigationOrder, signal: AbortSignal) => Promise<Result<Investigation, Declined>>;
  /** Only the probes up to a layer: cheap, and without a pull. */
  readonly recheck: (incident: Incident, upTo: Layer, signal: AbortSignal) => Promise<Recheck>;
  readonly conclusionOf: (document: Investigation) => Conclusion;
  /** A mark of the credentials that the node's files have for an image; it tells nothing of them. */
  readonly credentialsMark: (image: string) => Promise<string>;
  readonly pull: (
    order: Parameters<Puller['pull']>[0],
    signal: AbortSignal,
  ) => Promise<Pick<PullDocument, 'pull' | 'imageRef' | 'summary'>>;
  readonly probe: (request: ProbeRequest, signal: AbortSignal) => Promise<Result<ProbesDocument, Declined>>;
}

/** The outcome of looking at the failed hop again, and nothing beyond it. */
export interface Recheck {
  /** `clear`: the hop that failed passes now. */
  readonly state: 'clear' | 'same' | 'other' | 'unknown';
  readonly cause: CauseId | null;
  /** The registry asked for quiet until then. */
  readonly notBefore: number | null;
  /** It passes with the pod's own secrets. */
  readonly needsPod?: true;
}

/** Pulls images over CRI: one at a time per image, some per node and per registry. */
export interface Puller {
  readonly pull: (order: {
    readonly image: string;
    readonly reason: PullRecord['reason'];
    readonly credentials?: { readonly username: string; readonly password: Secret };
    /** With the pull secrets of this pod (retry.withPodCredentials). */
    readonly pod?: PodName;
  }) => Result<PullRecord, Declined>;
  readonly get: (id: string) => PullRecord | null;
  readonly recent: () => readonly PullRecord[];
  readonly onEnd: (listener: (record: PullRecord) => void) => void;
  readonly stop: () => Promise<void>;
}

/** Looks at failed hops again and pulls when they pass. */
export interface Recovery {
  readonly retryOf: (incident: Incident) => PodRow['retry'];
  readonly stop: () => Promise<void>;
}

/** Checks the registries in use before anything fails. */
export interface Health {
  readonly registries: () => readonly RegistryRow[];
  readonly stop: () => Promise<void>;
}

/** Writes the node-health report. */
export interface Reporter {
  readonly report: () => NodeReport;
  readonly stop: () => Promise<void>;
}
