import { awaitsPlugins, isKubelets, matchesOf } from '../evidence/credential-matches.ts';
import { requestsOf } from '../evidence/requests.ts';
import { probesOf, type View } from '../evidence/view.ts';
import type { Way } from '../evidence/way.ts';
import { stateOf } from '../evidence/way-state.ts';
import { plainInstead, wayTo } from '../evidence/ways.ts';
import { limits } from '../lib/limits.ts';
import type { AuthFacts, ChallengeFacts } from '../model/facts.ts';
import type { WireError } from '../model/network-failure.ts';
import { tokenScopes } from '../registry/scope.ts';
import { readToken, type TokenRequest, tokenRealm, tokenRequests } from '../registry/token.ts';
import { grantsPull } from '../registry/token-claims.ts';
import { credentialAt, shownNameAt, tokenKey } from './authorization.ts';
import type { ProbeContext } from './context.ts';
import { type ProbeAnswer, sendRequest, userAgent } from './http-request.ts';
import type { Outcome, Probe, ProbeInput } from './probe.ts';
import { challengeFacts } from './registry.ts';

interface AuthInput extends ProbeInput {
  readonly way: Way;
  readonly address: string;
  readonly challenge: ChallengeFacts;
  readonly repository: string;
  readonly identity: number;
  readonly redirects: number;
  /** The probe whose redirect leads here. */
  readonly from: string | null;
}

const patienceMs = 4000;

/** Fetches a token for the pull at the realm that the registry names, as nobody or with the node's credentials. */
export const authProbe: Probe<'auth', AuthInput> = {
  kind: 'auth',
  title: 'Token for the pull',
  cost: 'network',
  budgetMs: patienceMs + 500,
  proves: {
    ok: 'the token service gives this identity a token (which may still not allow this pull)',
    failed: 'the token service refuses this identity, is failing, or does not answer',
  },
  inputs: (view) => view.plan.endpoints.flatMap((_, endpoint) => inputsAt(view, endpoint)),
  run: async (input, context, signal) => {
    const { way, challenge, repository, identity } = input;
    const asked = { ...challenge, errorDescription: null, parameters: new Map<string, string>(), token68: null };
    const realm = tokenRealm(asked);
    if (!realm.ok) return { status: 'skipped', message: realm.error.message };
    const given = identity < 0 ? undefined : credentialAt(context, identity);
    // An entry with nothing in it is taken for nobody (containerd, ParseAuth).
    const nobody = given === undefined || (given.username === '' && given.password.reveal() === '');
    const credential = nobody ? null : { username: given.username, secret: given.password };
    const requests = tokenRequests(realm.value, asked, {
      repository,
      credential,
      style: context.runtimeName === 'cri-o' ? 'cri-o' : 'containerd',
      userAgent,
    });
    let answer: ProbeAnswer | null = null;
    // Behind a redirect everything is in its URL: a form is not sent again, nor are credentials to another party.
    const to = input.from === null ? null : context.vault.urls.get(input.from);
    if (to === undefined) return { status: 'skipped', message: 'What it needs is not known any more.' };
    const asking: readonly TokenRequest[] = to === null ? requests : [{ request: bareGet(to), fallbackOn: [] }];
    for (const { request, fallbackOn } of asking) {
      answer = await sendRequest(
        way,
        input.address,
        { ...request, timeoutMs: context.patience(patienceMs) },
        context,
        signal,
      );
      if (answer.facts.status === null || !fallbackOn.includes(answer.facts.status)) break;
    }
    return answer === null
      ? { status: 'skipped', message: 'No token request applies.' }
      : conclude(input, answer, context);
  },
};

