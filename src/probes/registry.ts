import type { Way } from '../evidence/way.ts';
import { stateOf } from '../evidence/way-state.ts';
import { isEndpointHop, waysOf } from '../evidence/ways.ts';
import { limits } from '../lib/limits.ts';
import { withoutTrailing } from '../lib/trailing.ts';
import type { ChallengeFacts } from '../model/facts.ts';
import { challengesOf } from '../registry/challenge.ts';
import { type AnswerHeaders, headerOf } from '../registry/exchange.ts';
import { repositoryUrls } from '../registry/urls.ts';
import type { ProbeContext } from './context.ts';
import { configuredHeaders, sendRequest } from './http-request.ts';
import type { Probe, ProbeInput } from './probe.ts';

interface RegistryInput extends ProbeInput {
  readonly way: Way;
  readonly address: string;
  readonly base: string;
}

const patienceMs = 4000;

/** The protocol's version check, `GET /v2/`: is this a registry, and does it want to know who asks? */
export const registryProbe: Probe<'registry', RegistryInput> = {
  kind: 'registry',
  title: 'Registry version check (GET /v2/)',
  cost: 'network',
  budgetMs: patienceMs + 500,
  proves: {
    ok: 'a registry answers here, openly or with a challenge',
    failed: 'what answers here is not a registry, is failing, or does not answer in time',
  },
  inputs: (view) =>
    waysOf(view).flatMap((way) => {
      const address = stateOf(view, way).open[0];
      const endpoint = view.plan.endpoints[way.endpoint];
      if (!isEndpointHop(way.hop) || address === undefined || endpoint === undefined) return [];
      const base = endpoint.url.replace(/^https?:/, `${way.scheme}:`);
      return [
        {
          key: `registry ${way.endpoint} ${way.id}`,
          target: `${base}/`,
          hop: way.hop,
          endpoint: way.endpoint,
          counterfactual: way.instead !== null,
          way,
          address,
          base: withPort(base, way),
        },
      ];
    }),
  run: async (input, context, signal) => {
    const urls = repositoryUrls({ base: input.base, repository: 'x', namespace: null });
    if (urls === null) return { status: 'skipped', message: `${input.base} is no URL of a registry.` };
    const answer = await sendRequest(
      input.way,
      input.address,
      {
        method: 'GET',
        url: urls.ping,
        headers: configuredHeaders(context, input.way.endpoint),
        maxBytes: limits.errorBodyBytes,
        keepPartial: true,
        timeoutMs: context.patience(patienceMs),
      },
      context,
      signal,
    );
    const headers = answer.exchange?.headers ?? {};
    const challenges = challengeFacts(headers, context);
    const apiVersion = headerOf(headers, 'docker-distribution-api-version');
    const facts = { ...answer.facts, apiVersion, challenges };
    const { status, mediaType } = answer.facts;
    if (answer.error === null && mediaType === 'text/html') {
      const message = `${status} with an HTML page: that is no registry`;
      return { status: 'failed', error: { code: 'body-invalid', message }, facts };
    }
    // A challenge is the protocol's own way of saying that a registry is here.
    const challenged = status === 401 && challenges.length > 0;
    const failed = answer.error !== null && !challenged;
    return { status: failed ? 'failed' : 'ok', error: failed ? answer.error : null, facts };
  },
};

/** A plain-HTTP try of an https endpoint without a port goes to the port of the way, not to 80. */
function withPort(base: string, way: Way): string {
  if (!URL.canParse(base)) return base;
  const url = new URL(base);
  url.port = String(way.port);
  return withoutTrailing(url.href, '/');
}

/** The challenges of an answer, each Bearer with the party that gives tokens. */
export function challengeFacts(headers: AnswerHeaders, context: ProbeContext): ChallengeFacts[] {
  return challengesOf(headers)
    .slice(0, 8)
    .map(({ scheme, realm, service, scope, error }) => {
      const url = scheme === 'bearer' && realm !== null && URL.canParse(realm) ? new URL(realm) : null;
      const usable = url !== null && (url.protocol === 'https:' || url.protocol === 'http:');
      return { scheme, realm, service, scope, error, party: usable ? context.nextParty(url) : null };
    });
}
