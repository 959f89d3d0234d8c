import { type Break, insteadOfWay } from '../evidence/breaks.ts';
import { blockClause } from '../evidence/dns-block.ts';
import { handshakeOwner } from '../evidence/handshake-by-proxy.ts';
import { originOf, partyName } from '../evidence/origin.ts';
import { isUnanswered } from '../evidence/silent-handshake.ts';
import { idsOf, type View } from '../evidence/view.ts';
import { clip } from '../lib/limits.ts';
import { listed } from '../lib/words.ts';
import type { CauseId } from '../model/cause-id.ts';
import type { DoneProbe } from '../model/investigation.ts';
import { type BreakReading, matchBreaks } from './break-match.ts';
import { bypass, type Cause, type Match, remedy, sentence } from './cause.ts';
import { clockSkew, telling } from './clock.ts';
import { interception } from './interception.ts';
import { plainSpeaker, plainWords } from './plain-answer.ts';
import {
  answerOf,
  answersInstead,
  byProxyOpen,
  directOpen,
  type Instead,
  isDenial,
  isOnwardFailure,
  said,
} from './proxy-answer.ts';
import { tcpFailure } from './tcp-failure.ts';

const named = (proxy: string | undefined): string => (proxy === undefined ? '' : ` ${proxy}`);

