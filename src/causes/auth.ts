import { partyName } from '../evidence/origin.ts';
import { type Refusal, refusalsOf } from '../evidence/refusal.ts';
import { idsOf, type View } from '../evidence/view.ts';
import { matchBreaks } from './break-match.ts';
import { type Cause, type CauseArgs, type Match, remedy, sentence } from './cause.ts';
import { isAllPublic, isBlockedPage } from './public-registry.ts';

/** Registries that answer the same to "not there" and "not yours", also to somebody who is logged in (pull-facts, section 12). */
const hidesFromUsers: ReadonlySet<string> = new Set(['docker.io']);

/** The words by which registries refuse an address rather than a person (pull-facts, section 12: registry.k8s.io, ACR). */
const addressWords =
  /client (?:with )?ip|ip address .{0,60}(?:not allowed|denied|blocked)|not allowed access|geo|location (?:is )?(?:not|un)/i;

/** The words by which a token service lets a login in and refuses what it asks for. */
const permissionWords = /permission|not authorized to|insufficient|scope/i;

/** The words by which they say that nobody asked. */
const nobodyWords = /unauthenticated|anonymous|authentication (?:is )?required|log ?in/i;

function when(reading: (refusal: Refusal, view: View) => (Partial<Match> & { args?: CauseArgs }) | null) {
  return (view: View): Match[] =>
    refusalsOf(view).flatMap((refusal) => {
      const read = reading(refusal, view);
      if (read === null) return [];
      const base = { confidence: 'proven' as const, severity: 'fault' as const, evidence: idsOf(refusal.probes) };
      const args = {
        image: view.plan.image.input,
        repository: view.plan.image.repository ?? '',
        host: refusal.host,
        detail: refusal.words,
        ...(refusal.username === null ? {} : { username: refusal.username }),
        ...read.args,
      };
      return [{ ...base, endpoint: refusal.endpoint, host: refusal.host, ...read, args }];
    });
}

const secret = ({ host }: CauseArgs): string =>
  `kubectl create secret docker-registry regcred --docker-server=${host ?? 'HOST'} --docker-username=USER --docker-password=PASSWORD`;

