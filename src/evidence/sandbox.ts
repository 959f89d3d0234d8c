import { probesOf, type View } from './view.ts';

/** The image asked for is this runtime's pause image, and it is not on the node. */
export function asksForMissingPause(view: View): { readonly image: string; readonly source: string } | null {
  const probe = probesOf(view, 'sandbox')[0];
  if (probe !== undefined) {
    const { image, source, present } = probe.facts;
    return !present && image === view.plan.image.normalized ? { image, source } : null;
  }
  // Without a runtime to ask, a line that sets it counts, and a default of some version does not.
  const { image, sandboxImage: written } = view.plan;
  if (written === undefined || written.source === 'default' || written.value !== image.normalized) return null;
  return { image: written.value, source: written.source };
}
