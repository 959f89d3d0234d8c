import { spawn } from 'node:child_process';
import type { AgentPod } from '../../kube/agent-pod.ts';
import { limits } from '../../lib/limits.ts';
import { safeLine } from '../../lib/redact.ts';
import { fail, ok, type Result } from '../../lib/result.ts';
import { type AgentClient, openAgentClient } from '../agent-client.ts';

/** An agent reached over a port of this machine. */
export interface Forwarded {
  readonly client: AgentClient;
  /** Ends the forwarding. */
  readonly close: () => Promise<void>;
}

/** What kubectl is to be told. */
export interface ForwardNeeds {
  readonly kubeconfig: string | null;
  readonly context: string | null;
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
}

/** Until kubectl says that it forwards: a credential plugin may take some seconds. */
const patienceMs = 15_000;

/** The arguments of kubectl that reach an agent's port. */
export function forwardArguments(
  agent: AgentPod,
  { kubeconfig, context }: Pick<ForwardNeeds, 'kubeconfig' | 'context'>,
) {
  return [
    ...(kubeconfig === null ? [] : ['--kubeconfig', kubeconfig]),
    ...(context === null ? [] : ['--context', context]),
    ...['-n', agent.namespace, 'port-forward', '--address', '127.0.0.1', `pod/${agent.name}`],
  ];
}

/**
 * Reaches an agent that listens on its node's loopback, as the deployment has it: `kubectl port-forward` enters the pod's
 * network, which is the node's. This is a plugin of kubectl, so that one is at hand, and it brings its protocols and
 * credentials. The failure is a clause.
 */
export async function agentByPortForward(agent: AgentPod, needs: ForwardNeeds): Promise<Result<Forwarded, string>> {
  if (agent.scheme === 'https') return fail('it answers by TLS to callers that it knows');
  const { variables, signal, timeoutMs = patienceMs } = needs;
  const child = spawn('kubectl', [...forwardArguments(agent, needs), `:${agent.port}`], {
    env: variables,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
  const close = async (): Promise<void> => {
    child.kill('SIGKILL');
    child.stdout.destroy();
    child.stderr.destroy();
    await ended;
  };
  const port = await portOf(child, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
  if (!port.ok) {
    await close();
    return port;
  }
  const client = await openAgentClient({
    url: new URL(`http://127.0.0.1:${port.value}`),
    tokenFile: null,
    caFile: null,
    certFile: null,
    keyFile: null,
    signal,
  });
  if (client.ok) return ok({ client: client.value, close });
  await close();
  return client;
}

/** `Forwarding from 127.0.0.1:43211 -> 9440` (kubectl, client-go/tools/portforward). */
function portOf(child: ReturnType<typeof spawn>, signal: AbortSignal): Promise<Result<number, string>> {
  return new Promise((resolve) => {
    let said = '';
    let complaint = '';
    const end = (result: Result<number, string>): void => {
      signal.removeEventListener('abort', late);
      resolve(result);
    };
    const late = (): void => end(fail('kubectl port-forward did not begin in time'));
    signal.addEventListener('abort', late, { once: true });
    if (signal.aborted) late();
    child.on('error', (error) => {
      const missing = 'code' in error && error.code === 'ENOENT';
      end(fail(missing ? 'there is no kubectl here to forward a port' : `kubectl cannot be run: ${error.message}`));
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint = `${complaint}${text}`.slice(-limits.runtimeErrorChars);
    });
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said = `${said}${text}`.slice(0, limits.runtimeErrorChars);
      const port = /^Forwarding from 127\.0\.0\.1:(\d{1,5}) ->/m.exec(said)?.[1];
      if (port !== undefined) end(ok(Number(port)));
    });
    child.on('close', () => {
      const words = safeLine(complaint.trim().split('\n').at(-1) ?? '', 300);
      end(fail(`kubectl port-forward failed${words === '' ? '' : `: ${words}`}`));
    });
  });
}