/** Causes at the proxy that the runtime would use. */
export const proxyCauses: readonly Cause[] = [
  {
    id: 'proxy-unreachable',
    layer: 'proxy',
    scenario: 3,
    title: 'The proxy cannot be reached',
    fixedBy: 'network',
    proof:
      "The proxy's name is looked up and its port connected to, as the runtime does before it asks for the registry.",
    say: ({ proxy, detail }) =>
      `The runtime's proxy${named(proxy)} cannot be reached: ${detail ?? 'it does not resolve, connect or answer'}.`,
    remedies: (args) => [
      remedy(
        `Check that the proxy runs and that its address is right${args.source === undefined ? '' : ` (${args.source})`}:`,
        `curl -sv --connect-timeout 5 ${args.proxy ?? 'http://PROXY:PORT'}`,
      ),
      remedy(
        "If the registry can be reached without it, add the registry's host to NO_PROXY of the runtime's unit.",
        bypass(args),
      ),
    ],
    match: matchBreaks(['dns', 'tcp', 'proxy'], (hop, view) => {
      if (hop.way.proxy === null) return null;
      const direct = directOpen(hop, view);
      const args = { host: hop.way.host, source: hop.way.proxyReason };
      const host = proxyParty(hop);
      if (hop.layer === 'dns') return { host, args: { ...args, detail: unnamed(hop) }, underlying: dnsUnderlying(hop) };
      if (hop.layer === 'tcp') {
        const underlying = tcpUnderlying(hop.state.tcp);
        return { host, args: { ...args, detail: tcpWords[underlying] }, underlying };
      }
      const answer = answerOf(hop);
      const silent = answer.status === null && answer.code !== 'proxy-auth' && answer.code !== 'proxy-refused';
      const onward = answer.code === 'timeout' && !answer.unasked;
      if (!silent || (onward && direct !== null)) return null;
      return {
        host,
        confidence: onward ? 'likely' : 'proven',
        alternatives: onward ? ['tcp-timeout'] : [],
        args: {
          ...args,
          detail: onward
            ? 'it takes the connection and does not answer'
            : (hopelessWords[answer.code ?? ''] ??
              (answer.unasked
                ? `TLS with it cannot be set up (${answer.code})`
                : 'it ends the connection without an answer')),
        },
      };
    }),
  },
  {
    id: 'proxy-auth-required',
    layer: 'proxy',
    scenario: 3,
    title: 'The proxy wants authentication',
    fixedBy: 'node',
    proof: 'The proxy answers 407; what it challenges with is kept.',
    say: ({ proxy, host, detail }) =>
      `The proxy${named(proxy)} wants authentication (407) before it opens ${host ?? 'the registry'}${detail === undefined ? '' : `; ${detail}`}.`,
    remedies: ({ proxy, unit, schemes }) => [
      schemes === undefined
        ? remedy(
            "Put user and password into the proxy's URL in the runtime's unit (percent-encoded), and restart the runtime.",
            `systemctl edit ${unit ?? 'containerd'}   # Environment=HTTPS_PROXY=${(proxy ?? 'http://PROXY:3128').replace('://', '://USER:PASSWORD@')}`,
          )
        : remedy(
            'A user and password in the proxy setting do not help with that: let the proxy take Basic from this node, or run a forwarder here that logs in for it (cntlm, px) and set that as the proxy of the runtime.',
          ),
      remedy("Or let this node's address through the proxy without authentication."),
    ],
    match: matchBreaks(['proxy'], (hop) => {
      const answer = answerOf(hop);
      if (answer.status !== 407 && answer.code !== 'proxy-auth') return null;
      const asked = hop.state.connect.at(-1)?.facts;
      const sent = asked?.withCredentials === true;
      const schemes = foreignSchemes(asked?.headers['proxy-authenticate']);
      return {
        host: proxyParty(hop),
        args: {
          host: hop.way.host,
          ...(schemes !== null
            ? { schemes, detail: `it takes only ${schemes}, and the runtimes know Basic alone` }
            : sent
              ? { detail: 'the credentials in the proxy setting were sent and refused' }
              : {}),
        },
      };
    }),
  },
  {
    id: 'proxy-denied',
    layer: 'proxy',
    scenario: 3,
    title: 'The proxy refuses this registry',
    fixedBy: 'network',
    proof:
      'The proxy answers the request for this host and port with a refusal, and without the proxy the host cannot be reached either.',
    say: ({ proxy, host, port, detail }) =>
      `The proxy${named(proxy)} refuses to open ${host ?? 'the registry'}${port === undefined ? '' : `:${port}`}${detail === undefined ? '' : ` (${detail})`}.`,
    remedies: (args) => [
      remedy(
        `Ask the proxy's owner to allow CONNECT to ${args.host ?? 'the registry'}${args.port === undefined ? '' : ` port ${args.port}`}; most proxies allow port 443 only.`,
      ),
      remedy('If the registry is internal, it should not go by the proxy: add it to NO_PROXY.', bypass(args)),
    ],
    match: matchBreaks(['proxy', 'tls'], (hop, view) => {
      const speaker = plainSpeaker(hop, view);
      if (hop.layer === 'tls') {
        if (speaker?.is !== 'proxy') return null;
        const detail = `it opens the way, and what answers on it speaks no TLS: ${plainWords(speaker)}`;
        return {
          confidence: 'likely',
          alternatives: ['http-on-https', 'registry-invalid-response'],
          evidence: [...idsOf(hop.probes), ...idsOf(speaker.plain)],
          host: proxyParty(hop),
          args: { host: hop.way.host, port: String(hop.way.port), detail },
        };
      }
      const answer = answerOf(hop);
      if (!isDenial(answer) || directOpen(hop, view) !== null) return null;
      const args = { host: hop.way.host, port: String(hop.way.port), detail: said(answer) };
      // A connection that opens and ends at the certificate is a way past the proxy, too.
      const closed = insteadOfWay(view, hop.way, 'direct').some(
        ({ state }) => state.broken?.layer === 'dns' || state.broken?.layer === 'tcp',
      );
      // Whether NO_PROXY should have it was not found out.
      const host = proxyParty(hop);
      if (hop.unsigned) return { host, confidence: 'likely', alternatives: ['access-denied'], args };
      return closed ? { host, args } : { host, confidence: 'likely', alternatives: ['proxy-bypass-missing'], args };
    }),
  },
  {
    id: 'proxy-bypass-missing',
    layer: 'proxy',
    scenario: 3,
    title: 'NO_PROXY lacks this registry',
    fixedBy: 'node',
    proof: 'By the proxy the registry cannot be reached; without it, from this node, it can.',
    say: ({ proxy, host, detail }) =>
      `The runtime goes to ${host ?? 'the registry'} by the proxy${named(proxy)}, which cannot or will not reach it${detail === undefined ? '' : ` (${detail})`}; directly this node reaches it. NO_PROXY lacks it.`,
    remedies: (args) => [
      remedy(
        `Add ${args.host ?? "the registry's host"} to NO_PROXY of the runtime${args.source === undefined ? '' : ` (the proxy is set by ${args.source})`}, and restart it.`,
        bypass(args),
      ),
    ],
    match: matchBreaks(['proxy', 'tls'], (hop, view) => {
      const answer = answerOf(hop);
      const direct = directOpen(hop, view);
      if (hop.layer === 'tls') {
        if (hop.way.proxy === null || direct === null) return null;
        if (answersInstead(hop, view) === null) return anotherServer(hop, view, direct);
        // Large packets that vanish on the way to the proxy are silence, too.
        const silent = hop.state.tls.some(({ error }) => error?.code === 'timeout');
        return {
          ...(silent ? { confidence: 'likely', alternatives: ['mtu-black-hole'] } : {}),
          evidence: [...idsOf(hop.probes), ...direct.evidence],
          args: { host: hop.way.host, source: hop.way.proxyReason, detail: 'it opens a way on which nobody answers' },
        };
      }
      // A page instead of a refusal: a login, a warning, a word of welcome.
      const page = answer.status !== null && answer.status < 300;
      if (direct === null || (!page && !isDenial(answer) && !isOnwardFailure(answer))) return null;
      return {
        // It may be the registry, which answers the proxy's address otherwise than this node's.
        ...(hop.unsigned ? { alternatives: ['source-address-blocked'] as const } : {}),
        ...doubtOf(hop, direct),
        evidence: [...idsOf(hop.probes), ...direct.evidence],
        args: {
          host: hop.way.host,
          source: hop.way.proxyReason,
          ...(said(answer) === '' ? {} : { detail: page ? `${said(answer)} with a page of its own` : said(answer) }),
        },
      };
    }),
  },
  {
    id: 'proxy-required',
    layer: 'proxy',
    scenario: 3,
    title: 'The runtime is not set to use the proxy',
    fixedBy: 'node',
    proof: 'Directly the registry cannot be reached; by a proxy that is set elsewhere on this node, it can.',
    say: ({ host, proxy, source }) =>
      `This node reaches ${host ?? 'the registry'} only by a proxy, and the runtime is not set to use one: ${proxy ?? 'a proxy known here'}${source === undefined ? '' : ` (${source})`} gets through, a direct connection does not.`,
    remedies: ({ proxy, unit }) => [
      remedy(
        'Set the proxy for the container runtime, and restart it.',
        `systemctl edit ${unit ?? 'containerd'}   # [Service] Environment=HTTPS_PROXY=${proxy ?? 'http://PROXY:3128'}`,
      ),
    ],
    match: matchBreaks(['dns', 'tcp', 'tls'], (hop, view) => {
      if (hop.way.proxy !== null) return null;
      const by = hop.layer === 'tls' ? answersInstead(hop, view) : byProxyOpen(hop, view);
      if (by === null) return null;
      const source = view.plan.knownProxies.find(({ url }) => url === by.way.proxy)?.source;
      return {
        ...(by.sign === 'sure' ? {} : { confidence: 'likely', alternatives: [directly(hop)] }),
        evidence: [...idsOf(hop.probes), ...by.evidence],
        args: { host: hop.way.host, proxy: by.way.proxy ?? '', ...(source === undefined ? {} : { source }) },
      };
    }),
  },
  {
    id: 'proxy-misconfigured',
    layer: 'proxy',
    scenario: 7,
    title: 'The proxy setting cannot work as written',
    fixedBy: 'node',
    proof: "The runtime's environment is read as Go reads it; what Go makes of the value is said.",
    say: ({ detail, source }) =>
      `The runtime's proxy setting cannot work as written${source === undefined ? '' : ` (${source})`}${detail === undefined ? '.' : `: ${sentence(detail)}`}`,
    remedies: () => [
      remedy('Write it as http://HOST:PORT, without quotes, and restart the runtime.', 'systemctl cat containerd'),
    ],
  },
];

