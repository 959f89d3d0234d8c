import type { DoneProbe } from '../model/investigation.ts';
import { type Break, insteadOfWay } from './breaks.ts';
import { leavesOf } from './leaves.ts';
import type { View } from './view.ts';

/**
 * Whose a handshake is that fails behind the runtime's proxy. `own`: the host's, for it shows the same without the proxy, or
 * there is no proxy; `not-own`: the host's own handshake, made without the proxy, holds and is another one; `unclear`:
 * without the proxy nothing was seen that tells, so that it may be the proxy's or the host's.
 */
export type HandshakeOwner = 'own' | 'not-own' | 'unclear';

/** Whose the handshake is at which this way breaks. */
export function handshakeOwner(hop: Break, view: View): HandshakeOwner {
  if (hop.layer !== 'tls' || hop.way.proxy === null) return 'own';
  const direct = insteadOfWay(view, hop.way, 'direct').flatMap(({ state }) => [...state.tls]);
  const leaves = leavesOf(hop.state.tls);
  if (direct.some(({ facts }) => leaves.has(facts.chain[0]?.sha256 ?? ''))) return 'own';
  if (ownHandshake(hop, view) !== null) return 'not-own';
  const codes = new Set(hop.state.tls.map(({ error }) => error?.code));
  return direct.some(({ error }) => error !== null && codes.has(error.code)) ? 'own' : 'unclear';
}

/** The handshake without the proxy, where it holds; null: there is none. */
export function ownHandshake(hop: Break, view: View): DoneProbe<'tls'> | null {
  const direct = insteadOfWay(view, hop.way, 'direct').flatMap(({ state }) => [...state.tls]);
  return direct.find(({ status, facts }) => status === 'ok' && !facts.verificationOff) ?? null;
}
