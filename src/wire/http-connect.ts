import type { Socket } from 'node:net';
import type { Env } from '../lib/env.ts';
import { fail, ok, type Result } from '../lib/result.ts';
import type { WireError } from '../model/network-failure.ts';
import type { HttpPhase, HttpRoute } from './http-exchange.ts';
import { connectThroughProxy, connectToProxy, type ProxyOptions, type ProxyRefusal } from './proxy.ts';
import { connectTcp } from './tcp.ts';
import { handshakeTls, type TlsFailure, type TlsOptions, type TlsPeer } from './tls.ts';

/** Milliseconds of each step on the way to an origin; null for a step that the way does not have or did not reach. */
export interface WayTimes {
  readonly tcpMs: number | null;
  readonly proxyMs: number | null;
  readonly tlsMs: number | null;
}

/** A connection on which a request can be sent. Its taker closes the socket. */
export interface Way {
  readonly socket: Socket;
  readonly times: WayTimes;
  readonly alpn: string | null;
  readonly peer: TlsPeer | null;
}

/** A step of the way that failed. */
export interface WayFailure {
  readonly phase: Extract<HttpPhase, 'connect' | 'proxy' | 'tls'>;
  readonly error: WireError;
  readonly times: WayTimes;
  readonly tls: TlsFailure | null;
  readonly proxy: ProxyRefusal | null;
}

/** How long it may take, and what is offered with TLS when that is not what Go's client does. */
export interface WayOptions extends Pick<TlsOptions, 'readAlong'> {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly env: Env;
  /** Absent: HTTP/2, and HTTP/1.1 after it. */
  readonly alpn?: readonly string[];
}

/**
 * Opens a connection the way that Go's client goes: TCP to the origin or the proxy; a tunnel when a proxy stands before
 * an https origin (plain http goes to the proxy without one); then TLS, offering HTTP/2 first.
 */
export async function openWay(route: HttpRoute, options: WayOptions): Promise<Result<Way, WayFailure>> {
  const { env, signal } = options;
  const started = env.monotonic();
  const left = () => Math.max(1, options.timeoutMs - (env.monotonic() - started));
  const none: WayTimes = { tcpMs: null, proxyMs: null, tlsMs: null };

  const reached = route.proxy === null ? await direct() : await proxied(route.proxy);
  if (!reached.ok) return reached;
  const { socket, times } = reached.value;
  if (route.scheme === 'http') return ok({ socket, times, alpn: null, peer: null });

  if (route.tls === null) throw new Error('an https route needs its TLS settings');
  const tlsStarted = env.monotonic();
  const { alpn = ['h2', 'http/1.1'], readAlong = true } = options;
  const tls = await handshakeTls(socket, { ...route.tls, alpn, readAlong, timeoutMs: left(), signal, env });
  const tlsMs = env.monotonic() - tlsStarted;
  if (!tls.ok) {
    socket.destroy();
    const { code, message } = tls.error;
    return fail({ phase: 'tls', error: { code, message }, times: { ...times, tlsMs }, tls: tls.error, proxy: null });
  }
  const secure = tls.value.socket;
  const chosen = secure.alpnProtocol;
  return ok({
    socket: secure,
    times: { ...times, tlsMs },
    alpn: typeof chosen === 'string' && chosen !== '' ? chosen : null,
    peer: tls.value.peer,
  });

  async function direct(): Promise<Result<{ socket: Socket; times: WayTimes }, WayFailure>> {
    const tcp = await connectTcp(route, { timeoutMs: left(), signal, env });
    if (tcp.ok) return ok({ socket: tcp.value.socket, times: { ...none, tcpMs: tcp.value.durationMs } });
    const { code, message, durationMs } = tcp.error;
    return fail({
      phase: 'connect',
      error: { code, message },
      times: { ...none, tcpMs: durationMs },
      tls: null,
      proxy: null,
    });
  }

  async function proxied(
    proxy: NonNullable<HttpRoute['proxy']>,
  ): Promise<Result<{ socket: Socket; times: WayTimes }, WayFailure>> {
    const proxyOptions: ProxyOptions = { timeoutMs: left(), signal, env, tls: route.proxyTls ?? null };
    const done =
      route.scheme === 'http'
        ? await connectToProxy(proxy, proxyOptions)
        : await connectThroughProxy(proxy, { host: route.host, port: route.port }, proxyOptions);
    if (done.ok) {
      const { tcpMs, durationMs } = done.value;
      return ok({ socket: done.value.socket, times: { ...none, tcpMs, proxyMs: durationMs - tcpMs } });
    }
    const { code, message, durationMs } = done.error;
    const times = done.error.stage === 'connect' ? { ...none, tcpMs: durationMs } : { ...none, proxyMs: durationMs };
    return fail({ phase: 'proxy', error: { code, message }, times, tls: null, proxy: done.error });
  }
}
