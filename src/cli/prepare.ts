import { stat } from 'node:fs/promises';
import { machine } from 'node:os';
import { resolve } from 'node:path';
import { type PullPlan, planPull } from '../engine/plan.ts';
import type { RequestError } from '../engine/request.ts';
import { systemEnv } from '../lib/env.ts';
import { fail, type Result } from '../lib/result.ts';
import { type CredentialPlugins, openCredentialPlugins } from '../node/credential-plugins.ts';
import { hostFiles } from '../node/host-files.ts';
import { nodeName } from '../node/node-name.ts';
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
    credentialPlugins: pluginsOf(flags),
  });
  if (!plan.ok) return plan;
  return { ok: true, value: { plan: plan.value, node: await nodeName(flags.hostRoot, process.env), begunAt } };
}

/**
 * The kubelet's plugins are programs of the node, with the node's libraries, files and metadata service: below another host
 * root they are run only when that is asked for.
 */
function pluginsOf({ credentialProviders = 'off', hostRoot }: SharedFlags): CredentialPlugins | string {
  if (credentialProviders === 'off') return 'it was not to be run (--credential-providers)';
  if (credentialProviders === 'auto' && resolve(hostRoot) !== '/')
    return 'it lies on the host, whose programs are not run from here (--credential-providers on)';
  return openCredentialPlugins(hostFiles(hostRoot), systemEnv.now);
}

/** A mistyped root would look like a node without any configuration. */
async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isDirectory() === true;
}
