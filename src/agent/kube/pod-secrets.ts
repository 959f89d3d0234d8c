import type { PodCredentials, SecretAnswer } from '../../kube/pull-secrets.ts';
import { pause } from '../../lib/pause.ts';
import { safeLine } from '../../lib/redact.ts';
import { ok, type Result } from '../../lib/result.ts';
import { imageKey } from '../../signals/image-match.ts';
import type { KubeAccess } from '../../wire/kube-access.ts';
import type { KubeClient } from '../../wire/kube-client.ts';
import type { KubeFailure } from '../../wire/kube-failure.ts';
import type { PodName, SourceState } from '../parts.ts';
import { type ApiPlace, apiAccess, hasServer } from './api-access.ts';
import type { PodDirectory } from './known-pods.ts';

/** What reading pull secrets needs. */
export interface PodSecretsNeeds extends Omit<ApiPlace, 'enabled'> {
  readonly settings: { readonly enabled: 'auto' | 'on' | 'off'; readonly readSecrets: boolean };
  /** The pods of this node, and no others. */
  readonly directory: Pick<PodDirectory, 'get'>;
  /** For tests: the way to the API server instead of the one that the variables tell. */
  readonly access?: KubeAccess;
}

/**
 * The pull secrets of a pod of this node, for one investigation of an image that the pod names; null: no such pod is known.
 * Never throws.
 */
export type ReadPodSecrets = (pod: PodName, image: string, signal: AbortSignal) => Promise<PodCredentials | null>;

/** Reads pull secrets, as far as it may. */
export interface PodSecrets {
  readonly read: ReadPodSecrets;
  /** Null: none are to be read. */
  readonly state: () => SourceState | null;
}

/** Secrets of one pod that are read; a handful is many. */
const maxSecrets = 16;

/** An investigation has ten seconds by default, and an API server answers in milliseconds. */
const answerMs = 2500;

/** The agent's account in deploy/, where nothing tells its name. */
const usualReader = 'pullwhy-system:pullwhy-agent';

/**
 * Makes it. With kubernetes.readSecrets the secrets that the pod names are asked for one by one, at each call anew; nothing is
 * kept. Without it they are named, and nobody is asked.
 */
export function openPodSecrets({ env, variables, settings, directory, access }: PodSecretsNeeds): PodSecrets {
  const openedAt = env.monotonic();
  const expected = settings.enabled !== 'off' && (access !== undefined || hasServer(variables));
  /** By namespace: who lacks the right there. */
  const denied = new Map<string, string>();
  let since = env.now();
  let lastReadAt: number | null = null;
  const read: ReadPodSecrets = async ({ namespace, name }, image, signal) => {
    // The journal is read sooner than the API server answers.
    while (
      expected &&
      directory.get(namespace, name) === null &&
      env.monotonic() - openedAt < startMs &&
      !signal.aborted
    )
      await pause(pollMs, signal);
    const pod = directory.get(namespace, name);
    const key = imageKey(image);
    // A caller names the image: a pod's credentials are for those that the pod itself names.
    if (pod === null || !pod.images.some((one) => imageKey(one.image) === key)) return null;
    const { podCredentials, pullSecretNames, accountSecrets } = await import('../../kube/pull-secrets.ts');
    const names = pullSecretNames(pod);
    const all = (answer: SecretAnswer) => new Map(names.map((one) => [one, answer]));
    if (!settings.readSecrets) {
      const why = 'is not read (kubernetes.readSecrets is off)';
      return podCredentials(pod, all({ kind: 'unknown', why, reader: usualReader }), null);
    }
    const way = await wayTo({ env, variables, settings, access });
    if (!way.ok)
      return podCredentials(pod, all({ kind: 'unknown', why: `cannot be read: ${way.error}`, reader: null }), null);
    const { openKubeClient } = await import('../../wire/kube-client.ts');
    const client = openKubeClient(way.value, env);
    try {
      const options = { timeoutMs: answerMs, signal };
      const accountPath = `/api/v1/namespaces/${namespace}/serviceaccounts/${pod.serviceAccount}`;
      const [answers, account] = await Promise.all([
        Promise.all(names.slice(0, maxSecrets).map((one) => readSecret(client, namespace, one, options))),
        isObjectName(pod.serviceAccount) ? client.get(accountPath, options) : null,
      ]);
      lastReadAt = env.now();
      const lacking = answers.find((one) => one.kind === 'unknown' && one.reader !== null);
      if (denied.has(namespace) !== (lacking !== undefined)) since = env.now();
      if (lacking?.kind === 'unknown' && denied.size < mostDenied) denied.set(namespace, lacking.reader ?? usualReader);
      else denied.delete(namespace);
      const told = new Map(names.map((one, index) => [one, answers[index] ?? tooMany]));
      return podCredentials(pod, told, account?.ok === true ? accountSecrets(account.value) : null);
    } finally {
      await client.close();
    }
  };

  return {
    read,
    state() {
      if (!settings.readSecrets) return null;
      const [first] = denied;
      const note =
        first === undefined
          ? 'The pull secrets of pods that wait are read for each investigation.'
          : `The pull secrets of ${[...denied.keys()].join(', ')} may not be read: kubectl create rolebinding pullwhy-pull-secrets -n ${first[0]} --clusterrole=pullwhy-pull-secrets --serviceaccount=${first[1]}`;
      const word = first === undefined ? 'following' : 'unreadable';
      return { source: 'kubernetes-secrets', state: word, note, since, lastEventAt: lastReadAt };
    },
  };
}

/** Namespaces that are named as lacking a right. */
const mostDenied = 8;

/** So long after the start a pod that is not known may be told of at any moment. */
const startMs = 2000;
const pollMs = 50;

const tooMany: SecretAnswer = {
  kind: 'unknown',
  why: `is not read: the pod names more than ${maxSecrets}`,
  reader: null,
};

async function wayTo({
  env,
  variables,
  settings: { enabled },
  access,
}: Omit<PodSecretsNeeds, 'directory' | 'access'> & { readonly access: KubeAccess | undefined }): Promise<
  Result<KubeAccess, string>
> {
  if (access !== undefined) return ok(access);
  if (enabled === 'off') return { ok: false, error: 'kubernetes.enabled is off' };
  return apiAccess({ env, enabled, variables });
}

async function readSecret(
  client: KubeClient,
  namespace: string,
  name: string,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<SecretAnswer> {
  // Whoever makes a pod writes this name, and the API server does not check it: what no secret can be called has none.
  if (!isObjectName(name)) return { kind: 'missing' };
  const read = await client.get(`/api/v1/namespaces/${namespace}/secrets/${name}`, options);
  return read.ok ? { kind: 'found', object: read.value } : unread(read.error);
}

/** A name that an object can have (apimachinery, DNS subdomain): nothing in it leads to another path. */
function isObjectName(name: string): boolean {
  return name.length <= 253 && /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/.test(name);
}

function unread({ kind, message }: KubeFailure): SecretAnswer {
  if (kind === 'not-found') return { kind: 'missing' };
  const said = safeLine(message, 300);
  if (kind !== 'forbidden') return { kind: 'unknown', why: `could not be read: ${said}`, reader: null };
  const [, place, account] = /system:serviceaccount:([\w.-]+):([\w.-]+)/.exec(message) ?? [];
  const reader = place === undefined || account === undefined ? usualReader : `${place}:${account}`;
  return { kind: 'unknown', why: `may not be read by the agent (${said})`, reader };
}
