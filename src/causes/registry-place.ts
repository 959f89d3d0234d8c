import type { Break } from '../evidence/breaks.ts';
import { partyName } from '../evidence/origin.ts';
import type { View } from '../evidence/view.ts';
import { isEndpointHop } from '../evidence/ways.ts';
import type { CauseArgs } from './cause.ts';

/** Where containerd reads a registry's CA, for words without a node: the folder bears the host's port, too. */
export function caPlace(registry: string): string {
  return `etc/containerd/certs.d/${registry}/hosts.toml with ca = "…"`;
}

/**
 * The same for the endpoint at hand. containerd goes by the registry that the image names, whichever mirror, token service or
 * content host is asked, and its folder by name and port (core/remotes/docker/config/hosts.go); a new folder would hide
 * `_default`, so the file that is in use is named. CRI-O has a folder for each place, with its port (containers-certs.d(5)).
 */
export function caPath(hop: Break, view: View): string {
  const info = view.plan.endpoints[hop.endpoint];
  if (view.runtime.name === 'cri-o')
    return `etc/containers/certs.d/${info?.reference.split('/', 1)[0] ?? partyName(hop.way)}/ca.crt`;
  const used = /^(.*\/hosts\.toml)(?::\d+)?$/.exec(info?.source ?? '')?.[1];
  return used === undefined ? caPlace(view.plan.image.registry ?? partyName(hop.way)) : `${used} with ca = "…"`;
}

/**
 * Where to say that a party is plain. Only the registry that the image names gets a new file, in the folder of its name as the
 * image has it: any other party stands in a file already, which must not be written over.
 */
export function plainPlace(hop: Break, view: View): CauseArgs {
  const info = view.plan.endpoints[hop.endpoint];
  if (view.runtime.name === 'cri-o')
    return { source: `registries.conf: insecure = true for ${info?.reference.split('/', 1)[0] ?? partyName(hop.way)}` };
  const used = /^.+\.toml(?::\d+)?$/.test(info?.source ?? '') ? info?.source : undefined;
  if (used !== undefined) return { source: used };
  return isEndpointHop(hop.way.hop)
    ? { path: view.plan.image.registry ?? partyName(hop.way) }
    : { source: 'its address' };
}
