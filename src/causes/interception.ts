import { BlockList, isIPv6 } from 'node:net';
import { type Break, breaksOf, insteadOfWay } from '../evidence/breaks.ts';
import { handshakeOwner } from '../evidence/handshake-by-proxy.ts';
import type { View } from '../evidence/view.ts';
import type { TlsFacts } from '../model/facts.ts';
import type { DoneProbe } from '../model/investigation.ts';
import type { Match } from './cause.ts';
import { clockSkew, telling } from './clock.ts';
import { inspectorOf, isPublicHost } from './interception-data.ts';

/** What shows that a certificate is not the registry's own. */
export interface Interception {
  readonly confidence: Match['confidence'];
  readonly evidence: readonly string[];
  /** How it is known, in words that follow a colon. */
  readonly detail: string;
  /** The authority that signs in the registry's place. */
  readonly issuer: string;
}

/**
 * Tells a certificate made on the way from one of the registry's own that this node does not know. A private registry
 * with an authority of its own looks the same to the node, so each sign is one that such a registry cannot give: by
 * another way the same host presents another certificate, the authority bears the name of an inspecting product, or the
 * host is one that the public knows, whose owner presents no such certificate. Null: nothing speaks for it.
 */
export function interception(hop: Break, view: View): Interception | null {
  const handshake = telling(hop);
  if (hop.layer !== 'tls' || handshake === null || !isStrangers(handshake)) return null;
  const timely = handshake.error?.code === 'tls-unknown-authority';
  if (!timely && (handshakeOwner(hop, view) !== 'not-own' || clockSkew(hop, view) !== null)) return null;
  const issuer = authorityOf(handshake.facts);
  // An authority that the public trusts is not on this node's list: that is the list's fault.
  if (issuer === null || handshake.facts.publicAuthority === true) return null;
  const found = (confidence: Match['confidence'], detail: string, more: readonly string[] = []): Interception => ({
    confidence,
    evidence: [handshake.id, ...more],
    detail,
    issuer,
  });

  const trusted = otherWays(hop, view).find(({ status }) => status === 'ok');
  if (trusted !== undefined) {
    const own = trusted.facts.chain[0]?.issuer ?? 'another authority';
    const detail = `${wayWords(hop, trusted)} it presents another one, which this node trusts, issued by ${own}`;
    // By the proxy the name may lead to another host than here: to the public face of a registry with a private one.
    return found(hop.way.proxy === null ? 'likely' : 'proven', detail, [trusted.id]);
  }
  if (isPublicHost(hop.way.host)) {
    const direct = hop.way.proxy === null && !isInside(handshake.facts.address);
    return found(direct ? 'proven' : 'likely', `${hop.way.host} is a public host, and no public authority signed this`);
  }
  const product = handshake.facts.chain.map((one) => inspectorOf(one.issuer)).find((one) => one !== null);
  if (product !== undefined) return found('likely', `the authority bears the name of ${product}, which inspects TLS`);
  const elsewhere = samePublicly(hop, view, issuer);
  if (elsewhere !== null) {
    const detail = `the same authority signed for ${elsewhere.facts.host}, which is a public host`;
    return found('likely', detail, [elsewhere.id]);
  }
  const different = otherWays(hop, view).find(
    ({ facts }) => authorityOf(facts) !== null && authorityOf(facts) !== issuer,
  );
  if (different === undefined) return null;
  const detail = `${wayWords(hop, different)} it presents one of another authority, ${authorityOf(different.facts)}`;
  return found('likely', detail, [different.id]);
}

/** For the host's name, by an authority that the node does not know; that its time is over, or to come, is said before that. */
function isStrangers({ error, facts: { failedChecks } }: DoneProbe<'tls'>): boolean {
  const outOfTime = error?.code === 'tls-expired' || error?.code === 'tls-not-yet-valid';
  const also = failedChecks.includes('tls-unknown-authority') && !failedChecks.includes('tls-hostname');
  return error?.code === 'tls-unknown-authority' || (outOfTime && also);
}

/** The last authority that a chain as sent names. */
function authorityOf({ chain }: TlsFacts): string | null {
  return chain.at(-1)?.issuer ?? null;
}

/** Handshakes with the same host by the ways that were tried instead, which showed another certificate. */
function otherWays(hop: Break, view: View): DoneProbe<'tls'>[] {
  const own = new Set(hop.state.tls.map(({ facts }) => facts.chain[0]?.sha256));
  return [...insteadOfWay(view, hop.way, 'direct'), ...insteadOfWay(view, hop.way, 'by-proxy')]
    .flatMap(({ state }) => [...state.tls])
    .filter(({ facts }) => facts.chain[0] !== undefined && !own.has(facts.chain[0].sha256) && !facts.verificationOff);
}

function wayWords(hop: Break, other: DoneProbe<'tls'>): string {
  return hop.way.proxy === null ? `by the proxy ${other.facts.way.replace(/^.* by ([^ ,]+).*$/, '$1')}` : 'directly';
}

/** A public host of this pull whose certificate the same authority signed. */
function samePublicly(hop: Break, view: View, issuer: string): DoneProbe<'tls'> | null {
  for (const other of breaksOf(view)) {
    if (other.layer !== 'tls' || other.way.host === hop.way.host || !isPublicHost(other.way.host)) continue;
    const handshake = telling(other);
    if (handshake?.error?.code !== 'tls-unknown-authority' || handshake.facts.publicAuthority === true) continue;
    if (authorityOf(handshake.facts) === issuer) return handshake;
  }
  return null;
}

/** Addresses that belong to nobody in public: there a name of the public may lead to a mirror of one's own. */
const inside = new BlockList();
for (const [net, prefix] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
  ['127.0.0.0', 8],
] as const) {
  inside.addSubnet(net, prefix, 'ipv4');
}
inside.addSubnet('fc00::', 7, 'ipv6');
inside.addSubnet('fe80::', 10, 'ipv6');
inside.addAddress('::1', 'ipv6');

function isInside(address: string): boolean {
  return inside.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
