import type { Env } from '../lib/env.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import { Secret } from '../lib/secret.ts';
import { readSmallFile } from '../lib/small-file.ts';
import { withoutTrailing } from '../lib/trailing.ts';
import {
  type KubeAccess,
  readToken,
  serverName,
  stableOrigin,
  systemAuthorities,
  type TlsParts,
  tokenOf,
} from './kube-access.ts';
import type { KubeContext, KubeExec, KubeFile } from './kube-config.ts';
import type { ProxyRoute } from './proxy.ts';

/** What an exec plugin gave. */
export interface ExecCredential {
  readonly token: Secret | null;
  readonly pair: { readonly cert: string; readonly key: Secret } | null;
  /** Milliseconds since the epoch; null: until it is refused. */
  readonly expiresAt: number | null;
}

/** Runs an exec plugin; the failure is a sentence without secrets. */
export type ExecRunner = (
  exec: KubeExec,
  context: KubeContext,
  signal: AbortSignal,
) => Promise<Result<ExecCredential, string>>;

/** What the way by a kubeconfig needs besides the file. */
export interface KubeConfigNeeds {
  readonly env: Env;
  /** Null: programs that a kubeconfig names are not run here (the agent). */
  readonly runExec: ExecRunner | null;
  /** The proxy of the environment for a URL, where the kubeconfig names none; null: go direct. */
  readonly proxyOf?: (url: URL) => string | null;
}

/** A credential is renewed so long before its end. */
const earlyMs = 10_000;

/** The way to the API server of a kubeconfig's context. Files are read again before each request. */
export function kubeConfigAccess(
  context: KubeContext,
  { env, runExec, proxyOf }: KubeConfigNeeds,
): Result<KubeAccess, string> {
  const { server, exec, source, tlsServerName, ca } = context;
  const scheme = server.protocol === 'https:' ? 'https' : 'http';
  const host = server.hostname.replace(/^\[|\]$/g, '');
  const port = server.port === '' ? (scheme === 'https' ? 443 : 80) : Number(server.port);
  const credentials =
    context.token !== null || context.tokenFile !== null || context.clientCert !== null || context.exec !== null;
  // As `kubectl proxy` serves it, on this machine only.
  const loopback = host === 'localhost' || host === '::1' || /^127\./.test(host);
  if (scheme === 'http' && credentials && !loopback)
    return fail(
      `The context ${context.context} (${source}) would send credentials to ${server.origin} in clear: https is wanted.`,
    );
  if (exec !== null && runExec === null)
    return fail(
      `The user of the context ${context.context} runs the program ${exec.command} for credentials, which only the command line does: give a token or a certificate.`,
    );
  const proxyUrl = context.proxyUrl ?? proxyOf?.(server) ?? null;
  const proxy = proxyUrl === null ? ok(null) : proxyOfUrl(proxyUrl, context);
  if (!proxy.ok) return proxy;
  const via = proxy.value;

  const originOf = stableOrigin();
  let given: ExecCredential | null = null;
  const execute = async (
    why: 'usual' | 'refused',
    signal: AbortSignal,
  ): Promise<Result<ExecCredential | null, string>> => {
    if (exec === null || runExec === null) return ok(null);
    const fresh = given !== null && (given.expiresAt === null || given.expiresAt - earlyMs > env.now());
    if (fresh && why === 'usual') return ok(given);
    const ran = await runExec(exec, context, signal);
    if (ran.ok) given = ran.value;
    return ran;
  };

  return ok({
    server: serverName(scheme, host, port),
    namespace: context.namespace,
    async read(why, signal) {
      const authority =
        ca === null ? ok(null) : await pemOf(ca, "the cluster's authority", /-----BEGIN CERTIFICATE-----/);
      if (!authority.ok) return authority;
      const executed = await execute(why, signal);
      if (!executed.ok) return executed;
      const pair = await pairOf(context);
      if (!pair.ok) return pair;
      const token = await tokenOfContext(context);
      if (!token.ok) return token;
      const tls: TlsParts | null =
        scheme === 'http'
          ? null
          : {
              serverName: tlsServerName ?? host,
              ca: authority.value ?? systemAuthorities().join('\n'),
              pair: pair.value ?? executed.value?.pair ?? null,
            };
      const basePath = withoutTrailing(server.pathname, '/');
      const origin = originOf({ scheme, host, port, basePath, proxy: via }, tls);
      return ok({ origin, token: token.value ?? executed.value?.token ?? null });
    },
  });
}

async function tokenOfContext({ tokenFile, token }: KubeContext): Promise<Result<Secret | null, string>> {
  if (tokenFile !== null) return readToken(tokenFile, "the kubeconfig's tokenFile");
  return token === null ? ok(null) : tokenOf(token.reveal(), "the kubeconfig's token");
}

async function pairOf({ clientCert, clientKey }: KubeContext): Promise<Result<TlsParts['pair'], string>> {
  if (clientCert === null || clientKey === null) return ok(null);
  const cert = await pemOf(clientCert, 'the client certificate', /-----BEGIN CERTIFICATE-----/);
  if (!cert.ok) return cert;
  const key = await pemOf(clientKey, "the client certificate's key", /-----BEGIN [A-Z ]*PRIVATE KEY-----/);
  return key.ok ? ok({ cert: cert.value, key: new Secret(key.value) }) : key;
}

async function pemOf(file: KubeFile, what: string, begins: RegExp): Promise<Result<string, string>> {
  const name = 'path' in file ? `${what} ${file.path}` : `${what} in the kubeconfig`;
  const text = 'path' in file ? await readSmallFile(file.path, { regular: false }) : ok(file.text.reveal());
  if (!text.ok) return fail(`${name} ${text.error.what}`);
  return begins.test(text.value) ? ok(text.value) : fail(`${name} is no PEM of that kind`);
}

function proxyOfUrl(url: string, { context, source }: KubeContext): Result<Omit<ProxyRoute, 'address'>, string> {
  const parsed = URL.parse(url);
  const scheme = parsed?.protocol === 'http:' ? 'http' : parsed?.protocol === 'https:' ? 'https' : null;
  if (parsed === null || scheme === null)
    return fail(
      `The proxy of the context ${context} (${source}) cannot be used: http:// and https:// proxies are known.`,
    );
  const { username, password, hostname, port } = parsed;
  const userinfo = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization = username === '' ? null : new Secret(`Basic ${Buffer.from(userinfo).toString('base64')}`);
  const host = hostname.replace(/^\[|\]$/g, '');
  return ok({ scheme, host, port: port === '' ? (scheme === 'http' ? 80 : 443) : Number(port), authorization });
}
