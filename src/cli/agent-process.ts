import { startAgent } from '../agent/agent.ts';
import type { AgentSettings } from '../agent/settings.ts';
import { nodeName } from '../node/node-name.ts';
import { settleMemory } from './settle-memory.ts';
import { type Staying, stay } from './stay.ts';
import { version } from './version.ts';

/** What the process needs. */
export interface AgentProcess extends Omit<Staying<AgentSettings>, 'who' | 'start'> {
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/** Runs the agent until the signal. */
export async function runAgentProcess(needs: AgentProcess): Promise<number> {
  const { env, first, variables } = needs;
  const { hostRoot, name } = first.value.node;
  return stay({
    ...needs,
    who: 'agent',
    start: async (log, settings) => {
      const node = name ?? (await nodeName(hostRoot, variables));
      settleMemory(globalThis.gc, needs.signal);
      return startAgent({ env, log, settings, node, version, variables });
    },
  });
}
