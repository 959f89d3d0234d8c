import type { Result } from '../lib/result.ts';
import type { RuntimeFacts } from '../model/facts.ts';
import type { NetworkFailure } from '../model/network-failure.ts';
import type { ContainerdPlugin, CriFailure } from '../wire/cri.ts';
import type { Probe, ProbeInput } from './probe.ts';

/** Asks the runtime over CRI who it is, whether it is ready and where it keeps images. */
export const runtimeProbe: Probe<'runtime', ProbeInput> = {
  kind: 'runtime',
  title: 'Container runtime over CRI',
  cost: 'free',
  budgetMs: 4000,
  proves: {
    ok: 'the runtime serves CRI on this socket',
    failed: 'the kubelet cannot use the runtime by this socket either',
  },
  inputs: (view) =>
    view.runtime.asked
      ? [{ key: 'runtime', target: 'CRI socket', hop: 'runtime', endpoint: null, counterfactual: false }]
      : [],
  run: async (_input, context, signal) => {
    if (context.cri === null) return { status: 'skipped', message: 'No runtime socket is known here.' };
    const endpoint = context.criEndpoint ?? '';
    const opened = await context.cri();
    const unserved = async (error: CriFailure): Promise<Failed> =>
      failed(endpoint, error, error.kind === 'not-served' ? failedPlugins(await context.askPlugins(signal)) : {});
    if (!opened.ok) return unserved(opened.error);
    const client = opened.value;
    const [version, status, fileSystems] = await Promise.all([
      client.version(signal),
      client.status(signal),
      client.imageFsInfo(signal),
    ]);
    if (!version.ok) return unserved(version.error);
    // The two services are registered apart: one without the other serves no pull.
    if (!fileSystems.ok && fileSystems.error.kind === 'not-served') return unserved(fileSystems.error);
    const mountPoints = fileSystems.ok ? [...new Set(fileSystems.value.map(({ mountpoint }) => mountpoint))] : [];
    const plugins = version.value.runtimeName === 'containerd' ? await context.askPlugins(signal) : null;
    const conditions = status.ok ? status.value.conditions : [];
    const facts: RuntimeFacts = {
      endpoint,
      name: version.value.runtimeName,
      version: version.value.runtimeVersion,
      ready: conditions.find((condition) => condition.type === 'RuntimeReady')?.status ?? null,
      conditions,
      imageFileSystems: mountPoints,
      ...(plugins?.ok === true ? { plugins: keepers(plugins.value, mountPoints) } : {}),
      failure: null,
    };
    return { status: 'ok', error: null, facts };
  },
};

/** The content store, and the snapshotters whose folders the runtime names. */
function keepers(plugins: readonly ContainerdPlugin[], mountPoints: readonly string[]): readonly ContainerdPlugin[] {
  return plugins.filter(
    ({ name, root }) =>
      name === contentStore ||
      (name.startsWith(snapshotters) &&
        mountPoints.some((path) => path === root || path.slice(path.lastIndexOf('/') + 1) === name)),
  );
}

/** CRI's plugins that did not load, and the snapshotters that their errors name; of 1.x and 2.x. */
function failedPlugins(
  answer: Result<readonly ContainerdPlugin[], CriFailure>,
): Partial<Pick<RuntimeFacts, 'plugins'>> {
  if (!answer.ok) return {};
  const broken = answer.value.filter(({ error }) => error !== null);
  const cri = broken.filter(
    ({ name }) => name === 'io.containerd.grpc.v1.cri' || name.startsWith('io.containerd.cri.'),
  );
  const words = cri.map(({ error }) => error).join(' ');
  const named = broken.filter(
    ({ name }) => name.startsWith(snapshotters) && words.includes(`"${name.slice(snapshotters.length)}"`),
  );
  return { plugins: [...cri, ...named] };
}

const contentStore = 'io.containerd.content.v1.content';
const snapshotters = 'io.containerd.snapshotter.v1.';

interface Failed {
  readonly status: 'failed';
  readonly error: { readonly code: NetworkFailure | 'rpc'; readonly message: string };
  readonly facts: RuntimeFacts;
}

function failed(endpoint: string, error: CriFailure, more: Partial<Pick<RuntimeFacts, 'plugins'>>): Failed {
  return {
    status: 'failed',
    error: { code: networkWord(error.kind), message: error.message },
    facts: {
      endpoint,
      name: null,
      version: null,
      ready: null,
      conditions: [],
      imageFileSystems: [],
      ...more,
      failure: error.kind,
    },
  };
}

function networkWord(kind: CriFailure['kind']): NetworkFailure | 'rpc' {
  if (kind === 'refused') return 'refused';
  if (kind === 'silent') return 'timeout';
  if (kind === 'canceled') return 'aborted';
  if (kind === 'not-permitted') return 'not-permitted';
  return 'rpc';
}
