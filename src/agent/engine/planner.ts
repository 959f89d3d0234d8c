import { machine } from 'node:os';
import { type PullPlan, planPull } from '../../engine/plan.ts';
import type { PlanRequest } from '../../engine/request.ts';
import type { Env } from '../../lib/env.ts';
import { fail, ok, type Result } from '../../lib/result.ts';
import { openCri } from '../../wire/cri.ts';
import type { Declined } from '../parts.ts';

/** What a planner needs. */
export interface PlannerNeeds {
  readonly env: Env;
  readonly hostRoot: string;
  readonly runtimeEndpoint: string | null;
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly nameservers: PlanRequest['nameservers'];
}

/** What is planned besides the image. */
export interface PlanChoice {
  readonly platform?: string;
  readonly pullPolicy?: NonNullable<PlanRequest['pullPolicy']>;
}

/** Makes plans for a node that it plans for again and again. */
export interface Planner {
  /** A plan without a connection to the runtime. */
  readonly plan: (image: string, choice: PlanChoice, signal: AbortSignal) => Promise<Result<PullPlan, Declined>>;
  /** The same plan with one, where there is a runtime; whoever carries the plan out closes it. */
  readonly withRuntime: (plan: PullPlan, signal: AbortSignal) => Promise<PullPlan>;
}

const criMs = 2000;

/** Makes it. */
export function openPlanner({ env, hostRoot, runtimeEndpoint, variables, nameservers }: PlannerNeeds): Planner {
  return {
    async plan(image, { platform, pullPolicy }, signal) {
      const request: PlanRequest = {
        image,
        runtimeEndpoint,
        runtime: null,
        hostRoot,
        runtimeVersion: null,
        proxyEnvFile: null,
        nameservers,
        authFile: null,
        pullPolicy: pullPolicy ?? null,
        platform: platform ?? null,
      };
      const here = { arch: process.arch, platform: process.platform, machine: machine() };
      const planned = await planPull(request, { env, variables, ...here, signal });
      if (!planned.ok) {
        return fail({ reason: 'misconfigured', message: planned.error.message, retryAfterMs: null });
      }
      if (planned.value.cri?.ok === true) planned.value.cri.value.close();
      return ok({ ...planned.value, cri: null });
    },
    async withRuntime(plan, signal) {
      const { endpoint } = plan.runtime;
      if (endpoint === null) return plan;
      const cri = await openCri(endpoint, { env, connectTimeoutMs: criMs, callTimeoutMs: criMs, signal });
      return { ...plan, cri };
    },
  };
}
