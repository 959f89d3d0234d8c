import { type Break, tlsInstead } from '../evidence/breaks.ts';
import { servedElsewhere } from '../evidence/elsewhere.ts';
import { limitOf } from '../evidence/limit.ts';
import { partyName } from '../evidence/origin.ts';
import { requestsOf } from '../evidence/requests.ts';
import { idsOf, probesOf, type View } from '../evidence/view.ts';
import { endpointWay } from '../evidence/ways.ts';
import { spanWords } from '../lib/sizes.ts';
import type { CauseId } from '../model/cause-id.ts';
import type { HttpFacts, RateLimitFacts } from '../model/facts.ts';
import type { AnyDoneProbe, Remedy } from '../model/investigation.ts';
import { matchBreaks } from './break-match.ts';
import { type Cause, type CauseArgs, type Match, remedy, sentence } from './cause.ts';
import { plainSpeaker, plainWords } from './plain-answer.ts';
import { isBlockedPage } from './public-registry.ts';
import { maybeProxys, notTaken, registryOf, secretCommand, tell, whenRefused } from './refused.ts';

function facts(hop: Break): HttpFacts | null {
  return hop.exchange?.facts ?? null;
}

function code(hop: Break): string | null {
  return hop.exchange?.error?.code ?? null;
}

const curl = ({ host, scheme, serves, proxy }: CauseArgs): string =>
  `curl -sv ${proxy === undefined ? '' : `-x ${proxy} `}${scheme ?? 'https'}://${host ?? 'HOST'}/${serves === undefined ? 'v2/' : ''}`;

const words = (hop: Break): string => hop.exchange?.error?.message ?? 'it fails';

