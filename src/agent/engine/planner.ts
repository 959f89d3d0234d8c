import { machine } from 'node:os';
import { resolve } from 'node:path';
import { type PullPlan, planImage } from '../../engine/plan.ts';
import { type ReadNode, readNode } from '../../engine/plan-node.ts';
import type { PlanRequest, RequestError } from '../../engine/request.ts';
import type { Env } from '../../lib/env.ts';
import { limits } from '../../lib/limits.ts';
import { fail, ok, type Result } from '../../lib/result.ts';
import { sameValue } from '../../lib/same-value.ts';
import { boundedHostFiles } from '../../node/bounded-host-files.ts';
import { openCredentialPlugins } from '../../node/credential-plugins.ts';
import { type FileMarks, openFileMarks } from '../../node/file-marks.ts';
import { type HostFiles, hostFiles } from '../../node/host-files.ts';
import { openCri } from '../../wire/cri.ts';
import type { Declined } from '../parts.ts';

/** What a planner needs. */
export interface PlannerNeeds {
  readonly env: Env;
  readonly hostRoot: string;
  /** `unix:///…`; null: the socket that is found. */
  readonly runtimeEndpoint: string | null;
  /** Of this process: only PULLWHY_RUNTIME_ENDPOINT is read. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly nameservers: PlanRequest['nameservers'];
}

/** What is planned besides the image. */
export interface PlanChoice {
  readonly platform?: string;
  readonly pullPolicy?: NonNullable<PlanRequest['pullPolicy']>;
}

/**
 * Makes plans for a node that it plans for again and again. What was read is kept until a file that it came from changes,
 * the runtime starts anew, or five minutes have passed: then it is read again, at the next plan.
 */
export interface Planner {
  /** A plan without a connection to the runtime. */
  readonly plan: (image: string, choice: PlanChoice) => Promise<Result<PullPlan, Declined>>;
  /** The same plan with one, where there is a runtime; whoever carries the plan out closes it. */
  readonly withRuntime: (plan: PullPlan, signal: AbortSignal) => Promise<PullPlan>;
  /** What of every plan is the node's: the same object for as long as nothing of it has changed. */
  readonly node: () => Promise<ReadNode | null>;
}

const criMs = 3500;

/** What no file's mark shows (mounts, what the kernel tells) is read again after this. */
const keepMs = 300_000;

/** A runtime that did not say who it is may do so in a moment. */
const silentKeepMs = 10_000;

interface Kept<T> {
  readonly value: T;
  readonly marks: FileMarks;
  readonly until: number;
}

interface KeptNode extends Kept<ReadNode> {
  /** When the runtime's process started, in the kernel's own words; null: it is not known. */
  readonly process: string | null;
}

/** Makes it. Nothing is read before the first plan. */
export function openPlanner({ env, hostRoot, runtimeEndpoint, variables, nameservers }: PlannerNeeds): Planner {
  const files = hostFiles(hostRoot);
  // An agent in a container has not what the node's programs need; one that runs on the node does as its kubelet.
  const credentialPlugins =
    resolve(hostRoot) === '/'
      ? openCredentialPlugins(files, env.now)
      : 'it lies on the host, whose programs an agent in a container cannot run';
  const here = { arch: process.arch, platform: process.platform, machine: machine(), credentialPlugins };
  const base = {
    runtimeEndpoint,
    runtime: null,
    hostRoot,
    runtimeVersion: null,
    proxyEnvFile: null,
    nameservers,
    authFile: null,
  };
  let node: KeptNode | null = null;
  let reading: Promise<Result<KeptNode, RequestError>> | null = null;
  // In order of use, the longest unused first.
  const plans = new Map<string, Kept<PullPlan>>();

  const observed = (): { readonly host: HostFiles; readonly marks: FileMarks } => {
    const marks = openFileMarks(hostRoot, env.now);
    return { marks, host: boundedHostFiles(hostFiles(hostRoot, marks.observe)) };
  };

  const isGood = ({ marks, until }: Kept<unknown>): boolean => env.monotonic() < until && !marks.changed();

  const read = async (): Promise<Result<KeptNode, RequestError>> => {
    const { host, marks } = observed();
    // Of nobody's order: whoever else waits for it must not lose it with the first.
    const signal = AbortSignal.timeout(2 * criMs);
    const found = await readNode(host, base, { env, variables, signal });
    if (!found.ok) return found;
    const { choice, cri, silence, proxies } = found.value;
    if (cri?.ok === true) cri.value.close();
    // A socket that was given is not looked for among the node's files. Whoever starts anew makes another.
    if (choice.endpoint !== null) marks.observe(choice.endpoint.replace(/^unix:\/\//, ''), 'presence');
    const until = env.monotonic() + (silence === null ? keepMs : silentKeepMs);
    const process = await startOf(files, proxies.process?.pid ?? null);
    return ok({ value: { ...found.value, cri: null }, marks, until, process });
  };

  const nodeNow = async (): Promise<Result<ReadNode, RequestError>> => {
    if (reading === null && node !== null && isGood(node)) {
      const { value, process } = node;
      if ((await startOf(files, value.proxies.process?.pid ?? null)) === process) return ok(value);
    }
    reading ??= read().finally(() => {
      reading = null;
    });
    const made = await reading;
    if (!made.ok) return made;
    const before = node;
    node = renewed(before, made.value);
    // Plans are of the node that they were made for.
    if (node.value !== before?.value) plans.clear();
    return ok(node.value);
  };

  return {
    async plan(image, { platform, pullPolicy }) {
      const found = await nodeNow();
      if (!found.ok) return fail({ reason: 'misconfigured', message: found.error.message, retryAfterMs: null });
      const key = JSON.stringify([image, platform, pullPolicy]);
      const known = plans.get(key);
      plans.delete(key);
      if (known !== undefined && isGood(known)) {
        plans.set(key, known);
        return ok(withFiles(known.value, hostRoot));
      }
      const { host, marks } = observed();
      const request = { ...base, image, pullPolicy: pullPolicy ?? null, platform: platform ?? null };
      const made = await planImage(host, found.value, request, here);
      const fresh = renewed(known, { value: made, marks, until: env.monotonic() + keepMs });
      const { value } = fresh;
      if (node?.value === found.value) plans.set(key, fresh);
      for (const oldest of plans.keys()) {
        if (plans.size <= limits.agentPlans) break;
        plans.delete(oldest);
      }
      return ok(withFiles(value, hostRoot));
    },
    async node() {
      const found = await nodeNow();
      return found.ok ? found.value : null;
    },
    async withRuntime(plan, signal) {
      const { endpoint } = plan.runtime;
      if (endpoint === null) return plan;
      const cri = await openCri(endpoint, { env, connectTimeoutMs: criMs, callTimeoutMs: criMs, signal });
      return { ...plan, cri };
    },
  };
}

/**
 * What was read anew, with the former value where that is the same: whoever goes by what a plan was (the looks at
 * registries that are well) goes on. What functions in it were made from are files, which have marks.
 */
function renewed<K extends Kept<unknown>>(before: K | null | undefined, now: K): K {
  if (before === null || before === undefined || before.marks.changed()) return now;
  return sameValue(before.value, now.value) ? { ...now, value: before.value } : now;
}

/** What is read as the plan is carried out is bound by itself, and leaves no marks. */
function withFiles(plan: PullPlan, root: string): PullPlan {
  return { ...plan, host: boundedHostFiles(hostFiles(root)) };
}

/** Field 22 of a process's stat (proc_pid_stat(5)): with its number it tells it from every other. */
async function startOf(host: HostFiles, pid: number | null): Promise<string | null> {
  if (pid === null) return null;
  const text = await host.readText(`/proc/${pid}/stat`);
  return text.ok ? (text.value.slice(text.value.lastIndexOf(')') + 2).split(' ')[19] ?? null) : null;
}
