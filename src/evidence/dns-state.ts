import { isIP } from 'node:net';
import type { DoneProbe } from '../model/investigation.ts';
import { oncePerPart } from './once.ts';
import { probesOf } from './view.ts';

/** One nameserver's answer for a host, both families taken together. */
export interface NameserverAnswer {
  readonly nameserver: string;
  readonly order: number;
  readonly addresses: readonly string[];
  /** `answered` with addresses, or why there are none; `pending` while a query is under way. */
  readonly outcome: 'answered' | 'name-not-found' | 'server-failure' | 'refused' | 'timeout' | 'other' | 'pending';
  readonly probes: readonly DoneProbe<'dns'>[];
}

/** What is known of a host's addresses. */
export interface DnsState {
  readonly literal: boolean;
  readonly answers: readonly NameserverAnswer[];
  /** The answer that the runtime's resolver takes: Go asks in order, goes on after silence or an error, and stops at NXDOMAIN. */
  readonly effective: NameserverAnswer | null;
  /** All addresses, the runtime's first. */
  readonly addresses: readonly string[];
  readonly pending: boolean;
}

/** Addresses of one host that are looked at. */
export const maxAddresses = 8;

/** How a host's name resolves, from the probes so far. */
export const dnsState = oncePerPart((view, host: string): DnsState => {
  if (isIP(host.replace(/%.*$/, '')) !== 0) {
    return { literal: true, answers: [], effective: null, addresses: [host], pending: false };
  }
  const probes = probesOf(view, 'dns').filter((probe) => probe.facts.host === host);
  const byServer = new Map<number, DoneProbe<'dns'>[]>();
  for (const probe of probes) byServer.set(probe.facts.order, [...(byServer.get(probe.facts.order) ?? []), probe]);
  const answers = [...byServer.values()].map(answerOf).sort((a, b) => a.order - b.order);
  const expected = answers.some((answer) => answer.order < 0) ? 1 : view.plan.nameservers.length;
  const pending = answers.length < expected || answers.some((answer) => answer.outcome === 'pending');
  const effective = effectiveOf(answers, expected);
  const addresses = new Set(effective?.addresses ?? []);
  for (const answer of answers) for (const address of answer.addresses) addresses.add(address);
  return { literal: false, answers, effective, addresses: [...addresses].slice(0, maxAddresses), pending };
});

function answerOf(probes: readonly DoneProbe<'dns'>[]): NameserverAnswer {
  const first = probes[0];
  const addresses = probes.flatMap((probe) => [...probe.facts.addresses]);
  const complete = first?.facts.type === 'hosts' || probes.length === 2;
  return {
    nameserver: first?.facts.nameserver ?? '',
    order: first?.facts.order ?? 0,
    addresses,
    outcome: addresses.length > 0 ? 'answered' : complete ? failureOf(probes) : 'pending',
    probes,
  };
}

/** Two families were asked and none has an address: the worse of the two answers counts. */
function failureOf(probes: readonly DoneProbe<'dns'>[]): NameserverAnswer['outcome'] {
  const codes = probes.map((probe) => probe.error?.code ?? 'no-address');
  if (codes.includes('server-failure')) return 'server-failure';
  if (codes.includes('dns-refused') || codes.includes('refused')) return 'refused';
  if (codes.includes('timeout')) return 'timeout';
  if (codes.every((code) => code === 'name-not-found' || code === 'no-address')) return 'name-not-found';
  return 'other';
}

function effectiveOf(answers: readonly NameserverAnswer[], expected: number): NameserverAnswer | null {
  let last: NameserverAnswer | null = null;
  for (const [index, answer] of answers.entries()) {
    // A nameserver before this one has not been heard: the resolver might never come here.
    if (answer.outcome === 'pending' || answer.order > index) return null;
    last = answer;
    if (answer.outcome === 'answered' || answer.outcome === 'name-not-found') return answer;
  }
  return answers.length === expected ? last : null;
}
