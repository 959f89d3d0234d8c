import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type OpenContext, openContext } from '../../src/engine/context.ts';
import { type PullPlan, planPull } from '../../src/engine/plan.ts';
import type { PlanRequest } from '../../src/engine/request.ts';
import { runProbes } from '../../src/engine/run.ts';
import { probesOf, type View } from '../../src/evidence/view.ts';
import { systemEnv } from '../../src/lib/env.ts';
import type { ProbeKind } from '../../src/model/facts.ts';
import type { DoneProbe, ProbeResult } from '../../src/model/investigation.ts';

/** What is asked, and the node that it is asked on. */
export interface NodeOptions extends Partial<PlanRequest> {
  readonly image: string;
  /** Files of the node by their path below its root. */
  readonly files?: Readonly<Record<string, string>>;
  /** Of the runtime's environment: `HTTPS_PROXY`. */
  readonly environment?: Readonly<Record<string, string>>;
  /** A `.dockerconfigjson`. */
  readonly credentials?: Readonly<Record<string, { readonly username: string; readonly password: string }>>;
  readonly pull?: boolean;
  readonly deadlineMs?: number;
}

/** A plan for a made-up node in a temporary folder: nothing of this machine's own files is read. */
export interface NodeFolder {
  readonly plan: PullPlan;
  readonly view: Omit<View, 'probes'>;
  readonly context: OpenContext['context'];
  /** Closes all connections and removes the folder. */
  close(): Promise<void>;
}

/** Writes the node and plans. */
export async function makeNode(options: NodeOptions): Promise<NodeFolder> {
  const root = await mkdtemp(join(tmpdir(), 'pullwhy-node-'));
  const write = async (path: string, text: string): Promise<string> => {
    const file = join(root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
    return file;
  };
  for (const [path, text] of Object.entries(options.files ?? {})) await write(path, text);
  const { environment, credentials } = options;
  const lines = Object.entries(environment ?? {}).map(([name, value]) => `${name}=${value}\n`);
  const auths = Object.entries(credentials ?? {}).map(([host, { username, password }]) => [
    host,
    { auth: Buffer.from(`${username}:${password}`).toString('base64') },
  ]);
  const request: PlanRequest = {
    runtimeEndpoint: null,
    runtime: options.runtimeEndpoint === undefined ? 'containerd' : null,
    runtimeVersion: null,
    pullPolicy: null,
    platform: 'linux/amd64',
    ...options,
    nameservers: (options.nameservers ?? []).map(({ address, port }) => ({ address, port })),
    hostRoot: root,
    proxyEnvFile: await write('outside/proxy.env', lines.join('')),
    authFile:
      credentials === undefined
        ? null
        : await write('outside/.dockerconfigjson', JSON.stringify({ auths: Object.fromEntries(auths) })),
  };
  const planned = await planPull(request, {
    env: systemEnv,
    variables: {},
    arch: 'x64',
    platform: 'linux',
    machine: 'x86_64',
    signal: AbortSignal.timeout(5000),
  });
  if (!planned.ok) {
    await rm(root, { recursive: true, force: true });
    throw new Error(`${planned.error.flag}: ${planned.error.message}`);
  }
  const plan = planned.value;
  const { context, close } = openContext(plan, systemEnv, 5000);
  return {
    plan,
    context,
    view: {
      plan: plan.body,
      runtime: { name: plan.runtime.name, asked: plan.runtimeAsked },
      startedAtMs: systemEnv.now(),
      pullAsked: options.pull === true,
    },
    async close() {
      await close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** What all probes found on that node, by kind. */
export interface Observed {
  readonly all: readonly ProbeResult[];
  /** Those of one kind that were made; a counterfactual counts like any. */
  of<K extends ProbeKind>(kind: K): readonly DoneProbe<K>[];
  /** The view that they add up to. */
  readonly view: View;
}

/** Runs the real probes, all of them, against what the test has started. */
export async function observe(options: NodeOptions): Promise<Observed> {
  const node = await makeNode(options);
  try {
    const all = await runProbes({
      view: node.view,
      context: node.context,
      deadlineMs: options.deadlineMs ?? 10_000,
      signal: new AbortController().signal,
    });
    const view = { ...node.view, probes: all };
    return { all, view, of: (kind) => probesOf(view, kind) };
  } finally {
    await node.close();
  }
}
