import { checkAgainst } from '../../api/schema.ts';
import type { AgentPod } from '../../kube/agent-pod.ts';
import { parseJson } from '../../lib/json.ts';
import { limits } from '../../lib/limits.ts';
import { fail, ok, type Result } from '../../lib/result.ts';
import type { KubeClient } from '../../wire/kube-client.ts';
import type { KubeFailure } from '../../wire/kube-failure.ts';
import type { AgentClient, Answer, Question } from '../agent-client.ts';

/**
 * An agent behind the API server's proxy to pods (`…/pods/https:NAME:PORT/proxy/…`). The API server takes the caller's
 * credentials away (apiserver, filters/authentication.go), so only an agent that asks nobody for them answers this way,
 * and only where the API server reaches its port. JSON alone.
 */
export function agentByProxy(client: KubeClient, agent: AgentPod, signal: AbortSignal): AgentClient {
  const { namespace, name, port, scheme } = agent;
  const base = `/api/v1/namespaces/${namespace}/pods/${scheme === 'https' ? 'https:' : ''}${name}:${port}/proxy`;
  const ask = async ({ method = 'GET', path, body, timeoutMs }: Question): Promise<Result<Answer, string>> => {
    const options = { timeoutMs, signal, maxBytes: limits.apiAnswerBytes };
    const place = `${base}${path}`;
    const answer = await (method === 'GET' ? client.get(place, options) : client.create(place, body, options));
    if (!answer.ok) return fail(proxyWords(agent, answer.error));
    return ok({ status: 200, type: 'application/json', text: JSON.stringify(answer.value) });
  };
  return {
    ask,
    async document(schema, question) {
      const answer = await ask(question);
      if (!answer.ok) return answer;
      const checked = checkAgainst(schema, parseJson(answer.value.text));
      return checked.ok ? checked : fail('it answers something that an agent of this version does not');
    },
  };
}

/** Why the proxy gave no answer of the agent, as a clause. The same client has asked the API server before, with success. */
function proxyWords({ port }: AgentPod, { kind, status }: KubeFailure): string {
  switch (kind) {
    case 'unauthorized':
      return "it wants to know who asks, and the API server's proxy does not hand that on";
    case 'forbidden':
      return "the API server's proxy may not be used (get and create pods/proxy)";
    case 'server-error':
      return `the API server does not reach its port ${port}: by default it listens on its node's loopback only`;
    case 'timeout':
      return 'it does not answer in time';
    case 'not-found':
      return 'what was asked for is not there any more';
    case 'throttled':
      return 'it is asked too often now';
    default:
      return status === null ? "the API server's proxy broke off" : `it answers ${status}`;
  }
}
