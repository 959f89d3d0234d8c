import { isIPv6 } from 'node:net';
import { stateOf } from '../evidence/way-state.ts';
import { waysOf } from '../evidence/ways.ts';
import { bracketed } from '../lib/url-text.ts';
import { probeTcp } from '../wire/tcp.ts';
import type { Probe, ProbeInput } from './probe.ts';

interface TcpInput extends ProbeInput {
  readonly host: string;
  readonly address: string;
  readonly port: number;
}

/** Two retransmissions of a SYN fit (after 1 and 3 s); containerd itself waits 30 s, which tells no more. */
const patienceMs = 3300;

/** Connects to every address of every host on the way, and closes again. */
export const tcpProbe: Probe<'tcp', TcpInput> = {
  kind: 'tcp',
  title: 'TCP connection to one address',
  cost: 'cheap',
  budgetMs: patienceMs + 200,
  proves: {
    ok: 'packets reach this address and something listens on the port',
    failed: 'no connection: refused by the host, no route, or packets that vanish',
  },
  inputs: (view) =>
    waysOf(view).flatMap((way) => {
      const { connectHost, connectPort, dns } = stateOf(view, way);
      return dns.addresses.map((address) => ({
        key: `tcp ${connectHost} ${address} ${connectPort}`,
        target: `${bracketed(address)}:${connectPort}`,
        hop: way.proxy === null ? way.hop : ('proxy' as const),
        endpoint: way.endpoint,
        counterfactual: way.instead !== null,
        host: connectHost,
        address,
        port: connectPort,
      }));
    }),
  run: async (input, { env, patience }, signal) => {
    const { host, address, port } = input;
    const result = await probeTcp({ address, port }, { timeoutMs: patience(patienceMs), signal, env });
    const facts = { host, address, port, family: isIPv6(address.replace(/%.*$/, '')) ? (6 as const) : (4 as const) };
    return result.ok
      ? { status: 'ok', error: null, facts: { ...facts, localAddress: result.value.localAddress, errno: null } }
      : {
          status: 'failed',
          error: { code: result.error.code, message: result.error.message },
          facts: { ...facts, localAddress: null, errno: result.error.errno ?? null },
        };
  },
};
