import type { PlanBody } from '../model/plan.ts';
import { probesOf, type View } from './view.ts';

/** The pause image that the node's files set, and whether it is the image asked for; null: not known. */
export function sandboxSetting(
  plan: Pick<PlanBody, 'image' | 'sandboxImage'>,
): { readonly image: string; readonly source: string; readonly asked: boolean } | null {
  if (plan.sandboxImage === undefined) return null;
  const { value: image, source } = plan.sandboxImage;
  return { image, source, asked: image === plan.image.normalized };
}

/** The image asked for is this runtime's pause image, and it is not on the node. */
export function asksForMissingPause(view: View): { readonly image: string; readonly source: string } | null {
  const probe = probesOf(view, 'sandbox')[0];
  if (probe !== undefined) {
    const { image, source, present } = probe.facts;
    return !present && image === view.plan.image.normalized ? { image, source } : null;
  }
  // Without a runtime to ask, a line that sets it counts, and a default of some version does not.
  const setting = sandboxSetting(view.plan);
  return setting?.asked === true && setting.source !== 'default' ? setting : null;
}
