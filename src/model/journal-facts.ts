/** One thing that the journal tells of the image's pulls. */
export interface JournalMention {
  /** RFC 3339, UTC. */
  readonly at: string;
  /** Who says it: `kubelet.service`. */
  readonly unit: string;
  /** What happened: `pull-failed`, `pull-succeeded`, … (contract.md, section 3). */
  readonly event: string;
  /** One line, without secrets, clipped. */
  readonly message: string;
  /** What a failure's words mean; null where they are no failure's. */
  readonly cause: string | null;
  readonly confidence: string | null;
  /** Of a cause that carries another: the other. */
  readonly underlying: string | null;
}

/** What kubelet and runtime wrote about pulls of this image, shortly before. */
export interface JournalFacts {
  /** `var/log/journal`, below the host root. */
  readonly directory: string;
  /** How far back was looked: less than 15 minutes where so much is written that it could not all be read. */
  readonly windowSeconds: number;
  readonly entriesRead: number;
  /** The last of them, oldest first. */
  readonly matching: readonly JournalMention[];
  /** Failed attempts. */
  readonly attempts: number;
  readonly lastFailureAt: string | null;
  readonly lastSuccessAt: string | null;
  /** A pull has begun since then, and has not ended. */
  readonly underWay: boolean;
  /** When that pull began. */
  readonly underWaySince?: string;
  /** Words of a kubelet were read: pulls here are a kubelet's. */
  readonly kubelet?: boolean;
  /** Pods whose pull of this image failed, and that are still there by the journal; the last is the one to wait longest. */
  readonly waiting?: readonly WaitingPod[];
  /** Pulls of other images that have begun and not ended, oldest first. */
  readonly others?: readonly OtherPull[];
  /** What the kubelet said of the credentials for this image, or of the pods that pull it, oldest first. Absent: nothing. */
  readonly credentials?: readonly CredentialWord[];
}

/** The kubelet could not get at credentials. */
export interface CredentialWord {
  readonly at: string;
  readonly unit: string;
  /** A pull secret that a pod names is not there; or a credential provider failed for this image. */
  readonly kind: 'secret-missing' | 'plugin-failed';
  /** `namespace/name`, of a secret. */
  readonly pod: string | null;
  /** The secret's name, or the plugin's. */
  readonly name: string;
  readonly message: string;
}

/** A pod that the kubelet pulls this image for again. */
export interface WaitingPod {
  /** `namespace/name`. */
  readonly pod: string;
  readonly lastFailureAt: string;
  /** The kubelet's last word about it. */
  readonly lastWordAt: string;
  /** What it waits by, as its rule and the times of its tries tell. */
  readonly backOffSeconds: number;
  /** When that ends; the kubelet looks some seconds later. */
  readonly nextTryAt: string;
}

/** A pull of another image that is under way. */
export interface OtherPull {
  readonly image: string;
  readonly since: string;
  /** What an earlier try of it failed with. */
  readonly cause: string | null;
}
