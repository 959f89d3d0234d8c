import { isForeignPage } from '../evidence/page.ts';
import { requestsOf } from '../evidence/requests.ts';
import type { View } from '../evidence/view.ts';
import type { Way } from '../evidence/way.ts';
import { stateOf } from '../evidence/way-state.ts';
import { endpointWay } from '../evidence/ways.ts';
import { limits } from '../lib/limits.ts';
import { nearest } from '../lib/nearest.ts';
import type { Secret } from '../lib/secret.ts';
import type { NamesFacts } from '../model/facts.ts';
import { nextPage, parseNames } from '../registry/tags.ts';
import { authorizationOf } from './authorization.ts';
import { configuredHeaders, type ProbeAnswer, sendRequest } from './http-request.ts';
import { endpointUrls } from './manifest.ts';
import type { Outcome, Probe, ProbeInput } from './probe.ts';

interface NamesInput extends ProbeInput {
  readonly way: Way;
  readonly address: string;
  readonly of: 'tags' | 'repositories';
  readonly wanted: string;
  readonly identity: number;
  readonly authorization: 'none' | 'basic' | 'bearer';
}

const patienceMs = 3000;

/** Names asked for in one page, and pages read: a million tags are not worth a person's wait. */
const pageSize = 1000;
const maxPages = 20;

/** After a 404: which tags, or which repositories, are there? Proves which part of the name is wrong, and finds the nearest. */
export const namesProbe: Probe<'names', NamesInput> = {
  kind: 'names',
  title: 'Names that exist (tags, repositories)',
  cost: 'network',
  budgetMs: patienceMs + 500,
  proves: {
    ok: 'the repository exists, and these are its tags; or the registry lists its repositories',
    failed: 'the repository is not known to the registry, or it does not list names',
  },
  inputs: (view) => view.plan.endpoints.flatMap((_, endpoint) => inputsAt(view, endpoint)),
  run: async (input, context, signal) => {
    const urls = endpointUrls(input.way, context);
    if (urls === null) return { status: 'skipped', message: 'The endpoint has no usable URL.' };
    const authorization = authorizationOf(input, context);
    const headers: Record<string, string | Secret> = {
      ...configuredHeaders(context, input.way.endpoint),
      accept: 'application/json',
      ...(authorization === null || authorization === undefined ? {} : { authorization }),
    };
    const names: string[] = [];
    let url: URL | null = input.of === 'tags' ? urls.tags(pageSize) : urls.catalog(pageSize);
    let answer: ProbeAnswer | null = null;
    for (let page = 0; url !== null && page < maxPages && names.length < limits.listedNames; page++) {
      const request = {
        method: 'GET' as const,
        url,
        headers,
        maxBytes: limits.tagListBytes,
        timeoutMs: context.patience(patienceMs),
      };
      answer = await sendRequest(input.way, input.address, request, context, signal);
      if (answer.error !== null || answer.exchange === null) break;
      const parsed = parseNames(answer.exchange.body, input.of);
      if (!parsed.ok)
        return conclude(input, { ...answer, error: { code: 'body-invalid', message: parsed.error } }, names, false);
      for (const name of parsed.value) names.push(name);
      url = parsed.value.length === 0 ? null : nextPage(url, answer.exchange.headers);
    }
    if (answer === null) return { status: 'skipped', message: 'Nothing was asked.' };
    const kept = names.slice(0, limits.listedNames);
    return conclude(input, answer, kept, url === null && kept.length === names.length);
  },
};

function conclude(
  input: NamesInput,
  answer: ProbeAnswer,
  names: readonly string[],
  complete: boolean,
): Outcome<'names'> {
  const facts: NamesFacts = {
    ...answer.facts,
    of: input.of,
    wanted: input.wanted,
    count: names.length,
    complete,
    present: names.includes(input.wanted),
    nearest: nearest(input.wanted, names, { max: 3 }),
  };
  // Some pages came before one failed: what they hold is still true.
  if (answer.error !== null && names.length === 0) return { status: 'failed', error: answer.error, facts };
  return { status: 'ok', error: null, facts };
}

function inputsAt(view: View, endpoint: number): NamesInput[] {
  const way = endpointWay(view, endpoint);
  const address = way === null ? undefined : stateOf(view, way).open[0];
  const { repository, tag, digest } = view.plan.image;
  const { identities, challenge, ping } = requestsOf(view, endpoint);
  const missing = identities.find(({ manifest }) => manifest?.facts.status === 404)?.manifest;
  if (way === null || address === undefined || repository === null || missing === undefined || missing === null)
    return [];
  // A page is another's word, unless the version check was answered as a registry does: then the tags decide.
  if (isForeignPage(view, missing) && ping?.status !== 'ok') return [];
  const base = {
    hop: way.hop,
    endpoint,
    counterfactual: true,
    way,
    address,
    identity: missing.facts.identity.index,
    authorization: missing.facts.authorization,
  };
  const inputs: NamesInput[] = [
    {
      ...base,
      key: `names ${endpoint} tags`,
      target: `tags of ${repository}`,
      of: 'tags',
      wanted: digest ?? tag ?? '',
    },
  ];
  // A registry that wants tokens gives its catalogue to nobody with a pull's token.
  if (challenge?.scheme !== 'bearer') {
    inputs.push({
      ...base,
      key: `names ${endpoint} repositories`,
      target: `repositories of ${way.host}`,
      of: 'repositories',
      wanted: repository,
    });
  }
  return inputs;
}