function conclude(input: AuthInput, answer: ProbeAnswer, context: ProbeContext): Outcome<'auth'> {
  const { way, challenge, repository, identity, redirects } = input;
  const demands = answer.facts.status === 401 ? challengeFacts(answer.exchange?.headers ?? {}, context) : [];
  const facts: AuthFacts = {
    ...answer.facts,
    realmHost: way.host,
    service: challenge.service,
    scope: tokenScopes(repository, challenge.scope).join(' '),
    identity: { index: identity, username: shownNameAt(context, identity) },
    redirects,
    granted: false,
    claimsPull: null,
    ...(demands.length === 0 ? {} : { challenges: demands }),
  };
  const failed = (error: WireError): Outcome<'auth'> => ({ status: 'failed', error, facts });
  if (answer.error !== null) return failed(answer.error);
  if (answer.facts.next !== null) {
    return redirects < limits.redirects
      ? { status: 'ok', error: null, facts }
      : failed({ code: 'redirect-loop', message: `more than ${limits.redirects} redirects` });
  }
  const token = readToken(answer.exchange?.body ?? Buffer.alloc(0));
  if (!token.ok) return failed({ code: 'body-invalid', message: token.error });
  // A token that Go's decoder does not take is none for the runtime.
  if (token.value.refusedBecause !== null) return failed({ code: 'body-invalid', message: token.value.refusedBecause });
  // A token that came by another way is no token of the runtime's.
  if (way.instead === null) context.vault.tokens.set(tokenKey(input.endpoint ?? 0, identity), token.value.token);
  const claimsPull = token.value.claims === null ? null : grantsPull(token.value.claims, repository);
  return { status: 'ok', error: null, facts: { ...facts, granted: true, claimsPull } };
}

function bareGet(url: URL): TokenRequest['request'] {
  return { method: 'GET', url, headers: { accept: 'application/json' }, maxBytes: limits.tokenBytes };
}

/** Token services that send to another place: one more probe per redirect hop. */
function redirectedInputs(view: View, endpoint: number, first: (identity: number) => AuthInput): AuthInput[] {
  return probesOf(view, 'auth').flatMap((probe) => {
    const { next, redirects, identity } = probe.facts;
    if (probe.endpoint !== endpoint || next === null || redirects >= limits.redirects) return [];
    const way = wayTo(view, endpoint, next, 'realm');
    const address = way === null ? undefined : stateOf(view, way).open[0];
    if (way === null || address === undefined) return [];
    const { counterfactual } = probe;
    return [
      {
        ...first(identity.index),
        key: `auth ${endpoint} redirect ${probe.id}`,
        target: next.url,
        counterfactual,
        way,
        address,
        redirects: redirects + 1,
        from: probe.id,
      },
    ];
  });
}

function inputsAt(view: View, endpoint: number): AuthInput[] {
  const repository = view.plan.image.repository;
  const { challenge, identities, anonymousInstead, named } = requestsOf(view, endpoint);
  if (repository === null || challenge?.scheme !== 'bearer' || challenge.party === null) return [];
  const way = wayTo(view, endpoint, challenge.party, 'realm');
  if (way === null) return [];
  const inputBy = (by: Way, address: string, identity: number, counterfactual: boolean): AuthInput => ({
    key: `auth ${endpoint} ${by.id} ${identity}`,
    target: `${way.host} for ${repository}${identity < 0 ? ', anonymous' : `, as ${matchesOf(view)[identity]?.username ?? 'credentials'}`}`,
    hop: 'realm',
    endpoint,
    counterfactual,
    way: by,
    address,
    challenge,
    repository,
    identity,
    redirects: 0,
    from: null,
  });
  // In plain HTTP only an answer shows who is reached by another way.
  const asked = (identities.find(({ token }) => token !== null) ?? identities[0])?.index ?? -1;
  const instead = plainInstead(view, way).map((other) => inputBy(other.way, other.address, asked, true));
  const address = stateOf(view, way).open[0];
  if (address === undefined) return instead;
  const input = (identity: number, counterfactual: boolean): AuthInput =>
    inputBy(way, address, identity, counterfactual);
  const inputs: AuthInput[] = [];
  // One credential after the other, as the kubelet tries them: the next only when the one before was refused.
  const waits = awaitsPlugins(view);
  for (const { index, refused } of identities) {
    // Who asks as nobody, or as the runtime, shows when the plugins have said what they have.
    if (waits && !isKubelets(view, index)) break;
    inputs.push(input(index, false));
    if (!refused) break;
  }
  // A pod's other credentials are tried too: one may take the place of another.
  if (named !== null && view.plan.pod !== undefined) {
    for (const { index } of identities) if (index > named.facts.identity.index) inputs.push(input(index, true));
  }
  const allRefused = !waits && named === null && identities.every(({ refused }) => refused);
  if (anonymousInstead !== null && allRefused) inputs.push(input(-1, true));
  return [...inputs, ...instead, ...redirectedInputs(view, endpoint, (identity) => input(identity, false))];
}
