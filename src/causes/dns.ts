import type { Break } from '../evidence/breaks.ts';
import { blockClause, blockWords, leadsNowhere } from '../evidence/dns-block.ts';
import type { NameserverAnswer } from '../evidence/dns-state.ts';
import type { View } from '../evidence/view.ts';
import type { Remedy } from '../model/investigation.ts';
import { matchBreaks } from './break-match.ts';
import { type Cause, type CauseArgs, type Match, remedy } from './cause.ts';
import { degradedNameservers } from './dns-degraded.ts';
import { byProxyOpen } from './proxy-answer.ts';
import { byProxy } from './tcp.ts';

type Outcome = NameserverAnswer['outcome'];

/** The host that is looked up is a proxy's: then the proxy is what cannot be reached. */
function isProxy(hop: Break): boolean {
  return hop.way.proxy !== null;
}

/** The outcome that the runtime's resolver ends with, when this break is one of names and no proxy known here would do. */
function ending(hop: Break, view: View): Outcome | null {
  if (isProxy(hop) || hop.inconsistent) return null;
  // Closed networks resolve no outside names: then it is the proxy setting that is missing (`proxy-required`).
  if (byProxyOpen(hop, view) !== null) return null;
  const { effective, answers } = hop.state.dns;
  const last = effective ?? answers.at(-1);
  return last === undefined ? null : meaning(last);
}

/** An answer with no address but 0.0.0.0 has none. */
function meaning(answer: NameserverAnswer): Outcome {
  return leadsNowhere(answer) ? 'name-not-found' : answer.outcome;
}

/** All outcomes that differ from the one that the resolver ends with. */
function mixed(hop: Break, outcome: Outcome): boolean {
  return hop.state.dns.answers.some((answer) => meaning(answer) !== outcome);
}

function nameservers(hop: Break, outcome?: Outcome): string {
  const names = hop.state.dns.answers.filter((answer) => outcome === undefined || meaning(answer) === outcome);
  return [...new Set(names.map((answer) => answer.nameserver))].join(' and ');
}

function firstNameserver(hop: Break, outcome: Outcome): string {
  return hop.state.dns.answers.find((answer) => meaning(answer) === outcome)?.nameserver ?? hop.way.host;
}

function reading(outcome: Outcome, words: (hop: Break) => CauseArgs) {
  return (hop: Break, view: View): Partial<Match> | null => {
    if (ending(hop, view) !== outcome) return null;
    const confidence = mixed(hop, outcome) ? 'likely' : 'proven';
    // A name that is not there is the name's own matter; all else is the nameserver's.
    const host = outcome === 'name-not-found' ? hop.way.host : firstNameserver(hop, outcome);
    return {
      confidence,
      host,
      args: { nameserver: nameservers(hop, outcome), ...words(hop), ...blocked(hop, outcome) },
    };
  };
}

/** Who blocks the name, and by which answer: of nameservers those that do, or the hosts file. */
function blocked(hop: Break, outcome: Outcome): CauseArgs {
  const { effective, answers } = hop.state.dns;
  const said = effective === null ? null : blockWords(effective);
  if (effective === null || said === null) return {};
  if (effective.order < 0) return { blocked: 'yes', detail: said, source: effective.nameserver };
  const alike = answers.filter((answer) => meaning(answer) === outcome && blockWords(answer) === said);
  const nameserver = [...new Set(alike.map((answer) => answer.nameserver))].join(' and ');
  return { blocked: 'yes', detail: said, nameserver };
}

const askAgain = (args: CauseArgs): string =>
  `dig ${args.host ?? 'HOST'}${args.nameserver === undefined ? '' : ` @${args.nameserver.split(' ')[0]}`}`;

/** `Nameserver 10.0.0.2 blocks quay.io: it answers 0.0.0.0, which is no address`. */
function blockSentence({ host, nameserver, detail, source }: CauseArgs): string {
  const name = host ?? "the registry's name";
  if (source !== undefined)
    return `${source} of this node blocks ${name}: it gives ${detail ?? '0.0.0.0'} for it, which is no address.`;
  const several = nameserver?.includes(' and ') === true;
  const none = detail !== undefined && /^(?:0\.0\.0\.0|::)/.test(detail) ? ', which is no address: filters do so' : '';
  return `Nameserver${several ? 's' : ''} ${nameserver ?? 'of the node'} ${several ? 'block' : 'blocks'} ${name}: ${several ? 'they answer' : 'it answers'} ${detail ?? 'as filters do'}${none}.`;
}

