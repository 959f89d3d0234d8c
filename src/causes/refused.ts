import { matchesOf } from '../evidence/credential-matches.ts';
import { servedElsewhere } from '../evidence/elsewhere.ts';
import { deniesExistence } from '../evidence/missing.ts';
import { unreadSecrets } from '../evidence/pod-secrets.ts';
import { type Refusal, refusalsOf } from '../evidence/refusal.ts';
import { untried } from '../evidence/requests.ts';
import { idsOf, type View } from '../evidence/view.ts';
import { parseReference } from '../image/reference.ts';
import type { CauseArgs, Match } from './cause.ts';

/**
 * The words by which registries refuse an address rather than a person (pull-facts, section 12: registry.k8s.io, ACR;
 * GHCR's "IP allow list", Docker Hub's "export control", Artifactory's and GitLab's "IP … not allowed"; Cloudflare's errors
 * 1006 to 1012 and 1020: an address or country that is banned, a firewall's rule).
 */
export const addressWords =
  /client (?:with )?ip\b|\b(?:ip address|(?:your|source|client) ip)\b.{0,60}\b(?:not (?:allowed|permitted)|denied|blocked)|\bip (?:allow ?list|address(?:es)? that are located)|not allowed access|\bgeo(?:graphic(?:al(?:ly)?)?|-?(?:block|restrict|fenc)\w*)\b|export control|(?:your|this) (?:location|country|region)\b|location (?:is )?(?:not|un)|\berror code:? ?10(?:0[6-9]|10|12|20)\b/i;

/** The words by which a token service lets a login in and refuses what it asks for. */
const permissionWords = /permission|not authorized to|insufficient|scope/i;

/** The words that a registry has for what is missing, too: Google's, and Quay's (pull-facts, section 12). */
export const hidingWords = /may not exist|access to the requested resource is not authorized/i;

/** The words of 401 from a registry with passwords that speak of what is asked for, and not of the login (Nexus, Harbor). */
export const rightsWords = /not authorized|unauthorized to access|permission|insufficient|is denied/i;

/** The words by which they say that nobody asked. */
export const nobodyWords = /unauthenticated|anonymous|authentication (?:is )?required|log ?in/i;

/** Matches of one cause over the answers that end the pull because of the image or of who asks. */
export function whenRefused(
  reading: (refusal: Refusal, view: View) => (Partial<Match> & { args?: CauseArgs }) | null,
): (view: View) => Match[] {
  return (view) =>
    refusalsOf(view).flatMap((refusal) => {
      // Served to another address, the same request with the same credentials: then it is the address.
      if (servedElsewhere(view, refusal.endpoint) !== null) return [];
      const read = reading(refusal, view);
      if (read === null) return [];
      // A secret that was not read, and credentials behind those that were tried, may be what the kubelet gets it with.
      const others = unreadSecrets(view) !== null || untried(view, refusal.endpoint).length > 0;
      const open = refusal.withCredentials && others;
      const base = {
        confidence: open ? ('likely' as const) : ('proven' as const),
        severity: 'fault' as const,
        evidence: idsOf(refusal.probes),
      };
      const args = {
        image: view.plan.image.input,
        repository: view.plan.image.repository ?? '',
        host: refusal.host,
        detail: refusal.words,
        ...(refusal.unsigned === null ? {} : { detail: `${refusal.words}; ${maybeProxys(refusal.unsigned)}` }),
        ...(refusal.username === null ? {} : { username: refusal.username }),
        ...(refusal.withCredentials ? { origin: matchesOf(view)[refusal.identity]?.source ?? 'the kubelet' } : {}),
        ...read.args,
      };
      const match: Match = { ...base, endpoint: refusal.endpoint, host: refusal.host, ...read, args };
      return [refusal.unsigned === null ? match : doubted(match)];
    });
}

/** The proxy may have said it, where nothing shows that a registry did. */
export function doubted(match: Match): Match {
  const { confidence, alternatives = [] } = match;
  return {
    ...match,
    confidence: confidence === 'proven' ? 'likely' : confidence,
    alternatives: alternatives.includes('proxy-denied') ? alternatives : [...alternatives, 'proxy-denied'],
  };
}