/** Causes in what the party answers, whoever asks for whatever. */
export const registryCauses: readonly Cause[] = [
  {
    id: 'registry-error',
    layer: 'registry',
    scenario: 3,
    title: 'The registry fails',
    fixedBy: 'registry',
    proof:
      'It answers with 5xx, or closes the connection before it answers; likely: it calls a token invalid (401) that its own token service gave and that allows the pull.',
    say: ({ host, detail, realm }) =>
      realm === undefined
        ? `${host ?? 'The registry'} fails: ${sentence(detail ?? 'it answers with a server error')}`
        : `${host ?? 'The registry'} does not take the tokens of its own token service ${realm}: the token allows the pull, and the registry calls it invalid${tell(detail)}.`,
    remedies: (args) => [
      ...(args.realm === undefined ? [] : tokenSettings(args)),
      remedy(
        "The fault is the registry's, or that of the gateway before it: look at its status page or its log. The kubelet tries again by itself.",
      ),
      remedy('See its answer with:', curl(args)),
    ],
    match: (all) => [
      ...tokensNotTaken(all),
      ...matchBreaks(['http'], (hop, view) => {
        const status = facts(hop)?.status ?? null;
        const cut = ['closed', 'reset'].includes(code(hop) ?? '') && status === null;
        const server = status !== null && status >= 500 && code(hop) === 'http-status';
        // Registries that relay another's limit say TOOMANYREQUESTS with a status of their own.
        if ((!cut && !server) || limitOf(hop.exchange) !== null || tlsInstead(view, hop).length > 0) return null;
        return {
          ...(hop.unsigned ? { alternatives: ['proxy-denied'] as const } : {}),
          args: {
            host: partyName(hop.way),
            detail: cut
              ? `it closes the connection before it answers (${words(hop)})`
              : hop.unsigned
                ? `${words(hop).replace(/\.$/, '')}; ${whoseAnswer(hop)}`
                : words(hop),
          },
        };
      })(all),
    ],
  },
  {
    id: 'registry-timeout',
    layer: 'registry',
    scenario: 3,
    title: 'The registry does not answer in time',
    fixedBy: 'registry',
    proof: 'The connection and the request are taken, and no answer comes.',
    say: ({ host, detail }) =>
      `${host ?? 'The registry'} takes the request and does not answer${detail === undefined ? '' : ` (${detail})`}.`,
    remedies: (args) => [
      remedy(
        'The registry, its storage or a gateway before it hangs. containerd 2 waits without a word: the pod stays in ContainerCreating.',
      ),
      remedy('See it hang with:', `${curl(args)} --max-time 10`),
    ],
    match: matchBreaks(['http'], (hop) => {
      if (code(hop) !== 'timeout' || hop.exchange?.kind === 'blob') return null;
      const args = { host: partyName(hop.way), detail: words(hop) };
      if (!hop.unsigned) return { args };
      const detail = `${args.detail}; whether the proxy waits for it or is silent itself is not told`;
      return { alternatives: ['proxy-unreachable'], args: { ...args, detail } };
    }),
  },
  {
    id: 'registry-invalid-response',
    layer: 'registry',
    scenario: 3,
    title: 'What answers is not a registry',
    fixedBy: 'network',
    proof: "The answer is not the distribution protocol's: an HTML page, a body or headers that cannot be read.",
    say: ({ host, detail, serves }) =>
      `What answers at ${host ?? "the registry's address"} is not ${servant[serves ?? 'image']}: ${sentence(detail ?? 'its answer is not the registry protocol')}`,
    remedies: (args) => [
      remedy(
        "A captive portal, a login page, a gateway's error page or the wrong server answers in its place. See it with:",
        curl(args),
      ),
      ...(args.serves === undefined
        ? [remedy('If it is a mirror, check its path in hosts.toml (override_path).')]
        : []),
    ],
    match: (all) => [
      ...matchBreaks(['http'], (hop, view) => {
        const of = facts(hop);
        const word = code(hop);
        const unreadable = ['http-malformed', 'body-invalid', 'body-too-large', 'redirect-loop', 'malformed'].includes(
          word ?? '',
        );
        const status = of?.status ?? null;
        // A page is what portals, gateways and wrong servers send. Another status in the protocol's own form means
        // something that is not known here, which is no reason to say that it is no registry.
        const wrong =
          word === 'http-status' &&
          status !== null &&
          status < 500 &&
          limitOf(hop.exchange) === null &&
          of?.bodyFormat === 'html' &&
          hop.exchange?.kind !== 'blob';
        // CRI-O begins with the version check, and goes no further without it.
        const unserved = hop.exchange?.kind === 'registry' && status === 404;
        if ((!unreadable && !wrong && !unserved) || isBlockedPage(hop, view) || tlsInstead(view, hop).length > 0)
          return null;
        const refused = status === 403 && hop.exchange?.kind === 'manifest';
        if (refused && servedElsewhere(view, hop.endpoint) !== null) return null;
        // A registry, or what stands before it, may refuse by a page, and an address that it does not want to everything.
        const proxys = hop.unsigned ? (['proxy-denied'] as const) : [];
        const page = of?.title === null || of?.title === undefined ? '' : `, titled "${of.title}"`;
        return {
          ...(refused
            ? {
                confidence: 'likely' as const,
                alternatives: ['source-address-blocked', 'access-denied', ...proxys] as const,
              }
            : hop.unsigned
              ? { alternatives: proxys }
              : {}),
          args: {
            host: partyName(hop.way),
            detail: `${words(hop)}${of?.bodyFormat === 'html' ? page : ''}${hop.unsigned ? `; ${whoseAnswer(hop)}` : ''}`,
          },
        };
      })(all),
      ...matchBreaks(['tls'], (hop, view) => {
        const speaker = plainSpeaker(hop, view);
        if (speaker?.is !== 'page') return null;
        return {
          confidence: 'likely',
          alternatives: ['http-on-https'],
          evidence: [...idsOf(hop.probes), ...idsOf(speaker.plain)],
          args: { host: partyName(hop.way), detail: plainWords(speaker) },
        };
      })(all),
      ...unusableRealms(all),
    ],
  },
  {
    id: 'rate-limited',
    layer: 'registry',
    scenario: 5,
    title: "The registry's rate limit is reached",
    // Counted by the address that all of a node's pods, or all nodes, share: a mirror or credentials of the node mend it.
    fixedBy: 'node',
    proof:
      'It answers 429 or TOOMANYREQUESTS; likely: 403 with the words of a limit, or with a time to wait; degraded: its headers say that no pull is left, or few are.',
    say: ({ host, detail }) =>
      `${host ?? 'The registry'} limits this node's pulls${detail === undefined ? '' : `: ${detail}`}.`,
    remedies: (args) => [
      args.username === undefined
        ? remedy(
            'Pull with credentials: anonymous pulls are counted for the whole egress address of the cluster.',
            secretCommand(args),
          )
        : remedy(
            `The limit is that of user ${JSON.stringify(args.username)}, or of this address: raise it at the registry, or use an account of its own for each cluster.`,
          ),
      remedy(
        `Or set up a pull-through mirror for ${registryOf(args)} in ${args.unit === 'crio' ? 'etc/containers/registries.conf.d' : 'etc/containerd/certs.d'}.`,
      ),
    ],
    match: (view) => [
      ...matchBreaks(['http'], (hop) => {
        const limit = limitOf(hop.exchange);
        if (limit === null) return null;
        const args = {
          host: partyName(hop.way),
          detail: limitWords(facts(hop)?.rateLimit ?? null, words(hop)),
          ...counted(hop.exchange, view, hop.endpoint),
        };
        if (limit === 'said') return { args };
        const alternatives: readonly CauseId[] =
          limit === 'words' ? ['access-denied'] : ['access-denied', 'source-address-blocked'];
        return { confidence: 'likely', alternatives, args };
      })(view),
      ...nearlyUsedUp(view),
    ],
  },
];

/** Who may have given an answer that is not known to be the registry's. */
function whoseAnswer({ way, exchange }: Break): string {
  if (way.proxy !== null) return maybeProxys(way.proxy);
  const error = exchange?.facts.proxyError?.replace(/ 0$/, '') ?? 'an error of its own';
  return `a squid proxy says so (${error}), which stands before the registry or on the way to it`;
}

