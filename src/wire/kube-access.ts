import { getCACertificates } from 'node:tls';
import { fail, ok, type Result } from '../lib/result.ts';
import { Secret } from '../lib/secret.ts';
import { readSmallFile } from '../lib/small-file.ts';
import { bracketed } from '../lib/url-text.ts';
import type { TlsRoute } from './http.ts';
import type { ProxyRoute } from './proxy.ts';

/** Where an API server is and how it is trusted. The same object for as long as nothing of it has changed. */
export interface KubeOrigin {
  readonly scheme: 'http' | 'https';
  /** Name or address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** What stands before each path, without a slash at its end: empty, or Rancher's `/k8s/clusters/c-1`. */
  readonly basePath: string;
  /** Null: none. Its address is looked up when it is connected to. */
  readonly proxy: Omit<ProxyRoute, 'address'> | null;
  /** Null for `http`, which only `kubectl proxy` on this machine speaks. */
  readonly tls: TlsRoute | null;
}

/** What a request is made with. */
export interface KubeIdentity {
  readonly origin: KubeOrigin;
  /** Goes into the header Authorization; null: a client certificate, or nobody. */
  readonly token: Secret | null;
}

/** The way to one API server, with the files that it is told by. */
export interface KubeAccess {
  /** For sentences: `https://10.96.0.1:443`. */
  readonly server: string;
  /** That commands mean when they name none; null: not told. */
  readonly namespace: string | null;
  /**
   * Reads what may have changed: tokens and authorities rotate. `refused`: the last token was, and a new one is wanted
   * where it can be had. The failure is a sentence that holds no secret.
   */
  readonly read: (why: 'usual' | 'refused', signal: AbortSignal) => Promise<Result<KubeIdentity, string>>;
}

/** Where a pod finds the API server and its own identity (kubernetes.io, "Accessing the Kubernetes API from a Pod"). */
export interface InCluster {
  readonly host: string;
  readonly port: number;
  readonly tokenFile: string;
  readonly caFile: string;
}

/** The places of a pod; null outside a cluster. */
export function inCluster(
  variables: Readonly<Record<string, string | undefined>>,
  folder = '/var/run/secrets/kubernetes.io/serviceaccount',
): InCluster | null {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = variables;
  if (host === undefined || host === '' || !/^\d{1,5}$/.test(port ?? '')) return null;
  return { host, port: Number(port), tokenFile: `${folder}/token`, caFile: `${folder}/ca.crt` };
}

/** A pod's way to its API server. Token and authority are read before each request: the kubelet renews them in place. */
export function clusterAccess({ host, port, tokenFile, caFile }: InCluster): KubeAccess {
  const originOf = stableOrigin();
  return {
    server: serverName('https', host, port),
    namespace: null,
    async read() {
      const token = await readToken(tokenFile, "the service account's token");
      if (!token.ok) return token;
      const ca = await readAuthority(caFile, "the cluster's authority");
      if (!ca.ok) return ca;
      const origin = originOf({ scheme: 'https', host, port, basePath: '', proxy: null }, tlsParts(host, ca.value));
      return ok({ origin, token: token.value });
    },
  };
}

/** What of TLS is compared to see whether an origin has changed. */
export interface TlsParts {
  readonly serverName: string;
  /** PEM of the authorities; null: this machine's own. */
  readonly ca: string | null;
  readonly pair: { readonly cert: string; readonly key: Secret } | null;
}

/** TLS to a server without a client certificate. */
export function tlsParts(serverName: string, ca: string | null): TlsParts {
  return { serverName, ca, pair: null };
}

/** Makes origins, and gives the former one where nothing has changed: connections and what was read of a trust store are kept with it. */
export function stableOrigin(): (parts: Omit<KubeOrigin, 'tls'>, tls: TlsParts | null) => KubeOrigin {
  let known: { readonly mark: string; readonly origin: KubeOrigin } | null = null;
  return (parts, tls) => {
    const { host, port, basePath, scheme, proxy } = parts;
    const via = proxy === null ? null : [proxy.scheme, proxy.host, proxy.port, proxy.authorization?.reveal() ?? null];
    const pair = tls?.pair ?? null;
    const own = tls === null ? null : [tls.serverName, tls.ca, pair?.cert ?? null, pair?.key.reveal() ?? null];
    const mark = JSON.stringify([scheme, host, port, basePath, via, own]);
    if (known?.mark !== mark) known = { mark, origin: { ...parts, tls: tls === null ? null : tlsRoute(tls) } };
    return known.origin;
  };
}

function tlsRoute({ serverName, ca, pair }: TlsParts): TlsRoute {
  return {
    serverName,
    trustPem: ca === null ? systemAuthorities() : [ca],
    clientPairs: pair === null ? [] : [pair],
    skipVerify: false,
  };
}

/** The authorities of this machine's store; Node's own where it has none. */
export function systemAuthorities(): readonly string[] {
  const own = getCACertificates('system');
  return own.length > 0 ? own : getCACertificates('bundled');
}

/** A bearer token of a file. */
export async function readToken(path: string, what: string): Promise<Result<Secret, string>> {
  const text = await readSmallFile(path, { regular: true });
  return text.ok ? tokenOf(text.value, `${what} ${path}`) : fail(`${what} ${path} ${text.error.what}`);
}

/** A text as a token. What no header may hold is none. */
export function tokenOf(text: string, what: string): Result<Secret, string> {
  const token = text.trim();
  return /^[\x21-\x7e]+$/.test(token) ? ok(new Secret(token)) : fail(`${what} is no token`);
}

/** The authorities of a file. An empty list of them would mean nobody, or the public ones. */
export async function readAuthority(path: string, what: string): Promise<Result<string, string>> {
  const text = await readSmallFile(path, { regular: true });
  if (!text.ok) return fail(`${what} ${path} ${text.error.what}`);
  return text.value.includes('-----BEGIN CERTIFICATE-----') ? text : fail(`${what} ${path} holds no certificate`);
}

/** `https://[fd00::1]:443`. */
export function serverName(scheme: string, host: string, port: number): string {
  return `${scheme}://${bracketed(host)}:${port}`;
}
