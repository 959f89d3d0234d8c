import type { DoneProbe } from '../model/investigation.ts';
import { probesOf, type View } from './view.ts';
import type { Way } from './way.ts';
import type { WayState } from './way-state.ts';

/** More than any packet carries where less than an Ethernet's 1500 bytes pass: who gets it in a row has got a large one. */
export const largeAnswerBytes = 1400;

/** What was tried after a handshake that got no answer; null: nothing, or it was not finished. */
export function smallExchange({ id }: Way, view: View): DoneProbe<'small'> | null {
  return probesOf(view, 'small').find(({ facts }) => facts.way === id) ?? null;
}

/**
 * Why nobody answers the handshake, where small packets are answered: `name`, for large ones pass too as long as they do
 * not name the server; `size`, for nothing large is answered; `unknown` where what came proves neither.
 */
export function whySilent({ facts }: DoneProbe<'small'>): 'name' | 'size' | 'unknown' {
  const { unnamedBytes } = facts;
  if (unnamedBytes === undefined || unnamedBytes === null) return 'size';
  return unnamedBytes >= largeAnswerBytes ? 'name' : 'unknown';
}

/** A handshake that ended on every address without a word of the other side: by its end, a reset, or in silence. */
export function isUnanswered({ broken, tls }: WayState): boolean {
  return (
    broken?.layer === 'tls' &&
    tls.every(
      ({ error, facts }) =>
        error !== null && unanswered.has(error.code) && facts.chain.length === 0 && !facts.clientCertificateRequested,
    )
  );
}

const unanswered: ReadonlySet<string> = new Set(['closed', 'reset', 'timeout']);
