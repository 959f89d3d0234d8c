import type { Break } from '../evidence/breaks.ts';
import { limitOf } from '../evidence/limit.ts';
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

/** The page of Cloudflare's firewall rules: `Access denied | registry.example used Cloudflare to restrict access`. */
const firewallTitle = /used Cloudflare to restrict access/i;

/**
 * 403 in the form of a page from a host that is a registry otherwise: such a registry's, as Google's front ends send it, or the
 * firewall's of a content network before any.
 */
export function isBlockedPage({ exchange, way }: Break, view: View): boolean {
  if (way.hop !== 'registry' || exchange?.kind !== 'manifest' || exchange.facts.status !== 403) return false;
  return limitOf(exchange) === null && (isAllPublic(view) || firewallTitle.test(exchange.facts.title ?? ''));
}
