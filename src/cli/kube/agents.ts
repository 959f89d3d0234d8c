import { type AgentPod, agentSelector, readAgentPod } from '../../kube/agent-pod.ts';
import { fail, ok, type Result } from '../../lib/result.ts';
import type { KubeClient } from '../../wire/kube-client.ts';

/** Where deploy/ puts the agent: looked at when pods of the whole cluster may not be listed. */
const usualNamespace = 'pullwhy-system';

/** The agents of a node, or of all (null), by node; the failure is a clause that says why they are not known. */
export async function findAgents(
  client: KubeClient,
  {
    node,
    namespace,
    signal,
  }: { readonly node: string | null; readonly namespace: string | null; readonly signal: AbortSignal },
): Promise<Result<ReadonlyMap<string, AgentPod>, string>> {
  const fields = node === null ? '' : `&fieldSelector=${encodeURIComponent(`spec.nodeName=${node}`)}`;
  const query = `?labelSelector=${encodeURIComponent(agentSelector)}${fields}`;
  const listIn = (place: string | null) =>
    client.list(
      { path: `${place === null ? '/api/v1/pods' : `/api/v1/namespaces/${place}/pods`}${query}`, read: readAgentPod },
      { signal },
    );
  let found = await listIn(namespace);
  if (!found.ok && found.error.kind === 'forbidden' && namespace === null) found = await listIn(usualNamespace);
  if (!found.ok) {
    return fail(
      found.error.kind === 'forbidden'
        ? `you may not list pods in ${namespace ?? usualNamespace}, where agents are looked for (--agent-namespace)`
        : `agents could not be looked for: ${found.error.message}`,
    );
  }
  const agents = new Map<string, AgentPod>();
  for (const agent of found.value.items) {
    // While one is replaced there are two.
    if (agents.get(agent.node)?.ready !== true) agents.set(agent.node, agent);
  }
  return ok(agents);
}
