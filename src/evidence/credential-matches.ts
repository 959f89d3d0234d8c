import type { CredentialsInfo } from '../model/plan.ts';
import { probesOf, type View } from './view.ts';

/** One entry that serves the image, as documents show it. */
export type CredentialMatch = CredentialsInfo['matches'][number];

/**
 * Everything that could be sent for the image, in the kubelet's order: the pod's secrets, the node's files, then what its
 * plugins gave (Kubernetes, pkg/kubelet/kuberuntime, PullImage: the secrets' keyring, then node files, then plugins). The
 * place in this list is an identity's index.
 */
export function matchesOf(view: View): readonly CredentialMatch[] {
  return [...(view.plan.credentials?.matches ?? []), ...pluginMatches(view)];
}

/** What the plugins gave. */
export function pluginMatches(view: View): readonly CredentialMatch[] {
  return probesOf(view, 'credentials')[0]?.facts.matches ?? [];
}

/** The kubelet's plugins are to be asked for this image, and have not said yet what they have. */
export function awaitsPlugins(view: View): boolean {
  const asked = view.plan.kubelet.credentialProviders?.providers ?? [];
  const able = asked.some(({ pattern, problem }) => pattern !== null && problem === null);
  return able && !view.probes.some(({ kind }) => kind === 'credentials');
}

/** This identity's credentials come from the kubelet, with the pull: neither nobody's nor the runtime's own. */
export function isKubelets(view: View, index: number): boolean {
  const match = matchesOf(view)[index];
  return match !== undefined && match.sentTo === undefined;
}
