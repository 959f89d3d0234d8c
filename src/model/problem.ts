import type { CauseId } from './cause-id.ts';

/**
 * Something in a file of the node that is not as it should be: where, what, and what the runtime will do about it.
 * `error`: the runtime cannot pull (this registry, or anything) because of it. `warning`: it ignores the thing and goes on.
 */
export interface Problem {
  readonly severity: 'error' | 'warning';
  readonly cause: CauseId;
  /** `etc/containerd/certs.d/docker.io/hosts.toml:2`: below the host root, with the line where one is known. */
  readonly source: string;
  /** One sentence: what is wrong, and what the runtime does because of it. */
  readonly message: string;
  /**
   * A warning about what may well be meant so (a mirror that serves digests only), or about what Pullwhy itself could
   * not read: it is told, and says nothing against the node.
   */
  readonly harmless?: true;
  /**
   * It keeps the runtime from starting, or from serving CRI, when it next reads the file. One that serves has read it when
   * it was another, so that nothing of it shows yet.
   */
  readonly atStart?: true;
}
