import { probesOf } from '../evidence/view.ts';
import type { Probe, ProbeInput } from './probe.ts';

/**
 * The runtime as it runs beside the files as they are: configuration, trust store and unit are read when it starts, so
 * that a change is not in force before a restart, and probes that go by the files would not meet what it meets.
 */
export const loadedProbe: Probe<'loaded', ProbeInput> = {
  kind: 'loaded',
  title: 'Runtime as it was started',
  cost: 'free',
  budgetMs: 3000,
  proves: {
    ok: 'what the running runtime has loaded, and which of its files have changed since',
    failed: 'nothing: it is looked at or it is not',
  },
  available: ({ readLoaded }) => readLoaded !== null,
  inputs: (view) =>
    probesOf(view, 'runtime').some(({ status }) => status === 'ok')
      ? [{ key: 'loaded', target: 'the running runtime', hop: 'runtime', endpoint: null, counterfactual: false }]
      : [],
  run: async (_input, { readLoaded }, signal) => {
    const facts = await readLoaded?.(signal);
    if (facts == null) return { status: 'skipped', message: "The runtime's process is not to be seen from here." };
    return { status: 'ok', error: null, facts };
  },
};
