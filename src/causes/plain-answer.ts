import { type Break, insteadOfWay } from '../evidence/breaks.ts';
import { handshakeOwner } from '../evidence/handshake-by-proxy.ts';
import { signOf } from '../evidence/signed.ts';
import { probesOf, type View } from '../evidence/view.ts';
import type { DoneProbe } from '../model/investigation.ts';
import { telling } from './clock.ts';

/** Who speaks plain text where TLS is spoken to. */
export interface PlainSpeaker {
  /**
   * `registry`: plain HTTP is answered there as registries do; `server`: a plain HTTP server, and whether it is a registry is
   * not known; `page`: one that shows pages, as portals do; `proxy`: the proxy, or what it leads to in the host's place;
   * `other`: nobody who speaks HTTP.
   */
  readonly is: 'registry' | 'server' | 'page' | 'proxy' | 'other';
  /** What plain HTTP is answered at the same place. */
  readonly plain: readonly DoneProbe<'registry'>[];
}

/**
 * Anything that answers whatever it is sent by a page (a captive portal, a filter, a proxy that refuses within the tunnel)
 * looks like a registry without TLS at first. A registry says in plain HTTP what it is; and a server that cannot read TLS
 * calls it a bad request (400), where a portal shows its page. Null: TLS is not answered in plain text, or the host itself
 * is reached without the proxy and does speak TLS.
 */
export function plainSpeaker(hop: Break, view: View): PlainSpeaker | null {
  const handshake = telling(hop);
  const owner = handshakeOwner(hop, view);
  if (handshake?.error?.code !== 'tls-plain-answer' || owner === 'not-own') return null;
  const plain = insteadOfWay(view, hop.way, 'plain-http').flatMap(({ way }) =>
    probesOf(view, 'registry').filter(({ facts }) => facts.way === way.id && facts.status !== null),
  );
  const text = handshake.facts.plainAnswer ?? '';
  const status = /^HTTP\/\d\.\d (\d{3})/.exec(text)?.[1] ?? null;
  const calledBad = status === '400' || (status === null && (text === '' || /^\s*</.test(text)));
  const signs = plain.map(signOf);
  if (signs.includes('sure') || (signs.includes('weak') && calledBad && owner === 'own'))
    return { is: 'registry', plain };
  if (owner === 'unclear' && !calledBad) return { is: 'proxy', plain };
  if (!calledBad && status === null && plain.length === 0) return { is: 'other', plain };
  const shown = plain.some(
    ({ facts }) =>
      facts.bodyFormat === 'html' ||
      facts.mediaType === 'text/html' ||
      facts.status === 403 ||
      isRedirect(facts.status),
  );
  return { is: shown || (status !== null && !calledBad) ? 'page' : 'server', plain };
}

function isRedirect(status: number | null): boolean {
  return status !== null && status >= 300 && status < 400;
}

/** What plain HTTP is answered, in words. */
export function plainWords({ plain }: PlainSpeaker): string {
  const [first] = plain;
  if (first === undefined) return 'it answers TLS in plain text';
  return `it answers TLS in plain text, and plain HTTP with ${(first.error?.message ?? String(first.facts.status)).replace(/\.$/, '')}`;
}