/** Whom to ask, in place of advice about the name: whoever blocks it knows it. */
function unblock(args: CauseArgs): Remedy[] {
  const name = args.host ?? "the registry's name";
  if (args.source !== undefined)
    return [
      remedy(
        `Take ${name} out of ${args.source}, which is read before any nameserver is asked (or out of what writes that file):`,
        `grep -n ${args.host ?? 'HOST'} /etc/hosts`,
      ),
    ];
  return [
    remedy(
      `Ask whoever runs nameserver ${args.nameserver ?? 'of the node'} (Pi-hole, AdGuard, a firewall or a filtering DNS service) to allow ${name}, and the hosts of its tokens and layers with it. See its answer with:`,
      askAgain(args),
    ),
    remedy(
      'Or let this node ask a nameserver that does not filter: correct its resolv.conf, or what writes it.',
      'cat /etc/resolv.conf',
    ),
  ];
}

const nothingListens = 'nothing listens on its port';
const answersRefused = 'it answers REFUSED';

const nameNotFound = matchBreaks(
  ['dns'],
  reading('name-not-found', () => ({})),
);

/** Causes of name lookup. */
export const dnsCauses: readonly Cause[] = [
  {
    id: 'dns-name-not-found',
    layer: 'dns',
    scenario: 3,
    title: "The registry's name does not exist in DNS",
    fixedBy: 'workload',
    proof:
      'Every nameserver of the node is asked for A and AAAA, with the search list; each says NXDOMAIN or has no address; 0.0.0.0 and ::, with which filters block a name, are none.',
    say: (args) =>
      args.blocked === 'yes'
        ? blockSentence(args)
        : `The name ${args.host ?? 'of the registry'} does not exist: ${args.nameserver === undefined ? 'the nameserver' : `nameserver ${args.nameserver}`} knows no address for it.`,
    remedies: (args) =>
      args.blocked === 'yes'
        ? unblock(args)
        : [
            remedy(
              `Check the spelling of the host in the image name${args.host === undefined ? '' : ` (${args.host})`}.`,
            ),
            remedy(
              'If the name is right, its zone lacks it, or this node asks nameservers that do not serve that zone. Ask again with:',
              askAgain(args),
            ),
          ],
    match: (view) => [...nameNotFound(view), ...byProxy('dns-name-not-found')(view)],
  },
  {
    id: 'dns-server-failure',
    layer: 'dns',
    scenario: 3,
    title: 'The nameserver fails to answer (SERVFAIL)',
    fixedBy: 'network',
    proof: "The nameserver's own answer carries the error code; extended errors (RFC 8914) are kept.",
    say: ({ host, nameserver, detail }) =>
      `Nameserver ${nameserver ?? 'of the node'} answers ${detail ?? 'SERVFAIL'} for ${host ?? "the registry's name"}: it cannot resolve it itself.`,
    remedies: (args) => [
      remedy(
        'Look at the nameserver: its forwarders may be down, or DNSSEC validation of the zone fails. Ask it with:',
        askAgain(args),
      ),
      remedy("If another nameserver resolves the name, put that one first in the node's resolv.conf."),
    ],
    match: matchBreaks(
      ['dns'],
      reading('server-failure', (hop) => ({ detail: rcodes(hop) })),
    ),
  },
  {
    id: 'dns-timeout',
    layer: 'dns',
    scenario: 3,
    title: 'No nameserver answers',
    fixedBy: 'network',
    proof: 'Each nameserver is asked over a connected UDP socket, twice; silence is told from a refusal.',
    say: ({ host, nameserver }) =>
      `Nameserver ${nameserver ?? 'of the node'} does not answer, so ${host ?? "the registry's name"} cannot be looked up.`,
    remedies: (args) => [
      remedy(
        'Check that the nameserver runs, and that no firewall drops UDP and TCP port 53 between this node and it:',
        askAgain(args),
      ),
      remedy(
        "If it has moved, correct the node's resolv.conf (or what writes it: DHCP, systemd-resolved, NetworkManager).",
        'cat /etc/resolv.conf',
      ),
    ],
    match: matchBreaks(
      ['dns'],
      reading('timeout', () => ({})),
    ),
  },
  {
    id: 'dns-refused',
    layer: 'dns',
    scenario: 3,
    title: 'The nameserver refuses',
    fixedBy: 'network',
    proof: 'An ICMP "port unreachable" comes back, or an answer with the code REFUSED.',
    say: (args) =>
      args.blocked === 'yes'
        ? blockSentence(args)
        : `Nameserver ${args.nameserver ?? 'of the node'} refuses: ${args.detail ?? 'nothing listens there, or it does not serve this node'}, so ${args.host ?? "the registry's name"} cannot be looked up.`,
    remedies: (args) => {
      if (args.blocked === 'yes') return unblock(args);
      const unheard = remedy(
        "Start the nameserver (a local stub: systemctl status systemd-resolved), or correct the node's resolv.conf:",
        'cat /etc/resolv.conf',
      );
      const unwanted = remedy(
        "The nameserver's access list does not include this node's address. Ask it with:",
        askAgain(args),
      );
      if (args.detail === nothingListens) return [unheard];
      return args.detail === answersRefused ? [unwanted] : [unheard, unwanted];
    },
    match: matchBreaks(
      ['dns'],
      reading('refused', (hop) => ({
        detail: hop.probes.some((probe) => probe.error?.code === 'dns-refused') ? answersRefused : nothingListens,
      })),
    ),
  },
  {
    id: 'dns-inconsistent',
    layer: 'dns',
    scenario: 3,
    title: 'The nameservers do not agree',
    fixedBy: 'network',
    proof: 'Each nameserver is asked by itself, and every address it gives is connected to.',
    say: ({ host, detail }) =>
      `The node's nameservers do not agree about ${host ?? 'the registry'}: ${detail ?? 'some give an address that works, others do not'}.`,
    remedies: (args) => [
      remedy(
        "Make the nameservers serve the same zone, or take the wrong one out of the node's resolv.conf.",
        'cat /etc/resolv.conf',
      ),
      remedy(
        'Compare their answers with:',
        args.nameserver === undefined
          ? askAgain(args)
          : args.nameserver
              .split(' and ')
              .map((one) => `dig +short ${args.host ?? 'HOST'} @${one}`)
              .join('; '),
      ),
    ],
    match: (view) => [
      ...matchBreaks(['dns'], (hop) =>
        hop.inconsistent && !isProxy(hop)
          ? {
              // The one that the resolver believes.
              host: hop.state.dns.effective?.nameserver ?? hop.way.host,
              args: { nameserver: nameservers(hop), detail: disagreement(hop) },
            }
          : null,
      )(view),
      ...degradedNameservers(view),
    ],
  },
];

/** `10.0.0.2 says name-not-found, 10.0.0.3 gives 10.1.2.3`. */
export function disagreement(hop: { readonly state: Break['state'] }): string {
  return hop.state.dns.answers.map(describeAnswer).join(', ');
}

function describeAnswer(answer: NameserverAnswer): string {
  const block = blockClause(answer);
  if (block !== null) return block;
  if (answer.outcome === 'answered') return `${answer.nameserver} gives ${answer.addresses.slice(0, 3).join(' ')}`;
  const words: Record<Outcome, string> = {
    answered: '',
    'name-not-found': 'says that there is no such name',
    'server-failure': 'fails (SERVFAIL)',
    refused: 'refuses',
    timeout: 'is silent',
    other: 'cannot be asked',
    pending: 'has not answered',
  };
  return `${answer.nameserver} ${words[answer.outcome]}`;
}

function rcodes(hop: Break): string {
  const queries = hop.state.dns.answers.flatMap((answer) => answer.probes.flatMap((probe) => [...probe.facts.queries]));
  const failing = queries.find((query) => query.error === 'server-failure');
  const extended = failing?.extendedErrors[0];
  return `${failing?.rcode ?? 'SERVFAIL'}${extended === undefined ? '' : ` (${extended})`}`;
}
