import { unaskedPlugin } from '../evidence/credential-plugin.ts';
import { lapsedByClaim } from '../evidence/credential-time.ts';
import { refusedManifest, servedElsewhere } from '../evidence/elsewhere.ts';
import { leavesOf } from '../evidence/leaves.ts';
import { deniesExistence } from '../evidence/missing.ts';
import { partyName } from '../evidence/origin.ts';
import { unreadSecrets } from '../evidence/pod-secrets.ts';
import type { Refusal } from '../evidence/refusal.ts';
import { isSigned } from '../evidence/signed.ts';
import { probesOf, type View } from '../evidence/view.ts';
import { endpointWay, waysOf } from '../evidence/ways.ts';
import type { DoneProbe } from '../model/investigation.ts';
import { matchBreaks } from './break-match.ts';
import { type Cause, type Match, remedy } from './cause.ts';
import { isAllPublic, isBlockedPage } from './public-registry.ts';
import {
  addressWords,
  atTokenService,
  contradictsToken,
  hidesFromNobody,
  hidingWords,
  nobodyWords,
  notTaken,
  saysExpired,
  secretCommand,
  tell,
  whenRefused,
} from './refused.ts';
import { readerRemedy, unreadAlternatives, unreadArgs } from './secret-words.ts';

/** Registries that answer the same to "not there" and "not yours", also to somebody who is logged in (pull-facts, section 12). */
const hidesFromUsers: ReadonlySet<string> = new Set(['docker.io']);

/** Causes of who asks. */
export const authCauses: readonly Cause[] = [
  {
    id: 'auth-service-unreachable',
    layer: 'auth',
    scenario: 3,
    title: "The registry's token service cannot be reached",
    fixedBy: 'network',
    proof:
      "The registry's challenge names its token service; that host is looked up, connected to and asked by itself.",
    say: ({ host, underlying }) =>
      `The registry answers, and the host of its token service, ${host ?? 'another host'}, does not give a token. ${underlying ?? ''}`.trim(),
    remedies: ({ host, scheme, proxy }) => [
      remedy(
        `Firewalls and NO_PROXY lists must name this host too: ${host ?? 'the token service'}, not only the registry.`,
        `curl -sv ${proxy === undefined ? '' : `-x ${proxy} `}${scheme ?? 'https'}://${host ?? 'HOST'}/`,
      ),
    ],
  },
  {
    id: 'access-denied',
    layer: 'auth',
    scenario: 2,
    title: 'Authenticated, and not allowed to pull this',
    fixedBy: 'registry',
    proof:
      'The login is accepted, and the registry refuses this repository with a code of the protocol (DENIED); likely: it refuses in another form, or in words that it has for what does not exist, too.',
    say: ({ host, username, origin, repository, detail }) =>
      `${host ?? 'The registry'} ${username === undefined ? 'refuses' : `knows user ${JSON.stringify(username)}${origin === undefined ? '' : ` (${origin})`} and refuses`} ${repository === undefined ? 'this image' : `to give ${repository}`}${tell(detail)}.`,
    remedies: ({ username, repository }) => [
      remedy(
        `Give ${username === undefined ? 'this client' : `user ${JSON.stringify(username)}`} the right to pull ${repository ?? 'the repository'}, or use credentials that have it.`,
      ),
      remedy('A misspelt repository can be answered in the same way: check the name.'),
    ],
    match: whenRefused((refusal, view) => {
      if (refusal.status === 404 || addressWords.test(refusal.words) || isAllPublic(view)) return null;
      if (!refusal.withCredentials) {
        const open403 = refusal.status === 403 && refusal.challenge === null && !nobodyWords.test(refusal.words);
        return open403
          ? { confidence: 'likely', alternatives: ['source-address-blocked', 'repository-not-found-or-private'] }
          : null;
      }
      if (refusal.anonymousWorks || hidesFromUsers.has(view.plan.image.registry ?? '') || isLapsed(refusal, view))
        return null;
      if (atTokenService(refusal) || notTaken(refusal)) return null;
      const denied =
        refusal.status === 403 ||
        (refusal.status === 401 && refusal.at === 'manifest' && refusal.challenge === 'bearer');
      if (!denied) return null;
      if (hidingWords.test(refusal.words))
        return { confidence: 'likely', alternatives: ['repository-not-found-or-private'] };
      if (contradictsToken(refusal)) return { confidence: 'likely', alternatives: ['registry-error'] };
      if (refusal.inProtocol) return {};
      // Said in no form of a registry: a firewall or a gateway before it may have meant the address, or anything.
      const other = refusal.status === 403 ? 'source-address-blocked' : 'credentials-rejected';
      return { confidence: 'likely', alternatives: [other, 'repository-not-found-or-private'] };
    }),
  },
  {
    id: 'source-address-blocked',
    layer: 'auth',
    scenario: 3,
    title: "The registry refuses this node's address",
    fixedBy: 'registry',
    proof:
      "The same request, with the same credentials, is refused from this node and served by another way: by a proxy, or without it. The registry's own words that name the client's address or place make it likely.",
    say: ({ host, detail, source }) =>
      `${host ?? 'The registry'} refuses this node's egress address${tell(detail)}${source === undefined ? '' : `: ${source} the same request is served`}.`,
    remedies: ({ host, proxy, unit }) => [
      remedy(
        `Add this node's egress address to the allow-list of ${host ?? 'the registry'}, or pull by a way that may: a mirror, or ${proxy === undefined ? 'a proxy' : `the proxy ${proxy}`}.`,
        proxy === undefined
          ? null
          : `systemctl edit ${unit ?? 'containerd'}   # [Service] Environment=HTTPS_PROXY=${proxy}`,
      ),
    ],
    match: (all) => [
      ...otherAddressServed(all),
      ...whenRefused((refusal, view) =>
        refusal.status === 403 && (addressWords.test(refusal.words) || isAllPublic(view))
          ? { confidence: 'likely', alternatives: ['access-denied'] }
          : null,
      )(all),
      ...matchBreaks(['http'], (hop, view) =>
        isBlockedPage(hop, view) && servedElsewhere(view, hop.endpoint) === null
          ? { confidence: 'likely', args: { host: partyName(hop.way), detail: hop.exchange?.error?.message ?? '403' } }
          : null,
      )(all),
    ],
  },
  {
    id: 'repository-not-found-or-private',
    layer: 'manifest',
    scenario: 4,
    title: 'The repository does not exist, or is private: the registry hides which',
    fixedBy: 'workload',
    proof:
      'The token service gives nobody a token that allows nothing, or refuses it without saying why; with such a token the registry may also say that the repository is not there: registries do so to both.',
    say: ({ host, repository, username, source }) =>
      `${host ?? 'The registry'} does not show ${repository ?? 'this repository'} to ${username === undefined ? 'anonymous pulls' : `user ${JSON.stringify(username)}`}: it does not exist, or it is private. The registry does not say which${source === undefined ? '' : `; ${source}`}.`,
    remedies: (args) => [
      remedy(`Check the name ${args.repository ?? ''} letter by letter: host, project, repository.`),
      ...readerRemedy(args),
      remedy('If it is private, give the pod a pull secret that may read it:', secretCommand(args)),
    ],
    match: whenRefused((refusal, view) => {
      if ((refusal.status === 404 && !deniesExistence(refusal, view)) || addressWords.test(refusal.words)) return null;
      if (notTaken(refusal)) return null;
      const hidden = hidesFromUsers.has(view.plan.image.registry ?? '');
      if (refusal.withCredentials) {
        const hides = hidden && !refusal.anonymousWorks && !isLapsed(refusal, view) && refusal.at === 'manifest';
        return hides ? maybeAddress(refusal) : null;
      }
      if (!hidesFromNobody(refusal, view)) return null;
      const unread = unreadSecrets(view);
      if (unread !== null) {
        const alternatives = ['credentials-missing', ...unreadAlternatives] as const;
        return { confidence: 'possible', alternatives, args: unreadArgs(unread) };
      }
      const plugin = unaskedPlugin(view);
      if (plugin === null)
        return contradictsToken(refusal)
          ? { confidence: 'likely', alternatives: ['registry-error'] }
          : maybeAddress(refusal);
      const source = `the kubelet asks its plugin ${plugin.name} for credentials (${plugin.source}), which was not tried: ${plugin.why}`;
      return { confidence: 'possible', alternatives: ['credential-provider-failed'], args: { source } };
    }),
  },
];

