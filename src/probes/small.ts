import { bracketed } from '../evidence/origin.ts';
import type { Way } from '../evidence/way.ts';
import { stateOf } from '../evidence/way-state.ts';
import { waysOf } from '../evidence/ways.ts';
import { exchangeSmall } from '../wire/small-exchange.ts';
import type { Probe, ProbeInput } from './probe.ts';

interface SmallInput extends ProbeInput {
  readonly way: Way;
  readonly address: string;
}

const patienceMs = 2000;

/** After a TLS handshake that ended in silence: do small packets pass where the server's large ones did not? */
export const smallProbe: Probe<'small', SmallInput> = {
  kind: 'small',
  title: 'Small exchange',
  cost: 'cheap',
  budgetMs: patienceMs + 300,
  proves: {
    ok: 'the server answers a small packet with a small one, so only large packets vanish',
    failed: 'the server does not answer a small packet either',
  },
  inputs: (view) =>
    waysOf(view).flatMap((way) => {
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
        },
      ];
    }),
  run: async ({ way, address }, { env, patience }, signal) => {
    const facts = { way: way.id, address, port: way.port };
    const result = await exchangeSmall({ address, port: way.port }, { timeoutMs: patience(patienceMs), signal, env });
    return result.ok
      ? { status: 'ok', error: null, facts: { ...facts, bytes: result.value.bytes } }
      : { status: 'failed', error: result.error, facts: { ...facts, bytes: 0 } };
  },
};
