import { stat } from 'node:fs/promises';
import { hostname, machine } from 'node:os';
import { type PullPlan, planPull } from '../engine/plan.ts';
import type { RequestError } from '../engine/request.ts';
import { systemEnv } from '../lib/env.ts';
import { fail, type Result } from '../lib/result.ts';
import { hostFiles } from '../node/host-files.ts';
import { planRequest, type SharedFlags } from './flags.ts';

/** A plan for this machine, and what goes with it. */
export interface Prepared {
  readonly plan: PullPlan;
  readonly node: string;
  readonly begunAt: number;
}

/** Plans as the flags say, with this process's own environment. */
export async function prepare(
  image: string,
  flags: SharedFlags,
  signal: AbortSignal,
): Promise<Result<Prepared, RequestError>> {
  const begunAt = systemEnv.monotonic();
  if (!(await isDirectory(flags.hostRoot))) {
    return fail({ flag: '--host-root', message: `${flags.hostRoot} is no directory that can be read.` });
  }
  const plan = await planPull(planRequest(image, flags), {
    env: systemEnv,
    variables: process.env,
    arch: process.arch,
    platform: process.platform,
    machine: machine(),
    signal,
  });
  if (!plan.ok) return plan;
  return { ok: true, value: { plan: plan.value, node: await nodeName(flags.hostRoot), begunAt } };
}

/** A mistyped root would look like a node without any configuration. */
async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() === true;
}

/** The node's name: NODE_NAME where a pod sets it, the host root's own hostname, else this machine's. */
async function nodeName(hostRoot: string): Promise<string> {
  const given = process.env.NODE_NAME;
  if (given !== undefined && given !== '') return given;
  if (hostRoot !== '/') {
    const text = await hostFiles(hostRoot).readText('/etc/hostname');
    const name = text.ok ? text.value.trim() : '';
    if (name !== '') return name;
  }
  return hostname();
}
