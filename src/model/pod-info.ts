import { list, nullable, object, oneOf, text } from '../lib/shape.ts';

/** A pull secret, as the kubelet sees it. Never what is in it. */
export interface PodSecretInfo {
  readonly name: string;
  /**
   * `pod`: in its imagePullSecrets; `service-account`: there too, where admission copied it from the service account; `later`: the
   * service account names it now, and the pod, made before, has it not.
   */
  readonly from: 'pod' | 'service-account' | 'later';
  /**
   * `usable`: the kubelet takes it; `missing`: the API server has none of this name; `wrong-type` and `no-data`: the kubelet passes
   * over it without a word; `unparseable`: the kubelet gives up with every image of the pod; `unknown`: it was not read.
   */
  readonly state: 'usable' | 'missing' | 'wrong-type' | 'no-data' | 'unparseable' | 'unknown';
  /** What is wrong with it, or why it was not read: a clause whose subject is the secret. */
  readonly why: string | null;
  /** Registries that it has entries for. */
  readonly keys: readonly string[];
  /** Of the object that was read; one that is made anew under the same name has another. */
  readonly uid?: string;
}

/** The pod that an image is pulled for, as far as its credentials go. */
export interface PodInfo {
  readonly namespace: string;
  readonly name: string;
  readonly serviceAccount: string;
  /** In the order of the pod. */
  readonly secrets: readonly PodSecretInfo[];
  /** Who lacks the right to read its secrets, `pullwhy-system:pullwhy-agent`; null: nobody, or something else lacks. */
  readonly reader: string | null;
}

/** The shape of it in a saved document. */
export const podInfoShape = object<PodInfo>({
  namespace: text,
  name: text,
  serviceAccount: text,
  secrets: list(
    object<PodSecretInfo>(
      {
        name: text,
        from: oneOf(['pod', 'service-account', 'later']),
        state: oneOf(['usable', 'missing', 'wrong-type', 'no-data', 'unparseable', 'unknown']),
        why: nullable(text),
        keys: list(text),
        uid: text,
      },
      ['uid'],
    ),
  ),
  reader: nullable(text),
});
