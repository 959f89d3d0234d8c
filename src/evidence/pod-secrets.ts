import type { PodInfo, PodSecretInfo } from '../model/pod-info.ts';
import type { View } from './view.ts';

/** Some of a pod's pull secrets. */
export interface PodSecrets {
  readonly pod: PodInfo;
  readonly secrets: readonly PodSecretInfo[];
}

/** The pod's secrets in one of these states, where there are any. */
export function secretsIn(view: Pick<View, 'plan'>, states: readonly PodSecretInfo['state'][]): PodSecrets | null {
  const { pod } = view.plan;
  const secrets = (pod?.secrets ?? []).filter(({ state, from }) => states.includes(state) && from !== 'later');
  return pod === undefined || secrets.length === 0 ? null : { pod, secrets };
}

/** The pod names pull secrets that were not read: what they would give is not known. */
export function unreadSecrets(view: Pick<View, 'plan'>): PodSecrets | null {
  return secretsIn(view, ['unknown']);
}

/** A secret that stops the kubelet before it asks any registry, whatever the image (secrets.go, MakeDockerKeyring). */
export function stoppingSecret(view: Pick<View, 'plan'>): PodSecrets | null {
  return secretsIn(view, ['unparseable']);
}

/** Secrets that the service account has since the pod was made. */
export function laterSecrets({ plan: { pod } }: Pick<View, 'plan'>): PodSecrets | null {
  const secrets = (pod?.secrets ?? []).filter(({ from }) => from === 'later');
  return pod === undefined || secrets.length === 0 ? null : { pod, secrets };
}

/** `shop/regcred and shop/other`, with what is to be said of each. */
export function secretsWords({ pod, secrets }: PodSecrets, withWhy = true): string {
  const each = secrets
    .slice(0, 4)
    .map(({ name, why }) => `${pod.namespace}/${name}${withWhy && why !== null ? ` ${why}` : ''}`);
  const more = secrets.length - each.length;
  return `${each.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
