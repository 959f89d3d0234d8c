import { arrayMember, isRecord, type JsonRecord, numberMember, recordMember, stringMember } from '../lib/json.ts';
import { fail, ok, type Result } from '../lib/result.ts';

/** The labels of the agent's pods (deploy/base), as a query of the API. */
export const agentSelector = 'app.kubernetes.io/name=pullwhy,app.kubernetes.io/component=agent';

/** A pod that runs Pullwhy's agent. */
export interface AgentPod {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  /** It runs, and its readiness probe says so. */
  readonly ready: boolean;
  readonly phase: string;
  readonly port: number;
  /** What it speaks, by its own probes. */
  readonly scheme: 'http' | 'https';
}

/** The agent's port unless its pod says another. */
const usualPort = 9440;

/** Reads a pod with the agent's labels; the failure is a sentence. */
export function readAgentPod(value: unknown): Result<AgentPod, string> {
  const metadata = isRecord(value) ? recordMember(value, 'metadata') : null;
  const spec = isRecord(value) ? recordMember(value, 'spec') : null;
  const namespace = metadata === null ? null : stringMember(metadata, 'namespace');
  const name = metadata === null ? null : stringMember(metadata, 'name');
  const node = spec === null ? null : stringMember(spec, 'nodeName');
  if (!isRecord(value) || spec === null || namespace === null || name === null || node === null)
    return fail("An agent's pod without a name, a namespace or a node.");
  const status = recordMember(value, 'status') ?? {};
  const conditions = (arrayMember(status, 'conditions') ?? []).filter(isRecord);
  const containers = (arrayMember(spec, 'containers') ?? []).filter(isRecord);
  const container = containers.find((one) => one.name === 'agent') ?? containers[0] ?? {};
  return ok({
    namespace,
    name,
    node,
    ready: conditions.some(({ type, status: word }) => type === 'Ready' && word === 'True'),
    phase: stringMember(status, 'phase') ?? 'Unknown',
    port: portOf(container),
    scheme: schemeOf(container),
  });
}

function portOf(container: JsonRecord): number {
  const ports = (arrayMember(container, 'ports') ?? []).filter(isRecord);
  const port = ports.find((one) => one.name === 'http') ?? ports[0];
  const number = port === undefined ? null : numberMember(port, 'containerPort');
  return number !== null && Number.isInteger(number) && number > 0 && number < 65_536 ? number : usualPort;
}

function schemeOf(container: JsonRecord): 'http' | 'https' {
  const probe = recordMember(container, 'readinessProbe') ?? recordMember(container, 'livenessProbe');
  const get = probe === null ? null : recordMember(probe, 'httpGet');
  return get?.scheme === 'HTTPS' ? 'https' : 'http';
}
