import type { Env } from '../../lib/env.ts';
import { isRecord, recordMember, stringMember } from '../../lib/json.ts';
import { safeLine } from '../../lib/redact.ts';
import { fail, ok, type Result } from '../../lib/result.ts';
import type { KubeAccess } from '../../wire/kube-access.ts';
import { type ApiPlace, apiAccess } from '../kube/api-access.ts';
import type { Attributes } from './records.ts';

/** Labels that say the same under the names of several clouds, the usual name first. */
const labelsOf: Readonly<Record<string, readonly string[]>> = {
  zone: ['topology.kubernetes.io/zone', 'failure-domain.beta.kubernetes.io/zone'],
  region: ['topology.kubernetes.io/region', 'failure-domain.beta.kubernetes.io/region'],
  'instance-type': ['node.kubernetes.io/instance-type', 'beta.kubernetes.io/instance-type'],
  'node-pool': [
    'cloud.google.com/gke-nodepool',
    'eks.amazonaws.com/nodegroup',
    'alpha.eksctl.io/nodegroup-name',
    'kubernetes.azure.com/agentpool',
    'karpenter.sh/nodepool',
    'karpenter.sh/provisioner-name',
    'kops.k8s.io/instancegroup',
    'doks.digitalocean.com/node-pool',
    'lke.linode.com/pool-id',
    'k8s.scaleway.com/pool-name',
  ],
};

/** What the API server's object of this node says of it, by the names of attributes. */
export function attributesOfNode(node: unknown): Attributes {
  const metadata = isRecord(node) ? recordMember(node, 'metadata') : null;
  const labels = metadata === null ? null : recordMember(metadata, 'labels');
  const status = isRecord(node) ? recordMember(node, 'status') : null;
  const info = status === null ? null : recordMember(status, 'nodeInfo');
  const found: Record<string, readonly string[]> = {};
  for (const [name, keys] of Object.entries(labelsOf)) {
    const value = labels === null ? undefined : keys.map((key) => stringMember(labels, key)).find(Boolean);
    if (value !== undefined && value !== null) found[name] = [safeLine(value, 256)];
  }
  const version = info === null ? null : stringMember(info, 'kubeletVersion');
  if (version !== null && version !== '') found['kubelet-version'] = [safeLine(version, 100)];
  return found;
}

/** What asking needs. */
export interface NodeLabelsNeeds extends ApiPlace {
  readonly env: Env;
  readonly node: string;
  /** For tests: the way to the API server instead of the one that the variables tell. */
  readonly access?: KubeAccess;
}

/** Longest wait for the API server's answer. */
const answerMs = 10_000;

/** Asks the API server for this node, once; the failure is a sentence. What speaks Kubernetes is loaded here. */
export async function askNode(needs: NodeLabelsNeeds, signal: AbortSignal): Promise<Result<Attributes, string>> {
  const access = needs.access === undefined ? await apiAccess(needs) : ok(needs.access);
  if (!access.ok) return access;
  const { openKubeClient } = await import('../../wire/kube-client.ts');
  const client = openKubeClient(access.value, needs.env);
  try {
    const path = `/api/v1/nodes/${encodeURIComponent(needs.node)}`;
    const answer = await client.get(path, { timeoutMs: answerMs, signal });
    if (answer.ok) return ok(attributesOfNode(answer.value));
    const right = answer.error.kind === 'forbidden' ? " Let the agent's service account get nodes." : '';
    return fail(`${answer.error.message}${right}`);
  } finally {
    await client.close();
  }
}
