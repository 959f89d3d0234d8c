import type { DnsState } from '../evidence/dns-state.ts';
import type { CauseArgs } from './cause.ts';

/**
 * How the node comes to a host's addresses, where that is not the host's own name in DNS: by a line of the hosts file, or by
 * a longer name that a search domain made of it. Either leads elsewhere than everybody else goes.
 */
export function foundBy({ effective }: DnsState, host: string): CauseArgs {
  if (effective === null || effective.outcome !== 'answered') return {};
  if (effective.order < 0) return { source: effective.nameserver };
  const answered = effective.probes.flatMap(({ facts }) => facts.queries).filter(({ addresses }) => addresses > 0);
  const longer = answered.map(({ name }) => name.replace(/\.$/, '').toLowerCase());
  const own = host.replace(/\.$/, '').toLowerCase();
  return longer[0] === undefined || longer.includes(own) ? {} : { alias: longer[0] };
}

/** The same behind an address or a name: `, by etc/hosts:2`. */
export function byWhat({ source, alias }: CauseArgs): string {
  return `${source === undefined ? '' : `, by ${source}`}${alias === undefined ? '' : `, found as ${alias}`}`;
}

/** What to look at first when the address is not the right one. */
export function foundByAdvice({ host, source, alias }: CauseArgs): string | null {
  const name = host ?? 'the registry';
  if (source !== undefined)
    return `The address of ${name} stands in ${source}, so no nameserver is asked: if it is out of date, correct or remove that line.`;
  return alias === undefined
    ? null
    : `A search domain of resolv.conf makes ${alias} of ${name}, and DNS (a wildcard, for one) has an answer for that: if it is not the registry's, take out the search domain or lower ndots.`;
}
