import type { DoneProbe } from '../model/investigation.ts';

/** The certificates that servers presented as their own, by their SHA-256. */
export function leavesOf(handshakes: readonly DoneProbe<'tls'>[]): ReadonlySet<string> {
  return new Set(handshakes.flatMap(({ facts }) => facts.chain[0]?.sha256 ?? []));
}
