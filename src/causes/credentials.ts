import { matchesOf } from '../evidence/credential-matches.ts';
import { failedPlugins, pluginAnswers, pluginsFor, unaskedPlugin } from '../evidence/credential-plugin.ts';
import { credentialTime, lapsedByClaim } from '../evidence/credential-time.ts';
import { laterSecrets, secretsIn, secretsWords, stoppingSecret, unreadSecrets } from '../evidence/pod-secrets.ts';
import type { Refusal } from '../evidence/refusal.ts';
import { requestsOf } from '../evidence/requests.ts';
import { idsOf, probesOf, type View } from '../evidence/view.ts';
import { withoutTrailing } from '../lib/trailing.ts';
import type { DoneProbe } from '../model/investigation.ts';
import type { CredentialWord } from '../model/journal-facts.ts';
import { type Cause, type CauseArgs, type Match, remedy, sentence } from './cause.ts';
import {
  atTokenService,
  hidesFromNobody,
  rightsWords,
  saysExpired,
  secretCommand,
  tell,
  wantsCredentials,
  whenRefused,
  whose,
} from './refused.ts';
import { podName, readerRemedy, secretArgs, unreadAlternatives, unreadArgs } from './secret-words.ts';

/**
 * Causes in the credentials of a pull: what should have brought them, and none or refused ones. The former come first, for
 * they are why there are none.
 */
