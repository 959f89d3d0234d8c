import { arrayMember, isRecord, recordMember, stringMember } from '../lib/json.ts';
import { safeLine } from '../lib/redact.ts';
import type { PodInfo, PodSecretInfo } from '../model/pod-info.ts';
import { type CredentialFile, type CredentialFormat, parseCredentials } from '../node/credentials.ts';
import type { KubePod } from './pod.ts';

/** What the API server says of one secret. */
export type SecretAnswer =
  | { readonly kind: 'found'; readonly object: unknown }
  | { readonly kind: 'missing' }
  /** A clause whose subject is the secret; and who lacks the right to read it, where that is it. */
  | { readonly kind: 'unknown'; readonly why: string; readonly reader: string | null };

/** A pod's pull secrets: what is said of them, and what they hold for one investigation. */
export interface PodCredentials {
  readonly info: PodInfo;
  /** Of the secrets that the kubelet takes, in the order of the pod. They make one keyring. */
  readonly files: readonly CredentialFile[];
}

/** The types that the kubelet takes, with the member that each must have (Kubernetes, pkg/credentialprovider/secrets). */
const types: ReadonlyMap<string, { readonly key: string; readonly format: CredentialFormat }> = new Map([
  ['kubernetes.io/dockerconfigjson', { key: '.dockerconfigjson', format: 'dockerconfigjson' }],
  ['kubernetes.io/dockercfg', { key: '.dockercfg', format: 'dockercfg' }],
]);

/** Registries of one secret that are shown. */
const maxKeys = 32;

/** How a secret is named wherever it is told of. */
export function secretName(namespace: string, name: string): string {
  return `Secret ${namespace}/${name}`;
}

/** The names of a pod's pull secrets that the kubelet asks for: each once, and no empty ones (kubelet_pods.go). */
export function pullSecretNames({ pullSecrets }: Pick<KubePod, 'pullSecrets'>): readonly string[] {
  return [...new Set(pullSecrets.filter((name) => name !== ''))];
}

/** The imagePullSecrets of a ServiceAccount (core/v1). */
export function accountSecrets(account: unknown): readonly string[] {
  const list = isRecord(account) ? (arrayMember(account, 'imagePullSecrets') ?? []) : [];
  return list.filter(isRecord).flatMap((one) => stringMember(one, 'name') ?? []);
}

/**
 * What a pod's secrets give, as the kubelet takes them. It goes by the pod's own list; admission copies the service account's
 * there when a pod is made without one (plugin/pkg/admission/serviceaccount). `answers` by the secret's name; `account`: what the
 * service account names now, null where that is not known. Pure.
 */
export function podCredentials(
  pod: Pick<KubePod, 'namespace' | 'name' | 'serviceAccount' | 'pullSecrets'>,
  answers: ReadonlyMap<string, SecretAnswer>,
  account: readonly string[] | null,
): PodCredentials {
  const { namespace, name, serviceAccount } = pod;
  const names = pullSecretNames(pod);
  const copied = account !== null && names.length > 0 && names.join('\n') === account.join('\n');
  const files: CredentialFile[] = [];
  const secrets = names.map((secret): PodSecretInfo => {
    const answer = answers.get(secret) ?? { kind: 'unknown' as const, why: 'was not read', reader: null };
    const base = { name: secret, from: copied ? ('service-account' as const) : ('pod' as const), keys: [] };
    if (answer.kind === 'missing')
      return { ...base, state: 'missing', why: `does not exist in the namespace ${namespace}` };
    if (answer.kind === 'unknown') return { ...base, state: 'unknown', why: answer.why };
    const read = readSecret(answer.object, secretName(namespace, secret));
    if ('why' in read) return { ...base, ...read };
    files.push(read);
    const metadata = isRecord(answer.object) ? recordMember(answer.object, 'metadata') : null;
    const uid = metadata === null ? null : stringMember(metadata, 'uid');
    const known = uid === null || uid === '' ? {} : { uid: safeLine(uid, 64) };
    return { ...base, state: 'usable', why: null, keys: read.hosts.slice(0, maxKeys), ...known };
  });
  const later = (names.length === 0 ? (account ?? []) : []).map((secret): PodSecretInfo => {
    const why = `is named by the service account ${serviceAccount} and not by the pod, which was made before`;
    return { name: secret, from: 'later', state: 'unknown', why, keys: [] };
  });
  const denied = [...answers.values()].find((answer) => answer.kind === 'unknown' && answer.reader !== null);
  return {
    info: {
      namespace,
      name,
      serviceAccount,
      secrets: [...secrets, ...later],
      reader: denied?.kind === 'unknown' ? denied.reader : null,
    },
    files,
  };
}

/** What a secret gives, or what the kubelet makes of it. */
function readSecret(object: unknown, source: string): CredentialFile | Pick<PodSecretInfo, 'state' | 'why'> {
  const type = (isRecord(object) ? stringMember(object, 'type') : null) ?? 'Opaque';
  const known = types.get(type);
  const data = isRecord(object) ? recordMember(object, 'data') : null;
  if (known === undefined) {
    const wanted = [...types.keys()].join(' or ');
    return { state: 'wrong-type', why: `has the type ${safeLine(type, 100)}, and the kubelet takes ${wanted} only` };
  }
  const text = Buffer.from((data === null ? null : stringMember(data, known.key)) ?? '', 'base64').toString('utf8');
  if (text === '') return { state: 'no-data', why: `has nothing in data[${JSON.stringify(known.key)}]` };
  const parsed = parseCredentials(text, source, known.format);
  if (parsed.ok) return parsed.value;
  const about = parsed.error.message.startsWith(source)
    ? parsed.error.message.slice(source.length)
    : parsed.error.message;
  return { state: 'unparseable', why: about.replace(/^[:\s]+/, '').replace(/\.$/, '') };
}
