import type { AgentPod } from '../../kube/agent-pod.ts';
import type { KubePod } from '../../kube/pod.ts';
import type { PodPull } from '../../kube/pod-pulls.ts';
import type { CauseId } from '../../model/cause-id.ts';
import type { ExplainedText } from '../../model/explained-text.ts';
import type { Confidence, Investigation } from '../../model/investigation.ts';

/** One image of a pod that does not come, as the API server and the node's agent tell of it. */
export interface WaitingImage {
  /** `agent`: the API server's status does not show it, the agent does: a pull that moves no bytes, for one. */
  readonly kind: PodPull['kind'] | 'agent';
  readonly container: string | null;
  readonly image: string;
  readonly policy: PodPull['policy'];
  readonly state: PodPull['state'];
  readonly reason: string;
  readonly message: string;
  readonly cause: CauseId | null;
  readonly confidence: Confidence | null;
  readonly underlying: CauseId | null;
  /** Who tells the cause: the agent by what it measured and read, or the words of the pod's status and events. */
  readonly by: 'agent' | 'status';
  /** The agent's sentence. */
  readonly summary: string | null;
  readonly attempts: number;
  /** False: some of them are reckoned (`PodTries`). */
  readonly attemptsExact: boolean;
  /** Milliseconds since the epoch. */
  readonly nextTryAt: number | null;
  readonly pullingSince: number | null;
  readonly missingSecrets: readonly string[];
  /** What the words alone mean; null: they mean nothing, or nothing was said. */
  readonly explained: ExplainedText | null;
}

/** A node's agent, and how it was reached. */
export interface ReachedAgent {
  readonly pod: AgentPod | null;
  readonly by: 'proxy' | 'port-forward' | null;
  /** Why it was not reached, a clause; null when it was, or was not asked. */
  readonly why: string | null;
}

/** One pod. */
export interface PodReport {
  readonly pod: KubePod;
  readonly images: readonly WaitingImage[];
  readonly agent: ReachedAgent | null;
  readonly investigations: readonly Investigation[];
  /** Why an investigation is missing, a sentence each. */
  readonly notes: readonly string[];
}

/** What the command found. */
export interface KubeReport {
  readonly at: number;
  /** In words: `the namespace shop`. */
  readonly scope: string;
  readonly pods: readonly PodReport[];
  /** What limits the whole of it, a sentence each. */
  readonly notes: readonly string[];
}