const tell = (detail: string | undefined): string => (detail === undefined ? '' : ` (${detail})`);

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
    remedies: ({ host }) => [
      remedy(
        `Firewalls and NO_PROXY lists must name this host too: ${host ?? 'the token service'}, not only the registry.`,
        `curl -sv https://${host ?? 'HOST'}/`,
      ),
    ],
  },
  {
    id: 'credentials-missing',
    layer: 'auth',
    scenario: 2,
    title: 'The registry wants credentials and there are none',
    fixedBy: 'workload',
    proof:
      'The registry demands authentication and refuses to answer nobody; no credentials with an entry for this host were given.',
    say: ({ host, detail, source }) =>
      `${host ?? 'The registry'} demands authentication, and no credentials apply here${source === undefined ? '' : `: ${source}`}${tell(detail)}.`,
    remedies: (args) => [
      remedy("Create a pull secret for exactly this host, and name it in the pod's imagePullSecrets:", secret(args)),
      remedy('Check it from here with:', `pullwhy diagnose ${args.image ?? 'IMAGE'} --auth-file ~/.docker/config.json`),
    ],
    match: when((refusal, view) => {
      if (refusal.withCredentials || refusal.unsent || refusal.status === 404) return null;
      const basic = refusal.status === 401 && refusal.challenge !== 'bearer';
      const atToken = refusal.at === 'token' && refusal.status === 401;
      const words = refusal.status === 403 && nobodyWords.test(refusal.words) && !addressWords.test(refusal.words);
      if (!basic && !atToken && !words) return null;
      const files = view.plan.credentialHosts.map(
        ({ source: file, hosts }) => `${file} has entries for ${hosts.slice(0, 5).join(', ') || 'no registry'} only`,
      );
      const source = files.length === 0 ? undefined : files.join('; ');
      return { confidence: words ? 'likely' : 'proven', args: source === undefined ? {} : { source } };
    }),
  },
  {
    id: 'credentials-rejected',
    layer: 'auth',
    scenario: 2,
    title: 'The credentials are refused',
    fixedBy: 'workload',
    proof:
      'The credentials are sent as the runtime sends them, and the registry or its token service answers 401; where the image is public, it is fetched without them.',
    say: ({ host, username, detail, source }) =>
      `${host ?? 'The registry'} refuses the credentials${username === undefined ? '' : ` of user ${JSON.stringify(username)}`}${tell(detail)}${source === undefined ? '' : `; ${source}`}.`,
    remedies: (args) => [
      remedy('The password or token is wrong or was revoked: make the pull secret anew.', secret(args)),
      ...(args.source === undefined ? [] : [remedy('Or take the stale credentials away: this image needs none.')]),
      remedy('Check it from here with:', `pullwhy diagnose ${args.image ?? 'IMAGE'} --auth-file FILE`),
    ],
    match: when((refusal) => {
      if (!refusal.withCredentials || expired(refusal)) return null;
      const public_ = refusal.anonymousWorks ? { source: 'without them the image can be pulled' } : {};
      const refusedLogin = refusal.status === 401 && (refusal.at === 'token' || refusal.challenge !== 'bearer');
      if (refusedLogin || refusal.anonymousWorks) return { args: public_ };
      return atTokenService(refusal) ? { confidence: 'likely', alternatives: ['access-denied'] } : null;
    }),
  },
  {
    id: 'credentials-expired',
    layer: 'auth',
    scenario: 2,
    title: 'The credentials are past their time',
    fixedBy: 'workload',
    proof: "The registry says so, or the token's own claims do.",
    say: ({ host, username, detail }) =>
      `The credentials${username === undefined ? '' : ` of user ${JSON.stringify(username)}`} for ${host ?? 'the registry'} have expired${tell(detail)}.`,
    remedies: (args) => [
      remedy(
        'Renew them where they come from; an ECR token lasts 12 hours, so it belongs into a credential provider and not into a secret.',
        secret(args),
      ),
    ],
    match: when((refusal) =>
      refusal.withCredentials && /token (?:has |is )?expired|expired.{0,20}token|Reauthenticate/i.test(refusal.words)
        ? { confidence: 'proven' }
        : null,
    ),
  },
  {
    id: 'access-denied',
    layer: 'auth',
    scenario: 2,
    title: 'Authenticated, and not allowed to pull this',
    fixedBy: 'registry',
    proof: 'The login is accepted, and the registry refuses this repository.',
    say: ({ host, username, repository, detail }) =>
      `${host ?? 'The registry'} ${username === undefined ? 'refuses' : `knows user ${JSON.stringify(username)} and refuses`} ${repository === undefined ? 'this image' : `to give ${repository}`}${tell(detail)}.`,
    remedies: ({ username, repository }) => [
      remedy(
        `Give ${username === undefined ? 'this client' : `user ${JSON.stringify(username)}`} the right to pull ${repository ?? 'the repository'}, or use credentials that have it.`,
      ),
      remedy('A misspelt repository can be answered in the same way: check the name.'),
    ],
    match: when((refusal, view) => {
      if (refusal.status === 404 || addressWords.test(refusal.words) || isAllPublic(view)) return null;
      if (!refusal.withCredentials) {
        const open403 = refusal.status === 403 && refusal.challenge === null && !nobodyWords.test(refusal.words);
        return open403
          ? { confidence: 'likely', alternatives: ['source-address-blocked', 'repository-not-found-or-private'] }
          : null;
      }
      if (refusal.anonymousWorks || hidesFromUsers.has(view.plan.image.registry ?? '') || expired(refusal)) return null;
      if (atTokenService(refusal)) return null;
      const denied =
        refusal.status === 403 ||
        (refusal.status === 401 && refusal.at === 'manifest' && refusal.challenge === 'bearer');
      return denied ? {} : null;
    }),
  },
  {
    id: 'source-address-blocked',
    layer: 'auth',
    scenario: 3,
    title: "The registry refuses this node's address",
    fixedBy: 'registry',
    proof: "The registry's own words name the client's address or place.",
    say: ({ host, detail }) => `${host ?? 'The registry'} refuses this node's egress address${tell(detail)}.`,
    remedies: ({ host }) => [
      remedy(
        `Add this node's egress address to the allow-list of ${host ?? 'the registry'}, or pull through a mirror that may.`,
        'curl -s https://ifconfig.me   # the egress address, where that is allowed',
      ),
    ],
    match: (all) => [
      ...when((refusal, view) =>
        refusal.status === 403 && (addressWords.test(refusal.words) || isAllPublic(view))
          ? { confidence: 'likely', alternatives: ['access-denied'] }
          : null,
      )(all),
      ...matchBreaks(['http'], (hop, view) =>
        isBlockedPage(hop, view)
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
      'The token service gives nobody a token that allows nothing, or refuses it without saying why: registries do so to both.',
    say: ({ host, repository, username }) =>
      `${host ?? 'The registry'} does not show ${repository ?? 'this repository'} to ${username === undefined ? 'anonymous pulls' : `user ${JSON.stringify(username)}`}: it does not exist, or it is private. The registry does not say which.`,
    remedies: (args) => [
      remedy(`Check the name ${args.repository ?? ''} letter by letter: host, project, repository.`),
      remedy('If it is private, give the pod a pull secret that may read it:', secret(args)),
    ],
    match: when((refusal, view) => {
      if (refusal.status === 404 || addressWords.test(refusal.words)) return null;
      const hidden = hidesFromUsers.has(view.plan.image.registry ?? '');
      if (refusal.withCredentials) {
        return hidden && !refusal.anonymousWorks && !expired(refusal) && refusal.at === 'manifest' ? {} : null;
      }
      if (refusal.challenge !== 'bearer') return null;
      const atToken = refusal.at === 'token' && refusal.status === 403 && !nobodyWords.test(refusal.words);
      return atToken || refusal.at === 'manifest' ? {} : null;
    }),
  },
  {
    id: 'pull-secret-missing',
    layer: 'auth',
    scenario: 2,
    title: "The pod's pull secret does not exist",
    fixedBy: 'workload',
    proof: 'The pod names an imagePullSecret that its namespace does not have.',
    say: ({ detail }) => `The pod names a pull secret that does not exist${tell(detail)}.`,
    remedies: (args) => [remedy("Create it in the pod's namespace, or correct its name:", secret(args))],
  },
  {
    id: 'pull-secret-invalid',
    layer: 'auth',
    scenario: 2,
    title: 'The pull secret cannot be used for this registry',
    fixedBy: 'workload',
    proof: 'The secret is parsed and matched as the kubelet does it.',
    say: ({ host, detail }) =>
      `The pull secret has no usable entry for ${host ?? 'this registry'}${detail === undefined ? '.' : `: ${sentence(detail)}`}`,
    remedies: (args) => [
      remedy('Make it anew, of type kubernetes.io/dockerconfigjson, for exactly this host:', secret(args)),
    ],
  },
  {
    id: 'credential-provider-failed',
    layer: 'auth',
    scenario: 2,
    title: "The kubelet's credential provider fails",
    fixedBy: 'node',
    proof: "The kubelet's own log names the plugin and its error.",
    say: ({ detail }) =>
      `The kubelet's credential provider plugin fails${tell(detail)}, so the pull goes on without credentials.`,
    remedies: () => [
      remedy(
        'Run the plugin by hand on the node and look at its error; check its binary, configuration and cloud role.',
        'journalctl -u kubelet | grep "credential provider"',
      ),
    ],
  },
];

function expired(refusal: Refusal): boolean {
  return /expired|Reauthenticate/i.test(refusal.words);
}

/** 403 from the token service: whether it knew the login is not said, unless by its words. */
function atTokenService({ at, status, withCredentials, words }: Refusal): boolean {
  return withCredentials && at === 'token' && status === 403 && !permissionWords.test(words);
}
