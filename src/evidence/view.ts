import type { ProbeKind } from '../model/facts.ts';
import type { DoneProbe, ProbeResult } from '../model/investigation.ts';
import type { PlanBody, RuntimeInfo } from '../model/plan.ts';

/**
 * Everything that is known at one moment of an investigation: the plan and the probes that have ended.
 * It holds what the document holds and nothing else, so a saved document can be concluded again.
 */
export interface View {
  readonly plan: PlanBody;
  /** How the runtime was chosen; `asked` is true when a socket was given or is present, so that its silence counts. */
  readonly runtime: {
    readonly name: RuntimeInfo['name'];
    /** Absent or null: not known, and the newest is assumed. */
    readonly version?: RuntimeInfo['version'];
    readonly asked: boolean;
  };
  /** The node's clock when the investigation started, epoch ms. */
  readonly startedAtMs: number | null;
  /** A real pull was asked for (`--pull`). */
  readonly pullAsked: boolean;
  readonly probes: readonly ProbeResult[];
}

/** Finished probes by their kind. */
type ByKind = { [K in ProbeKind]?: readonly DoneProbe<K>[] };

/** A list of probes never changes, and each cause asks for its kinds anew. */
const sorted = new WeakMap<View['probes'], ByKind>();

/** The finished probes of one kind, in the order in which they started. */
export function probesOf<K extends ProbeKind>(view: Pick<View, 'probes'>, kind: K): readonly DoneProbe<K>[] {
  const { probes } = view;
  let known = sorted.get(probes);
  if (known === undefined) {
    known = {};
    sorted.set(probes, known);
  }
  const before: ByKind[K] = known[kind];
  if (before !== undefined) return before;
  const made = probes.filter((probe): probe is Extract<ProbeResult, DoneProbe<K>> => isDone(probe, kind));
  Object.assign(known, { [kind]: made });
  return made;
}

function isDone<K extends ProbeKind>(probe: ProbeResult, kind: K): probe is Extract<ProbeResult, DoneProbe<K>> {
  return probe.kind === kind && probe.status !== 'skipped';
}

/** Their ids, for a finding's evidence. */
export function idsOf(probes: readonly { readonly id: string }[]): string[] {
  return probes.map((probe) => probe.id);
}
