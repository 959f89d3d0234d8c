import { flag, list, nullable, object, oneOf, text } from '../lib/shape.ts';

/** What the kubelet noted of its own pulls of an image that is on the node (KEP-2535). */
export interface RecordsFacts {
  /** `var/lib/kubelet/image_manager`. */
  readonly directory: string;
  /**
   * `pulled`: there is a record; `intent`: a pull that it began and of which nothing more is noted; `damaged`: a record that
   * cannot be read; `none`: the kubelet did not pull it, so it counts as preloaded.
   */
  readonly record: 'none' | 'intent' | 'pulled' | 'damaged';
  /** The record's file. */
  readonly file: string | null;
  /** Anybody on the node may use it; null without a record. */
  readonly nodePods: boolean | null;
  /** Pull secrets that pulled it under this name, `namespace/name`. */
  readonly secrets: readonly string[];
  readonly serviceAccounts: readonly string[];
  /** The pod's credentials that were given are among those that pulled it; null: none were given, or there is no record. */
  readonly credentialsFit: boolean | null;
}

/** The shape of these facts in a saved document. */
export const recordsShape = object<RecordsFacts>({
  directory: text,
  record: oneOf(['none', 'intent', 'pulled', 'damaged']),
  file: nullable(text),
  nodePods: nullable(flag),
  secrets: list(text),
  serviceAccounts: list(text),
  credentialsFit: nullable(flag),
});
