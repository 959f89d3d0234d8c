/** What the kubelet noted of its own pulls of an image (src/model/records-facts.ts says more). */
export type RecordState = 'none' | 'intent' | 'pulled' | 'damaged';

/** Whether an image that is on the node needs credentials to be started from. */
export interface VerificationQuestion {
  /** imagePullCredentialsVerificationPolicy. */
  readonly policy: string;
  /** preloadedImagesVerificationAllowlist: names without tag, or prefixes that end in `/*`. */
  readonly allowlist: readonly string[];
  /** Registry and repository, normalized, without tag: `docker.io/library/nginx`. */
  readonly name: string;
  readonly record: RecordState;
}

/**
 * Whether the kubelet asks for credentials at all (Kubernetes, pkg/kubelet/images/pullmanager/image_pull_policies.go). A
 * record that cannot be read is asked about before the policy is, and makes it pull under each of them
 * (image_pull_manager.go, MustAttemptImagePull; fs_pullrecords.go, GetImagePulledRecord).
 */
export function needsVerification({ policy, allowlist, name, record }: VerificationQuestion): boolean {
  if (record === 'damaged') return true;
  switch (policy) {
    case 'AlwaysVerify':
      return true;
    case 'NeverVerifyPreloadedImages':
      return record !== 'none';
    case 'NeverVerifyAllowlistedImages':
      return !allowlist.some((one) => (one.endsWith('/*') ? name.startsWith(one.slice(0, -1)) : one === name));
    default:
      return false;
  }
}

/** Everything that decides whether a container starts from what is on the node. */
export interface PullQuestion {
  readonly policy: 'Always' | 'IfNotPresent' | 'Never';
  readonly present: boolean;
  /** Null: this kubelet verifies nothing (before 1.35, where the feature gate KubeletEnsureSecretPulledImages is off). */
  readonly verification: VerificationQuestion | null;
  /**
   * Whose credentials a readable record names for this image's name: everybody's (`anybody`), this pod's (`pod`), those of
   * others (`others`), or nobody's (`nobody`). Looked at only where there is such a record.
   */
  readonly owner: 'anybody' | 'pod' | 'others' | 'nobody';
}

/** `start`: from what is here; `pull`: the registry is asked first; `refuse`: ErrImageNeverPull. */
export type PullDecision = 'start' | 'pull' | 'refuse';

/** The kubelet's decision (pkg/kubelet/images/image_manager.go: imagePullPrecheck, EnsureImageExists), before any back-off. */
export function pullDecision({ policy, present, verification, owner }: PullQuestion): PullDecision {
  if (policy === 'Always') return 'pull';
  if (!present) return policy === 'Never' ? 'refuse' : 'pull';
  if (verification === null || !needsVerification(verification)) return 'start';
  // Only a record can say that these credentials did pull it.
  if (verification.record === 'pulled' && (owner === 'anybody' || owner === 'pod')) return 'start';
  // Told in the same words as an image that is absent, so that nobody learns of its presence.
  return policy === 'Never' ? 'refuse' : 'pull';
}
