import { type PodSecrets, secretsWords } from '../evidence/pod-secrets.ts';
import type { CauseId } from '../model/cause-id.ts';
import type { Remedy } from '../model/investigation.ts';
import type { PodInfo } from '../model/pod-info.ts';
import { type CauseArgs, remedy } from './cause.ts';

/** What else may be wrong with a secret that was not read. */
export const unreadAlternatives = [
  'credentials-rejected',
  'credentials-expired',
  'pull-secret-invalid',
  'pull-secret-missing',
] as const satisfies readonly CauseId[];

/** `shop/web-0`. */
export function podName({ namespace, name }: PodInfo): string {
  return `${namespace}/${name}`;
}

/** For the command that makes the first of them anew. */
export function secretArgs({ pod, secrets }: PodSecrets): CauseArgs {
  const [first] = secrets;
  return first === undefined ? {} : { secret: first.name, namespace: pod.namespace };
}

/** Which secrets would have been needed, and why they were not tried. */
export function unreadArgs(unread: PodSecrets): CauseArgs {
  const { pod, secrets } = unread;
  const why = [...new Set(secrets.map((one) => one.why ?? 'was not read'))].slice(0, 2).join('; ');
  const many = secrets.length > 1;
  const source = `the pod ${podName(pod)} has the pull secret${many ? 's' : ''} ${secretsWords(unread, false)}, not tried, for it ${why}`;
  return { source, ...secretArgs(unread), ...(pod.reader === null ? {} : { reader: pod.reader }) };
}

/** What lets the agent read a namespace's pull secrets (deploy/components/pull-secrets has the role); nothing where it may. */
export function readerRemedy({ reader, namespace }: CauseArgs): readonly Remedy[] {
  if (reader === undefined || namespace === undefined) return [];
  const command = `kubectl create rolebinding pullwhy-pull-secrets -n ${namespace} --clusterrole=pullwhy-pull-secrets --serviceaccount=${reader}`;
  return [
    remedy(
      `Have it tried: set kubernetes.readSecrets, and let the agent read the pull secrets of ${namespace}.`,
      command,
    ),
  ];
}
