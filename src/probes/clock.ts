import type { Way } from '../evidence/way.ts';
import { stateOf } from '../evidence/way-state.ts';
import { isEndpointHop, waysOf } from '../evidence/ways.ts';
import { bracketed } from '../lib/url-text.ts';
import type { CertificateFacts } from '../model/facts.ts';
import type { DoneProbe } from '../model/investigation.ts';
import { headerOf } from '../registry/exchange.ts';
import { httpDate } from '../registry/rate-limit.ts';
import { openHttpClient } from '../wire/http.ts';
import { userAgent } from './http-request.ts';
import type { Probe, ProbeInput } from './probe.ts';

interface ClockInput extends ProbeInput {
  readonly way: Way;
  readonly address: string;
  /** A time at which the whole chain is valid, epoch ms. */
  readonly validAtMs: number;
}

const patienceMs = 3000;
const minuteMs = 60_000;

/**
 * After a handshake in which only the time was wrong: what time is it there? The chain is verified as ever, at a time at
 * which it is valid, so that the one who answers has shown all that can be shown but the date. It is asked for its Date
 * header and nothing else: no credentials are sent, and nothing that it says is used.
 */
export const clockProbe: Probe<'clock', ClockInput> = {
  kind: 'clock',
  title: 'Clock of the other side',
  cost: 'cheap',
  budgetMs: patienceMs + 500,
  proves: {
    ok: "the other side tells its time; the node's clock is compared with it",
    failed: 'the other side does not tell its time',
  },
  inputs: (view) =>
    waysOf(view).flatMap((way) => {
      const { broken, tls } = stateOf(view, way);
      const handshake = tls.find(onlyTime);
      if (way.instead !== null || broken?.layer !== 'tls' || handshake === undefined) return [];
      const validAtMs = momentOf(handshake.facts.chain, handshake.error?.code === 'tls-expired');
      if (validAtMs === null) return [];
      const { address } = handshake.facts;
      return [
        {
          key: `clock ${way.id} ${address}`,
          target: `the Date of ${way.host} at ${bracketed(address)}:${way.port}`,
          hop: way.hop,
          endpoint: way.endpoint,
          counterfactual: true,
          way,
          address,
          validAtMs,
        },
      ];
    }),
  run: async ({ way, address, validAtMs }, context, signal) => {
    const { scheme, host, port } = way;
    const client = openHttpClient(
      {
        scheme,
        host,
        port,
        address,
        proxy: way.proxy === null ? null : context.proxyRoute(way.proxy, address),
        proxyTls: context.proxyTls,
        tls: { serverName: host, ...context.tlsFor(way.endpoint) },
      },
      { ...context.env, now: () => validAtMs },
    );
    try {
      const answer = await client.request({
        method: 'HEAD',
        path: isEndpointHop(way.hop) ? '/v2/' : '/',
        headers: { 'user-agent': userAgent },
        maxBytes: 0,
        timeoutMs: context.patience(patienceMs),
        signal,
      });
      const facts = { way: way.id, host, address, port };
      if (!answer.ok) {
        const { code, message } = answer.error;
        return { status: 'failed', error: { code, message }, facts: { ...facts, offsetMs: null } };
      }
      const date = httpDate(headerOf(answer.value.headers, 'date') ?? '');
      if (date === null) return { status: 'skipped', message: `${host} answers without a Date.` };
      const offsetMs = Math.round(context.env.now() - date);
      return { status: 'ok', error: null, facts: { ...facts, offsetMs } };
    } finally {
      await client.close();
    }
  },
};

/** The certificate's time is all that is wrong with the handshake. */
function onlyTime({ error, facts }: DoneProbe<'tls'>): boolean {
  const isTime = (code: string | undefined): boolean => code === 'tls-expired' || code === 'tls-not-yet-valid';
  return isTime(error?.code) && facts.failedChecks.every(isTime);
}

/** A time at which every certificate of the chain is valid, as near to now as there is one; null: there is none. */
function momentOf(chain: readonly CertificateFacts[], expired: boolean): number | null {
  const from = Math.max(...chain.map(({ notBefore }) => Date.parse(notBefore)));
  const to = Math.min(...chain.map(({ notAfter }) => Date.parse(notAfter)));
  if (!(from + minuteMs < to - minuteMs)) return null;
  return expired ? to - minuteMs : from + minuteMs;
}