/** What a reader must know of such an answer. */
export function maybeProxys(proxy: string | null): string {
  return `the answer comes by the proxy ${proxy}, and whether it is the proxy's own is not told`;
}

/**
 * The command that makes a pull secret. It has to be for the registry that the image names, with its port, whichever mirror or
 * name of its own the answer came from: by that name the kubelet looks for it (src/node/credential-keyring.ts).
 */
export function secretCommand(args: CauseArgs): string {
  const { secret, namespace } = args;
  const place = namespace === undefined ? '' : ` -n ${namespace}`;
  const registry = registryOf(args);
  const server = hubNames.has(registry) ? 'https://index.docker.io/v1/' : registry;
  return `kubectl create secret docker-registry ${secret ?? 'regcred'}${place} --docker-server=${server} --docker-username=USER --docker-password=PASSWORD`;
}

/** The registry that the image names, with its port; where no image is known, the host that was seen. */
export function registryOf({ image, host, port }: CauseArgs): string {
  const named = image === undefined ? null : parseReference(image);
  const seen = host === undefined ? 'HOST' : port === undefined || /:\d+$/.test(host) ? host : `${host}:${port}`;
  return named?.ok === true ? named.value.domain : seen;
}

/** Docker Hub's secrets stand under one name of the many that it has. */
const hubNames: ReadonlySet<string> = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

/** Whose credentials, and where they are from. */
export function whose({ username, origin }: CauseArgs): string {
  const user = username === undefined || username === '' ? '' : ` of user ${JSON.stringify(username)}`;
  return `${user}${origin === undefined ? '' : ` from ${origin}`}`;
}

/** What was seen, in brackets behind a sentence. */
export function tell(detail: string | undefined): string {
  return detail === undefined ? '' : ` (${detail})`;
}

/** The registry itself says that the credentials' time is over. */
export function saysExpired(refusal: Refusal): boolean {
  return /expired|Reauthenticate/i.test(refusal.words);
}

/** Authentication is demanded of somebody who sent no credentials; null: that is not what was said. */
export function wantsCredentials(refusal: Refusal): 'proven' | 'likely' | null {
  if (refusal.withCredentials || refusal.unsent || refusal.status === 404) return null;
  const basic = refusal.status === 401 && refusal.challenge !== 'bearer';
  const atToken = refusal.at === 'token' && refusal.status === 401;
  if (basic || atToken) return 'proven';
  return refusal.status === 403 && nobodyWords.test(refusal.words) && !addressWords.test(refusal.words)
    ? 'likely'
    : null;
}

/**
 * The token allows the pull by its own words, and the registry calls it invalid: so one does that cannot check the signature, or
 * expects another issuer, service or time (distribution, registry/auth/token: `invalid_token`; of one that allows too little
 * it says `insufficient_scope`). Then who asks is not what is wrong.
 */
export function notTaken(refusal: Refusal): boolean {
  if (refusal.status !== 401 || refusal.claimsPull !== true || refusal.tokenError !== 'invalid_token') return false;
  // Credentials that are used as a token may be what is over.
  return !refusal.anonymousWorks && !(refusal.withCredentials && saysExpired(refusal));
}

/** The token allows the pull by its own words, and the registry answers 401 all the same, without a word why. */
export function contradictsToken({ status, claimsPull, tokenError }: Refusal): boolean {
  return status === 401 && claimsPull === true && tokenError === null;
}

/** Nobody gets a token for it, or none that opens it: it is private, or it does not exist. */
export function hidesFromNobody(refusal: Refusal, view: View): boolean {
  if (deniesExistence(refusal, view)) return true;
  if (notTaken(refusal)) return false;
  if (refusal.withCredentials || refusal.unsent || refusal.challenge !== 'bearer' || addressWords.test(refusal.words))
    return false;
  return refusal.at === 'token'
    ? refusal.status === 403 && !nobodyWords.test(refusal.words)
    : refusal.status === 401 || refusal.status === 403;
}

/** 403 from the token service: whether it knew the login is not said, unless by its words. */
export function atTokenService({ at, status, withCredentials, words }: Refusal): boolean {
  return withCredentials && at === 'token' && status === 403 && !permissionWords.test(words);
}
