/** A systemd service under which a container runtime runs. */
export interface RuntimeUnit {
  readonly name: string;
  readonly runtime: 'containerd' | 'cri-o' | 'docker';
  /** What a socket's path contains when it belongs to this service; null when it is the runtime's usual path. */
  readonly socketPart: string | null;
  /**
   * A distribution that starts containerd itself: variables with the prefix `CONTAINERD_` go to it without the prefix
   * (k3s documentation, "Configuring an HTTP proxy"), and it adds the cluster's networks to NO_PROXY.
   */
  readonly embeds: boolean;
  /** True when the unit's files are all that sets the process's environment, so that the two may be compared. */
  readonly comparable: boolean;
}

const embedded = { runtime: 'containerd', embeds: true, comparable: true } as const;

/** Every service that Pullwhy knows to run a container runtime, the usual ones first. */
export const runtimeUnits: readonly RuntimeUnit[] = [
  { name: 'containerd.service', runtime: 'containerd', socketPart: null, embeds: false, comparable: true },
  { name: 'crio.service', runtime: 'cri-o', socketPart: null, embeds: false, comparable: true },
  { name: 'k3s.service', socketPart: '/k3s/', ...embedded },
  { name: 'k3s-agent.service', socketPart: '/k3s/', ...embedded },
  { name: 'rke2-server.service', socketPart: '/k3s/', ...embedded },
  { name: 'rke2-agent.service', socketPart: '/k3s/', ...embedded },
  { name: 'k0sworker.service', socketPart: '/k0s/', ...embedded, embeds: false },
  { name: 'k0scontroller.service', socketPart: '/k0s/', ...embedded, embeds: false },
  // microk8s reads args/containerd-env besides the unit.
  {
    name: 'snap.microk8s.daemon-containerd.service',
    socketPart: 'microk8s',
    ...embedded,
    embeds: false,
    comparable: false,
  },
  { name: 'docker.service', runtime: 'docker', socketPart: 'docker', embeds: false, comparable: true },
];

/** Other services whose proxies are worth a try when the runtime has none. */
export const otherUnits: readonly string[] = ['kubelet.service', 'cri-docker.service'];

/**
 * The units that may run the runtime at `socketPath`, the most likely first. Without a socket the runtime's name
 * decides; without either all units are candidates.
 */
export function candidateUnits(
  socketPath: string | null,
  runtime: 'containerd' | 'cri-o' | null,
): readonly RuntimeUnit[] {
  const marked = runtimeUnits.filter(({ socketPart }) => socketPart !== null && socketPath?.includes(socketPart));
  if (marked.length > 0) return marked;
  const wanted = socketPath !== null && /crio/.test(socketPath) ? 'cri-o' : runtime;
  return runtimeUnits.filter((unit) => wanted === null || unit.runtime === wanted);
}
