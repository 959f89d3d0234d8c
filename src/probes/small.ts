import { isIP } from 'node:net';
import { requestsOf } from '../evidence/requests.ts';
import { probesOf, type View } from '../evidence/view.ts';
import type { Way } from '../evidence/way.ts';
import { stateOf } from '../evidence/way-state.ts';
import { waysOf } from '../evidence/ways.ts';
import type { Secret } from '../lib/secret.ts';
import { bracketed } from '../lib/url-text.ts';
import type { DoneProbe } from '../model/investigation.ts';
import { exchangeSmall } from '../wire/small-exchange.ts';
import { exchangeUnnamed } from '../wire/unnamed-hello.ts';
import { authorizationOf, staysAt } from './authorization.ts';
import { short } from './blob.ts';
import type { ProbeContext } from './context.ts';
import { configuredHeaders, sendRequest } from './http-request.ts';
import { endpointUrls } from './manifest.ts';
import type { Outcome, Probe, ProbeInput } from './probe.ts';

interface SmallInput extends ProbeInput {
  readonly way: Way;
  readonly address: string;
  /** The transfer that stands still, of which the first bytes are asked for; null: it is the handshake. */
  readonly stalled: DoneProbe<'blob'> | null;
  /** The probe whose redirect led to where the content lies. */
  readonly from: string | null;
  readonly identity: number;
  readonly authorization: 'none' | 'basic' | 'bearer';
}

/** Fits into the smallest packet that every way carries (RFC 8200: 1280), headers included. */
const firstBytes = 64;

/** Content that comes in one packet of an Ethernet or less, headers included. */
const onePacket = 1000;

const patienceMs = 2000;

/** After a handshake or a transfer that ended in silence: do small packets pass where the server's large ones did not? */
export const smallProbe: Probe<'small', SmallInput> = {
  kind: 'small',
  title: 'Small exchange',
  cost: 'cheap',
  budgetMs: patienceMs + 300,
  proves: {
    ok: 'the server answers a small packet with a small one, so only large packets vanish',
    failed: 'the server does not answer a small packet either',
  },
  inputs: (view) => [...afterHandshakes(view), ...afterTransfers(view)],
  run: async (input, context, signal) => {
    const { way, address, stalled } = input;
    const { env, patience } = context;
    const facts = { way: way.id, address, port: way.port };
    if (stalled !== null) return askFirstBytes(input, stalled, context, signal);
    const [target, options] = [
      { address, port: way.port },
      { timeoutMs: patience(patienceMs), signal, env },
    ];
    const [result, unnamed] = await Promise.all([
      exchangeSmall(target, options),
      // An address is named by nobody (RFC 6066, section 3).
      isIP(way.host) === 0 ? exchangeUnnamed(target, options) : null,
    ]);
    if (!result.ok) return { status: 'failed', error: result.error, facts: { ...facts, bytes: 0 } };
    const answered = unnamed === null ? {} : { unnamedBytes: unnamed.ok ? unnamed.value.bytes : null };
    return { status: 'ok', error: null, facts: { ...facts, bytes: result.value.bytes, ...answered } };
  },
};

function afterHandshakes(view: View): SmallInput[] {
  return waysOf(view).flatMap((way): SmallInput[] => {
    const { broken, tls } = stateOf(view, way);
    const silent = tls.find((probe) => probe.error?.code === 'timeout');
    if (way.proxy !== null || broken?.layer !== 'tls' || silent === undefined) return [];
    const { address } = silent.facts;
    return [
      {
        key: `small ${way.id} ${address}`,
        target: `${bracketed(address)}:${way.port} with 50 bytes`,
        hop: way.hop,
        endpoint: way.endpoint,
        counterfactual: true,
        way,
        address,
        stalled: null,
        from: null,
        identity: -1,
        authorization: 'none',
      },
    ];
  });
}

/** The same content once more, but only so much of it as fits into every packet. */
function afterTransfers(view: View): SmallInput[] {
  const blobs = probesOf(view, 'blob').filter(({ counterfactual }) => !counterfactual);
  return blobs.flatMap((stalled): SmallInput[] => {
    const { way: id, address, digest, redirects } = stalled.facts;
    const { endpoint } = stalled;
    const way = waysOf(view).find((one) => one.id === id && one.endpoint === endpoint);
    const from = blobs.find(
      ({ endpoint: of, facts }) => of === endpoint && facts.digest === digest && facts.redirects === redirects - 1,
    );
    // What fits into one packet does not stand still for its size.
    if (stalled.facts.size < onePacket) return [];
    if (stalled.error?.code !== 'timeout' || way === undefined || endpoint === null) return [];
    if (redirects > 0 && from === undefined) return [];
    const { image } = requestsOf(view, endpoint);
    return [
      {
        key: `small ${id} ${address} ${digest}`,
        target: `the first ${firstBytes} bytes of ${short(digest)} at ${way.host}`,
        hop: way.hop,
        endpoint,
        counterfactual: true,
        way,
        address,
        stalled,
        from: redirects === 0 ? null : (from?.id ?? null),
        identity: image?.facts.identity.index ?? -1,
        authorization: image?.facts.authorization ?? 'none',
      },
    ];
  });
}

async function askFirstBytes(
  input: SmallInput,
  stalled: DoneProbe<'blob'>,
  context: ProbeContext,
  signal: AbortSignal,
): Promise<Outcome<'small'>> {
  const { way, address, from } = input;
  const { digest } = stalled.facts;
  const url = from === null ? endpointUrls(way, context)?.blob(digest) : context.vault.urls.get(from);
  const own = url !== undefined && (from === null || staysAt(way.endpoint, url, context));
  const authorization = own ? authorizationOf(input, context) : null;
  if (url === undefined || authorization === undefined)
    return { status: 'skipped', message: 'What it needs is not known any more.' };
  const headers: Record<string, string | Secret> = {
    ...(own ? configuredHeaders(context, way.endpoint) : {}),
    range: `bytes=0-${firstBytes - 1}`,
    ...(authorization === null ? {} : { authorization }),
  };
  const timeoutMs = context.patience(patienceMs);
  const request = { method: 'GET' as const, url, headers, maxBytes: firstBytes, keepPartial: true, timeoutMs };
  const answer = await sendRequest(way, address, request, context, signal);
  const facts = { way: way.id, address, port: way.port, bytes: answer.bytes ?? 0 };
  const came = answer.error === null && facts.bytes > 0;
  return came
    ? { status: 'ok', error: null, facts }
    : { status: 'failed', error: answer.error ?? { code: 'timeout', message: 'no content came' }, facts };
}
