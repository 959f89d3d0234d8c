import { isIP } from 'node:net';
import type { View } from '../evidence/view.ts';
import { stateOf } from '../evidence/way-state.ts';
import { waysOf } from '../evidence/ways.ts';
import { bracketed } from '../lib/url-text.ts';
import type { DnsFacts } from '../model/facts.ts';
import type { WireError } from '../model/network-failure.ts';
import { queryDns } from '../wire/dns.ts';
import type { ProbeContext } from './context.ts';
import type { Outcome, Probe, ProbeInput } from './probe.ts';

interface DnsInput extends ProbeInput {
  readonly host: string;
  readonly type: 'A' | 'AAAA';
  readonly nameserver: { readonly address: string; readonly port: number };
  readonly order: number;
}

type Query = DnsFacts['queries'][number];

/** Longest wait for one nameserver: Go's own default is 5 s an attempt; a slow one must not cost the whole deadline. */
const patienceMs = 5000;

/** Asks every nameserver of the node apart, for each family, with the search list, as the runtime's resolver would. */
export const dnsProbe: Probe<'dns', DnsInput> = {
  kind: 'dns',
  title: 'Name lookup at one nameserver',
  cost: 'cheap',
  budgetMs: patienceMs + 500,
  proves: {
    ok: 'this nameserver answers, and these are the addresses',
    failed: 'this nameserver gives no address: it says so, refuses, fails or is silent',
  },
  inputs: (view) => {
    const hosts = new Map<string, { endpoint: number; counterfactual: boolean }>();
    for (const way of waysOf(view)) {
      const { connectHost } = stateOf(view, way);
      if (isIP(connectHost.replace(/%.*$/, '')) !== 0) continue;
      if (!hosts.has(connectHost))
        hosts.set(connectHost, { endpoint: way.endpoint, counterfactual: way.instead !== null });
    }
    return [...hosts].flatMap(([host, { endpoint, counterfactual }]) =>
      questions(view, host, endpoint, counterfactual),
    );
  },
  run: async (input, context, signal) => {
    const entry = context.hostsEntry(input.host);
    if (entry !== null) return fromHostsFile(input, entry);
    return ask(input, context, signal);
  },
};

function questions(view: View, host: string, endpoint: number, counterfactual: boolean): DnsInput[] {
  return view.plan.nameservers.flatMap((nameserver, order) =>
    (['A', 'AAAA'] as const).map((type) => ({
      key: `dns ${host} ${type} ${order}`,
      target: `${host} ${type} @${serverName(nameserver)}`,
      hop: 'nameserver' as const,
      endpoint,
      counterfactual,
      host,
      type,
      nameserver,
      order,
    })),
  );
}

/** The hosts file is read before DNS, so its addresses are what the runtime uses; only the first question answers from it. */
function fromHostsFile(input: DnsInput, entry: { addresses: readonly string[]; source: string }): Outcome<'dns'> {
  if (input.order !== 0 || input.type !== 'A') {
    return { status: 'skipped', message: `${entry.source} names this host, so the runtime asks no nameserver.` };
  }
  return {
    status: 'ok',
    error: null,
    facts: {
      host: input.host,
      type: 'hosts',
      nameserver: entry.source,
      order: -1,
      addresses: entry.addresses,
      canonicalNames: [],
      queries: [],
    },
  };
}

async function ask(input: DnsInput, context: ProbeContext, signal: AbortSignal): Promise<Outcome<'dns'>> {
  const { resolver } = context.plan;
  const attempts = Math.max(1, Math.min(resolver.attempts, 2));
  const patience = context.patience(patienceMs);
  const timeoutMs = Math.min(resolver.timeoutMs, patience / attempts);
  const started = context.env.monotonic();
  const queries: Query[] = [];
  let failure: WireError | null = null;
  for (const name of context.lookupNames(input.host)) {
    const answer = await queryDns(
      input.nameserver,
      { name, type: input.type },
      { timeoutMs, attempts, useTcp: resolver.useTcp, signal, env: context.env },
    );
    if (!answer.ok) {
      queries.push({ name, rcode: null, transport: null, addresses: 0, extendedErrors: [], error: answer.error.code });
      failure = answer.error;
      break;
    }
    const { rcode, addresses, transport, extendedErrors, canonicalNames } = answer.value;
    // Go drops an answer without its question section, so to the runtime this nameserver is silent.
    failure = answer.value.questionMissing
      ? refusedWithoutQuestion(rcode, name)
      : failureOf(rcode, addresses, name, input.type);
    queries.push({
      name,
      rcode,
      transport,
      addresses: addresses.length,
      extendedErrors: extendedErrors.map(({ code, text }) => (text === '' ? `EDE ${code}` : `EDE ${code}: ${text}`)),
      error: failure?.code ?? null,
    });
    if (failure === null)
      return { status: 'ok', error: null, facts: factsOf(input, queries, addresses, canonicalNames) };
    const goesOn = failure.code === 'name-not-found' || failure.code === 'no-address';
    if (!goesOn || context.env.monotonic() - started > patience) break;
  }
  const facts = factsOf(input, queries, [], []);
  if (failure?.code === 'no-address') return { status: 'ok', error: null, facts };
  return { status: 'failed', error: failure ?? { code: 'internal', message: 'no name was asked' }, facts };
}

function factsOf(
  input: DnsInput,
  queries: Query[],
  addresses: readonly string[],
  canonicalNames: readonly string[],
): DnsFacts {
  return {
    host: input.host,
    type: input.type,
    nameserver: serverName(input.nameserver),
    order: input.order,
    addresses,
    canonicalNames,
    queries,
  };
}

function failureOf(rcode: string, addresses: readonly string[], name: string, type: string): WireError | null {
  if (rcode === 'NXDOMAIN') return { code: 'name-not-found', message: `NXDOMAIN: there is no ${name}` };
  if (rcode === 'REFUSED')
    return { code: 'dns-refused', message: `REFUSED: the nameserver does not answer ${name} for this node` };
  if (rcode !== 'NOERROR') return { code: 'server-failure', message: `${rcode} for ${name}` };
  return addresses.length === 0 ? { code: 'no-address', message: `${name} has no ${type} record` } : null;
}

function refusedWithoutQuestion(rcode: string, name: string): WireError {
  if (rcode === 'REFUSED') {
    const message = `REFUSED for ${name}, without the question section, which Go takes for silence (i/o timeout)`;
    return { code: 'dns-refused', message };
  }
  return { code: 'server-failure', message: `${rcode} for ${name}, without the question section` };
}

function serverName(nameserver: { readonly address: string; readonly port: number }): string {
  return nameserver.port === 53 ? nameserver.address : `${bracketed(nameserver.address)}:${nameserver.port}`;
}
