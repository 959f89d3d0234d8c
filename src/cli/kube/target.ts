import { type KubePod, readPod } from '../../kube/pod.ts';
import { limits } from '../../lib/limits.ts';
import { ok, type Result } from '../../lib/result.ts';
import { count, listed } from '../../lib/words.ts';
import type { KubeClient } from '../../wire/kube-client.ts';
import { misnamed, orStop, type Stop, stopOf } from './failure.ts';
import { selectorOf, type WorkloadKind, workloadKind, workloadWords } from './workload.ts';

/** What is looked at. */
export type Target =
  | { readonly kind: 'pod'; readonly name: string }
  | { readonly kind: 'workload'; readonly of: WorkloadKind; readonly name: string }
  /** Whatever waits for an image. */
  | { readonly kind: 'all' };

/** Where it is looked for. */
export interface Scope {
  /** Null: in all namespaces. */
  readonly namespace: string | null;
  /** Null: on all nodes. */
  readonly node: string | null;
}

/** Names of the API: lower case, digits, dots and dashes; they go into paths, and nothing else does. */
const nameForm = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/;

/** Reads `POD`, `pod/NAME`, `deploy/NAME`; the failure says what is wrong with it. */
export function parseTarget(text: string | undefined): Result<Target, Stop> {
  if (text === undefined) return ok({ kind: 'all' });
  const parts = text.split('/');
  const name = parts.at(-1) ?? '';
  if (parts.length > 2 || !nameForm.test(name))
    return misnamed(`"${text.slice(0, 300)}" is no name of a pod: POD, or ${workloadWords[0]}/NAME, is wanted.`);
  const [word = ''] = parts;
  if (parts.length === 1 || /^(?:po|pods?)$/i.test(word)) return ok({ kind: 'pod', name });
  const of = workloadKind(word);
  return of === null
    ? misnamed(`"${word}" is no kind that has pods here: ${listed([...workloadWords], 9)} are known.`)
    : ok({ kind: 'workload', of, name });
}

/** Whether a namespace or a node may be called so. */
export function isName(text: string): boolean {
  return nameForm.test(text);
}

/** The pods that are meant. Of `all` those that may wait for an image; ended ones are never among them. */
export async function findPods(
  client: KubeClient,
  target: Target,
  scope: Scope,
  signal: AbortSignal,
): Promise<Result<readonly KubePod[], Stop>> {
  if (target.kind === 'pod') return findPod(client, target.name, scope, signal);
  if (target.kind === 'all') {
    const fields = ['status.phase!=Succeeded', 'status.phase!=Failed'];
    if (scope.node !== null) fields.push(`spec.nodeName=${scope.node}`);
    const listing = `${podsPath(scope.namespace)}?fieldSelector=${encodeURIComponent(fields.join(','))}`;
    return listPods(client, listing, signal, mayWait);
  }
  const { of, name } = target;
  const { namespace } = scope;
  if (namespace === null) return misnamed(`${of.word}/${name} is in one namespace: name it by -n, without -A.`);
  const path = `${of.group}/namespaces/${namespace}/${of.plural}/${name}`;
  const workload = await client.get(path, { signal });
  if (!workload.ok) {
    return workload.error.kind === 'not-found'
      ? misnamed(`There is no ${of.word} ${name} in the namespace ${namespace} (kubectl get ${of.plural} -A).`)
      : orStop(workload, `get ${of.plural}`);
  }
  const selector = selectorOf(workload.value);
  if (selector === null) return misnamed(`The ${of.word} ${name} has no selector, so its pods cannot be told.`);
  const fields = scope.node === null ? '' : `&fieldSelector=${encodeURIComponent(`spec.nodeName=${scope.node}`)}`;
  const pods = await listPods(
    client,
    `${podsPath(namespace)}?labelSelector=${encodeURIComponent(selector)}${fields}`,
    signal,
  );
  if (!pods.ok || pods.value.length > 0) return pods;
  const where = scope.node === null ? '' : ` on ${scope.node}`;
  return misnamed(
    `The ${of.word} ${namespace}/${name} has no pods${where}: nothing pulls for it (kubectl -n ${namespace} describe ${of.word} ${name} tells why).`,
  );
}

