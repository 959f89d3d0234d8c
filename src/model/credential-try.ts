/** What became of one credential, or of nobody, at one endpoint. */
export interface CredentialTry {
  /** Index into `endpoints`. */
  readonly endpoint: number;
  /** `Secret shop/regcred`, the node's file, the plugin; null: nobody, to compare with. */
  readonly source: string | null;
  /** The entry that matches. */
  readonly key: string | null;
  readonly username: string | null;
  /** Of a pull secret of the pod. */
  readonly ofPod: boolean;
  /** `not-needed`: the image is given without asking who wants it; `failed`: something else than who asks stands in the way. */
  readonly outcome: 'accepted' | 'not-needed' | 'refused' | 'failed' | 'not-tried';
  readonly status: number | null;
  /** One line: the registry's answer, or why there is none. */
  readonly words: string;
  /** Ids of probes. */
  readonly evidence: readonly string[];
}
