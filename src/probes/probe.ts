import type { View } from '../evidence/view.ts';
import type { Way } from '../evidence/way.ts';
import type { FactsByKind, ProbeKind } from '../model/facts.ts';
import type { Hop } from '../model/investigation.ts';
import type { NetworkFailure } from '../model/network-failure.ts';
import type { ProbeContext } from './context.ts';

/** What a probe is asked to look at. `key` is unique within an investigation: a key that has run does not run again. */
export interface ProbeInput {
  readonly key: string;
  readonly target: string;
  readonly hop: Hop;
  readonly endpoint: number | null;
  readonly counterfactual: boolean;
  /** The way that it goes, for a probe that talks to the party at its end: the engine judges it before anything is sent. */
  readonly way?: Way;
  /** The address that it connects to: the way's own, or its proxy's. A probe that connects names it here. */
  readonly address?: string;
  /** The party at that address, for a probe that goes no way of its own. */
  readonly host?: string;
  readonly port?: number;
}

/** What came of it. `skipped`: it turned out that it cannot be checked here, and why. */
export type Outcome<K extends ProbeKind> =
  | {
      readonly status: 'ok' | 'failed';
      readonly error: { readonly code: NetworkFailure | 'rpc'; readonly message: string } | null;
      readonly facts: FactsByKind[K];
    }
  | { readonly status: 'skipped'; readonly message: string };

/** One kind of measurement: a file in this folder and a line in `index.ts`. */
export interface Probe<K extends ProbeKind, I extends ProbeInput> {
  readonly kind: K;
  readonly title: string;
  /** What it costs others: nothing beyond this machine, one packet or so, some requests, or a real pull. */
  readonly cost: 'free' | 'cheap' | 'network' | 'pull';
  /** Time that one run may take, milliseconds; the investigation's deadline cuts it too. */
  readonly budgetMs: number;
  /** What a pass and a failure prove, a sentence each. */
  readonly proves: { readonly ok: string; readonly failed: string };
  /** Whether there is such a thing on this node at all; absent: always. Without it the probe is not in the document. */
  readonly available?: (context: Pick<ProbeContext, 'readHistory' | 'readLoaded'>) => boolean;
  /**
   * True for what keeps this process busy instead of waiting, so that it would falsify the times that others measure: it
   * starts when nothing else runs, or when the others have waited for a while.
   */
  readonly busy?: true;
  /** Pure: what there is to look at, given what is known so far. Inputs whose key has run are dropped by the engine. */
  readonly inputs: (view: View) => readonly I[];
  /** All I/O lives here. It ends soon after `signal` aborts; it never throws. */
  readonly run: (input: I, context: ProbeContext, signal: AbortSignal) => Promise<Outcome<K>>;
}

/** A probe with its own input type hidden, as the engine runs them. */
export interface AnyProbe {
  readonly kind: ProbeKind;
  readonly title: string;
  readonly cost: Probe<ProbeKind, ProbeInput>['cost'];
  readonly budgetMs: number;
  readonly proves: { readonly ok: string; readonly failed: string };
  readonly available?: Probe<ProbeKind, ProbeInput>['available'];
  readonly busy?: true;
  readonly tasks: (view: View) => readonly Task[];
}

/** One run that could be started. */
export type Task = { [K in ProbeKind]: TaskOf<K> }[ProbeKind];

interface TaskOf<K extends ProbeKind> {
  readonly kind: K;
  readonly input: ProbeInput;
  /** `id` is the probe's id in the document, under which it may keep what must not be shown. */
  readonly run: (id: string, context: Omit<ProbeContext, 'probeId'>, signal: AbortSignal) => Promise<TaskOutcome<K>>;
}

/** An outcome that knows its probe's kind. */
export type TaskOutcome<K extends ProbeKind> = { readonly kind: K } & Outcome<K>;

/** Hides a probe's input type. */
export function probeTask<K extends ProbeKind, I extends ProbeInput>(probe: Probe<K, I>, input: I): TaskOf<K> {
  const { kind } = probe;
  return {
    kind,
    input,
    run: async (id, context, signal) => ({ kind, ...(await probe.run(input, { ...context, probeId: id }, signal)) }),
  };
}
