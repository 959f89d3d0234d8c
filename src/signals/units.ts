import type { PullSource } from './pull-event.ts';

/** The units whose journals hold pulls: kubelets, distributions that run one inside their own process, runtimes. */
export const defaultUnits: readonly string[] = [
  'kubelet',
  'k3s',
  'k3s-agent',
  'rke2-server',
  'rke2-agent',
  'snap.microk8s.daemon-kubelite',
  'snap.microk8s.daemon-kubelet',
  'snap.microk8s.daemon-containerd',
  'k0scontroller',
  'k0sworker',
  'crio',
  'containerd',
  'docker',
  'cri-docker',
];

/** A unit's full name, as `_SYSTEMD_UNIT` has it: a name without a type is a service. */
export function unitName(name: string): string {
  return /\.(?:service|scope|slice|socket|timer|target|mount|path)$/.test(name) ? name : `${name}.service`;
}

const sources: readonly (readonly [RegExp, PullSource])[] = [
  [/^(?:kubelet|snap\.microk8s\.daemon-kubelet)(?:\.service)?$/, 'kubelet'],
  [/^(?:containerd|snap\.microk8s\.daemon-containerd)(?:\.service)?$/, 'containerd'],
  [/^(?:crio|cri-o)(?:\.service)?$/, 'cri-o'],
  [/^(?:docker|dockerd|cri-docker|cri-dockerd)(?:\.service)?$/, 'other'],
];

/** Whose words a unit's are; null for units that speak for several programs, as k3s does. */
export function sourceOfUnit(unit: string): PullSource | null {
  return sources.find(([pattern]) => pattern.test(unit))?.[1] ?? null;
}
