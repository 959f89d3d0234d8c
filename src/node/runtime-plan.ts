import type { Secret } from '../lib/secret.ts';
import type { EndpointInfo, PlacedSetting, ShortNameInfo } from '../model/plan.ts';
import type { Problem } from '../model/problem.ts';
import type { SettingDifference } from './loaded-settings.ts';

/** An endpoint as a runtime's files set it, before the proxy environment decides its way. */
export interface RuntimeEndpoint {
  readonly info: Omit<EndpointInfo, 'proxy' | 'proxyReason'>;
  /** The CA certificates of `info.ca` that could be read, PEM text; added to the node's trust store. */
  readonly caPem: readonly string[];
  /** Client certificates that could be read. */
  readonly clientPairs: readonly { readonly cert: string; readonly key: Secret }[];
  /** Values of `info.headers`. */
  readonly headerValues: Readonly<Record<string, readonly Secret[]>>;
  /** Its host, or its port, is the image's own, although a file has rules for it. Absent: `info.source` names it, or is the default. */
  readonly fromImage?: true;
}

/** Credentials set in the runtime's own files; used only when the request over CRI carries none. */
export interface RuntimeCredential {
  /** The host that they are sent to. */
  readonly host: string;
  /** The entry's name in the file where it is not the host alone: `quay.io/team`. */
  readonly key?: string;
  readonly source: string;
  readonly username: string;
  readonly password: Secret;
}

/** What one runtime's files say about pulling one image. */
export interface RuntimePlan {
  readonly runtime: 'containerd' | 'cri-o' | 'docker';
  /** Every file that was read, in order, below the host root. */
  readonly files: readonly string[];
  /** Those of them that the runtime reads only when it starts, or is told to reload: a change has no effect before that. */
  readonly startFiles?: readonly string[];
  /** Where it was asked what the running runtime makes of it: the settings that the files have otherwise. */
  readonly differences?: readonly SettingDifference[];
  /** In the order in which the runtime tries them; empty when a broken file leaves none, or a short name has no result. */
  readonly endpoints: readonly RuntimeEndpoint[];
  readonly shortName: ShortNameInfo | null;
  readonly credentials: readonly RuntimeCredential[];
  /** The pause image that this runtime is set to use, with where it is set. */
  readonly sandboxImage: { readonly reference: string; readonly source: string } | null;
  /** The folder that the files have images in, for when the runtime does not say; absent: not known. */
  readonly imageRoot?: PlacedSetting<string>;
  readonly problems: readonly Problem[];
}
