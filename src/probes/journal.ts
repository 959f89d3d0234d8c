import type { Probe, ProbeInput } from './probe.ts';

/** Reads what kubelet and runtime wrote about pulls of this image in the last minutes. */
export const journalProbe: Probe<'journal', ProbeInput & { readonly image: string }> = {
  kind: 'journal',
  title: 'Journal',
  cost: 'free',
  budgetMs: 1500,
  proves: {
    ok: 'the journal of kubelet and runtime was read; what it tells of this image is what happened then, not now',
    failed: 'never: a journal that cannot be read was not checked',
  },
  busy: true,
  available: ({ readHistory }) => readHistory !== null,
  inputs: ({ plan }) => {
    const { input, normalized } = plan.image;
    // No line of a journal is about an image that no runtime takes.
    if (normalized === null) return [];
    return [{ key: 'journal', target: input, hop: 'node', endpoint: null, counterfactual: false, image: input }];
  },
  run: async ({ image }, { readHistory }, signal) => {
    if (readHistory === null) return { status: 'skipped', message: 'This node keeps no journal.' };
    const history = await readHistory(image, signal);
    return history.ok
      ? { status: 'ok', error: null, facts: history.value }
      : { status: 'skipped', message: history.error };
  },
};
