import type { CauseId } from '../../../src/model/cause-id.ts';
import type { Runtime } from '../containerd.ts';
import type { Lab } from '../lab.ts';
import type { NodeAgent } from './node-agent.ts';

/** A fault that comes, is found out by the agent, and goes. */
export interface LiveFault {
  /** The class of the fault, in words. */
  readonly name: string;
  readonly cause: CauseId;
  /** Before the agent starts: servers, files, the runtime's environment. */
  prepare(lab: Lab): Promise<Prepared>;
}

/** What `prepare` has set up. */
export interface Prepared {
  readonly image: string;
  /** The node's runtime; the lab's own when it is not set. */
  readonly runtime?: Runtime;
  /** Makes the fault. */
  fail(agent: NodeAgent): Promise<unknown>;
  /** Removes it; resolves when what was away serves again. */
  mend(agent: NodeAgent): Promise<unknown>;
  /** What the kubelet sends with a pull. */
  readonly credentials?: { readonly name: string; readonly password: string };
  /** The runtime's words, where it takes half a minute to find them. */
  readonly error?: string;
  /** Milliseconds between the diagnosis and the repair (3000). */
  readonly lastsMs?: number;
  /** Looks at what the agent has done to the servers, when all is over. */
  after?(): Promise<void>;
}
