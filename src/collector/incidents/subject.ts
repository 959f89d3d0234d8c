import type { SubjectShape } from '../../api/fleet.ts';
import { causeOf } from '../../causes/index.ts';
import type { CauseId, Layer } from '../../model/cause-id.ts';
import type { Observation } from '../parts.ts';

/** Layers whose causes lie on the nodes themselves. */
const nodeLayers: ReadonlySet<Layer> = new Set<Layer>(['node', 'runtime', 'kubelet']);

/** Layers whose causes lie in the image or in what asks for it, unless the cause is named below. */
const imageLayers: ReadonlySet<Layer> = new Set<Layer>(['reference', 'policy', 'manifest']);

/** Causes that are about another thing than their layer's others. */
const apart: { readonly [K in CauseId]?: SubjectShape['kind'] } = {
  'digest-mismatch': 'image',
  // A pod's own secret, whatever else is wrong.
  'pull-secret-missing': 'image',
  'pull-secret-invalid': 'image',
  // Settings of the nodes: of one registry, and of the kubelet.
  'registry-blocked': 'registry',
  'pull-qps-exceeded': 'node',
};

/** The part of a node that a cause is about, named as agents name what they check; others go by the cause's own name. */
const parts: { readonly [K in CauseId]?: string } = {
  'clock-skew': 'clock',
  'disk-full': 'image-filesystem',
  'filesystem-error': 'image-filesystem',
  'runtime-unreachable': 'runtime',
  'runtime-misconfigured': 'runtime',
  'snapshotter-unavailable': 'runtime',
};

/** Causes that a pod's credentials and the node's own have in common: whose they are shows only in how many meet them. */
const credentialCauses: ReadonlySet<CauseId> = new Set<CauseId>([
  'credentials-missing',
  'credentials-rejected',
  'credentials-expired',
  'access-denied',
]);

/** Layers that a look at the registry itself goes through: beyond them it says nothing of whether pulls work. */
const checkedLayers: ReadonlySet<Layer> = new Set<Layer>(['endpoint', 'dns', 'tcp', 'proxy', 'tls', 'registry']);

/** The cause that an observation counts for; null when it is evidence of nothing that could be mended. */
export function causeToCount({ verdict, cause }: Observation): CauseId | null {
  // Without a cause nobody has looked yet: a pull that fails is told before it is investigated.
  if (verdict === 'healthy' || verdict === 'inconclusive' || cause === null) return null;
  // The kubelet that waits, a pull that the node itself ended: nothing is wrong there, or nothing is left of it.
  return cause !== 'unknown' && causeOf(cause).fixedBy === 'nobody' ? null : cause;
}

/** Whether only more evidence tells if it is the registry's matter or one image's. */
export function isOfCredentials(cause: CauseId): boolean {
  return credentialCauses.has(cause);
}

/** What an observation with this cause is about. `shared`: credentials that fail for more than one owner's image. */
export function subjectOf(observation: Observation, cause: CauseId, shared: boolean): SubjectShape {
  const kind = kindOf(observation, cause, shared);
  if (kind === 'node') {
    return { kind, name: parts[cause] ?? (observation.kind === 'node' ? observation.subject : cause) };
  }
  if (kind === 'image' || observation.registry === null) return { kind: observation.kind, name: observation.subject };
  return { kind, name: observation.registry };
}

function kindOf({ kind }: Observation, cause: CauseId, shared: boolean): SubjectShape['kind'] {
  const { layer } = causeOf(cause);
  // What fits no cause is about what was looked at.
  if (cause === 'unknown') return kind;
  const own = apart[cause];
  if (kind === 'node' || own === 'node' || nodeLayers.has(layer)) return 'node';
  if (kind === 'registry') return 'registry';
  if (own !== undefined) return own;
  if (credentialCauses.has(cause)) return shared ? 'registry' : 'image';
  return imageLayers.has(layer) ? 'image' : 'registry';
}

/** Whether a healthy check of a registry says that a node does not have this cause. */
export function isSeenByChecks(cause: CauseId): boolean {
  return checkedLayers.has(causeOf(cause).layer);
}

/** Everything that an observation may turn out to be about: what healthy looks are asked for. */
export function possibleSubjects(observation: Observation): SubjectShape[] {
  const cause = causeToCount(observation);
  if (cause === null) return [];
  const own = subjectOf(observation, cause, false);
  const shared = subjectOf(observation, cause, true);
  return own.kind === shared.kind ? [own] : [own, shared];
}
