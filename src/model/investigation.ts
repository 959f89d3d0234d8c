import type { CauseId, Layer } from './cause-id.ts';
import type { CredentialTry } from './credential-try.ts';
import type { FactsByKind, ProbeKind } from './facts.ts';
import type { NetworkFailure } from './network-failure.ts';
import type { EndpointInfo, PlanBody, RuntimeInfo } from './plan.ts';

/** The party a probe looks at. */
export type Hop = 'nameserver' | 'proxy' | 'registry' | 'mirror' | 'realm' | 'blob' | 'runtime' | 'node';

interface ProbeBase {
  /** `p1`, `p2`, … in the order in which they started. */
  readonly id: string;
  readonly target: string;
  readonly hop: Hop;
  /** Index into `endpoints`; null for local probes. */
  readonly endpoint: number | null;
  /** A probe of what would work instead; it is no step of the runtime's own way. */
  readonly counterfactual: boolean;
  /** Since the investigation's start. */
  readonly startedMs: number;
  readonly durationMs: number;
}

/** One measurement that was made. */
export interface DoneProbe<K extends ProbeKind> extends ProbeBase {
  readonly kind: K;
  readonly status: 'ok' | 'failed';
  readonly error: { readonly code: NetworkFailure | 'rpc'; readonly message: string } | null;
  readonly facts: FactsByKind[K];
}

/** One measurement that was not made, or not to its end, and why: "not checked", which says nothing about the thing itself. */
export interface SkippedProbe extends ProbeBase {
  readonly kind: ProbeKind;
  readonly status: 'skipped';
  readonly error: { readonly code: 'not-checked'; readonly message: string };
  readonly facts: Readonly<Record<string, never>>;
}

/** Any measurement that was made. */
export type AnyDoneProbe = { [K in ProbeKind]: DoneProbe<K> }[ProbeKind];

/** An entry of the document's `probes`. */
export type ProbeResult = AnyDoneProbe | SkippedProbe;

/** How sure a finding is: shown by a probe or a counterfactual, or read from signs. */
export type Confidence = 'proven' | 'likely' | 'possible';

/** What to do, in the order of usefulness, with a command where there is one. */
export interface Remedy {
  readonly text: string;
  readonly command: string | null;
}

/** One cause that holds here. */
export interface Finding {
  readonly cause: CauseId;
  readonly layer: Layer;
  readonly confidence: Confidence;
  /** `fault` stops the pull (by this endpoint); `degraded` does not. */
  readonly severity: 'fault' | 'degraded';
  /** One sentence that a person can act on. */
  readonly summary: string;
  /** Ids of probes. */
  readonly evidence: readonly string[];
  readonly remedies: readonly Remedy[];
  /** For causes that carry another: what is wrong beneath. */
  readonly underlying: CauseId | null;
  /** The network party concerned. */
  readonly host: string | null;
  /** Index into `endpoints`. */
  readonly endpoint: number | null;
  /** Other causes that the same evidence allows. */
  readonly alternatives: readonly CauseId[];
  /** Of a kubelet that only waits: when it tries next; RFC 3339, by the node's clock. */
  readonly nextTryAt?: string;
}

/** The sum of an investigation. */
export type Verdict = 'healthy' | 'degraded' | 'faulty' | 'inconclusive';

/** An endpoint with what was found of it. */
export interface JudgedEndpoint extends EndpointInfo {
  readonly verdict: 'healthy' | 'faulty' | 'skipped';
}

/** The real pull, when one was tried. */
export interface PullOutcome {
  readonly attempted: boolean;
  readonly ok: boolean | null;
  readonly durationMs: number | null;
  readonly error: string | null;
  readonly cause: CauseId | null;
}

/** The document of `pullwhy plan`. */
export interface PlanDocument extends PlanBody {
  readonly apiVersion: 'pullwhy/v1';
  readonly kind: 'Plan';
  readonly node: string;
  readonly runtime: RuntimeInfo;
  /** The first problem that stops every pull of this image; null when the plan holds. */
  readonly cause: CauseId | null;
  readonly summary: string | null;
}

/** The document of `pullwhy diagnose`. */
export interface Investigation extends Omit<PlanBody, 'endpoints'> {
  readonly apiVersion: 'pullwhy/v1';
  readonly kind: 'Investigation';
  readonly id: string;
  readonly node: string;
  readonly startedAt: string;
  readonly durationMs: number;
  readonly verdict: Verdict;
  readonly cause: CauseId | null;
  readonly confidence: Confidence | null;
  readonly layer: Layer | null;
  readonly underlying: CauseId | null;
  readonly summary: string;
  readonly findings: readonly Finding[];
  readonly ruledOut: readonly { readonly layer: Layer; readonly evidence: readonly string[]; readonly note: string }[];
  /** What became of each credential, in the kubelet's order, and of nobody beside them. Absent: none is known. */
  readonly credentialTries?: readonly CredentialTry[];
  readonly probes: readonly ProbeResult[];
  readonly endpoints: readonly JudgedEndpoint[];
  readonly runtime: RuntimeInfo;
  readonly pull: PullOutcome;
}

/** The document of `pullwhy pull`. */
export interface PullDocument {
  readonly apiVersion: 'pullwhy/v1';
  readonly kind: 'Pull';
  readonly node: string;
  readonly startedAt: string;
  readonly image: PlanBody['image'];
  readonly runtime: RuntimeInfo;
  readonly pull: PullOutcome;
  readonly imageRef: string | null;
  readonly summary: string;
  readonly remedies: readonly Remedy[];
}