async function findPod(
  client: KubeClient,
  name: string,
  { namespace, node }: Scope,
  signal: AbortSignal,
): Promise<Result<readonly KubePod[], Stop>> {
  if (namespace === null) {
    const listing = `${podsPath(null)}?fieldSelector=${encodeURIComponent(`metadata.name=${name}`)}`;
    const found = await listPods(client, listing, signal);
    if (!found.ok) return found;
    const [one, ...others] = found.value;
    if (one === undefined) return misnamed(`There is no pod ${name} in any namespace (kubectl get pods -A).`);
    if (others.length > 0) {
      const places = listed(
        found.value.map((pod) => pod.namespace),
        8,
      );
      return misnamed(`There are ${found.value.length} pods ${name}, in ${places}: name the namespace by -n.`);
    }
    return onNode(one, node);
  }
  const got = await client.get(`${podsPath(namespace)}/${name}`, { signal });
  if (!got.ok) {
    return got.error.kind === 'not-found'
      ? misnamed(await noSuchPod(client, name, namespace, signal))
      : orStop(got, 'get pods');
  }
  const pod = readPod(got.value);
  return pod.ok ? onNode(pod.value, node) : misnamed(`${pod.error} Is it an API server that answers?`);
}

function onNode(pod: KubePod, node: string | null): Result<readonly KubePod[], Stop> {
  if (node === null || pod.node === node) return ok([pod]);
  return misnamed(`The pod ${pod.namespace}/${pod.name} is on ${pod.node ?? 'no node yet'}, not on ${node}.`);
}

/** Says so, with pods whose names begin alike: the name of a deployment is the usual slip. */
async function noSuchPod(client: KubeClient, name: string, namespace: string, signal: AbortSignal): Promise<string> {
  const none = `There is no pod ${name} in the namespace ${namespace}`;
  const pods = await listPods(client, podsPath(namespace), signal);
  if (!pods.ok) return `${none} (kubectl get pods -n ${namespace}).`;
  const near = pods.value.filter((pod) => pod.name.startsWith(`${name}-`) || pod.owner?.name === name);
  const [first] = near;
  if (first === undefined)
    return `${none}${pods.value.length === 0 ? ', nor any other' : ''}: -n names another namespace, -A looks in all of them.`;
  const owner = first.owner?.name === name ? workloadKind(first.owner.kind) : null;
  const whole = owner === null ? '' : `${owner.word}/${name}, or `;
  return `${none}; ${count(near.length, 'pod')} of it may be meant: ${whole}${listed(
    near.map((pod) => pod.name),
    3,
  )}.`;
}

function podsPath(namespace: string | null): string {
  return namespace === null ? '/api/v1/pods' : `/api/v1/namespaces/${namespace}/pods`;
}

async function listPods(
  client: KubeClient,
  path: string,
  signal: AbortSignal,
  wanted: (pod: KubePod) => boolean = () => true,
): Promise<Result<readonly KubePod[], Stop>> {
  const pods = await client.list(
    {
      path,
      pageItems: 500,
      // A pod of no interest is not kept: a large cluster has tens of thousands.
      read(object) {
        const pod = readPod(object);
        return pod.ok ? ok(wanted(pod.value) ? pod.value : null) : pod;
      },
    },
    { signal },
  );
  if (!pods.ok) {
    const stop = stopOf(pods.error, 'list pods');
    const narrower = ` More than ${limits.kubeListItems} pods are not looked through: name a namespace or a node.`;
    return { ok: false, error: pods.error.kind === 'too-large' ? { ...stop, message: stop.message + narrower } : stop };
  }
  return ok(pods.value.items.filter((pod) => pod !== null));
}

/** Some container has not started, and what it waits for may be its image. */
function mayWait({ images, deleting }: KubePod): boolean {
  return !deleting && images.some(({ state, kind }) => state === 'waiting' || (state === 'none' && kind !== 'volume'));
}
