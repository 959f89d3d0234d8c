import type { View } from '../evidence/view.ts';
import type { CauseId, Layer } from '../model/cause-id.ts';
import type { Confidence, Remedy } from '../model/investigation.ts';

/** What a cause's words are filled with. Every member may be missing, so that a bare log line can be explained too. */
export interface CauseArgs {
  /** The image as asked for. */
  readonly image?: string;
  readonly repository?: string;
  readonly tag?: string;
  /** The party concerned: a host, with its port where that matters. */
  readonly host?: string;
  readonly port?: string;
  readonly proxy?: string;
  readonly nameserver?: string;
  /** What was seen, in a few words, without a full stop. */
  readonly detail?: string;
  /** Where a setting stands: file and line. */
  readonly source?: string;
  /** Names that exist and are near, best first. */
  readonly nearest?: readonly string[];
  readonly platform?: string;
  readonly username?: string;
  /** Where the credentials are from: `Secret shop/regcred`, a file, a plugin. */
  readonly origin?: string;
  /** A pull secret's name and namespace. */
  readonly secret?: string;
  readonly namespace?: string;
  /** The service account that lacks the right to read it: `NAMESPACE:NAME`. */
  readonly reader?: string;
  readonly path?: string;
  /** A certificate's subject, issuer, or a date. */
  readonly certificate?: string;
  readonly issuer?: string;
  readonly date?: string;
  /** The host of the token service whose tokens the registry does not take. */
  readonly realm?: string;
  /** The sentence of the cause beneath. */
  readonly underlying?: string;
  readonly seconds?: string;
  /** This node's clock beside another's: `2 days ahead`. */
  readonly clock?: string;
  /** The runtime's systemd unit: `containerd` or `crio`. */
  readonly unit?: string;
  /** The longer name that a search domain made of the host. */
  readonly alias?: string;
  /** The certificate has no subject alternative name at all. */
  readonly nameless?: 'yes';
  /** It is not the server's own certificate, but one that issued it. */
  readonly issuing?: 'yes';
  /** What the party is asked for, where it is not the image's manifest. */
  readonly serves?: 'token' | 'content';
  /** It is addressed with plain HTTP. */
  readonly scheme?: 'http';
  /** How a proxy lets one log in, where none of it is what runtimes know: `Negotiate and NTLM`. */
  readonly schemes?: string;
  /** The content lies at the registry itself, not at another host. */
  readonly own?: 'yes';
  /** Whether it comes from the party itself or from the proxy, or from something else on the way, is not known. */
  readonly unclear?: 'yes';
  /** Without the proxy it is well. */
  readonly direct?: 'yes';
  /** Whoever is asked for the name gives no address for it on purpose, by the answer in `detail`. */
  readonly blocked?: 'yes';
  /** The name leads to this node's own loopback, where no public registry is. */
  readonly self?: 'yes';
  /** What is lost on the way is lost for the name in it. */
  readonly filtered?: 'yes';
}

/** One place where a cause holds. */
export interface Match {
  readonly confidence: Confidence;
  /** `fault`: it stops the pull at this endpoint; `degraded`: the pull works all the same. */
  readonly severity: 'fault' | 'degraded';
  /** Ids of the probes that show it. */
  readonly evidence: readonly string[];
  readonly endpoint: number | null;
  readonly host: string | null;
  readonly args: CauseArgs;
  readonly underlying?: CauseId | null;
  readonly alternatives?: readonly CauseId[];
  /** The cause that carries this one because of the party's part in the pull: its realm or its content's host is broken. */
  readonly carrier?: 'auth-service-unreachable' | 'blob-unreachable' | null;
  /** That party, where `host` is another: a nameserver or a proxy on the way to it. */
  readonly party?: string;
  /** The cause's own words are not enough: the whole sentence. */
  readonly summary?: string;
}

/** One cause: what it is called, when it is true, and what to say and do. A record in one of this folder's files and a line in `index.ts`. */
export interface Cause {
  readonly id: CauseId;
  readonly layer: Layer;
  /** The scenario of the ImagePullBackOff page: 1 name or tag, 2 authentication, 3 network, 4 no such image, 5 rate limit, 6 policy, 7 node. */
  readonly scenario: 1 | 2 | 3 | 4 | 5 | 6 | 7 | null;
  /** A few words. */
  readonly title: string;
  readonly fixedBy: 'workload' | 'node' | 'network' | 'registry' | 'nobody';
  /** What proves it, for the table of causes. */
  readonly proof: string;
  /** One sentence that a person can act on. */
  readonly say: (args: CauseArgs) => string;
  /** What to do, most useful first. */
  readonly remedies: (args: CauseArgs) => readonly Remedy[];
  /** Pure: where it holds. Absent for causes that only a runtime's or the kubelet's words can show so far. */
  readonly match?: (view: View) => readonly Match[];
}

/** `text` with a full stop, unless it ends as a sentence does: foreign words come with and without one. */
export function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

/** Behind what came by a proxy and could not be compared with what comes without it. */
export function perhapsProxys({ unclear, proxy }: CauseArgs): string {
  return unclear === undefined || proxy === undefined
    ? ''
    : ` It comes by the proxy ${proxy}, and whether it is the proxy's own is not told.`;
}

/** A remedy with a command to copy, or without one. */
export function remedy(text: string, command: string | null = null): Remedy {
  return { text, command };
}

/** Past the proxy: the setting to change, in the unit of the runtime that runs here. */
export function bypass({ unit, host }: CauseArgs): string {
  return `systemctl edit ${unit ?? 'containerd'}   # append ${host ?? 'HOST'} to Environment=NO_PROXY=, then: systemctl restart ${unit ?? 'containerd'}`;
}
