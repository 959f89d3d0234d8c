import type { RuntimeFacts } from '../model/facts.ts';
import type { NetworkFailure } from '../model/network-failure.ts';
import type { CriFailure } from '../wire/cri.ts';
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
    if (!opened.ok) return failed(endpoint, opened.error);
    const client = opened.value;
    const [version, status, fileSystems] = await Promise.all([
      client.version(signal),
      client.status(signal),
      client.imageFsInfo(signal),
    ]);
    if (!version.ok) return failed(endpoint, version.error);
    // The two services are registered apart: one without the other serves no pull.
    if (!fileSystems.ok && fileSystems.error.kind === 'not-served') return failed(endpoint, fileSystems.error);
    const conditions = status.ok ? status.value.conditions : [];
    const facts: RuntimeFacts = {
      endpoint,
      name: version.value.runtimeName,
      version: version.value.runtimeVersion,
      ready: conditions.find((condition) => condition.type === 'RuntimeReady')?.status ?? null,
      conditions,
      imageFileSystems: fileSystems.ok ? [...new Set(fileSystems.value.map(({ mountpoint }) => mountpoint))] : [],
      failure: null,
    };
    return { status: 'ok', error: null, facts };
  },
};

function failed(
  endpoint: string,
  error: CriFailure,
): { status: 'failed'; error: { code: NetworkFailure | 'rpc'; message: string }; facts: RuntimeFacts } {
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
      failure: error.kind,
    },
  };
}

function networkWord(kind: CriFailure['kind']): NetworkFailure | 'rpc' {
  if (kind === 'refused') return 'refused';
  if (kind === 'silent') return 'timeout';
  if (kind === 'not-permitted') return 'not-permitted';
  return 'rpc';
}
