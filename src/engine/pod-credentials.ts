import type { PodCredentials } from '../kube/pull-secrets.ts';
import type { Problem } from '../model/problem.ts';
import type { PullPlan } from './plan.ts';
import { credentialHosts, credentialsFor, credentialsInfo } from './plan-credentials.ts';

/** What a pod's credentials are for: `probe`, to be tried at the registry alone; `pull`, to be handed to the runtime, too. */
export type PodCredentialUse = 'probe' | 'pull';

/**
 * `plan` for a pod: its pull secrets make the keyring that the kubelet asks first, then come the node's files, then its plugins
 * (Kubernetes, pkg/kubelet: MakeDockerKeyring over the pod's secrets, in a union with the node's keyrings). What they hold
 * lives as long as the plan.
 */
export function withPodCredentials(plan: PullPlan, { info, files }: PodCredentials, use: PodCredentialUse): PullPlan {
  const all = { pod: files, node: plan.credentialFiles.node };
  const { image } = plan.body;
  const credentials = credentialsFor(image, all, plan.files);
  const told = files.flatMap(({ source, notices }) =>
    notices.map(
      ({ message }): Problem => ({
        severity: 'warning',
        cause: 'pull-secret-invalid',
        source,
        message,
        harmless: true,
      }),
    ),
  );
  return {
    ...plan,
    body: {
      ...plan.body,
      credentials: credentialsInfo(credentials, null),
      credentialHosts: credentialHosts(image, all),
      pod: info,
      problems: [...plan.body.problems, ...told],
    },
    credentials:
      use === 'pull' ? credentials : credentials.map((one) => (one.ofPod ? { ...one, probeOnly: true as const } : one)),
    credentialFiles: all,
  };
}
