import type { DnsState, NameserverAnswer } from '../../evidence/dns-state.ts';
import type { DoneProbe } from '../../model/investigation.ts';
import type { HopWords } from './hop-words.ts';
import { listed, withoutPlace } from './words.ts';

/** One line about a host's name: nameservers that agree, and both address families, taken together. */
export interface DnsLine extends HopWords {
  readonly probes: readonly DoneProbe<'dns'>[];
}

/** What the nameservers say of a host: one line when they agree, else one for each answer. */
export function dnsLines(host: string, { answers }: DnsState): DnsLine[] {
  const alike = new Map<string, NameserverAnswer[]>();
  for (const answer of answers) {
    const words = answer.addresses.length > 0 ? '' : reasons(answer.probes);
    const key = `${answer.outcome} ${[...answer.addresses].sort()} ${words}`;
    alike.set(key, [...(alike.get(key) ?? []), answer]);
  }
  return [...alike.values()].map((group) => dnsLine(host, group, alike.size === 1));
}

function dnsLine(host: string, group: readonly NameserverAnswer[], allAgree: boolean): DnsLine {
  const probes = group.flatMap((answer) => [...answer.probes]);
  const servers = group.map(({ nameserver }) => nameserver);
  const [first] = group;
  if (first === undefined || first.addresses.length === 0) {
    const asked = [...new Set(probes.flatMap(({ facts }) => facts.queries.map(({ name }) => name)))];
    const names = asked.length > 1 ? `; asked for ${listed(asked, 6)}` : '';
    const from = servers.every((server) => reasons(probes).includes(server)) ? '' : ` (nameserver ${listed(servers)})`;
    const place = reasons(probes).includes(host) ? '' : `${host}: `;
    return { ok: false, words: `failed: ${place}${reasons(probes)}${from}${names}`, probes };
  }
  const source = first.order < 0 ? `by ${first.nameserver}` : agreement(servers, allAgree);
  const alias = [...new Set(probes.flatMap(({ facts }) => facts.canonicalNames))].at(-1);
  const through = alias === undefined ? '' : `, an alias of ${alias}`;
  const half = probes.filter(({ status }) => status === 'failed');
  const missing = half.length === 0 ? '' : `; ${half[0]?.facts.type} failed: ${reasons(half)}`;
  const words = `${host} is ${listed(first.addresses, 6)}${through}, ${source}${missing}`;
  return { ok: half.length === 0, words, probes };
}

function agreement(servers: readonly string[], allAgree: boolean): string {
  if (servers.length === 1 || !allAgree) return `from ${listed(servers)}`;
  return servers.length === 2 ? 'same from both nameservers' : `same from all ${servers.length} nameservers`;
}

/** Why there is no address, each reason once. */
function reasons(probes: readonly DoneProbe<'dns'>[]): string {
  const failed = probes.filter(({ status }) => status === 'failed');
  if (failed.length === 0) return 'the name exists, and has no address of either family';
  return [...new Set(failed.map(({ error }) => withoutPlace(error?.message ?? '')))].join('; ');
}
