import type { CauseId, Layer } from '../../model/cause-id.ts';

/**
 * Which attributes explain a failure at each layer, the likeliest first: of attributes that the same nodes have, the
 * first of these is named, and a comparison begins with them.
 */
const byLayer: Readonly<Record<Layer, readonly string[]>> = {
  reference: ['registry-configuration', 'runtime', 'runtime-version'],
  policy: ['registry-configuration', 'kubelet-version', 'runtime-version'],
  kubelet: ['kubelet-version', 'node-pool'],
  runtime: ['runtime', 'runtime-version', 'registry-configuration', 'kernel', 'os'],
  node: ['instance-type', 'node-pool', 'kernel', 'os', 'runtime-version'],
  endpoint: ['registry-configuration', 'proxy', 'nameserver', 'first-nameserver', 'zone'],
  dns: ['nameserver', 'first-nameserver', 'search-domain', 'zone', 'region'],
  tcp: ['zone', 'region', 'egress-address', 'proxy', 'no-proxy', 'node-pool', 'registry-configuration'],
  proxy: ['proxy', 'no-proxy', 'zone', 'region'],
  tls: [
    'trust-store',
    'authorities',
    'proxy',
    'registry-configuration',
    'zone',
    'nameserver',
    'first-nameserver',
    'runtime-version',
  ],
  registry: ['egress-address', 'proxy', 'registry-configuration', 'zone', 'region'],
  auth: ['registry-configuration', 'egress-address', 'kubelet-version', 'proxy', 'zone'],
  manifest: ['architecture', 'os', 'runtime', 'runtime-version', 'registry-configuration'],
  blob: ['egress-address', 'proxy', 'no-proxy', 'zone', 'region', 'nameserver', 'first-nameserver'],
};

/** Attributes in the order in which they explain failures at a layer; those that are not in it come after. */
export function relevantTo(layer: Layer): readonly string[] {
  return byLayer[layer];
}

/**
 * Causes for which not everything can be the reason. A registry's limit counts by address, and most nodes' checks do not
 * use it up: only where the nodes reach out from can set them apart, not what happens to run on them.
 */
const only: { readonly [K in CauseId]?: readonly string[] } = {
  'rate-limited': ['egress-address', 'proxy', 'zone', 'region'],
};

/** The only attributes that can be the reason for a cause; null: any. */
export function onlyReasons(cause: CauseId): readonly string[] | null {
  return only[cause] ?? null;
}
