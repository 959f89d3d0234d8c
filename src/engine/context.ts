import type { Way } from '../evidence/way.ts';
import type { Env } from '../lib/env.ts';
import { redactUrl } from '../lib/redact.ts';
import type { NextParty } from '../model/facts.ts';
import { lookAtContentStore } from '../node/content-store.ts';
import { type ProxyAddress, proxyForUrl } from '../node/go-proxy.ts';
import { mountBelow, readMounts } from '../node/mount-table.ts';
import { lookupNames } from '../node/resolver.ts';
import type { EndpointTls, ProbeContext, Vault } from '../probes/context.ts';
import { askPlugins } from '../wire/cri.ts';
import { type HttpClient, type HttpRoute, openHttpClient } from '../wire/http.ts';
import type { ProxyRoute } from '../wire/proxy.ts';
import { historyReader } from './history.ts';
import { maskerOf } from './known-secrets.ts';
import type { PullPlan } from './plan.ts';
import { loadedReader } from './read-loaded.ts';

/** containerd tells what it knows already. */
const pluginsMs = 1000;

/** What probes need, made of a plan; and how to let go of it. */
export interface OpenContext {
  readonly context: Omit<ProbeContext, 'probeId' | 'patience'>;
  /** How a way's party is reached at one of its addresses. */
  readonly routeOf: (way: Way, address: string) => HttpRoute;
  /** Closes every connection. */
  readonly close: () => Promise<void>;
}

/** Makes the probes' context of a plan. Nothing is connected to yet. */
export function openContext(
  plan: PullPlan,
  env: Env,
  pullDeadlineMs: number,
  tryOther: ProbeContext['tryOther'] = null,
): OpenContext {
  const clients = new Map<string, HttpClient>();
  const tls = new Map<number, EndpointTls>();
  // The proxies that ways name by their URL, with what the URL does not show.
  const proxies = new Map<string, ProxyAddress>();
  for (const { address } of plan.proxies.known) proxies.set(address.url, address);

  const decide = (target: {
    scheme: 'http' | 'https';
    host: string;
    port: number;
  }): { url: string | null; reason: string } => {
    const { proxy, reason } = proxyForUrl(plan.proxies.settings, target);
    if (proxy !== null) proxies.set(proxy.url, proxy);
    return { url: proxy?.url ?? null, reason };
  };
  for (const { scheme, host, port } of plan.body.hosts) decide({ scheme, host, port });

  const proxyTls = { trustPem: plan.trust.pem, clientPairs: [], skipVerify: false };
  const proxyRoute = (url: string, address: string): ProxyRoute | null => {
    const proxy = proxies.get(url);
    if (proxy === undefined || (proxy.scheme !== 'http' && proxy.scheme !== 'https')) return null;
    const { scheme, host, port, authorization } = proxy;
    return { scheme, host, port, address, authorization };
  };

  const tlsFor = (endpoint: number): EndpointTls => {
    const known = tls.get(endpoint);
    if (known !== undefined) return known;
    const settings = plan.endpoints[endpoint];
    const own = settings?.caPem ?? [];
    const made: EndpointTls = {
      trustPem: own.length === 0 ? plan.trust.pem : [...plan.trust.pem, ...own],
      clientPairs: settings?.clientPairs ?? [],
      // Only ever because the node's own configuration says so for this endpoint.
      skipVerify: settings?.info.skipVerify === true || settings?.info.insecure === true,
    };
    tls.set(endpoint, made);
    return made;
  };

  const routeOf = ({ scheme, host, port, proxy, endpoint }: Way, address: string): HttpRoute => ({
    scheme,
    host,
    port,
    address,
    proxy: proxy === null ? null : proxyRoute(proxy, address),
    proxyTls,
    tls: scheme === 'http' ? null : { serverName: host, ...tlsFor(endpoint) },
  });

  const httpClient = (way: Way, address: string): HttpClient => {
    const key = `${way.endpoint} ${way.id} ${address}`;
    const known = clients.get(key);
    if (known !== undefined) return known;
    const client = openHttpClient(routeOf(way, address), env);
    clients.set(key, client);
    return client;
  };

  const nextParty = (url: URL): NextParty => {
    const scheme = url.protocol === 'http:' ? 'http' : 'https';
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const port = url.port === '' ? (scheme === 'https' ? 443 : 80) : Number(url.port);
    const { url: proxy, reason } = decide({ scheme, host, port });
    return { scheme, host, port, proxy, proxyReason: reason, url: redactUrl(url) };
  };

  const vault: Vault = { plugins: [], tokens: new Map(), urls: new Map() };
  const { cri } = plan;
  let mounts: ReturnType<typeof readMounts> | undefined;
  return {
    context: {
      env,
      plan: plan.body,
      runtimeName: plan.runtime.name,
      lookupNames: (host) => lookupNames(plan.resolver, host),
      hostsEntry: (host) => {
        const { order, lookup } = plan.resolver;
        return order === 'dns' || order === 'dns-files' ? null : lookup(host);
      },
      nextParty,
      proxyRoute,
      proxyTls,
      tlsFor,
      headersFor: (endpoint) => plan.endpoints[endpoint]?.headerValues ?? {},
      credentials: plan.credentials,
      askProvider: plan.askProvider,
      httpClient,
      vault,
      mask: maskerOf(plan, vault),
      cri: cri === null ? null : () => Promise.resolve(cri),
      criEndpoint: plan.runtime.endpoint,
      askPlugins: (signal) => askPlugins(plan.runtime.endpoint ?? '', { callTimeoutMs: pluginsMs, signal }),
      readHistory: historyReader(plan, env),
      readLoaded: loadedReader(plan),
      runtimeProcess: plan.proxies.process,
      lookAtTransfers: (folder) => lookAtContentStore(plan.host, folder, plan.proxies.process?.pid ?? null),
      host: plan.host,
      locate: plan.host.locate,
      mountOf: async (path) => {
        mounts ??= readMounts(plan.host, plan.proxies.process?.pid ?? null);
        const table = await mounts;
        return table === null ? null : mountBelow(plan.host, table, path);
      },
      tryOther,
      pullDeadlineMs,
    },
    routeOf,
    close: async () => {
      await Promise.all([...clients.values()].map((client) => client.close()));
      if (cri?.ok === true) cri.value.close();
    },
  };
}