export const credentialCauses: readonly Cause[] = [
  {
    id: 'pull-secret-missing',
    layer: 'auth',
    scenario: 2,
    title: "The pod's pull secret does not exist",
    fixedBy: 'workload',
    proof:
      "The registry wants credentials, and the kubelet's journal says of a pod that pulls this image that its imagePullSecret is not found.",
    say: ({ detail }) => `The pod names a pull secret that does not exist${tell(detail)}.`,
    remedies: (args) => [remedy("Create it in the pod's namespace, or correct its name:", secretCommand(args))],
    match: whenRefused((refusal, view) => {
      const sure = wantsCredentials(refusal);
      if (sure === null && !hidesFromNobody(refusal, view)) return null;
      const missing = secretsIn(view, ['missing']);
      if (missing !== null) {
        const alternatives = sure === null ? (['repository-not-found-or-private'] as const) : [];
        const detail = `${secretsWords(missing)}, by the API server's word for the pod ${podName(missing.pod)}`;
        return { confidence: sure ?? 'likely', alternatives, args: { detail, ...secretArgs(missing) } };
      }
      const word = lastWord(view, 'secret-missing');
      if (word === null || view.plan.pod !== undefined) return null;
      const { probe, said } = word;
      // What failed was the want of credentials, by the kubelet's own words too.
      const proven = sure === 'proven' && lastCause(probe) === 'credentials-missing';
      return {
        confidence: proven ? 'proven' : 'likely',
        alternatives: proven ? [] : ['credentials-missing', 'pull-secret-invalid'],
        evidence: [...idsOf(refusal.probes), probe.id],
        args: { detail: `${said.name}, by the kubelet's words of pod ${said.pod}: ${said.message}` },
      };
    }),
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
      remedy('Make it anew, of type kubernetes.io/dockerconfigjson, for exactly this host:', secretCommand(args)),
    ],
    match: (all) => [
      ...stoppingSecrets(all),
      ...whenRefused((refusal, view) => {
        const unfit = secretsIn(view, ['wrong-type', 'no-data']);
        const wanted = wantsCredentials(refusal) !== null || hidesFromNobody(refusal, view);
        const words = unfit !== null && wanted ? `the secret ${secretsWords(unfit)}` : null;
        const detail = unusableEntry(refusal, view) ?? words;
        const named = unfit === null ? {} : secretArgs(unfit);
        return detail === null
          ? null
          : { confidence: wantsCredentials(refusal) ?? 'likely', args: { detail, ...named } };
      })(all),
    ],
  },
  {
    id: 'credential-provider-failed',
    layer: 'auth',
    scenario: 2,
    title: "The kubelet's credential provider fails",
    fixedBy: 'node',
    proof:
      "The registry wants credentials, and the kubelet's plugin for this image cannot run: its configuration is refused, or its program is missing or not executable, or it fails when it is run as the kubelet runs it; or the kubelet's own log names the plugin and its error.",
    say: ({ detail, host }) =>
      `The kubelet's credential provider plugin fails${tell(detail)}, so the pull goes on without credentials${host === undefined ? '.' : `, which ${host} demands.`}`,
    remedies: ({ source }) => [
      ...(source === undefined ? [] : [remedy(`Correct it in ${source}, and start the kubelet anew.`)]),
      remedy(
        'Run the plugin by hand on the node and look at its error; check its binary, configuration and cloud role.',
        'journalctl -u kubelet | grep "credential provider"',
      ),
    ],
    match: whenRefused((refusal, view) => {
      const sure = wantsCredentials(refusal);
      if (sure === null && !hidesFromNobody(refusal, view)) return null;
      const word = lastWord(view, 'plugin-failed');
      if (word !== null) {
        const { probe, said } = word;
        const detail = `${said.name}, by the kubelet's own words at ${day(said.at)}: ${withoutTrailing(said.message, '. \t\r\n')}`;
        return { confidence: sure ?? 'likely', evidence: [...idsOf(refusal.probes), probe.id], args: { detail } };
      }
      const [failed] = failedPlugins(view);
      const ran = pluginAnswers(view);
      if (failed !== undefined && ran !== null) {
        const words = failed.stderr === '' ? '' : `: ${withoutTrailing(failed.stderr, '. \t\r\n')}`;
        const detail = `${failed.name} ${failed.why ?? 'fails'}${words}`;
        // It was run as the kubelet runs it, and not by the kubelet: what it is given in other ways may differ.
        return {
          confidence: sure ?? 'likely',
          evidence: [...idsOf(refusal.probes), ran.id],
          args: { detail },
        };
      }
      const { broken, refused } = pluginsFor(view);
      const plugin = broken[0];
      if (plugin !== undefined) {
        const detail = plugin.problem.replace(/\.$/, '');
        return { confidence: sure ?? 'likely', args: { detail, source: plugin.source } };
      }
      // Which of them serve this image is not known when none is read.
      if (refused === null) return null;
      return { confidence: 'likely', args: { detail: refused.problem.replace(/\.$/, ''), source: refused.source } };
    }),
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
      ...readerRemedy(args),
      remedy(
        "Create a pull secret for exactly this host, and name it in the pod's imagePullSecrets:",
        secretCommand(args),
      ),
      remedy('Check it from here with:', `pullwhy diagnose ${args.image ?? 'IMAGE'} --auth-file ~/.docker/config.json`),
    ],
    match: whenRefused((refusal, view) => {
      const confidence = wantsCredentials(refusal);
      if (confidence === null || unusableEntry(refusal, view) !== null) return null;
      const unread = unreadSecrets(view);
      if (unread !== null)
        return { confidence: 'possible', alternatives: unreadAlternatives, args: unreadArgs(unread) };
      const plugin = unaskedPlugin(view);
      if (plugin !== null) {
        const source = `the kubelet asks its plugin ${plugin.name} for them (${plugin.source}), which was not tried: ${plugin.why}`;
        return { confidence: 'possible', alternatives: ['credential-provider-failed'], args: { source } };
      }
      const found = whatThereIs(view);
      return { confidence, args: found === '' ? {} : { source: found } };
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
    say: ({ host, detail, source, ...args }) =>
      `${host ?? 'The registry'} refuses the credentials${whose(args)}${tell(detail)}${source === undefined ? '' : `; ${source}`}.`,
    remedies: (args) => [
      remedy(
        `The password or token is wrong or was revoked${shortLived(args.username)}: make the pull secret anew.`,
        secretCommand(args),
      ),
      ...(args.source?.includes('without them') === true
        ? [remedy('Or take the stale credentials away: this image needs none.')]
        : []),
      remedy('Check it from here with:', `pullwhy diagnose ${args.image ?? 'IMAGE'} --auth-file FILE`),
    ],
    match: whenRefused((refusal, view) => {
      if (!refusal.withCredentials || saysExpired(refusal) || lapsedByClaim(view, refusal) !== null) return null;
      const { odd } = matchesOf(view)[refusal.identity] ?? {};
      const about = [
        ...(odd === undefined ? [] : [`${odd}, which is sent too`]),
        ...(refusal.anonymousWorks ? ['without them the image can be pulled'] : []),
      ].join('; ');
      const public_ = about === '' ? {} : { source: about };
      const refusedLogin = refusal.status === 401 && (refusal.at === 'token' || refusal.challenge !== 'bearer');
      // Registries with passwords that answer 401 to a login that holds, too, for what it may not see: the words tell.
      if (refusedLogin && refusal.at === 'manifest' && !refusal.anonymousWorks && rightsWords.test(refusal.words))
        return { confidence: 'likely', alternatives: ['access-denied'], args: public_ };
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
    proof:
      "They are refused, and the registry says that their time is over, or they say so themselves: a token's claim exp, an ECR token's expiration, held against the registry's clock.",
    say: ({ host, detail, date, ...args }) =>
      `The credentials${whose(args)} for ${host ?? 'the registry'} have expired${date === undefined ? '' : `, on ${date}`}${tell(detail)}.`,
    remedies: (args) => [
      remedy(renewal(args.username), secretCommand(args)),
      remedy('What expires within hours belongs into a credential provider of the kubelet, and not into a secret.'),
    ],
    match: (all) => [
      ...whenRefused((refusal, view) => {
        if (!refusal.withCredentials) return null;
        const lapsed = lapsedByClaim(view, refusal);
        if (lapsed !== null) return { args: { date: day(lapsed.expiresAt), detail: `${lapsed.by}; ${refusal.words}` } };
        return /token (?:has |is )?expired|expired.{0,20}token|Reauthenticate/i.test(refusal.words) ? {} : null;
      })(all),
      ...expiringSoon(all),
    ],
  },
];

/**
 * A secret of the pod that the kubelet cannot decode: it then has no keyring, and pulls no image of the pod, public ones
 * included (Kubernetes, pkg/credentialprovider/secrets, and PullImage, which returns its error).
 */
function stoppingSecrets(view: View): Match[] {
  const stopping = stoppingSecret(view);
  if (stopping === null) return [];
  const { pod } = stopping;
  const words = secretsWords(stopping);
  const summary = `The kubelet pulls no image for the pod ${podName(pod)}, for it cannot read the pull secret ${words}.`;
  const args = { image: view.plan.image.input, detail: `the secret ${words}`, ...secretArgs(stopping) };
  return [{ confidence: 'proven', severity: 'fault', evidence: [], endpoint: null, host: null, args, summary }];
}

/**
 * The kubelet's last word of a kind about the credentials of this image, unless a pull worked since. It repeats it at each
 * try, so an old one that was not repeated at the last failure is over.
 */
function lastWord(
  view: View,
  kind: CredentialWord['kind'],
): { readonly probe: DoneProbe<'journal'>; readonly said: CredentialWord } | null {
  for (const probe of probesOf(view, 'journal')) {
    const { credentials = [], lastFailureAt, lastSuccessAt } = probe.facts;
    const said = credentials.findLast((word) => word.kind === kind);
    if (said === undefined || (lastSuccessAt !== null && lastSuccessAt >= said.at)) continue;
    const over = lastFailureAt !== null && Date.parse(said.at) < Date.parse(lastFailureAt) - staleMs;
    if (!over) return { probe, said };
  }
  return null;
}

/** A kubelet that tries a pod again says first what it lacks; a try that is slow to fail may take some time. */
const staleMs = 120_000;

/** What the last failure in the journal means. */
function lastCause(probe: DoneProbe<'journal'>): string | null {
  const { matching, lastFailureAt } = probe.facts;
  return matching.findLast(({ at }) => at === lastFailureAt)?.cause ?? null;
}

/** What the node has instead of credentials for this registry: files for others, keys that nearly fit, other plugins. */
function whatThereIs(view: View): string {
  const files = view.plan.credentialHosts.flatMap(({ source: file, hosts, near = [] }) => [
    `${file} has entries for ${hosts.slice(0, 5).join(', ') || 'no registry'} only`,
    ...near.slice(0, 2).map(({ key, why }) => `${key} ${why}`),
  ]);
  const { others } = pluginsFor(view);
  const plugins = others
    .slice(0, 2)
    .map(
      ({ name, matchImages }) => `the kubelet asks its plugin ${name} for ${matchImages.slice(0, 3).join(', ')} only`,
    );
  const answered = (pluginAnswers(view)?.facts.plugins ?? [])
    .filter(({ outcome }) => outcome === 'answered')
    .map(({ name, keys }) =>
      keys.length === 0
        ? `the kubelet's plugin ${name} answers without credentials`
        : `the kubelet's plugin ${name} answers for ${keys.slice(0, 3).join(', ')} only`,
    );
  const later = laterSecrets(view);
  const afterwards =
    later === null
      ? []
      : [`the secret ${secretsWords(later)}: the pod gets it when it is deleted and made anew by its controller`];
  return [...afterwards, ...files, ...answered, ...plugins].join('; ');
}

/**
 * The entry that should serve and cannot: the one that fits holds nothing, so the kubelet pulls as nobody; or the one in
 * the pod's secret that can only be meant for this registry is not written so that the kubelet finds it.
 */
function unusableEntry(refusal: Refusal, view: View): string | null {
  if (wantsCredentials(refusal) === null && !hidesFromNobody(refusal, view)) return null;
  const match = matchesOf(view)[refusal.identity];
  if (match?.empty === true)
    return `the entry of ${match.key} in ${match.source} has neither user name nor password, so the kubelet pulls as nobody`;
  const files = view.plan.credentialHosts.flatMap(({ source, near = [] }) => near.map((one) => ({ source, ...one })));
  const meant = files.find((one) => one.meant);
  return meant === undefined ? null : `the key ${meant.key} in ${meant.source} ${meant.why}`;
}

/** What a user name tells of where its password comes from (the registries' own documentation of logins). */
function renewal(username: string | undefined): string {
  if (username === 'AWS') return 'Fetch a new ECR token, which lasts 12 hours: aws ecr get-login-password.';
  if (username === 'oauth2accesstoken')
    return 'Fetch a new Google access token, which lasts an hour: gcloud auth print-access-token.';
  if (username === azureToken) return 'Fetch a new token of the Azure registry: az acr login --expose-token.';
  return 'Renew them where they come from, and make the pull secret anew:';
}

/** The user name of Azure's registry tokens. */
const azureToken = '00000000-0000-0000-0000-000000000000';

/** Tokens that say nothing of their time and last a short one. */
function shortLived(username: string | undefined): string {
  if (username === 'oauth2accesstoken')
    return ', or it is over: a Google access token lasts an hour and does not say so';
  return username === 'AWS' ? ', or it is over: an ECR token lasts 12 hours' : '';
}

const hour = 3_600_000;

/**
 * How long before its end a credential is worth a word: a twelfth of its lifetime, at most a day. What is fetched anew
 * all the time must not cry each time: whoever renews ECR's 12-hour tokens every 10 hours never has less than an hour
 * left, and whoever has a token for a year gets a day. Where the lifetime is not known, an hour.
 */
function warningMs(lifetimeMs: number | null): number {
  return lifetimeMs === null ? hour : Math.min(24 * hour, lifetimeMs / 12);
}

/** Clocks differ, and who checks a token allows for that: a registry may take one for minutes after its end. */
const leewayMs = 5 * 60_000;

/** Credentials that are accepted now and will soon not be. */
function expiringSoon(view: View): Match[] {
  return view.plan.endpoints.flatMap((_, endpoint): Match[] => {
    const { named } = requestsOf(view, endpoint);
    // They say what they say only where they were sent.
    if (named === null || named.facts.authorization === 'none' || named.facts.identity.index < 0) return [];
    const time = credentialTime(view, endpoint, named.facts.identity.index);
    // Long past its end and accepted all the same: this registry does not go by it.
    if (time === null || time.leftMs > warningMs(time.lifetimeMs) || time.leftMs < -leewayMs) return [];
    const { username, source } = time;
    const args: CauseArgs = { image: view.plan.image.input, username, source, date: day(time.expiresAt) };
    const who = `The credentials of user ${JSON.stringify(username)} (${source})`;
    const ends = time.leftMs < 0 ? `expired on ${day(time.expiresAt)}` : `expire on ${day(time.expiresAt)}`;
    return [
      {
        confidence: 'proven',
        severity: 'degraded',
        evidence: [named.id],
        endpoint,
        host: null,
        args,
        summary: `${who} are accepted now and ${ends} (${time.by}): pulls fail after that.`,
      },
    ];
  });
}

/** `2026-11-22 08:00 UTC`. */
function day(time: string): string {
  return `${time.slice(0, 16).replace('T', ' ')} UTC`;
}
