import type { CauseId } from '../../src/model/cause-id.ts';
import type { Confidence, Verdict } from '../../src/model/investigation.ts';
import type { Runtime } from './containerd.ts';
import type { Lab } from './lab.ts';

/** What `prepare` has set up: what to ask, and what must not be printed. */
export interface Situation {
  readonly image: string;
  /** More arguments of `diagnose`. */
  readonly args?: readonly string[];
  /** Another runtime than the node's own; null: no -r. */
  readonly runtime?: Runtime | { readonly endpoint: string } | null;
  /** Secrets of this case beside the lab's. */
  readonly secrets?: readonly string[];
}

/** One fault, made for real, and what Pullwhy has to call it. */
export interface LabCase {
  /** What is wrong, in words. */
  readonly name: string;
  readonly verdict: Verdict;
  /** The primary cause; null when healthy. */
  readonly cause: CauseId | null;
  /** Not judged when absent. */
  readonly confidence?: Confidence;
  readonly underlying?: CauseId;
  /** What this case must not be called: it is the near miss of these causes. */
  readonly nearMissOf?: readonly CauseId[];
  /** What the real pull beside it does; `not-tried` where the runtime would wait half a minute, or must not pull. */
  readonly pull: 'works' | 'fails' | 'not-tried';
  /** The runtime's own words about it. */
  readonly runtimeSays?: RegExp;
  /** The party at fault: the primary finding's `host`, and in its sentence. */
  readonly names?: string | RegExp;
  /** What else the primary finding's sentence must tell: another party concerned, what the runtime does then. */
  readonly alsoNames?: readonly (string | RegExp)[];
  /** Causes that must be among the findings, whatever is primary. */
  readonly alsoFound?: readonly CauseId[];
  /** Why it is left out for now: what Pullwhy does not do yet. The expectation stays what is true. */
  readonly notYet?: string;
  prepare(lab: Lab): Promise<Situation>;
}
