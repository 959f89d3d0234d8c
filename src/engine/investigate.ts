import type { View } from '../evidence/view.ts';
import type { Env } from '../lib/env.ts';
import type { Investigation } from '../model/investigation.ts';
import type { ProbeContext } from '../probes/context.ts';
import { openContext } from './context.ts';
import { documentOf } from './document.ts';
import type { PullPlan } from './plan.ts';
import { type RunEvent, type RunOptions, runProbes } from './run.ts';

/** How an investigation is carried out. */
export interface InvestigateOptions {
  readonly env: Env;
  /** The node's name. */
  readonly node: string;
  /** Also pull over CRI. */
  readonly pull: boolean;
  readonly deadlineMs: number;
  readonly pullDeadlineMs: number;
  readonly signal: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
  /** Asked before each probe: why it must not be made, or null. Absent: all may. */
  readonly refuse?: NonNullable<RunOptions['refuse']>;
  /** The longest that any probe waits for an answer, milliseconds; each probe's own patience, when absent. */
  readonly patienceMs?: number;
  /** Monotonic time at which the work began, planning included; now when absent. */
  readonly begunAt?: number;
}

/** Runs the probes of a plan and concludes. Ends within the deadline (the pull within its own). */
export function investigate(plan: PullPlan, options: InvestigateOptions): Promise<Investigation> {
  return investigateWith(plan, options, async (image, deadlineMs, signal) => {
    const { env, node } = options;
    const begunAt = env.monotonic();
    const other = await plan.planOther(image);
    const inner = { env, node, pull: false, deadlineMs, pullDeadlineMs: deadlineMs, signal, begunAt };
    const { verdict, cause, confidence, summary, findings } = await investigateWith(other, inner, null);
    return { verdict, cause, confidence, summary, host: findings[0]?.host ?? null };
  });
}

async function investigateWith(
  plan: PullPlan,
  options: InvestigateOptions,
  tryOther: ProbeContext['tryOther'],
): Promise<Investigation> {
  const { env } = options;
  const begun = options.begunAt ?? env.monotonic();
  const startedAtMs = env.now() - (env.monotonic() - begun);
  const { context, close } = openContext(plan, env, options.pullDeadlineMs, tryOther);
  const base: Omit<View, 'probes'> = {
    plan: plan.body,
    runtime: { name: plan.runtime.name, version: plan.runtime.version, asked: plan.runtimeAsked },
    startedAtMs,
    pullAsked: options.pull,
  };
  try {
    const deadlineMs = Math.max(1, options.deadlineMs - (env.monotonic() - begun));
    const { onEvent, refuse, patienceMs, signal } = options;
    const probes = await runProbes({
      view: base,
      context,
      deadlineMs,
      signal,
      ...(onEvent === undefined ? {} : { onEvent }),
      ...(refuse === undefined ? {} : { refuse }),
      ...(patienceMs === undefined ? {} : { patienceMs }),
    });
    const head = {
      id: investigationId(env),
      node: options.node,
      startedAt: new Date(startedAtMs).toISOString(),
      durationMs: Math.round(env.monotonic() - begun),
    };
    return documentOf({ ...base, probes }, head, plan.runtime);
  } finally {
    await close();
  }
}

/** Fourteen characters that sort by time: enough to tell the investigations of one node apart. */
function investigationId(env: Env): string {
  const time = Math.floor(env.now()).toString(36).padStart(9, '0');
  const chance = Math.floor(env.random() * 36 ** 5)
    .toString(36)
    .padStart(5, '0');
  return `${time}${chance}`;
}