/** On the way that the proxy opens somebody else answers than without it, and not with what the host's name is for. */
function anotherServer(hop: Break, view: View, direct: Instead): ReturnType<BreakReading> {
  const error = telling(hop)?.error;
  const apart = isUnanswered(hop.state) || error?.code === 'tls-unknown-authority';
  if (error === null || error === undefined || apart || handshakeOwner(hop, view) !== 'not-own') return null;
  if (clockSkew(hop, view) !== null || interception(hop, view) !== null) return null;
  const words = error.message.replace(/^TLS handshake with [^ ]+: /, '');
  return {
    evidence: [...idsOf(hop.probes), ...direct.evidence],
    args: {
      host: hop.way.host,
      source: hop.way.proxyReason,
      detail: `on the way that it opens another server answers: ${clip(words, longestWords)}`,
    },
  };
}

/** What another server says is cut to what a sentence can hold. */
const longestWords = 200;

/** What is wrong with a proxy that gives no answer to what it is asked, by its failure's code. */
const hopelessWords: Readonly<Record<string, string>> = {
  'tls-plain-answer': 'it speaks plain HTTP, and the setting says https://',
  'tls-on-plain': 'it speaks TLS, and the setting says http://',
  'http-malformed': 'its answer is not HTTP, so it is no HTTP proxy',
};

