import type { CauseId, Layer } from '../src/model/cause-id.ts';

/** Why the lab does not make a cause on any containerd, in words for the README's matrix. */
export const notByContainerd: Readonly<Partial<Record<CauseId, string>>> = {
  'short-name-unresolved': 'CRI-O only: containerd takes every short name for docker.io',
  'signature-rejected': 'CRI-O only: by policy.json and its captured words',
  'registry-blocked': 'CRI-O only: by registries.conf and its captured words',
  'pull-secret-missing': 'needs a kubelet: by its captured journal',
};

/** Why no capture of CRI-O shows a cause; what is not listed has its layer's reason. */
export const notByCrio: Readonly<Partial<Record<CauseId, string>>> = {
  'runtime-unreachable': 'no capture: nothing answers, whichever runtime it is',
  'snapshotter-unavailable': 'containerd only: CRI-O has storage drivers',
  'mirror-failed': 'no capture of a mirror alone: by the plan of registries.conf',
  'signature-rejected': 'no capture: by policy.json',
  'registry-blocked': 'no capture: by registries.conf',
  unknown: 'no capture: every captured fault has a name',
};

/** The reason of a whole layer: what is probed there does not depend on the runtime. */
export const notByCrioInLayer: Readonly<Record<Layer, string>> = {
  reference: 'no capture: by the reference grammar',
  policy: 'no capture: the kubelet decides it',
  kubelet: 'no capture: the kubelet decides it',
  runtime: 'no capture: by CRI-O’s configuration files',
  node: 'no capture: the same probes of the node',
  endpoint: 'no capture: by the plan of registries.conf',
  dns: 'no capture: the same probes as for containerd',
  tcp: 'no capture: the same probes as for containerd',
  proxy: 'no capture: the same probes as for containerd',
  tls: 'no capture: the same probes as for containerd',
  registry: 'no capture: the same probes as for containerd',
  auth: 'no capture: the same probes as for containerd',
  manifest: 'no capture: the same probes as for containerd',
  blob: 'no capture: the same probes as for containerd',
};
