import type { CauseId } from '../../src/model/cause-id.ts';
import type { Confidence, Verdict } from '../../src/model/investigation.ts';
import type { Runtime } from './containerd.ts';
import { type RuntimeLine, runtimeLines } from './containerd-versions.ts';
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
  /** The runtime's own words about it; by line where the versions do not word it alike (a line that is absent: not judged). */
  readonly runtimeSays?: RegExp | Readonly<Partial<Record<RuntimeLine, RegExp>>>;
  /** The party at fault: the primary finding's `host`, and in its sentence. */
  readonly names?: string | RegExp;
  /** What else the primary finding's sentence must tell: another party concerned, what the runtime does then. */
  readonly alsoNames?: readonly (string | RegExp)[];
  /** Causes that must be among the findings, whatever is primary. */
  readonly alsoFound?: readonly CauseId[];
  /** Why it is left out for now: what Pullwhy does not do yet. The expectation stays what is true. */
  readonly notYet?: string;
  /** It takes long by waiting, not by working: a whole run makes it on a second lab of each line, beside the other cases. */
  readonly beside?: true;
  /** The lines on which it is made (all of them). `one`: the runtime has no part in it, so that the first line is enough. */
  readonly runtimes?: readonly RuntimeLine[] | 'one';
  /** Why it is not made on the others, for a person; the matrix of the README shows it. */
  readonly runtimesWhy?: string;
  /** What is otherwise on some lines, because the runtime really behaves otherwise there. */
  readonly differs?: Readonly<Partial<Record<RuntimeLine, Difference>>>;
  prepare(lab: Lab): Promise<Situation>;
}

/** What one line of the runtime makes of a fault that the others make something else of. */
export interface Difference
  extends Partial<
    Pick<
      LabCase,
      'verdict' | 'cause' | 'confidence' | 'underlying' | 'pull' | 'runtimeSays' | 'alsoNames' | 'alsoFound' | 'notYet'
    >
  > {
  /** What this runtime does otherwise, in words. */
  readonly why: string;
}

/** The lines on which a case is made. */
export function linesOf(labCase: LabCase): readonly RuntimeLine[] {
  if (labCase.runtimes === 'one') return runtimeLines.slice(0, 1);
  return labCase.runtimes ?? runtimeLines;
}

/** A case as one line has to show it. */
export interface CaseOnLine extends Omit<LabCase, 'runtimeSays' | 'differs' | 'runtimes' | 'runtimesWhy'> {
  readonly runtimeSays?: RegExp;
}

/** What is expected of a case on one line. Only a pull that fails has words. */
export function onLine(labCase: LabCase, line: RuntimeLine): CaseOnLine {
  const { runtimeSays, differs, ...alike } = labCase;
  const { why: _, runtimeSays: otherWords, ...otherwise } = differs?.[line] ?? { why: '' };
  const whole = { ...alike, ...otherwise };
  const words = otherWords ?? runtimeSays;
  const said = words instanceof RegExp ? words : words?.[line];
  return said === undefined || whole.pull !== 'fails' ? whole : { ...whole, runtimeSays: said };
}