/** 403 in no form of a registry may be meant for the address, by whatever stands before it. */
function maybeAddress({ status, inProtocol }: Refusal): Partial<Match> {
  return status === 403 && !inProtocol ? { confidence: 'likely', alternatives: ['source-address-blocked'] } : {};
}

/** Past its time, by the registry's words or by its own. */
function isLapsed(refusal: Refusal, view: View): boolean {
  return saysExpired(refusal) || lapsedByClaim(view, refusal) !== null;
}

/** Refused by the runtime's own way, in whatever form, and served by another. */
function otherAddressServed(view: View): Match[] {
  return view.plan.endpoints.flatMap((_, endpoint): Match[] => {
    const refused = refusedManifest(view, endpoint);
    const served = servedElsewhere(view, endpoint);
    const way = endpointWay(view, endpoint);
    if (refused === null || served === null || way === null) return [];
    const host = partyName(way);
    const other = waysOf(view).find(({ id }) => id === served.facts.way)?.proxy ?? null;
    const source = other === null ? 'without the proxy' : `by the proxy ${other}`;
    const unit = view.runtime.name === 'cri-o' ? 'crio' : 'containerd';
    const proxy = other === null ? {} : { proxy: other };
    const args = { host, detail: refused.error?.message ?? '403', source, unit, ...proxy };
    const evidence = [refused.id, served.id];
    const match: Match = { confidence: 'proven', severity: 'fault', evidence, endpoint, host, args };
    if (isOfRegistry(view, refused, served)) return [match];
    // Something on the way may refuse by a page or without a word, and the other way does not lead past it.
    const detail = `${args.detail}, in words that are not a registry's alone`;
    const alternatives = [other === null ? 'proxy-denied' : 'proxy-required'] as const;
    return [{ ...match, confidence: 'likely', alternatives, args: { ...args, detail } }];
  });
}

/** The registry itself refuses: by its own words, or by the same certificate as where it serves. */
function isOfRegistry(view: View, refused: DoneProbe<'manifest'>, served: DoneProbe<'manifest'>): boolean {
  const presented = (way: string): ReadonlySet<string> =>
    leavesOf(probesOf(view, 'tls').filter(({ facts }) => facts.way === way));
  const leaves = presented(refused.facts.way);
  if (isSigned(refused) || [...presented(served.facts.way)].some((leaf) => leaves.has(leaf))) return true;
  return probesOf(view, 'registry').some(
    (probe) => probe.endpoint === refused.endpoint && probe.facts.way === refused.facts.way && isSigned(probe),
  );
}
