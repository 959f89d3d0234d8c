import { probesOf } from '../evidence/view.ts';
import { kubeletImage } from '../image/reference.ts';
import type { Probe, ProbeInput } from './probe.ts';

/** Asks the runtime whether the image is on the node already, as the kubelet does before it pulls. */
export const imageProbe: Probe<'image', ProbeInput & { readonly image: string }> = {
  kind: 'image',
  title: 'Image on the node',
  cost: 'free',
  budgetMs: 3000,
  proves: {
    ok: 'the runtime says whether it has this image',
    failed: 'the runtime does not say whether it has this image',
  },
  inputs: (view) => {
    const served = probesOf(view, 'runtime').some((probe) => probe.status === 'ok');
    const handed = kubeletImage(view.plan.image.input);
    const image = handed.ok ? handed.value : null;
    if (!served || image === null) return [];
    return [{ key: 'image', target: image, hop: 'runtime', endpoint: null, counterfactual: false, image }];
  },
  run: async ({ image }, context, signal) => {
    const opened = await context.cri?.();
    if (opened === undefined || !opened.ok) return { status: 'skipped', message: 'The runtime does not answer.' };
    const status = await opened.value.imageStatus(image, signal);
    return status.ok
      ? {
          status: 'ok',
          error: null,
          facts: { present: status.value.present, id: status.value.id, sizeBytes: status.value.sizeBytes },
        }
      : {
          status: 'failed',
          error: { code: 'rpc', message: status.error.message },
          facts: { present: null, id: null, sizeBytes: null },
        };
  },
};
