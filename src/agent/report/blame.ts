import type { RegistryRow } from '../../api/node.ts';
import type { ReportItem } from '../../api/report.ts';
import { causeOf } from '../../causes/index.ts';
import type { CauseId, Layer } from '../../model/cause-id.ts';

/** What an item of the report is about. */
export type Subject = 'image' | 'registry' | 'node';

const layersOfImage: ReadonlySet<Layer> = new Set<Layer>(['reference', 'policy', 'kubelet', 'manifest']);
const layersOfNode: ReadonlySet<Layer> = new Set<Layer>(['node', 'runtime']);

/** Where the layer alone does not tell. */
const exceptions: Partial<Readonly<Record<CauseId, Subject>>> = {
  'digest-mismatch': 'image',
  'unpack-failed': 'image',
  'pull-canceled': 'image',
  unknown: 'image',
  'pull-qps-exceeded': 'node',
  // Each of these is a registry that fails, or that the node was told not to use.
  'pull-policy-always': 'registry',
  'registry-blocked': 'registry',
};

/** What a cause is about: one image, a registry with all of its images, or this node with all registries. */
export function subjectOf(cause: CauseId): Subject {
  const { layer } = causeOf(cause);
  return exceptions[cause] ?? (layersOfImage.has(layer) ? 'image' : layersOfNode.has(layer) ? 'node' : 'registry');
}

/** What ends by itself. */
const passing: ReadonlySet<CauseId> = new Set<CauseId>(['back-off-only', 'pull-queued', 'pull-canceled']);

/**
 * True when something is wrong with the node, its network or a registry. A user's misspelt tag marks no node as bad,
 * and neither does a name that nobody knows, unless the node uses images of that registry.
 */
export function isFaultOfNode(item: ReportItem, registries: readonly RegistryRow[]): boolean {
  const cause = item.underlying ?? item.cause;
  if (passing.has(cause)) return false;
  if (cause === 'rate-limited') return true;
  if (cause === 'dns-name-not-found') {
    const row = registries.find(({ registry }) => registry === item.subject);
    return row?.usedBy.some((why) => why !== 'incidents') ?? false;
  }
  return causeOf(cause).fixedBy !== 'workload';
}
