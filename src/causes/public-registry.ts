import type { Break } from '../evidence/breaks.ts';
import type { View } from '../evidence/view.ts';

/**
 * Registries that hold nothing private: whom they refuse, they refuse for where the request comes from (pull-facts,
 * section 12: registry.k8s.io).
 */
const publicRegistries: ReadonlySet<string> = new Set(['registry.k8s.io', 'k8s.gcr.io', 'mcr.microsoft.com']);

/** The image is of a registry where everything is public. */
export function isAllPublic(view: View): boolean {
  return publicRegistries.has(view.plan.image.registry ?? '');
}

/** Such a registry's 403 in the form of a page, as Google's front ends send it, from a host that is a registry otherwise. */
export function isBlockedPage({ exchange, way }: Break, view: View): boolean {
  return isAllPublic(view) && way.hop === 'registry' && exchange?.kind === 'manifest' && exchange.facts.status === 403;
}
