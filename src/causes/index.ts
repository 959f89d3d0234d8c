import type { CauseId } from '../model/cause-id.ts';
import { authCauses } from './auth.ts';
import { blobCauses } from './blob.ts';
import type { Cause } from './cause.ts';
import { credentialCauses } from './credentials.ts';
import { dnsCauses } from './dns.ts';
import { endpointCauses } from './endpoint.ts';
import { kubeletCauses } from './kubelet.ts';
import { manifestCauses } from './manifest.ts';
import { nodeCauses } from './node.ts';
import { policyCauses } from './policy.ts';
import { proxyCauses } from './proxy.ts';
import { referenceCauses } from './reference.ts';
import { registryCauses } from './registry.ts';
import { runtimeCauses } from './runtime.ts';
import { tcpCauses } from './tcp.ts';
import { tlsCauses } from './tls.ts';
import { transferCauses } from './transfer.ts';

/** Every cause, in the order of a pull. A new one is a record in a file of this folder. */
export const causes: readonly Cause[] = [
  ...referenceCauses,
  ...policyCauses,
  ...kubeletCauses,
  ...runtimeCauses,
  ...nodeCauses,
  ...endpointCauses,
  ...dnsCauses,
  ...tcpCauses,
  ...proxyCauses,
  ...tlsCauses,
  ...registryCauses,
  ...credentialCauses,
  ...authCauses,
  ...manifestCauses,
  ...blobCauses,
  ...transferCauses,
];

const byId: ReadonlyMap<CauseId, Cause> = new Map(causes.map((cause) => [cause.id, cause]));

/** A cause's record. Every identifier has one; a test holds that. */
export function causeOf(id: CauseId): Cause {
  const cause = byId.get(id);
  if (cause === undefined) throw new Error(`no record for the cause ${id}`);
  return cause;
}