/** What a registry goes by when it checks a token, and where its log says what does not fit. */
function tokenSettings({ host, realm, scheme }: CauseArgs): Remedy[] {
  return [
    remedy(
      `Look at the token settings of ${host ?? 'the registry'} (distribution: auth.token with rootcertbundle or jwks, issuer, service): they must fit the key, issuer and service with which ${realm ?? 'the token service'} signs. After a new signing key the registry needs its certificate and a restart; its log says what it dislikes ("token signed by untrusted key", for one). Other credentials do not help.`,
    ),
    remedy(
      'Compare the clocks of the registry and of its token service: a token from the future, or past its time, is invalid too.',
      `curl -sI ${scheme ?? 'https'}://${host ?? 'HOST'}/v2/ | grep -i ^date; date -u`,
    ),
  ];
}

/** The registry's token service and the registry itself do not agree: one of them is set wrong, and which is not seen here. */
const tokensNotTaken = whenRefused((refusal) => {
  if (!notTaken(refusal)) return null;
  const token = refusal.probes.find((probe) => probe.kind === 'auth');
  if (token === undefined) return null;
  return {
    confidence: 'likely',
    alternatives: [refusal.withCredentials ? 'access-denied' : 'repository-not-found-or-private'],
    args: {
      realm: token.facts.realmHost,
      ...(refusal.manifest?.facts.url.startsWith('http:') === true ? { scheme: 'http' as const } : {}),
    },
  };
});

/** Whose pulls are counted, where somebody's are. */
function counted(asked: AnyDoneProbe | null, view: View, endpoint: number): CauseArgs {
  // A blob is asked for by whoever got the manifest.
  const exchange = asked?.kind === 'blob' ? requestsOf(view, endpoint).named : asked;
  const sent = exchange?.kind === 'auth' || (exchange?.kind === 'manifest' && exchange.facts.authorization !== 'none');
  const username = sent ? exchange.facts.identity.username : null;
  return username === null || username === '' ? {} : { username };
}

/** What a party should be, by what it is asked for. */
const servant = { image: 'a registry', token: 'a token service', content: "the image's content" };

/** A challenge that names a token service which no client can ask. */
function unusableRealms(view: View): Match[] {
  return view.plan.endpoints.flatMap((_, endpoint): Match[] => {
    const { challenge, ping, identities } = requestsOf(view, endpoint);
    const way = endpointWay(view, endpoint);
    if (way === null || challenge?.scheme !== 'bearer' || challenge.party !== null) return [];
    const probe = ping?.facts.status === 401 ? ping : identities[0]?.manifest;
    if (probe === null || probe === undefined) return [];
    const realm = challenge.realm === null ? 'none' : JSON.stringify(challenge.realm);
    const detail = `it demands a token and the token service that it names cannot be asked (realm: ${realm})`;
    const host = partyName(way);
    return [{ confidence: 'proven', severity: 'fault', evidence: [probe.id], endpoint, host, args: { host, detail } }];
  });
}

/** `429 Too Many Requests, 0 of 100 pulls left in 6 h, counted for 203.0.113.7, again in 60 s`. */
function limitWords(limit: RateLimitFacts | null, start: string | null): string {
  if (limit === null) return start ?? '';
  const { remaining, limit: most, windowSeconds, source, retryAfterSeconds } = limit;
  return [
    start,
    remaining === null
      ? null
      : `${remaining}${most === null ? '' : ` of ${most}`} pulls left${windowSeconds === null ? '' : ` in ${spanWords(windowSeconds * 1000)}`}`,
    source === null ? null : `counted for ${source}`,
    retryAfterSeconds === null ? null : `again in ${spanWords(retryAfterSeconds * 1000)}`,
  ]
    .filter((part) => part !== null)
    .join(', ');
}

/** From how many on the pulls that are left are too few: a tenth, and at least some for limits that allow many. */
function fewLeft(limit: number | null): number {
  if (limit === null) return 5;
  return Math.max(limit < 20 ? 1 : 5, Math.floor(limit / 10));
}

/** The answer came, and says that it was the last one, or that few are left. */
function nearlyUsedUp(view: View): Match[] {
  return view.plan.endpoints.flatMap((info, endpoint): Match[] => {
    if (requestsOf(view, endpoint).named === null) return [];
    // The last answer knows best; both manifests of an index are counted.
    const probe = probesOf(view, 'manifest').findLast(
      (one) => one.endpoint === endpoint && !one.counterfactual && one.facts.rateLimit?.remaining != null,
    );
    const limit = probe?.facts.rateLimit ?? null;
    const remaining = limit?.remaining ?? null;
    if (probe === undefined || remaining === null || remaining > fewLeft(limit?.limit ?? null)) return [];
    const host = URL.canParse(info.url) ? new URL(info.url).host : info.url;
    const last = remaining <= 0;
    const detail = limitWords(limit, last ? 'this pull is answered, and it was the last' : null);
    return [
      {
        confidence: 'proven',
        severity: 'degraded',
        evidence: [probe.id],
        endpoint,
        host,
        args: { image: view.plan.image.input, host, detail, ...counted(probe, view, endpoint) },
        ...(last ? {} : { summary: `The rate limit of ${host} is nearly reached: ${detail}.` }),
      },
    ];
  });
}
