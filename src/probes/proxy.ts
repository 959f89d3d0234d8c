import type { Way } from '../evidence/way.ts';
import { needsTunnel, stateOf } from '../evidence/way-state.ts';
import { waysOf } from '../evidence/ways.ts';
import { bracketed } from '../lib/url-text.ts';
import { connectThroughProxy } from '../wire/proxy.ts';
import type { Probe, ProbeInput } from './probe.ts';

interface ProxyInput extends ProbeInput {
  readonly way: Way;
  readonly proxy: string;
  readonly address: string;
}

/** A proxy that connects onward answers when that is done; squid gives up after 60 s, which is longer than anybody waits. */
const patienceMs = 4000;

/** Headers of a proxy's answer that tell why it refused. */
const tellingHeaders = ['proxy-authenticate', 'x-squid-error', 'server', 'via', 'retry-after', 'content-type'];

/** Asks the proxy for a tunnel to the registry (CONNECT) and keeps its answer. */
export const proxyProbe: Probe<'proxy', ProxyInput> = {
  kind: 'proxy',
  title: 'CONNECT through the proxy',
  cost: 'cheap',
  budgetMs: patienceMs + 200,
  proves: {
    ok: 'the proxy opens a tunnel to this host and port',
    failed: 'the proxy refuses the tunnel, wants authentication, cannot reach the host, or does not answer',
  },
  inputs: (view) =>
    waysOf(view).flatMap((way) => {
      if (way.proxy === null || !needsTunnel(way)) return [];
      const { dns, tcp } = stateOf(view, way);
      const address = dns.addresses.find((one) =>
        tcp.some((probe) => probe.status === 'ok' && probe.facts.address === one),
      );
      if (address === undefined) return [];
      return [
        {
          key: `proxy ${way.id}`,
          target: `${bracketed(way.host)}:${way.port} by ${way.proxy}`,
          hop: 'proxy' as const,
          endpoint: way.endpoint,
          counterfactual: way.instead !== null,
          way,
          proxy: way.proxy,
          address,
        },
      ];
    }),
  run: async ({ way, proxy, address }, context, signal) => {
    const route = context.proxyRoute(proxy, address);
    if (route === null)
      return { status: 'skipped', message: `${proxy} is no HTTP proxy, and Pullwhy speaks no other kind.` };
    const target = `${bracketed(way.host)}:${way.port}`;
    const base = { way: way.id, proxy, address, target, withCredentials: route.authorization !== null };
    const options = { timeoutMs: context.patience(patienceMs), signal, env: context.env, tls: context.proxyTls };
    const result = await connectThroughProxy(route, { host: way.host, port: way.port }, options);
    if (result.ok) {
      result.value.socket.destroy();
      const headers = telling(result.value.headers);
      return { status: 'ok', error: null, facts: { ...base, status: result.value.status, statusText: null, headers } };
    }
    const { code, message, status, statusText, headers } = result.error;
    return {
      status: 'failed',
      error: { code, message },
      facts: { ...base, status, statusText, headers: telling(headers) },
    };
  },
};

function telling(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => tellingHeaders.includes(name)));
}
