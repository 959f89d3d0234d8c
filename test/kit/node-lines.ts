/**
 * Lines as a kubelet 1.36.2 and a containerd 2.1.9 wrote them when a pull failed, captured from a real node, with other
 * images, pods and words of the runtime put in. Times inside the lines stay the captured ones: nobody reads them, for the
 * journal has its own.
 */

/** A line, and who writes it. */
export interface NodeLine {
  readonly unit: 'kubelet' | 'containerd';
  readonly message: string;
}

/** One container of one pod whose pull fails. */
export interface FailingPod {
  readonly image: string;
  /** The runtime's own words, without gRPC's code. */
  readonly error: string;
  readonly pod: string;
  readonly namespace?: string;
  readonly container?: string;
  readonly uid?: string;
}

const usual = { namespace: 'shop', container: 'app', uid: '9aa3fbea-42ef-a3f8-a9a0-2041c32e037d' };

/** What containerd writes of one try that fails. */
export function runtimeFails({ image, error }: FailingPod): readonly NodeLine[] {
  return [
    containerd('info', `msg=${quoted(`PullImage ${quoted(image)}`)}`),
    containerd('error', `msg=${quoted(`PullImage ${quoted(image)} failed`)} error=${quoted(coded(error))}`),
  ];
}

/** What the kubelet writes of it, milliseconds later. */
export function kubeletFails(failing: FailingPod): readonly NodeLine[] {
  const { image, error, pod, namespace, container, uid } = { ...usual, ...failing };
  const said = `ErrImagePull: ${error}`;
  return [
    kubelet(
      `remote_image.go:250] "PullImage from image service failed" err=${quoted(coded(error))} image=${quoted(image)}`,
    ),
    kubelet(`kuberuntime_image.go:43] "Failed to pull image" err=${quoted(error)} image=${quoted(image)}`),
    kubelet(
      `kuberuntime_manager.go:1727] "Unhandled Error" err=${quoted(`container ${container} start failed in pod ${pod}_${namespace}(${uid}): ${said}`)} logger="UnhandledError"`,
    ),
    kubelet(
      `pod_workers.go:1324] "Error syncing pod, skipping" err=${quoted(`failed to "StartContainer" for ${quoted(container)} with ErrImagePull: ${quoted(error)}`)} pod=${quoted(`${namespace}/${pod}`)} podUID=${quoted(uid)}`,
    ),
  ];
}

/** What it writes at each look at the pod, every 10 to 15 s, while it waits. */
export function kubeletWaits(failing: FailingPod): NodeLine {
  const { image, error, pod, namespace, container, uid } = { ...usual, ...failing };
  const said = `Back-off pulling image ${quoted(image)}: ErrImagePull: ${error}`;
  return kubelet(
    `pod_workers.go:1324] "Error syncing pod, skipping" err=${quoted(`failed to "StartContainer" for ${quoted(container)} with ImagePullBackOff: ${quoted(said)}`)} pod=${quoted(`${namespace}/${pod}`)} podUID=${quoted(uid)}`,
  );
}

/** What containerd writes of a pull that works. */
export function runtimePulls(image: string, reference: string): readonly NodeLine[] {
  return [
    containerd('info', `msg=${quoted(`PullImage ${quoted(image)}`)}`),
    containerd('info', `msg=${quoted(`PullImage ${quoted(image)} returns image reference ${quoted(reference)}`)}`),
  ];
}

function kubelet(text: string): NodeLine {
  return { unit: 'kubelet', message: `E1122 11:03:28.553682   16667 ${text}` };
}

function containerd(level: string, text: string): NodeLine {
  return { unit: 'containerd', message: `time="2026-11-22T11:03:28.553244041Z" level=${level} ${text}` };
}

/** As remote_image.go has it: the error of the gRPC call. */
function coded(error: string): string {
  return error.startsWith('rpc error:') ? error : `rpc error: code = Unknown desc = ${error}`;
}

/** Go's %q, for text without control characters. */
function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
