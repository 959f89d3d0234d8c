import type { PlanDocument } from '../model/investigation.ts';
import type { Problem } from '../model/problem.ts';
import { problemFinding } from './findings.ts';
import type { PullPlan } from './plan.ts';

/** The document of a plan. */
export function planDocument(plan: PullPlan, node: string): PlanDocument {
  const blocking = plan.body.problems.find(({ severity }) => severity === 'error');
  return {
    apiVersion: 'pullwhy/v1',
    kind: 'Plan',
    node,
    ...plan.body,
    problems: [...plan.body.problems, ...silenceProblem(plan)],
    runtime: plan.runtime,
    cause: blocking?.cause ?? null,
    summary: blocking === undefined ? null : problemFinding(blocking).summary,
  };
}

/** An investigation shows a silent runtime as a probe; a plan has none, and only says what it is made of. */
function silenceProblem({ silence, runtime }: PullPlan): Problem[] {
  if (silence === null) return [];
  const source = runtime.endpoint ?? '-r';
  const message = `No runtime answers over CRI there (${silence.message}), so the plan is what the node's files say.`;
  return [{ severity: 'warning', cause: 'runtime-unreachable', source, message, harmless: true }];
}
