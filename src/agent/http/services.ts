import type { PodsDocument, RegistriesDocument, RuntimeDocument } from '../../api/node.ts';
import type { ProbeRequest, ProbesDocument } from '../../api/probes.ts';
import type { NodeReport } from '../../api/report.ts';
import type { Result } from '../../lib/result.ts';
import type { PullEvent } from '../../signals/pull-event.ts';
import type { Declined, Investigator, Puller, SourceState } from '../parts.ts';

/** What the routes ask the agent for. */
export interface Services {
  readonly node: string;
  /** Null when it is ready, else what is not, in one sentence. */
  readonly notReady: () => string | null;
  /** What is followed, what of the node can be seen, and who is told, with how that stands. */
  readonly states: () => Promise<readonly SourceState[]>;
  readonly metrics: () => string;
  readonly pods: () => PodsDocument;
  readonly registries: () => RegistriesDocument;
  readonly runtime: (signal: AbortSignal) => Promise<RuntimeDocument>;
  readonly report: () => NodeReport;
  readonly reportMarkdown: (report: NodeReport) => string;
  readonly reportHtml: (report: NodeReport) => string;
  readonly investigator: Investigator;
  readonly puller: Puller;
  /** How many investigations and pulls one caller may have under way. */
  readonly maxPerCaller: () => number;
  readonly probe: (request: ProbeRequest, signal: AbortSignal) => Promise<Result<ProbesDocument, Declined>>;
  /** Decoded entries of the journal, oldest first; the failure says why there are none. */
  readonly journal: (query: {
    readonly since: number;
    readonly unit: string | null;
    readonly image: string | null;
    readonly signal: AbortSignal;
  }) => Promise<Result<AsyncIterable<PullEvent>, string>>;
  readonly now: () => number;
}
