import type { View } from '../evidence/view.ts';
import type { Env } from '../lib/env.ts';
import type { ProbeKind } from '../model/facts.ts';
import type { Investigation } from '../model/investigation.ts';
import { probes as allProbes } from '../probes/index.ts';
import type { Task } from '../probes/probe.ts';
import { openContext } from './context.ts';
import { documentOf } from './document.ts';
import type { PullPlan } from './plan.ts';
import { type RunOptions, runProbes } from './run.ts';

/** What is looked at, and how long. */
export interface LookOptions extends Pick<RunOptions, 'patienceMs' | 'refuse' | 'signal' | 'deadlineMs'> {
  readonly env: Env;
  readonly node: string;
  /** Kinds of probes that are made; no other is. */
  readonly kinds: ReadonlySet<ProbeKind>;
  /** Also what would work instead of the runtime's own way. */
  readonly counterfactuals: boolean;
  /** Manifests are asked for by HEAD alone. */
  readonly headOnly?: boolean;
}

/** What was seen. */
export interface Looked {
  readonly view: View;
  readonly document: Investigation;
  /** What was asked, by the probes' ids. */
  readonly tasks: ReadonlyMap<string, Task>;
}

/** Some of an investigation's probes, and what they add up to: what was not looked at is concluded from as not checked. */
export async function look(
  plan: PullPlan,
  { env, node, kinds, counterfactuals, headOnly = false, ...run }: LookOptions,
): Promise<Looked> {
  const begun = env.monotonic();
  const startedAtMs = env.now();
  const { context: all, close } = openContext(plan, env, run.deadlineMs, null);
  const context = { ...all, headOnly };
  const base: Omit<View, 'probes'> = {
    plan: plan.body,
    runtime: { name: plan.runtime.name, version: plan.runtime.version, asked: plan.runtimeAsked },
    startedAtMs,
    pullAsked: false,
  };
  const probes = allProbes
    .filter(({ kind }) => kinds.has(kind))
    .map((probe) =>
      counterfactuals
        ? probe
        : {
            ...probe,
            tasks: (view: View) => probe.tasks(view).filter(({ input }) => !input.counterfactual),
          },
    );
  try {
    const tasks = new Map<string, Task>();
    const onTask = (id: string, task: Task): void => void tasks.set(id, task);
    const view = { ...base, probes: await runProbes({ ...run, view: base, context, probes, onTask }) };
    const head = {
      id: 'look',
      node,
      startedAt: new Date(startedAtMs).toISOString(),
      durationMs: Math.round(env.monotonic() - begun),
    };
    return { view, document: documentOf(view, head, plan.runtime), tasks };
  } finally {
    await close();
  }
}
