import { PodsDocument } from '../../api/node.ts';
import type { AgentPod } from '../../kube/agent-pod.ts';
import type { KubeClient } from '../../wire/kube-client.ts';
import type { AgentClient } from '../agent-client.ts';
import { agentByPortForward, type ForwardNeeds } from './agent-by-port-forward.ts';
import { agentByProxy } from './agent-by-proxy.ts';
import type { ReachedAgent } from './report.ts';

/** An agent that answers. */
export interface Reached {
  readonly agent: ReachedAgent;
  /** Null: it was not reached. */
  readonly client: AgentClient | null;
  readonly rows: PodsDocument['pods'];
  readonly close: () => Promise<void>;
}

/** Longest wait for the first answer: a node that is gone does not answer at all. */
const answerMs = 5000;

const nothing = async (): Promise<void> => undefined;

/** Reaches an agent by the API server's proxy, else by a port-forward (`forward` null: not by one), and asks for its pods. */
export async function reachAgent(
  client: KubeClient,
  pod: AgentPod,
  forward: ForwardNeeds | null,
  signal: AbortSignal,
): Promise<Reached> {
  const unreached = (why: string): Reached => ({
    agent: { pod, by: null, why },
    client: null,
    rows: [],
    close: nothing,
  });
  if (!pod.ready) return unreached(`it is not ready (${pod.phase})`);
  const question = { path: '/v1/pods', timeoutMs: answerMs };
  const proxied = agentByProxy(client, pod, signal);
  const first = await proxied.document(PodsDocument, question);
  if (first.ok)
    return { agent: { pod, by: 'proxy', why: null }, client: proxied, rows: first.value.pods, close: nothing };
  if (forward === null) return unreached(first.error);
  const forwarded = await agentByPortForward(pod, forward);
  if (!forwarded.ok) return unreached(`${first.error}; and ${forwarded.error}`);
  const second = await forwarded.value.client.document(PodsDocument, question);
  if (!second.ok) {
    await forwarded.value.close();
    return unreached(`by a port-forward, ${second.error.replace(/\.$/, '')}`);
  }
  const { client: reached, close } = forwarded.value;
  return { agent: { pod, by: 'port-forward', why: null }, client: reached, rows: second.value.pods, close };
}
