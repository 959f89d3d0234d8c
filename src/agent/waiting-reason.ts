import type { PullEvent } from '../signals/pull-event.ts';

/** What the kubelet finds out without asking a runtime: it does not back off from that (image_manager.go). */
export const withoutBackOff: ReadonlySet<string> = new Set([
  'InvalidImageName',
  'ErrImageNeverPull',
  'FailedCreatePodSandBox',
]);

/** The kubelet's word for the container's state (pkg/kubelet/images/types.go). */
export function reasonOf(event: PullEvent): string {
  if (event.event === 'sandbox-failed') return 'FailedCreatePodSandBox';
  if (event.cause === 'invalid-image-name') return 'InvalidImageName';
  if (event.cause === 'image-never-pull') return 'ErrImageNeverPull';
  const word = /\b(RegistryUnavailable|SignatureValidationFailed|ImageInspectError|ErrImageNeverPull)\b/.exec(
    event.message,
  )?.[0];
  return word ?? (event.event === 'back-off' ? 'ImagePullBackOff' : 'ErrImagePull');
}