/** A sentence has room for some; who answers decides how many there are, and how long. */
const [mostSchemes, longestScheme] = [4, 30];

/** The schemes of a challenge that has none which Go's client, and so a runtime, can answer: it knows Basic alone. */
function foreignSchemes(challenge: string | undefined): string | null {
  const schemes = (challenge ?? '')
    .split(',')
    .flatMap((part) => /^\s*([A-Za-z][\w-]*)(?=\s|$)(?!\s*=)/.exec(part)?.[1] ?? []);
  if (schemes.length === 0 || schemes.some((scheme) => scheme.toLowerCase() === 'basic')) return null;
  const shown = [...new Set(schemes)].map((scheme) => clip(scheme, longestScheme));
  // How many more is not said: of a long header not all is kept.
  return listed(shown.length > mostSchemes ? [...shown.slice(0, mostSchemes), 'others'] : shown, mostSchemes + 1);
}

/** The proxy as the party that fails: `proxy.corp:3128`. */
function proxyParty({ way }: Break): string {
  const origin = originOf(way.proxy ?? '');
  return origin === null ? way.host : partyName(origin);
}

const tcpWords: Readonly<Record<'tcp-refused' | 'tcp-timeout' | 'no-route' | 'tcp-reset', string>> = {
  'tcp-refused': 'its port refuses the connection',
  'tcp-timeout': 'packets to it vanish',
  'no-route': 'there is no route to it',
  'tcp-reset': 'it resets the connection',
};

function tcpUnderlying(probes: readonly DoneProbe<'tcp'>[]): keyof typeof tcpWords {
  const code = tcpFailure(probes);
  if (code === 'refused') return 'tcp-refused';
  if (code === 'unreachable') return 'no-route';
  return code === 'reset' || code === 'closed' ? 'tcp-reset' : 'tcp-timeout';
}

/** Why its name leads to no address. */
function unnamed({ state }: Break): string {
  const block = state.dns.effective === null ? null : blockClause(state.dns.effective);
  return `its name cannot be looked up${block === null ? '' : `, for ${block}`}`;
}

/** What is wrong without a proxy, where whether one would do is not sure. */
function directly(hop: Break): CauseId {
  return hop.layer === 'dns'
    ? dnsUnderlying(hop)
    : hop.layer === 'tcp'
      ? tcpUnderlying(hop.state.tcp)
      : 'tls-handshake-failed';
}

/**
 * Not sure that the proxy is passed by: what answers directly may be no registry either. And a limit without a word may be
 * the registry's, which counts what comes from the proxy's address.
 */
function doubtOf(hop: Break, direct: Instead): Pick<Match, 'alternatives'> & { confidence?: 'likely' } {
  const limited = answerOf(hop).status === 429;
  if (direct.sign === 'sure' && !limited) return {};
  return { confidence: 'likely', alternatives: [limited ? 'rate-limited' : 'proxy-denied'] };
}

function dnsUnderlying(hop: Break): 'dns-name-not-found' | 'dns-server-failure' | 'dns-timeout' | 'dns-refused' {
  const outcome = hop.state.dns.effective?.outcome;
  if (outcome === 'timeout') return 'dns-timeout';
  if (outcome === 'refused') return 'dns-refused';
  return outcome === 'server-failure' ? 'dns-server-failure' : 'dns-name-not-found';
}
