import type { CauseId } from '../model/cause-id.ts';
import type { Confidence } from '../model/investigation.ts';

/** Who wrote it. */
export type PullSource = 'kubelet' | 'containerd' | 'cri-o' | 'other';

/** What happened. */
export type PullEventKind =
  | 'pull-started'
  | 'pull-succeeded'
  /** One attempt of the kubelet, or of a client of the runtime, however many lines were written of it. */
  | 'pull-failed'
  /** The kubelet waits before it tries again. */
  | 'back-off'
  /** A mirror failed, and the next endpoint is asked. The registry itself is no mirror: its failure is the pull's. */
  | 'mirror-tried'
  /** A pod's sandbox cannot be made because the sandbox image cannot be pulled. */
  | 'sandbox-failed'
  | 'image-removed'
  /** About a pull or an image that was asked for, and none of the above. */
  | 'other';

/** One event of a pull, as journals tell it (contract.md, section 3). */
export interface PullEvent {
  /** When its first line was written; RFC 3339, microseconds, UTC. */
  readonly at: string;
  /**
   * Its last line's cursor: events come in the order of these, so reading on behind the last one that was given out
   * leaves no event out. Null for what no journal holds.
   */
  readonly cursor: string | null;
  /** The unit of the kubelet's line where there is one, else of the runtime's; a file's name where it is a file. */
  readonly unit: string;
  readonly source: PullSource;
  readonly event: PullEventKind;
  /** As the pod's spec or the runtime's caller has it. */
  readonly image: string | null;
  readonly pod: string | null;
  readonly namespace: string | null;
  readonly container: string | null;
  /** Of a failure; of `mirror-tried` the mirror's own. */
  readonly cause: CauseId | null;
  readonly confidence: Confidence | null;
  /** Of a cause that carries another: the other. */
  readonly underlying: CauseId | null;
  /** The error, or what was said; one line, without secrets, clipped. */
  readonly message: string;
}
