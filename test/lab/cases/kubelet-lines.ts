import type { Lab } from '../lab.ts';
import type { JournalLine } from '../node-journal.ts';

/**
 * Lines as a kubelet 1.36.2 and a containerd 2.1.9 wrote them, captured from a node on which one pull stood still
 * (`serializeImagePulls: true`); only what follows the image in the kubelet's longest is left out. Nothing is written to
 * the journal of a pod that waits in the queue, so this is all there is.
 */
export const captured = {
  image: 'registry.lab.example:15000/team/web:v9.9.9',
  /** The pull that stands still. */
  blocking: 'fake.lab.example:15010/stall/web:1.0',
} as const;

const { image, blocking } = captured;
const pod = 'bad-tag-lab-node-4';
const missing = `rpc error: code = NotFound desc = failed to pull and unpack image \\"${image}\\": failed to resolve image: ${image}: not found`;
const quoted = missing.replaceAll('\\"', '\\\\\\"');

/** The pod's image is not found; the kubelet's and the runtime's lines of that one attempt. */
export function attemptFailed(ago: number): JournalLine[] {
  return [
    {
      ago: ago + 0.03,
      unit: 'containerd',
      message: `time="2026-11-22T11:03:28.525006637Z" level=info msg="PullImage \\"${image}\\""`,
    },
    {
      ago: ago + 0.002,
      unit: 'containerd',
      message: `time="2026-11-22T11:03:28.553244041Z" level=error msg="PullImage \\"${image}\\" failed" error="${missing}"`,
    },
    {
      ago,
      unit: 'kubelet',
      message: `E1122 11:03:28.553682   16667 remote_image.go:250] "PullImage from image service failed" err="${missing}" image="${image}"`,
    },
    {
      ago,
      unit: 'kubelet',
      message: `E1122 11:03:28.554074   16667 kuberuntime_manager.go:1727] "Unhandled Error" err="container app start failed in pod ${pod}_shop(9aa3fbea42efa3f8a9a02041c32e037d): ErrImagePull: ${missing}"`,
    },
    {
      ago,
      unit: 'kubelet',
      message: `E1122 11:03:28.554132   16667 pod_workers.go:1324] "Error syncing pod, skipping" err="failed to \\"StartContainer\\" for \\"app\\" with ErrImagePull: \\"${quoted}\\"" pod="shop/${pod}" podUID="9aa3fbea42efa3f8a9a02041c32e037d"`,
    },
  ];
}

/** The kubelet backs off. */
export function backsOff(ago: number): JournalLine {
  return {
    ago,
    unit: 'kubelet',
    message: `E1122 11:03:29.166359   16667 pod_workers.go:1324] "Error syncing pod, skipping" err="failed to \\"StartContainer\\" for \\"app\\" with ImagePullBackOff: \\"Back-off pulling image \\\\\\"${image}\\\\\\": ErrImagePull: ${quoted}\\"" pod="shop/${pod}" podUID="9aa3fbea42efa3f8a9a02041c32e037d"`,
  };
}

/** The kubelet gets its pods. */
export function podsAdded(ago: number): JournalLine {
  const message = `I1122 11:03:27.838424   16667 kubelet.go:2724] "SyncLoop ADD" source="file" pods=["shop/${pod}","shop/ok-small-lab-node-4","shop/stalled-lab-node-4","shop/timeout-lab-node-4"]`;
  return { ago, unit: 'kubelet', message };
}

/** The other image's pull begins. */
export function otherBegins(ago: number): JournalLine {
  return {
    ago,
    unit: 'containerd',
    message: `time="2026-11-22T11:03:28.817415748Z" level=info msg="PullImage \\"${blocking}\\""`,
  };
}

/** It ends after all, as that containerd says of others. */
export function otherEnds(ago: number): JournalLine {
  const message = `time="2026-11-22T11:03:28.814901867Z" level=info msg="PullImage \\"${blocking}\\" returns image reference \\"sha256:48006e3aa07679e56b0f26764e0c0b30af9ad58f8c2bb83749e037bc2d7703be\\""`;
  return { ago, unit: 'containerd', message };
}

/** The captured image is there now: its registry, at the name and port that it had then, serves it over plain HTTP. */
export async function servesNow(lab: Lab): Promise<void> {
  await lab.push('team/web', 'v9.9.9');
  await lab.nodeFile('hosts', '127.0.0.1 localhost\n10.77.0.20 registry.lab.example\n');
  await lab.registry('captured', '10.77.0.20:15000');
  const host = 'http://registry.lab.example:15000';
  await lab.nodeFile(
    'containerd/certs.d/registry.lab.example:15000/hosts.toml',
    `server = "${host}"\n[host."${host}"]\n  capabilities = ["pull", "resolve"]\n`,
  );
}
