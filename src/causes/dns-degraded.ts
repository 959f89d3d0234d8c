import { blockClause, leadsNowhere } from '../evidence/dns-block.ts';
import type { NameserverAnswer } from '../evidence/dns-state.ts';
import { idsOf, type View } from '../evidence/view.ts';
import { stateOf } from '../evidence/way-state.ts';
import { isEndpointHop, waysOf } from '../evidence/ways.ts';
import type { Match } from './cause.ts';

/** Nameservers that fail while the one that the runtime's resolver ends with answers: pulls work, slower, until that one goes too. */
export function degradedNameservers(view: View): Match[] {
  const seen = new Set<string>();
  return waysOf(view).flatMap((way) => {
    const { dns, connectHost, open, broken } = stateOf(view, way);
    // A way that ends behind the names has them all the same.
    const named = open.length > 0 || (broken !== null && broken.layer !== 'dns');
    if (way.instead !== null || !isEndpointHop(way.hop) || !named || seen.has(connectHost)) return [];
    seen.add(connectHost);
    if (dns.literal || dns.effective?.outcome !== 'answered') return [];
    const silent = dns.answers.filter(({ outcome }) =>
      ['timeout', 'server-failure', 'refused', 'other'].includes(outcome),
    );
    // One that gives 0.0.0.0 knows no address; it may be this node's own, where this node serves.
    const dissent = dns.answers.filter(
      (answer) =>
        answer.outcome === 'name-not-found' ||
        (leadsNowhere(answer) && !answer.addresses.some((address) => open.includes(address))),
    );
    const bad = [...silent, ...dissent];
    if (bad.length === 0) return [];
    const match: Match = {
      confidence: 'proven',
      severity: 'degraded',
      evidence: idsOf(bad.flatMap((answer) => [...answer.probes])),
      endpoint: way.endpoint,
      host: bad[0]?.nameserver ?? connectHost,
      args: {
        image: view.plan.image.input,
        host: connectHost,
        nameserver: dns.answers.map((answer) => answer.nameserver).join(' and '),
        detail: `${bad.map((answer) => blockClause(answer) ?? `${answer.nameserver} ${wordsOf(answer.outcome)}`).join(', ')}; ${dns.effective.nameserver} answers`,
      },
    };
    return [match];
  });
}

function wordsOf(outcome: NameserverAnswer['outcome']): string {
  if (outcome === 'timeout') return 'is silent';
  if (outcome === 'refused') return 'refuses';
  if (outcome === 'name-not-found') return 'says that there is no such name';
  return outcome === 'server-failure' ? 'fails (SERVFAIL)' : 'cannot be asked';
}
