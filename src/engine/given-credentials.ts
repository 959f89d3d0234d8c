import type { Secret } from '../lib/secret.ts';
import type { PullPlan } from './plan.ts';
import { credentialsInfo, type PlannedCredential } from './plan-credentials.ts';

/** Credentials that somebody hands over for one image. */
export interface GivenCredentials {
  readonly username: string;
  readonly password: Secret;
}

/** What documents name them by. */
const source = 'the request';

/**
 * `plan` with credentials of its own, as if a pod's pull secret had them for this image's registry: the kubelet tries
 * them first, then the node's (Kubernetes, pkg/credentialprovider/secrets). No file has them, and none is written.
 */
export function withCredentials(plan: PullPlan, { username, password }: GivenCredentials): PullPlan {
  const { registry } = plan.body.image;
  if (registry === null) return plan;
  const given: PlannedCredential = { key: registry, source, username, password, email: '', ofPod: true, sentTo: null };
  // The runtime's own count only where the kubelet hands none over.
  const credentials = [given, ...plan.credentials.filter(({ sentTo }) => sentTo === null)];
  const body = { ...plan.body, credentials: credentialsInfo(credentials, null) };
  return { ...plan, body, credentials };
}

/** `plan` for somebody who has no credentials, whatever the node's files have; its plugins are asked by their own probe. */
export function withoutCredentials(plan: PullPlan): PullPlan {
  return { ...plan, body: { ...plan.body, credentials: credentialsInfo([], null) }, credentials: [] };
}
